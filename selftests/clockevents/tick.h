/* SPDX-License-Identifier: GPL-2.0-only */
/* What a CPU's tick is for, beyond sleeps: stopping in idle, preempting, accounting. */
#ifndef TICKPROOF_TICK_H
#define TICKPROOF_TICK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How long an idle CPU is watched: beyond what a short counter could time (make mutants: wrap). */
#define TICK_IDLE_NS 1000000000ll

/* A CPU, idle through one sleep of that length. */
struct idleness {
	int cpu;
	const char *device;
	bool whole, dead; /* it woke; it never did */
	uint64_t irqs;	  /* of device on it meanwhile */
	int64_t late;	  /* how late it woke, ns */
};

/*
 * Lets n CPUs idle side by side; the caller has filled in cpu and device. Pins the caller to
 * observer. Returns a CPU that never woke (WAKE_DEAD_NS past the deadline; then only exiting is
 * safe), or -1.
 */
int tick_idle(struct idleness *all, size_t n, int observer);

/* Fails the case unless the tick takes cpu from one busy thread and gives it to another. */
void tick_judge_preemption(int cpu, int observer);

/* Fails the case unless the tick of cpu charges CPU time (ITIMER_PROF). Pins the caller to cpu. */
void tick_judge_accounting(int cpu);

#endif
