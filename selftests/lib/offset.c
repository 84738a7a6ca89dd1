// SPDX-License-Identifier: GPL-2.0-only
#include "clocks.h"
#include "offset.h"

static void keep_narrower(struct sandwich *narrowest, const struct sandwich *s)
{
	if (sandwich_width(s) >= 0 &&
	    (sandwich_width(narrowest) < 0 || sandwich_width(s) < sandwich_width(narrowest)))
		*narrowest = *s;
}

static struct sandwich take(clockid_t outer, int64_t (*inner)(void *arg), void *arg)
{
	struct sandwich s;

	s.before = clock_ns(outer);
	s.value = inner(arg);
	s.after = clock_ns(outer);
	return s;
}

static int64_t read_clock(void *clock)
{
	return clock_ns(*(clockid_t *)clock);
}

bool sandwich_with(clockid_t outer, int64_t (*inner)(void *arg), void *arg, int tries,
		   struct sandwich *narrowest)
{
	*narrowest = (struct sandwich){ .after = -1 };
	while (tries-- > 0) {
		struct sandwich s = take(outer, inner, arg);

		keep_narrower(narrowest, &s);
	}
	return sandwich_width(narrowest) >= 0;
}

bool sandwich_clocks(clockid_t outer, clockid_t inner, int tries, struct sandwich *narrowest)
{
	return sandwich_with(outer, read_clock, &inner, tries, narrowest);
}

bool sandwich_counter(clockid_t inner, int tries, struct sandwich *narrowest)
{
	*narrowest = (struct sandwich){ .after = -1 };
	while (tries-- > 0) {
		struct sandwich s;

		s.before = counter_read();
		s.value = clock_ns(inner);
		s.after = counter_read();
		keep_narrower(narrowest, &s);
	}
	return sandwich_width(narrowest) >= 0;
}

struct offset offset_of(const struct sandwich *s)
{
	return (struct offset){ s->value - s->after, s->value - s->before, 1 };
}

void offset_meet(struct offset *o, const struct sandwich *s)
{
	struct offset one = offset_of(s);

	if (!o->samples || one.low > o->low)
		o->low = one.low;
	if (!o->samples || one.high < o->high)
		o->high = one.high;
	o->samples++;
}

void offset_sample(struct offset *o, clockid_t outer, clockid_t inner, int n)
{
	while (n-- > 0) {
		struct sandwich s = take(outer, read_clock, &inner);

		offset_meet(o, &s);
	}
}

struct offset offset_between(clockid_t outer, clockid_t inner, int tries)
{
	struct sandwich s;

	return sandwich_clocks(outer, inner, tries, &s) ? offset_of(&s) : (struct offset){ 0 };
}

int64_t offset_misfit(const struct offset *o)
{
	return o->samples ? o->low - o->high : 0;
}

int64_t offset_step_error(const struct offset *a, const struct offset *b, int64_t step)
{
	if (!a->samples || !b->samples)
		return 0;
	if (b->low > a->high + step)
		return b->low - (a->high + step);
	if (b->high < a->low + step)
		return b->high - (a->low + step);
	return 0;
}

int64_t clock_ahead(clockid_t clock, uint64_t start, int tries, int64_t *width)
{
	double ns_per_tick = (double)NSEC_PER_SEC / counter_hz();
	struct sandwich s;

	*width = 0;
	if (!sandwich_counter(clock, tries, &s))
		return 0;
	*width = sandwich_width(&s) * ns_per_tick;
	return s.value -
	       (int64_t)((s.before - (int64_t)start + sandwich_width(&s) / 2) * ns_per_tick);
}
