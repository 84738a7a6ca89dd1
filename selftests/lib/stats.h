/* SPDX-License-Identifier: GPL-2.0-only */
/* Order statistics of a set of samples. */
#ifndef TICKPROOF_STATS_H
#define TICKPROOF_STATS_H

#include <stddef.h>
#include <stdint.h>

/*
 * How samples are spread, in few numbers: per bins to an octave, each as wide as its octave / per.
 * Bin per * e + m holds 2^e * (1 + m / per) and what follows up to the next bin; bin 0 also what is
 * less. The bins that hold something, in their order; per is the most of 8, 4, 2, 1 with which they
 * are few.
 */
#define HISTOGRAM_BINS 64

struct histogram {
	unsigned int per, bins;
	uint16_t bin[HISTOGRAM_BINS];
	uint32_t count[HISTOGRAM_BINS];
};

struct stats {
	size_t count;
	int64_t min, p25, p50, p99, max;
	struct histogram histogram;
};

/*
 * The p-th percentile (0 < p <= 100) of sorted samples by nearest rank: always
 * a sample that was seen. 0 for no samples.
 */
int64_t stats_percentile(const int64_t *sorted, size_t count, double p);

/* Of sorted samples. */
struct histogram histogram_of(const int64_t *sorted, size_t count);

/* Sorts samples in place and summarises them; all 0 for no samples. */
struct stats stats_of(int64_t *samples, size_t count);

#endif
