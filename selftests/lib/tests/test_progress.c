// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "../clocks.h"
#include "../progress.h"
#include "testing.h"

START_TEST(stream)
{
	static const int64_t good[] = { 10, 10, 13, 20, 22 }, bad[] = { 10, 12, 11, 30, 5, 6 };
	struct stream s = { 0 }, total = { 0 };

	for (size_t i = 0; i < 5; i++)
		stream_add(&s, good[i]);
	ck_assert_uint_eq(s.samples, 5);
	ck_assert_uint_eq(s.backwards, 0);
	ck_assert_int_eq(s.step, 2);
	stream_merge(&total, &s);

	s = (struct stream){ 0 };
	for (size_t i = 0; i < 6; i++)
		stream_add(&s, bad[i]);
	ck_assert_uint_eq(s.backwards, 2);
	ck_assert_int_eq(s.worst, 25);
	ck_assert_int_eq(s.step, 1);
	stream_merge(&total, &s);
	ck_assert_uint_eq(total.samples, 11);
	ck_assert_uint_eq(total.backwards, 2);
	ck_assert_int_eq(total.worst, 25);
	ck_assert_int_eq(total.step, 1);
}
END_TEST

/* The first reading is no step, be it negative; one that never moves has no resolution. */
START_TEST(stream_ends)
{
	struct stream s = { 0 }, none = { 0 };

	stream_add(&s, -5);
	stream_add(&s, -5);
	ck_assert_uint_eq(s.backwards, 0);
	ck_assert_int_eq(s.step, 0);
	stream_merge(&none, &s);
	ck_assert_int_eq(none.step, 0);
	/* A counter that passes 2^63 goes on. */
	s = (struct stream){ 0 };
	stream_add(&s, INT64_MAX);
	stream_add(&s, INT64_MIN);
	ck_assert_uint_eq(s.backwards, 0);
	ck_assert_int_eq(s.step, 1);
}
END_TEST

/*
 * Reads clock(truth) every so often for 20 ms, each reading within 60 ns of the
 * reference; at some of them the thread is off for long.
 */
static struct progress run(int64_t (*clock)(int64_t truth), int64_t pause)
{
	struct progress p = { 0 };
	int64_t truth = 1000 * MS, end = truth + 20 * MS;

	srandom(3);
	for (int i = 0; truth < end; i++) {
		int64_t before = truth;

		truth += 20 + random() % 10;
		if (i % 1000 == 300)
			truth += pause;
		int64_t value = clock(truth);

		truth += 20 + random() % 10;
		if (i % 1000 == 600)
			truth += pause;
		progress_add(&p, before, value, truth);
		if (i % 1000 == 900)
			truth += pause;
	}
	return p;
}

static int64_t fine(int64_t t)
{
	return t;
}

static int64_t hundred_ns(int64_t t)
{
	return t / 100 * 100;
}

static int64_t quick(int64_t t)
{
	return t + t / 50;
}

static int64_t tick(int64_t t)
{
	return t / (4 * MS) * (4 * MS);
}

static int64_t microseconds(int64_t t)
{
	return t / 30000 * 30000;
}

static int64_t stopped(int64_t t)
{
	(void)t;
	return 7;
}

static int64_t stops(int64_t t)
{
	return t < 1010 * MS ? t : 1010 * MS;
}

static int64_t jumps(int64_t t)
{
	return t < 1010 * MS ? t : t + 2 * MS;
}

static int64_t back(int64_t t)
{
	return t < 1010 * MS ? t : t - 200;
}

static int64_t halts(int64_t t)
{
	return t < 1010 * MS || t > 1013 * MS ? t : 1010 * MS;
}

/* What is judged, with and without a host that stops the thread for long. */
START_TEST(verdicts)
{
	static const struct {
		int64_t (*clock)(int64_t truth);
		enum progress_verdict verdict;
	} cases[] = {
		{ fine, PROGRESS_GOOD },	   { hundred_ns, PROGRESS_GOOD },
		{ quick, PROGRESS_GOOD },	   { tick, PROGRESS_JUMPED },
		{ microseconds, PROGRESS_COARSE }, { stopped, PROGRESS_FROZEN },
		{ stops, PROGRESS_COARSE },	   { jumps, PROGRESS_JUMPED },
		{ back, PROGRESS_BACKWARDS },	   { halts, PROGRESS_JUMPED },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct progress p = run(cases[i].clock, 0);

		ck_assert_msg(progress_judge(&p) == cases[i].verdict, "clock %zu: %d", i,
			      progress_judge(&p));
		ck_assert_uint_gt(p.stream.samples, 10000);
	}
	for (int64_t pause = 1000; pause < 15 * MS; pause *= 7) {
		struct progress p = run(fine, pause);

		ck_assert_int_eq(progress_judge(&p), PROGRESS_GOOD);
		ck_assert_int_ge(p.pause, pause);
		p = run(hundred_ns, pause);
		ck_assert_int_eq(progress_judge(&p), PROGRESS_GOOD);
		p = run(stopped, pause);
		ck_assert_int_eq(progress_judge(&p), PROGRESS_FROZEN);
	}
}
END_TEST

/* It fell behind while it wasn't watched. */
START_TEST(lost)
{
	struct progress p = { 0 };

	progress_add(&p, 0, 0, 10);
	progress_add(&p, 20, 20, 30);
	progress_add(&p, 50 * MS, 48 * MS, 50 * MS + 10);
	ck_assert_int_eq(progress_judge(&p), PROGRESS_GOOD);
	progress_add(&p, 100 * MS, 90 * MS, 100 * MS + 10);
	ck_assert_int_eq(progress_judge(&p), PROGRESS_LOST);
	ck_assert_int_gt(p.lost, 4 * MS);
}
END_TEST

START_TEST(unseen)
{
	struct progress p = { 0 };

	ck_assert_int_eq(progress_judge(&p), PROGRESS_UNSEEN);
	for (int i = 0; i < 1000; i++)
		progress_add(&p, 5, 7, 5);
	ck_assert_int_eq(progress_judge(&p), PROGRESS_UNSEEN);
	ck_assert_int_eq(p.still, 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("progress");

	tcase_add_test(tc, stream);
	tcase_add_test(tc, stream_ends);
	tcase_add_test(tc, verdicts);
	tcase_add_test(tc, lost);
	tcase_add_test(tc, unseen);
	return run_cases("progress", tc);
}
