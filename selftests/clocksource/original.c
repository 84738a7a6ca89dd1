// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../lib/files.h"
#include "../lib/report.h"
#include "../lib/restore.h"
#include "original.h"
#include "sources.h"

static char name[CS_NAME_LEN], way_back[CS_NAME_LEN];
static struct cs_list available;
static int error;
static pid_t parent;

/*
 * Without the sources that are made of ticks, which a kernel lists while it has no high resolution
 * timers: they lose what ticks a busy host swallows, and a kernel that leaves them may go over to
 * high resolution timers, and has no way back.
 */
static void drop_ticks(struct cs_list *list)
{
	size_t left = 0;

	for (size_t i = 0; i < list->nr; i++)
		if (!sources_ticking(list->name[i]))
			memmove(list->name[left++], list->name[i], CS_NAME_LEN);
	list->nr = left;
}

/* Whether the kernel's command line chose a source, which a lone newline would undo. */
static bool chosen_at_boot(void)
{
	char *line;
	bool chosen;

	if (file_read("/proc/cmdline", &line) < 0)
		return true;
	chosen = strstr(line, "clocksource=");
	free(line);
	return chosen;
}

/*
 * The override can't be read, only the source that came of it. Where the best
 * source is in use there was most likely none, and none is left behind: an
 * override would keep out a better source that registers later.
 */
void original_init(void)
{
	parent = getpid();
	error = cs_current(name);
	if (!error)
		error = cs_available(&available);
	drop_ticks(&available);
	if (error || geteuid())
		return;
	strcpy(way_back, !cs_find(&available, name) && !chosen_at_boot() ? "\n" : name);
	restore_init();
	error = restore_push(CS_CURRENT, way_back);
}

const char *original_name(void)
{
	return name;
}

/*
 * The sources that are left. One that is gone since the start was marked as unstable by the kernel,
 * and the case goes on with the others; if it was the one in use, so does the system with the best.
 */
static void drop_the_marked(void)
{
	struct cs_list now = *sources_need();

	drop_ticks(&now);
	for (size_t i = 0; i < available.nr; i++) {
		const char *source = available.name[i];

		if (cs_find(&now, source) >= 0)
			continue;
		if (!sources_marked(source))
			report_fail("%s was available when this program began and isn't now; the kernel's log doesn't say why",
				    source);
		report_note("%s isn't tried: the kernel has marked it as unstable", source);
		if (!strcmp(source, name)) {
			strcpy(name, now.name[0]);
			strcpy(way_back, "\n");
		}
	}
	available = now;
}

const struct cs_list *original_need(size_t sources)
{
	if (error == -ENOENT)
		report_skip("no " CS_DIR ": this kernel has no clocksources in sysfs");
	if (error)
		report_fail("reading " CS_DIR ": %s", strerror(-error));
	if (geteuid())
		report_skip("switching the clocksource needs root");
	if (access(CS_CURRENT, W_OK))
		report_skip("current_clocksource can't be written here: %s", strerror(errno));
	if (cs_find(&available, name) < 0)
		report_skip("the clocksource in use, %s, can't be chosen again: there would be no way back",
			    name);
	drop_the_marked();
	if (available.nr < sources)
		report_skip("%s is the only clocksource this system can use", name);
	/* A case whose program was killed must not go on switching behind it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		exit(1);
	return &available;
}

/* Ends the case: source, written and taken, isn't in use. */
static void not_in_use(const char *source, const char *now)
{
	sources_ask(source);
	report_fail("switching to %s succeeded, but %s is in use", source, now);
}

static void write_and_read_back(const char *text, const char *source)
{
	char now[CS_NAME_LEN];
	ssize_t n = cs_select(text, strlen(text));
	int err;

	if (n != (ssize_t)strlen(text))
		report_fail("switching to %s gave %s", source,
			    n < 0 ? strerrorname_np(-n) : "a short write");
	err = cs_current(now);
	if (err)
		report_fail("reading current_clocksource: %s", strerror(-err));
	if (strcmp(now, source))
		not_in_use(source, now);
}

void original_leave_for(const char *source)
{
	write_and_read_back(source, source);
}

void original_return(void)
{
	write_and_read_back(way_back, name);
}

void original_judge(void)
{
	char now[CS_NAME_LEN];

	original_need(1);
	ck_assert_int_eq(cs_current(now), 0);
	if (strcmp(now, original_name()))
		sources_ask(original_name());
	if (strcmp(now, original_name()))
		report_fail("%s is in use instead of %s", now, original_name());
}
