/* SPDX-License-Identifier: GPL-2.0-only */
/* One thread on each CPU, all started together, for a while by the raw counter. */
#ifndef TICKPROOF_READERS_H
#define TICKPROOF_READERS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct reader {
	int cpu;
	uint64_t begun; /* raw counter */
	int64_t limit_ns;
	uint64_t rounds; /* for readers_over(): a frozen counter ends them as well */
	void *data;	 /* this CPU's element of the array given to readers_run() */
	pthread_t thread;
};

/*
 * Runs read(reader) on every CPU of report_cpus(), pinned, side by side, and
 * waits for all. data is an array of elements of size bytes, in the CPUs'
 * order, zeroed before; the caller frees it. Returns it, and how many in *n.
 */
void *readers_run(void (*read)(struct reader *r), size_t size, int64_t limit_ns, int *n);

/* Whether a reader's time is up; to be asked every few dozen readings. */
bool readers_over(struct reader *r);

#endif
