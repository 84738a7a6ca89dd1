/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * STIMER1 to 3 fired from a test: what is armed, when it was seen to expire, whether it
 * interrupted.
 */
#ifndef TICKPROOF_HYPERV_SHOTS_H
#define TICKPROOF_HYPERV_SHOTS_H

#include "regs.h"

/* CONFIG of a one-shot that regs_events() sees; not enabled yet. */
uint64_t shot_config(void);

struct shot {
	uint64_t count;	 /* when it was to expire */
	uint64_t seen;	 /* the counter, read after Enable was seen to have fallen */
	uint64_t before; /* the counter, read before Enable was last seen set; 0: it never was */
	uint64_t config_after;
};

/*
 * Fires timer n of cpu once, ahead units from now, and waits until Enable falls;
 * fails the case if it hasn't within 2 s.
 */
struct shot shot_fire(int cpu, int n, uint64_t ahead);

/*
 * Lets cpu do the steps, interrupts off, and says whether a timer of them has
 * interrupted cpu when they were through: 1, 0, or -1 where nobody knows: a wait ran
 * out, or Linux's own timer was due as well. (On arm64 ours have an interrupt of their
 * own.) The caller is pinned to cpu: elsewhere it may look before the interrupt is taken.
 */
int shot_interrupted(int cpu, struct hv_step *steps, size_t nr);

#endif
