// SPDX-License-Identifier: GPL-2.0-only
/* setitimer() and alarm() (F10; kernel/time/itimer.c, posix-cpu-timers.c). */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "../lib/clocks.h"
#include "../lib/report.h"
#include "../lib/resolution.h"

static struct timeval ns_timeval(int64_t ns)
{
	return (struct timeval){ ns / NSEC_PER_SEC, ns % NSEC_PER_SEC / US };
}

static void set(int which, int64_t value, int64_t interval)
{
	struct itimerval when = { ns_timeval(interval), ns_timeval(value) };

	if (setitimer(which, &when, NULL))
		report_fail("setitimer: %s", strerror(errno));
}

static int64_t get(int which)
{
	struct itimerval now;

	ck_assert_int_eq(getitimer(which, &now), 0);
	return now.it_value.tv_sec * NSEC_PER_SEC + now.it_value.tv_usec * US;
}

/* Blocks the signal: it is fetched, or looked for, and so it never interrupts. */
static sigset_t block(int sig)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, sig);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	return signals;
}

/* Signals may merge, but the k-th comes no sooner than after k intervals. */
static void real(int unused)
{
	sigset_t signals = block(SIGALRM);
	int64_t start = clock_ns(CLOCK_MONOTONIC), took;

	(void)unused;
	set(ITIMER_REAL, 3 * MS, 2 * MS);
	for (int k = 0; k < 100; k++) {
		sigwaitinfo(&signals, NULL);
		took = clock_ns(CLOCK_MONOTONIC) - start;
		if (took < 3 * MS + k * 2 * MS)
			report_fail("signal %d came %lld ns early", k + 1,
				    (long long)(3 * MS + k * 2 * MS - took));
	}
	set(ITIMER_REAL, 0, 0);
	if (get(ITIMER_REAL))
		report_fail("a disarmed timer has time remaining");
	report_metric("samples", 100, "signals");
	report_metric("per_signal", (clock_ns(CLOCK_MONOTONIC) - start) / 100, "ns");
}

/*
 * What remains never rises, and isn't 0 before the signal; but the kernel cuts it to microseconds
 * (put_itimerval()), so in the last one it may say 0 of a timer that is armed, and then again the
 * 1 us that stands for one that is due (itimer_get_remtime()).
 */
static void real_remaining(int unused)
{
	int64_t left, last = INT64_MAX, start = clock_ns(CLOCK_MONOTONIC), after;
	unsigned int samples = 0, zeros = 0;
	uint64_t begun = counter_read();
	sigset_t pending;

	(void)unused;
	block(SIGALRM);
	set(ITIMER_REAL, 30 * MS, 0);
	do {
		left = get(ITIMER_REAL);
		after = clock_ns(CLOCK_MONOTONIC);
		sigpending(&pending);
		samples++;
		if ((left > last && left > US) || left > 30 * MS)
			report_fail("the remaining time rose to %lld ns", (long long)left);
		if (!left && !sigismember(&pending, SIGALRM)) {
			zeros++;
			if (after < start + 30 * MS - US)
				report_fail("no time remains %lld ns before the signal is due",
					    (long long)(start + 30 * MS - after));
		}
		last = left;
	} while (!sigismember(&pending, SIGALRM) && counter_since_ns(begun) < 20 * NSEC_PER_SEC);
	if (!sigismember(&pending, SIGALRM))
		report_fail("DEAD: a timer of 30 ms hasn't expired after 20 s by the raw counter");
	report_metric("samples", samples, "reads");
	report_metric("zero_before_signal", zeros, "reads");
}

static void alarm_second(int unused)
{
	sigset_t signals = block(SIGALRM);
	int64_t start, took;

	(void)unused;
	alarm(1000);
	/* alarm_setitimer(): rounded to the nearest second, at least 1. */
	start = clock_ns(CLOCK_MONOTONIC);
	took = alarm(1);
	if (took < 990 || took > 1000)
		report_fail("of an alarm in 1000 s %lld s remain at once", (long long)took);
	sigwaitinfo(&signals, NULL);
	took = clock_ns(CLOCK_MONOTONIC) - start;
	if (took < NSEC_PER_SEC)
		report_fail("an alarm in 1 s came after %lld ns", (long long)took);
	if (alarm(0))
		report_fail("time remains of an alarm that has come");
	report_metric("late", took - NSEC_PER_SEC, "ns");
}

/* Time of the timer's kind that passed until its signal was pending. */
struct burnt {
	int64_t took;
	int64_t ticked;	 /* of it, with no step longer than a tick: what ticks can have seen */
	int64_t stalled; /* what steps were longer: the CPU was stopped, as a host does */
};

/*
 * What ITIMER_VIRTUAL counts: the process in user mode only. A loop of our own is not all user
 * mode: on a loaded host a guest's tick comes late, and often while the last one is still in the
 * kernel.
 */
static int64_t user_ns(void)
{
	struct rusage usage;

	ck_assert_int_eq(getrusage(RUSAGE_SELF, &usage), 0);
	return usage.ru_utime.tv_sec * NSEC_PER_SEC + usage.ru_utime.tv_usec * US;
}

static struct burnt burn(int which, int sig, int64_t value, int64_t tick)
{
	int64_t first = clock_ns(CLOCK_PROCESS_CPUTIME_ID), last = first, now, step;
	int64_t user = user_ns();
	sigset_t pending, signals = block(sig);
	uint64_t begun = counter_read();
	struct burnt b = { 0 };

	set(which, value, 0);
	do {
		for (volatile int i = 0; i < 20000; i++)
			;
		now = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
		step = now - last;
		last = now;
		b.stalled += step < tick ? 0 : step - tick;
		sigpending(&pending);
	} while (!sigismember(&pending, sig) && counter_since_ns(begun) < 20 * NSEC_PER_SEC);
	b.took = which == ITIMER_VIRTUAL ? user_ns() - user : last - first;
	if (!sigismember(&pending, sig))
		report_fail("a timer of %lld ms of CPU time hasn't expired after %lld ms, 20 s by the raw counter",
			    (long long)(value / MS), (long long)(b.took / MS));
	sigwaitinfo(&signals, NULL);
	b.ticked = b.took - b.took * b.stalled / (last - first);
	return b;
}

/*
 * The kernel counts this time in ticks, whole ones to whom they interrupt, so that with others on
 * the CPU any one run may be far off. Right is what is right once: a wrong rate never is. While a
 * host stops the CPU no ticks come: such runs may speak for the kernel, but not against it.
 */
static void cpu_time(int which, int sig)
{
	int64_t value = 60 * MS, allowed, off;
	unsigned int tries = 0, undisturbed = 0;
	struct burnt b;

	allowed = 2 * tick_ns() + value / 10;
	do {
		b = burn(which, sig, value, tick_ns());
		off = b.ticked - value;
		undisturbed += b.stalled < value / 10;
		tries++;
	} while (llabs(off) > allowed && tries < 20);
	report_metric("cpu_time", b.took, "ns");
	report_metric("stalled", b.stalled, "ns");
	report_metric("tries", tries, "runs");
	if (llabs(off) <= allowed)
		return;
	if (undisturbed < 3)
		report_skip("this CPU is never left to run for 60 ms");
	report_fail("60 ms of %s time were signalled after %.1f ms, %u times out of %u",
		    which == ITIMER_VIRTUAL ? "user" : "CPU", b.took / 1e6, tries, tries);
}

static void virtual(int unused)
{
	(void)unused;
	cpu_time(ITIMER_VIRTUAL, SIGVTALRM);
}

static void prof(int unused)
{
	(void)unused;
	cpu_time(ITIMER_PROF, SIGPROF);
}

static void invalid(int unused)
{
	struct itimerval bad = { .it_value = { 0, 1000000 } };

	(void)unused;
	ck_assert(setitimer(ITIMER_REAL, &bad, NULL) == -1 && errno == EINVAL);
	bad.it_value = (struct timeval){ -1, 0 };
	ck_assert(setitimer(ITIMER_REAL, &bad, NULL) == -1 && errno == EINVAL);
	ck_assert(setitimer(99, &(struct itimerval){ 0 }, NULL) == -1 && errno == EINVAL);
}

/* clang-format off */
#define ROW(name, rule) { #name, rule, name, false }

static const struct report_case cases[] = {
	ROW(real, "ITIMER_REAL never signals early (F10): it_real_fn()"),
	ROW(real_remaining, "what remains of ITIMER_REAL never rises, nor is it 0 before the last microsecond (F9, F10): itimer_get_remtime()"),
	{ "alarm", "alarm() never signals early and tells what remained (F10): alarm_setitimer()", alarm_second, false },
	ROW(virtual, "ITIMER_VIRTUAL is right within 2 ticks and 10 % (F10): check_cpu_itimer()"),
	ROW(prof, "ITIMER_PROF is right within 2 ticks and 10 % (F10): check_cpu_itimer()"),
	ROW(invalid, "EINVAL for times and timers that are none (F10): get_itimerval(), do_setitimer()"),
};
/* clang-format on */

REPORT_MAIN("sleep", "itimers")
