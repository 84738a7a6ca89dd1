// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "clocks.h"
#include "cpus.h"
#include "crew.h"
#include "report.h"
#include "wake.h"

struct crew {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	void (*run)(int cpu, void *arg);
	size_t count, ready, ended;
	bool begin;
	int first; /* the CPU of the first to end; -1: none has */
	struct member *members;
};

struct member {
	struct crew *crew;
	int cpu;
	void *arg;
	pthread_t thread;
	_Atomic unsigned int progress;
	_Atomic bool done;
};

static __thread struct member *self;

void crew_progress(void)
{
	if (self)
		atomic_fetch_add(&self->progress, 1);
}

static void *member_main(void *arg)
{
	struct member *m = arg;
	struct crew *c = m->crew;

	self = m;
	pthread_mutex_lock(&c->lock);
	c->ready++;
	pthread_cond_broadcast(&c->changed);
	while (!c->begin)
		pthread_cond_wait(&c->changed, &c->lock);
	pthread_mutex_unlock(&c->lock);
	c->run(m->cpu, m->arg);
	pthread_mutex_lock(&c->lock);
	c->ended++;
	if (c->first < 0)
		c->first = m->cpu;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
	atomic_store(&m->done, true);
	return NULL;
}

/* A member on which the caller waits, and its progress when the wait began. */
struct look {
	struct member *member;
	unsigned int progress;
};

static bool moved(void *arg)
{
	struct look *l = arg;

	return atomic_load(&l->member->done) || atomic_load(&l->member->progress) != l->progress;
}

static int await(struct member *m)
{
	struct look l = { .member = m };
	int err = 0;

	while (!err && !atomic_load(&m->done)) {
		l.progress = atomic_load(&m->progress);
		err = observe(moved, &l, CREW_STUCK_NS);
	}
	return err;
}

/* Sleeps until the first has ended, then goes to its CPU and watches the rest. */
static int await_all(struct crew *c, int *stuck)
{
	struct cpus mine;
	int err = 0;

	cpus_allowed(&mine);
	pthread_mutex_lock(&c->lock);
	while (c->first < 0)
		pthread_cond_wait(&c->changed, &c->lock);
	pthread_mutex_unlock(&c->lock);
	cpu_pin(c->first);
	for (size_t i = 0; i < c->count && !err; i++) {
		err = await(&c->members[i]);
		if (err)
			*stuck = c->members[i].cpu;
		else
			pthread_join(c->members[i].thread, NULL);
	}
	cpus_allow(&mine);
	return err;
}

int crew_run(const struct cpus *cpus, void (*run)(int cpu, void *arg), void *args, size_t size,
	     int *stuck)
{
	struct crew *c;
	size_t n = 0;
	int cpu, err = 0;

	if (!cpus_count(cpus))
		return -EINVAL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->members = calloc(cpus_count(cpus), sizeof(*c->members));
	if (!c->members) {
		free(c);
		return -ENOMEM;
	}
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->changed, NULL);
	c->run = run;
	c->first = -1;
	cpus_for_each(cpu, cpus) {
		struct member *m = &c->members[n];

		*m = (struct member){ .crew = c, .cpu = cpu, .arg = (char *)args + n * size };
		err = cpu_thread(&m->thread, cpu, member_main, m);
		if (err && !n) {
			free(c->members);
			free(c);
		}
		/* Those already started wait, using it, for a beginning that doesn't come. */
		if (err)
			return err;
		c->count = ++n;
	}
	pthread_mutex_lock(&c->lock);
	while (c->ready < c->count)
		pthread_cond_wait(&c->changed, &c->lock);
	c->begin = true;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
	err = await_all(c, stuck);
	/* The stuck still use it. */
	if (!err) {
		free(c->members);
		free(c);
	}
	return err;
}

void crew_need(const struct cpus *cpus, void (*run)(int cpu, void *arg), void *args, size_t size)
{
	int stuck = -1, err = crew_run(cpus, run, args, size, &stuck);

	if (err == -ETIMEDOUT)
		report_fail("CPU %d: the thread there did nothing for %lld s, while the one on another CPU came to its end",
			    stuck, CREW_STUCK_NS / NSEC_PER_SEC);
	if (err)
		report_fail("a thread on each CPU: %s", strerror(-err));
}
