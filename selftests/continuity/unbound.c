// SPDX-License-Identifier: GPL-2.0-only
/*
 * Takes a CPU's clockevent away after the machine was held up: what stood by meanwhile, and was
 * saved and restored with the rest, fires.
 *
 * Unbinds a clockevent: only where someone outside is watching.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../lib/clockevents.h"
#include "../lib/cpus.h"
#include "../lib/host.h"
#include "../lib/hotplug.h"
#include "../lib/platform.h"
#include "../lib/report.h"
#include "../lib/restore.h"
#include "sleeps.h"

static struct platform platform;

/* Saved and restored, or paused where the host can't do that. */
static void be_held(void)
{
	static const char *const questions[] = { "restore 1", "pause 1" };
	char answer[256] = "";

	for (int i = 0; i < 2; i++) {
		int err = host_ask(questions[i], answer, sizeof(answer));

		if (err == -ENOENT)
			report_skip(
				"nobody here can hold this machine up: harness/gate does, a guest that it boots");
		if (err)
			report_fail("asking the host for \"%s\": %s", questions[i], strerror(-err));
		if (!host_refuses(answer)) {
			report_note("after \"%s\"", questions[i]);
			return;
		}
	}
	report_skip("%s", host_refuses(answer));
}

/* The CPU whose clockevent was registered last: the kernel finds it first. */
static int last_cpu(void)
{
	int cpu, last = -1;

	cpus_for_each(cpu, report_cpus())
		last = cpu;
	return last;
}

static void fallback(int unused)
{
	static struct ce_names before, after;
	int cpu = last_cpu();
	struct fallback to;
	ssize_t written;

	(void)unused;
	hotplug_need(cpu);
	ck_assert_int_eq(ce_snapshot(&before), 0);
	to = platform_fallback(&platform, cpu, before.cpu[cpu], before.broadcast, false);
	if (to.kind == FALLBACK_NONE)
		report_skip("nothing stands by for CPU %d's %s: %s", cpu, before.cpu[cpu], to.why);
	if (to.kind == FALLBACK_DEVICE && !platform_functional(to.name))
		report_skip("CPU %d would fall to %s, and be dead: %s", cpu, to.name, to.why);
	be_held();
	ck_assert_int_eq(cpu_pin(cpus_observer(cpu, report_cpus(), NULL)), 0);
	hotplug_at_end(cpu);
	written = ce_unbind(cpu, before.cpu[cpu], strlen(before.cpu[cpu]));
	if (written == -EBUSY)
		report_skip("nothing stands by for CPU %d's %s, or another CPU's turn is first",
			    cpu, before.cpu[cpu]);
	if (written < 0)
		report_fail("unbinding CPU %d's %s: %s", cpu, before.cpu[cpu], strerror(-written));
	ck_assert_int_eq(ce_snapshot(&after), 0);
	report_note("CPU %d fell from %s to %s", cpu, before.cpu[cpu], after.cpu[cpu]);
	if (!ce_same(&before, &after, cpu))
		report_fail("unbinding CPU %d's %s changed another CPU's device", cpu,
			    before.cpu[cpu]);
	if (to.kind == FALLBACK_DEVICE && strcmp(after.cpu[cpu], to.name))
		report_fail("CPU %d fell to %s, not to %s: %s", cpu, after.cpu[cpu], to.name,
			    to.why);
	sleeps_end(cpu);
	hotplug(cpu, false);
	hotplug(cpu, true);
	ck_assert_int_eq(ce_snapshot(&after), 0);
	if (strcmp(after.cpu[cpu], before.cpu[cpu]))
		report_fail("CPU %d came back from offline with %s, not %s", cpu, after.cpu[cpu],
			    before.cpu[cpu]);
}

static const struct report_case cases[] = {
	{ "fallback",
	  "K12: after a hold a CPU whose clockevent is unbound falls back as before, its timers fire there, and hotplug brings the clockevent back (clockevents_replace())",
	  fallback, false },
};

static void setup(void)
{
	restore_init();
	platform_read(&platform);
	platform_facts(&platform);
}

REPORT_MAIN("continuity", "unbound", .setup = setup)
