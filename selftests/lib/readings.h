/* SPDX-License-Identifier: GPL-2.0-only */
/* The order of a clock's readings, within one thread and between threads. */
#ifndef TICKPROOF_READINGS_H
#define TICKPROOF_READINGS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Readings of one clock that must not step back; start from { 0 }. */
struct series {
	bool begun;
	int64_t last;
	uint64_t count;	   /* readings */
	uint64_t backward; /* steps back */
	int64_t worst;	   /* the largest of them, ns */
	int64_t worst_at;  /* the reading that it led to */
	uint64_t forward;  /* steps forward: 0 is a clock that stands still */
	int64_t widest;	   /* the largest of them, ns */
};

/* Takes one more reading; returns how far it stepped back, ns, or 0. */
int64_t series_add(struct series *s, int64_t now);

/*
 * The latest reading any thread has made of a clock, for readings that must not
 * be behind it: latest_seen() before a reading, latest_publish() after it.
 * The first is an acquire, the second a release, so the readings are ordered.
 */
struct latest {
	_Atomic int64_t reading;
};

/* Both in ns. */
int64_t latest_seen(struct latest *l);
void latest_publish(struct latest *l, int64_t now);

#endif
