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

int64_t latest_seen(struct latest *l)
{
	int64_t seen = atomic_load_explicit(&l->reading, memory_order_acquire);

#if defined(__aarch64__)
	/* The load is done, and not only begun, before the counter is read after an ISB. */
	__asm__ volatile("cbz %0, 1f\n1:\tisb" ::"r"(seen) : "memory");
#endif
	return seen;
}

void latest_publish(struct latest *l, int64_t now)
{
	int64_t seen = atomic_load_explicit(&l->reading, memory_order_relaxed);

	while (seen < now &&
	       !atomic_compare_exchange_weak_explicit(&l->reading, &seen, now, memory_order_acq_rel,
						      memory_order_relaxed))
		;
}
