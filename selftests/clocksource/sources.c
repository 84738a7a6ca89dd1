// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../lib/kmsg.h"
#include "../lib/report.h"
#include "sources.h"

struct cs_list *sources_need(void)
{
	static struct cs_list list;
	int err = cs_available(&list);

	if (err == -ENOENT)
		report_skip("no " CS_DIR ": this kernel has no clocksources in sysfs");
	if (err == -EPROTO)
		report_fail(
			"available_clocksource isn't names that each end with one blank, and a newline");
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

bool sources_ticking(const char *source)
{
	return strstr(source, "jiffies");
}

bool sources_marked(const char *source)
{
	char text[256];

	if (!kmsg_has_marked(source, text, sizeof(text)))
		return false;
	report_note("kernel: %s", text);
	return true;
}

void sources_ask(const char *source)
{
	if (sources_marked(source))
		report_skip("the kernel has marked %s as unstable, and uses another source in its place",
			    source);
}
