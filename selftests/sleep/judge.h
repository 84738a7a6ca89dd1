/* SPDX-License-Identifier: GPL-2.0-only */
/* Sleeps on all CPUs side by side, each beside one of a reference, and what is demanded of them. */
#ifndef TICKPROOF_JUDGE_H
#define TICKPROOF_JUDGE_H

#include <stddef.h>
#include <stdint.h>

struct plan {
	const char *sleeper;	/* as in lib/sleepers.h */
	const int64_t *lengths; /* ns; each is slept rounds times */
	size_t nr_lengths;
	unsigned int rounds;
	int64_t allowance; /* ns this call may be late beyond the bound: its slack */
};

/*
 * Fails the case if any sleep ended early, by its own clock and to the nanosecond, or if the
 * median lateness on a CPU is beyond sleeps_bound() of a reference (an absolute sleep on
 * CLOCK_MONOTONIC, in turn with those judged), three times out of three: what a host does
 * once isn't the kernel's. Skips where this kernel hasn't the call.
 */
void judge_sleeps(const struct plan *plan);

/* As crew_need(), of sleeps: the CPU where one gets stuck is DEAD. */
void judge_crew(void (*run)(int cpu, void *arg), void *args, size_t size);

/*
 * An absolute sleep whose deadline has passed, by a nanosecond or by decades, ends at once: the
 * median may take no longer than a sleep may be late. The names end with NULL.
 */
void judge_past(const char *const sleepers[]);

/* The plan's lengths and their number. */
#define LENGTHS(...) \
	(const int64_t[]){ __VA_ARGS__ }, sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)

#endif
