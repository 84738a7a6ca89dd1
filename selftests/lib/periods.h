/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a periodic timer must have counted. The kernel counts at the moment it is
 * asked (hrtimer_forward_now() in timerfd_read(), hrtimer_forward() when a timer's
 * signal is taken), so the sum of all counts is exactly how many periods had begun
 * at some moment between the clock reads around the call. No tolerance is needed,
 * however late the reader runs; and a sum that fits at the end of a long run shows
 * that the timer didn't drift.
 */
#ifndef TICKPROOF_PERIODS_H
#define TICKPROOF_PERIODS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * An interval that no kernel makes longer: hrtimer_forward() takes none below hrtimer_resolution, a
 * nanosecond with high resolution timers and a tick without (highres=off), and CLOCK_MONOTONIC's
 * resolution tells. Never more than 10 ms for what is less, as no tick is longer.
 */
int64_t periods_interval(int64_t interval);

/* Expirations at the time now of a timer that first expires at first. */
uint64_t periods_at(int64_t now, int64_t first, int64_t interval);

/* How far sum, counted between before and after, is off: 0 if it fits, negative if too few. */
int64_t periods_off(uint64_t sum, int64_t before, int64_t after, int64_t first, int64_t interval);

/*
 * The lateness of every expiration that a read at now delivered, when sum had been
 * read before and count came now: an expiration that waited after others counts
 * from its own due time (corrected for coordinated omission). Stores at most room,
 * the first ones, and returns how many.
 */
size_t periods_late(uint64_t sum, uint64_t count, int64_t now, int64_t first, int64_t interval,
		    int64_t *late, size_t room);

#endif
