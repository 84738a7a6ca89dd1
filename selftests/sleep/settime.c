// SPDX-License-Identifier: GPL-2.0-only
/*
 * Setting CLOCK_REALTIME an hour forward and back: what waits for an interval or on another clock
 * doesn't notice, what waits for a time of day does, at once (F7, F13, H6; kernel/time/timekeeping.c
 * timekeeping_settimeofday(), hrtimer.c clock_was_set(), fs/timerfd.c). Needs root; the clock is put right
 * again, also by a signal.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "../lib/clocks.h"
#include "../lib/report.h"
#include "../lib/restore.h"
#include "../lib/sleepers.h"

#define MS NSEC_PER_MSEC
#define HOUR (3600 * NSEC_PER_SEC)

/* How long what must happen at once may take: never judged on less than the best of some. */
#define AT_ONCE (100 * MS)
#define TRIES 5

/* Steps CLOCK_REALTIME. */
static void step(int64_t by)
{
	struct timespec to = ns_timespec(clock_ns(CLOCK_REALTIME) + by);

	if (!clock_settime(CLOCK_REALTIME, &to))
		return;
	if (errno == EPERM)
		report_skip("setting the clock needs CAP_SYS_TIME");
	report_fail("clock_settime: %s", strerror(errno));
}

static void pause_ns(int64_t ns)
{
	struct timespec ts = ns_timespec(ns);

	clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
}

/* A sleeper across a step, and what CLOCK_MONOTONIC thought of it. */
struct across {
	const struct sleeper *sleeper;
	int64_t ns, deadline;
	pthread_t thread;
	_Atomic bool begun, done;
	int64_t began, ended;	/* CLOCK_MONOTONIC */
	int64_t after;		/* on its own clock */
	int error;
};

static void *sleep_across(void *arg)
{
	struct across *a = arg;
	struct timespec when;

	a->began = clock_ns(CLOCK_MONOTONIC);
	a->deadline = clock_ns(a->sleeper->clock) + a->ns;
	when = ns_timespec(a->sleeper->absolute ? a->deadline : a->ns);
	atomic_store(&a->begun, true);
	a->error = a->sleeper->wait(a->sleeper, &when);
	a->after = clock_ns(a->sleeper->clock);
	a->ended = clock_ns(CLOCK_MONOTONIC);
	atomic_store(&a->done, true);
	return NULL;
}

#define MAX 16

/* Starts them all; returns how many. Static: those that never end are left behind. */
static struct across *begin(const char *const names[], int64_t ns)
{
	struct across *all = calloc(MAX, sizeof(*all));

	ck_assert_ptr_nonnull(all);
	for (size_t i = 0; names[i]; i++) {
		all[i].sleeper = sleeper_named(names[i]);
		all[i].ns = ns;
		ck_assert_int_eq(pthread_create(&all[i].thread, NULL, sleep_across, &all[i]), 0);
	}
	for (size_t i = 0; names[i]; i++)
		while (!atomic_load(&all[i].begun))
			pause_ns(MS);
	pause_ns(20 * MS);
	return all;
}

/* Awaits the end of all; fails naming one that hasn't ended in 5 s. */
static void end(struct across *all)
{
	for (int ms = 0; ; ms++) {
		size_t i = 0;

		while (all[i].sleeper && atomic_load(&all[i].done))
			i++;
		if (!all[i].sleeper)
			break;
		if (ms == 5000)
			report_fail("%s: hasn't ended 5 s after the clock was set past its deadline",
				    all[i].sleeper->name);
		pause_ns(MS);
	}
	for (size_t i = 0; all[i].sleeper; i++) {
		pthread_join(all[i].thread, NULL);
		if (all[i].error)
			report_fail("%s: %s", all[i].sleeper->name, strerror(-all[i].error));
	}
}

/* Sleeps that must take 150 ms by CLOCK_MONOTONIC, whatever happens to CLOCK_REALTIME. */
static void unaffected(const char *const names[])
{
	static const int64_t steps[] = { HOUR, -HOUR };
	int64_t late[2 * MAX];
	struct stats s;
	size_t n = 0;

	for (int k = 0; k < 2; k++) {
		struct across *all = begin(names, 150 * MS);

		step(steps[k]);
		end(all);
		for (size_t i = 0; all[i].sleeper; i++) {
			late[n] = all[i].ended - all[i].began - 150 * MS;
			if (late[n++] < 0)
				report_fail("%s: ended %lld ns early when the clock was set by %+d h",
					    all[i].sleeper->name, -(long long)late[n - 1], k ? -1 : 1);
		}
		free(all);
	}
	s = stats_of(late, n);
	report_metric("samples", n, "sleeps");
	report_metric("late_p50", s.p50, "ns");
	report_metric("late_max", s.max, "ns");
	/* The median is of sleeps that began together: what stalls one stalls all, but not by half an hour. */
	if (s.p50 > NSEC_PER_SEC)
		report_fail("sleeps that the clock isn't for were a median of %.3f s late", s.p50 / 1e9);
}

static void intervals(int unused)
{
	static const char *const names[] = {
		"nanosleep", "monotonic_rel", "monotonic_abs", "realtime_rel", "boottime_rel", "boottime_abs",
		"timerfd_monotonic_rel", "timerfd_boottime_abs", "poll", "futex_wait", "futex_bitset_monotonic",
		"sem_clockwait", "cond_clockwait", "sigtimedwait", NULL
	};

	(void)unused;
	unaffected(names);
}

static void interval_tai(int unused)
{
	static const char *const names[] = { "tai_rel", NULL };

	(void)unused;
	unaffected(names);
}

static const char *const time_of_day[] = {
	"realtime_abs", "tai_abs", "timerfd_realtime_abs", "futex_bitset_realtime", "sem_timedwait",
	"mq_timedreceive", "cond_timedwait", NULL
};

/* Until an hour from now; then it is an hour later. */
static void forward(int unused)
{
	int64_t best = INT64_MAX;
	int tries = 0;

	(void)unused;
	do {
		struct across *all = begin(time_of_day, HOUR);
		int64_t set, took = 0;

		for (size_t i = 0; all[i].sleeper; i++)
			if (atomic_load(&all[i].done))
				report_fail("%s: a sleep of an hour ended at once", all[i].sleeper->name);
		set = clock_ns(CLOCK_MONOTONIC);
		step(HOUR);
		end(all);
		for (size_t i = 0; all[i].sleeper; i++) {
			if (all[i].after < all[i].deadline)
				report_fail("%s: ended %lld ns early by its own clock", all[i].sleeper->name,
					    (long long)(all[i].deadline - all[i].after));
			if (all[i].ended - set > took)
				took = all[i].ended - set;
		}
		if (took < best)
			best = took;
		step(-HOUR);
		free(all);
	} while (best > AT_ONCE && ++tries < TRIES);
	report_metric("took", best, "ns");
	if (best > AT_ONCE)
		report_fail("the last sleep ended %.3f ms after the clock was set past its deadline, at best", best / 1e6);
}

/* Until 100 ms from now; then it is an hour earlier, so they go on; then as before, and they end. */
static void backward(int unused)
{
	struct across *all = begin(time_of_day, 500 * MS);

	(void)unused;
	step(-HOUR);
	pause_ns(600 * MS);
	for (size_t i = 0; all[i].sleeper; i++)
		if (atomic_load(&all[i].done) && all[i].ended - all[i].began >= 500 * MS)
			report_fail("%s: ended an hour early by its own clock", all[i].sleeper->name);
	step(HOUR);
	end(all);
	for (size_t i = 0; all[i].sleeper; i++)
		if (all[i].after < all[i].deadline && all[i].ended - all[i].began < 500 * MS)
			report_fail("%s: ended early", all[i].sleeper->name);
}

static int64_t read_timer(int fd)
{
	uint64_t expirations;

	return read(fd, &expirations, sizeof(expirations)) < 0 ? -errno : (int64_t)expirations;
}

static int set_timer(int fd, int flags, clockid_t clock)
{
	int64_t when = flags & TFD_TIMER_ABSTIME ? clock_ns(clock) + 24 * HOUR : 24 * HOUR;
	struct itimerspec timer = { .it_value = ns_timespec(when) };

	return timerfd_settime(fd, flags, &timer, NULL) ? -errno : 0;
}

static void cancelled(int unused)
{
	const int both = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
	int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	struct pollfd poller = { .fd = fd, .events = POLLIN };

	(void)unused;
	ck_assert_int_ge(fd, 0);
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(set_timer(fd, both, CLOCK_REALTIME), 0);
		ck_assert_int_eq(read_timer(fd), -EAGAIN);
		step(i % 2 ? -HOUR : HOUR);
		if (poll(&poller, 1, 1000) != 1)
			report_fail("set number %d: the timer doesn't become readable", i + 1);
		if (read_timer(fd) != -ECANCELED)
			report_fail("set number %d: the timer isn't cancelled", i + 1);
		if (read_timer(fd) != -EAGAIN)
			report_fail("set number %d: the timer is cancelled twice", i + 1);
	}
	/* The other way to hear of it: setting the timer anew, which works nevertheless. */
	ck_assert_int_eq(set_timer(fd, both, CLOCK_REALTIME), 0);
	step(HOUR);
	if (set_timer(fd, both, CLOCK_REALTIME) != -ECANCELED)
		report_fail("timerfd_settime() doesn't say that the clock was set");
	if (read_timer(fd) != -EAGAIN)
		report_fail("a cancellation that timerfd_settime() told is told again");
	step(-HOUR);
	ck_assert_int_eq(read_timer(fd), -ECANCELED);
}

/* Only absolute timers on CLOCK_REALTIME that asked for it are cancelled. */
static void not_cancelled(int unused)
{
	static const struct {
		clockid_t clock;
		int flags;
	} timers[] = {
		{ CLOCK_REALTIME, TFD_TIMER_ABSTIME },
		{ CLOCK_REALTIME, 0 },
		{ CLOCK_REALTIME, TFD_TIMER_CANCEL_ON_SET },
		{ CLOCK_MONOTONIC, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET },
		{ CLOCK_BOOTTIME, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET },
	};
	enum { N = sizeof(timers) / sizeof(*timers) };
	int fds[N];

	(void)unused;
	for (int i = 0; i < N; i++) {
		fds[i] = timerfd_create(timers[i].clock, TFD_CLOEXEC | TFD_NONBLOCK);
		ck_assert_int_ge(fds[i], 0);
		ck_assert_int_eq(set_timer(fds[i], timers[i].flags, timers[i].clock), 0);
	}
	step(HOUR);
	step(-HOUR);
	for (int i = 0; i < N; i++) {
		int64_t got = read_timer(fds[i]);

		if (got != -EAGAIN)
			report_fail("a timer on clock %d with flags %d gave %s when the clock was set",
				    timers[i].clock, timers[i].flags, got < 0 ? strerror(-got) : "an expiration");
	}
}

/* H6: the other clocks go on as if nothing had happened; REALTIME moves by what it was set. */
static void monotonic(int unused)
{
	static const clockid_t clocks[] = { CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME };
	int64_t worst = 0;

	(void)unused;
	for (int i = 0; i < 10; i++) {
		int64_t by = i % 2 ? -HOUR : HOUR, before[3], after[3], real, moved, span;

		for (int c = 0; c < 3; c++)
			before[c] = clock_ns(clocks[c]);
		real = clock_ns(CLOCK_REALTIME);
		step(by);
		moved = clock_ns(CLOCK_REALTIME) - real - by;
		for (int c = 0; c < 3; c++)
			after[c] = clock_ns(clocks[c]);
		span = after[0] - before[0];
		for (int c = 0; c < 3; c++)
			if (after[c] < before[c])
				report_fail("clock %d went back by %lld ns when the clock was set", clocks[c],
					    (long long)(before[c] - after[c]));
		/* The step lies between the two reads of MONOTONIC: it may cost no more than they are apart. */
		if (moved < -span || moved > span)
			report_fail("CLOCK_REALTIME moved by %lld ns more than it was set", (long long)moved);
		for (int c = 1; c < 3; c++)
			if (llabs(after[c] - before[c] - span) > span + MS)
				report_fail("clock %d and CLOCK_MONOTONIC parted by %lld ns", clocks[c],
					    (long long)(after[c] - before[c] - span));
		if (llabs(moved) > worst)
			worst = llabs(moved);
	}
	report_metric("steps", 10, "steps");
	report_metric("moved_beyond", worst, "ns");
}

static void setup(void)
{
	restore_init();
	restore_clock();
}

#define ROW(name, rule) { #name, rule, name, false }

static const struct report_case cases[] = {
	ROW(monotonic, "the other clocks don't notice (H6): timekeeping_settimeofday(), tk_set_wall_to_mono()"),
	ROW(intervals, "relative sleeps, and those on other clocks, take as long as without (F13): __hrtimer_init(): relative on CLOCK_REALTIME is on CLOCK_MONOTONIC"),
	ROW(interval_tai, "a relative sleep on CLOCK_TAI takes as long as without (F13); but __hrtimer_init() makes only CLOCK_REALTIME's relative timers monotonic"),
	ROW(forward, "sleeps until a time of day that is now past end at once (F13): clock_was_set()"),
	ROW(backward, "sleeps until a time of day that is now further off go on (F13): clock_was_set()"),
	ROW(cancelled, "CANCEL_ON_SET says ECANCELED once for each set, to read() and to timerfd_settime() (F7): timerfd_canceled()"),
	ROW(not_cancelled, "only absolute timers on CLOCK_REALTIME that asked for it are cancelled (F7): timerfd_setup_cancel()"),
};

static const struct report_program program = {
	.surface = "sleep",
	.program = "settime",
	.cases = cases,
	.nr_cases = sizeof(cases) / sizeof(*cases),
	.setup = setup,
};

int main(int argc, char **argv)
{
	return report_main(argc, argv, &program);
}
