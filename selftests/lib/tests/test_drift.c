// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <math.h>
#include <stdlib.h>

#include "../clocks.h"
#include "../drift.h"
#include "testing.h"

#define N 50

/* y = x * (1 + ppm) + start, off by up to noise. */
static void line(double *x, double *y, double ppm, double start, double noise)
{
	srandom(5);
	for (int i = 0; i < N; i++) {
		x[i] = 1e15 + i * 5e7;
		y[i] = start + i * 5e7 * (1 + ppm / 1e6) + noise * (random() / (double)RAND_MAX * 2 - 1);
	}
}

START_TEST(rates)
{
	static const double ppm[] = { 0, 0.5, -0.5, 100, -500, 70000 };
	double x[N], y[N];
	struct rate r;

	for (size_t i = 0; i < sizeof(ppm) / sizeof(*ppm); i++) {
		line(x, y, ppm[i], -3e9, 0);
		ck_assert(rate_fit(x, y, N, &r));
		ck_assert_double_eq_tol(r.slope * 1e6, ppm[i], 1e-6);
		ck_assert_double_eq_tol(r.span, 49 * 5e7, 1);
		ck_assert_double_lt(r.worst, 0.01);

		/* Points off by 1000 ns at most: the slope by three times that over the span. */
		line(x, y, ppm[i], 1e9, 1000);
		ck_assert(rate_fit(x, y, N, &r));
		ck_assert_double_le(fabs(r.slope * 1e6 - ppm[i]), 3 * 1000 / (49 * 5e7) * 1e6);
		ck_assert_double_gt(r.stdev, 300);
		ck_assert_double_lt(r.stdev, 800);
		ck_assert_double_ge(r.worst, r.stdev);
	}
}
END_TEST

/* By hand: the line through (0, 0), (1, 2), (2, 1) rises by 1/2; its points are off by -1/2, 1, -1/2. */
START_TEST(by_hand)
{
	double x[] = { 1e9, 1e9 + 1, 1e9 + 2 }, up[] = { 50, 52, 51 }, down[] = { 50, 48, 49 };
	struct rate r;

	ck_assert(rate_fit(x, up, 3, &r));
	ck_assert_double_eq_tol(r.slope, 0.5 - 1, 1e-9);
	ck_assert_double_eq_tol(r.stdev, sqrt(0.5), 1e-9);
	ck_assert_double_eq_tol(r.worst, 1, 1e-9);
	ck_assert_double_eq_tol(r.span, 2, 1e-9);
	/* Off as much, downwards. */
	ck_assert(rate_fit(x, down, 3, &r));
	ck_assert_double_eq_tol(r.slope, -0.5 - 1, 1e-9);
	ck_assert_double_eq_tol(r.stdev, sqrt(0.5), 1e-9);
	ck_assert_double_eq_tol(r.worst, 1, 1e-9);
	/* The order of the points doesn't matter. */
	ck_assert(rate_fit((double[]){ 7, 5, 6 }, (double[]){ 1, 0, 2 }, 3, &r));
	ck_assert_double_eq_tol(r.slope, 0.5 - 1, 1e-9);
	ck_assert_double_eq_tol(r.span, 2, 1e-9);
	ck_assert_double_eq_tol(r.worst, 1, 1e-9);
}
END_TEST

/* A clock that changes its rate midway, or steps, is off any line. */
START_TEST(unsteady)
{
	double x[N], y[N];
	struct rate r;

	line(x, y, 0, 0, 100);
	for (int i = N / 2; i < N; i++)
		y[i] += (i - N / 2) * 5e7 * 1e-3;
	ck_assert(rate_fit(x, y, N, &r));
	ck_assert_double_gt(r.worst, 1e5);

	line(x, y, 0, 0, 100);
	for (int i = N / 2; i < N; i++)
		y[i] += 1e6;
	ck_assert(rate_fit(x, y, N, &r));
	ck_assert_double_gt(r.worst, 2e5);
}
END_TEST

START_TEST(too_little)
{
	double x[] = { 1, 1, 1 }, y[] = { 1, 2, 3 };
	struct rate r;

	ck_assert(!rate_fit(x, y, 0, &r));
	ck_assert(!rate_fit(x, y, 2, &r));
	ck_assert(!rate_fit(x, y, 3, &r));
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

	for (size_t i = 0; i < 2 * sizeof(at) / sizeof(*at); i++) {
		int64_t least = i % 2 ? 0 : 40;

		for (int n = 0; n < WIDTHS; n++)
			widths[n] = n % 3 == 2 ? -n : 100 + 10 * n;
		widths[at[i / 2]] = least;
		nth = spins = 0;
		fake.clock = scripted;
		ck_assert(sandwich_clocks(CLOCK_MONOTONIC, CLOCK_BOOTTIME, &s));
		fake.clock = NULL;
		ck_assert_int_eq(nth, WIDTHS);
		ck_assert_int_eq(sandwich_width(&s), least);
		ck_assert_int_eq(s.value, 1000 + at[i / 2]);
	}
	for (int n = 0; n < WIDTHS; n++)
		widths[n] = -1 - n;
	fake.clock = scripted;
	ck_assert(!sandwich_clocks(CLOCK_MONOTONIC, CLOCK_BOOTTIME, &s));
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
			ck_assert(sandwich_counter(CLOCK_MONOTONIC, &s));
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
		ck_assert(sandwich_clocks(CLOCK_MONOTONIC, CLOCK_BOOTTIME, &s));
		ck_assert_int_ge(sandwich_width(&s), 0);
		offset_meet(&o, &s);
	}
	ck_assert_int_le(o.low, o.high);
	ck_assert(sandwich_counter(CLOCK_MONOTONIC, &s));
	ck_assert_int_ge(s.after, s.before);
	ck_assert_int_gt(s.value, 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("drift");

	tcase_add_test(tc, rates);
	tcase_add_test(tc, by_hand);
	tcase_add_test(tc, unsteady);
	tcase_add_test(tc, too_little);
	tcase_add_test(tc, constant_offset);
	tcase_add_test(tc, changed_offset);
	tcase_add_test(tc, narrowest);
	tcase_add_test(tc, narrowest_by_counter);
	tcase_add_test(tc, live);
	return run_cases("drift", tc);
}
