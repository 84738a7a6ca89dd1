// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/report.h"
#include "../lib/sleepers.h"
#include "../lib/wake.h"
#include "asleep.h"
#include "measure.h"

void switch_away(const struct cs_list *sources)
{
	char now[CS_NAME_LEN];

	ck_assert_int_eq(cs_current(now), 0);
	original_leave_for(sources->name[(cs_find(sources, now) + 1) % sources->nr]);
}

/*
 * How long the sleepers go on on a slow guest, and how long the last sleep of each may then take.
 */
#define SLEEPS_BUDGET_NS (4 * NSEC_PER_SEC)
#define LAST_SLEEP_NS	 (20 * NSEC_PER_SEC)

/* The longest step that counts as observed: the sleepers may have been paused with us. */
#define STEP_MAX_NS (50 * NSEC_PER_MSEC)

/* Switches among sources (NULL: doesn't) until all sleepers are done; returns how often. */
static int switch_while_asleep(const struct cs_list *sources, struct wake *wakes, size_t n)
{
	const struct timespec moment = { 0, 3 * NSEC_PER_MSEC };
	uint64_t start = counter_read(), said = start, last = start;
	int64_t overdue = 0;
	size_t done = 0;
	int switches = 0;

	while (done < n) {
		int64_t step = counter_since_ns(last);

		last = counter_read();
		if (sources) {
			switch_away(sources);
			switches++;
		}
		clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL);
		for (done = 0; done < n && atomic_load(&wakes[done].done); done++)
			;
		still_at_work(&said, switches);
		if (done == n || counter_since_ns(start) < SLEEPS_BUDGET_NS)
			continue;
		for (size_t i = 0; i < n; i++)
			wake_stop(&wakes[i]);
		overdue += step < STEP_MAX_NS ? step : STEP_MAX_NS;
		if (overdue > LAST_SLEEP_NS)
			report_fail("CPU %d: a timer armed for 10 ms hasn't fired in %lld s",
				    wakes[done].cpu, LAST_SLEEP_NS / NSEC_PER_SEC);
	}
	return switches;
}

struct stats sleep_and_switch(const struct cs_list *sources, unsigned int count, int *switches)
{
	static struct wake wakes[2 * CPUS_MAX];
	int64_t *late = NULL;
	size_t n = 0, samples = 0;
	struct stats s;
	int cpu;

	cpus_for_each(cpu, report_cpus()) {
		for (int kind = 0; kind < 2; kind++, n++) {
			wakes[n] = (struct wake){
				.cpu = cpu,
				.kind = kind ? WAKE_TIMERFD : WAKE_ABS,
				.count = count,
				.interval_ns = 10 * NSEC_PER_MSEC,
			};
			ck_assert_int_eq(wake_start(&wakes[n]), 0);
		}
	}
	*switches = switch_while_asleep(sources, wakes, n);
	for (size_t i = 0; i < n; i++) {
		late = realloc(late, (samples + count) * sizeof(*late));
		ck_assert_ptr_nonnull(late);
		memcpy(late + samples, wakes[i].late, wakes[i].woken * sizeof(*late));
		samples += wakes[i].woken;
		wake_join(&wakes[i]);
		if (wakes[i].error)
			report_fail("CPU %d: a sleep failed: %s", wakes[i].cpu,
				    sleep_error(wakes[i].error));
		if (wakes[i].early)
			report_fail("CPU %d: %u of %u timers fired before their deadline",
				    wakes[i].cpu, wakes[i].early, wakes[i].woken);
		if (wakes[i].repeated)
			report_fail("CPU %d: a one-shot timer fired %u times more", wakes[i].cpu,
				    wakes[i].repeated);
	}
	s = stats_of(late, samples);
	free(late);
	return s;
}
