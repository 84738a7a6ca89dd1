/* SPDX-License-Identifier: GPL-2.0-only */
/* How far one clock is ahead of another, by reading one between two readings of the other. */
#ifndef TICKPROOF_OFFSET_H
#define TICKPROOF_OFFSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/*
 * A reading of one clock between two of another, as tools/testing/selftests/timers/freq-step.c
 * takes them.
 */
struct sandwich {
	int64_t before, value, after;
};

/* So many tries find a sandwich without an interruption, unless the machine is overloaded. */
#define SANDWICH_TRIES 16

static inline int64_t sandwich_width(const struct sandwich *s)
{
	return s->after - s->before;
}

/*
 * The narrowest of so many sandwiches of inner within outer, read as libc does, in ns. One in which
 * outer went back is no sandwich. False if there was none.
 */
bool sandwich_clocks(clockid_t outer, clockid_t inner, int tries, struct sandwich *narrowest);

/* The same within the raw counter: before and after are its ticks. */
bool sandwich_counter(clockid_t inner, int tries, struct sandwich *narrowest);

/* The same of whatever inner(arg) reads, in a unit of its own. */
bool sandwich_with(clockid_t outer, int64_t (*inner)(void *arg), void *arg, int tries,
		   struct sandwich *narrowest);

/*
 * What is certain about the offset inner - outer, ns. A sandwich confines it to [value - after,
 * value - before]; if both clocks tick alike, one offset fits all sandwiches, however wide a
 * preempted reader made some. Start from { 0 }.
 */
struct offset {
	int64_t low, high; /* low > high: no one offset fits */
	size_t samples;
};

/* The offset that one sandwich allows. */
struct offset offset_of(const struct sandwich *s);

/* Takes one more sandwich: afterwards *o is what all sandwiches so far allow. */
void offset_meet(struct offset *o, const struct sandwich *s);

/* Takes n sandwiches of inner within outer. */
void offset_sample(struct offset *o, clockid_t outer, clockid_t inner, int n);

/* The offset that the narrowest of so many sandwiches allows; samples is 0 if there was none. */
struct offset offset_between(clockid_t outer, clockid_t inner, int tries);

/* How many ns the sandwiches contradict each other by; 0 or less: one offset fits all. */
int64_t offset_misfit(const struct offset *o);

/* How many ns b differs from a + step at the least; 0: they may be equal. */
int64_t offset_step_error(const struct offset *a, const struct offset *b, int64_t step);

/*
 * How far clock is ahead of the raw counter since start, ns, up to a constant: in the middle of the
 * narrowest of so many sandwiches; *width, how narrow that is, ns.
 */
int64_t clock_ahead(clockid_t clock, uint64_t start, int tries, int64_t *width);

#endif
