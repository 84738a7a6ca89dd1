// SPDX-License-Identifier: GPL-2.0-only
#include <time.h>

#include "clocks.h"
#include "periods.h"

int64_t periods_interval(int64_t interval)
{
	struct timespec resolution;
	int64_t least;

	if (clock_getres(CLOCK_MONOTONIC, &resolution))
		return interval;
	least = timespec_ns(&resolution);
	if (least > 10 * NSEC_PER_MSEC)
		least = 10 * NSEC_PER_MSEC;
	return interval < least ? least : interval;
}

uint64_t periods_at(int64_t now, int64_t first, int64_t interval)
{
	return now < first ? 0 : (now - first) / interval + 1;
}

int64_t periods_off(uint64_t sum, int64_t before, int64_t after, int64_t first, int64_t interval)
{
	uint64_t least = periods_at(before, first, interval);
	uint64_t most = periods_at(after, first, interval);

	if (sum < least)
		return -(int64_t)(least - sum);
	return sum > most ? (int64_t)(sum - most) : 0;
}

size_t periods_late(uint64_t sum, uint64_t count, int64_t now, int64_t first, int64_t interval,
		    int64_t *late, size_t room)
{
	size_t n = 0;

	for (; n < count && n < room; n++)
		late[n] = now - (first + (int64_t)(sum + n) * interval);
	return n;
}
