// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <stdlib.h>

#include "../clocks.h"
#include "../readings.h"
#include "testing.h"

static struct series feed(const int64_t *values, size_t count)
{
	struct series s = { 0 };

	for (size_t i = 0; i < count; i++)
		series_add(&s, values[i]);
	return s;
}

#define FEED(...) feed((const int64_t[]){ __VA_ARGS__ }, \
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

START_TEST(handoff)
{
	struct handoff h = { 0 };

	handoff_publish(&h, 50);
	ck_assert_int_eq(handoff_seen(&h), 50);
	/* A thread that is behind doesn't take back what another has seen. */
	handoff_publish(&h, 40);
	ck_assert_int_eq(handoff_seen(&h), 50);
	handoff_publish(&h, 51);
	ck_assert_int_eq(handoff_seen(&h), 51);
}
END_TEST

START_TEST(offsets)
{
	struct range a = range_offset(1000, 5010, 1020), b = range_offset(2000, 6015, 2030);

	ck_assert_int_eq(a.low, 3990);
	ck_assert_int_eq(a.high, 4010);
	/* 3985..4015 and 3990..4010 may be one value. */
	ck_assert_int_eq(range_change(a, b), 0);
	/* A step of 100 ns between them can't hide behind widths of 20 and 30. */
	b = range_offset(2000, 6115, 2030);
	ck_assert_int_eq(range_change(a, b), 75);
	b = range_offset(2000, 5915, 2030);
	ck_assert_int_eq(range_change(a, b), -75);
	/* Touching ranges share a value. */
	ck_assert_int_eq(range_change((struct range){ 1, 2 }, (struct range){ 2, 3 }), 0);
	ck_assert_int_eq(range_change((struct range){ 1, 2 }, (struct range){ 3, 3 }), 1);
}
END_TEST

/* Two clocks whose distance is seen the better the sooner the second reading comes: by widths of a script. */
static int64_t widths[] = { 90, 70, 30, 80 };
static int nth;

static int64_t scripted(clockid_t clock)
{
	int64_t base = 10000 * (nth / 3), width = widths[nth / 3];
	int step = nth++ % 3;

	return clock == CLOCK_BOOTTIME ? base + 500 + width / 2 : step ? base + width : base;
}

START_TEST(narrowest)
{
	for (int i = 0; i < 4; i++) {
		struct range r;

		for (int n = 0; n < 4; n++)
			widths[n] = n == i ? 30 : 70 + n;
		nth = 0;
		fake.clock = scripted;
		r = clocks_offset(CLOCK_BOOTTIME, CLOCK_MONOTONIC, 4);
		fake.clock = NULL;
		ck_assert_int_eq(nth, 12);
		ck_assert_int_eq(r.low, 485);
		ck_assert_int_eq(r.high, 515);
	}
}
END_TEST

/* A clock that is 5 s ahead of the counter, told in the middle of a reading that takes as long as is said. */
static uint64_t start;
static int64_t takes_ns[20];

static void spin(int64_t ns)
{
	for (uint64_t begun = counter_read(); counter_since_ns(begun) < ns;)
		;
}

static int64_t told_midway(clockid_t clock)
{
	int64_t now;

	(void)clock;
	spin(takes_ns[nth] / 2);
	now = counter_since_ns(start) + 5 * NSEC_PER_SEC;
	spin(takes_ns[nth++] / 2);
	return now;
}

/* What the clock says holds for the middle of the narrowest reading. */
START_TEST(midpoint)
{
	int64_t ahead = 0, width = 0;

	if (getenv("CK_FORK"))
		return;		/* valgrind has a clock of its own making */
	counter_hz();
	/* A busy machine may stop us in the narrowest. */
	for (int tries = 0; tries < 20; tries++) {
		for (int n = 0; n < 20; n++)
			takes_ns[n] = n == tries ? 200 * NSEC_PER_USEC : 2 * NSEC_PER_MSEC;
		nth = 0;
		start = counter_read();
		fake.clock = told_midway;
		ahead = clock_ahead(CLOCK_MONOTONIC, start, 20, &width);
		fake.clock = NULL;
		ck_assert_int_eq(nth, 20);
		if (width < 250 * NSEC_PER_USEC && llabs(ahead - 5 * NSEC_PER_SEC) < 30 * NSEC_PER_USEC)
			break;
	}
	ck_assert_int_ge(width, 200 * NSEC_PER_USEC);
	ck_assert_int_lt(width, 250 * NSEC_PER_USEC);
	ck_assert_int_lt(llabs(ahead - 5 * NSEC_PER_SEC), 30 * NSEC_PER_USEC);
}
END_TEST

START_TEST(real_clocks)
{
	struct range a = clocks_offset(CLOCK_BOOTTIME, CLOCK_MONOTONIC, 20), b;
	int64_t width, first, second;
	uint64_t start = counter_read();

	if (getenv("CK_FORK"))
		return;		/* valgrind has a clock of its own making */
	ck_assert_int_le(a.low, a.high);
	b = clocks_offset(CLOCK_BOOTTIME, CLOCK_MONOTONIC, 20);
	ck_assert_int_eq(range_change(a, b), 0);
	first = clock_ahead(CLOCK_MONOTONIC, start, 20, &width);
	ck_assert_int_ge(width, 0);
	second = clock_ahead(CLOCK_MONOTONIC, start, 20, &width);
	/* Within a moment no clock runs away from the counter by 50 ms. */
	ck_assert_int_lt(llabs(second - first), 50 * NSEC_PER_MSEC);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("readings");

	tcase_add_test(tc, healthy);
	tcase_add_test(tc, one_step_back);
	tcase_add_test(tc, frozen);
	tcase_add_test(tc, jump);
	tcase_add_test(tc, handoff);
	tcase_add_test(tc, offsets);
	tcase_add_test(tc, narrowest);
	tcase_add_test(tc, midpoint);
	tcase_add_test(tc, real_clocks);
	return run_cases("readings", tc);
}
