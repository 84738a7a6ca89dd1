// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <math.h>
#include <stdlib.h>

#include "clocks.h"
#include "resolution.h"
#include "stats.h"
#include "timer_list.h"

/* The loop is bounded by the raw counter: the clocks may be what is broken. */
#define STEP_LIMIT_NS (NSEC_PER_SEC / 2)

/* NTP slews a tick by 1/2000 at most. */
#define TICK_SLEWED 1000

enum { STEPS = 100, SLEEPS = 20 };

/* The next step forward of the coarse clock; 0 where none comes. */
static int64_t next_step(int64_t *last)
{
	uint64_t begun = counter_read();

	while (counter_since_ns(begun) < STEP_LIMIT_NS) {
		int64_t now = clock_ns(CLOCK_MONOTONIC_COARSE), step = now - *last;

		if (step) {
			*last = now;
			return step;
		}
	}
	return 0;
}

int64_t coarse_step(size_t steps)
{
	int64_t last = clock_ns(CLOCK_MONOTONIC_COARSE), smallest = 0;

	while (steps--) {
		int64_t step = next_step(&last);

		if (!step)
			break;
		if (step > 0 && (!smallest || step < smallest))
			smallest = step;
	}
	return smallest;
}

int64_t tick_of_steps(const int64_t *steps, size_t n)
{
	int64_t smallest = TICK_MAX_NS;

	for (size_t i = 0; i < n; i++)
		if (steps[i] > 0 && steps[i] < smallest)
			smallest = steps[i];
	if (smallest < TICK_MIN_NS)
		smallest = TICK_MIN_NS;
	return NSEC_PER_SEC / llround((double)NSEC_PER_SEC / smallest);
}

int64_t tick_ns(void)
{
	static int64_t tick;
	int64_t claimed, step, last, smallest = 0;
	struct timespec res;

	if (tick)
		return tick;
	claimed = clock_getres(CLOCK_MONOTONIC_COARSE, &res) ? 0 : timespec_ns(&res);
	last = clock_ns(CLOCK_MONOTONIC_COARSE);
	/*
	 * One step that confirms what is claimed is enough. A busy host lets the ticks come several
	 * at a time: then more are waited for.
	 */
	for (int i = 0;
	     i < STEPS && (!smallest || llabs(smallest - claimed) > claimed / TICK_SLEWED); i++) {
		step = next_step(&last);
		if (!step)
			break;
		if (step > 0 && (!smallest || step < smallest))
			smallest = step;
	}
	return tick = tick_of_steps(&smallest, 1);
}

/* What short sleeps show. */
static bool hres_measured(void)
{
	int64_t took[SLEEPS];

	for (int i = 0; i < SLEEPS; i++) {
		int64_t before = clock_ns(CLOCK_MONOTONIC);

		clock_nap(50 * NSEC_PER_USEC);
		took[i] = clock_ns(CLOCK_MONOTONIC) - before;
	}
	return stats_of(took, SLEEPS).p25 < tick_ns() / 2;
}

bool hres_denied(void)
{
	struct timer_list tl;
	bool denied;

	if (timer_list_read(&tl))
		return false;
	/* -1: a kernel that has no word of it. */
	denied = tl.cpus[0].hres_active == 0;
	timer_list_free(&tl);
	return denied;
}

bool hres_active(void)
{
	return hres_measured() && !hres_denied();
}

double x86_delay_ticks(double bogomips, int hz)
{
	/* Two make a loop of delay_tsc(); lpj * (HZ / 4) is one operand of 32 bits. */
	double loops = bogomips / 2 * 1e6 / hz * (hz / 4);

	return fmod(loops, 4294967296.0) * 4 / 1e6;
}
