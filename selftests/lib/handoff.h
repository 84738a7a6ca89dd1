/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pairs of CPUs that hand a cache line to and fro. Each hand-off is an ordered
 * observation of two readings: a CPU reads its clock and publishes the reading,
 * the other sees it, reads, and must not have read less.
 */
#ifndef TICKPROOF_HANDOFF_H
#define TICKPROOF_HANDOFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum handoff_kind {
	HANDOFF_COUNTER, /* the raw counter, in ticks */
	HANDOFF_CLOCK,	 /* a clock as libc reads it, in ns */
	HANDOFF_SYSCALL, /* a clock by system call, in ns */
	HANDOFF_CUSTOM,	 /* read(side): for unit tests */
};

/* What the two CPUs of every pair read. */
struct handoff_source {
	enum handoff_kind kind;
	clockid_t clock;
	int64_t (*read)(int side);
};

/* What one CPU of a pair saw. */
struct handoff_side {
	uint64_t observations; /* our readings ordered after one of the other CPU's */
	uint64_t backwards;    /* ... and were smaller: must be 0 */
	int64_t ahead;	       /* the smallest of ours minus theirs; INT64_MAX: none seen */
};

struct handoff_pair {
	int cpu[2]; /* filled in by the caller; the rest by handoff_round() */
	struct handoff_side side[2];
	int64_t round_trip; /* smallest between two of CPU 0's readings, in the source's unit */
	int64_t ns;	    /* how long it took, by CPU 0's raw counter */
	double typical_ns;  /* of a hand-off: lower quartile of short runs */
	double bare_ns;	   /* HANDOFF_COUNTER: likewise of the bare hand-offs in between; 0: none */
	double reading_ns; /* HANDOFF_COUNTER: what CPU 0's ordered reading of it costs */
	bool frozen;	   /* the raw counter stood still: ended by counting */
	int error;	   /* negative errno: a thread couldn't be started */
};

static inline struct handoff_side handoff_side(void)
{
	return (struct handoff_side){ .ahead = INT64_MAX };
}

/* Accounts for one observation: mine was read after theirs had been. Exact, no tolerance. */
static inline void handoff_account(struct handoff_side *s, int64_t mine, int64_t theirs)
{
	int64_t ahead = (int64_t)((uint64_t)mine - (uint64_t)theirs);

	s->observations++;
	s->backwards += ahead < 0;
	if (ahead < s->ahead)
		s->ahead = ahead;
}

static inline uint64_t handoff_observations(const struct handoff_pair *p)
{
	return p->side[0].observations + p->side[1].observations;
}

/* handoff_round() waits for so many ordered observations of a pair, if patience_ns allows. */
#define HANDOFF_ENOUGH 64

/* How many of n pairs made fewer than HANDOFF_ENOUGH observations, and the fewest of any pair. */
int handoff_starved(const struct handoff_pair *pairs, int n, uint64_t *least);

/*
 * How far CPU 1's clock can be ahead of CPU 0's: within [low, high], since what
 * was seen in order was in order. Never wider than the smallest round trip.
 * False with nothing seen in both directions.
 */
bool handoff_offset(const struct handoff_pair *p, int64_t *low, int64_t *high);

/*
 * Round-robin tournament of n: in each of handoff_rounds(n) rounds everyone
 * meets somebody else, so that n / 2 pairs run at a time. True, and who meets
 * in that round (index 0 to n / 2 - 1, one more for an odd n), or false for the
 * one who is left over.
 */
int handoff_rounds(int n);
bool handoff_match(int n, int round, int index, int *a, int *b);

/* Finds the quickest of several ways to hand off; start from { 0 }, with the first way. */
#define HANDOFF_TRIES 5	  /* runs of each */
#define HANDOFF_KEEP  500 /* runs with the best, before all are tried anew */

struct handoff_pace {
	size_t at;	   /* the way that is being tried; the number of ways: all were tried */
	size_t best, runs; /* the quickest way; runs so far of the way that is used now */
	int64_t least, ticks[HANDOFF_TRIES];
};

/* Notes that a run in the way last chosen took so many ticks; returns the way, of nr, for the next
 * run. */
size_t handoff_pace(struct handoff_pace *p, size_t nr, int64_t ticks);

/*
 * Runs n pairs side by side for about box_ns by the raw counter: longer, up to
 * patience_ns, where CPUs that are off (more virtual CPUs than cores) keep them
 * from HANDOFF_ENOUGH observations. The raw counter's are interleaved with bare
 * hand-offs of the same two CPUs, one run in four. Ends in any case: nothing here
 * awaits a CPU that doesn't come. Pairs share no CPU.
 */
void handoff_round(struct handoff_pair *pairs, int n, const struct handoff_source *source,
		   int64_t box_ns, int64_t patience_ns);

#endif
