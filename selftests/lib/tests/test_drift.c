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
	tcase_add_test(tc, unsteady);
	tcase_add_test(tc, too_little);
	tcase_add_test(tc, constant_offset);
	tcase_add_test(tc, changed_offset);
	tcase_add_test(tc, live);
	return run_cases("drift", tc);
}
