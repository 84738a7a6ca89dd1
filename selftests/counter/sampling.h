/* SPDX-License-Identifier: GPL-2.0-only */
/* The same sampling on every CPU at once (crew.h), for a while by the raw counter. */
#ifndef TICKPROOF_SAMPLING_H
#define TICKPROOF_SAMPLING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sampling {
	void (*sample)(struct sampling *box);
	int cpu;
	uint64_t begun; /* raw counter */
	int64_t limit_ns;
	uint64_t rounds; /* for sampling_over(): a frozen counter ends them as well */
	void *data;	 /* this CPU's element of the array that sampling_run() returns */
};

/*
 * Runs sample() on every CPU of report_cpus(), pinned, side by side, and waits
 * for all; fails the case where that can't be. Returns an array with an element
 * of size bytes for each CPU, in their order, zeroed before, which the caller
 * frees, and how many in *n.
 */
void *sampling_run(void (*sample)(struct sampling *box), size_t size, int64_t limit_ns, int *n);

/* Whether the time is up; to be asked every few dozen readings. */
bool sampling_over(struct sampling *box);

#endif
