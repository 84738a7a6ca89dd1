/* SPDX-License-Identifier: GPL-2.0-only */
/* How fast one clock goes by another, and how well that is known. */
#ifndef TICKPROOF_RATE_H
#define TICKPROOF_RATE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * How fast y goes by x: least squares through n points, and what they deviate.
 * x and y in one unit; slope 0 means equal rates.
 */
struct rate {
	double slope; /* dy/dx - 1 */
	double stdev; /* of the points from the line, in the unit */
	double worst; /* the largest deviation */
	double span;  /* of x */
};

/* False with fewer than three points, or without any span. */
bool rate_fit(const double *x, const double *y, size_t n, struct rate *rate);

#endif
