// SPDX-License-Identifier: GPL-2.0-only
#include <math.h>
#include <stdlib.h>

#include "stats.h"

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int64_t stats_percentile(const int64_t *sorted, size_t count, double p)
{
	size_t rank;

	if (!count)
		return 0;
	rank = (size_t)ceil(p / 100.0 * count);
	if (rank < 1)
		rank = 1;
	if (rank > count)
		rank = count;
	return sorted[rank - 1];
}

struct stats stats_of(int64_t *samples, size_t count)
{
	struct stats s = { .count = count };

	if (!count)
		return s;
	qsort(samples, count, sizeof(*samples), compare);
	s.min = samples[0];
	s.p25 = stats_percentile(samples, count, 25);
	s.p50 = stats_percentile(samples, count, 50);
	s.p99 = stats_percentile(samples, count, 99);
	s.max = samples[count - 1];
	return s;
}
