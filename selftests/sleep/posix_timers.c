// SPDX-License-Identifier: GPL-2.0-only
/*
 * POSIX timers, interval timers and alarm(): their signals come once, to whom they are meant for,
 * never early, and what couldn't be delivered is counted (F8-F10; kernel/time/posix-timers.c,
 * itimer.c).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/crew.h"
#include "../lib/periods.h"
#include "../lib/report.h"
#include "../lib/sleepers.h"
#include "judge.h"

static const clockid_t clocks[] = { CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME, CLOCK_TAI };
#define NR_CLOCKS (sizeof(clocks) / sizeof(*clocks))

/* What one CPU's thread found wrong; "" for nothing. */
struct verdict {
	char text[200];
	size_t samples, count;
	int64_t late[4000];
	struct sleeps reference;
};

#define WRONG(v, ...) snprintf((v)->text, sizeof((v)->text), __VA_ARGS__)

static sigset_t only(int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	return set;
}

/* A timer whose signal comes to the calling thread alone, which blocks it and fetches it. */
static int own_timer(clockid_t clock, int sig, int value, timer_t *timer)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = sig };
	sigset_t set = only(sig);

	event.sigev_value.sival_int = value;
	event.sigev_notify_thread_id = gettid();
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return timer_create(clock, &event, timer);
}

static int arm(timer_t timer, int flags, int64_t value, int64_t interval)
{
	struct itimerspec when = { ns_timespec(interval), ns_timespec(value) };

	return timer_settime(timer, flags, &when, NULL);
}

static void judge_cpus(void (*run)(int cpu, void *arg), bool lateness)
{
	struct verdict *all = calloc(cpus_count(report_cpus()), sizeof(*all));
	struct stats worst = { 0 };
	size_t samples = 0, i = 0;
	int cpu;

	ck_assert_ptr_nonnull(all);
	for (i = 0; i < (size_t)cpus_count(report_cpus()); i++)
		all[i].reference.late = calloc(4000, sizeof(int64_t));
	judge_crew(run, all, sizeof(*all));
	i = 0;
	cpus_for_each(cpu, report_cpus()) {
		struct verdict *v = &all[i++];
		struct stats s = stats_of(v->late, v->count);
		struct stats reference = stats_of(v->reference.late, v->reference.count);
		int64_t bound = sleeps_bound(&reference, 0);

		if (v->text[0])
			report_fail("CPU %d: %s", cpu, v->text);
		if (lateness && s.p50 > bound)
			report_fail("CPU %d: median %.3f ms late, more than %.3f ms", cpu,
				    s.p50 / 1e6, bound / 1e6);
		samples += v->samples;
		if (s.p50 >= worst.p50)
			worst = s;
	}
	report_metric("samples", samples, "signals");
	if (lateness) {
		report_metric("late_p50", worst.p50, "ns");
		report_metric("late_p99", worst.p99, "ns");
		report_metric("late_max", worst.max, "ns");
	}
}

/*
 * Whether a signal that came late ns after its deadline was early: a clock that can be set may have
 * been set back, if all the time asked for has passed on CLOCK_MONOTONIC.
 */
static bool is_early(clockid_t clock, int64_t late, int64_t asked, int64_t passed)
{
	return late < 0 && (clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME || passed < asked);
}

/* One-shot timers, relative and absolute in turn, each with a reference sleep beside it. */
static void one_shots(int cpu, void *arg)
{
	const struct sleeper *reference = sleeper_named("monotonic_abs");
	static const struct timespec soon = { 0, 2 * MS };
	struct verdict *v = arg;
	sigset_t set = only(SIGRTMIN + 1);
	timer_t timer;

	for (int i = 0; i < 48 && !v->text[0]; i++) {
		clockid_t clock = clocks[i % NR_CLOCKS];
		bool absolute = i / NR_CLOCKS % 2;
		int64_t deadline, mono, passed, late;
		struct slept one;
		siginfo_t info;
		int sig;

		sleeper_wait(reference, 3 * MS, &one);
		sleeps_add(&v->reference, &one);
		crew_progress();
		if (own_timer(clock, SIGRTMIN + 1, 1000 + i, &timer)) {
			WRONG(v, "timer_create of clock %d: %s", clock, strerror(errno));
			return;
		}
		mono = clock_ns(CLOCK_MONOTONIC);
		deadline = clock_ns(clock) + 3 * MS;
		arm(timer, absolute ? TIMER_ABSTIME : 0, absolute ? deadline : 3 * MS, 0);
		do
			sig = sigwaitinfo(&set, &info);
		while (sig < 0 && errno == EINTR);
		late = clock_ns(clock) - deadline;
		passed = clock_ns(CLOCK_MONOTONIC) - mono;
		if (is_early(clock, late, 3 * MS, passed))
			WRONG(v, "clock %d: a one-shot timer signalled %lld ns early", clock,
			      (long long)-late);
		else if (info.si_overrun)
			WRONG(v,
			      "clock %d: a one-shot timer counts %d expirations instead of 1 (overrun %d)",
			      clock, info.si_overrun + 1, info.si_overrun);
		else if (info.si_code != SI_TIMER || info.si_value.sival_int != 1000 + i)
			WRONG(v,
			      "clock %d: a signal with code %d and value %d instead of %d and %d",
			      clock, info.si_code, info.si_value.sival_int, SI_TIMER, 1000 + i);
		else if (sigtimedwait(&set, &info, &soon) > 0)
			WRONG(v, "clock %d: a one-shot timer signalled twice", clock);
		v->late[v->count++] = late;
		v->samples++;
		timer_delete(timer);
		crew_progress();
	}
	(void)cpu;
}

static void oneshot(int unused)
{
	(void)unused;
	judge_cpus(one_shots, true);
}

/* Which thread ran the handler, and how often another one did. */
static _Atomic unsigned int handled, strayed;
static __thread int expected_value;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	handled++;
	if (info->si_value.sival_int != expected_value || info->si_code != SI_TIMER)
		strayed++;
}

/* Every thread takes the same signal; each has a timer of its own. */
static void to_thread(int cpu, void *arg)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN + 2 };
	struct timespec left = { 0, 200 * MS };
	struct verdict *v = arg;
	timer_t timer;

	(void)cpu;
	expected_value = gettid();
	event.sigev_value.sival_int = expected_value;
	event.sigev_notify_thread_id = expected_value;
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) || arm(timer, 0, 2 * MS, 2 * MS)) {
		WRONG(v, "timer: %s", strerror(errno));
		return;
	}
	while (nanosleep(&left, &left) && errno == EINTR)
		crew_progress();
	timer_delete(timer);
}

static void thread_id(int unused)
{
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };

	(void)unused;
	sigaction(SIGRTMIN + 2, &action, NULL);
	judge_cpus(to_thread, false);
	report_metric("handled", handled, "signals");
	if (strayed)
		report_fail("%u of %u signals came to another thread than the timer's", strayed,
			    handled);
	if (!handled)
		report_fail("no signal came at all");
}

/* SIGEV_SIGNAL is the process's: any thread may take it, but only one does. */
static void process(int unused)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 3 };
	sigset_t set = only(SIGRTMIN + 3);
	struct timespec soon = { 0, 10 * MS };
	timer_t timer;

	(void)unused;
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; i < 20; i++) {
		int64_t deadline, now;
		siginfo_t info;

		event.sigev_value.sival_int = i;
		ck_assert_int_eq(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
		deadline = clock_ns(CLOCK_MONOTONIC) + 3 * MS;
		ck_assert_int_eq(arm(timer, TIMER_ABSTIME, deadline, 0), 0);
		ck_assert_int_eq(sigwaitinfo(&set, &info), SIGRTMIN + 3);
		now = clock_ns(CLOCK_MONOTONIC);
		if (now < deadline)
			report_fail("a one-shot timer signalled %lld ns early",
				    (long long)(deadline - now));
		if (info.si_overrun)
			report_fail("a one-shot timer counts %d expirations instead of 1 (overrun %d)",
				    info.si_overrun + 1, info.si_overrun);
		if (info.si_value.sival_int != i || info.si_code != SI_TIMER)
			report_fail("a signal with code %d and value %d instead of %d and %d",
				    info.si_code, info.si_value.sival_int, SI_TIMER, i);
		timer_delete(timer);
	}
	if (sigtimedwait(&set, NULL, &soon) > 0)
		report_fail("a one-shot timer signalled twice");
	report_metric("samples", 20, "signals");
}

/*
 * The kernel forwards the timer when its signal is taken, so overrun + 1 sums up to what had
 * expired by then.
 */
static void overrun_sum(struct verdict *v, timer_t timer, int value, clockid_t clock,
			int64_t interval)
{
	sigset_t set = only(SIGRTMIN + 4);
	int64_t first = clock_ns(clock) + interval, before, after, off;
	unsigned int taken = 0;
	uint64_t sum = 0;

	arm(timer, TIMER_ABSTIME, first, interval);
	for (int i = 0; i < 100; i++) {
		siginfo_t info;
		int counted;

		/* Now and then more of them have to wait. */
		if (i % 10 == 9)
			clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){ 0, 5 * MS }, NULL);
		before = clock_ns(clock);
		/* Until 6.12 a signal outlives the timer it is of. */
		if (sigwaitinfo(&set, &info) < 0 || info.si_value.sival_int != value)
			continue;
		after = clock_ns(clock);
		sum += info.si_overrun + 1;
		v->samples++;
		taken++;
		off = periods_off(sum, before, after, first, interval);
		if (off) {
			WRONG(v,
			      "clock %d: signals and overruns of a timer of %lld ns count %llu expirations after %d signals, %lld too %s",
			      clock, (long long)interval, (unsigned long long)sum, i + 1,
			      llabs(off), off < 0 ? "few" : "many");
			return;
		}
		counted = timer_getoverrun(timer);
		if (counted != info.si_overrun) {
			WRONG(v, "clock %d: timer_getoverrun() says %d, the signal's overrun is %d",
			      clock, counted, info.si_overrun);
			return;
		}
		crew_progress();
	}
	if (!taken)
		WRONG(v,
		      "clock %d: of 100 signals that were awaited none was the timer's, of %lld ns",
		      clock, (long long)interval);
}

static void overruns_on(int cpu, void *arg)
{
	static const int64_t intervals[] = { 100 * US, MS };
	struct verdict *v = arg;
	timer_t timer;

	(void)cpu;
	for (int i = 0; i < 4 && !v->text[0]; i++) {
		/* Not those that can be set. */
		clockid_t clock = i % 2 ? CLOCK_BOOTTIME : CLOCK_MONOTONIC;

		if (own_timer(clock, SIGRTMIN + 4, i, &timer)) {
			WRONG(v, "timer_create of clock %d: %s", clock, strerror(errno));
			return;
		}
		overrun_sum(v, timer, i, clock, periods_interval(intervals[i / 2]));
		timer_delete(timer);
	}
}

static void overruns(int unused)
{
	(void)unused;
	judge_cpus(overruns_on, false);
}

static void remain_on(int cpu, void *arg)
{
	sigset_t set = only(SIGRTMIN + 5), pending;
	struct verdict *v = arg;
	timer_t timer;

	(void)cpu;
	for (int i = 0; i < 6 && !v->text[0]; i++) {
		clockid_t clock = i % 2 ? CLOCK_BOOTTIME : CLOCK_MONOTONIC;
		int64_t deadline, before, after, left, last = INT64_MAX;
		uint64_t start = counter_read();
		struct itimerspec now;
		siginfo_t info;

		if (own_timer(clock, SIGRTMIN + 5, 0, &timer)) {
			WRONG(v, "timer_create of clock %d: %s", clock, strerror(errno));
			return;
		}
		deadline = clock_ns(clock) + 15 * MS;
		arm(timer, TIMER_ABSTIME, deadline, 0);
		do {
			before = clock_ns(clock);
			timer_gettime(timer, &now);
			after = clock_ns(clock);
			left = timespec_ns(&now.it_value);
			v->samples++;
			sigpending(&pending);
			if (!left && !sigismember(&pending, SIGRTMIN + 5))
				WRONG(v, "0 ns remain of an armed timer that hasn't signalled");
			else if (left > last)
				WRONG(v, "the remaining time rose by %lld ns",
				      (long long)(left - last));
			/* 1 ns stands for a timer that is due. */
			else if (left > 1 && left > deadline - before)
				WRONG(v, "%lld ns remain, by the clock no more than %lld",
				      (long long)left, (long long)(deadline - before));
			else if (after < deadline && left < deadline - after)
				WRONG(v, "%lld ns remain, by the clock at least %lld",
				      (long long)left, (long long)(deadline - after));
			last = left;
		} while (!v->text[0] && left && counter_since_ns(start) < 5 * NSEC_PER_SEC);
		crew_progress();
		if (!v->text[0])
			sigwaitinfo(&set, &info);
		timer_delete(timer);
	}
}

static void remaining(int unused)
{
	(void)unused;
	judge_cpus(remain_on, false);
}

/* A timer of the past signals at once, a periodic one with all it missed. */
static void past_on(int cpu, void *arg)
{
	const int64_t interval = periods_interval(MS);
	const struct sleeper *reference = sleeper_named("monotonic_abs");
	sigset_t set = only(SIGRTMIN + 6);
	struct verdict *v = arg;
	timer_t timer;

	(void)cpu;
	if (own_timer(CLOCK_MONOTONIC, SIGRTMIN + 6, 0, &timer)) {
		WRONG(v, "timer_create: %s", strerror(errno));
		return;
	}
	for (int i = 0; i < 20 && !v->text[0]; i++) {
		int64_t first = clock_ns(CLOCK_MONOTONIC) - i * i * 100 * US, before, after, off;
		struct slept one;
		siginfo_t info;

		sleeper_wait(reference, MS, &one);
		sleeps_add(&v->reference, &one);
		crew_progress();
		before = clock_ns(CLOCK_MONOTONIC);
		arm(timer, TIMER_ABSTIME, first, interval);
		sigwaitinfo(&set, &info);
		after = clock_ns(CLOCK_MONOTONIC);
		arm(timer, 0, 0, 0);
		v->late[v->count++] = after - before;
		v->samples++;
		off = periods_off(info.si_overrun + 1, before, after, first, interval);
		if (off)
			WRONG(v,
			      "a timer of %lld ns begun %lld ns ago counts %d expirations, %lld too %s",
			      (long long)interval, (long long)(before - first), info.si_overrun + 1,
			      llabs(off), off < 0 ? "few" : "many");
		/* One may have expired between the signal and the disarming. */
		sigtimedwait(&set, &info, &(struct timespec){ 0, 0 });
	}
	timer_delete(timer);
}

static void past(int unused)
{
	(void)unused;
	judge_cpus(past_on, true);
}

static void invalid(int unused)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = 0 };
	timer_t timer;

	(void)unused;
	ck_assert(timer_create(CLOCK_MONOTONIC, &event, &timer) == -1 && errno == EINVAL);
	event = (struct sigevent){ .sigev_notify = SIGEV_NONE };
	ck_assert(timer_create(99, &event, &timer) == -1 && errno == EINVAL);
	/* Without timer_create: posix_clocks[]. */
	ck_assert(timer_create(CLOCK_MONOTONIC_RAW, &event, &timer) == -1 && errno == EOPNOTSUPP);
	ck_assert_int_eq(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	ck_assert(arm(timer, 0, -1, 0) == -1 && errno == EINVAL);
	ck_assert(timer_settime(timer, 0, &(struct itimerspec){ .it_value = { 0, NSEC_PER_SEC } },
				NULL) == -1 &&
		  errno == EINVAL);
	ck_assert_int_eq(timer_delete(timer), 0);
	ck_assert(timer_delete(timer) == -1 && errno == EINVAL);
}

/* clang-format off */
#define ROW(name, rule) { #name, rule, name, false }

static const struct report_case cases[] = {
	ROW(oneshot, "one signal, never early, not late (F1, F8): posix_timer_fn(), common_timer_set()"),
	ROW(thread_id, "SIGEV_THREAD_ID signals its thread alone (F8): posix_timer_queue_signal()"),
	ROW(process, "SIGEV_SIGNAL signals the process once (F8): posix_timer_queue_signal()"),
	ROW(overruns, "overruns and signals sum up to exactly what expired (F8): common_hrtimer_rearm()"),
	ROW(remaining, "what remains never rises and is never 0 before the signal (F9): common_timer_get()"),
	ROW(past, "a timer of the past signals at once and counts what it missed (F2, F8): common_hrtimer_arm()"),
	ROW(invalid, "EINVAL for clocks, signals and times that are none (F8): do_timer_create(), do_timer_settime()"),
};
/* clang-format on */

REPORT_MAIN("sleep", "posix_timers")
