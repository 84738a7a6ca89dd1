// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../clocks.h"
#include "../cpus.h"
#include "../wake.h"
#include "testing.h"

static int observer, target;

/* The first two CPUs we may use; with one, the observer and its sleepers share it. */
static void pin(void)
{
	struct cpus usable;

	ck_assert_int_eq(cpus_usable(&usable), 0);
	observer = cpus_next(-1, &usable);
	target = cpus_next(observer, &usable);
	if (target < 0)
		target = observer;
	ck_assert_int_eq(cpu_pin(observer), 0);
}

/* Healthy sleepers of every kind, watched together. */
START_TEST(alive)
{
	struct wake all[] = {
		{ .kind = WAKE_ABS, .count = 20, .interval_ns = 5 * NSEC_PER_MSEC },
		{ .kind = WAKE_REL, .count = 10, .interval_ns = 9 * NSEC_PER_MSEC },
		{ .kind = WAKE_TIMERFD, .count = 20, .interval_ns = 5 * NSEC_PER_MSEC },
		{ .kind = WAKE_TIMERFD, .count = 1, .interval_ns = 1 },
	};
	enum { N = sizeof(all) / sizeof(*all) };
	struct wake *wakes[N];
	struct wake_death death;

	for (int i = 0; i < N; i++) {
		wakes[i] = &all[i];
		all[i].cpu = target;
		ck_assert_int_eq(wake_start(&all[i]), 0);
	}
	ck_assert_int_eq(wake_watch(wakes, N, &death), 0);
	for (int i = 0; i < N; i++) {
		struct stats s = wake_join(&all[i]);

		ck_assert_int_eq(all[i].error, 0);
		ck_assert_uint_eq(all[i].early, 0);
		ck_assert_uint_eq(s.count, all[i].count);
		ck_assert_int_ge(s.min, 0);
		ck_assert_int_le(s.p50, s.p99);
		ck_assert_int_gt(s.max, 0);
	}
}
END_TEST

/*
 * A kernel that ends each sleep off ns after its deadline, on a clock that moves by nothing else.
 */
static int64_t fake_now, fake_off;

static int64_t fake_clock(clockid_t clock)
{
	return clock == CLOCK_MONOTONIC ? fake_now : -1;
}

static int fake_sleep(clockid_t clock, int flags, const struct timespec *when)
{
	if (clock != CLOCK_MONOTONIC)
		return EINVAL;
	fake_now = (flags == TIMER_ABSTIME ? 0 : fake_now) + timespec_ns(when) + fake_off;
	return 0;
}

/* One nanosecond before its deadline is early, the deadline itself is not. */
START_TEST(early)
{
	static const int64_t off[] = { -NSEC_PER_MSEC, -1, 0, 1, NSEC_PER_SEC };

	for (size_t i = 0; i < 2 * sizeof(off) / sizeof(*off); i++) {
		struct wake w = { .cpu = target,
				  .kind = i % 2 ? WAKE_REL : WAKE_ABS,
				  .count = 3,
				  .interval_ns = 2 * NSEC_PER_MSEC };
		struct stats s;

		fake_now = 5 * NSEC_PER_SEC;
		fake_off = off[i / 2];
		fake = (struct fake){ .clock = fake_clock, .sleep = fake_sleep };
		ck_assert_int_eq(wake_start(&w), 0);
		s = wake_join(&w);
		fake = (struct fake){ 0 };
		ck_assert_int_eq(w.error, 0);
		ck_assert_uint_eq(w.early, fake_off < 0 ? 3 : 0);
		ck_assert_uint_eq(s.count, 3);
		ck_assert_int_eq(s.min, fake_off);
		ck_assert_int_eq(s.max, fake_off);
		ck_assert_int_eq(fake_now, 5 * NSEC_PER_SEC + 3 * (2 * NSEC_PER_MSEC + fake_off));
	}
}
END_TEST

/* A one-shot timer that says it expired more than once ends its sleeper, which keeps the count. */
START_TEST(expirations)
{
	for (uint64_t n = 1; n <= 3; n++) {
		struct wake w = {
			.cpu = target, .kind = WAKE_TIMERFD, .count = 4, .interval_ns = 1000
		};
		struct wake *wakes[] = { &w };
		struct wake_death death;

		fake.expirations = n;
		ck_assert_int_eq(wake_start(&w), 0);
		ck_assert_int_eq(wake_watch(wakes, 1, &death), 0);
		fake.expirations = 0;
		ck_assert_uint_eq(wake_join(&w).count, n == 1 ? 4 : 1);
		ck_assert_int_eq(w.error, n == 1 ? 0 : n);
	}
}
END_TEST

/* A one-shot timer that expires again after its sleeper has gone on is seen at the end. */
START_TEST(repeated)
{
	struct wake w = { .cpu = target, .kind = WAKE_TIMERFD, .count = 1, .interval_ns = 1000 };
	struct itimerspec again = { .it_value = { 0, 1 } };
	struct wake *wakes[] = { &w };
	struct wake_death death;

	ck_assert_int_eq(wake_start(&w), 0);
	ck_assert_int_eq(wake_watch(wakes, 1, &death), 0);
	ck_assert_int_eq(timerfd_settime(w.fd, 0, &again, NULL), 0);
	usleep(20000);
	wake_join(&w);
	ck_assert_uint_eq(w.repeated, 1);
}
END_TEST

START_TEST(nobody_to_watch)
{
	struct wake_death death;

	ck_assert_int_eq(wake_watch(NULL, 0, &death), 0);
}
END_TEST

START_TEST(stopped)
{
	struct wake w = {
		.cpu = target, .kind = WAKE_ABS, .count = 100000, .interval_ns = 2 * NSEC_PER_MSEC
	};
	struct wake *wakes[] = { &w };
	struct wake_death death;
	struct stats s;

	ck_assert_int_eq(wake_start(&w), 0);
	while (atomic_load(&w.woken) < 3)
		sched_yield();
	wake_stop(&w);
	ck_assert_int_eq(wake_watch(wakes, 1, &death), 0);
	s = wake_join(&w);
	ck_assert_uint_ge(s.count, 3);
	ck_assert_uint_lt(s.count, 100000);
}
END_TEST

START_TEST(no_such_cpu)
{
	struct wake w = { .cpu = CPUS_MAX - 1, .count = 1, .interval_ns = 1 };
	struct spinner s = { .cpu = CPUS_MAX - 1 };

	ck_assert_int_lt(wake_start(&w), 0);
	ck_assert_int_lt(spinner_start(&s), 0);
}
END_TEST

/* A sleeper that isn't one: what the observer sees of a thread on a CPU whose timers are dead. */
static struct wake victim(int64_t deadline, int64_t interval)
{
	return (struct wake){
		.cpu = target, .count = 5, .interval_ns = interval, .woken = 2, .deadline = deadline
	};
}

/* Watches; returns how long by the clock. Fails unless victim is found dead. */
static int64_t watch_death(struct wake *const wakes[], size_t n, const struct wake *dead,
			   struct wake_death *death)
{
	int64_t t0 = clock_ns(CLOCK_MONOTONIC);

	memset(death, 0, sizeof(*death));
	ck_assert_int_eq(wake_watch(wakes, n, death), -ETIMEDOUT);
	ck_assert_ptr_eq(death->wake, dead);
	return clock_ns(CLOCK_MONOTONIC) - t0;
}

/* DEAD comes after 2 s of observed time, and on an idle machine within 3 s. */
START_TEST(missed_deadline)
{
	struct wake w = victim(clock_ns(CLOCK_MONOTONIC) + NSEC_PER_MSEC, NSEC_PER_MSEC);
	struct wake *wakes[] = { &w };
	struct wake_death death;
	int64_t took = watch_death(wakes, 1, &w, &death);

	ck_assert_int_ge(took, WAKE_DEAD_NS);
	ck_assert_int_lt(took, 30 * NSEC_PER_SEC);
	ck_assert(!death.clock_frozen);
	/* By no more than the observer's longest step. */
	ck_assert_int_gt(death.waited_ns, WAKE_DEAD_NS);
	ck_assert_int_le(death.waited_ns, WAKE_DEAD_NS + 60 * NSEC_PER_MSEC);
	ck_assert_int_le(death.waited_ns, took + took / 10);
}
END_TEST

#define LONG_NS (2200 * NSEC_PER_MSEC)

/*
 * Was kept from its CPU between two sleeps, with the deadline of the first still there for all to
 * see.
 */
static void *sleeps_long_after_a_pause(void *arg)
{
	struct timespec pause = ns_timespec(30 * NSEC_PER_MSEC), until;
	struct wake *w = arg;
	int64_t deadline;

	nanosleep(&pause, NULL);
	deadline = clock_ns(CLOCK_MONOTONIC) + LONG_NS;
	until = ns_timespec(deadline);
	atomic_store(&w->deadline, deadline);
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
	atomic_store(&w->woken, 3);
	atomic_store(&w->done, true);
	return NULL;
}

/* A sleep of more than WAKE_DEAD_NS is not counted from the deadline of the one before. */
START_TEST(next_deadline)
{
	struct wake w = victim(clock_ns(CLOCK_MONOTONIC) - NSEC_PER_MSEC, LONG_NS);
	struct wake *wakes[] = { &w };
	struct wake_death death;
	pthread_t thread;

	ck_assert_int_eq(cpu_thread(&thread, target, sleeps_long_after_a_pause, &w), 0);
	ck_assert_int_eq(wake_watch(wakes, 1, &death), 0);
	pthread_join(thread, NULL);
}
END_TEST

/* It never came to its first sleep. */
START_TEST(never_began)
{
	struct wake w = victim(0, NSEC_PER_MSEC);
	struct wake *wakes[] = { &w };
	struct wake_death death;

	w.woken = 0;
	ck_assert_int_ge(watch_death(wakes, 1, &w, &death), 2 * WAKE_DEAD_NS - WAKE_DEAD_NS / 10);
	ck_assert(!death.clock_frozen);
	ck_assert_int_gt(death.waited_ns, 2 * WAKE_DEAD_NS);
	ck_assert_int_le(death.waited_ns, 2 * WAKE_DEAD_NS + 60 * NSEC_PER_MSEC);
}
END_TEST

/* The deadline doesn't come nearer: so looks a clock that stands still. */
START_TEST(frozen_clock)
{
	struct wake w = victim(clock_ns(CLOCK_MONOTONIC) + 3600 * NSEC_PER_SEC, 10 * NSEC_PER_MSEC);
	struct wake *wakes[] = { &w };
	struct wake_death death;

	ck_assert_int_ge(watch_death(wakes, 1, &w, &death), 2 * WAKE_DEAD_NS - WAKE_DEAD_NS / 10);
	ck_assert(death.clock_frozen);
	ck_assert_int_gt(death.waited_ns, 2 * WAKE_DEAD_NS);
	ck_assert_int_le(death.waited_ns, 2 * WAKE_DEAD_NS + 60 * NSEC_PER_MSEC);
}
END_TEST

/* A long sleep is none of that. */
START_TEST(long_sleep)
{
	struct wake w = {
		.cpu = target, .kind = WAKE_ABS, .count = 1, .interval_ns = 5 * NSEC_PER_SEC
	};
	struct wake *wakes[] = { &w };
	struct wake_death death;

	ck_assert_int_eq(wake_start(&w), 0);
	ck_assert_int_eq(wake_watch(wakes, 1, &death), 0);
	ck_assert_uint_eq(wake_join(&w).count, 1);
}
END_TEST

/* Among the living, before, between and after them. */
START_TEST(one_dead_of_three)
{
	struct wake all[3];
	struct wake *wakes[] = { &all[0], &all[1], &all[2] };
	struct wake_death death;

	for (int i = 0; i < 3; i++) {
		all[i] = (struct wake){ .cpu = target,
					.kind = WAKE_ABS,
					.count = 1000000,
					.interval_ns = 10 * NSEC_PER_MSEC };
		if (i == _i)
			all[i] = victim(clock_ns(CLOCK_MONOTONIC), NSEC_PER_MSEC);
		else
			ck_assert_int_eq(wake_start(&all[i]), 0);
	}
	watch_death(wakes, 3, &all[_i], &death);
	for (int i = 0; i < 3; i++) {
		if (i == _i)
			continue;
		wake_stop(&all[i]);
		ck_assert_uint_gt(wake_join(&all[i]).count, 10);
	}
}
END_TEST

/* Late by almost the limit, time after time, is alive: each wake-up starts the count anew. */
static void *wakes_late(void *arg)
{
	struct wake *w = arg;

	for (int i = 0; i < 3; i++) {
		struct timespec late = ns_timespec(WAKE_DEAD_NS / 2);

		atomic_store(&w->deadline, clock_ns(CLOCK_MONOTONIC) + NSEC_PER_MSEC);
		nanosleep(&late, NULL);
		atomic_fetch_add(&w->woken, 1);
	}
	atomic_store(&w->done, true);
	return NULL;
}

START_TEST(very_late_is_alive)
{
	struct wake w = victim(clock_ns(CLOCK_MONOTONIC), NSEC_PER_MSEC);
	struct wake *wakes[] = { &w };
	struct wake_death death;

	w.woken = 0;
	ck_assert_int_eq(pthread_create(&w.thread, NULL, wakes_late, &w), 0);
	ck_assert_int_eq(wake_watch(wakes, 1, &death), 0);
	pthread_join(w.thread, NULL);
}
END_TEST

/* The whole program is stopped for longer than DEAD takes, as a host may stop a guest. */
START_TEST(host_pause_kills_nobody)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		struct wake w = { .cpu = target,
				  .kind = WAKE_ABS,
				  .count = 100,
				  .interval_ns = 10 * NSEC_PER_MSEC };
		struct wake *wakes[] = { &w };
		struct wake_death death;

		/* What is forgiven is counted: 3 s, but for the 50 ms of one step. */
		_exit(wake_start(&w) || wake_watch(wakes, 1, &death) ||
		      observer_paused() < 2500 * NSEC_PER_MSEC);
	}
	usleep(300000);
	kill(pid, SIGSTOP);
	usleep(3000000);
	kill(pid, SIGCONT);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

/* Ends well 300 ms after the program was stopped and went on. */
static void *wakes_after_pause(void *arg)
{
	struct wake *w = arg;
	int64_t last = clock_ns(CLOCK_MONOTONIC), now = last;

	for (; now - last < WAKE_DEAD_NS; usleep(10000)) {
		last = now;
		now = clock_ns(CLOCK_MONOTONIC);
	}
	usleep(300000);
	atomic_store(&w->done, true);
	return NULL;
}

/* The same with a sleeper that was overdue already: the pause itself must not count. */
START_TEST(host_pause_does_not_count)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		struct wake w = victim(clock_ns(CLOCK_MONOTONIC), NSEC_PER_MSEC);
		struct wake *wakes[] = { &w };
		struct wake_death death;

		_exit(pthread_create(&w.thread, NULL, wakes_after_pause, &w) ||
		      wake_watch(wakes, 1, &death));
	}
	usleep(300000);
	kill(pid, SIGSTOP);
	usleep(3000000);
	kill(pid, SIGCONT);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

static bool counted(void *arg)
{
	return !--*(int *)arg;
}

static bool never(void *arg)
{
	++*(int *)arg;
	return false;
}

START_TEST(observing)
{
	int64_t t0 = clock_ns(CLOCK_MONOTONIC);
	int count = 5;

	ck_assert_int_eq(observe(counted, &count, NSEC_PER_SEC), 0);
	ck_assert_int_eq(count, 0);
	ck_assert_int_eq(observe(never, &count, 100 * NSEC_PER_MSEC), -ETIMEDOUT);
	ck_assert_int_gt(count, 1);
	ck_assert_int_ge(clock_ns(CLOCK_MONOTONIC) - t0, 90 * NSEC_PER_MSEC);
}
END_TEST

/* Two on one CPU: each is taken off it now and then, and knows. */
START_TEST(spinning)
{
	struct spinner s = { .cpu = target }, other = { .cpu = target };

	ck_assert_int_eq(spinner_start(&s), 0);
	ck_assert_int_eq(spinner_start(&other), 0);
	while (!atomic_load(&s.running) || !atomic_load(&s.switches) ||
	       !atomic_load(&other.switches))
		usleep(1000);
	spinner_stop(&s);
	spinner_stop(&other);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("wake");

	/* Threads that busy-poll for seconds are not for valgrind. */
	tcase_set_tags(tc, "clock");
	tcase_add_checked_fixture(tc, pin, NULL);
	tcase_add_test(tc, alive);
	tcase_add_test(tc, early);
	tcase_add_test(tc, expirations);
	tcase_add_test(tc, repeated);
	tcase_add_test(tc, nobody_to_watch);
	tcase_add_test(tc, stopped);
	tcase_add_test(tc, no_such_cpu);
	tcase_add_test(tc, missed_deadline);
	tcase_add_test(tc, next_deadline);
	tcase_add_test(tc, never_began);
	tcase_add_test(tc, frozen_clock);
	tcase_add_test(tc, long_sleep);
	tcase_add_loop_test(tc, one_dead_of_three, 0, 3);
	tcase_add_test(tc, very_late_is_alive);
	tcase_add_test(tc, host_pause_kills_nobody);
	tcase_add_test(tc, host_pause_does_not_count);
	tcase_add_test(tc, observing);
	tcase_add_test(tc, spinning);
	return run_cases("wake", tc);
}
