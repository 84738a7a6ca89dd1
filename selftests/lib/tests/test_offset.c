// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <stdlib.h>

#include "../clocks.h"
#include "../offset.h"
#include "testing.h"

START_TEST(one_offset)
{
	struct offset o = { 0 };

	ck_assert_int_le(offset_misfit(&o), 0);
	for (int64_t t = 0; t < 1000000; t += 1000)
		offset_meet(&o, &(struct sandwich){ t, t + 5000 + t % 7, t + 10 });
	ck_assert_int_le(offset_misfit(&o), 0);
	ck_assert_uint_eq(o.samples, 1000);
	/* a wide sample, as of a preempted reader, spoils nothing */
	offset_meet(&o, &(struct sandwich){ 2000000, 2000000 + 5003, 90000000 });
	ck_assert_int_le(offset_misfit(&o), 0);
	/* one backward step of b */
	offset_meet(&o, &(struct sandwich){ 3000000, 3000000 + 4000, 3000010 });
	ck_assert_int_gt(offset_misfit(&o), 900);
}
END_TEST

START_TEST(another_rate)
{
	struct offset o = { 0 };

	/* 100 ppm fast over a second: 100 us, against windows of 10 us */
	for (int64_t t = 0; t < 1000000000; t += 1000000)
		offset_meet(&o, &(struct sandwich){ t, t + 5000 + t / 10000, t + 10000 });
	ck_assert_int_gt(offset_misfit(&o), 80000);
}
END_TEST

START_TEST(frozen)
{
	struct offset o = { 0 };

	for (int64_t t = 0; t < 10000; t += 100)
		offset_meet(&o, &(struct sandwich){ t, 77, t + 50 });
	ck_assert_int_gt(offset_misfit(&o), 9000);
}
END_TEST

START_TEST(steps)
{
	struct offset a = { 0 }, b = { 0 };

	ck_assert_int_eq(offset_step_error(&a, &b, 5), 0);
	offset_meet(&a, &(struct sandwich){ 1000, 1500, 1010 }); /* 490..500 */
	offset_meet(&b, &(struct sandwich){ 2000, 3505, 2010 }); /* 1495..1505 */
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
	struct offset o = { 0 }, none = { 0 };

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
	/* One side alone does not show a step. */
	ck_assert_int_eq(offset_step_error(&o, &none, 5000), 0);
	ck_assert_int_eq(offset_step_error(&none, &o, 5000), 0);
}
END_TEST

/* The same of single sandwiches. */
START_TEST(single)
{
	struct offset a = offset_of(&(struct sandwich){ 1000, 5010, 1020 });
	struct offset b = offset_of(&(struct sandwich){ 2000, 6015, 2030 });

	ck_assert_int_eq(a.low, 3990);
	ck_assert_int_eq(a.high, 4010);
	/* 3985..4015 and 3990..4010 may be one value. */
	ck_assert_int_eq(offset_step_error(&a, &b, 0), 0);
	/* A step of 100 ns between them can't hide behind widths of 20 and 30. */
	b = offset_of(&(struct sandwich){ 2000, 6115, 2030 });
	ck_assert_int_eq(offset_step_error(&a, &b, 0), 75);
	b = offset_of(&(struct sandwich){ 2000, 5915, 2030 });
	ck_assert_int_eq(offset_step_error(&a, &b, 0), -75);
	/* Touching ranges share a value. */
	ck_assert_int_eq(offset_step_error(&(struct offset){ 1, 2, 1 }, &(struct offset){ 2, 3, 1 },
					   0),
			 0);
	ck_assert_int_eq(offset_step_error(&(struct offset){ 1, 2, 1 }, &(struct offset){ 3, 3, 1 },
					   0),
			 1);
}
END_TEST

/* A constant offset of 500 is within all sandwiches, however wide. */
START_TEST(constant_offset)
{
	struct offset o = { 0 };

	srandom(9);
	for (int64_t t = 0; t < 1000000; t += 1000) {
		int64_t in = random() % 300, out = random() % 300;
		struct sandwich s = { t, t + in + 500, t + in + out };

		offset_meet(&o, &s);
		ck_assert_int_le(o.low, 500);
		ck_assert_int_ge(o.high, 500);
	}
	ck_assert_uint_eq(o.samples, 1000);
	ck_assert_int_le(o.high - o.low, 50);
}
END_TEST

/* A step by more than the sandwiches are wide empties the intersection, either way. */
START_TEST(changed_offset)
{
	for (int64_t step = -400; step <= 400; step += 800) {
		struct offset o = { 0 };

		for (int64_t t = 0; t < 100000; t += 1000) {
			struct sandwich s = { t, t + 100 + (t < 50000 ? 0 : step), t + 200 };

			offset_meet(&o, &s);
		}
		ck_assert_int_gt(o.low, o.high);
	}
}
END_TEST

/* Sandwiches of given widths, one after the other; their middles are numbered. */
#define WIDTHS 16
static int64_t widths[WIDTHS];
static int nth, spins;

static int64_t scripted(clockid_t clock)
{
	static int64_t now;

	if (clock == CLOCK_BOOTTIME)
		return 1000 + nth;
	now += 5000;
	/* The first of each pair, or the second. */
	spins = !spins;
	return spins ? now : (now -= 5000) + widths[nth++ % WIDTHS];
}

/* The narrowest counts, wherever it comes; where the outer clock went back there is none. */
START_TEST(narrowest)
{
	static const int at[] = { 0, 1, 7, WIDTHS - 1 };
	struct sandwich s;
	struct offset o;

	for (size_t i = 0; i < 2 * sizeof(at) / sizeof(*at); i++) {
		int64_t least = i % 2 ? 0 : 40;

		for (int n = 0; n < WIDTHS; n++)
			widths[n] = n % 3 == 2 ? -n : 100 + 10 * n;
		widths[at[i / 2]] = least;
		nth = spins = 0;
		fake.clock = scripted;
		ck_assert(sandwich_clocks(CLOCK_MONOTONIC, CLOCK_BOOTTIME, WIDTHS, &s));
		fake.clock = NULL;
		ck_assert_int_eq(nth, WIDTHS);
		ck_assert_int_eq(sandwich_width(&s), least);
		ck_assert_int_eq(s.value, 1000 + at[i / 2]);
		nth = spins = 0;
		fake.clock = scripted;
		o = offset_between(CLOCK_MONOTONIC, CLOCK_BOOTTIME, WIDTHS);
		fake.clock = NULL;
		ck_assert_uint_eq(o.samples, 1);
		ck_assert_int_eq(o.high - o.low, least);
	}
	for (int n = 0; n < WIDTHS; n++)
		widths[n] = -1 - n;
	fake.clock = scripted;
	ck_assert(!sandwich_clocks(CLOCK_MONOTONIC, CLOCK_BOOTTIME, WIDTHS, &s));
	ck_assert_uint_eq(offset_between(CLOCK_MONOTONIC, CLOCK_BOOTTIME, WIDTHS).samples, 0);
	fake.clock = NULL;
}
END_TEST

/* A clock that takes a millisecond to be read, but once. */
static int quick;

static int64_t slow(clockid_t clock)
{
	uint64_t begun = counter_read();

	(void)clock;
	while (nth != quick && counter_since_ns(begun) < NSEC_PER_MSEC)
		;
	return 1000 + nth++;
}

START_TEST(narrowest_by_counter)
{
	counter_hz();
	for (quick = 0; quick < WIDTHS; quick += 5) {
		struct sandwich s = { 0 };

		/* A busy machine may stop us in the quick one for longer. */
		for (int tries = 0; tries < 20 && s.value != 1000 + quick; tries++) {
			nth = 0;
			fake.clock = slow;
			ck_assert(sandwich_counter(CLOCK_MONOTONIC, WIDTHS, &s));
			fake.clock = NULL;
			ck_assert_int_eq(nth, WIDTHS);
		}
		ck_assert_int_eq(s.value, 1000 + quick);
		ck_assert_int_lt(s.before, s.after);
		ck_assert_int_lt(sandwich_width(&s), counter_hz() / 1000);
		ck_assert_int_lt(counter_since_ns(s.before), 60 * NSEC_PER_SEC);
	}
}
END_TEST

START_TEST(live)
{
	struct offset o = { 0 };
	struct sandwich s;

	for (int i = 0; i < 100; i++) {
		ck_assert(sandwich_clocks(CLOCK_MONOTONIC, CLOCK_BOOTTIME, WIDTHS, &s));
		ck_assert_int_ge(sandwich_width(&s), 0);
		offset_meet(&o, &s);
	}
	ck_assert_int_le(o.low, o.high);
	ck_assert(sandwich_counter(CLOCK_MONOTONIC, WIDTHS, &s));
	ck_assert_int_ge(s.after, s.before);
	ck_assert_int_gt(s.value, 0);
}
END_TEST

/*
 * A clock that is 5 s ahead of the counter, sampled in the middle of a reading that takes as long
 * as is said.
 */
static uint64_t start;
static int64_t takes_ns[20];
static int turn;

static void spin(int64_t ns)
{
	for (uint64_t begun = counter_read(); counter_since_ns(begun) < ns;)
		;
}

static int64_t told_midway(clockid_t clock)
{
	int64_t now;

	(void)clock;
	spin(takes_ns[turn] / 2);
	now = counter_since_ns(start) + 5 * NSEC_PER_SEC;
	spin(takes_ns[turn++] / 2);
	return now;
}

/* What the clock says holds for the middle of the narrowest reading. */
START_TEST(midpoint)
{
	int64_t ahead = 0, width = 0;

	if (getenv("CK_FORK"))
		return; /* valgrind has a clock of its own making */
	counter_hz();
	/* A busy machine may stop us in the narrowest. */
	for (int tries = 0; tries < 20; tries++) {
		for (int n = 0; n < 20; n++)
			takes_ns[n] = n == tries ? 200 * NSEC_PER_USEC : 2 * NSEC_PER_MSEC;
		turn = 0;
		start = counter_read();
		fake.clock = told_midway;
		ahead = clock_ahead(CLOCK_MONOTONIC, start, 20, &width);
		fake.clock = NULL;
		ck_assert_int_eq(turn, 20);
		if (width < 250 * NSEC_PER_USEC &&
		    llabs(ahead - 5 * NSEC_PER_SEC) < 30 * NSEC_PER_USEC)
			break;
	}
	ck_assert_int_ge(width, 200 * NSEC_PER_USEC);
	ck_assert_int_lt(width, 250 * NSEC_PER_USEC);
	ck_assert_int_lt(llabs(ahead - 5 * NSEC_PER_SEC), 30 * NSEC_PER_USEC);
}
END_TEST

START_TEST(real_clocks)
{
	struct offset a = offset_between(CLOCK_MONOTONIC, CLOCK_BOOTTIME, 20), b;
	int64_t width, first, second;
	uint64_t start = counter_read();

	if (getenv("CK_FORK"))
		return; /* valgrind has a clock of its own making */
	ck_assert_int_le(a.low, a.high);
	b = offset_between(CLOCK_MONOTONIC, CLOCK_BOOTTIME, 20);
	ck_assert_int_eq(offset_step_error(&a, &b, 0), 0);
	first = clock_ahead(CLOCK_MONOTONIC, start, 20, &width);
	ck_assert_int_ge(width, 0);
	second = clock_ahead(CLOCK_MONOTONIC, start, 20, &width);
	/* Within a moment no clock runs away from the counter by 50 ms. */
	ck_assert_int_lt(llabs(second - first), 50 * NSEC_PER_MSEC);
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
	tcase_add_test(tc, single);
	tcase_add_test(tc, constant_offset);
	tcase_add_test(tc, changed_offset);
	tcase_add_test(tc, narrowest);
	tcase_add_test(tc, narrowest_by_counter);
	tcase_add_test(tc, live);
	tcase_add_test(tc, midpoint);
	tcase_add_test(tc, real_clocks);
	return run_cases("offset", tc);
}
