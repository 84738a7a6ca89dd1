/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether a clockevent counts at the rate the kernel takes it to have. */
#ifndef TICKPROOF_PACE_H
#define TICKPROOF_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct pace {
	int64_t length; /* of each wait, ns: ends within a tick, begun with a tick */
	int64_t late;	/* of all but the quarter that came last, without pauses */
	uint64_t irqs;	/* of the device in a sleep of the idle CPU (median) */
};

/*
 * Waits on cpu, then sleeps there and counts the interrupts of its device. Pins the caller to
 * observer. 0, -errno; -ETIMEDOUT: no event.
 */
int pace_sample(int cpu, int observer, const char *device, struct pace *p);

/* Of two samplings of the same device, what disturbs either is left out. */
void pace_better(struct pace *best, const struct pace *p);

/* Whether there is no better to be seen: nearly in time, and hardly an interrupt too many. */
bool pace_good(const struct pace *p);

/*
 * Whether the rate is now another one than before: a slow device makes waits late in proportion
 * to their length. One that is fast interrupts before their time; hrtimer_interrupt() expires
 * nothing then and programs the rest, again and again. Returns what is wrong, or NULL.
 */
const char *pace_wrong(const struct pace *before, const struct pace *now);

#endif
