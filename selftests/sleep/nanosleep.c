// SPDX-License-Identifier: GPL-2.0-only
/*
 * nanosleep() and clock_nanosleep(): at least as long as asked on the clock asked for, also when
 * interrupted, stopped or asked for the impossible (F1-F4; kernel/time/hrtimer.c, posix-timers.c).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/crew.h"
#include "../lib/report.h"
#include "../lib/sleepers.h"
#include "interrupter.h"
#include "judge.h"

#define MS NSEC_PER_MSEC
#define US NSEC_PER_USEC

static const clockid_t clocks[] = { CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME, CLOCK_TAI };
#define NR_CLOCKS (sizeof(clocks) / sizeof(*clocks))

static void sleep_by(const char *sleeper)
{
	const struct plan plan = {
		.sleeper = sleeper,
		LENGTHS(1, 10, 999, 5 * US, 60 * US, 300 * US, MS, 4 * MS + 1, 9 * MS, 20 * MS),
		.rounds = 3,
		.allowance = 50 * US,
	};

	judge_sleeps(&plan);
}

#define SLEEPERS(F) \
	F(nanosleep) F(monotonic_rel) F(monotonic_abs) F(realtime_rel) F(realtime_abs) \
	F(boottime_rel) F(boottime_abs) F(tai_rel) F(tai_abs)

#define RUN(name) static void run_##name(int cpu) { (void)cpu; sleep_by(#name); }
#define NAME(name) #name,

SLEEPERS(RUN)

static const char *const names[] = { SLEEPERS(NAME) };
#define NR_NAMES (sizeof(names) / sizeof(*names))

/* All of them at once on each CPU, so that it takes no longer than one. */
struct long_sleep {
	pthread_t thread;
	const struct sleeper *sleeper;
	int64_t ns;
	struct slept slept;
};

static void *sleep_long(void *arg)
{
	struct long_sleep *l = arg;

	sleeper_wait(l->sleeper, l->ns, &l->slept);
	return NULL;
}

static void sleep_all_long(int cpu, void *arg)
{
	struct long_sleep *all = arg;
	size_t i, started = 0;

	(void)cpu;
	for (i = 0; i < NR_NAMES; i++, started++) {
		all[i].sleeper = sleeper_named(names[i]);
		all[i].ns = 500 * MS + i * 100 * MS;
		all[i].slept.error = -EAGAIN;
		if (pthread_create(&all[i].thread, NULL, sleep_long, &all[i]))
			break;
	}
	for (i = 0; i < started; i++)
		pthread_join(all[i].thread, NULL);
}

/* Judged on the median of all: that many sleeps of different length end at different times. */
static void seconds(int unused)
{
	size_t nr = CPU_COUNT(report_cpus()) * NR_NAMES;
	struct long_sleep *all = calloc(nr, sizeof(*all));
	struct sleeps sleeps = { .late = calloc(nr, sizeof(int64_t)) };
	struct stats s = { 0 };

	(void)unused;
	ck_assert(all && sleeps.late);
	for (int attempt = 0; attempt < 3; attempt++) {
		judge_crew(sleep_all_long, all, NR_NAMES * sizeof(*all));
		sleeps.count = 0;
		for (size_t i = 0; i < nr; i++)
			sleeps_add(&sleeps, &all[i].slept);
		if (sleeps.error)
			report_fail("a sleep failed: %s", strerror(-sleeps.error));
		if (sleeps.early)
			report_fail("%zu of %zu long sleeps ended early, by up to %lld ns", sleeps.early,
				    sleeps.count, (long long)sleeps.earliest);
		s = stats_of(sleeps.late, sleeps.count);
		if (s.p50 <= 100 * MS)
			break;
	}
	report_metric("samples", s.count, "sleeps");
	report_metric("late_p50", s.p50, "ns");
	report_metric("late_max", s.max, "ns");
	if (s.p50 > 100 * MS)
		report_fail("long sleeps: median %.3f ms late, more than 100 ms, 3 times out of 3", s.p50 / 1e6);
}

static void past(int unused)
{
	static const char *const absolute[] = { "monotonic_abs", "realtime_abs", "boottime_abs", "tai_abs", NULL };

	(void)unused;
	judge_past(absolute);
}

/* What was wrong on a CPU; "" for nothing. */
struct verdict {
	char text[200];
	unsigned int samples;
	int64_t beyond;
};

static void judge_verdicts(void (*run)(int cpu, void *arg))
{
	struct verdict *all = calloc(CPU_COUNT(report_cpus()), sizeof(*all));
	unsigned int samples = 0;
	int64_t beyond = 0;
	size_t i = 0;
	int cpu;

	ck_assert_ptr_nonnull(all);
	judge_crew(run, all, sizeof(*all));
	cpus_for_each(cpu, report_cpus()) {
		if (all[i].text[0])
			report_fail("CPU %d: %s", cpu, all[i].text);
		samples += all[i].samples;
		if (all[i].beyond > beyond)
			beyond = all[i].beyond;
		i++;
	}
	report_metric("samples", samples, "sleeps");
	if (beyond)
		report_metric("remaining_beyond_request", beyond, "ns");
	free(all);
}

#define WRONG(v, ...) snprintf((v)->text, sizeof((v)->text), __VA_ARGS__)

/* Sleeps for 10 s and is interrupted; what remains is told to the nanosecond by clock reads around it. */
static bool interrupted_once(clockid_t clock, int64_t slack, struct verdict *v)
{
	struct timespec want = { 10, 0 }, rem = { -1, -1 };
	int64_t before, after, left;
	int err;

	before = clock_ns(CLOCK_MONOTONIC);
	err = clock_nanosleep(clock, 0, &want, &rem);
	after = clock_ns(CLOCK_MONOTONIC);
	left = timespec_ns(&rem);
	v->samples++;
	if (err != EINTR)
		return WRONG(v, "clock %d: an interrupted sleep returned %s", clock, err ? strerror(err) : "success"), false;
	if (left <= 0 || left > 10 * NSEC_PER_SEC + slack)
		return WRONG(v, "clock %d: of 10 s asked for %lld ns remain", clock, (long long)left), false;
	if (left < 10 * NSEC_PER_SEC - (after - before))
		return WRONG(v, "clock %d: %lld ns remain of 10 s after no more than %lld ns", clock,
			     (long long)left, (long long)(after - before)), false;
	if (left - 10 * NSEC_PER_SEC > v->beyond)
		v->beyond = left - 10 * NSEC_PER_SEC;
	return true;
}

static void interrupt_relative(int cpu, void *arg)
{
	struct interrupter in;
	struct verdict *v = arg;

	(void)cpu;
	prctl(PR_SET_TIMERSLACK, 1);
	if (interrupter_start(&in, 7 * MS)) {
		WRONG(v, "timer_create: %s", strerror(errno));
		return;
	}
	for (int i = 0; i < 24 && !v->text[0]; i++) {
		interrupted_once(clocks[i % NR_CLOCKS], 1, v);
		crew_progress();
	}
	/* The slack is in what remains (do_nanosleep(): hrtimer_expires_remaining()): shown as a metric. */
	prctl(PR_SET_TIMERSLACK, 50 * MS);
	for (int i = 0; i < 4 && !v->text[0]; i++)
		interrupted_once(clocks[i % NR_CLOCKS], 50 * MS, v);
	interrupter_stop(&in);
}

static void remaining(int unused)
{
	(void)unused;
	judge_verdicts(interrupt_relative);
}

static void interrupt_absolute(int cpu, void *arg)
{
	const struct timespec untouched = { 12345, 678 };
	struct interrupter in;
	struct verdict *v = arg;

	(void)cpu;
	if (interrupter_start(&in, 5 * MS)) {
		WRONG(v, "timer_create: %s", strerror(errno));
		return;
	}
	for (int i = 0; i < 8 && !v->text[0]; i++) {
		clockid_t clock = clocks[i % NR_CLOCKS];
		int64_t start = clock_ns(CLOCK_MONOTONIC);
		struct timespec when = ns_timespec(clock_ns(clock) + 30 * MS), rem = untouched;
		int err;

		while ((err = clock_nanosleep(clock, TIMER_ABSTIME, &when, &rem)) == EINTR)
			v->samples++;
		if (err)
			WRONG(v, "clock %d: an absolute sleep failed: %s", clock, strerror(err));
		else if (memcmp(&rem, &untouched, sizeof(rem)))
			WRONG(v, "clock %d: an interrupted absolute sleep wrote a remaining time", clock);
		else if (clock_ns(clock) < timespec_ns(&when) && clock_ns(CLOCK_MONOTONIC) - start < 30 * MS)
			WRONG(v, "clock %d: an absolute sleep resumed after signals ended early", clock);
		crew_progress();
	}
	interrupter_stop(&in);
}

static void absolute_interrupted(int unused)
{
	(void)unused;
	judge_verdicts(interrupt_absolute);
}

/* Interrupted every 3 ms and resumed with what remained: no less than asked for in the end. */
static void resume_relative(int cpu, void *arg)
{
	struct interrupter in;
	struct verdict *v = arg;

	(void)cpu;
	if (interrupter_start(&in, 3 * MS)) {
		WRONG(v, "timer_create: %s", strerror(errno));
		return;
	}
	for (int i = 0; i < 4 && !v->text[0]; i++) {
		struct timespec left = { 0, 40 * MS };
		int64_t before = clock_ns(CLOCK_MONOTONIC), took;
		int err;

		while ((err = clock_nanosleep(clocks[i], 0, &left, &left)) == EINTR)
			v->samples++;
		took = clock_ns(CLOCK_MONOTONIC) - before;
		if (err)
			WRONG(v, "clock %d: %s", clocks[i], strerror(err));
		else if (took < 40 * MS)
			WRONG(v, "clock %d: 40 ms in pieces took %lld ns", clocks[i], (long long)took);
		crew_progress();
	}
	interrupter_stop(&in);
}

static void resumed(int unused)
{
	(void)unused;
	judge_verdicts(resume_relative);
}

/* A sleeping child, and when it began and ended. */
struct child {
	_Atomic int64_t began, ended;
	int error;
};

#define RESTARTED (200 * MS)

static void child_main(struct child *c, int flags)
{
	int64_t began = clock_ns(CLOCK_MONOTONIC);
	struct timespec when = ns_timespec(flags ? began + RESTARTED : RESTARTED);

	atomic_store(&c->began, began);
	c->error = clock_nanosleep(CLOCK_MONOTONIC, flags, &when, NULL);
	atomic_store(&c->ended, clock_ns(CLOCK_MONOTONIC));
	_exit(0);
}

static void pause_ns(int64_t ns)
{
	struct timespec ts = ns_timespec(ns);

	nanosleep(&ts, NULL);
}

/* Stops and continues it half-way; whether it then ended sooner than a sleep begun anew could have. */
static bool stopped_once(int flags)
{
	struct child *c = mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int64_t continued;
	pid_t pid;

	ck_assert(c != MAP_FAILED);
	pid = fork();
	if (!pid)
		child_main(c, flags);
	ck_assert_int_gt(pid, 0);
	while (!atomic_load(&c->began))
		pause_ns(MS);
	pause_ns(50 * MS);
	kill(pid, SIGSTOP);
	waitpid(pid, NULL, WUNTRACED);
	pause_ns(50 * MS);
	continued = clock_ns(CLOCK_MONOTONIC);
	kill(pid, SIGCONT);
	waitpid(pid, NULL, 0);
	if (c->error)
		report_fail("a sleep that was stopped and continued failed: %s", strerror(c->error));
	if (c->ended - c->began < RESTARTED)
		report_fail("a sleep of 200 ms that was stopped and continued took %lld ns",
			    (long long)(c->ended - c->began));
	return c->ended < continued + RESTARTED;
}

static void restarted(int unused)
{
	static const int flags[] = { 0, TIMER_ABSTIME };

	(void)unused;
	for (int i = 0; i < 2; i++) {
		int tries = 1;

		while (!stopped_once(flags[i]))
			if (tries++ == 5)
				report_fail("%s sleep starts anew when it is continued after SIGSTOP",
					    flags[i] ? "an absolute" : "a relative");
		report_metric(flags[i] ? "tries_absolute" : "tries_relative", tries, "sleeps");
	}
}

/* Two ways to sleep that differ in slack alone, in turn; the medians of their lateness. */
struct slack {
	void (*exact)(void), (*slack)(void);
	struct stats exact_late, slack_late;
	bool measurable;
	const char *wrong;
};

#define SLACK_NS (5 * MS)

static void measure_slack(int cpu, void *arg)
{
	const struct sleeper *sleeper = sleeper_named("monotonic_abs");
	struct slack *s = arg;

	(void)cpu;
	for (int attempt = 0; attempt < 5 && !s->measurable && !s->wrong; attempt++) {
		int64_t late[2][20];
		struct sleeps with[2] = { { .late = late[0] }, { .late = late[1] } };

		for (int i = 0; i < 40; i++) {
			struct slept one;

			(i % 2 ? s->slack : s->exact)();
			sleeper_wait(sleeper, 2 * MS, &one);
			sleeps_add(&with[i % 2], &one);
			crew_progress();
		}
		if (with[0].early || with[1].early)
			s->wrong = "a sleep ended early";
		s->exact_late = stats_of(late[0], with[0].count);
		s->slack_late = stats_of(late[1], with[1].count);
		s->measurable = s->slack_late.p50 > s->exact_late.p50;
	}
}

static void judge_slack(void (*exact)(void), void (*slack)(void), const char *what)
{
	struct slack *all = calloc(CPU_COUNT(report_cpus()), sizeof(*all));
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

		report_metric("exact_p50", s->exact_late.p50, "ns");
		report_metric("slack_p50", s->slack_late.p50, "ns");
		if (s->wrong)
			report_fail("CPU %d: %s", cpu, s->wrong);
		if (!s->measurable)
			report_fail("CPU %d: %s: medians %.3f and %.3f ms, 5 times out of 5", cpu, what,
				    s->exact_late.p50 / 1e6, s->slack_late.p50 / 1e6);
		if (s->slack_late.p50 > bound)
			report_fail("CPU %d: with 5 ms slack a median of %.3f ms late, more than %.3f ms",
				    cpu, s->slack_late.p50 / 1e6, bound / 1e6);
	}
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
	judge_slack(slack_1ns, slack_5ms, "5 ms of slack can't be told from 1 ns");
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
	static const struct timespec bad[] = { { 0, NSEC_PER_SEC }, { 0, -1 }, { -1, 0 }, { 0, LONG_MAX } };
	static const struct timespec good = { 0, 1 };

	(void)unused;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		for (size_t c = 0; c < NR_CLOCKS; c++) {
			expect(clock_nanosleep(clocks[c], 0, &bad[i], NULL), EINVAL, "an invalid time", clocks[c]);
			expect(clock_nanosleep(clocks[c], TIMER_ABSTIME, &bad[i], NULL), EINVAL,
			       "an invalid absolute time", clocks[c]);
		}
		expect(nanosleep(&bad[i], NULL) ? errno : 0, EINVAL, "nanosleep() of an invalid time", -1);
	}
	expect(syscall(SYS_clock_nanosleep, 99, 0, &good, NULL) ? errno : 0, EINVAL, "an unknown clock", 99);
	/* Clocks without nsleep: posix_clocks[] in kernel/time/posix-timers.c */
	expect(clock_nanosleep(CLOCK_MONOTONIC_RAW, 0, &good, NULL), EOPNOTSUPP, "a sleep", CLOCK_MONOTONIC_RAW);
	expect(clock_nanosleep(CLOCK_MONOTONIC_COARSE, 0, &good, NULL), EOPNOTSUPP, "a sleep",
	       CLOCK_MONOTONIC_COARSE);
	expect(clock_nanosleep(CLOCK_REALTIME_COARSE, 0, &good, NULL), EOPNOTSUPP, "a sleep",
	       CLOCK_REALTIME_COARSE);
	expect(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, NULL, NULL) ? errno : 0, EFAULT,
	       "no time at all", CLOCK_MONOTONIC);
}

/* The longest request there is must not wrap into one that has passed. */
static void endless(int unused)
{
	struct interrupter in;

	(void)unused;
	ck_assert_int_eq(interrupter_start(&in, 10 * MS), 0);
	for (size_t i = 0; i < 2 * NR_CLOCKS; i++) {
		struct timespec when = { LONG_MAX, NSEC_PER_SEC - 1 }, rem = { 0, 0 };
		int flags = i % 2 ? TIMER_ABSTIME : 0;

		expect(clock_nanosleep(clocks[i / 2], flags, &when, &rem), EINTR, "the longest sleep there is",
		       clocks[i / 2]);
		if (!flags && rem.tv_sec < 100ll * 365 * 86400)
			report_fail("clock %d: of the longest sleep there is only %lld s remain",
				    clocks[i / 2], (long long)rem.tv_sec);
	}
	interrupter_stop(&in);
}

#define F1_RULE "never early by its own clock, and late by no more than slack and bound (F1, F3): hrtimer_nanosleep()"
#define ROW(name) { #name, F1_RULE, run_##name, false },

static const struct report_case cases[] = {
	SLEEPERS(ROW)
	{ "seconds", "never early, from half a second to more than one (F1): hrtimer_nanosleep()", seconds, false },
	{ "past", "a deadline that has passed is met at once (F2): hrtimer_nanosleep()", past, false },
	{ "remaining", "a relative sleep says EINTR and what remains, to the nanosecond (F4): do_nanosleep(), nanosleep_copyout()",
	  remaining, false },
	{ "absolute_interrupted", "an absolute sleep says EINTR and leaves the remaining time alone (F4): hrtimer_nanosleep()",
	  absolute_interrupted, false },
	{ "resumed", "a sleep resumed with what remained is not shorter in all (F4): do_nanosleep()", resumed, false },
	{ "restarted", "a sleep that is stopped and continued ends at its first deadline (F4): hrtimer_nanosleep_restart()",
	  restarted, false },
	{ "slack", "PR_SET_TIMERSLACK is read back, measurable and kept to (F3): hrtimer_set_expires_range_ns()", slack, false },
	{ "slack_realtime", "slack does not apply to a real-time policy (F3): hrtimer_nanosleep()", slack_realtime, false },
	{ "invalid", "EINVAL for times and clocks that are none (F1): timespec64_valid(), posix_clocks[]", invalid, false },
	{ "endless", "the longest sleep there is doesn't wrap around (F1): timespec64_to_ktime(), ktime_add_safe()", endless, false },
};

static const struct report_program program = {
	.surface = "sleep",
	.program = "nanosleep",
	.cases = cases,
	.nr_cases = sizeof(cases) / sizeof(*cases),
};

int main(int argc, char **argv)
{
	return report_main(argc, argv, &program);
}
