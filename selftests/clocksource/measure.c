// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/offset.h"
#include "../lib/report.h"
#include "measure.h"

/* How long one switch may wait for every reader to have read all clocks. */
#define ROUND_LIMIT_NS (NSEC_PER_SEC / 2)

#define TRIES 2

/* The clocks at one moment. */
struct snapshot {
	int64_t when;
	struct offset raw, realtime, boottime, tai;
};

static int64_t width(struct offset r)
{
	return r.high - r.low;
}

static struct snapshot snapshot(uint64_t start)
{
	struct snapshot s;

	s.when = counter_since_ns(start);
	s.raw = offset_between(CLOCK_MONOTONIC_RAW, CLOCK_MONOTONIC, TRIES);
	s.realtime = offset_between(CLOCK_MONOTONIC, CLOCK_REALTIME, TRIES);
	s.boottime = offset_between(CLOCK_MONOTONIC, CLOCK_BOOTTIME, TRIES);
	s.tai = offset_between(CLOCK_REALTIME, CLOCK_TAI, TRIES);
	return s;
}

/* *last is the snapshot before, and then the one after. */
static void switch_once(struct switched *s, uint64_t start, const char *to, struct snapshot *last)
{
	int64_t ahead, width_before, width_after;
	uint64_t begun;
	struct snapshot now;

	ahead = clock_ahead(CLOCK_MONOTONIC, start, 2 * TRIES, &width_before);
	begun = counter_read();
	original_leave_for(to);
	s->took = counter_since_ns(begun);
	s->gap = clock_ahead(CLOCK_MONOTONIC, start, 2 * TRIES, &width_after) - ahead;
	s->gap_width = width_before + width_after;
	now = snapshot(start);
	s->elapsed = counter_since_ns(start) - last->when;
	s->raw = offset_step_error(&last->raw, &now.raw, 0);
	s->realtime = offset_step_error(&last->realtime, &now.realtime, 0);
	s->boottime = offset_step_error(&last->boottime, &now.boottime, 0);
	s->tai = offset_step_error(&last->tai, &now.tai, 0);
	s->width = width(last->raw) + width(now.raw);
	*last = now;
}

void still_at_work(uint64_t *said, int done)
{
	if (counter_since_ns(*said) < 5 * NSEC_PER_SEC)
		return;
	*said = counter_read();
	report_note("still switching: %d so far", done);
}

/* How far coarse clocks lag where nothing is switched. */
static struct stats baseline_lag(const struct cpus *cpus)
{
	const struct timespec span = { 0, 100 * NSEC_PER_MSEC };
	struct readers readers;
	struct stats lag;
	int err = readers_start(&readers, cpus, NULL);

	if (err)
		report_fail("starting a reader on each CPU: %s", strerror(-err));
	clock_nanosleep(CLOCK_MONOTONIC, 0, &span, NULL);
	readers_round(&readers, ROUND_LIMIT_NS, true);
	readers_stop(&readers);
	lag = readers_lag(&readers);
	readers_free(&readers);
	return lag;
}

/*
 * Among readers that never rest, a thread of their own rank would wait for the end of a reader's
 * slice whenever it wakes, several times a switch. Where this isn't allowed, the switches are just
 * slower.
 */
static void go_before_readers(bool go)
{
	struct sched_param param = { .sched_priority = go };

	sched_setscheduler(0, go ? SCHED_FIFO : SCHED_OTHER, &param);
}

void measure(struct measured *m, const struct cs_list *sources, const struct cpus *cpus)
{
	struct readers readers;
	uint64_t start = counter_read(), begun, said, round;
	char now[CS_NAME_LEN];
	unsigned int random;
	struct snapshot last;
	int err;

	strcpy(now, original_name());
	m->seed = random = start;
	/* The raw counters of two CPUs may differ. */
	cpu_pin(cpus_next(-1, cpus));
	m->lag_before = baseline_lag(cpus);
	err = readers_start(&readers, cpus, NULL);
	if (err)
		report_fail("starting a reader on each CPU: %s", strerror(-err));
	go_before_readers(true);
	last = snapshot(start);
	begun = said = counter_read();
	for (m->switches = 0; m->switches < SWITCHES; m->switches++) {
		struct switched *s = &m->switched[m->switches];
		/* Any but the one in use. */
		size_t skip = 1 + rand_r(&random) % (sources->nr - 1);
		size_t to = (cs_find(sources, now) + skip) % sources->nr;

		if (m->switches && counter_since_ns(begun) > SWITCHES_LIMIT_NS)
			break;
		still_at_work(&said, m->switches);
		strcpy(s->from, now);
		strcpy(s->to, sources->name[to]);
		switch_once(s, start, s->to, &last);
		strcpy(now, s->to);
		round = counter_read();
		m->unread += readers_round(&readers, ROUND_LIMIT_NS, true) != 0;
		s->read_took = counter_since_ns(round);
	}
	go_before_readers(false);
	original_return();
	readers_stop(&readers);
	for (int i = 0; i < NR_READ_CLOCKS; i++)
		m->result[i] = readers_result(&readers, i);
	m->lag = readers_lag(&readers);
	m->rounds = readers_rounds(&readers);
	readers_free(&readers);
	m->done = true;
}
