// SPDX-License-Identifier: GPL-2.0-only
#include "clocks.h"
#include "readings.h"

int64_t series_add(struct series *s, int64_t now)
{
	int64_t step = now - s->last;

	s->count++;
	if (!s->begun) {
		s->begun = true;
		s->last = now;
		return 0;
	}
	s->last = now;
	if (step > 0) {
		s->forward++;
		if (step > s->widest)
			s->widest = step;
	}
	if (step >= 0)
		return 0;
	s->backward++;
	if (-step > s->worst) {
		s->worst = -step;
		s->worst_at = now;
	}
	return -step;
}

int64_t handoff_seen(struct handoff *h)
{
	int64_t seen = atomic_load_explicit(&h->latest, memory_order_acquire);

#if defined(__aarch64__)
	/* The load is done, and not only begun, before the counter is read after an ISB. */
	__asm__ volatile("cbz %0, 1f\n1:\tisb" :: "r"(seen) : "memory");
#endif
	return seen;
}

void handoff_publish(struct handoff *h, int64_t now)
{
	int64_t seen = atomic_load_explicit(&h->latest, memory_order_relaxed);

	while (seen < now &&
	       !atomic_compare_exchange_weak_explicit(&h->latest, &seen, now, memory_order_acq_rel,
						      memory_order_relaxed))
		;
}

struct range range_offset(int64_t before, int64_t mid, int64_t after)
{
	return (struct range){ mid - after, mid - before };
}

int64_t range_change(struct range a, struct range b)
{
	if (b.low > a.high)
		return b.low - a.high;
	if (b.high < a.low)
		return b.high - a.low;
	return 0;
}

struct range clocks_offset(clockid_t a, clockid_t b, int tries)
{
	struct range narrowest = { 0 };

	for (int i = 0; i < tries; i++) {
		int64_t before = clock_ns(b), mid = clock_ns(a), after = clock_ns(b);
		struct range r = range_offset(before, mid, after);

		if (!i || r.high - r.low < narrowest.high - narrowest.low)
			narrowest = r;
	}
	return narrowest;
}

int64_t clock_ahead(clockid_t clock, uint64_t start, int tries, int64_t *width)
{
	double ns_per_tick = (double)NSEC_PER_SEC / counter_hz();
	uint64_t narrowest = UINT64_MAX;
	int64_t ahead = 0;

	for (int i = 0; i < tries; i++) {
		uint64_t before = counter_read();
		int64_t now = clock_ns(clock);
		uint64_t after = counter_read();

		if (after - before >= narrowest)
			continue;
		narrowest = after - before;
		ahead = now - (int64_t)((before - start + narrowest / 2) * ns_per_tick);
	}
	*width = narrowest * ns_per_tick;
	return ahead;
}
