// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/crew.h"
#include "../lib/report.h"
#include "../lib/sleepers.h"
#include "judge.h"

#define ATTEMPTS 3

void judge_crew(void (*run)(int cpu, void *arg), void *args, size_t size)
{
	int stuck = -1, err = crew_run(report_cpus(), run, args, size, &stuck);

	if (err == -ETIMEDOUT)
		report_fail("DEAD: CPU %d: a sleep hadn't ended %lld s later, while other CPUs' had",
			    stuck, CREW_STUCK_NS / NSEC_PER_SEC);
	if (err)
		report_fail("starting a thread on each CPU: %s", strerror(-err));
}

/* What one CPU did. */
struct done {
	const struct plan *plan;
	struct sleeps judged, reference;
};

static void sleep_all(int cpu, void *arg)
{
	const struct sleeper *reference = sleeper_named("monotonic_abs");
	struct done *d = arg;
	const struct sleeper *judged = sleeper_named(d->plan->sleeper);
	struct slept one;

	(void)cpu;
	for (unsigned int r = 0; r < d->plan->rounds; r++) {
		for (size_t i = 0; i < d->plan->nr_lengths; i++) {
			sleeper_wait(reference, d->plan->lengths[i], &one);
			sleeps_add(&d->reference, &one);
			sleeper_wait(judged, d->plan->lengths[i], &one);
			sleeps_add(&d->judged, &one);
			crew_progress();
			if (d->judged.error)
				return;
		}
	}
}

/* What all CPUs together come to, for the metrics. */
struct total {
	int64_t *late;
	size_t count, steps;
};

static void add_total(struct total *t, const struct done *d)
{
	t->late = realloc(t->late, (t->count + d->judged.count + 1) * sizeof(*t->late));
	ck_assert_ptr_nonnull(t->late);
	memcpy(t->late + t->count, d->judged.late, d->judged.count * sizeof(*t->late));
	t->count += d->judged.count;
	t->steps += d->judged.steps;
}

static void report_total(const struct total *t, int64_t bound)
{
	struct stats s = stats_of(t->late, t->count);

	report_metric("samples", s.count, "sleeps");
	report_histogram("late", &s.histogram, "ns");
	report_metric("late_p50", s.p50, "ns");
	report_metric("late_p99", s.p99, "ns");
	report_metric("late_max", s.max, "ns");
	report_metric("bound", bound, "ns");
	if (t->steps)
		report_metric("clock_steps", t->steps, "sleeps");
}

static void judge_error(const struct done *d, int cpu)
{
	int error = d->judged.error;

	if (error == -ENOSYS)
		report_skip("this kernel has no %s", d->plan->sleeper);
	if (error == -EPERM)
		report_skip("this system forbids %s here (%s)", d->plan->sleeper, strerror(EPERM));
	if (error)
		report_fail("CPU %d: %s: %s", cpu, d->plan->sleeper, sleep_error(error));
	if (d->reference.error)
		report_fail("CPU %d: clock_nanosleep(), slept in turn with %s for reference: %s",
			    cpu, d->plan->sleeper, sleep_error(d->reference.error));
}

/* Whether one CPU was in time; *bound is raised to what was allowed it. */
static bool judge_one(struct done *d, int cpu, int64_t *bound, bool last)
{
	struct stats reference, judged;
	int64_t mine;

	judge_error(d, cpu);
	if (d->judged.early)
		report_fail("CPU %d: %zu of %zu sleeps by %s ended early, by up to %lld ns", cpu,
			    d->judged.early, d->judged.count, d->plan->sleeper,
			    (long long)d->judged.earliest);
	if (d->reference.early)
		report_fail("CPU %d: %zu of %zu sleeps by clock_nanosleep(), in turn with %s for reference, ended early, by up to %lld ns",
			    cpu, d->reference.early, d->reference.count, d->plan->sleeper,
			    (long long)d->reference.earliest);
	reference = stats_of(d->reference.late, d->reference.count);
	judged = stats_of(d->judged.late, d->judged.count);
	mine = sleeps_bound(&reference, d->plan->allowance);
	if (mine > *bound)
		*bound = mine;
	if (judged.p50 <= mine)
		return true;
	if (last)
		report_fail("CPU %d: %s: median %.3f ms late, more than %.3f ms (reference: median %.3f, p99 %.3f ms), %d times out of %d",
			    cpu, d->plan->sleeper, judged.p50 / 1e6, mine / 1e6,
			    reference.p50 / 1e6, reference.p99 / 1e6, ATTEMPTS, ATTEMPTS);
	return false;
}

void judge_sleeps(const struct plan *plan)
{
	size_t nr = cpus_count(report_cpus()), room = plan->rounds * plan->nr_lengths, i;
	struct total total = { 0 };
	int64_t bound = 0;
	bool in_time = false;

	for (int attempt = 1; attempt <= ATTEMPTS && !in_time; attempt++) {
		struct done *all = calloc(nr, sizeof(*all));
		int cpu;

		ck_assert_ptr_nonnull(all);
		for (i = 0; i < nr; i++) {
			all[i].plan = plan;
			all[i].judged.late = calloc(room, sizeof(int64_t));
			all[i].reference.late = calloc(room, sizeof(int64_t));
		}
		judge_crew(sleep_all, all, sizeof(*all));
		in_time = true;
		i = 0;
		cpus_for_each(cpu, report_cpus()) {
			add_total(&total, &all[i]);
			in_time &= judge_one(&all[i++], cpu, &bound, attempt == ATTEMPTS);
		}
		for (i = 0; i < nr; i++) {
			free(all[i].judged.late);
			free(all[i].reference.late);
		}
		free(all);
	}
	report_total(&total, bound);
	free(total.late);
}

/* How long waits for what has passed took on one CPU. */
struct past {
	const char *const *names;
	struct sleeps reference;
	int64_t took[400];
	size_t count;
	const char *failed;
	int error;
};

static void sleep_past(int cpu, void *arg)
{
	const struct sleeper *reference = sleeper_named("monotonic_abs");
	struct past *p = arg;
	struct slept one;

	(void)cpu;
	for (int i = 0; i < 40; i++) {
		sleeper_wait(reference, NSEC_PER_MSEC, &one);
		sleeps_add(&p->reference, &one);
		for (const char *const *name = p->names; *name && p->count < 400; name++) {
			const struct sleeper *s = sleeper_named(*name);
			int64_t ago[] = { 0, -1, -NSEC_PER_SEC, 1000 - clock_ns(s->clock) };

			sleeper_wait(s, ago[i % 4], &one);
			if (one.error) {
				p->failed = *name;
				p->error = one.error;
				return;
			}
			p->took[p->count++] = one.mono;
		}
		crew_progress();
	}
}

void judge_past(const char *const sleepers[])
{
	size_t nr = cpus_count(report_cpus()), i = 0;
	struct past *all = calloc(nr, sizeof(*all));
	struct stats worst = { 0 };
	size_t samples = 0;
	int cpu;

	ck_assert_ptr_nonnull(all);
	for (i = 0; i < nr; i++) {
		all[i].names = sleepers;
		all[i].reference.late = calloc(40, sizeof(int64_t));
	}
	judge_crew(sleep_past, all, sizeof(*all));
	i = 0;
	cpus_for_each(cpu, report_cpus()) {
		struct past *p = &all[i++];
		struct stats took = stats_of(p->took, p->count);
		struct stats reference = stats_of(p->reference.late, p->reference.count);
		int64_t bound = sleeps_bound(&reference, 0);

		if (p->error)
			report_fail("CPU %d: %s until a time that has passed: %s", cpu, p->failed,
				    sleep_error(p->error));
		if (took.p50 > bound)
			report_fail("CPU %d: sleeps until a time that has passed took %.3f ms, more than %.3f ms (median)",
				    cpu, took.p50 / 1e6, bound / 1e6);
		samples += took.count;
		if (took.p50 >= worst.p50)
			worst = took;
	}
	report_metric("samples", samples, "sleeps");
	report_metric("took_p50", worst.p50, "ns");
	report_metric("took_max", worst.max, "ns");
	free(all);
}
