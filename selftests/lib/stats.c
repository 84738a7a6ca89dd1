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

/* The bin of a sample, by stats.h. */
static unsigned int bin_of(int64_t sample, unsigned int per)
{
	unsigned int e, m;

	if (sample < 1)
		return 0;
	e = 63 - __builtin_clzll(sample);
	/* Eighths of its octave. */
	m = (e < 3 ? sample << (3 - e) : sample >> (e - 3)) - 8;
	return per * e + m * per / 8;
}

struct histogram histogram_of(const int64_t *sorted, size_t count)
{
	struct histogram h;

	for (unsigned int per = 8; per; per /= 2) {
		size_t i;

		h = (struct histogram){ .per = per };
		for (i = 0; i < count; i++) {
			unsigned int bin = bin_of(sorted[i], per);

			if (h.bins && h.bin[h.bins - 1] == bin) {
				h.count[h.bins - 1]++;
				continue;
			}
			if (h.bins == HISTOGRAM_BINS)
				break;
			h.bin[h.bins] = bin;
			h.count[h.bins++] = 1;
		}
		if (i == count)
			break;
	}
	return h;
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
	s.histogram = histogram_of(samples, count);
	return s;
}
