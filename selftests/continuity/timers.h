/* SPDX-License-Identifier: GPL-2.0-only */
/* Timers of each kind on one CPU that wait while the machine is held up. */
#ifndef TICKPROOF_TIMERS_H
#define TICKPROOF_TIMERS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Where the host takes its time to stop the machine, they are armed anew, so often at the most. */
#define TIMERS_ROUNDS 80

/* The caller fills in cpu, over, rounds and lead; the rest by timers_start(). */
struct timers {
	int cpu;
	_Atomic bool *over; /* the machine goes on again */
	int rounds;	    /* to arm them, until then: 1 to TIMERS_ROUNDS */
	int64_t lead;	    /* ns after which the first of them expires */

	pthread_t thread;
	_Atomic bool armed, done;
	int round;		      /* the last one, from 0 on; in each: */
	int64_t from[TIMERS_ROUNDS];  /* CLOCK_MONOTONIC ns at which they were about to be armed */
	int64_t first[TIMERS_ROUNDS]; /* and of the first to expire */
	unsigned int fired;
	unsigned int early;	 /* reported before their time, on their own clock: must be 0 */
	unsigned int disordered; /* signals that came before one of an earlier timer: must be 0 */
	unsigned int repeated;	 /* expirations of one-shot timers beyond the first: must be 0 */
	int64_t worst_early, latest; /* ns */
	int64_t missed;		     /* a periodic timer's count off what it must be: must be 0 */
	uint64_t periods;
	int error; /* errno of a call that failed */
};

/*
 * Starts the thread that arms them on its CPU, sees them fire, and is done when *over is set.
 * Blocks SIGRTMIN for the caller and whom it starts. 0 or -errno.
 */
int timers_start(struct timers *t);

/*
 * How many ns after that moment of CLOCK_MONOTONIC those that were armed then were to expire; 0:
 * none were.
 */
int64_t timers_margin(const struct timers *t, int64_t moment);

#endif
