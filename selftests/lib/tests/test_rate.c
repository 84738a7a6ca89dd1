// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <math.h>
#include <stdlib.h>

#include "../rate.h"
#include "testing.h"

#define N 50

/* y = x * (1 + ppm) + start, off by up to noise. */
static void line(double *x, double *y, double ppm, double start, double noise)
{
	srandom(5);
	for (int i = 0; i < N; i++) {
		x[i] = 1e15 + i * 5e7;
		y[i] = start + i * 5e7 * (1 + ppm / 1e6) +
		       noise * (random() / (double)RAND_MAX * 2 - 1);
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

/*
 * By hand: the line through (0, 0), (1, 2), (2, 1) rises by 1/2; its points are off by -1/2, 1,
 * -1/2.
 */
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

int main(void)
{
	TCase *tc = tcase_create("rate");

	tcase_add_test(tc, rates);
	tcase_add_test(tc, by_hand);
	tcase_add_test(tc, unsteady);
	tcase_add_test(tc, too_little);
	return run_cases("rate", tc);
}
