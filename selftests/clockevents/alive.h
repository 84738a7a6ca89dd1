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
	bool whole; /* it came to its end */
	bool dead;
	bool clock_frozen; /* dead, and CLOCK_MONOTONIC stands still */
	int64_t waited_ns; /* dead: for how long past the deadline */
	unsigned int wakeups, early;
	int error; /* negative errno of a failed sleep */
	/* Where a median was late, see lateness_again(): */
	unsigned int again; /* late samplings before this one */
	int64_t poke;	    /* median of wake-ups without timer at the same time, ns; 0: unknown */
	struct stats late[3]; /* by enum wake_kind, ns */
	/* interrupts on this CPU meanwhile, in the rows of two clockevents */
	uint64_t old_irqs, new_irqs;
	uint64_t new_irqs_ever;	       /* since boot, on all CPUs */
	bool broadcast;		       /* the CPU is one of tick_broadcast_mask */
	uint64_t broadcast_irqs;       /* if so: in place of its device's, see alive_rode() */
	char old_row[64], new_row[64]; /* "HVS", "27(arch_timer)"; "" where there is no such row */
};

/* One of the CPUs that are sampled together. */
struct alive_cpu {
	int cpu;
	const char *old_device, *new_device; /* whose interrupts to count; the same twice is fine */
	struct alive *a;		     /* what comes of it */
};

/*
 * How many sleeps: enough for a median and a tail, or just to show that the timer fires in every
 * way.
 */
enum alive_depth { ALIVE_FULL, ALIVE_BRIEF };

/*
 * Sleeps on n CPUs, side by side, in every way: absolute, relative and by timerfd; and counts the
 * interrupts of the named clockevents. Pins the caller to observer, which is none of them unless
 * there is one CPU. The moment one is found dead it prints a DEAD line and returns that CPU's
 * number; then only exiting is safe, and the others' samples aren't whole. -1 when all came to
 * their end.
 */
int alive_sample_all(const struct alive_cpu *cpus, size_t n, int observer, enum alive_depth depth);

/* The same for one CPU; a->dead tells. */
void alive_sample(int cpu, int observer, enum alive_depth depth, const char *old_device,
		  const char *new_device, struct alive *a);

/*
 * Whether the sleeps rode on interrupts that are known to be the device's: half of them, since a
 * late wake-up may share its interrupt with the tick or the next one. Where a CPU's timer stops in
 * deep idle (C3STOP: big.LITTLE, x86 before ARAT) the broadcast device stands in for it
 * (kernel/time/tick-broadcast.c), and its interrupts count as well.
 */
bool alive_rode(const struct alive *a);

/* Fails the case where they didn't. */
void alive_judge_interrupts(const struct alive *a, const char *device);

/*
 * Whether the device that was left goes on interrupting (where it could tell: on x86 a broadcast is
 * counted as LOC).
 */
bool alive_old_goes_on(const struct alive *a);

/*
 * wake_watch(), but patient: a CPU is dead when a sleep is overdue and its
 * clockevent doesn't interrupt any more, or still not awake much later.
 */
int alive_watch(struct wake *const wakes[], size_t n, struct wake_death *death);

/* "HVS stop, LOC +52": the interrupts of a sampling, for people. */
const char *alive_interrupts(const struct alive *a);

/*
 * The first enum wake_kind whose median is too late; or -1. Allowed are 20 ms, and twice the median
 * of wake-ups without timer; where these weren't measured it is alive_bound() of the baseline. With
 * baseline NULL it is 20 ms: what is later is suspect, by the host's doing or the timer's.
 */
int alive_late(const struct alive *a, const struct alive *baseline);

/*
 * Fails the case unless the CPU is alive, nothing ended early, and alive_late()
 * finds nothing (not asked where baseline is NULL).
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
