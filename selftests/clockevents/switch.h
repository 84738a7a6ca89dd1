/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Taking a CPU's clockevent away while timers are armed on it, and sampling
 * what becomes of them. It measures; the programs judge.
 */
#ifndef TICKPROOF_SWITCH_H
#define TICKPROOF_SWITCH_H

#include <stdbool.h>
#include <stdint.h>

#include "../lib/clockevents.h"
#include "../lib/stats.h"
#include "alive.h"

/* What the CPU does at the moment of the switch. */
enum switch_load { SWITCH_IDLE, SWITCH_SPINNING, SWITCH_STORM };

extern const char *const switch_load_name[];

/* What became of the timers that were armed before the switch. */
struct armed {
	unsigned int armed, fired, early, repeated;
	struct stats late;
};

struct switched {
	ssize_t written; /* what the write to unbind_device returned */
	int64_t write_ns;
	char before[CE_NAME_LEN], after[CE_NAME_LEN];
	bool only_this;	    /* no other CPU's device changed, nor the broadcast device */
	bool watched;	    /* the rest was sampled: the write succeeded, or watch was asked for */
	struct alive fresh; /* sleeps begun after the switch */
	struct armed armed;
	/* periodic timerfd across the switch: expirations, and how many there must be */
	bool periodic_done;
	int64_t period;
	uint64_t expirations, expected_min, expected_max;
	struct stats others_late; /* sleeps on all other CPUs from before to after */
	unsigned int others_early, others_dead;
};

/*
 * Arms one-shot and periodic timers on cpu, puts it under load, writes the name
 * of its current device to its unbind_device and watches what follows for a
 * moment. A refused write ends it at once unless watch is set. Threads may be
 * left running: the caller ends its process soon. Returns 0 or -errno.
 */
int switch_away(int cpu, int observer, enum switch_load load, bool watch, struct switched *s);

#endif
