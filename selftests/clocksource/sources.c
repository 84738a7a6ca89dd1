// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../lib/report.h"
#include "sources.h"

struct cs_list *sources_need(void)
{
	static struct cs_list list;
	int err = cs_available(&list);

	if (err == -ENOENT)
		report_skip("no " CS_DIR ": this kernel has no clocksources in sysfs");
	if (err == -EPROTO)
		report_fail("available_clocksource isn't names that each end with one blank, and a newline");
	if (err)
		report_fail("reading available_clocksource: %s", strerror(-err));
	return &list;
}

void sources_need_writable(const char *path)
{
	sources_need();
	if (geteuid())
		report_skip("writing to %s needs root", path);
	if (access(path, W_OK))
		report_skip("%s can't be written here: %s", path, strerror(errno));
}
