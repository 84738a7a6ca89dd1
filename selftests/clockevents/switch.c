// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/report.h"
#include "../lib/wake.h"
#include "switch.h"

const char *const switch_load_name[] = { "idle", "spinning", "timer storm" };

/* One-shot timers, armed by a thread on the CPU under test and so queued there, polled by the observer. */
#define NR_TIMERFDS 4
#define NR_POSIX 2

static const int armed_ms[NR_TIMERFDS + NR_POSIX] = { 60, 180, 420, 800, 120, 560 };

struct arming {
	int cpu, observer;
	_Atomic bool polled;
	int fd[NR_TIMERFDS];
	int signal_fd;
	timer_t posix[NR_POSIX];
	int64_t deadline[NR_TIMERFDS + NR_POSIX];
	int64_t late[NR_TIMERFDS + NR_POSIX];
	unsigned int fired[NR_TIMERFDS + NR_POSIX];
	int error;
};

static void *arm(void *arg)
{
	struct arming *a = arg;

	a->error = cpu_pin(a->cpu);
	for (int i = 0; i < NR_TIMERFDS + NR_POSIX && !a->error; i++) {
		struct itimerspec when;
		struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };

		a->deadline[i] = clock_ns(CLOCK_MONOTONIC) + armed_ms[i] * NSEC_PER_MSEC;
		when = (struct itimerspec){ .it_value = ns_timespec(a->deadline[i]) };
		if (i < NR_TIMERFDS) {
			a->fd[i] = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
			if (a->fd[i] < 0 || timerfd_settime(a->fd[i], TFD_TIMER_ABSTIME, &when, NULL))
				a->error = -errno;
			continue;
		}
		event.sigev_value.sival_int = i;
		if (timer_create(CLOCK_MONOTONIC, &event, &a->posix[i - NR_TIMERFDS]) ||
		    timer_settime(a->posix[i - NR_TIMERFDS], TIMER_ABSTIME, &when, NULL))
			a->error = -errno;
	}
	return NULL;
}

static void saw_fire(struct arming *a, int i, unsigned int times)
{
	if (!a->fired[i])
		a->late[i] = clock_ns(CLOCK_MONOTONIC) - a->deadline[i];
	a->fired[i] += times;
}

/* Collects what has fired; true once all have, and some time to fire twice has passed. */
static bool poll_armed(void *arg)
{
	struct arming *a = arg;
	struct signalfd_siginfo info;
	uint64_t expirations;
	bool all = true;

	for (int i = 0; i < NR_TIMERFDS; i++)
		if (read(a->fd[i], &expirations, sizeof(expirations)) == sizeof(expirations))
			saw_fire(a, i, expirations);
	while (read(a->signal_fd, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_int >= NR_TIMERFDS && info.ssi_int < NR_TIMERFDS + NR_POSIX)
			saw_fire(a, info.ssi_int, 1 + info.ssi_overrun);
	for (int i = 0; i < NR_TIMERFDS + NR_POSIX; i++)
		all &= a->fired[i] > 0;
	return all;
}

static void judge_armed(const struct arming *a, struct armed *out)
{
	int64_t late[NR_TIMERFDS + NR_POSIX];
	size_t n = 0;

	out->armed = NR_TIMERFDS + NR_POSIX;
	for (int i = 0; i < NR_TIMERFDS + NR_POSIX; i++) {
		if (!a->fired[i])
			continue;
		out->fired++;
		out->repeated += a->fired[i] > 1;
		out->early += a->late[i] < 0;
		late[n++] = a->late[i];
	}
	out->late = stats_of(late, n);
}

/* A periodic timerfd that is read until its last period has passed. */
#define PERIOD_NS (5 * NSEC_PER_MSEC)
#define PERIODS 160

struct periodic {
	int cpu;
	_Atomic bool started, done;
	uint64_t expirations, expected_min, expected_max;
};

/*
 * timerfd_read() counts with hrtimer_forward_now(): the sum at each return is
 * exactly how many periods had begun at a moment between the two clock reads
 * around it. No tolerance is needed, however late the thread runs.
 */
static void *read_periods(void *arg)
{
	struct periodic *p = arg;
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	int64_t first, before, after;
	struct itimerspec when;
	uint64_t expirations;

	cpu_pin(p->cpu);
	first = clock_ns(CLOCK_MONOTONIC) + PERIOD_NS;
	when.it_value = ns_timespec(first);
	when.it_interval = ns_timespec(PERIOD_NS);
	if (fd < 0 || timerfd_settime(fd, TFD_TIMER_ABSTIME, &when, NULL))
		return NULL;
	atomic_store(&p->started, true);
	while (p->expirations < PERIODS) {
		before = clock_ns(CLOCK_MONOTONIC);
		if (read(fd, &expirations, sizeof(expirations)) != sizeof(expirations))
			return NULL;
		after = clock_ns(CLOCK_MONOTONIC);
		p->expirations += expirations;
		p->expected_min = before < first ? 1 : (before - first) / PERIOD_NS + 1;
		p->expected_max = after < first ? 0 : (after - first) / PERIOD_NS + 1;
		if (p->expirations < p->expected_min || p->expirations > p->expected_max)
			break;
	}
	close(fd);
	atomic_store(&p->done, true);
	return NULL;
}

static bool periodic_done(void *arg)
{
	return atomic_load(&((struct periodic *)arg)->done);
}

/*
 * Polls the armed timers beside the observer, on its CPU, from the moment they
 * are armed: when one was first seen to have fired is its wake-up time.
 */
static void *poll_until_fired(void *arg)
{
	struct arming *a = arg;

	cpu_pin(a->observer);
	observe(poll_armed, a, NSEC_PER_SEC + WAKE_DEAD_NS);
	atomic_store(&a->polled, true);
	return NULL;
}

static bool armed_polled(void *arg)
{
	return atomic_load(&((struct arming *)arg)->polled);
}

/* Everything that goes on around one switch. */
struct scene {
	struct arming arming;
	struct periodic periodic;
	struct wake *others[CPU_SETSIZE];
	size_t nr_others;
	struct wake storm[8];
	struct spinner spinner;
	enum switch_load load;
};

static bool scene_ready(void *arg)
{
	struct scene *s = arg;

	if (!atomic_load(&s->periodic.started))
		return false;
	if (s->load == SWITCH_SPINNING && !atomic_load(&s->spinner.running))
		return false;
	for (size_t i = 0; i < s->nr_others; i++)
		if (!atomic_load(&s->others[i]->woken))
			return false;
	return true;
}

static int start_others(struct scene *s, int cpu)
{
	cpu_set_t usable;
	int other, err = cpus_usable(&usable);

	if (err)
		return err;
	cpus_for_each(other, &usable) {
		struct wake *w;

		if (other == cpu)
			continue;
		w = calloc(1, sizeof(*w));
		if (!w)
			return -ENOMEM;
		*w = (struct wake){ .cpu = other, .kind = WAKE_ABS, .count = 1000,
				    .interval_ns = 10 * NSEC_PER_MSEC };
		err = wake_start(w);
		if (err)
			return err;
		s->others[s->nr_others++] = w;
	}
	return 0;
}

static int start_load(struct scene *s, int cpu)
{
	int err = 0;

	if (s->load == SWITCH_SPINNING) {
		s->spinner.cpu = cpu;
		return spinner_start(&s->spinner);
	}
	for (size_t i = 0; s->load == SWITCH_STORM && i < 8 && !err; i++) {
		s->storm[i] = (struct wake){ .cpu = cpu, .kind = WAKE_REL, .count = 500,
					     .interval_ns = NSEC_PER_MSEC + i * 100 * NSEC_PER_USEC };
		err = wake_start(&s->storm[i]);
	}
	return err;
}

static int start_scene(struct scene *s, int cpu, int observer, enum switch_load load)
{
	pthread_t thread;
	sigset_t mask;
	int err;

	/* The threads inherit the mask: the signal is left to signal_fd. */
	sigemptyset(&mask);
	sigaddset(&mask, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	s->arming.signal_fd = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
	if (s->arming.signal_fd < 0)
		return -errno;

	s->load = load;
	s->arming.cpu = s->periodic.cpu = cpu;
	s->arming.observer = observer;
	err = start_others(s, cpu);
	if (!err)
		err = start_load(s, cpu);
	if (!err)
		err = -pthread_create(&thread, NULL, read_periods, &s->periodic);
	if (!err)
		err = observe(scene_ready, s, WAKE_DEAD_NS);
	if (!err)
		err = -pthread_create(&thread, NULL, arm, &s->arming);
	if (!err) {
		pthread_join(thread, NULL);
		err = s->arming.error;
	}
	if (!err)
		err = -pthread_create(&thread, NULL, poll_until_fired, &s->arming);
	return err;
}

/* Stops the sleepers on the other CPUs and sums up how they fared. */
static void end_others(struct scene *s, struct switched *out)
{
	struct wake_death death;
	size_t n = 0;
	int64_t *late;

	for (size_t i = 0; i < s->nr_others; i++)
		wake_stop(s->others[i]);
	if (s->nr_others && wake_watch(s->others, s->nr_others, &death)) {
		out->others_dead++;
		report_note("CPU %d stopped waking while another CPU's clockevent was unbound",
			    death.wake->cpu);
		return;
	}
	late = calloc(s->nr_others * 1000 + 1, sizeof(*late));
	for (size_t i = 0; late && i < s->nr_others; i++) {
		struct wake *w = s->others[i];

		out->others_early += w->early;
		memcpy(late + n, w->late, w->woken * sizeof(*late));
		n += w->woken;
		wake_join(w);
	}
	if (late)
		out->others_late = stats_of(late, n);
	free(late);
}

int switch_away(int cpu, int observer, enum switch_load load, bool watch, struct switched *out)
{
	/* Static: threads of a scene may outlive this function. */
	static struct scene scene;
	static struct ce_names before, after;
	int64_t start;
	int err;

	memset(out, 0, sizeof(*out));
	memset(&scene, 0, sizeof(scene));
	cpu_pin(observer);
	err = ce_snapshot(&before);
	if (!err)
		err = start_scene(&scene, cpu, observer, load);
	if (err)
		return err;
	snprintf(out->before, sizeof(out->before), "%s", before.cpu[cpu]);

	start = clock_ns(CLOCK_MONOTONIC);
	out->written = ce_unbind(cpu, out->before, strlen(out->before));
	out->write_ns = clock_ns(CLOCK_MONOTONIC) - start;
	err = ce_snapshot(&after);
	if (err)
		return err;
	snprintf(out->after, sizeof(out->after), "%s", after.cpu[cpu]);
	out->only_this = ce_same(&before, &after, cpu);
	if (out->written < 0 && !watch)
		return 0;

	out->watched = true;
	alive_sample(cpu, observer, out->before, out->after, &out->fresh);
	if (out->fresh.dead)
		return 0;
	observe(armed_polled, &scene.arming, NSEC_PER_SEC + 2 * WAKE_DEAD_NS);
	out->periodic_done = !observe(periodic_done, &scene.periodic, NSEC_PER_SEC + WAKE_DEAD_NS);
	poll_armed(&scene.arming);
	judge_armed(&scene.arming, &out->armed);
	out->expirations = scene.periodic.expirations;
	out->expected_min = scene.periodic.expected_min;
	out->expected_max = scene.periodic.expected_max;
	if (load == SWITCH_SPINNING)
		spinner_stop(&scene.spinner);
	end_others(&scene, out);
	return 0;
}
