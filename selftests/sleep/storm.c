// SPDX-License-Identifier: GPL-2.0-only
/*
 * Timers in masses, too short to program, and long past: all expire, none early, and the CPU goes
 * on doing other things (F14, F15; kernel/time/hrtimer.c, clockevents.c).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/crew.h"
#include "../lib/report.h"
#include "../lib/sleepers.h"
#include "../lib/timer_list.h"
#include "../lib/wake.h"
#include "judge.h"

/* On all CPUs together. */
#define MANY   10000
#define SIGNAL (SIGRTMIN + 7)

/* The timers of one CPU. */
struct load {
	unsigned int wanted, armed, fired, early, again, disordered;
	int64_t earliest;
	int error;
	timer_t timers[MANY];
	int64_t deadline[MANY], late[MANY];
	bool seen[MANY];
};

static int create(struct load *c)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGNAL };

	event.sigev_notify_thread_id = gettid();
	for (unsigned int i = 0; i < c->wanted; i++) {
		event.sigev_value.sival_int = i;
		if (timer_create(CLOCK_MONOTONIC, &event, &c->timers[i]))
			return i ? 0 : -errno;
		c->armed++;
		crew_progress();
	}
	return 0;
}

static void collect(struct load *c, const sigset_t *set)
{
	static const struct timespec limit = { 5, 0 };
	int64_t latest = 0;
	siginfo_t info;

	while (c->fired < c->armed) {
		int64_t now, deadline;
		unsigned int i;

		if (sigtimedwait(set, &info, &limit) < 0) {
			if (errno == EINTR)
				continue;
			return;
		}
		now = clock_ns(CLOCK_MONOTONIC);
		i = info.si_value.sival_int;
		if (i >= c->armed)
			continue;
		deadline = c->deadline[i];
		c->again += c->seen[i] || info.si_overrun;
		c->seen[i] = true;
		if (now < deadline) {
			c->early++;
			if (deadline - now > c->earliest)
				c->earliest = deadline - now;
		}
		c->disordered += deadline < latest;
		if (deadline > latest)
			latest = deadline;
		c->late[c->fired++] = now - deadline;
		crew_progress();
	}
}

static void load_on(int cpu, void *arg)
{
	struct load *c = arg;
	unsigned int seed = 4711 + cpu;
	int64_t base;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGNAL);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	c->error = create(c);
	if (c->error)
		return;
	base = clock_ns(CLOCK_MONOTONIC);
	for (unsigned int i = 0; i < c->armed; i++)
		c->deadline[i] = base + (int64_t)((double)rand_r(&seed) / RAND_MAX * NSEC_PER_SEC);
	for (unsigned int i = 0; i < c->armed; i++) {
		struct itimerspec when = { .it_value = ns_timespec(c->deadline[i]) };

		timer_settime(c->timers[i], TIMER_ABSTIME, &when, NULL);
		/* Those that are due fire meanwhile: on a busy host that makes it seconds. */
		crew_progress();
	}
	collect(c, &set);
}

/*
 * How many for each CPU: no more than the limit on pending signals allows, which each timer counts
 * against.
 */
static unsigned int allowed(unsigned int nr_cpus)
{
	struct rlimit limit;
	rlim_t want = MANY + 500;

	getrlimit(RLIMIT_SIGPENDING, &limit);
	if (limit.rlim_cur < want) {
		struct rlimit higher = { want, limit.rlim_max > want ? limit.rlim_max : want };

		if (setrlimit(RLIMIT_SIGPENDING, &higher)) {
			limit.rlim_cur = limit.rlim_max;
			setrlimit(RLIMIT_SIGPENDING, &limit);
		}
		getrlimit(RLIMIT_SIGPENDING, &limit);
	}
	return (limit.rlim_cur < want ? limit.rlim_cur * 3 / 4 : MANY) / nr_cpus;
}

static void many(int unused)
{
	unsigned int nr = cpus_count(report_cpus()), each = allowed(nr), fired = 0, armed = 0,
		     disordered = 0;
	struct load *all = calloc(nr, sizeof(*all));
	size_t i = 0, n = 0;
	struct stats s;
	int64_t *late;
	int cpu;

	(void)unused;
	if (!each)
		report_skip("RLIMIT_SIGPENDING allows no timers");
	late = calloc((size_t)nr * MANY, sizeof(*late));
	ck_assert(all && late);
	for (i = 0; i < nr; i++)
		all[i].wanted = each;
	judge_crew(load_on, all, sizeof(*all));
	i = 0;
	cpus_for_each(cpu, report_cpus()) {
		struct load *c = &all[i++];

		if (c->error)
			report_fail("CPU %d: timer_create: %s", cpu, strerror(-c->error));
		if (c->early)
			report_fail("CPU %d: %u of %u timers fired early, by up to %lld ns", cpu,
				    c->early, c->armed, (long long)c->earliest);
		if (c->again)
			report_fail("CPU %d: %u of %u one-shot timers fired more than once", cpu,
				    c->again, c->armed);
		if (c->fired < c->armed)
			report_fail("CPU %d: %u of %u timers hadn't fired 5 s after the last that did",
				    cpu, c->armed - c->fired, c->armed);
		memcpy(late + n, c->late, c->fired * sizeof(*late));
		n += c->fired;
		fired += c->fired;
		armed += c->armed;
		disordered += c->disordered;
	}
	s = stats_of(late, n);
	report_metric("armed", armed, "timers");
	report_metric("fired", fired, "timers");
	report_metric("disordered", disordered, "timers");
	report_metric("late_p50", s.p50, "ns");
	report_metric("late_p99", s.p99, "ns");
	report_metric("late_max", s.max, "ns");
}

/* Requests below what any clockevent can be programmed to. */
struct tiny {
	struct sleeps sleeps;
	const char *failed;
};

#define TINY 999

static void tiny_on(int cpu, void *arg)
{
	static const char *const names[] = {
		"nanosleep", "monotonic_abs", "timerfd_monotonic_rel", "timerfd_monotonic_abs",
		"ppoll",
	};
	struct tiny *t = arg;
	struct slept one;

	(void)cpu;
	for (int ns = 1; ns <= TINY && !t->failed; ns++) {
		const char *name = names[ns % 5];

		sleeper_wait(sleeper_named(name), ns, &one);
		sleeps_add(&t->sleeps, &one);
		if (one.error)
			t->failed = name;
		crew_progress();
	}
}

/* How often, on all CPUs, a clockevent refused a time as too near; -1 where it can't be read. */
static int64_t retries(void)
{
	struct timer_list tl;
	int64_t sum = 0;

	if (timer_list_read(&tl))
		return -1;
	for (size_t i = 0; i < tl.nr_devices; i++)
		sum += tl.devices[i].retries;
	timer_list_free(&tl);
	return sum;
}

static void tiny(int unused)
{
	size_t nr = cpus_count(report_cpus()), i = 0;
	struct tiny *all = calloc(nr, sizeof(*all));
	int64_t before = retries(), after;
	int cpu;

	(void)unused;
	ck_assert_ptr_nonnull(all);
	for (i = 0; i < nr; i++)
		all[i].sleeps.late = calloc(TINY, sizeof(int64_t));
	judge_crew(tiny_on, all, sizeof(*all));
	after = retries();
	i = 0;
	cpus_for_each(cpu, report_cpus()) {
		struct sleeps *s = &all[i].sleeps;

		if (all[i].failed)
			report_fail("CPU %d: %s: %s", cpu, all[i].failed, sleep_error(s->error));
		if (s->early)
			report_fail("CPU %d: %zu of %zu sleeps ended early", cpu, s->early,
				    s->count);
		i++;
	}
	report_metric("samples", nr * TINY, "sleeps");
	if (before < 0 || after < 0) {
		report_note(
			"how often a clockevent refused a time isn't judged: /proc/timer_list can't be read");
		return;
	}
	report_metric("retries", after - before, "retries");
	if (after - before > 10 * (int64_t)nr * TINY)
		report_fail("%lld times a clockevent refused a time as too near, for %zu requests",
			    (long long)(after - before), nr * TINY);
}

/* Arms a timer in the past, over and over, on a CPU that others want as well. */
struct starve {
	struct stats before, during;
	unsigned int armed, woken, early;
	int64_t spun; /* CPU time the other thread got during the loop */
	int64_t took;
	int error;
};

/* Keeps busy for ns, arming fd in the past if it is one; bounded by the raw counter as well. */
static unsigned int keep_busy(int fd, int64_t ns)
{
	static const struct itimerspec past = { .it_value = { 0, 1 } };
	int64_t start = clock_ns(CLOCK_MONOTONIC);
	uint64_t begun = counter_read();
	unsigned int armed = 0;

	while (clock_ns(CLOCK_MONOTONIC) - start < ns && counter_since_ns(begun) < 20 * ns) {
		if (fd >= 0)
			armed += !timerfd_settime(fd, TFD_TIMER_ABSTIME, &past, NULL);
		crew_progress();
	}
	return armed;
}

static int64_t cpu_time(pthread_t thread)
{
	clockid_t clock;

	return pthread_getcpuclockid(thread, &clock) ? 0 : clock_ns(clock);
}

/* A sleeper beside the loop, for as long as the loop takes. */
static int beside(struct starve *s, int cpu, int fd, int64_t ns, struct stats *late)
{
	struct wake w = { .cpu = cpu, .kind = WAKE_ABS, .count = 2000, .interval_ns = 5 * MS };
	int err = wake_start(&w);

	if (err)
		return err;
	s->armed = keep_busy(fd, ns);
	s->woken = atomic_load(&w.woken);
	wake_stop(&w);
	s->early += w.early;
	*late = wake_join(&w);
	return w.error;
}

static void starve_on(int cpu, void *arg)
{
	struct spinner spinner = { .cpu = cpu };
	struct starve *s = arg;
	int64_t spun, start;
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	s->error = fd < 0 ? -errno : spinner_start(&spinner);
	if (s->error)
		return;
	s->error = beside(s, cpu, -1, 250 * MS, &s->before);
	spun = cpu_time(spinner.thread);
	start = clock_ns(CLOCK_MONOTONIC);
	if (!s->error)
		s->error = beside(s, cpu, fd, 400 * MS, &s->during);
	s->took = clock_ns(CLOCK_MONOTONIC) - start;
	s->spun = cpu_time(spinner.thread) - spun;
	spinner_stop(&spinner);
	close(fd);
}

/*
 * The most that a median sleep beside the loop may be late, ns. Starved, a sleep ends with the
 * loop; a busy host makes it as late as some tens of ms.
 */
static int64_t starve_bound(const struct starve *s)
{
	int64_t bound = sleeps_bound(&s->before, 0);

	return bound > s->took / 4 ? bound : s->took / 4;
}

static bool starved(const struct starve *s)
{
	return s->during.p50 > starve_bound(s) || s->spun < s->took / 100;
}

static bool any_starved(const struct starve *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (starved(&all[i]))
			return true;
	return false;
}

/* A kernel that starves others does so each time; a host that takes a CPU for a while does not. */
enum { STARVE_TRIES = 3 };

static void past_loop(int unused)
{
	size_t n = cpus_count(report_cpus()), i = 0;
	struct starve *all = calloc(n, sizeof(*all));
	unsigned int armed = 0, woken = 0;
	int64_t worst = 0;
	int cpu, tries = 0;

	(void)unused;
	ck_assert_ptr_nonnull(all);
	do {
		memset(all, 0, n * sizeof(*all));
		judge_crew(starve_on, all, sizeof(*all));
	} while (++tries < STARVE_TRIES && any_starved(all, n));
	cpus_for_each(cpu, report_cpus()) {
		struct starve *s = &all[i++];

		if (s->error)
			report_fail("CPU %d: a sleep: %s", cpu, sleep_error(s->error));
		if (!s->armed)
			report_fail("CPU %d: timerfd_settime() refused every timer that was armed in the past",
				    cpu);
		if (s->early)
			report_fail("CPU %d: %u sleeps ended early beside timers armed in the past",
				    cpu, s->early);
		if (s->during.p50 > starve_bound(s))
			report_fail("CPU %d: beside %u timers armed in the past, sleeps are a median of %.3f ms late, more than %.3f ms (%u ended in time), %d times out of %d",
				    cpu, s->armed, s->during.p50 / 1e6, starve_bound(s) / 1e6,
				    s->woken, tries, tries);
		if (starved(s))
			report_fail("CPU %d: beside %u timers armed in the past, another thread ran %.3f ms of %.3f ms, %d times out of %d",
				    cpu, s->armed, s->spun / 1e6, s->took / 1e6, tries, tries);
		armed += s->armed;
		woken += s->woken;
		if (s->during.p50 > worst)
			worst = s->during.p50;
	}
	report_metric("armed", armed, "timers");
	report_metric("samples", woken, "sleeps");
	report_metric("late_p50", worst, "ns");
}

/* clang-format off */
#define ROW(name, rule) { #name, rule, name, false }

static const struct report_case cases[] = {
	ROW(many, "thousands of timers all fire, once, none early (F14): hrtimer_interrupt()"),
	ROW(tiny, "requests of 1 to 999 ns end, none early, without endless retries (F15): clockevents_program_min_delta()"),
	ROW(past_loop, "timers armed in the past, over and over, starve neither sleeps nor other threads (d6e152d905bd): clockevents_program_event()"),
};
/* clang-format on */

REPORT_MAIN("sleep", "storm")
