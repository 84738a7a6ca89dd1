/* SPDX-License-Identifier: GPL-2.0-only */
/* Waits of a thread that is busy on its CPU and notices by itself when it is kept from running. */
#ifndef TICKPROOF_BUSY_H
#define TICKPROOF_BUSY_H

#include <stdint.h>
#include <time.h>

struct busy {
	uint64_t start, last;
	int64_t due;	     /* when the awaited event is due, ns from the start */
	int64_t paused;	     /* ns that the host or interrupts took, all steps longer than 250 us */
	int64_t paused_late; /* of it, after due */
};

/* Begins a wait for an event that is due in so many ns. */
struct busy busy_start(int64_t due);

/* Begins the next wait at the last step, so that no pause in between is missed. */
void busy_again(struct busy *b, int64_t due);

/* Returns the ns since the start without pauses. The caller calls it again and again. */
int64_t busy_step(struct busy *b);

/*
 * How late the event was at the last step, ns, without the pauses after it was due. A pause before
 * that makes nothing late.
 */
int64_t busy_late(const struct busy *b);

/*
 * For busy_tick(): a timer of CPU time and its signal (SIGUSR1) to the calling thread. 0 or -errno.
 */
int busy_tick_open(timer_t *timer);

/*
 * Waits, busy, for the next tick of this CPU: that is when the kernel looks at timers of CPU time
 * (run_posix_cpu_timers()). Returns ns without pauses, WAKE_DEAD_NS where none comes.
 */
int64_t busy_tick(timer_t timer);

#endif
