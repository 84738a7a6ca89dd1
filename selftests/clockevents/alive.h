/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether a CPU's timers fire: pinned sleeps, the interrupts they ride on, and the judgement. */
#ifndef TICKPROOF_ALIVE_H
#define TICKPROOF_ALIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "../lib/stats.h"
#include "../lib/wake.h"

/* A sampling of pinned sleeps on one CPU. */
struct alive {
	bool dead;
	bool clock_frozen;		/* dead, and CLOCK_MONOTONIC stands still */
	int64_t waited_ns;		/* dead: for how long past the deadline */
	unsigned int wakeups, early;
	int error;			/* negative errno of a failed sleep */
	struct stats late[3];		/* by enum wake_kind, ns */
	/* interrupts on this CPU meanwhile, in the rows of two clockevents */
	uint64_t old_irqs, new_irqs;
	uint64_t new_irqs_ever;		/* since boot, on all CPUs */
	char old_row[64], new_row[64];	/* "HVS", "27(arch_timer)"; "" where there is no such row */
};

/*
 * Sleeps on cpu in every way, absolute, relative and by timerfd, and counts the
 * interrupts of the two named clockevents (the same name twice is fine). Pins
 * the caller to observer. The moment cpu is found dead it prints a DEAD line and
 * returns; then only exiting is safe.
 */
void alive_sample(int cpu, int observer, const char *old_device, const char *new_device,
		  struct alive *a);

/*
 * wake_watch(), but patient: a CPU is dead when a sleep is overdue and its
 * clockevent doesn't interrupt any more, or still not awake much later.
 */
int alive_watch(struct wake *const wakes[], size_t n, struct wake_death *death);

/* "HVS stop, LOC +52": the interrupts of a sampling, for people. */
const char *alive_interrupts(const struct alive *a);

/*
 * Fails the case unless the CPU is alive, nothing ended early, and no median is
 * later than alive_bound() of the baseline (no such bound for baseline NULL).
 */
void alive_judge(const struct alive *a, const struct alive *baseline, int cpu, const char *device);

/*
 * The most a median wake-up may be late, in ns: ten times the CPU's own p99
 * in the baseline of this run, so that it grows with what the host's noise did to
 * a timer that is not in question; never less than 20 ms. kind: enum wake_kind.
 */
int64_t alive_bound(const struct alive *baseline, int kind);

/* late_p50, late_p99, late_max and samples as metrics. */
void alive_metrics(const struct stats *late);

/* Interrupts so far of a clockevent on one CPU; 0 where none are known. */
uint64_t alive_irqs(int cpu, const char *device);

#endif
