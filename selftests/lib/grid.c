// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "clocks.h"
#include "grid.h"

#define KNOWN (sizeof(((struct grid *)0)->after) / sizeof(int64_t))

void grid_again(struct grid *g)
{
	g->known = 0;
}

void grid_delivery(struct grid *g, int64_t after, int64_t seen)
{
	g->deliveries++;
	if (g->known == KNOWN) {
		int64_t bin = (seen - g->after[0]) / GRID_BIN_NS;

		if (bin < GRID_BINS)
			g->fours[bin]++;
		memmove(g->after, g->after + 1, sizeof(g->after) - sizeof(*g->after));
		g->known--;
	}
	g->after[g->known++] = after;
}

int64_t grid_step(const struct grid *g)
{
	unsigned int fours = 0;

	for (int i = 0; i < GRID_BINS; i++) {
		fours += g->fours[i];
		if (fours >= GRID_PROOF)
			return (i + 1) * GRID_BIN_NS / 2;
	}
	return INT64_MAX;
}
