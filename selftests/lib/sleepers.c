// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "clocks.h"
#include "mark.h"
#include "sleepers.h"
#include "uring.h"

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

/* What a call came back with, when 0 means that time was up. */
static int timed_out(long ret)
{
	return ret < 0 ? -errno : ret ? -EPROTO : 0;
}

/* The same when time is up with an error of this number. */
static int ends_with(int expected, long ret)
{
	return ret >= 0 ? -EPROTO : errno == expected ? 0 : -errno;
}

static int milliseconds(const struct timespec *when)
{
	return when->tv_sec * 1000 + when->tv_nsec / NSEC_PER_MSEC;
}

static int wait_nanosleep(const struct sleeper *s, const struct timespec *when)
{
	(void)s;
	return timed_out(nanosleep(when, NULL));
}

static int wait_clock(const struct sleeper *s, const struct timespec *when)
{
	return -clock_nanosleep(s->clock, s->absolute ? TIMER_ABSTIME : 0, when, NULL);
}

/* Relative on a clock that can be set: the kernel waits on CLOCK_MONOTONIC (__hrtimer_init()). */
static int wait_realtime(const struct sleeper *s, const struct timespec *when)
{
	(void)s;
	return -clock_nanosleep(CLOCK_REALTIME, 0, when, NULL);
}

static int wait_timerfd(const struct sleeper *s, const struct timespec *when)
{
	struct itimerspec timer = { .it_value = *when };
	int fd = timerfd_create(s->clock, TFD_CLOEXEC), err = 0;
	uint64_t expirations;

	if (fd < 0)
		return -errno;
	/* 0 would disarm it. */
	if (when->tv_sec < 0 || (!when->tv_sec && !when->tv_nsec))
		timer.it_value = (struct timespec){ 0, 1 };
	if (timerfd_settime(fd, s->absolute ? TFD_TIMER_ABSTIME : 0, &timer, NULL))
		err = -errno;
	else if (read(fd, &expirations, sizeof(expirations)) != sizeof(expirations))
		err = -errno;
	else if (expirations != 1)
		err = expirations;
	close(fd);
	return err;
}

static int wait_poll(const struct sleeper *s, const struct timespec *when)
{
	(void)s;
	return timed_out(poll(NULL, 0, milliseconds(when)));
}

static int wait_ppoll(const struct sleeper *s, const struct timespec *when)
{
	(void)s;
	return timed_out(ppoll(NULL, 0, when, NULL));
}

static int wait_select(const struct sleeper *s, const struct timespec *when)
{
	struct timeval tv = { when->tv_sec, when->tv_nsec / NSEC_PER_USEC };

	(void)s;
	return timed_out(select(0, NULL, NULL, NULL, &tv));
}

static int wait_pselect(const struct sleeper *s, const struct timespec *when)
{
	(void)s;
	return timed_out(pselect(0, NULL, NULL, NULL, when, NULL));
}

static int wait_epoll(const struct sleeper *s, const struct timespec *when)
{
	int fd = epoll_create1(EPOLL_CLOEXEC), err;
	struct epoll_event event;

	if (fd < 0)
		return -errno;
	if (!strcmp(s->name, "epoll_wait"))
		err = timed_out(epoll_wait(fd, &event, 1, milliseconds(when)));
	else
		err = timed_out(syscall(SYS_epoll_pwait2, fd, &event, 1, when, NULL, 0));
	close(fd);
	return err;
}

/* FUTEX_WAIT's time is relative and on CLOCK_MONOTONIC. */
static int wait_futex(const struct sleeper *s, const struct timespec *when)
{
	uint32_t word = 0;

	(void)s;
	return ends_with(ETIMEDOUT,
			 syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, when, NULL, 0));
}

static int wait_futex_bitset(const struct sleeper *s, const struct timespec *when)
{
	int op = FUTEX_WAIT_BITSET_PRIVATE |
		 (s->clock == CLOCK_REALTIME ? FUTEX_CLOCK_REALTIME : 0);
	uint32_t word = 0;

	return ends_with(ETIMEDOUT,
			 syscall(SYS_futex, &word, op, 0, when, NULL, FUTEX_BITSET_MATCH_ANY));
}

static int wait_sem(const struct sleeper *s, const struct timespec *when)
{
	sem_t sem;
	int err;

	sem_init(&sem, 0, 0);
	if (!strcmp(s->name, "sem_timedwait"))
		err = ends_with(ETIMEDOUT, sem_timedwait(&sem, when));
	else
		err = ends_with(ETIMEDOUT, sem_clockwait(&sem, s->clock, when));
	sem_destroy(&sem);
	return err;
}

static int wait_cond(const struct sleeper *s, const struct timespec *when)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
	int err;

	pthread_mutex_lock(&lock);
	do {
		if (!strcmp(s->name, "cond_timedwait"))
			err = pthread_cond_timedwait(&cond, &lock, when);
		else
			err = pthread_cond_clockwait(&cond, &lock, s->clock, when);
	} while (!err);
	pthread_mutex_unlock(&lock);
	return err == ETIMEDOUT ? 0 : -err;
}

static int wait_mq(const struct sleeper *s, const struct timespec *when)
{
	struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = 8 };
	char name[32], message[8];
	mqd_t queue;
	int err;

	(void)s;
	snprintf(name, sizeof(name), "/tickproof.%d", gettid());
	queue = mq_open(name, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attr);
	if (queue < 0)
		return -errno;
	mq_unlink(name);
	err = ends_with(ETIMEDOUT, mq_timedreceive(queue, message, sizeof(message), NULL, when));
	mq_close(queue);
	return err;
}

static int wait_signal(const struct sleeper *s, const struct timespec *when)
{
	sigset_t none;

	(void)s;
	sigemptyset(&none);
	return ends_with(EAGAIN, sigtimedwait(&none, NULL, when));
}

static int wait_uring(const struct sleeper *s, const struct timespec *when)
{
	return uring_timeout(when, s->absolute);
}

const struct sleeper sleepers[] = {
	{ "nanosleep", CLOCK_MONOTONIC, false, 0, wait_nanosleep },
	{ "monotonic_rel", CLOCK_MONOTONIC, false, 0, wait_clock },
	{ "monotonic_abs", CLOCK_MONOTONIC, true, 0, wait_clock },
	{ "realtime_rel", CLOCK_MONOTONIC, false, 0, wait_realtime },
	{ "realtime_abs", CLOCK_REALTIME, true, 0, wait_clock },
	{ "boottime_rel", CLOCK_BOOTTIME, false, 0, wait_clock },
	{ "boottime_abs", CLOCK_BOOTTIME, true, 0, wait_clock },
	{ "tai_rel", CLOCK_TAI, false, 0, wait_clock },
	{ "tai_abs", CLOCK_TAI, true, 0, wait_clock },
	{ "timerfd_monotonic_rel", CLOCK_MONOTONIC, false, 0, wait_timerfd },
	{ "timerfd_monotonic_abs", CLOCK_MONOTONIC, true, 0, wait_timerfd },
	{ "timerfd_realtime_abs", CLOCK_REALTIME, true, 0, wait_timerfd },
	{ "timerfd_boottime_abs", CLOCK_BOOTTIME, true, 0, wait_timerfd },
	{ "poll", CLOCK_MONOTONIC, false, MS, wait_poll },
	{ "ppoll", CLOCK_MONOTONIC, false, 0, wait_ppoll },
	{ "select", CLOCK_MONOTONIC, false, US, wait_select },
	{ "pselect", CLOCK_MONOTONIC, false, 0, wait_pselect },
	{ "epoll_wait", CLOCK_MONOTONIC, false, MS, wait_epoll },
	{ "epoll_pwait2", CLOCK_MONOTONIC, false, 0, wait_epoll },
	{ "futex_wait", CLOCK_MONOTONIC, false, 0, wait_futex },
	{ "futex_bitset_monotonic", CLOCK_MONOTONIC, true, 0, wait_futex_bitset },
	{ "futex_bitset_realtime", CLOCK_REALTIME, true, 0, wait_futex_bitset },
	{ "sem_timedwait", CLOCK_REALTIME, true, 0, wait_sem },
	{ "sem_clockwait", CLOCK_MONOTONIC, true, 0, wait_sem },
	{ "mq_timedreceive", CLOCK_REALTIME, true, 0, wait_mq },
	{ "cond_timedwait", CLOCK_REALTIME, true, 0, wait_cond },
	{ "cond_clockwait", CLOCK_MONOTONIC, true, 0, wait_cond },
	{ "sigtimedwait", CLOCK_MONOTONIC, false, 0, wait_signal },
	{ "io_uring_rel", CLOCK_MONOTONIC, false, 0, wait_uring },
	{ "io_uring_abs", CLOCK_MONOTONIC, true, 0, wait_uring },
	{ 0 }
};

const char *sleep_error(int error)
{
	static __thread char text[96];

	if (error > 0)
		snprintf(text, sizeof(text),
			 "its one-shot timer counts %d expirations instead of 1", error);
	else if (error == -EPROTO)
		snprintf(text, sizeof(text),
			 "the call came back as if something had happened, and only time should end it");
	else
		snprintf(text, sizeof(text), "%s", strerror(-error));
	return text;
}

const struct sleeper *sleeper_named(const char *name)
{
	for (const struct sleeper *s = sleepers; s->name; s++)
		if (!strcmp(s->name, name))
			return s;
	return NULL;
}

void sleeper_wait(const struct sleeper *s, int64_t ns, struct slept *out)
{
	int64_t grain = s->grain_ns ? s->grain_ns : 1, mono;
	struct timespec when;

	out->settable = clock_settable(s->clock);
	out->requested = ns > 0 ? (ns + grain - 1) / grain * grain : ns;
	mono = clock_ns(CLOCK_MONOTONIC);
	out->deadline = clock_ns(s->clock) + out->requested;
	when = ns_timespec(s->absolute ? out->deadline : out->requested);
	out->error = s->wait(s, &when);
	out->after = clock_ns(s->clock);
	out->mono = clock_ns(CLOCK_MONOTONIC) - mono;
	if (s->clock == CLOCK_MONOTONIC)
		mark_woke(out->deadline, out->after);
}

void sleeps_add(struct sleeps *all, const struct slept *one)
{
	int64_t late = one->after - one->deadline;

	if (one->error) {
		if (!all->error)
			all->error = one->error;
		return;
	}
	if (late < 0 && one->settable && one->mono >= one->requested) {
		all->steps++;
		return;
	}
	if (late < 0) {
		all->early++;
		if (-late > all->earliest)
			all->earliest = -late;
	}
	all->late[all->count++] = late;
}

int64_t sleeps_bound(const struct stats *reference, int64_t allowance)
{
	int64_t bound = 10 * reference->p99;

	return (bound > 20 * NSEC_PER_MSEC ? bound : 20 * NSEC_PER_MSEC) + allowance;
}
