/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether two clocks keep one offset, told by reading one between two readings of the other. */
#ifndef TICKPROOF_OFFSET_H
#define TICKPROOF_OFFSET_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

/*
 * b was read between two readings of a: that confines the offset b - a to
 * [b - a_after, b - a_before]. If both tick alike one offset satisfies every
 * sample, however wide a preempted reader made some.
 */
struct offset_bounds {
	int64_t low, high;	/* the offset is in [low, high]; low > high: no one offset fits */
	size_t samples;
};

void offset_start(struct offset_bounds *o);
void offset_add(struct offset_bounds *o, int64_t a_before, int64_t b, int64_t a_after);

/* Adds n samples of clock b, read between readings of clock a. */
void offset_sample(struct offset_bounds *o, clockid_t a, clockid_t b, int n);

/* By how many ns no one offset fits; 0 or less: one does. */
int64_t offset_misfit(const struct offset_bounds *o);

/*
 * By how many ns the offset in b differs from a's plus step, beyond what both
 * leave open; 0: it may be exactly that.
 */
int64_t offset_step_error(const struct offset_bounds *a, const struct offset_bounds *b, int64_t step);

#endif
