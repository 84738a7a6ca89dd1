// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>

#include "../clocks.h"
#include "testing.h"

START_TEST(conversions)
{
	static const int64_t values[] = { 0, 1, 999999999, 1000000000, 1000000001, INT64_MAX };

	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		struct timespec ts = ns_timespec(values[i]);

		ck_assert_int_ge(ts.tv_nsec, 0);
		ck_assert_int_lt(ts.tv_nsec, NSEC_PER_SEC);
		ck_assert_int_eq(timespec_ns(&ts), values[i]);
	}
}
END_TEST

START_TEST(unknown_clock)
{
	ck_assert_int_eq(clock_ns(77), -EINVAL);
	ck_assert_int_eq(clock_ns_syscall(77), -EINVAL);
}
END_TEST

/* The two ways read one clock: alternately, they never step back. */
START_TEST(vdso_and_syscall_agree)
{
	static const clockid_t clocks[] = { CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME };

	for (size_t c = 0; c < sizeof(clocks) / sizeof(*clocks); c++) {
		int64_t last = clock_ns(clocks[c]);

		ck_assert_int_gt(last, 0);
		for (int i = 0; i < 2000; i++) {
			int64_t now = i % 2 ? clock_ns(clocks[c]) : clock_ns_syscall(clocks[c]);

			ck_assert_int_ge(now, last);
			last = now;
		}
	}
	ck_assert_int_gt(clock_ns(CLOCK_REALTIME), 1600000000 * NSEC_PER_SEC);
}
END_TEST

START_TEST(counter)
{
	uint64_t last = counter_read(), first = last;

	ck_assert_uint_gt(counter_hz(), 1000000);
	ck_assert_uint_lt(counter_hz(), 100000000000);
	ck_assert_uint_eq(counter_hz(), counter_hz());
	for (int i = 0; i < 1000; i++) {
		uint64_t now = counter_read();

		ck_assert_uint_ge(now, last);
		last = now;
	}
	ck_assert_uint_gt(last, first);
}
END_TEST

/* Over 20 ms the counter tells the same time as the clock, to 5 %. */
START_TEST(counter_rate)
{
	int64_t t0, measured, elapsed;
	uint64_t c0;

	counter_hz();
	t0 = clock_ns(CLOCK_MONOTONIC);
	c0 = counter_read();
	while (clock_ns(CLOCK_MONOTONIC) - t0 < 20 * NSEC_PER_MSEC)
		;
	measured = counter_since_ns(c0);
	elapsed = clock_ns(CLOCK_MONOTONIC) - t0;
	/* Whatever came between the readings makes the clock's figure the larger one. */
	ck_assert_int_le(measured, elapsed + elapsed / 20);
	ck_assert_int_ge(measured, 19 * NSEC_PER_MSEC);
}
END_TEST

/* A clock that makes a nanosecond of so many ticks; one that stands still. */
static int ticks_per_ns;

static int64_t by_counter(clockid_t clock)
{
	static uint64_t first;

	(void)clock;
	if (!ticks_per_ns)
		return 42;
	if (!first)
		first = counter_read();
	return (counter_read() - first) / ticks_per_ns;
}

#if defined(__x86_64__)
/* The counter's rate by that clock: to 200 ppm, the width of a sandwich beside 10 ms. */
START_TEST(measured_rate)
{
	int64_t hz;

	ticks_per_ns = 1 + 2 * _i;
	fake.clock = by_counter;
	hz = counter_hz();
	fake.clock = NULL;
	ck_assert_int_le(llabs(hz - ticks_per_ns * NSEC_PER_SEC),
			 ticks_per_ns * NSEC_PER_SEC / 5000);
}
END_TEST

/* Any rate will do where the clock stands, but it's found soon, and isn't 0. */
START_TEST(no_rate)
{
	fake.clock = by_counter;
	ck_assert_uint_eq(counter_hz(), NSEC_PER_SEC);
	fake.clock = NULL;
}
END_TEST
#endif

/* A second is a second by both, to 1 in 500, whatever else the machine does. */
START_TEST(true_rate)
{
	uint64_t before = counter_read(), first, last;
	int64_t begun = clock_ns(CLOCK_MONOTONIC), ended;
	double least, most;

	first = counter_read();
	do {
		last = counter_read();
		ended = clock_ns(CLOCK_MONOTONIC);
	} while (ended - begun < 60 * NSEC_PER_MSEC);
	least = (double)(last - first) * NSEC_PER_SEC / (ended - begun);
	most = (double)(counter_read() - before) * NSEC_PER_SEC / (ended - begun);
	ck_assert_double_ge(counter_hz(), least * 0.998 - 1);
	ck_assert_double_le(counter_hz(), most * 1.002 + 1);
}
END_TEST

START_TEST(nap)
{
	int64_t begun = clock_ns(CLOCK_MONOTONIC);

	clock_nap(7 * NSEC_PER_MSEC);
	ck_assert_int_ge(clock_ns(CLOCK_MONOTONIC) - begun, 7 * NSEC_PER_MSEC);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("clocks");

	/* valgrind is slow and has a clock of its own making. */
	tcase_set_tags(tc, "clock");
	tcase_add_test(tc, conversions);
	tcase_add_test(tc, unknown_clock);
	tcase_add_test(tc, vdso_and_syscall_agree);
	tcase_add_test(tc, counter);
	tcase_add_test(tc, counter_rate);
#if defined(__x86_64__)
	tcase_add_loop_test(tc, measured_rate, 0, 2);
	tcase_add_test(tc, no_rate);
#endif
	tcase_add_test(tc, true_rate);
	tcase_add_test(tc, nap);
	return run_cases("clocks", tc);
}
