/* SPDX-License-Identifier: GPL-2.0-only */
/* What many switches did to the clocks: measured once, judged by several cases. */
#ifndef TICKPROOF_MEASURE_H
#define TICKPROOF_MEASURE_H

#include <sched.h>

#include "../lib/clocks.h"
#include "../lib/readers.h"
#include "../lib/stats.h"
#include "original.h"

/*
 * As many switches (D1); only a guest starved beyond reason ends before, well within the program's
 * timeout.
 */
#define SWITCHES	  100
#define SWITCHES_LIMIT_NS (60 * NSEC_PER_SEC)

/* One switch, seen from the thread that made it. */
struct switched {
	char from[CS_NAME_LEN], to[CS_NAME_LEN];
	int64_t gap;		    /* how far MONOTONIC gained on the raw counter, ns */
	int64_t gap_width;	    /* how well that is known */
	int64_t elapsed;	    /* from the offsets before to those after, ns */
	int64_t took;		    /* the switch itself, read back, ns */
	int64_t read_took;	    /* until every reader had read all clocks after it, ns */
	int64_t width;		    /* how well a change of them is known */
	int64_t raw;		    /* how far MONOTONIC - RAW changed for certain */
	int64_t realtime, boottime; /* likewise, - MONOTONIC */
	int64_t tai;		    /* likewise, TAI - REALTIME */
};

struct measured {
	bool done;
	unsigned int seed;
	int switches;
	unsigned int unread;  /* switches that not every reader could read after in time */
	unsigned long rounds; /* of the slowest reader */
	struct switched switched[SWITCHES];
	struct read_result result[NR_READ_CLOCKS];
	struct stats lag_before, lag; /* of coarse clocks: without switches, and with */
};

/* Switches among the sources while a reader runs on each CPU. Ends the case if a switch fails. */
void measure(struct measured *m, const struct cs_list *sources, const struct cpus *cpus);

/* Says every few seconds that the work goes on: a silent guest is taken for hung. */
void still_at_work(uint64_t *said, int switches);

#endif
