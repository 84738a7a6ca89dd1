/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether a clockevent counts at the rate that the kernel assumes. */
#ifndef TICKPROOF_PACE_H
#define TICKPROOF_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* The host disturbed nearly every wait. */
#define PACE_UNCLEAR INT64_MAX

struct pace {
	int64_t length; /* of each wait, ns: it begins with a tick and ends before the next */
	int64_t late;	/* the upper quartile of the waits' lateness, ns; or PACE_UNCLEAR */
	uint64_t irqs;	/* the device's interrupts meanwhile */
	double events;	/* that were due: waits and ticks */
};

/*
 * Waits on cpu, and counts the interrupts of its device meanwhile. Pins the caller to observer. 0,
 * -errno; -ETIMEDOUT: no event.
 */
int pace_sample(int cpu, int observer, const char *device, struct pace *p);

/*
 * Joins two samplings of the same device: the less disturbed lateness is kept; a host makes no
 * interrupts, and so all of these are counted.
 */
void pace_better(struct pace *best, const struct pace *p);

/* The interrupts for each event: 1 or a little more; fewer where the host paused the CPU. */
double pace_irqs(const struct pace *p);

/* Whether another rate would be seen: the host left most of the waits and interrupts alone. */
bool pace_clear(const struct pace *p);

/* Whether another sampling could hardly be better: hardly late, hardly an interrupt too many. */
bool pace_good(const struct pace *p);

/*
 * Whether the rate is now another one than before: a slow device makes waits late in proportion
 * to their length. One that is fast interrupts before their time; hrtimer_interrupt() expires
 * nothing then and programs the rest, again and again. Returns what is wrong, or NULL.
 */
const char *pace_wrong(const struct pace *before, const struct pace *now);

#endif
