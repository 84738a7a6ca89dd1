/* SPDX-License-Identifier: GPL-2.0-only */
/* Successive readings of one clock by one thread: does it go back, stand still, jump? */
#ifndef TICKPROOF_PROGRESS_H
#define TICKPROOF_PROGRESS_H

#include <stdint.h>

/* Readings alone. Zero it to begin. */
struct stream {
	uint64_t samples;
	uint64_t backwards; /* smaller than the reading before: must be 0 */
	int64_t worst;	    /* the largest step back */
	int64_t step;	    /* the smallest step forward that was seen; 0: it never moved */
	int64_t last;
};

static inline void stream_add(struct stream *s, int64_t value)
{
	int64_t step = (int64_t)((uint64_t)value - (uint64_t)s->last);

	if (s->samples++) {
		if (step < 0) {
			s->backwards++;
			if (-step > s->worst)
				s->worst = -step;
		} else if (step && (!s->step || step < s->step)) {
			s->step = step;
		}
	}
	s->last = value;
}

/* Adds what another thread saw. */
void stream_merge(struct stream *into, const struct stream *s);

/*
 * Readings of a clock, each between two readings of an independent reference, in ns. What is kept
 * is certain: it does not depend on how long the thread was kept from running in between.
 */
struct progress {
	struct stream stream;
	int64_t span;	/* the reference's time from the first reading to the last */
	int64_t still;	/* the longest time for which it certainly showed the same value */
	int64_t gained; /* the most a step was certainly too long, beyond tolerance */
	int64_t lost;	/* the most a step was certainly too short, beyond tolerance */
	int64_t pause;	/* the longest time between two readings */

	int64_t first_before, before, after; /* of the first and of the last reading */
	int64_t same_after;		     /* of the first reading that showed the last value */
};

/* Tolerance of one step against the reference, whose rate is only roughly known: 1 ms + 5 %. */
#define PROGRESS_SLACK_NS   1000000
#define PROGRESS_SLACK_PART 20

/* The longest standstill allowed of a fine clock: ten times that of a 1 MHz counter. */
#define PROGRESS_FINE_NS 10000

/* Takes one more reading, value, made between two of the reference: before and after; all in ns. */
void progress_add(struct progress *p, int64_t before, int64_t value, int64_t after);

/* What is wrong with a fine clock; UNSEEN: the reference did not move either. */
enum progress_verdict {
	PROGRESS_GOOD,
	PROGRESS_BACKWARDS,
	PROGRESS_FROZEN,
	PROGRESS_COARSE,
	PROGRESS_JUMPED,
	PROGRESS_LOST,
	PROGRESS_UNSEEN,
};

/* Judges all readings together. */
enum progress_verdict progress_judge(const struct progress *p);

#endif
