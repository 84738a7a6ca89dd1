// SPDX-License-Identifier: GPL-2.0-only
#include "periods.h"

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
