/* SPDX-License-Identifier: GPL-2.0-only */
/* Judging readings of clocks: order within and between threads, and offsets between two clocks. */
#ifndef TICKPROOF_READINGS_H
#define TICKPROOF_READINGS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Readings of one clock that must not step back; start from { 0 }. */
struct series {
	bool begun;
	int64_t last;
	uint64_t count;		/* readings */
	uint64_t backward;	/* steps back */
	int64_t worst;		/* the largest of them, ns */
	int64_t worst_at;	/* the reading that it led to */
	uint64_t forward;	/* steps forward: 0 is a clock that stands still */
	int64_t widest;		/* the largest of them, ns */
};

/* Takes one more reading; returns how far it stepped back, ns, or 0. */
int64_t series_add(struct series *s, int64_t now);

/*
 * The latest reading any thread has made of a clock, for readings that must not
 * be behind it: handoff_seen() before a reading, handoff_publish() after it.
 * The first is an acquire, the second a release, so the readings are ordered.
 */
struct handoff {
	_Atomic int64_t latest;
};

int64_t handoff_seen(struct handoff *h);
void handoff_publish(struct handoff *h, int64_t now);

/* What is certain about a value. */
struct range {
	int64_t low, high;
};

/* The offset of a reading within two readings around it: mid - outer, as far as it's certain. */
struct range range_offset(int64_t before, int64_t mid, int64_t after);

/* The least by which a value must have changed from a to b: 0 where the ranges meet. Signed. */
int64_t range_change(struct range a, struct range b);

/* Offset of clock a from clock b, by libc: the narrowest of so many tries. */
struct range clocks_offset(clockid_t a, clockid_t b, int tries);

/*
 * How far clock is ahead of the raw counter, ns, up to a constant; the
 * narrowest of so many tries, *width how narrow.
 */
int64_t clock_ahead(clockid_t clock, uint64_t start, int tries, int64_t *width);

#endif
