/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A thread on each CPU that reads every clock, by libc (the vDSO where the
 * source allows) and by system call in turn, and judges each reading: against
 * its own last one, against the latest of any thread, coarse against fine.
 */
#ifndef TICKPROOF_READERS_H
#define TICKPROOF_READERS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cpus.h"
#include "readings.h"
#include "stats.h"

struct read_clock {
	clockid_t id;
	const char *name;
	int fine; /* a coarse clock's fine one in read_clocks, or -1 */
};

#define NR_READ_CLOCKS 7
#define NR_FINE_CLOCKS 5 /* the first ones */
extern const struct read_clock read_clocks[NR_READ_CLOCKS];

/* What one reader, or all of them, saw of one clock. */
struct read_result {
	struct series own;
	uint64_t behind; /* readings behind one another thread had made before */
	int64_t behind_worst;
	uint64_t ahead; /* coarse clocks: readings that a fine one after it was behind */
	int64_t ahead_worst;
};

#define READ_LAGS 4096

struct reader {
	struct readers *all;
	int cpu;
	pthread_t thread;
	_Atomic unsigned long rounds;
	struct read_result result[NR_READ_CLOCKS];
	int64_t lag[READ_LAGS]; /* of coarse clocks, ns: the latest */
	size_t nr_lags;
};

struct readers {
	int64_t (*read)(clockid_t clock, bool by_syscall);
	size_t nr;
	struct reader *reader;
	struct latest latest[NR_READ_CLOCKS];
	_Atomic bool stop;
};

/*
 * Starts one reader on each CPU of the set; read is NULL for the real clocks (unit
 * tests have seeded ones). Returns 0 or -errno.
 */
int readers_start(struct readers *r, const struct cpus *cpus,
		  int64_t (*read)(clockid_t clock, bool by_syscall));

/*
 * Waits until every reader has read all clocks once more, from now on, but for
 * limit_ns at most: 0 or -ETIMEDOUT. Sleeps in between, or spins.
 */
int readers_round(struct readers *r, int64_t limit_ns, bool sleep);

/* Ends them. */
void readers_stop(struct readers *r);

/* Call these after readers_stop(). What all readers together saw of read_clocks[clock]. */
struct read_result readers_result(const struct readers *r, int clock);

/* By how much the coarse clocks were behind their fine ones, ns. */
struct stats readers_lag(const struct readers *r);

/* How often a reader read all clocks, summed over the readers. */
unsigned long readers_rounds(const struct readers *r);

/* Frees what readers_start() has allocated. */
void readers_free(struct readers *r);

#endif
