// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clocks.h"

int64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	return clock_gettime(clock, &ts) ? -errno : timespec_ns(&ts);
}

void clock_nap(int64_t ns)
{
	struct timespec ts = ns_timespec(ns);

	clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
}

int64_t clock_ns_syscall(clockid_t clock)
{
	struct timespec ts;

	return syscall(SYS_clock_gettime, clock, &ts) ? -errno : timespec_ns(&ts);
}

#if defined(__aarch64__)
static uint64_t measure_hz(void)
{
	uint64_t hz;

	__asm__ volatile("mrs %0, cntfrq_el0" : "=r"(hz));
	return hz;
}
#else
/*
 * Brackets the interval with two sandwich readings, each the tightest of many:
 * being preempted inside one would otherwise spoil the rate. The loop is
 * bounded by the number of readings, not only by the clock, which may be what
 * is broken.
 */
static void sandwich(int64_t *ns, uint64_t *ticks)
{
	uint64_t tightest = UINT64_MAX;

	for (int i = 0; i < 50; i++) {
		uint64_t before = counter_read();
		int64_t now = clock_ns(CLOCK_MONOTONIC);
		uint64_t width = counter_read() - before;

		if (width < tightest) {
			tightest = width;
			*ns = now;
			*ticks = before + width / 2;
		}
	}
}

static uint64_t measure_hz(void)
{
	uint64_t c0, c1;
	int64_t t0, t1;

	sandwich(&t0, &c0);
	for (int i = 0; i < 10000000 && clock_ns(CLOCK_MONOTONIC) - t0 < 10 * NSEC_PER_MSEC; i++)
		;
	sandwich(&t1, &c1);
	/* A clock that stands still: any rate does, as long as it's not 0. */
	return t1 > t0 ? (double)(c1 - c0) * NSEC_PER_SEC / (t1 - t0) : NSEC_PER_SEC;
}
#endif

uint64_t counter_hz(void)
{
	static uint64_t hz;

	if (!hz)
		hz = measure_hz();
	return hz;
}

int64_t counter_ticks_ns(uint64_t ticks)
{
	return (double)ticks * NSEC_PER_SEC / counter_hz();
}

int64_t counter_since_ns(uint64_t start)
{
	return counter_ticks_ns(counter_read() - start);
}
