// SPDX-License-Identifier: GPL-2.0-only
/*
 * Someone sets the time of day by an hour: the other clocks and what sleeps on
 * them don't notice; what waits for a time of day is done when that comes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "../lib/clocks.h"
#include "../lib/offset.h"
#include "../lib/report.h"
#include "wallclock.h"

#define HOUR_NS (3600 * NSEC_PER_SEC)
#define SAMPLES 200

/*
 * How long what must end may take beyond its time, on whatever host; what is an hour off takes
 * longer.
 */
#define PATIENCE_NS (10 * NSEC_PER_SEC)

/*
 * One step by setting; the offset of REALTIME to MONOTONIC becomes what was set, within the call's
 * time.
 */
static void step(int64_t ns)
{
	int64_t before = clock_ns(CLOCK_MONOTONIC), to = clock_ns(CLOCK_REALTIME) + ns, after;
	struct offset set = { 0 }, now = { 0 };

	wallclock_set(to);
	after = clock_ns(CLOCK_MONOTONIC);
	offset_meet(&set, &(struct sandwich){ before, to, after });
	offset_sample(&now, CLOCK_MONOTONIC, CLOCK_REALTIME, SAMPLES);
	if (offset_misfit(&now) > 0)
		report_fail("CLOCK_REALTIME wanders by %lld ns against CLOCK_MONOTONIC after a step of %+lld s",
			    (long long)offset_misfit(&now), (long long)(ns / NSEC_PER_SEC));
	if (offset_step_error(&set, &now, 0))
		report_fail("CLOCK_REALTIME is %lld ns off what it was set to, after a step of %+lld s",
			    (long long)offset_step_error(&set, &now, 0),
			    (long long)(ns / NSEC_PER_SEC));
	if (clock_ns(CLOCK_REALTIME_COARSE) < to)
		report_fail("CLOCK_REALTIME_COARSE is still before the time that was set");
	if (wallclock_tai() * NSEC_PER_SEC !=
	    (clock_ns(CLOCK_TAI) - clock_ns(CLOCK_REALTIME) + NSEC_PER_SEC / 2) / NSEC_PER_SEC *
		    NSEC_PER_SEC)
		report_fail("CLOCK_TAI didn't follow CLOCK_REALTIME");
}

#define STEPS 10

static void clocks(int unused)
{
	static const struct {
		clockid_t clock;
		const char *name;
	} steady[] = { { CLOCK_MONOTONIC_RAW, "CLOCK_MONOTONIC_RAW" },
		       { CLOCK_BOOTTIME, "CLOCK_BOOTTIME" } };
	struct offset o[2] = { 0 };
	int64_t last, now, worst = 0, begun;

	(void)unused;
	wallclock_need();
	begun = last = clock_ns(CLOCK_MONOTONIC);
	for (int n = 0; n < STEPS; n++) {
		for (int i = 0; i < 2; i++)
			offset_sample(&o[i], CLOCK_MONOTONIC, steady[i].clock, SAMPLES);
		step(n % 2 ? -HOUR_NS : HOUR_NS);
		now = clock_ns(CLOCK_MONOTONIC);
		if (now < last)
			report_fail("CLOCK_MONOTONIC went back by %lld ns",
				    (long long)(last - now));
		last = now;
	}
	for (int i = 0; i < 2; i++) {
		offset_sample(&o[i], CLOCK_MONOTONIC, steady[i].clock, SAMPLES);
		/*
		 * NTP's frequency may have been in force before, and is not now: 500 ppm, and as
		 * much for its offset.
		 */
		int64_t tolerance = i ? 0 : (last - begun) / 1000;

		if (offset_misfit(&o[i]) > worst)
			worst = offset_misfit(&o[i]);
		if (offset_misfit(&o[i]) > tolerance)
			report_fail("%s and CLOCK_MONOTONIC moved by %lld ns against each other while the time was set",
				    steady[i].name, (long long)offset_misfit(&o[i]));
	}
	report_metric("steps", STEPS, "steps");
	report_metric("misfit", worst, "ns");
}

/* Ways to wait. */
enum way {
	SLEEP_REL,
	SLEEP_REL_REALTIME,
	SLEEP_ABS,
	TIMERFD_REL_REALTIME,
	POLL,	       /* none of these sees the time of day */
	SLEEP_REL_TAI, /* nor should this */
	SLEEP_ABS_REALTIME,
	TIMERFD_ABS_REALTIME,
	FUTEX_ABS_REALTIME,
	SLEEP_ABS_TAI, /* these do */
	WAYS
};

static const char *const way_names[WAYS] = {
	"a relative sleep",
	"a relative sleep on CLOCK_REALTIME",
	"a sleep until a time of CLOCK_MONOTONIC",
	"a relative timerfd of CLOCK_REALTIME",
	"poll()",
	"a relative sleep on CLOCK_TAI",
	"a sleep until a time of day",
	"a timerfd for a time of day",
	"a futex wait until a time of day",
	"a sleep until a time of CLOCK_TAI",
};

struct waiter {
	enum way way;
	int64_t ns; /* for how long, by the clocks when it begins */
	pthread_t thread;
	atomic_bool begun, done;
	int64_t deadline; /* on the clock below */
	int64_t woke;	  /* reading of that clock */
	clockid_t clock;
	int error;
};

static int timerfd_wait(int flags, int64_t ns)
{
	struct itimerspec timer = { .it_value = ns_timespec(ns) };
	int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC), err = 0;
	uint64_t expirations;

	if (fd < 0 || timerfd_settime(fd, flags, &timer, NULL) ||
	    read(fd, &expirations, sizeof(expirations)) != sizeof(expirations))
		err = errno;
	else if (expirations != 1)
		err = EPROTO;
	close(fd);
	return err;
}

static int wait_in_its_way(struct waiter *w)
{
	struct timespec rel = ns_timespec(w->ns), abs = ns_timespec(w->deadline);
	uint32_t word = 0;

	switch (w->way) {
	case SLEEP_REL:
		return clock_nanosleep(CLOCK_MONOTONIC, 0, &rel, NULL);
	case SLEEP_REL_REALTIME:
		return clock_nanosleep(CLOCK_REALTIME, 0, &rel, NULL);
	case SLEEP_REL_TAI:
		return clock_nanosleep(CLOCK_TAI, 0, &rel, NULL);
	case TIMERFD_REL_REALTIME:
		return timerfd_wait(0, w->ns);
	case POLL:
		return poll(NULL, 0, w->ns / NSEC_PER_MSEC) ? EPROTO : 0;
	case TIMERFD_ABS_REALTIME:
		return timerfd_wait(TFD_TIMER_ABSTIME, w->deadline);
	case FUTEX_ABS_REALTIME:
		if (syscall(SYS_futex, &word,
			    FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME | FUTEX_PRIVATE_FLAG, 0, &abs,
			    NULL, FUTEX_BITSET_MATCH_ANY) &&
		    errno == ETIMEDOUT)
			return 0;
		return EPROTO;
	default:
		return clock_nanosleep(w->clock, TIMER_ABSTIME, &abs, NULL);
	}
}

static void *waiting(void *arg)
{
	struct waiter *w = arg;

	w->clock = w->way == SLEEP_ABS_TAI     ? CLOCK_TAI :
		   w->way < SLEEP_ABS_REALTIME ? CLOCK_MONOTONIC :
						 CLOCK_REALTIME;
	w->deadline = clock_ns(w->clock) + w->ns;
	atomic_store(&w->begun, true);
	w->error = wait_in_its_way(w);
	w->woke = clock_ns(w->clock);
	atomic_store(&w->done, true);
	return NULL;
}

/* Starts a waiter in each way from first to last, and returns when all have begun. */
static void start(struct waiter *w, enum way first, enum way last, int64_t ns)
{
	for (enum way way = first; way <= last; way++) {
		w[way] = (struct waiter){ .way = way, .ns = ns };
		ck_assert_int_eq(pthread_create(&w[way].thread, NULL, waiting, &w[way]), 0);
	}
	for (enum way way = first; way <= last; way++)
		while (!atomic_load(&w[way].begun))
			clock_nap(NSEC_PER_MSEC);
	/* And are likely asleep; one that isn't yet makes the test easier, not wrong. */
	clock_nap(20 * NSEC_PER_MSEC);
}

/* Waits for them to end, and judges; how: what was done meanwhile. */
static void finish(struct waiter *w, enum way first, enum way last, const char *how)
{
	int64_t limit = clock_ns(CLOCK_MONOTONIC) + w[first].ns % HOUR_NS + PATIENCE_NS, worst = 0;

	for (enum way way = first; way <= last; way++) {
		while (!atomic_load(&w[way].done)) {
			if (clock_ns(CLOCK_MONOTONIC) > limit)
				report_fail("%s hasn't ended %.0f s after its time: the time of day %s",
					    way_names[way], PATIENCE_NS / 1e9, how);
			clock_nap(NSEC_PER_MSEC);
		}
		pthread_join(w[way].thread, NULL);
		if (w[way].error)
			report_fail("%s: %s", way_names[way], strerror(w[way].error));
		if (w[way].woke < w[way].deadline)
			report_fail("%s ended %lld ns early: the time of day %s", way_names[way],
				    (long long)(w[way].deadline - w[way].woke), how);
		if (w[way].woke - w[way].deadline > worst)
			worst = w[way].woke - w[way].deadline;
	}
	report_metric("waits", last - first + 1, "waits");
	report_metric("late_max", worst, "ns");
}

/* Waits relatively, from way first to last, while the time of day is set forward and back. */
static void unmoved(enum way first, enum way last)
{
	struct waiter w[WAYS];

	wallclock_need();
	for (int i = 0; i < 2; i++) {
		start(w, first, last, 250 * NSEC_PER_MSEC);
		wallclock_step(i ? -HOUR_NS : HOUR_NS);
		finish(w, first, last, i ? "was set an hour back" : "was set an hour forward");
	}
}

static void relative(int unused)
{
	(void)unused;
	unmoved(SLEEP_REL, POLL);
}

static void relative_tai(int unused)
{
	(void)unused;
	unmoved(SLEEP_REL_TAI, SLEEP_REL_TAI);
}

static void forward(int unused)
{
	struct waiter w[WAYS];

	(void)unused;
	wallclock_need();
	/* Due in an hour, but for what PATIENCE_NS has room for. */
	start(w, SLEEP_ABS_REALTIME, SLEEP_ABS_TAI, HOUR_NS);
	wallclock_step(HOUR_NS);
	finish(w, SLEEP_ABS_REALTIME, SLEEP_ABS_TAI, "was set an hour forward");
}

static void backward(int unused)
{
	const int64_t due = 700 * NSEC_PER_MSEC;
	struct waiter w[WAYS];
	int64_t begun;

	(void)unused;
	wallclock_need();
	for (int tries = 0;; tries++) {
		begun = clock_ns(CLOCK_MONOTONIC);
		start(w, SLEEP_ABS_REALTIME, SLEEP_ABS_TAI, due);
		wallclock_step(-HOUR_NS);
		/* All began after that: set back in time, none may end. */
		if (clock_ns(CLOCK_MONOTONIC) < begun + due)
			break;
		wallclock_step(HOUR_NS);
		finish(w, SLEEP_ABS_REALTIME, SLEEP_ABS_TAI, "was set back too late");
		if (tries == 4)
			report_skip("this host is too slow: it took %lld ms to set the time",
				    (long long)(due / NSEC_PER_MSEC));
	}
	clock_nap(due + 100 * NSEC_PER_MSEC);
	for (enum way way = SLEEP_ABS_REALTIME; way <= SLEEP_ABS_TAI; way++)
		if (atomic_load(&w[way].done))
			report_fail("%s ended when it would have been due, though the time of day had been set an hour back",
				    way_names[way]);
	wallclock_step(HOUR_NS);
	finish(w, SLEEP_ABS_REALTIME, SLEEP_ABS_TAI, "was set an hour back and forward again");
}

/* errno of a read: EAGAIN while it waits, ECANCELED once it was cancelled. */
static int read_timer(int fd)
{
	uint64_t expirations;

	return read(fd, &expirations, sizeof(expirations)) < 0 ? errno : 0;
}

static const char *error_name(int err)
{
	return err ? strerrorname_np(err) : "an expiration";
}

static void *blocked_read(void *arg)
{
	int fd = *(int *)arg;

	return (void *)(intptr_t)read_timer(fd);
}

static void cancel_on_set(int unused)
{
	static const struct {
		clockid_t clock;
		int flags;
		const char *name;
	} others[] = {
		{ CLOCK_REALTIME, TFD_TIMER_ABSTIME, "CLOCK_REALTIME, ABSTIME" },
		{ CLOCK_REALTIME, TFD_TIMER_CANCEL_ON_SET,
		  "CLOCK_REALTIME, relative, CANCEL_ON_SET" },
		{ CLOCK_MONOTONIC, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET,
		  "CLOCK_MONOTONIC, ABSTIME, CANCEL_ON_SET" },
		{ CLOCK_BOOTTIME, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET,
		  "CLOCK_BOOTTIME, ABSTIME, CANCEL_ON_SET" },
	};
	const int cancel = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
	int other[sizeof(others) / sizeof(*others)], fd, err;

	(void)unused;
	wallclock_need();
	fd = wallclock_far_timer(CLOCK_REALTIME, cancel);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		other[i] = wallclock_far_timer(others[i].clock, others[i].flags);
	for (int n = 0; n < STEPS; n++) {
		struct pollfd p = { fd, POLLIN, 0 };

		wallclock_step(n % 2 ? -HOUR_NS : HOUR_NS);
		if (poll(&p, 1, 0) != 1)
			report_fail("set %d: the timer isn't readable", n + 1);
		err = read_timer(fd);
		if (err != ECANCELED)
			report_fail("set %d: reading gave %s, not ECANCELED", n + 1,
				    error_name(err));
		err = read_timer(fd);
		if (err != EAGAIN)
			report_fail("set %d: a second reading gave %s: ECANCELED is due once",
				    n + 1, error_name(err));
		for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
			err = read_timer(other[i]);
			if (err != EAGAIN)
				report_fail("set %d: a timer of %s gave %s", n + 1, others[i].name,
					    error_name(err));
		}
	}
	report_metric("steps", STEPS, "steps");
}

static void cancel_on_settime(int unused)
{
	struct itimerspec timer = { .it_value =
					    ns_timespec(clock_ns(CLOCK_REALTIME) + 48 * HOUR_NS) },
			  now;
	const int cancel = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
	int fd;

	(void)unused;
	wallclock_need();
	fd = wallclock_far_timer(CLOCK_REALTIME, cancel);
	wallclock_step(HOUR_NS);
	/*
	 * The timer is set all the same; the error says that the caller computed it with another
	 * time.
	 */
	if (!timerfd_settime(fd, cancel, &timer, NULL) || errno != ECANCELED)
		report_fail("timerfd_settime() after the time was set didn't fail with ECANCELED");
	ck_assert_int_eq(timerfd_gettime(fd, &now), 0);
	if (timespec_ns(&now.it_value) < 30 * HOUR_NS)
		report_fail("timerfd_settime() failed with ECANCELED, and the timer was not set");
	if (timerfd_settime(fd, cancel, &timer, NULL))
		report_fail("a second timerfd_settime() failed as well: %s", strerror(errno));
	if (read_timer(fd) != EAGAIN)
		report_fail("timerfd_settime() and read() both reported the set (ECANCELED)");
}

static void cancel_blocked(int unused)
{
	struct timespec limit;
	pthread_t thread;
	void *result;
	int fd;

	(void)unused;
	wallclock_need();
	fd = wallclock_far_timer(CLOCK_REALTIME, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET);
	ck_assert_int_eq(fcntl(fd, F_SETFL, 0), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, blocked_read, &fd), 0);
	clock_nap(30 * NSEC_PER_MSEC);
	wallclock_step(-HOUR_NS);
	limit = ns_timespec(clock_ns(CLOCK_MONOTONIC) + 10 * NSEC_PER_SEC);
	if (pthread_clockjoin_np(thread, &result, CLOCK_MONOTONIC, &limit))
		report_fail("a blocked read hadn't returned 10 s after the set");
	if ((intptr_t)result != ECANCELED)
		report_fail("a blocked read gave %s, not ECANCELED", error_name((intptr_t)result));
}

static const struct report_case cases[] = {
	{ "clocks",
	  "H6: clock_settime() by an hour moves CLOCK_REALTIME and TAI by exactly that, and neither CLOCK_MONOTONIC, RAW nor BOOTTIME (do_settimeofday64())",
	  clocks, false },
	{ "relative",
	  "F13: relative sleeps, and those until a time of CLOCK_MONOTONIC, don't see the time of day being set (clock_settime(2))",
	  relative, false },
	{ "relative_tai",
	  "F13: a relative sleep on CLOCK_TAI doesn't see the time of day being set either (clock_nanosleep(3p): only absolute ones do)",
	  relative_tai, false },
	{ "forward",
	  "F13: what waits for a time of day ends when the clock is set beyond it (clock_was_set())",
	  forward, false },
	{ "backward",
	  "F13: what waits for a time of day goes on waiting when the clock is set back, and is never early by that clock",
	  backward, false },
	{ "cancel_on_set",
	  "F7: TFD_TIMER_CANCEL_ON_SET: a set gives ECANCELED once, to an absolute timer of CLOCK_REALTIME and to no other (timerfd_clock_was_set())",
	  cancel_on_set, false },
	{ "cancel_on_settime",
	  "F7: timerfd_settime() tells of a set as well, and sets the timer all the same (fs/timerfd.c)",
	  cancel_on_settime, false },
	{ "cancel_blocked", "F7: a reader that waits is woken by the set (timerfd_clock_was_set())",
	  cancel_blocked, false },
};

static void schedule(void)
{
	wallclock_run(cases, sizeof(cases) / sizeof(*cases));
}

REPORT_MAIN("time", "settime", .setup = wallclock_init, .schedule = schedule)
