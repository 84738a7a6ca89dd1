/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The grid on which a clockevent device's events come, seen by a thread that asks a periodic timer
 * again and again. With each delivery the kernel programs a later point of the grid
 * (hrtimer_interrupt()). So of four deliveries in a row the fourth comes more than two steps of the
 * grid after the first, whatever the host does in between: a pause delays a delivery, and none
 * comes before its point. Four that are close together show that the grid is finer than half of
 * that.
 */
#ifndef TICKPROOF_GRID_H
#define TICKPROOF_GRID_H

#include <stdint.h>

/* How far apart fours are counted: in bins of 1/4 ms, up to 20 ms. */
#define GRID_BIN_NS (NSEC_PER_MSEC / 4)
#define GRID_BINS   80
/* One four is no proof: a clock that jumps shows one as well. */
#define GRID_PROOF 3

/* Zeroed, nothing was delivered. */
struct grid {
	unsigned int deliveries, known; /* known: of the last ones in a row, when they came */
	int64_t after[3];		/* of those, the last one last */
	unsigned int fours[GRID_BINS];	/* by how far the fourth is from the first */
};

/* What comes next doesn't follow what came before: some was not seen one by one. */
void grid_again(struct grid *g);

/* A delivery: it came after the one time and was seen at the other, ns by one clock. */
void grid_delivery(struct grid *g, int64_t after, int64_t seen);

/* A step of the grid is not longer than this, ns; INT64_MAX: nothing shows it. */
int64_t grid_step(const struct grid *g);

#endif
