// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "clocks.h"
#include "cpus.h"
#include "mark.h"
#include "wake.h"

/*
 * The longest step of the observer that counts as observed: while it was off
 * its CPU for longer, the sleepers may have been off theirs.
 */
#define STEP_MAX_NS (50 * NSEC_PER_MSEC)

/*
 * Sleeps until deadline in the sleeper's way; 0, -errno, or how often its one-shot timer has
 * expired.
 */
static int sleep_once(const struct wake *w, int64_t deadline)
{
	struct timespec abs = ns_timespec(deadline), rel = ns_timespec(w->interval_ns);
	struct itimerspec timer = { .it_value = abs };
	uint64_t expirations;

	switch (w->kind) {
	case WAKE_ABS:
		return -clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &abs, NULL);
	case WAKE_REL:
		return -clock_nanosleep(CLOCK_MONOTONIC, 0, &rel, NULL);
	case WAKE_TIMERFD:
		if (timerfd_settime(w->fd, TFD_TIMER_ABSTIME, &timer, NULL))
			return -errno;
		if (read(w->fd, &expirations, sizeof(expirations)) != sizeof(expirations))
			return -errno;
		return expirations == 1 ? 0 : (int)expirations;
	}
	return -EINVAL;
}

static void *sleeper(void *arg)
{
	struct wake *w = arg;

	for (unsigned int i = 0; i < w->count && !w->error && !atomic_load(&w->stop); i++) {
		int64_t deadline = clock_ns(CLOCK_MONOTONIC) + w->interval_ns, now;

		atomic_store(&w->deadline, deadline);
		w->error = sleep_once(w, deadline);
		now = clock_ns(CLOCK_MONOTONIC);
		mark_woke(deadline, now);
		w->late[i] = now - deadline;
		w->early += now < deadline;
		atomic_store(&w->woken, i + 1);
	}
	atomic_store(&w->done, true);
	return NULL;
}

int wake_start(struct wake *w)
{
	int err;

	w->late = calloc(w->count, sizeof(*w->late));
	if (!w->late)
		return -ENOMEM;
	w->deadline = 0;
	w->woken = 0;
	w->stop = w->done = false;
	w->early = w->repeated = 0;
	w->error = 0;
	w->fd = -1;
	err = 0;
	if (w->kind == WAKE_TIMERFD) {
		w->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
		err = w->fd < 0 ? -errno : 0;
	}
	if (!err)
		err = cpu_thread(&w->thread, w->cpu, sleeper, w);
	if (err) {
		if (w->fd >= 0)
			close(w->fd);
		free(w->late);
	}
	return err;
}

void wake_stop(struct wake *w)
{
	atomic_store(&w->stop, true);
}

struct stats wake_join(struct wake *w)
{
	uint64_t expirations;
	struct stats s;

	pthread_join(w->thread, NULL);
	if (w->fd >= 0) {
		/* The last timer has expired and been read: what is there now is one too many. */
		fcntl(w->fd, F_SETFL, O_NONBLOCK);
		if (read(w->fd, &expirations, sizeof(expirations)) == sizeof(expirations))
			w->repeated = expirations;
		close(w->fd);
	}
	s = stats_of(w->late, atomic_load(&w->woken));
	free(w->late);
	w->late = NULL;
	return s;
}

/*
 * Time as the observer lives it: the raw counter's, each step cut to
 * STEP_MAX_NS. Independent of the kernel's clocks and of timers.
 */
struct observed {
	uint64_t last;
	int64_t ns;
};

static void observed_start(struct observed *o)
{
	o->ns = 0;
	o->last = counter_read();
}

/* What all observers of this process forgave. */
static _Atomic int64_t paused;

int64_t observer_paused(void)
{
	return atomic_load(&paused);
}

static int64_t observed_step(struct observed *o)
{
	uint64_t now = counter_read();
	int64_t step = counter_ticks_ns(now - o->last);

	o->last = now;
	if (step > STEP_MAX_NS) {
		atomic_fetch_add(&paused, step - STEP_MAX_NS);
		step = STEP_MAX_NS;
	}
	o->ns += step;
	return o->ns;
}

/* What the watch remembers of one sleeper. */
struct watched {
	unsigned int woken; /* at the last look */
	int64_t deadline; /* at the last look: what is missed is this one, never the sleep before */
	int64_t begun;	  /* observed time when the sleep under way was first seen */
	int64_t missed;	  /* observed time when its deadline was first seen to have passed; -1 */
};

/* Whether w's sleep under way has been overdue for WAKE_DEAD_NS of observed time. */
static bool is_dead(const struct wake *w, struct watched *seen, int64_t observed,
		    struct wake_death *death)
{
	unsigned int woken = atomic_load(&w->woken);
	int64_t now, deadline = atomic_load(&w->deadline);

	if (woken != seen->woken || deadline != seen->deadline) {
		*seen = (struct watched){ woken, deadline, observed, -1 };
		return false;
	}
	death->wake = w;
	if (!deadline) {
		/* It never came to its first sleep: nothing preempts what runs there. */
		death->clock_frozen = false;
		death->waited_ns = observed;
		return observed > 2 * WAKE_DEAD_NS;
	}
	now = clock_ns(CLOCK_MONOTONIC);
	if (seen->missed < 0 && now > deadline)
		seen->missed = observed;
	/* A clock that stands still lets no deadline pass; the counter tells. */
	death->clock_frozen = seen->missed < 0;
	death->waited_ns = death->clock_frozen ? observed - seen->begun - w->interval_ns :
						 observed - seen->missed;
	return death->waited_ns > (death->clock_frozen ? 2 : 1) * WAKE_DEAD_NS;
}

/*
 * With one CPU the sleepers need it now and then, and where no timer fires no
 * tick takes it from us. Seldom, since each sched_yield() adds a slice to the
 * caller's deadline in the scheduler (6.6 to 6.17, yield_task_fair()): a loop of
 * them keeps it off its CPU for most of a second later.
 */
static void yield_to(struct wake *const wakes[], size_t n, int64_t observed, int64_t *yielded)
{
	int cpu = sched_getcpu();

	if (observed - *yielded < NSEC_PER_MSEC)
		return;
	for (size_t i = 0; i < n; i++) {
		if (wakes[i]->cpu == cpu) {
			sched_yield();
			*yielded = observed;
			return;
		}
	}
}

int wake_watch(struct wake *const wakes[], size_t n, struct wake_death *death)
{
	struct watched *seen = calloc(n, sizeof(*seen));
	int64_t yielded = 0;
	struct observed o;
	size_t done = 0;
	int err = 0;

	if (!seen)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		seen[i].missed = -1;
	observed_start(&o);
	while (!err && done < n) {
		int64_t observed = observed_step(&o);

		done = 0;
		for (size_t i = 0; i < n && !err; i++) {
			if (atomic_load(&wakes[i]->done))
				done++;
			else if (is_dead(wakes[i], &seen[i], observed, death))
				err = -ETIMEDOUT;
		}
		yield_to(wakes, n, observed, &yielded);
	}
	free(seen);
	return err;
}

int observe(bool (*done)(void *arg), void *arg, int64_t limit_ns)
{
	struct observed o;

	observed_start(&o);
	while (!done(arg))
		if (observed_step(&o) > limit_ns)
			return -ETIMEDOUT;
	return 0;
}

static void *spin(void *arg)
{
	struct spinner *s = arg;
	struct rusage usage;

	atomic_store(&s->running, true);
	while (!atomic_load(&s->stop)) {
		for (int i = 0; i < 10000 && !atomic_load_explicit(&s->stop, memory_order_relaxed);
		     i++)
			;
		getrusage(RUSAGE_THREAD, &usage);
		atomic_store(&s->switches, usage.ru_nivcsw);
	}
	return NULL;
}

int spinner_start(struct spinner *s)
{
	s->stop = s->running = false;
	s->switches = 0;
	return cpu_thread(&s->thread, s->cpu, spin, s);
}

void spinner_stop(struct spinner *s)
{
	atomic_store(&s->stop, true);
	pthread_join(s->thread, NULL);
}
