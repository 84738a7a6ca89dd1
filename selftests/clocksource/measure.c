// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "../lib/clocks.h"
#include "../lib/report.h"
#include "measure.h"

/* How long one switch may wait for every reader to have read all clocks. */
#define ROUND_LIMIT_NS (NSEC_PER_SEC / 2)

#define TRIES 4

/* The clocks at one moment. */
struct snapshot {
	int64_t ahead, width, when;
	struct range raw, realtime, boottime, tai;
};

static struct snapshot snapshot(uint64_t start)
{
	struct snapshot s;

	s.raw = clocks_offset(CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, TRIES);
	s.realtime = clocks_offset(CLOCK_REALTIME, CLOCK_MONOTONIC, TRIES);
	s.boottime = clocks_offset(CLOCK_BOOTTIME, CLOCK_MONOTONIC, TRIES);
	s.tai = clocks_offset(CLOCK_TAI, CLOCK_REALTIME, TRIES);
	s.ahead = clock_ahead(CLOCK_MONOTONIC, start, 2 * TRIES, &s.width);
	s.when = counter_since_ns(start);
	return s;
}

static void switch_once(struct switched *s, uint64_t start, const char *to)
{
	struct snapshot before, after;

	before = snapshot(start);
	home_leave_for(to);
	/* The nearest first. */
	after.ahead = clock_ahead(CLOCK_MONOTONIC, start, 2 * TRIES, &after.width);
	s->gap = after.ahead - before.ahead;
	s->width = before.width + after.width;
	after = snapshot(start);
	s->elapsed = after.when - before.when;
	s->raw = range_change(before.raw, after.raw);
	s->realtime = range_change(before.realtime, after.realtime);
	s->boottime = range_change(before.boottime, after.boottime);
	s->tai = range_change(before.tai, after.tai);
}

void measure(struct measured *m, const struct cs_list *sources, const cpu_set_t *cpus)
{
	struct readers readers;
	uint64_t start = counter_read();
	char now[CS_NAME_LEN];
	unsigned int random;
	int err;

	strcpy(now, home_name());
	m->seed = random = start;
	err = readers_start(&readers, cpus);
	if (err)
		report_fail("starting a reader on each CPU: %s", strerror(-err));
	for (size_t i = 0; i < SWITCHES; i++) {
		struct switched *s = &m->switched[i];
		/* Any but the one in use. */
		size_t to = (cs_find(sources, now) + 1 + rand_r(&random) % (sources->nr - 1)) % sources->nr;

		strcpy(s->from, now);
		strcpy(s->to, sources->name[to]);
		switch_once(s, start, s->to);
		strcpy(now, s->to);
		m->unread += readers_round(&readers, ROUND_LIMIT_NS, true) != 0;
	}
	home_return();
	readers_stop(&readers);
	for (int i = 0; i < NR_READ_CLOCKS; i++)
		m->result[i] = readers_result(&readers, i);
	m->lag = readers_lag(&readers);
	m->rounds = readers_rounds(&readers);
	readers_free(&readers);
	m->done = true;
}
