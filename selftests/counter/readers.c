// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/report.h"
#include "readers.h"

/* By counting, where the raw counter doesn't tell: a few seconds' worth. */
#define MAX_ROUNDS 1000000

bool readers_over(struct reader *r)
{
	return counter_since_ns(r->begun) > r->limit_ns || ++r->rounds > MAX_ROUNDS;
}

struct start {
	struct reader reader;
	void (*read)(struct reader *r);
};

static void *run(void *arg)
{
	struct start *s = arg;

	s->reader.begun = counter_read();
	s->read(&s->reader);
	return NULL;
}

void *readers_run(void (*read)(struct reader *r), size_t size, int64_t limit_ns, int *n)
{
	int nr = cpus_count(report_cpus()), cpu, i = 0;
	struct start *starts = calloc(nr, sizeof(*starts));
	char *data = calloc(nr, size);

	ck_assert(starts && data);
	counter_hz();
	cpus_for_each(cpu, report_cpus()) {
		struct start *s = &starts[i];
		int err;

		s->reader.cpu = cpu;
		s->reader.limit_ns = limit_ns;
		s->reader.data = data + i++ * size;
		s->read = read;
		err = cpu_thread(&s->reader.thread, cpu, run, s);
		if (err)
			report_fail("a thread for CPU %d: %s", cpu, strerror(-err));
	}
	for (i = 0; i < nr; i++)
		pthread_join(starts[i].reader.thread, NULL);
	free(starts);
	*n = nr;
	return data;
}
