/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Threads that sleep on a CPU under test, and the observer that decides from
 * another CPU, busy, without any timer, whether they still wake up.
 */
#ifndef TICKPROOF_WAKE_H
#define TICKPROOF_WAKE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stats.h"

/* A deadline missed by this much means that the CPU's timers are dead. */
#define WAKE_DEAD_NS (2 * 1000000000ll)

enum wake_kind {
	WAKE_ABS,     /* clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME) */
	WAKE_REL,     /* clock_nanosleep(CLOCK_MONOTONIC, 0) */
	WAKE_TIMERFD, /* a one-shot absolute timerfd and a blocking read() */
};

/* A sleeper: the caller fills in the first four, wake_start() does the rest. */
struct wake {
	int cpu;
	enum wake_kind kind;
	unsigned int count;  /* how many sleeps */
	int64_t interval_ns; /* of each sleep */

	pthread_t thread;
	_Atomic int64_t deadline;   /* CLOCK_MONOTONIC ns of the sleep under way; 0: none */
	_Atomic unsigned int woken; /* sleeps that have ended */
	_Atomic bool stop, done;
	int64_t *late;	    /* of each wake-up, ns; negative is early */
	unsigned int early; /* how many woke before their deadline: must be 0 */
	unsigned int
		repeated; /* WAKE_TIMERFD, by wake_join(): expirations beyond the last: must be 0 */
	int error;	  /* negative errno of a call that failed; else as sleep_error() has it */
	int fd;		  /* of WAKE_TIMERFD, else -1 */
};

/* How a watch ended badly. */
struct wake_death {
	const struct wake *wake; /* the sleeper that didn't wake */
	int64_t waited_ns;	 /* since its deadline */
	bool clock_frozen;	 /* CLOCK_MONOTONIC stood still while the raw counter went on */
};

/* Starts the sleeper, pinned to its CPU. Returns 0 or -errno. */
int wake_start(struct wake *w);

/* A sleeper ends after the sleep under way. */
void wake_stop(struct wake *w);

/*
 * Watches n sleepers until all are done: 0, or -ETIMEDOUT with *death filled in
 * when one has missed its deadline by WAKE_DEAD_NS. Never sleeps. Time counts
 * only while this thread itself gets to run, so that a host that stops the
 * whole guest for seconds kills nobody. The caller is pinned to another CPU
 * than the sleepers'; with one CPU it yields to them now and then, and so still decides.
 */
int wake_watch(struct wake *const wakes[], size_t n, struct wake_death *death);

/* Joins a sleeper that is done and summarises its lateness in ns. Never call it for a dead one. */
struct stats wake_join(struct wake *w);

/* Busy-polls done(arg) for at most limit_ns of observed time; 0 or -ETIMEDOUT. */
int observe(bool (*done)(void *arg), void *arg, int64_t limit_ns);

/*
 * ns in which the observers of this process were kept from running, and which they therefore let
 * pass: what timers did meanwhile nobody saw.
 */
int64_t observer_paused(void);

/* Where it is more than this, a case that passes can't tell. */
#define OBSERVER_PAUSED_MAX (10 * 1000000000ll)

/* Keeps a CPU busy in user mode. */
struct spinner {
	int cpu;
	pthread_t thread;
	_Atomic bool stop;
	_Atomic bool running;
	_Atomic long switches; /* involuntary context switches so far */
};

/* Starts the spinner, pinned to its CPU. Returns 0 or -errno. */
int spinner_start(struct spinner *s);

/* Stops and joins it; don't on a dead CPU. */
void spinner_stop(struct spinner *s);

#endif
