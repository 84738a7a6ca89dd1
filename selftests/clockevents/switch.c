// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/periods.h"
#include "../lib/report.h"
#include "../lib/wake.h"
#include "switch.h"

const char *const switch_load_name[] = { "idle", "spinning", "timer storm" };

/* Sleepers whose timers are armed when the switch comes. */
#define NR_ARMED 6

static const int armed_ms[NR_ARMED] = { 25, 35, 50, 65, 80, 100 };

static void judge_armed(struct wake *const armed[], struct armed *out)
{
	int64_t late[NR_ARMED];
	size_t n = 0;

	out->armed = NR_ARMED;
	for (int i = 0; i < NR_ARMED; i++) {
		struct stats s;

		if (!atomic_load(&armed[i]->done))
			continue;
		s = wake_join(armed[i]);
		if (armed[i]->error)
			continue;
		out->fired++;
		out->repeated += armed[i]->repeated;
		out->early += armed[i]->early;
		late[n++] = s.max;
	}
	out->late = stats_of(late, n);
}

/* A periodic timerfd that is read until its last period has passed. */
#define PERIOD_NS (5 * NSEC_PER_MSEC)
#define PERIODS	  20

struct periodic {
	int64_t period;
	_Atomic bool started, done;
	uint64_t expirations, expected_min, expected_max;
};

/*
 * What is read is exactly what had expired by then (lib/periods.h): no tolerance is needed,
 * however late the thread runs.
 */
static void *read_periods(void *arg)
{
	struct periodic *p = arg;
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	int64_t first, before, after;
	struct itimerspec when;
	uint64_t expirations;

	p->period = periods_interval(PERIOD_NS);
	first = clock_ns(CLOCK_MONOTONIC) + p->period;
	when.it_value = ns_timespec(first);
	when.it_interval = ns_timespec(p->period);
	if (fd < 0 || timerfd_settime(fd, TFD_TIMER_ABSTIME, &when, NULL))
		return NULL;
	atomic_store(&p->started, true);
	while (p->expirations < PERIODS) {
		before = clock_ns(CLOCK_MONOTONIC);
		if (read(fd, &expirations, sizeof(expirations)) != sizeof(expirations))
			return NULL;
		after = clock_ns(CLOCK_MONOTONIC);
		p->expirations += expirations;
		p->expected_min = before < first ? 1 : periods_at(before, first, p->period);
		p->expected_max = periods_at(after, first, p->period);
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

/* Everything that goes on around one switch. */
struct scene {
	struct wake timers[NR_ARMED], *armed[NR_ARMED];
	struct periodic periodic;
	struct wake *others[CPUS_MAX];
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

static bool armed_ready(void *arg)
{
	struct scene *s = arg;

	for (int i = 0; i < NR_ARMED; i++)
		if (!atomic_load(&s->armed[i]->deadline))
			return false;
	return true;
}

static int start_others(struct scene *s, int cpu)
{
	struct cpus usable;
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
		*w = (struct wake){ .cpu = other,
				    .kind = WAKE_ABS,
				    .count = 1000,
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
		s->storm[i] =
			(struct wake){ .cpu = cpu,
				       .kind = WAKE_REL,
				       .count = 500,
				       .interval_ns = NSEC_PER_MSEC + i * 100 * NSEC_PER_USEC };
		err = wake_start(&s->storm[i]);
	}
	return err;
}

static int start_armed(struct scene *s, int cpu)
{
	int err = 0;

	for (int i = 0; i < NR_ARMED && !err; i++) {
		s->armed[i] = &s->timers[i];
		s->timers[i] = (struct wake){ .cpu = cpu,
					      .kind = i % 3,
					      .count = 1,
					      .interval_ns = armed_ms[i] * NSEC_PER_MSEC };
		err = wake_start(s->armed[i]);
	}
	return err;
}

static int start_scene(struct scene *s, int cpu, enum switch_load load)
{
	pthread_t thread;
	int err;

	s->load = load;
	err = start_others(s, cpu);
	if (!err)
		err = start_load(s, cpu);
	if (!err)
		err = cpu_thread(&thread, cpu, read_periods, &s->periodic);
	if (!err)
		err = observe(scene_ready, s, WAKE_DEAD_NS);
	/* Last, since they are to be pending still when the switch comes. */
	if (!err)
		err = start_armed(s, cpu);
	if (!err)
		err = observe(armed_ready, s, WAKE_DEAD_NS);
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
	struct wake_death death;
	int64_t start;
	int err;

	memset(out, 0, sizeof(*out));
	memset(&scene, 0, sizeof(scene));
	cpu_pin(observer);
	err = ce_snapshot(&before);
	if (!err)
		err = start_scene(&scene, cpu, load);
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
	alive_sample(cpu, observer, ALIVE_BRIEF, out->before, out->after, &out->fresh);
	if (out->fresh.dead)
		return 0;
	wake_watch(scene.armed, NR_ARMED, &death);
	out->periodic_done = !observe(periodic_done, &scene.periodic, NSEC_PER_SEC + WAKE_DEAD_NS);
	judge_armed(scene.armed, &out->armed);
	out->expirations = scene.periodic.expirations;
	out->expected_min = scene.periodic.expected_min;
	out->expected_max = scene.periodic.expected_max;
	out->period = scene.periodic.period;
	if (load == SWITCH_SPINNING)
		spinner_stop(&scene.spinner);
	end_others(&scene, out);
	return 0;
}
