// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <string.h>

#include "../lib/clockevents.h"
#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/report.h"
#include "../lib/restore.h"
#include "../lib/wake.h"
#include "sleeps.h"

void sleeps_dead(int cpu, const char *what)
{
	char device[CE_NAME_LEN];

	if (ce_current(cpu, device))
		strcpy(device, "unknown");
	report_note("DEAD cpu=%d device=%s: %s", cpu, device, what);
	report_log();
	/* Taking a dead CPU offline would hang. */
	restore_abandon();
	report_fail("DEAD: CPU %d on %s: %s", cpu, device, what);
}

#define SLEEPS 5

void sleeps_end(int cpu)
{
	struct wake w[] = {
		{ .cpu = cpu, .kind = WAKE_ABS, .count = SLEEPS, .interval_ns = 2 * NSEC_PER_MSEC },
		{ .cpu = cpu,
		  .kind = WAKE_REL,
		  .count = SLEEPS,
		  .interval_ns = 20 * NSEC_PER_MSEC },
		{ .cpu = cpu, .kind = WAKE_TIMERFD, .count = 1, .interval_ns = 50 * NSEC_PER_MSEC },
	};
	struct wake *all[] = { &w[0], &w[1], &w[2] };
	struct wake_death death;

	ck_assert_int_eq(cpu_pin(cpus_observer(cpu, report_cpus(), NULL)), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(wake_start(all[i]), 0);
	if (wake_watch(all, 3, &death))
		sleeps_dead(cpu, "a sleep was 2 s overdue, after the machine had been held up");
	for (int i = 0; i < 3; i++) {
		wake_join(all[i]);
		if (w[i].error)
			report_fail("sleeping on CPU %d: %s", cpu, strerror(-w[i].error));
		if (w[i].early)
			report_fail("%u sleeps on CPU %d ended early", w[i].early, cpu);
	}
}
