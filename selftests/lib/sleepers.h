/* SPDX-License-Identifier: GPL-2.0-only */
/* Every way a thread can wait for time to pass, by name, and the measuring of one such wait. */
#ifndef TICKPROOF_SLEEPERS_H
#define TICKPROOF_SLEEPERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "stats.h"

struct sleeper {
	const char *name;
	clockid_t clock; /* the one it must not end early on */
	bool absolute;
	int64_t grain_ns; /* unit of its argument; 0: a nanosecond */
	/*
	 * Waits for or until when: 0 if time ended it, as it should; otherwise as sleep_error() has
	 * it.
	 */
	int (*wait)(const struct sleeper *s, const struct timespec *when);
};

/* Ends with an entry whose name is NULL. */
extern const struct sleeper sleepers[];

/*
 * Words for what went wrong with a sleep: a negative errno; -EPROTO, where the call came back for
 * another reason than time and called it success; or, positive, how often a one-shot timer says it
 * has expired. Good until the thread asks again.
 */
const char *sleep_error(int error);

/* NULL if there is none of that name. */
const struct sleeper *sleeper_named(const char *name);

/* One wait as it was measured. */
struct slept {
	int64_t requested; /* ns, as rounded up to the sleeper's grain */
	int64_t deadline;  /* on its clock */
	int64_t after;	   /* on its clock, when it had ended */
	int64_t mono;	   /* ns that passed on CLOCK_MONOTONIC meanwhile, and a little more */
	bool settable;	   /* somebody may set its clock back: REALTIME and TAI */
	int error;
};

/* Waits for ns (or until as much from now; for an absolute sleeper also negative). */
void sleeper_wait(const struct sleeper *s, int64_t ns, struct slept *out);

/* A number of waits. */
struct sleeps {
	size_t count;	  /* that ended as they should */
	size_t early;	  /* ended before their deadline: must be 0 */
	size_t steps;	  /* looked early because somebody set their clock back meanwhile */
	int64_t earliest; /* ns by which the worst was early */
	int error;	  /* of the first that failed */
	int64_t *late;	  /* room for as many as the caller adds */
};

/*
 * Counts one in. Early is what ended before its deadline on its own clock, to the
 * nanosecond. Only if that clock can be set, and CLOCK_MONOTONIC saw the whole of the time
 * asked for pass, it was set back meanwhile: that says nothing about the sleep.
 */
void sleeps_add(struct sleeps *all, const struct slept *one);

/*
 * How late a median may be: ten times the 99th percentile of a reference that slept on
 * the same CPU at the same time, at least 20 ms, and what the call itself is allowed.
 */
int64_t sleeps_bound(const struct stats *reference, int64_t allowance);

#endif
