// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <stdlib.h>

#include "../readings.h"
#include "testing.h"

static struct series feed(const int64_t *values, size_t count)
{
	struct series s = { 0 };

	for (size_t i = 0; i < count; i++)
		series_add(&s, values[i]);
	return s;
}

#define FEED(...)                              \
	feed((const int64_t[]){ __VA_ARGS__ }, \
	     sizeof((const int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t))

START_TEST(healthy)
{
	struct series s = FEED(100, 100, 105, 200, 200);

	ck_assert_uint_eq(s.count, 5);
	ck_assert_uint_eq(s.backward, 0);
	ck_assert_uint_eq(s.forward, 2);
	ck_assert_int_eq(s.widest, 95);
	/* The first reading has nothing to be behind of, whatever it is. */
	ck_assert_uint_eq(FEED(-5).backward, 0);
}
END_TEST

START_TEST(one_step_back)
{
	struct series s = FEED(1000000000, 1000000100, 1000000099, 1000000200);

	ck_assert_uint_eq(s.backward, 1);
	ck_assert_int_eq(s.worst, 1);
	ck_assert_int_eq(s.worst_at, 1000000099);
	/* Worst of several; each is judged by the reading before it, not by the greatest. */
	s = FEED(100, 50, 60, 10, 20, 19);
	ck_assert_uint_eq(s.backward, 3);
	ck_assert_int_eq(s.worst, 50);
	ck_assert_int_eq(series_add(&(struct series){ 0 }, 5), 0);
	ck_assert_int_eq(series_add(&s, 12), 7);
	ck_assert_int_eq(series_add(&s, 12), 0);
}
END_TEST

START_TEST(frozen)
{
	struct series s = FEED(7, 7, 7, 7);

	ck_assert_uint_eq(s.backward, 0);
	ck_assert_uint_eq(s.forward, 0);
}
END_TEST

START_TEST(jump)
{
	ck_assert_int_eq(FEED(1, 2, 4294967298, 4294967299).widest, 4294967296);
}
END_TEST

START_TEST(latest)
{
	struct latest h = { 0 };

	latest_publish(&h, 50);
	ck_assert_int_eq(latest_seen(&h), 50);
	/* A thread that is behind doesn't take back what another has seen. */
	latest_publish(&h, 40);
	ck_assert_int_eq(latest_seen(&h), 50);
	latest_publish(&h, 51);
	ck_assert_int_eq(latest_seen(&h), 51);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("readings");

	tcase_add_test(tc, healthy);
	tcase_add_test(tc, one_step_back);
	tcase_add_test(tc, frozen);
	tcase_add_test(tc, jump);
	tcase_add_test(tc, latest);
	return run_cases("readings", tc);
}
