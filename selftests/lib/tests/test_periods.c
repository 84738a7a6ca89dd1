// SPDX-License-Identifier: GPL-2.0-only
#include <time.h>

#include "../periods.h"
#include "testing.h"

#define FIRST  1000000
#define PERIOD 1000

START_TEST(at)
{
	ck_assert_uint_eq(periods_at(FIRST - 1, FIRST, PERIOD), 0);
	ck_assert_uint_eq(periods_at(0, FIRST, PERIOD), 0);
	ck_assert_uint_eq(periods_at(FIRST, FIRST, PERIOD), 1);
	ck_assert_uint_eq(periods_at(FIRST + PERIOD - 1, FIRST, PERIOD), 1);
	ck_assert_uint_eq(periods_at(FIRST + PERIOD, FIRST, PERIOD), 2);
	/* A century of nanoseconds. */
	ck_assert_uint_eq(periods_at(3155760000ll * 1000000000, 0, 1),
			  3155760000ull * 1000000000 + 1);
}
END_TEST

START_TEST(fitting)
{
	/* Before the first, at it, and when one begins between the two reads. */
	ck_assert_int_eq(periods_off(0, 0, FIRST - 1, FIRST, PERIOD), 0);
	ck_assert_int_eq(periods_off(1, FIRST, FIRST, FIRST, PERIOD), 0);
	ck_assert_int_eq(periods_off(5, FIRST + 4999, FIRST + 5000, FIRST, PERIOD), 0);
	ck_assert_int_eq(periods_off(6, FIRST + 4999, FIRST + 5000, FIRST, PERIOD), 0);
}
END_TEST

/* A lost tick, one too many, a timer that drifts, one that never ran. */
START_TEST(unfitting)
{
	int64_t drifting;

	ck_assert_int_eq(periods_off(4, FIRST + 4999, FIRST + 5000, FIRST, PERIOD), -1);
	ck_assert_int_eq(periods_off(7, FIRST + 4999, FIRST + 5000, FIRST, PERIOD), 1);
	ck_assert_int_eq(periods_off(1, FIRST - 2, FIRST - 1, FIRST, PERIOD), 1);
	ck_assert_int_eq(periods_off(0, FIRST + 99000, FIRST + 99500, FIRST, PERIOD), -100);
	/* By 50 ppm: 1 in 20000 */
	drifting = (int64_t)(40000 * 1.00005);
	ck_assert_int_eq(periods_off(drifting, FIRST + 39999 * PERIOD, FIRST + 39999 * PERIOD + 400,
				     FIRST, PERIOD),
			 2);
}
END_TEST

START_TEST(late)
{
	int64_t late[4];

	ck_assert_uint_eq(periods_late(0, 1, FIRST + 7, FIRST, PERIOD, late, 4), 1);
	ck_assert_int_eq(late[0], 7);
	/* A stall of three periods is not one late wake-up but three. */
	ck_assert_uint_eq(periods_late(10, 3, FIRST + 12 * PERIOD + 5, FIRST, PERIOD, late, 4), 3);
	ck_assert_int_eq(late[0], 2 * PERIOD + 5);
	ck_assert_int_eq(late[1], PERIOD + 5);
	ck_assert_int_eq(late[2], 5);
	/* One delivered before its time. */
	ck_assert_uint_eq(periods_late(10, 1, FIRST + 10 * PERIOD - 1, FIRST, PERIOD, late, 4), 1);
	ck_assert_int_eq(late[0], -1);
	ck_assert_uint_eq(periods_late(0, 100, FIRST + 100 * PERIOD, FIRST, PERIOD, late, 4), 4);
	ck_assert_uint_eq(periods_late(0, 100, FIRST, FIRST, PERIOD, late, 0), 0);
}
END_TEST

/* The C library's stands back: what CLOCK_MONOTONIC's resolution is said to be. */
static struct timespec resolution;
static int getres_error;

int clock_getres(clockid_t clock, struct timespec *res)
{
	ck_assert_int_eq(clock, CLOCK_MONOTONIC);
	*res = resolution;
	return getres_error;
}

/*
 * With high resolution timers an interval stays; without, none is shorter than a tick
 * (hrtimer_forward()).
 */
static const struct {
	int64_t resolution, interval, expected;
} ticks[] = {
	{ 1, 1, 1 },
	{ 1, 250000, 250000 },
	{ 4000000, 250000, 4000000 },
	{ 4000000, 4000000, 4000000 },
	{ 4000000, 5000000, 5000000 },
	{ 10000000, 5000000, 10000000 },
	/* No tick is so long. */
	{ 1000000000, 250000, 10000000 },
};

START_TEST(interval)
{
	getres_error = 0;
	resolution = (struct timespec){ ticks[_i].resolution / 1000000000,
					ticks[_i].resolution % 1000000000 };
	ck_assert_int_eq(periods_interval(ticks[_i].interval), ticks[_i].expected);
	getres_error = -1;
	ck_assert_int_eq(periods_interval(ticks[_i].interval), ticks[_i].interval);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("periods");

	tcase_add_test(tc, at);
	tcase_add_test(tc, fitting);
	tcase_add_test(tc, unfitting);
	tcase_add_test(tc, late);
	tcase_add_loop_test(tc, interval, 0, sizeof(ticks) / sizeof(*ticks));
	return run_cases("periods", tc);
}
