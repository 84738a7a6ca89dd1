/* SPDX-License-Identifier: GPL-2.0-only */
/* Order statistics of a set of samples. */
#ifndef TICKPROOF_STATS_H
#define TICKPROOF_STATS_H

#include <stddef.h>
#include <stdint.h>

struct stats {
	size_t count;
	int64_t min, p25, p50, p99, max;
};

/*
 * The p-th percentile (0 < p <= 100) of sorted samples by nearest rank: always
 * a sample that was seen. 0 for no samples.
 */
int64_t stats_percentile(const int64_t *sorted, size_t count, double p);

/* Sorts samples in place and summarises them; all 0 for no samples. */
struct stats stats_of(int64_t *samples, size_t count);

#endif
