// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <stdlib.h>

#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/crew.h"
#include "../lib/report.h"
#include "sampling.h"

/* By counting, where the raw counter doesn't tell: a few seconds' worth. */
#define MAX_ROUNDS 1000000

bool sampling_over(struct sampling *box)
{
	crew_progress();
	return counter_since_ns(box->begun) > box->limit_ns || ++box->rounds > MAX_ROUNDS;
}

static void run(int cpu, void *arg)
{
	struct sampling *box = arg;

	box->cpu = cpu;
	box->begun = counter_read();
	box->sample(box);
}

void *sampling_run(void (*sample)(struct sampling *box), size_t size, int64_t limit_ns, int *n)
{
	int nr = cpus_count(report_cpus());
	struct sampling *all = calloc(nr, sizeof(*all));
	char *data = calloc(nr, size);

	ck_assert(all && data);
	counter_hz();
	for (int i = 0; i < nr; i++)
		all[i] = (struct sampling){ .sample = sample,
					    .limit_ns = limit_ns,
					    .data = data + i * size };
	crew_need(report_cpus(), run, all, sizeof(*all));
	free(all);
	*n = nr;
	return data;
}
