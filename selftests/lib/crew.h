/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The same work on every CPU at once, a pinned thread each. Nobody is disturbed
 * by an observer while all go on: the first to finish wakes the caller, which
 * needs no timer, and from then on the caller watches the others, busy, from the
 * CPU that has just shown itself alive.
 */
#ifndef TICKPROOF_CREW_H
#define TICKPROOF_CREW_H

#include <stddef.h>
#include <stdint.h>

#include "cpus.h"

/* A member without progress for this long (of observed time, see wake.h) is stuck. */
#define CREW_STUCK_NS (10 * 1000000000ll)

/*
 * Runs run(cpu, args + i * size) pinned to the i-th CPU of cpus, all at once;
 * they begin together. Returns 0 when all have ended, -errno when they couldn't be
 * started, or -ETIMEDOUT with the number of a CPU that got stuck in *stuck: its
 * threads are left behind, and the caller ends its process soon.
 */
int crew_run(const struct cpus *cpus, void (*run)(int cpu, void *arg), void *args, size_t size,
	     int *stuck);

/* As crew_run(); fails the case where a thread can't be started or gets stuck. */
void crew_need(const struct cpus *cpus, void (*run)(int cpu, void *arg), void *args, size_t size);

/* By a member, now and then: it is getting on. Its sleeps stay well below CREW_STUCK_NS. */
void crew_progress(void);

#endif
