/* SPDX-License-Identifier: GPL-2.0-only */
/* Two clocks against each other: sandwich readings, offsets, rates, and how well they are known. */
#ifndef TICKPROOF_DRIFT_H
#define TICKPROOF_DRIFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* A reading of one clock between two of another. */
struct sandwich {
	int64_t before, value, after;
};

/*
 * The tightest of some sandwiches of inner within outer, read as libc does
 * (tools/testing/selftests/timers/freq-step.c, get_sample()); one in which outer
 * went back is no sandwich. False if there was none.
 */
bool sandwich_clocks(clockid_t outer, clockid_t inner, struct sandwich *tightest);

/* The same within the raw counter, in ticks. */
bool sandwich_counter(clockid_t inner, struct sandwich *tightest);

static inline int64_t sandwich_width(const struct sandwich *s)
{
	return s->after - s->before;
}

/* Where an unchanging offset of inner to outer must lie: the intersection of all sandwiches. */
struct offset {
	int64_t low, high;	/* empty if low > high: then it has changed */
	size_t samples;
};

void offset_meet(struct offset *o, const struct sandwich *s);

/*
 * How fast y goes by x: least squares through n points, and what they deviate.
 * x and y in one unit; slope 0 means equal rates.
 */
struct rate {
	double slope;		/* dy/dx - 1 */
	double stdev;		/* of the points from the line, in the unit */
	double worst;		/* the largest deviation */
	double span;		/* of x */
};

/* False with fewer than three points, or without any span. */
bool rate_fit(const double *x, const double *y, size_t n, struct rate *rate);

#endif
