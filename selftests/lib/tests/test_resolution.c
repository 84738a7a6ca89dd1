// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <stdlib.h>

#include "../clocks.h"
#include "../resolution.h"
#include "testing.h"

#define TICK(...)                                       \
	tick_of_steps((const int64_t[]){ __VA_ARGS__ }, \
		      sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t))

START_TEST(whole_hz)
{
	/* As NTP slews it, by 500 ppm to either side. */
	ck_assert_int_eq(TICK(4000000), 4000000);
	ck_assert_int_eq(TICK(4002000), 4000000);
	ck_assert_int_eq(TICK(3998000), 4000000);
	ck_assert_int_eq(TICK(3333333), 3333333);
	ck_assert_int_eq(TICK(3335000), 3333333);
	ck_assert_int_eq(TICK(1000000), 1000000);
	ck_assert_int_eq(TICK(10000000), 10000000);
}
END_TEST

/* Late ticks come together: the shortest step is one; steps back and none are no steps. */
START_TEST(smallest)
{
	ck_assert_int_eq(TICK(8000000, 12000000, 4000000, 8000000), 4000000);
	ck_assert_int_eq(TICK(-4000000, 0, 4000000), 4000000);
}
END_TEST

/* What no kernel has is not believed, whoever broke the clock. */
START_TEST(bounded)
{
	ck_assert_int_eq(TICK(1), TICK_MIN_NS);
	ck_assert_int_eq(TICK(400000), TICK_MIN_NS);
	ck_assert_int_eq(TICK(100000000), TICK_MAX_NS);
	ck_assert_int_eq(TICK(0), TICK_MAX_NS);
	ck_assert_int_eq(tick_of_steps(NULL, 0), TICK_MAX_NS);
}
END_TEST

START_TEST(here)
{
	struct timespec resolution;

	ck_assert_int_eq(clock_getres(CLOCK_MONOTONIC_COARSE, &resolution), 0);
	ck_assert_int_le(llabs(coarse_step(40) - timespec_ns(&resolution)),
			 timespec_ns(&resolution) / 100);
	ck_assert_int_le(llabs(tick_ns() - timespec_ns(&resolution)),
			 timespec_ns(&resolution) / 100);
	ck_assert(hres_active());
}
END_TEST

/* A 2.6 GHz CPU; HZ that 4 doesn't divide; a calibration of 56 GHz: 4001 ticks were seen. */
START_TEST(delays)
{
	ck_assert_double_eq_tol(x86_delay_ticks(5200, 1000), 2600, 0.01);
	ck_assert_double_eq_tol(x86_delay_ticks(5200, 250), 2579.2, 0.01);
	ck_assert_double_eq_tol(x86_delay_ticks(34000, 1000), 17000, 0.01);
	ck_assert_double_eq_tol(x86_delay_ticks(111978.74, 250), 4001.85, 0.5);
}
END_TEST

/* Where ticks come in bunches sleeps that end with them are short as well: the kernel knows. */
START_TEST(kernel_denies)
{
	char *text =
		data_replaced("timer_list-6.12-x86", ".hres_active    : 1", ".hres_active    : 0");

	fake_make();
	fake_write("/proc/timer_list", text);
	ck_assert(hres_denied());
	ck_assert(!hres_active());
	free(text);
	fake_remove();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("resolution");

	tcase_set_tags(tc, "clock");
	tcase_add_test(tc, whole_hz);
	tcase_add_test(tc, smallest);
	tcase_add_test(tc, bounded);
	tcase_add_test(tc, here);
	tcase_add_test(tc, kernel_denies);
	tcase_add_test(tc, delays);
	return run_cases("resolution", tc);
}
