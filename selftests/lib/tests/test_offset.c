// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "../offset.h"
#include "testing.h"

START_TEST(one_offset)
{
	struct offset_bounds o;

	offset_start(&o);
	ck_assert_int_le(offset_misfit(&o), 0);
	for (int64_t t = 0; t < 1000000; t += 1000)
		offset_add(&o, t, t + 5000 + t % 7, t + 10);
	ck_assert_int_le(offset_misfit(&o), 0);
	ck_assert_uint_eq(o.samples, 1000);
	/* a wide sample, as of a preempted reader, spoils nothing */
	offset_add(&o, 2000000, 2000000 + 5003, 90000000);
	ck_assert_int_le(offset_misfit(&o), 0);
	/* one backward step of b */
	offset_add(&o, 3000000, 3000000 + 4000, 3000010);
	ck_assert_int_gt(offset_misfit(&o), 900);
}
END_TEST

START_TEST(another_rate)
{
	struct offset_bounds o;

	offset_start(&o);
	/* 100 ppm fast over a second: 100 us, against windows of 10 us */
	for (int64_t t = 0; t < 1000000000; t += 1000000)
		offset_add(&o, t, t + 5000 + t / 10000, t + 10000);
	ck_assert_int_gt(offset_misfit(&o), 80000);
}
END_TEST

START_TEST(frozen)
{
	struct offset_bounds o;

	offset_start(&o);
	for (int64_t t = 0; t < 10000; t += 100)
		offset_add(&o, t, 77, t + 50);
	ck_assert_int_gt(offset_misfit(&o), 9000);
}
END_TEST

START_TEST(steps)
{
	struct offset_bounds a, b;

	offset_start(&a);
	offset_start(&b);
	ck_assert_int_eq(offset_step_error(&a, &b, 5), 0);
	offset_add(&a, 1000, 1500, 1010);	/* 490..500 */
	offset_add(&b, 2000, 3505, 2010);	/* 1495..1505 */
	ck_assert_int_eq(offset_step_error(&a, &b, 1000), 0);
	ck_assert_int_eq(offset_step_error(&a, &b, 1015), 0);
	ck_assert_int_eq(offset_step_error(&a, &b, 1016), -1);
	ck_assert_int_eq(offset_step_error(&a, &b, 995), 0);
	ck_assert_int_eq(offset_step_error(&a, &b, 994), 1);
	ck_assert_int_gt(offset_step_error(&a, &b, -1000), 1900);
}
END_TEST

static int reads;

/* b is 700 ahead of a, which goes on by 10 with each reading. */
static int64_t apart(clockid_t clock)
{
	return 10 * ++reads + (clock == CLOCK_REALTIME ? 700 : 0);
}

START_TEST(sampled)
{
	struct offset_bounds o, none;

	offset_start(&o);
	offset_start(&none);
	fake.clock = apart;
	offset_sample(&o, CLOCK_MONOTONIC, CLOCK_REALTIME, 5);
	offset_sample(&none, CLOCK_MONOTONIC, CLOCK_REALTIME, 0);
	fake.clock = NULL;
	ck_assert_int_eq(reads, 15);
	ck_assert_uint_eq(o.samples, 5);
	ck_assert_uint_eq(none.samples, 0);
	ck_assert_int_eq(o.low, 690);
	ck_assert_int_eq(o.high, 710);
	ck_assert_int_eq(offset_misfit(&o), -20);
	ck_assert_int_eq(offset_misfit(&none), 0);
	/* One side alone tells nothing of a step. */
	ck_assert_int_eq(offset_step_error(&o, &none, 5000), 0);
	ck_assert_int_eq(offset_step_error(&none, &o, 5000), 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("offset");

	tcase_add_test(tc, one_offset);
	tcase_add_test(tc, another_rate);
	tcase_add_test(tc, frozen);
	tcase_add_test(tc, steps);
	tcase_add_test(tc, sampled);
	return run_cases("offset", tc);
}
