// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first program of all: does a short sleep end on every CPU, while nobody has changed anything?
 * Where it doesn't, whatever else needs that CPU's timers would hang in its turn, and need not be
 * tried. Every other promise is kept by the programs after this one.
 */
#define _GNU_SOURCE
#include <string.h>

#include "../lib/clockevents.h"
#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/report.h"
#include "../lib/wake.h"
#include "alive.h"
#include "deaths.h"

/* Sleeps of one length after another on cpu; ends the case if one never ends. */
static void sleeps(int cpu, unsigned int count, int64_t interval_ns)
{
	struct wake w = {
		.cpu = cpu, .kind = WAKE_ABS, .count = count, .interval_ns = interval_ns
	};
	struct wake *all[] = { &w };
	struct wake_death death;
	char device[CE_NAME_LEN];
	int err;

	if (ce_current(cpu, device))
		strcpy(device, "unknown");
	err = wake_start(&w);
	if (err)
		report_fail("starting a thread on CPU %d: %s", cpu, strerror(-err));
	if (alive_watch(all, 1, &death)) {
		report_note("DEAD cpu=%d device=%s: a sleep of %lld ms hadn't ended %.2f s past its deadline, after %u that had; nothing had been changed",
			    cpu, device, (long long)(interval_ns / NSEC_PER_MSEC),
			    death.waited_ns / 1e9, w.woken);
		deaths_add(cpu);
		report_fail("DEAD: CPU %d's timers don't fire on %s: a sleep of %lld ms hadn't ended %.2f s past its deadline, and nothing had been changed",
			    cpu, device, (long long)(interval_ns / NSEC_PER_MSEC),
			    death.waited_ns / 1e9);
	}
	wake_join(&w);
	if (w.error)
		report_fail("sleeping on CPU %d: %s", cpu, strerror(-w.error));
	if (w.early)
		report_fail("%u of %u sleeps on CPU %d ended early", w.early, count, cpu);
}

static void sleep_ends(int cpu)
{
	ck_assert_int_eq(cpu_pin(deaths_observer(cpu)), 0);
	sleeps(cpu, 5, 2 * NSEC_PER_MSEC);
	/* Long enough for the CPU to go idle and stop its tick. */
	sleeps(cpu, 1, 50 * NSEC_PER_MSEC);
}

static const struct report_case cases[] = {
	{ "sleep", "before anything is changed, a sleep on each CPU ends, never early", sleep_ends,
	  true },
};

REPORT_MAIN("clockevents", "wakes", .setup = deaths_init)
