// SPDX-License-Identifier: GPL-2.0-only
/*
 * What reading the time costs: each clock by the vDSO and by system call, beside
 * the bare raw counter with the ordering that the vDSO needs as well
 * (rdtsc_ordered(), arch_timer's ISB). Batches of all of them take turns, so
 * that what disturbs one disturbs the others.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>

#include "../lib/clocks.h"
#include "../lib/clocksource.h"
#include "../lib/cpus.h"
#include "../lib/report.h"
#include "../lib/stats.h"
#include "clockset.h"

#define BOX_NS (100 * NSEC_PER_MSEC)
#define BATCH  32 /* readings timed together */
#define LEAST  20 /* batches of each, however slow */
#define MOST   1000

static const struct {
	clockid_t id;
	const char *name;
} clocks[] = {
	{ CLOCK_MONOTONIC, "monotonic" },
	{ CLOCK_MONOTONIC_RAW, "raw" },
	{ CLOCK_REALTIME, "realtime" },
	{ CLOCK_BOOTTIME, "boottime" },
	{ CLOCK_TAI, "tai" },
	{ CLOCK_MONOTONIC_COARSE, "monotonic_coarse" },
};

#define NR_CLOCKS (sizeof(clocks) / sizeof(*clocks))

/* Ticks that each batch took. */
static struct {
	int64_t counter[MOST], vdso[NR_CLOCKS][MOST], syscall[NR_CLOCKS][MOST];
} took;

/* ns of one reading: the lower quartile of n batches. */
static double typical(int64_t *ticks, size_t n)
{
	stats_of(ticks, n); /* sorts them */
	return stats_percentile(ticks, n, 25) * 1e9 / counter_hz() / BATCH;
}

/* One batch of reading() into ticks. */
#define TIMED(ticks, reading)                     \
	do {                                      \
		uint64_t begun = counter_read();  \
                                                  \
		for (int i = 0; i < BATCH; i++)   \
			(void)(reading);          \
		(ticks) = counter_read() - begun; \
	} while (0)

static size_t take_turns(void)
{
	uint64_t begun = counter_read();
	size_t n;

	for (n = 0; n < MOST && (n < LEAST || counter_since_ns(begun) < BOX_NS); n++) {
		TIMED(took.counter[n], counter_read());
		for (size_t c = 0; c < NR_CLOCKS; c++) {
			TIMED(took.vdso[c][n], clock_ns(clocks[c].id));
			TIMED(took.syscall[c][n], clock_ns_syscall(clocks[c].id));
		}
	}
	return n;
}

static void report_cost(const char *clock, const char *what, double value, const char *unit)
{
	char name[64];

	snprintf(name, sizeof(name), "%s%s", clock, what);
	report_metric(name, value, unit);
}

static void reading(int unused)
{
	size_t n;
	double counter;

	(void)unused;
	counter_hz();
	ck_assert_int_eq(cpu_pin(cpus_next(-1, report_cpus())), 0);
	n = take_turns();
	counter = typical(took.counter, n);
	report_metric("batches", n, "batches");
	report_metric("counter", counter, "ns");
	if (!(counter > 0))
		report_skip("the raw counter didn't move within %d readings", BATCH);
	for (size_t c = 0; c < NR_CLOCKS; c++) {
		double vdso = typical(took.vdso[c], n), by_syscall = typical(took.syscall[c], n);
		int calls = cs_syscalls(clocks[c].id, BATCH);

		report_cost(clocks[c].name, "", vdso, "ns");
		report_cost(clocks[c].name, "_syscall", by_syscall, "ns");
		report_cost(clocks[c].name, "_per_counter", vdso / counter, "ratio");
		if (!calls && vdso >= by_syscall)
			report_fail("%s costs %.0f ns by the vDSO, which makes no system call, and %.0f ns by system call",
				    clockset_name(clocks[c].id), vdso, by_syscall);
	}
}

static const struct report_case cases[] = {
	{ "reading",
	  "a clock that the vDSO serves costs less to read than by system call, which is what the vDSO is for (D10; lib/vdso/gettimeofday.c)",
	  reading, false },
};

REPORT_MAIN("counter", "cost")
