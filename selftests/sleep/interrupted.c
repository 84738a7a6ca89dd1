// SPDX-License-Identifier: GPL-2.0-only
/*
 * nanosleep() and clock_nanosleep() interrupted by signals, stopped, resumed: never shorter in all,
 * and what remains is reported to the nanosecond (F4; kernel/time/hrtimer.c do_nanosleep()).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/crew.h"
#include "../lib/files.h"
#include "../lib/report.h"
#include "interrupter.h"
#include "judge.h"

static const clockid_t clocks[] = { CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME, CLOCK_TAI };
#define NR_CLOCKS (sizeof(clocks) / sizeof(*clocks))

/* What was wrong on a CPU; "" for nothing. */
struct verdict {
	char text[200];
	unsigned int samples;
	int64_t beyond;
};

static void judge_verdicts(void (*run)(int cpu, void *arg))
{
	struct verdict *all = calloc(cpus_count(report_cpus()), sizeof(*all));
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

/*
 * Who interrupts a sleeper: a signal only once it is certain that it sleeps, so that both are
 * known, the time from when at the latest it slept and the time until when at least.
 */
struct alarm_clock {
	pthread_t thread;
	pid_t tid;
	_Atomic long switches; /* the sleeper's voluntary ones before it sleeps; -1: it doesn't */
	_Atomic int64_t asleep, sent; /* CLOCK_MONOTONIC ns */
	_Atomic bool stop;
};

static bool sleeps(const struct alarm_clock *a)
{
	const char *key = "voluntary_ctxt_switches:", *at;
	char path[64], *text;
	bool asleep;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", a->tid);
	if (file_read(path, &text) < 0)
		return false;
	at = strstr(text, key);
	/* Its state alone is set before its timer is started. */
	asleep = at && atol(at + strlen(key)) > atomic_load(&a->switches) &&
		 strstr(text, "State:\tS");
	free(text);
	return asleep;
}

static void *wake_sleeper(void *arg)
{
	struct alarm_clock *a = arg;

	while (!atomic_load(&a->stop)) {
		clock_nap(MS / 5);
		if (atomic_load(&a->switches) < 0 || !sleeps(a))
			continue;
		atomic_store(&a->asleep, clock_ns(CLOCK_MONOTONIC));
		clock_nap(5 * MS);
		atomic_store(&a->sent, clock_ns(CLOCK_MONOTONIC));
		atomic_store(&a->switches, -1);
		tgkill(getpid(), a->tid, SIGUSR1);
	}
	return NULL;
}

static bool alarm_clock_start(struct alarm_clock *a)
{
	struct sigaction action = { .sa_handler = interrupter_handler, .sa_flags = SA_RESTART };

	*a = (struct alarm_clock){ .tid = gettid(), .switches = -1 };
	sigaction(SIGUSR1, &action, NULL);
	return !pthread_create(&a->thread, NULL, wake_sleeper, a);
}

static void alarm_clock_stop(struct alarm_clock *a)
{
	atomic_store(&a->stop, true);
	pthread_join(a->thread, NULL);
}

/*
 * The calls that say what remains; -EINTR and the like. The last two: past libc, which keeps it to
 * itself.
 */
static int sleep_on(clockid_t clock, struct timespec *left)
{
	struct timespec want = *left;

	return -clock_nanosleep(clock, 0, &want, left);
}

static int sleep_by_nanosleep(clockid_t clock, struct timespec *left)
{
	struct timespec want = *left;

	(void)clock;
	return syscall(SYS_nanosleep, &want, left) ? -errno : 0;
}

static int sleep_by_ppoll(clockid_t clock, struct timespec *left)
{
	(void)clock;
	return syscall(SYS_ppoll, NULL, 0, left, NULL, 0) < 0 ? -errno : 0;
}

static int sleep_by_pselect(clockid_t clock, struct timespec *left)
{
	(void)clock;
	return syscall(SYS_pselect6, 0, NULL, NULL, NULL, left, NULL) < 0 ? -errno : 0;
}

static const struct way {
	const char *name;
	clockid_t clock;
	int (*sleep)(clockid_t clock, struct timespec *left);
} ways[] = {
	{ "CLOCK_MONOTONIC", CLOCK_MONOTONIC, sleep_on },
	{ "CLOCK_REALTIME", CLOCK_REALTIME, sleep_on },
	{ "CLOCK_BOOTTIME", CLOCK_BOOTTIME, sleep_on },
	{ "CLOCK_TAI", CLOCK_TAI, sleep_on },
	{ "nanosleep()", CLOCK_MONOTONIC, sleep_by_nanosleep },
	{ "ppoll()", CLOCK_MONOTONIC, sleep_by_ppoll },
	{ "pselect6()", CLOCK_MONOTONIC, sleep_by_pselect },
};
#define NR_WAYS (sizeof(ways) / sizeof(*ways))

/*
 * Sleeps for 10 s and is interrupted: what it says to remain is bounded on both sides, without
 * tolerance.
 */
static bool interrupted_once(const struct way *way, struct alarm_clock *a, int64_t slack,
			     struct verdict *v)
{
	struct timespec left = { 10, 0 };
	struct rusage usage;
	int64_t before, after, least, most, reported;
	int err;

	getrusage(RUSAGE_THREAD, &usage);
	before = clock_ns(CLOCK_MONOTONIC);
	atomic_store(&a->switches, usage.ru_nvcsw);
	err = way->sleep(way->clock, &left);
	after = clock_ns(CLOCK_MONOTONIC);
	reported = timespec_ns(&left);
	v->samples++;
	if (err != -EINTR)
		return WRONG(v, "%s: an interrupted sleep returned %s", way->name,
			     err ? strerror(-err) : "success"),
		       false;
	least = 10 * NSEC_PER_SEC - (after - before);
	most = 10 * NSEC_PER_SEC + slack - (atomic_load(&a->sent) - atomic_load(&a->asleep));
	if (reported < least)
		return WRONG(v, "%s: %lld ns remain of 10 s after no more than %lld ns", way->name,
			     (long long)reported, (long long)(after - before)),
		       false;
	if (reported > most)
		return WRONG(v,
			     "%s: %lld ns remain of 10 s, %lld ns too much for a sleep of at least %lld ns",
			     way->name, (long long)reported, (long long)(reported - most),
			     (long long)(10 * NSEC_PER_SEC + slack - most)),
		       false;
	if (reported - 10 * NSEC_PER_SEC > v->beyond)
		v->beyond = reported - 10 * NSEC_PER_SEC;
	return true;
}

static void interrupt_relative(int cpu, void *arg)
{
	struct alarm_clock a;
	struct verdict *v = arg;

	(void)cpu;
	if (!alarm_clock_start(&a)) {
		WRONG(v, "pthread_create: %s", strerror(errno));
		return;
	}
	prctl(PR_SET_TIMERSLACK, 1);
	for (size_t i = 0; i < 4 * NR_WAYS && !v->text[0]; i++) {
		interrupted_once(&ways[i % NR_WAYS], &a, 1, v);
		crew_progress();
	}
	/*
	 * The slack is in what remains (do_nanosleep(): hrtimer_expires_remaining()): shown as a
	 * metric.
	 */
	prctl(PR_SET_TIMERSLACK, 50 * MS);
	for (size_t i = 0; i < NR_CLOCKS && !v->text[0]; i++) {
		interrupted_once(&ways[i], &a, 50 * MS, v);
		crew_progress();
	}
	alarm_clock_stop(&a);
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
			WRONG(v, "clock %d: an interrupted absolute sleep wrote a remaining time",
			      clock);
		else if (clock_ns(clock) < timespec_ns(&when) &&
			 clock_ns(CLOCK_MONOTONIC) - start < 30 * MS)
			WRONG(v, "clock %d: an absolute sleep resumed after signals ended early",
			      clock);
		crew_progress();
	}
	interrupter_stop(&in);
}

static void absolute(int unused)
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
			WRONG(v, "clock %d: 40 ms in pieces took %lld ns", clocks[i],
			      (long long)took);
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

/*
 * Stops and continues it half-way; whether it then ended sooner than a sleep begun anew could have.
 */
static bool stopped_once(int flags)
{
	struct child *c =
		mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int64_t continued;
	pid_t pid;

	ck_assert(c != MAP_FAILED);
	pid = fork();
	if (!pid)
		child_main(c, flags);
	ck_assert_int_gt(pid, 0);
	while (!atomic_load(&c->began))
		clock_nap(MS);
	clock_nap(50 * MS);
	kill(pid, SIGSTOP);
	waitpid(pid, NULL, WUNTRACED);
	clock_nap(50 * MS);
	continued = clock_ns(CLOCK_MONOTONIC);
	kill(pid, SIGCONT);
	waitpid(pid, NULL, 0);
	if (c->error)
		report_fail("a sleep that was stopped and continued failed: %s",
			    strerror(c->error));
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

/* The longest request there is must not wrap into one that has passed. */
static void endless(int unused)
{
	struct interrupter in;

	(void)unused;
	ck_assert_int_eq(interrupter_start(&in, 10 * MS), 0);
	for (size_t i = 0; i < 2 * NR_CLOCKS; i++) {
		struct timespec when = { LONG_MAX, NSEC_PER_SEC - 1 }, rem = { 0, 0 };
		int flags = i % 2 ? TIMER_ABSTIME : 0;

		if (clock_nanosleep(clocks[i / 2], flags, &when, &rem) != EINTR)
			report_fail("clock %d: the longest sleep there is ended by itself",
				    clocks[i / 2]);
		if (!flags && rem.tv_sec < 100ll * 365 * 86400)
			report_fail("clock %d: of the longest sleep there is only %lld s remain",
				    clocks[i / 2], (long long)rem.tv_sec);
	}
	interrupter_stop(&in);
}

/* clang-format off */
#define ROW(name, rule) { #name, rule, name, false }

static const struct report_case cases[] = {
	ROW(remaining, "a relative sleep says EINTR and what remains, neither more nor less than can be (F4): do_nanosleep(), nanosleep_copyout(), poll_select_finish()"),
	ROW(absolute, "an absolute sleep says EINTR and leaves the remaining time alone (F4): hrtimer_nanosleep()"),
	ROW(resumed, "a sleep resumed with what remained is not shorter in all (F4): do_nanosleep()"),
	ROW(restarted, "a sleep that is stopped and continued ends at its first deadline (F4): hrtimer_nanosleep_restart()"),
	ROW(endless, "the longest sleep there is doesn't wrap around (F1, F4): timespec64_to_ktime(), ktime_add_safe()"),
};
/* clang-format on */

REPORT_MAIN("sleep", "interrupted")
