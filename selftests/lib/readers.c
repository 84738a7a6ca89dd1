// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clocks.h"
#include "cpus.h"
#include "readers.h"

const struct read_clock read_clocks[NR_READ_CLOCKS] = {
	{ CLOCK_MONOTONIC, "MONOTONIC", -1 },
	{ CLOCK_MONOTONIC_RAW, "MONOTONIC_RAW", -1 },
	{ CLOCK_REALTIME, "REALTIME", -1 },
	{ CLOCK_BOOTTIME, "BOOTTIME", -1 },
	{ CLOCK_TAI, "TAI", -1 },
	{ CLOCK_MONOTONIC_COARSE, "MONOTONIC_COARSE", 0 },
	{ CLOCK_REALTIME_COARSE, "REALTIME_COARSE", 2 },
};

static int64_t read_real(clockid_t clock, bool by_syscall)
{
	return by_syscall ? clock_ns_syscall(clock) : clock_ns(clock);
}

/* One reading, judged. */
static int64_t read_one(struct readers *all, struct reader *self, int clock, bool by_syscall)
{
	struct read_result *result = &self->result[clock];
	struct latest *latest = &all->latest[clock];
	int64_t seen = latest_seen(latest), now;

	now = all->read(read_clocks[clock].id, by_syscall);
	latest_publish(latest, now);
	series_add(&result->own, now);
	if (now < seen) {
		result->behind++;
		if (seen - now > result->behind_worst)
			result->behind_worst = seen - now;
	}
	return now;
}

/* A coarse clock, between two readings of its fine one. */
static void read_coarse(struct readers *all, struct reader *self, int clock, bool by_syscall)
{
	int fine = read_clocks[clock].fine;
	int64_t before = read_one(all, self, fine, false);
	int64_t coarse = read_one(all, self, clock, by_syscall);
	int64_t after = read_one(all, self, fine, false);
	struct read_result *result = &self->result[clock];

	self->lag[self->nr_lags++ % READ_LAGS] = before - coarse;
	if (coarse > after) {
		result->ahead++;
		if (coarse - after > result->ahead_worst)
			result->ahead_worst = coarse - after;
	}
}

static void *reader(void *arg)
{
	struct reader *self = arg;
	struct readers *all = self->all;

	while (!atomic_load_explicit(&all->stop, memory_order_relaxed)) {
		for (int i = 0; i < NR_READ_CLOCKS; i++) {
			if (read_clocks[i].fine < 0) {
				read_one(all, self, i, false);
				read_one(all, self, i, true);
			} else {
				read_coarse(all, self, i, self->rounds % 2);
			}
		}
		atomic_fetch_add(&self->rounds, 1);
	}
	return NULL;
}

int readers_start(struct readers *r, const struct cpus *cpus,
		  int64_t (*read)(clockid_t clock, bool by_syscall))
{
	int cpu, err = 0;

	memset(r, 0, sizeof(*r));
	r->read = read ? read : read_real;
	r->reader = calloc(cpus_count(cpus), sizeof(*r->reader));
	if (!r->reader)
		return -ENOMEM;
	cpus_for_each(cpu, cpus) {
		struct reader *one = &r->reader[r->nr];

		one->all = r;
		one->cpu = cpu;
		err = cpu_thread(&one->thread, cpu, reader, one);
		if (err) {
			readers_stop(r);
			break;
		}
		r->nr++;
	}
	return err;
}

int readers_round(struct readers *r, int64_t limit_ns, bool sleep)
{
	const struct timespec moment = { 0, 500 * NSEC_PER_USEC };
	unsigned long begun[r->nr];
	uint64_t start = counter_read();

	for (size_t i = 0; i < r->nr; i++)
		begun[i] = atomic_load(&r->reader[i].rounds);
	for (size_t i = 0; i < r->nr; i++) {
		/* The round under way began before this. */
		while (atomic_load(&r->reader[i].rounds) - begun[i] < 2) {
			if (counter_since_ns(start) > limit_ns)
				return -ETIMEDOUT;
			if (sleep)
				clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL);
		}
	}
	return 0;
}

void readers_stop(struct readers *r)
{
	atomic_store(&r->stop, true);
	for (size_t i = 0; i < r->nr; i++)
		pthread_join(r->reader[i].thread, NULL);
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

struct read_result readers_result(const struct readers *r, int clock)
{
	struct read_result sum = { 0 };

	for (size_t i = 0; i < r->nr; i++) {
		const struct read_result *one = &r->reader[i].result[clock];

		sum.own.count += one->own.count;
		sum.own.backward += one->own.backward;
		sum.own.worst = larger(sum.own.worst, one->own.worst);
		sum.own.forward += one->own.forward;
		sum.own.widest = larger(sum.own.widest, one->own.widest);
		sum.behind += one->behind;
		sum.behind_worst = larger(sum.behind_worst, one->behind_worst);
		sum.ahead += one->ahead;
		sum.ahead_worst = larger(sum.ahead_worst, one->ahead_worst);
	}
	return sum;
}

struct stats readers_lag(const struct readers *r)
{
	int64_t *all = calloc(r->nr, sizeof(r->reader->lag));
	struct stats s = { 0 };
	size_t n = 0;

	for (size_t i = 0; all && i < r->nr; i++) {
		const struct reader *one = &r->reader[i];
		size_t count = one->nr_lags < READ_LAGS ? one->nr_lags : READ_LAGS;

		memcpy(all + n, one->lag, count * sizeof(*all));
		n += count;
	}
	if (all)
		s = stats_of(all, n);
	free(all);
	return s;
}

unsigned long readers_rounds(const struct readers *r)
{
	unsigned long fewest = 0;

	for (size_t i = 0; i < r->nr; i++)
		if (!i || r->reader[i].rounds < fewest)
			fewest = r->reader[i].rounds;
	return fewest;
}

void readers_free(struct readers *r)
{
	free(r->reader);
	r->reader = NULL;
	r->nr = 0;
}
