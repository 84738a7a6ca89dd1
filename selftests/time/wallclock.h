/* SPDX-License-Identifier: GPL-2.0-only */
/* The time of day, changed for a while and put back whatever happens. */
#ifndef TICKPROOF_WALLCLOCK_H
#define TICKPROOF_WALLCLOCK_H

#include <stdint.h>
#include <time.h>

#include "../lib/report.h"

/*
 * A program's setup(): remembers the time of day against CLOCK_MONOTONIC_RAW, the
 * kernel's NTP frequency, status and TAI offset; installs handlers, as
 * restore_init() does, that put all back when the program ends or a signal ends
 * it. The processes of the cases inherit neither.
 */
void wallclock_init(void);

/* Skips the case unless time may be set here. */
void wallclock_need(void);

/* Sets CLOCK_REALTIME; fails the case where that fails. */
void wallclock_set(int64_t realtime_ns);

/*
 * Moves CLOCK_REALTIME by ns: reads it, adds, and sets it; so the step is off by the time that this
 * takes.
 */
void wallclock_step(int64_t ns);

/*
 * clock_adjtime(CLOCK_REALTIME) with one mode and value; returns the clock's state (TIME_*) or
 * -errno.
 */
int wallclock_adjust(unsigned int modes, int64_t value);

/* CLOCK_TAI less CLOCK_REALTIME as the kernel has it, in seconds. */
int wallclock_tai(void);

/*
 * A non-blocking timerfd a day away, of these flags (timerfd_settime(2)): only a set or a step
 * reaches it.
 */
int wallclock_far_timer(clockid_t clock, int flags);

/* A program's schedule(): its cases in turn, and after each of them wallclock_restore(). */
void wallclock_run(const struct report_case *cases, size_t nr);

/* Puts everything back now, if anything was changed; whichever process calls. Async-signal-safe. */
void wallclock_restore(void);

#endif
