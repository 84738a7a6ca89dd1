// SPDX-License-Identifier: GPL-2.0-only
/*
 * nanosleep() and clock_nanosleep(): at least as long as asked on the clock asked for, and no
 * longer than slack allows (F1-F3; kernel/time/hrtimer.c, posix-timers.c).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/crew.h"
#include "../lib/report.h"
#include "../lib/resolution.h"
#include "../lib/sleepers.h"
#include "judge.h"

static const clockid_t clocks[] = { CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME, CLOCK_TAI };
#define NR_CLOCKS (sizeof(clocks) / sizeof(*clocks))

static void sleep_by(const char *sleeper)
{
	const struct plan plan = {
		.sleeper = sleeper,
		LENGTHS(1, 10, 999, 5 * US, 60 * US, 300 * US, MS, 4 * MS + 1, 9 * MS, 20 * MS),
		.rounds = 2,
		.allowance = 50 * US,
	};

	judge_sleeps(&plan);
}

#define SLEEPERS(F)      \
	F(nanosleep)     \
	F(monotonic_rel) \
	F(monotonic_abs) \
	F(realtime_rel) F(realtime_abs) F(boottime_rel) F(boottime_abs) F(tai_rel) F(tai_abs)

#define RUN(name)                       \
	static void run_##name(int cpu) \
	{                               \
		(void)cpu;              \
		sleep_by(#name);        \
	}
#define NAME(name) #name,

SLEEPERS(RUN)

static const char *const names[] = { SLEEPERS(NAME) };
#define NR_NAMES (sizeof(names) / sizeof(*names))

/*
 * All of them at once on each CPU, so that it takes no longer than one; and short sleeps meanwhile,
 * which show how late the host is.
 */
struct long_sleep {
	pthread_t thread;
	const struct sleeper *sleeper;
	int64_t ns;
	struct slept slept;
	atomic_bool ended;
};

struct long_sleeps {
	struct long_sleep each[NR_NAMES];
	struct sleeps reference, judged;
};

#define LONGEST	 (500 * MS + (NR_NAMES - 1) * 100 * MS)
#define MEANTIME (20 * MS)
/* What a long sleep may be later than a short one: the tick was stopped for long. */
#define LONG_ALLOWANCE (80 * MS)

static void *sleep_long(void *arg)
{
	struct long_sleep *l = arg;

	sleeper_wait(l->sleeper, l->ns, &l->slept);
	atomic_store(&l->ended, true);
	return NULL;
}

static void sleep_all_long(int cpu, void *arg)
{
	const struct sleeper *reference = sleeper_named("monotonic_abs");
	struct long_sleeps *all = arg;
	size_t i, started = 0;
	struct slept one;

	(void)cpu;
	all->reference.count = all->judged.count = 0;
	for (i = 0; i < NR_NAMES; i++, started++) {
		struct long_sleep *l = &all->each[i];

		l->sleeper = sleeper_named(names[i]);
		l->ns = 500 * MS + i * 100 * MS;
		l->slept.error = -EAGAIN;
		atomic_store(&l->ended, false);
		if (pthread_create(&l->thread, NULL, sleep_long, l))
			break;
	}
	for (i = 0; i < started; i++) {
		while (!atomic_load(&all->each[i].ended) &&
		       all->reference.count < LONGEST / MEANTIME) {
			sleeper_wait(reference, MEANTIME, &one);
			sleeps_add(&all->reference, &one);
		}
		pthread_join(all->each[i].thread, NULL);
	}
	for (i = 0; i < NR_NAMES; i++)
		sleeps_add(&all->judged, &all->each[i].slept);
}

/* Whether one CPU's were in time; the last time the case fails where they were not. */
static bool long_in_time(struct long_sleeps *all, int cpu, bool last)
{
	struct stats judged, reference;
	int64_t bound;

	if (all->judged.error || all->reference.error)
		report_fail("CPU %d: a sleep failed: %s", cpu,
			    sleep_error(all->judged.error ? all->judged.error :
							    all->reference.error));
	if (all->judged.early)
		report_fail("CPU %d: %zu of %zu long sleeps ended early, by up to %lld ns", cpu,
			    all->judged.early, all->judged.count, (long long)all->judged.earliest);
	judged = stats_of(all->judged.late, all->judged.count);
	reference = stats_of(all->reference.late, all->reference.count);
	bound = sleeps_bound(&reference, LONG_ALLOWANCE);
	if (judged.p50 <= bound)
		return true;
	if (last)
		report_fail("CPU %d: long sleeps: median %.3f ms late, more than %.3f ms (sleeps of 20 ms beside them: median %.3f, p99 %.3f ms), 3 times out of 3",
			    cpu, judged.p50 / 1e6, bound / 1e6, reference.p50 / 1e6,
			    reference.p99 / 1e6);
	return false;
}

/* Judged on the median of each CPU's: that many sleeps of different length end at different times.
 */
static void seconds(int unused)
{
	size_t nr = cpus_count(report_cpus()), i;
	struct long_sleeps *all = calloc(nr, sizeof(*all));
	struct sleeps sleeps = { .late = calloc(nr * NR_NAMES, sizeof(int64_t)) };
	bool in_time = false;
	struct stats s;
	int cpu;

	(void)unused;
	ck_assert(all && sleeps.late);
	for (i = 0; i < nr; i++) {
		all[i].reference.late = calloc(LONGEST / MEANTIME, sizeof(int64_t));
		all[i].judged.late = calloc(NR_NAMES, sizeof(int64_t));
		ck_assert(all[i].reference.late && all[i].judged.late);
	}
	for (int attempt = 1; attempt <= 3 && !in_time; attempt++) {
		judge_crew(sleep_all_long, all, sizeof(*all));
		in_time = true;
		i = 0;
		cpus_for_each(cpu, report_cpus())
			in_time &= long_in_time(&all[i++], cpu, attempt == 3);
	}
	for (i = 0; i < nr; i++)
		for (size_t k = 0; k < NR_NAMES; k++)
			sleeps_add(&sleeps, &all[i].each[k].slept);
	s = stats_of(sleeps.late, sleeps.count);
	report_metric("samples", s.count, "sleeps");
	report_histogram("late", &s.histogram, "ns");
	report_metric("late_p50", s.p50, "ns");
	report_metric("late_max", s.max, "ns");
}

static void past(int unused)
{
	static const char *const absolute[] = { "monotonic_abs", "realtime_abs", "boottime_abs",
						"tai_abs", NULL };

	(void)unused;
	judge_past(absolute);
}

/* Two ways to sleep that differ in slack alone, in turn; the medians of their lateness. */
struct slack {
	void (*exact)(void), (*slack)(void);
	struct stats exact_late, slack_late;
	bool measurable;
	int64_t early; /* ns by which a sleep ended too soon */
};

#define SLACK_NS (5 * MS)

static void measure_slack(int cpu, void *arg)
{
	const struct sleeper *sleeper = sleeper_named("monotonic_abs");
	struct slack *s = arg;

	(void)cpu;
	for (int attempt = 0; attempt < 5 && !s->measurable && !s->early; attempt++) {
		int64_t late[2][20];
		struct sleeps with[2] = { { .late = late[0] }, { .late = late[1] } };

		for (int i = 0; i < 40; i++) {
			struct slept one;

			(i % 2 ? s->slack : s->exact)();
			sleeper_wait(sleeper, 2 * MS, &one);
			sleeps_add(&with[i % 2], &one);
			crew_progress();
		}
		s->early = with[0].earliest > with[1].earliest ? with[0].earliest :
								 with[1].earliest;
		s->exact_late = stats_of(late[0], with[0].count);
		s->slack_late = stats_of(late[1], with[1].count);
		s->measurable = s->slack_late.p50 > s->exact_late.p50;
	}
}

/*
 * The smallest step that CLOCK_MONOTONIC takes, ns; what it doesn't tell apart, nobody can by it.
 */
static int64_t clock_step(void)
{
	int64_t last = clock_ns(CLOCK_MONOTONIC), least = INT64_MAX;
	uint64_t begun = counter_read();

	while (counter_since_ns(begun) < 50 * MS) {
		int64_t now = clock_ns(CLOCK_MONOTONIC);

		if (now > last && now - last < least)
			least = now - last;
		last = now;
	}
	return least;
}

/* Slack that shows nowhere: said last of all that may be wrong. */
static void fail_slack(const struct slack *s, int cpu, const char *what)
{
	double exact = s->exact_late.p50 / 1e6, slack = s->slack_late.p50 / 1e6;
	int64_t step = clock_step();

	if (step == INT64_MAX)
		report_fail("CLOCK_MONOTONIC stood still for 50 ms by the raw counter");
	if (step > MS / 10)
		report_fail("CLOCK_MONOTONIC goes in steps of %.3f ms: sleeps of CPU %d can't be judged by it",
			    step / 1e6, cpu);
	/* hrtimer_run_queues() looks at the times before which no timer may fire, at each tick. */
	if (hres_denied())
		report_skip(
			"high resolution timers aren't active (highres=off?): sleeps end with a tick, whatever their slack");
	if (s->exact_late.p50 >= MS)
		report_fail("CPU %d: timers are late, whatever the slack: medians %.3f ms late where no slack is allowed, %.3f ms where 5 ms are, 5 times out of 5",
			    cpu, exact, slack);
	report_fail("CPU %d: %s: medians %.3f and %.3f ms late, 5 times out of 5", cpu, what, exact,
		    slack);
}

static void judge_slack(void (*exact)(void), void (*slack)(void), const char *what)
{
	struct slack *all = calloc(cpus_count(report_cpus()), sizeof(*all)),
		     least = { .slack_late.p50 = INT64_MAX };
	size_t i = 0;
	int cpu;

	ck_assert_ptr_nonnull(all);
	cpus_for_each(cpu, report_cpus())
		all[i++] = (struct slack){ .exact = exact, .slack = slack };
	judge_crew(measure_slack, all, sizeof(*all));
	i = 0;
	cpus_for_each(cpu, report_cpus()) {
		struct slack *s = &all[i++];
		int64_t bound = sleeps_bound(&s->exact_late, SLACK_NS);

		if (s->slack_late.p50 - s->exact_late.p50 <=
		    least.slack_late.p50 - least.exact_late.p50)
			least = *s;
		if (s->early)
			report_fail("CPU %d: a sleep by clock_nanosleep() ended %lld ns early", cpu,
				    (long long)s->early);
		if (!s->measurable)
			fail_slack(s, cpu, what);
		if (s->slack_late.p50 > bound)
			report_fail("CPU %d: sleeps that allow 5 ms of slack are a median of %.3f ms late, more than %.3f ms (without slack: median %.3f, p99 %.3f ms)",
				    cpu, s->slack_late.p50 / 1e6, bound / 1e6,
				    s->exact_late.p50 / 1e6, s->exact_late.p99 / 1e6);
	}
	/* Of the CPU where the difference is least. */
	report_metric("exact_p50", least.exact_late.p50, "ns");
	report_metric("slack_p50", least.slack_late.p50, "ns");
	free(all);
}

static void slack_1ns(void)
{
	prctl(PR_SET_TIMERSLACK, 1);
}

static void slack_5ms(void)
{
	prctl(PR_SET_TIMERSLACK, SLACK_NS);
}

static void slack(int unused)
{
	(void)unused;
	slack_5ms();
	ck_assert_int_eq(prctl(PR_GET_TIMERSLACK), SLACK_NS);
	slack_1ns();
	ck_assert_int_eq(prctl(PR_GET_TIMERSLACK), 1);
	judge_slack(slack_1ns, slack_5ms, "5 ms of slack can't be distinguished from 1 ns");
}

static void set_policy(int policy)
{
	struct sched_param param = { .sched_priority = policy == SCHED_FIFO };

	sched_setscheduler(0, policy, &param);
}

static void realtime_policy(void)
{
	slack_5ms();
	set_policy(SCHED_FIFO);
}

static void ordinary_policy(void)
{
	set_policy(SCHED_OTHER);
	slack_5ms();
}

static void slack_realtime(int unused)
{
	struct sched_param param = { .sched_priority = 1 };

	(void)unused;
	if (sched_setscheduler(0, SCHED_FIFO, &param))
		report_skip("SCHED_FIFO needs root or RLIMIT_RTPRIO: %s", strerror(errno));
	set_policy(SCHED_OTHER);
	judge_slack(realtime_policy, ordinary_policy,
		    "a SCHED_FIFO thread is as late as one that slack applies to");
}

static void expect(int got, int error, const char *what, clockid_t clock)
{
	if (got != error)
		report_fail("clock %d: %s gave %s instead of %s", clock, what,
			    got ? strerrorname_np(got) : "success", strerrorname_np(error));
}

static void invalid(int unused)
{
	static const struct timespec bad[] = {
		{ 0, NSEC_PER_SEC }, { 0, -1 }, { -1, 0 }, { 0, LONG_MAX }
	};
	static const struct timespec good = { 0, 1 };

	(void)unused;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		for (size_t c = 0; c < NR_CLOCKS; c++) {
			expect(clock_nanosleep(clocks[c], 0, &bad[i], NULL), EINVAL,
			       "an invalid time", clocks[c]);
			expect(clock_nanosleep(clocks[c], TIMER_ABSTIME, &bad[i], NULL), EINVAL,
			       "an invalid absolute time", clocks[c]);
		}
		expect(nanosleep(&bad[i], NULL) ? errno : 0, EINVAL,
		       "nanosleep() of an invalid time", -1);
	}
	expect(syscall(SYS_clock_nanosleep, 99, 0, &good, NULL) ? errno : 0, EINVAL,
	       "an unknown clock", 99);
	/* Clocks without nsleep: posix_clocks[] in kernel/time/posix-timers.c */
	expect(clock_nanosleep(CLOCK_MONOTONIC_RAW, 0, &good, NULL), EOPNOTSUPP, "a sleep",
	       CLOCK_MONOTONIC_RAW);
	expect(clock_nanosleep(CLOCK_MONOTONIC_COARSE, 0, &good, NULL), EOPNOTSUPP, "a sleep",
	       CLOCK_MONOTONIC_COARSE);
	expect(clock_nanosleep(CLOCK_REALTIME_COARSE, 0, &good, NULL), EOPNOTSUPP, "a sleep",
	       CLOCK_REALTIME_COARSE);
	expect(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, NULL, NULL) ? errno : 0, EFAULT,
	       "no time at all", CLOCK_MONOTONIC);
}

#define F1_RULE \
	"never early by its own clock, and late by no more than slack and bound (F1, F3): hrtimer_nanosleep()"
/* clang-format off */
#define ROW(name) { #name, F1_RULE, run_##name, false },

static const struct report_case cases[] = {
	SLEEPERS(ROW)
	{ "seconds", "never early, from half a second to more than one (F1): hrtimer_nanosleep()", seconds, false },
	{ "past", "a deadline that has passed is met at once (F2): hrtimer_nanosleep()", past, false },
	{ "slack", "PR_SET_TIMERSLACK is read back, measurable and kept to (F3): hrtimer_set_expires_range_ns()", slack, false },
	{ "slack_realtime", "slack does not apply to a real-time policy (F3): hrtimer_nanosleep()", slack_realtime, false },
	{ "invalid", "EINVAL for times and clocks that are none (F1): timespec64_valid(), posix_clocks[]", invalid, false },
};
/* clang-format on */

REPORT_MAIN("sleep", "nanosleep")
