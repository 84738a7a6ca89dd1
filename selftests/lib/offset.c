// SPDX-License-Identifier: GPL-2.0-only
#include "clocks.h"
#include "offset.h"

void offset_start(struct offset_bounds *o)
{
	*o = (struct offset_bounds){ INT64_MIN, INT64_MAX, 0 };
}

void offset_add(struct offset_bounds *o, int64_t a_before, int64_t b, int64_t a_after)
{
	if (b - a_after > o->low)
		o->low = b - a_after;
	if (b - a_before < o->high)
		o->high = b - a_before;
	o->samples++;
}

void offset_sample(struct offset_bounds *o, clockid_t a, clockid_t b, int n)
{
	while (n-- > 0) {
		int64_t before = clock_ns(a), between = clock_ns(b);

		offset_add(o, before, between, clock_ns(a));
	}
}

int64_t offset_misfit(const struct offset_bounds *o)
{
	return o->samples ? o->low - o->high : 0;
}

int64_t offset_step_error(const struct offset_bounds *a, const struct offset_bounds *b, int64_t step)
{
	if (!a->samples || !b->samples)
		return 0;
	if (b->low > a->high + step)
		return b->low - (a->high + step);
	if (b->high < a->low + step)
		return b->high - (a->low + step);
	return 0;
}
