// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../clocks.h"
#include "../sleepers.h"
#include "testing.h"

static int64_t late[100];

/* A sleep of 1 ms that ended late ns after its deadline. */
static struct slept slept(int64_t by)
{
	return (struct slept){ .requested = NSEC_PER_MSEC,
			       .deadline = 5000000,
			       .after = 5000000 + by,
			       .mono = NSEC_PER_MSEC + by + 100 };
}

START_TEST(in_time)
{
	struct sleeps all = { .late = late };
	struct slept one = slept(0);

	sleeps_add(&all, &one);
	one = slept(70000);
	sleeps_add(&all, &one);
	ck_assert_uint_eq(all.count, 2);
	ck_assert_uint_eq(all.early, 0);
	ck_assert_int_eq(late[0], 0);
	ck_assert_int_eq(late[1], 70000);
}
END_TEST

/* By one nanosecond; and the clock reads around it may have taken their time. */
START_TEST(early)
{
	struct sleeps all = { .late = late };
	struct slept one = slept(-1);

	sleeps_add(&all, &one);
	one = slept(-500000);
	one.settable = true;
	sleeps_add(&all, &one);
	ck_assert_uint_eq(all.early, 2);
	ck_assert_uint_eq(all.steps, 0);
	ck_assert_int_eq(all.earliest, 500000);
}
END_TEST

/* The whole time passed on CLOCK_MONOTONIC: only a clock that can be set is excused. */
START_TEST(set_back)
{
	struct sleeps all = { .late = late };
	struct slept one = slept(-3600 * NSEC_PER_SEC);

	one.mono = NSEC_PER_MSEC;
	one.settable = true;
	sleeps_add(&all, &one);
	ck_assert_uint_eq(all.steps, 1);
	ck_assert_uint_eq(all.early, 0);
	ck_assert_uint_eq(all.count, 0);
	one.settable = false;
	sleeps_add(&all, &one);
	ck_assert_uint_eq(all.early, 1);
	one.settable = true;
	one.mono--;
	sleeps_add(&all, &one);
	ck_assert_uint_eq(all.early, 2);
}
END_TEST

START_TEST(failed)
{
	struct sleeps all = { .late = late };
	struct slept one = slept(-1);

	one.error = -EPROTO;
	sleeps_add(&all, &one);
	one.error = -ENOSYS;
	sleeps_add(&all, &one);
	ck_assert_int_eq(all.error, -EPROTO);
	ck_assert_uint_eq(all.count + all.early, 0);
}
END_TEST

/* A kernel that ends each sleep off ns after its deadline, on clocks that move by nothing else. */
static int64_t fake_now, fake_off;

static int64_t fake_clock(clockid_t clock)
{
	return fake_now + (clock == CLOCK_BOOTTIME ? NSEC_PER_SEC : 0);
}

static int fake_sleep(clockid_t clock, int flags, const struct timespec *when)
{
	int64_t ns = timespec_ns(when);

	fake_now += (flags == TIMER_ABSTIME ? ns - fake_clock(clock) : ns) + fake_off;
	return 0;
}

/*
 * What is measured of a sleep, to the nanosecond: one before its deadline is early, the deadline is
 * not.
 */
START_TEST(measured)
{
	static const char *const names[] = { "monotonic_rel", "monotonic_abs", "boottime_rel",
					     "boottime_abs" };

	for (int i = 0; i < 12; i++) {
		const struct sleeper *s = sleeper_named(names[i % 4]);
		struct sleeps all = { .late = late };
		struct slept one;

		fake_now = 9 * NSEC_PER_SEC;
		fake_off = i / 4 - 1;
		fake = (struct fake){ .clock = fake_clock, .sleep = fake_sleep };
		sleeper_wait(s, 3 * NSEC_PER_MSEC, &one);
		fake = (struct fake){ 0 };
		sleeps_add(&all, &one);
		ck_assert_int_eq(one.error, 0);
		ck_assert_int_eq(one.requested, 3 * NSEC_PER_MSEC);
		ck_assert_int_eq(one.deadline,
				 (i % 4 < 2 ? 9 : 10) * NSEC_PER_SEC + 3 * NSEC_PER_MSEC);
		ck_assert_int_eq(one.after - one.deadline, fake_off);
		ck_assert_int_eq(one.mono, 3 * NSEC_PER_MSEC + fake_off);
		ck_assert(!one.settable);
		ck_assert_uint_eq(all.early, fake_off < 0);
		ck_assert_int_eq(all.earliest, fake_off < 0);
		ck_assert_int_eq(late[0], fake_off);
	}
}
END_TEST

/* Rounded up to what its call can say, never down; what has passed isn't rounded. */
START_TEST(grain)
{
	static const struct {
		const char *name;
		int64_t asked, requested;
	} waits[] = {
		{ "poll", 1, NSEC_PER_MSEC },
		{ "poll", NSEC_PER_MSEC, NSEC_PER_MSEC },
		{ "poll", NSEC_PER_MSEC + 1, 2 * NSEC_PER_MSEC },
		{ "select", 1001, 2000 },
		{ "epoll_wait", 999999, NSEC_PER_MSEC },
		{ "nanosleep", 1, 1 },
		{ "poll", 0, 0 },
		{ "monotonic_abs", -7, -7 },
	};

	for (size_t i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
		struct slept one;

		sleeper_wait(sleeper_named(waits[i].name), waits[i].asked, &one);
		ck_assert_int_eq(one.error, 0);
		ck_assert_int_eq(one.requested, waits[i].requested);
		ck_assert_int_ge(one.after, one.deadline);
	}
}
END_TEST

/* Whose clock somebody may set. */
START_TEST(settable)
{
	static const struct {
		const char *name;
		bool settable;
	} waits[] = {
		{ "realtime_abs", true },	  { "tai_rel", true },
		{ "timerfd_realtime_abs", true }, { "realtime_rel", false },
		{ "boottime_abs", false },	  { "nanosleep", false },
	};

	for (size_t i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
		struct slept one;

		sleeper_wait(sleeper_named(waits[i].name), 1, &one);
		ck_assert_int_eq(one.settable, waits[i].settable);
	}
}
END_TEST

/* A one-shot timer that says it expired more than once: its count is the error. */
START_TEST(expirations)
{
	static const char *const names[] = { "timerfd_monotonic_rel", "timerfd_monotonic_abs",
					     "timerfd_realtime_abs" };

	for (int i = 0; i < 9; i++) {
		int n = 1 + i / 3;
		struct slept one;

		fake.expirations = n;
		sleeper_wait(sleeper_named(names[i % 3]), 1000, &one);
		fake.expirations = 0;
		ck_assert_int_eq(one.error, n == 1 ? 0 : n);
	}
	ck_assert_str_eq(sleep_error(3), "its one-shot timer counts 3 expirations instead of 1");
	ck_assert_str_eq(sleep_error(1), "its one-shot timer counts 1 expirations instead of 1");
	ck_assert_str_eq(sleep_error(-EINVAL), strerror(EINVAL));
	ck_assert_ptr_nonnull(strstr(sleep_error(-EPROTO), "as if something had happened"));
}
END_TEST

/* Calls that come back with success, though only time should end them. */
static bool something_happens;

int poll(struct pollfd *fds, nfds_t nr, int ms)
{
	struct timespec limit = { ms / 1000, ms % 1000 * 1000000 };

	return something_happens ? 1 : syscall(SYS_ppoll, fds, nr, &limit, NULL, 0);
}

int sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *when)
{
	return something_happens ? SIGUSR1 : syscall(SYS_rt_sigtimedwait, set, info, when, 8);
}

START_TEST(other_reason)
{
	static const char *const names[] = { "poll", "sigtimedwait" };

	for (int i = 0; i < 2; i++) {
		struct slept one;

		sleeper_wait(sleeper_named(names[i]), 1, &one);
		ck_assert_int_eq(one.error, 0);
		something_happens = true;
		sleeper_wait(sleeper_named(names[i]), 1, &one);
		something_happens = false;
		ck_assert_int_eq(one.error, -EPROTO);
	}
}
END_TEST

START_TEST(bound)
{
	struct stats quiet = { .p99 = 100000 }, noisy = { .p99 = 30 * NSEC_PER_MSEC }, none = { 0 };

	ck_assert_int_eq(sleeps_bound(&quiet, 0), 20 * NSEC_PER_MSEC);
	ck_assert_int_eq(sleeps_bound(&none, 5), 20 * NSEC_PER_MSEC + 5);
	ck_assert_int_eq(sleeps_bound(&noisy, 50000), 300 * NSEC_PER_MSEC + 50000);
}
END_TEST

/* Every one of them waits, here and now. */
START_TEST(all_wait)
{
	const struct sleeper *s = &sleepers[_i];
	struct sleeps all = { .late = late };
	struct slept one;

	for (int i = 0; i < 3; i++) {
		sleeper_wait(s, 1 + i * 1500000, &one);
		if (one.error == -ENOSYS)
			return;
		sleeps_add(&all, &one);
		if (s->grain_ns)
			ck_assert_int_eq(one.requested % s->grain_ns, 0);
		ck_assert_int_ge(one.requested, 1 + i * 1500000);
	}
	ck_assert_msg(!all.error, "%s: %s", s->name, strerror(-all.error));
	ck_assert_msg(!all.early, "%s: early", s->name);
	if (!s->absolute)
		return;
	/* What has passed is over. */
	sleeper_wait(s, -NSEC_PER_SEC, &one);
	ck_assert_msg(!one.error, "%s: %s", s->name, strerror(-one.error));
	ck_assert_int_ge(one.after - one.deadline, NSEC_PER_SEC);
}
END_TEST

/* A time that is none is refused by the call, and the refusal is reported. */
START_TEST(refused)
{
	const struct sleeper *s = &sleepers[_i];
	struct timespec bad = { 0, NSEC_PER_SEC };
	int err = s->wait(s, &bad);

	/* These have their time converted before the kernel sees it. */
	if (!strcmp(s->name, "poll") || !strcmp(s->name, "epoll_wait") ||
	    !strcmp(s->name, "select"))
		ck_assert_msg(!err, "%s: %s", s->name, sleep_error(err));
	/* io_uring takes it as it is, or not. */
	else if (strncmp(s->name, "io_uring", 8) && err != -ENOSYS)
		ck_assert_msg(err == -EINVAL, "%s: %d", s->name, err);
}
END_TEST

/* Seconds and what is less, for calls that count in milliseconds. */
START_TEST(seconds)
{
	struct slept one;

	sleeper_wait(sleeper_named("poll"), NSEC_PER_SEC + 1, &one);
	ck_assert_int_eq(one.error, 0);
	ck_assert_int_eq(one.requested, NSEC_PER_SEC + NSEC_PER_MSEC);
	ck_assert_int_ge(one.mono, one.requested);
	ck_assert_int_lt(one.mono, 2 * one.requested + 20 * NSEC_PER_SEC);
}
END_TEST

/* In time to the nanosecond on a clock that can be set is in time. */
START_TEST(settable_in_time)
{
	struct sleeps all = { .late = late };
	struct slept one = slept(0);

	one.settable = true;
	sleeps_add(&all, &one);
	ck_assert_uint_eq(all.count, 1);
	ck_assert_uint_eq(all.steps + all.early, 0);
}
END_TEST

START_TEST(names)
{
	ck_assert_ptr_null(sleeper_named("no such"));
	for (const struct sleeper *s = sleepers; s->name; s++) {
		size_t len = strlen(s->name);

		ck_assert_ptr_eq(sleeper_named(s->name), s);
		if (len > 4 &&
		    (!strcmp(s->name + len - 4, "_abs") || !strcmp(s->name + len - 4, "_rel")))
			ck_assert_int_eq(s->absolute, !strcmp(s->name + len - 4, "_abs"));
	}
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("sleepers");
	int nr = 0;

	while (sleepers[nr].name)
		nr++;

	tcase_add_test(tc, in_time);
	tcase_add_test(tc, early);
	tcase_add_test(tc, set_back);
	tcase_add_test(tc, failed);
	tcase_add_test(tc, measured);
	tcase_add_test(tc, grain);
	tcase_add_test(tc, settable);
	tcase_add_test(tc, expirations);
	tcase_add_test(tc, other_reason);
	tcase_add_test(tc, bound);
	tcase_add_loop_test(tc, all_wait, 0, nr);
	tcase_add_loop_test(tc, refused, 0, nr);
	tcase_add_test(tc, seconds);
	tcase_add_test(tc, settable_in_time);
	tcase_add_test(tc, names);
	return run_cases("sleepers", tc);
}
