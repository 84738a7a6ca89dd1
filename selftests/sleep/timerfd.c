// SPDX-License-Identifier: GPL-2.0-only
/*
 * timerfd: never readable early, and every expiration counted, to the last one, however late the
 * reader comes (F1, F5-F7; fs/timerfd.c).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/crew.h"
#include "../lib/periods.h"
#include "../lib/report.h"
#include "../lib/sleepers.h"
#include "judge.h"

static void sleep_by(const char *sleeper)
{
	const struct plan plan = {
		.sleeper = sleeper,
		LENGTHS(1, 999, 60 * US, 700 * US, 3 * MS + 1, 12 * MS),
		.rounds = 4,
	};

	judge_sleeps(&plan);
}

#define SLEEPERS(F) F(monotonic_rel) F(monotonic_abs) F(realtime_abs) F(boottime_abs)

#define RUN(name)                           \
	static void run_##name(int cpu)     \
	{                                   \
		(void)cpu;                  \
		sleep_by("timerfd_" #name); \
	}

SLEEPERS(RUN)

static void past(int unused)
{
	static const char *const absolute[] = { "timerfd_monotonic_abs", "timerfd_realtime_abs",
						"timerfd_boottime_abs", NULL };

	(void)unused;
	judge_past(absolute);
}

static int new_timer(clockid_t clock, int flags)
{
	int fd = timerfd_create(clock, TFD_CLOEXEC | flags);

	if (fd < 0)
		report_fail("timerfd_create of clock %d: %s", clock, strerror(errno));
	return fd;
}

static int set_timer(int fd, int flags, int64_t value, int64_t interval)
{
	struct itimerspec when = { ns_timespec(interval), ns_timespec(value) };

	return timerfd_settime(fd, flags, &when, NULL) ? -errno : 0;
}

/* What a read() gives: expirations, or -errno. */
static int64_t read_timer(int fd)
{
	uint64_t expirations;

	return read(fd, &expirations, sizeof(expirations)) < 0 ? -errno : (int64_t)expirations;
}

/* A periodic timer of one CPU that is read for some time. */
#define LATEST 20000

struct run {
	int64_t interval, duration;
	uint64_t sum, reads;
	int64_t off; /* expirations by which the sum was ever off */
	int error;
	size_t count;
	int64_t *late;
};

static void read_run(int cpu, void *arg)
{
	struct run *r = arg;
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	int64_t first = clock_ns(CLOCK_MONOTONIC) + r->interval, before, after, got;

	(void)cpu;
	r->error = fd < 0 ? -errno : set_timer(fd, TFD_TIMER_ABSTIME, first, r->interval);
	while (!r->error && !r->off) {
		before = clock_ns(CLOCK_MONOTONIC);
		got = read_timer(fd);
		after = clock_ns(CLOCK_MONOTONIC);
		if (got < 0) {
			r->error = got;
			break;
		}
		r->count += periods_late(r->sum, got, after, first, r->interval, r->late + r->count,
					 LATEST - r->count);
		r->sum += got;
		r->reads++;
		r->off = periods_off(r->sum, before, after, first, r->interval);
		crew_progress();
		if (after - first > r->duration)
			break;
	}
	close(fd);
}

static void judge_run(const struct run *r, int cpu)
{
	if (r->error)
		report_fail("CPU %d: reading a timer of %lld ns: %s", cpu, (long long)r->interval,
			    strerror(-r->error));
	if (r->off)
		report_fail("CPU %d: a timer of %lld ns counts %llu expirations, %lld too %s", cpu,
			    (long long)r->interval, (unsigned long long)r->sum, llabs(r->off),
			    r->off < 0 ? "few" : "many");
}

static void run_periods(int64_t interval, int64_t duration)
{
	struct run *all = calloc(cpus_count(report_cpus()), sizeof(*all));
	int64_t *late = NULL;
	uint64_t sum = 0, reads = 0;
	size_t count = 0, i = 0;
	struct stats s;
	int cpu;

	ck_assert_ptr_nonnull(all);
	cpus_for_each(cpu, report_cpus()) {
		all[i] = (struct run){ .interval = periods_interval(interval),
				       .duration = duration };
		all[i].late = calloc(LATEST, sizeof(int64_t));
		ck_assert_ptr_nonnull(all[i++].late);
	}
	judge_crew(read_run, all, sizeof(*all));
	i = 0;
	cpus_for_each(cpu, report_cpus()) {
		struct run *r = &all[i++];
		struct stats mine = stats_of(r->late, r->count);

		judge_run(r, cpu);
		if (mine.min < 0)
			report_fail("CPU %d: an expiration of a timer of %lld ns was delivered %lld ns early",
				    cpu, (long long)interval, (long long)-mine.min);
		sum += r->sum;
		reads += r->reads;
		late = realloc(late, (count + r->count) * sizeof(*late));
		ck_assert_ptr_nonnull(late);
		memcpy(late + count, r->late, r->count * sizeof(*late));
		count += r->count;
	}
	s = stats_of(late, count);
	report_metric("expirations", sum, "expirations");
	report_metric("reads", reads, "reads");
	report_metric("late_p50", s.p50, "ns");
	report_metric("late_p99", s.p99, "ns");
	report_metric("late_max", s.max, "ns");
	report_histogram("late", &s.histogram, "ns");
}

static void periods_250us(int unused)
{
	(void)unused;
	run_periods(250 * US, 500 * MS);
}

static void periods_7ms(int unused)
{
	(void)unused;
	run_periods(7 * MS + 1, 1500 * MS);
}

/* An interval no CPU can keep up with: what isn't delivered one by one is counted all the same. */
static void periods_1us(int unused)
{
	(void)unused;
	run_periods(US, 20 * MS);
}

/* A periodic timer whose first expiration lies far back. */
static void missed(int unused)
{
	static const int64_t ago[] = { 0, 500, 10 * MS - 1, NSEC_PER_SEC, 3600 * NSEC_PER_SEC };
	static const clockid_t clocks[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME };
	int64_t interval = periods_interval(MS);

	(void)unused;
	for (size_t i = 0; i < 2 * sizeof(ago) / sizeof(*ago); i++) {
		clockid_t clock = clocks[i % 2];
		int fd = new_timer(clock, 0);
		int64_t first = clock_ns(clock) - ago[i / 2], before, after, got, off;

		if (first < 1)
			first = 1;
		ck_assert_int_eq(set_timer(fd, TFD_TIMER_ABSTIME, first, interval), 0);
		before = clock_ns(clock);
		got = read_timer(fd);
		after = clock_ns(clock);
		if (got < 0)
			report_fail("clock %d: reading a timer of %lld ns that began %lld ns ago: %s",
				    clock, (long long)interval, (long long)(before - first),
				    strerror(-got));
		off = periods_off(got, before, after, first, interval);
		if (off)
			report_fail("clock %d: a timer of %lld ns that began %lld ns ago counts %lld expirations, %lld too %s",
				    clock, (long long)interval, (long long)(before - first),
				    (long long)got, llabs(off), off < 0 ? "few" : "many");
		close(fd);
	}
}

/* Neither read() nor poll() knows of it before its time. */
static void nonblocking(int unused)
{
	int64_t deadline, seen;
	struct pollfd poller;
	unsigned int refused = 0;
	char small[7];

	(void)unused;
	poller.fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
	poller.events = POLLIN;
	if (read_timer(poller.fd) != -EAGAIN)
		report_fail("a timer that was never set can be read");
	for (int i = 0; i < 20; i++) {
		uint64_t start = counter_read();
		int64_t got;

		deadline = clock_ns(CLOCK_MONOTONIC) + 2 * MS;
		ck_assert_int_eq(set_timer(poller.fd, TFD_TIMER_ABSTIME, deadline, 0), 0);
		if (i % 2) {
			while ((got = read_timer(poller.fd)) == -EAGAIN &&
			       counter_since_ns(start) < 20 * NSEC_PER_SEC)
				refused++;
		} else {
			while (!poll(&poller, 1, 0) && counter_since_ns(start) < 20 * NSEC_PER_SEC)
				refused++;
			got = 0;
		}
		seen = clock_ns(CLOCK_MONOTONIC);
		if (seen < deadline)
			report_fail("%s %lld ns early", i % 2 ? "read" : "readable",
				    (long long)(deadline - seen));
		if (!(i % 2)) {
			if (read(poller.fd, small, sizeof(small)) >= 0 || errno != EINVAL)
				report_fail("a read of 7 bytes isn't refused with EINVAL");
			got = read_timer(poller.fd);
		}
		if (got < 0)
			report_fail("reading an expired timer: %s", strerror(-got));
		if (got != 1)
			report_fail("an expired one-shot timer counts %lld expirations instead of 1",
				    (long long)got);
		if (read_timer(poller.fd) != -EAGAIN || poll(&poller, 1, 0))
			report_fail("a timer that was read can be read again");
	}
	report_metric("refused", refused, "reads");
}

/* Nobody sets the clock: nothing is cancelled. */
static void cancel_without_set(int unused)
{
	int64_t offset = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
	int fd = new_timer(CLOCK_REALTIME, 0);

	(void)unused;
	for (int i = 0; i < 10; i++) {
		int64_t deadline = clock_ns(CLOCK_REALTIME) + 20 * MS, got;
		int err = set_timer(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, deadline, 0);

		got = err ? err : read_timer(fd);
		offset -= clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
		if (got != 1 && llabs(offset) > 100 * MS)
			report_skip("somebody set the clock meanwhile");
		offset = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
		if (got < 0)
			report_fail("cancel-on-set: %s though nobody set the clock",
				    strerror(-got));
		if (got != 1)
			report_fail("cancel-on-set: a one-shot timer counts %lld expirations instead of 1",
				    (long long)got);
	}
	report_metric("samples", 10, "timers");
}

/*
 * What remains: between the deadline and the clock reads around the question; what was set, is
 * given back.
 */
static void remaining(int unused)
{
	int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
	int64_t deadline = clock_ns(CLOCK_MONOTONIC) + 30 * MS, before, after, left = 0,
		last = INT64_MAX;
	uint64_t start = counter_read();
	struct itimerspec now, again = { .it_value = { 3600, 0 }, .it_interval = { 7, 8 } };
	unsigned int samples = 0;

	(void)unused;
	ck_assert_int_eq(set_timer(fd, TFD_TIMER_ABSTIME, deadline, 0), 0);
	do {
		before = clock_ns(CLOCK_MONOTONIC);
		ck_assert_int_eq(timerfd_gettime(fd, &now), 0);
		after = clock_ns(CLOCK_MONOTONIC);
		left = timespec_ns(&now.it_value);
		samples++;
		if (left > last)
			report_fail("the remaining time rose by %lld ns", (long long)(left - last));
		if ((left && left > deadline - before) ||
		    (after < deadline && left < deadline - after))
			report_fail("%lld ns remain; by the clock between %lld and %lld",
				    (long long)left, (long long)(deadline - after),
				    (long long)(deadline - before));
		last = left;
	} while (after < deadline && counter_since_ns(start) < 20 * NSEC_PER_SEC);
	report_metric("samples", samples, "reads");
	ck_assert_int_eq(timerfd_settime(fd, 0, &again, NULL), 0);
	ck_assert_int_eq(timerfd_settime(fd, 0, &(struct itimerspec){ 0 }, &now), 0);
	if (timespec_ns(&now.it_interval) != timespec_ns(&again.it_interval) ||
	    now.it_value.tv_sec > 3600 || now.it_value.tv_sec < 1800)
		report_fail("timerfd_settime() doesn't give back what was set before");
	ck_assert_int_eq(timerfd_gettime(fd, &now), 0);
	if (timespec_ns(&now.it_value) || timespec_ns(&now.it_interval))
		report_fail("a disarmed timer has time remaining");
	if (read_timer(fd) != -EAGAIN)
		report_fail("a disarmed timer can be read");
}

static void invalid(int unused)
{
	int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
	struct itimerspec bad = { .it_value = { 0, NSEC_PER_SEC } };
	int pipes[2];

	(void)unused;
	ck_assert(timerfd_create(CLOCK_MONOTONIC_RAW, 0) == -1 && errno == EINVAL);
	ck_assert(timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0) == -1 && errno == EINVAL);
	ck_assert(timerfd_create(CLOCK_MONOTONIC, 1) == -1 && errno == EINVAL);
	ck_assert(timerfd_settime(fd, 0, &bad, NULL) == -1 && errno == EINVAL);
	bad.it_value = (struct timespec){ -1, 0 };
	ck_assert(timerfd_settime(fd, 0, &bad, NULL) == -1 && errno == EINVAL);
	bad = (struct itimerspec){ .it_value = { 1, 0 }, .it_interval = { 0, -1 } };
	ck_assert(timerfd_settime(fd, 0, &bad, NULL) == -1 && errno == EINVAL);
	ck_assert(set_timer(fd, 1 << 5, 1, 0) == -EINVAL);
	ck_assert_int_eq(pipe(pipes), 0);
	ck_assert(set_timer(pipes[0], 0, 1, 0) == -EINVAL);
}

#define F5_RULE \
	"the expirations read are exactly those begun by then, without drift (F5): timerfd_read(), hrtimer_forward_now()"
/* clang-format off */
#define ROW(name) { #name, "one-shot: once, never early, not late (F1, F5): timerfd_setup(), timerfd_tmrproc()", \
	run_##name, false },

static const struct report_case cases[] = {
	SLEEPERS(ROW)
	{ "past", "a time that has passed fires at once (F6): timerfd_setup()", past, false },
	{ "missed", "a periodic timer whose time has passed counts all it missed (F6): timerfd_read()", missed, false },
	{ "periods_1us", F5_RULE, periods_1us, false },
	{ "periods_250us", F5_RULE, periods_250us, false },
	{ "periods_7ms", F5_RULE, periods_7ms, false },
	{ "nonblocking", "EAGAIN and not readable before the time, then once (F5): timerfd_read(), timerfd_poll()",
	  nonblocking, false },
	{ "remaining", "timerfd_gettime() tells what remains, to the nanosecond (F5): timerfd_get_remaining()",
	  remaining, false },
	{ "cancel_without_set", "CANCEL_ON_SET cancels when the clock is set, and only then (F7): timerfd_canceled()",
	  cancel_without_set, false },
	{ "invalid", "EINVAL for clocks, flags and times that are none (F5): timerfd_create(), do_timerfd_settime()",
	  invalid, false },
};
/* clang-format on */

REPORT_MAIN("sleep", "timerfd")
