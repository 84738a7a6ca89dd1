// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/periods.h"
#include "timers.h"

/* Signals, which come in the order in which their timers expire. */
#define NR_SHOTS 8
#define STEP_NS	 (2 * NSEC_PER_MSEC)

static const clockid_t clocks[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME };
#define NR_CLOCKS (sizeof(clocks) / sizeof(*clocks))

struct armed {
	timer_t shot[NR_SHOTS];
	int timerfd[NR_CLOCKS];
	int64_t deadline[NR_CLOCKS];
	int periodic;
	int64_t period, period_first;
};

static int64_t first_of(const struct timers *t)
{
	return t->first[t->round];
}

static int arm_shots(struct timers *t, struct armed *a)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN };

	event._sigev_un._tid = syscall(SYS_gettid);
	for (int i = 0; i < NR_SHOTS; i++) {
		struct itimerspec at = { .it_value = ns_timespec(first_of(t) + i * STEP_NS) };

		event.sigev_value.sival_int = i;
		if (timer_create(CLOCK_MONOTONIC, &event, &a->shot[i]) ||
		    timer_settime(a->shot[i], TIMER_ABSTIME, &at, NULL))
			return errno;
	}
	return 0;
}

static int arm_timerfd(clockid_t clock, int64_t at, int64_t interval)
{
	struct itimerspec spec = { .it_value = ns_timespec(at),
				   .it_interval = ns_timespec(interval) };
	int fd = timerfd_create(clock, TFD_CLOEXEC);

	return fd < 0 || timerfd_settime(fd, TFD_TIMER_ABSTIME, &spec, NULL) ? -errno : fd;
}

static int arm_periodic(struct armed *a)
{
	a->period = periods_interval(10 * NSEC_PER_MSEC);
	a->period_first = clock_ns(CLOCK_MONOTONIC) + a->period;
	a->periodic = arm_timerfd(CLOCK_MONOTONIC, a->period_first, a->period);
	return a->periodic < 0 ? -a->periodic : 0;
}

static int arm(struct timers *t, struct armed *a)
{
	t->from[t->round] = clock_ns(CLOCK_MONOTONIC);
	t->first[t->round] = t->from[t->round] + t->lead;
	for (size_t i = 0; i < NR_CLOCKS; i++) {
		a->deadline[i] = clock_ns(clocks[i]) + t->lead;
		a->timerfd[i] = arm_timerfd(clocks[i], a->deadline[i], 0);
		if (a->timerfd[i] < 0)
			return -a->timerfd[i];
	}
	return arm_shots(t, a);
}

/* One has fired, and this is what its clock says afterwards. */
static void account(struct timers *t, int64_t deadline, int64_t now, uint64_t times)
{
	t->fired++;
	t->repeated += times - 1;
	if (now < deadline) {
		t->early++;
		if (deadline - now > t->worst_early)
			t->worst_early = deadline - now;
	} else if (now - deadline > t->latest) {
		t->latest = now - deadline;
	}
}

static int await_shots(struct timers *t)
{
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	for (int i = 0; i < NR_SHOTS; i++) {
		if (sigwaitinfo(&set, &info) < 0)
			return errno;
		t->disordered += info.si_value.sival_int != i;
		account(t, first_of(t) + info.si_value.sival_int * STEP_NS,
			clock_ns(CLOCK_MONOTONIC), 1 + info.si_overrun);
	}
	return 0;
}

static int await_timerfds(struct timers *t, const struct armed *a)
{
	uint64_t times;

	for (size_t i = 0; i < NR_CLOCKS; i++) {
		if (read(a->timerfd[i], &times, sizeof(times)) != sizeof(times))
			return errno ? errno : EIO;
		account(t, a->deadline[i], clock_ns(clocks[i]), times);
	}
	return 0;
}

static int await_sleep(struct timers *t)
{
	int64_t deadline = clock_ns(CLOCK_MONOTONIC) + STEP_NS;
	struct timespec at = ns_timespec(deadline);
	int err = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);

	account(t, deadline, clock_ns(CLOCK_MONOTONIC), 1);
	return err;
}

static int await_periods(struct timers *t, const struct armed *a)
{
	int64_t before, after;

	while (!atomic_load(t->over))
		clock_nap(STEP_NS);
	before = clock_ns(CLOCK_MONOTONIC);
	if (read(a->periodic, &t->periods, sizeof(t->periods)) != sizeof(t->periods))
		return errno ? errno : EIO;
	after = clock_ns(CLOCK_MONOTONIC);
	t->missed = periods_off(t->periods, before, after, a->period_first, a->period);
	close(a->periodic);
	return 0;
}

static void disarm(struct armed *a)
{
	for (int i = 0; i < NR_SHOTS; i++)
		timer_delete(a->shot[i]);
	for (size_t i = 0; i < NR_CLOCKS; i++)
		close(a->timerfd[i]);
}

/* One round of them, to the end. */
static int await(struct timers *t, struct armed *a)
{
	int err = await_shots(t);

	if (!err)
		err = await_timerfds(t, a);
	if (!err)
		err = await_sleep(t);
	if (!err)
		disarm(a);
	return err;
}

static void *run(void *arg)
{
	struct timers *t = arg;
	struct armed a;

	t->error = arm_periodic(&a);
	for (t->round = 0; !t->error; t->round++) {
		t->error = arm(t, &a);
		atomic_store(&t->armed, true);
		if (!t->error)
			t->error = await(t, &a);
		if (t->round + 1 == t->rounds || atomic_load(t->over))
			break;
	}
	if (!t->error)
		t->error = await_periods(t, &a);
	atomic_store(&t->armed, true);
	atomic_store(&t->done, true);
	return NULL;
}

int timers_start(struct timers *t)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return cpu_thread(&t->thread, t->cpu, run, t);
}

int64_t timers_margin(const struct timers *t, int64_t moment)
{
	for (int i = 0; i <= t->round; i++)
		if (t->from[i] <= moment && moment < t->first[i])
			return t->first[i] - moment;
	return 0;
}
