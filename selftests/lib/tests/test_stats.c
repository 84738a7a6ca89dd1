// SPDX-License-Identifier: GPL-2.0-only
#include <math.h>
#include <stdlib.h>

#include "../stats.h"
#include "testing.h"

static int64_t samples_of_all[504];

START_TEST(none)
{
	struct stats s = stats_of(NULL, 0);

	ck_assert_uint_eq(s.count, 0);
	ck_assert_int_eq(s.min | s.p50 | s.p99 | s.max, 0);
	ck_assert_int_eq(stats_percentile(NULL, 0, 50), 0);
}
END_TEST

START_TEST(one)
{
	int64_t sample = -7;
	struct stats s = stats_of(&sample, 1);

	ck_assert_int_eq(s.min, -7);
	ck_assert_int_eq(s.p50, -7);
	ck_assert_int_eq(s.p99, -7);
	ck_assert_int_eq(s.max, -7);
}
END_TEST

/* 1..n shuffled: nearest rank p is ceil(p/100 * n). */
START_TEST(ranks)
{
	static const struct {
		size_t n;
		int64_t p25, p50, p99;
	} cases[] = {
		{ 2, 1, 1, 2 },	       { 3, 1, 2, 3 },		{ 50, 13, 25, 50 },
		{ 99, 25, 50, 99 },    { 100, 25, 50, 99 },	{ 101, 26, 51, 100 },
		{ 200, 50, 100, 198 }, { 1000, 250, 500, 990 },
	};

	for (size_t c = 0; c < sizeof(cases) / sizeof(*cases); c++) {
		size_t n = cases[c].n;
		int64_t *samples = malloc(n * sizeof(*samples));
		struct stats s;

		for (size_t i = 0; i < n; i++)
			samples[i] = 1 + i;
		srandom(c);
		for (size_t i = n - 1; i; i--) {
			size_t j = random() % (i + 1);
			int64_t t = samples[i];

			samples[i] = samples[j];
			samples[j] = t;
		}
		s = stats_of(samples, n);
		ck_assert_uint_eq(s.count, n);
		ck_assert_int_eq(s.min, 1);
		ck_assert_int_eq(s.p25, cases[c].p25);
		ck_assert_int_eq(s.p50, cases[c].p50);
		ck_assert_int_eq(s.p99, cases[c].p99);
		ck_assert_int_eq(s.max, n);
		for (size_t i = 0; i < n; i++)
			ck_assert_int_eq(samples[i], i + 1);
		free(samples);
	}
}
END_TEST

START_TEST(percentiles)
{
	static const int64_t sorted[] = { 10, 20, 30, 40, 50, 60, 70, 80, 90, 100 };

	ck_assert_int_eq(stats_percentile(sorted, 10, 0.001), 10);
	ck_assert_int_eq(stats_percentile(sorted, 10, 10), 10);
	ck_assert_int_eq(stats_percentile(sorted, 10, 10.1), 20);
	ck_assert_int_eq(stats_percentile(sorted, 10, 95), 100);
	ck_assert_int_eq(stats_percentile(sorted, 10, 100), 100);
	/* Beyond its range it stays within the samples. */
	ck_assert_int_eq(stats_percentile(sorted, 10, 0), 10);
	ck_assert_int_eq(stats_percentile(sorted, 10, 200), 100);
}
END_TEST

START_TEST(extremes)
{
	int64_t samples[] = { INT64_MAX, 0, INT64_MIN, -1, 1 };
	struct stats s = stats_of(samples, 5);

	ck_assert_int_eq(s.min, INT64_MIN);
	ck_assert_int_eq(s.p50, 0);
	ck_assert_int_eq(s.p99, INT64_MAX);
	ck_assert_int_eq(s.max, INT64_MAX);
}
END_TEST

/* One outlier among a thousand is a maximum, not a p99. */
START_TEST(outlier)
{
	int64_t samples[1000];
	struct stats s;

	for (int i = 0; i < 1000; i++)
		samples[i] = 100;
	samples[500] = 1000000;
	s = stats_of(samples, 1000);
	ck_assert_int_eq(s.p50, 100);
	ck_assert_int_eq(s.p99, 100);
	ck_assert_int_eq(s.max, 1000000);
}
END_TEST

/* Where a bin begins, by stats.h. */
static double bin_low(unsigned int bin, unsigned int per)
{
	return ldexp(1 + (double)(bin % per) / per, bin / per);
}

/* Each sample is in the bin that its header says, every one is counted, and bins ascend. */
START_TEST(histogram)
{
	static const size_t counts[] = { 1, 2, 50, 1000, 20000 };
	int64_t samples[20000];

	for (size_t c = 0; c < 2 * sizeof(counts) / sizeof(*counts); c++) {
		size_t n = counts[c / 2], seen = 0;
		struct histogram h;

		srandom(c);
		for (size_t i = 0; i < n; i++)
			samples[i] = c % 2 ? ldexp(1 + random() % 1000, random() % 50) :
					     random() % 5000;
		h = stats_of(samples, n).histogram;
		ck_assert(h.bins && h.bins <= HISTOGRAM_BINS);
		for (unsigned int b = 0; b < h.bins; b++) {
			ck_assert(!b || h.bin[b] > h.bin[b - 1]);
			for (uint32_t k = 0; k < h.count[b]; k++, seen++) {
				ck_assert(h.bin[b] == 0 ||
					  samples[seen] >= bin_low(h.bin[b], h.per));
				ck_assert(samples[seen] < bin_low(h.bin[b] + 1, h.per) ||
					  samples[seen] < 2);
			}
		}
		ck_assert_uint_eq(seen, n);
	}
}
END_TEST

/* As fine as few bins allow; what is off every scale has its place. */
START_TEST(histogram_ends)
{
	int64_t samples[] = { INT64_MIN, -1, 0, 1, 2, 15, 16, 17, INT64_MAX };
	struct histogram h = stats_of(samples, 9).histogram;

	ck_assert_uint_eq(h.per, 8);
	ck_assert_uint_eq(h.bins, 5);
	ck_assert_uint_eq(h.bin[0], 0);
	ck_assert_uint_eq(h.count[0], 4);
	ck_assert_uint_eq(h.bin[2], 31);
	ck_assert_uint_eq(h.count[3], 2);
	ck_assert_uint_eq(h.bin[4], 503);
	ck_assert_uint_eq(histogram_of(NULL, 0).bins, 0);
	for (int i = 0; i < 63; i++)
		for (int k = 0; k < 8; k++)
			samples_of_all[8 * i + k] = i < 3 ? 1ll << i :
							    (1ll << i) + k * (1ll << (i - 3));
	h = stats_of(samples_of_all, 504).histogram;
	ck_assert_uint_eq(h.per, 1);
	ck_assert_uint_eq(h.bins, 63);
	ck_assert_uint_eq(h.count[62], 8);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("stats");

	tcase_add_test(tc, none);
	tcase_add_test(tc, one);
	tcase_add_test(tc, ranks);
	tcase_add_test(tc, percentiles);
	tcase_add_test(tc, extremes);
	tcase_add_test(tc, outlier);
	tcase_add_test(tc, histogram);
	tcase_add_test(tc, histogram_ends);
	return run_cases("stats", tc);
}
