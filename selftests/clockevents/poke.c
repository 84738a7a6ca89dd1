// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/wake.h"
#include "poke.h"

enum { TRIES = 20 };

struct poked {
	int cpu, fd;
	_Atomic int waits;		/* the try that it waits for */
	_Atomic int64_t woke;		/* when, of the last try; 0: not yet */
};

static void *sleeper(void *arg)
{
	struct poked *p = arg;
	uint64_t value;

	if (cpu_pin(p->cpu))
		return NULL;
	for (int i = 0; i < TRIES; i++) {
		atomic_store(&p->waits, i);
		if (read(p->fd, &value, sizeof(value)) != sizeof(value))
			return NULL;
		atomic_store(&p->woke, clock_ns(CLOCK_MONOTONIC));
	}
	return NULL;
}

static bool woken(void *arg)
{
	struct poked *p = arg;

	return atomic_load(&p->woke);
}

static bool never(void *arg)
{
	(void)arg;
	return false;
}

int64_t poke_least(int cpu, int observer)
{
	/* A thread that never wakes keeps it, until the process of the case ends. */
	static struct poked p;
	int64_t least = -1;
	pthread_t thread;

	if (cpu == observer)
		return -1;
	cpu_pin(observer);
	p.cpu = cpu;
	atomic_store(&p.waits, -1);
	p.fd = eventfd(0, EFD_CLOEXEC);
	if (p.fd < 0 || pthread_create(&thread, NULL, sleeper, &p))
		return -1;
	for (int i = 0; i < TRIES; i++) {
		int64_t before;
		bool waits;

		/* Until it waits, and its CPU is idle again. */
		observe(never, NULL, 5 * NSEC_PER_MSEC);
		waits = atomic_load(&p.waits) == i;
		atomic_store(&p.woke, 0);
		before = clock_ns(CLOCK_MONOTONIC);
		if (eventfd_write(p.fd, 1) || observe(woken, &p, WAKE_DEAD_NS))
			return -1;
		if (waits && (least < 0 || p.woke - before < least))
			least = p.woke - before;
	}
	pthread_join(thread, NULL);
	close(p.fd);
	return least;
}

int64_t poke_bound(int64_t least)
{
	return least < 0 ? INT64_MAX : NSEC_PER_MSEC + 5 * least;
}
