// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's own watchdog over clocksources (kernel/time/clocksource.c) marks
 * none unstable, and what was marked is no longer offered.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../lib/clocks.h"
#include "../lib/clocksource.h"
#include "../lib/kmsg.h"
#include "../lib/platform.h"
#include "../lib/report.h"
#include "../lib/resolution.h"

/* WATCHDOG_INTERVAL is half a second; each source is looked at from every CPU in turn. */
#define WATCH_NS (1200 * NSEC_PER_MSEC)

static struct platform platform;

static void need_watchdog(void)
{
	if (!platform.x86)
		report_skip("no clocksource is watched here: CONFIG_CLOCKSOURCE_WATCHDOG is x86's");
}

/* All messages since boot, or as far back as the kernel still has them. */
static void read_log(struct kmsg *log)
{
	bool since_boot;

	report_need_log(kmsg_open_all(log, &since_boot));
	report_note("the log reaches back %s",
		    since_boot ? "to boot" : "not to boot: its beginning is overwritten");
}

/*
 * The kernel compares two counters read one after the other. Where both are
 * emulated by threads of a host that may stop between the two reads, a stall
 * looks like skew: said there, not judged (seen on QEMU's TCG with its host busy).
 */
static void judge_marking(const char *when, const char *text)
{
	if (platform_tcg(&platform))
		report_skip("%s, the kernel logged: %s; under QEMU's emulation a stalled host looks like skew",
			    when, text);
	report_fail("%s, the kernel logged: %s", when, text);
}

/*
 * The TSC is also marked for what the kernel is given or knows beforehand; only a comparison judges
 * it.
 */
static bool compared(const char *text)
{
	const char *tsc = "Marking TSC unstable due to ", *reason = strstr(text, tsc);

	if (kmsg_classify(text) != KMSG_UNSTABLE || strstr(text, "Override clocksource"))
		return false;
	if (!reason)
		return true;
	reason += strlen(tsc);
	return !strcmp(reason, "clocksource watchdog") ||
	       !strcmp(reason, "check_tsc_sync_source failed");
}

static void since_boot(int unused)
{
	unsigned long messages = 0;
	struct kmsg log;
	char text[256];

	(void)unused;
	need_watchdog();
	read_log(&log);
	for (; kmsg_next(&log, text, sizeof(text)); messages++)
		if (compared(text))
			judge_marking("before this program", text);
	report_metric("messages", messages, "messages");
}

static void during_run(int unused)
{
	struct timespec wait = ns_timespec(WATCH_NS);
	struct kmsg log;
	char text[256];

	(void)unused;
	need_watchdog();
	report_need_log(kmsg_open(&log));
	clock_nanosleep(CLOCK_MONOTONIC, 0, &wait, NULL);
	while (kmsg_next(&log, text, sizeof(text)))
		if (compared(text))
			judge_marking("during the run", text);
	report_metric("watched", WATCH_NS / 1e6, "ms");
}

static void unstable_hidden(int unused)
{
	struct cs_list list;
	struct kmsg log;
	char text[256];
	int count = 0;

	(void)unused;
	read_log(&log);
	if (cs_available(&list))
		report_skip("no " CS_DIR ": this kernel has no clocksources in sysfs");
	if (!hres_active())
		report_skip("high resolution timers aren't active: all clocksources are listed");
	while (kmsg_next(&log, text, sizeof(text))) {
		char name[CS_NAME_LEN];

		if (!kmsg_marked(text, name, sizeof(name)))
			continue;
		count++;
		if (cs_find(&list, name) >= 0)
			report_fail("%s is available, although the kernel logged: %s", name, text);
		report_note("%s isn't available: %s", name, text);
	}
	report_metric("marked", count, "sources");
	if (!count)
		report_skip("no clocksource was marked unstable since boot");
}

static const struct report_case cases[] = {
	{ "since_boot",
	  "C11: the watchdog has marked no clocksource unstable since boot (clocksource_watchdog)",
	  since_boot, 0 },
	{ "during_run",
	  "C11: the watchdog marks no clocksource unstable during the run (clocksource_watchdog)",
	  during_run, 0 },
	{ "unstable_hidden",
	  "C7: what was marked unstable isn't available with high resolution timers (__clocksource_unstable)",
	  unstable_hidden, 0 },
};

static void setup(void)
{
	platform_read(&platform);
	platform_facts(&platform);
}

REPORT_MAIN("clocksource", "watchdog", .setup = setup)
