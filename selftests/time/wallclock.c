// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "../lib/clocks.h"
#include "wallclock.h"

struct saved {
	pid_t owner;
	atomic_bool changed;
	int64_t realtime, raw;
	struct timex timex;
};

static struct saved *saved;

/*
 * Everything is set from figures of the start, so that being interrupted halfway and called again
 * is harmless.
 */
void wallclock_restore(void)
{
	const unsigned int modes[] = { ADJ_FREQUENCY, ADJ_TICK,	    ADJ_TAI,
				       ADJ_STATUS,    ADJ_MAXERROR, ADJ_ESTERROR };
	struct timespec ts;
	int err = errno;

	if (!saved || !atomic_load(&saved->changed))
		return;
	/* First, a leap second still to come must not come. */
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		struct timex t = saved->timex;

		/* Where STA_PLL falls the kernel forgets it (process_adj_status()). */
		t.modes = ADJ_STATUS;
		for (int pll = STA_PLL; !i && pll >= 0; pll -= STA_PLL) {
			t.status = pll;
			clock_adjtime(CLOCK_REALTIME, &t);
		}
		t = saved->timex;
		t.modes = modes[i];
		/* In ADJ_TAI the offset goes in as the constant. */
		if (modes[i] == ADJ_TAI)
			t.constant = saved->timex.tai;
		if (modes[i] == ADJ_STATUS) {
			/*
			 * Setting the time makes the kernel forget that it was synchronised: so
			 * before that.
			 */
			ts = ns_timespec(saved->realtime + clock_ns(CLOCK_MONOTONIC_RAW) -
					 saved->raw);
			clock_settime(CLOCK_REALTIME, &ts);
			t.status &= ~(STA_PPSSIGNAL | STA_PPSJITTER | STA_PPSWANDER | STA_PPSERROR |
				      STA_CLOCKERR | STA_NANO | STA_MODE | STA_CLK);
		}
		clock_adjtime(CLOCK_REALTIME, &t);
	}
	atomic_store(&saved->changed, false);
	errno = err;
}

static void at_exit(void)
{
	if (getpid() == saved->owner)
		wallclock_restore();
}

static void on_signal(int sig)
{
	if (getpid() == saved->owner)
		wallclock_restore();
	signal(sig, SIG_DFL);
	raise(sig);
}

void wallclock_init(void)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE };
	struct sigaction action = { .sa_handler = on_signal }, old;

	saved = mmap(NULL, sizeof(*saved), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (saved == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	saved->owner = getpid();
	if (clock_adjtime(CLOCK_REALTIME, &saved->timex) < 0) {
		perror("clock_adjtime");
		exit(1);
	}
	saved->realtime = clock_ns(CLOCK_REALTIME);
	saved->raw = clock_ns(CLOCK_MONOTONIC_RAW);
	sigfillset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		if (!sigaction(signals[i], NULL, &old) && old.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
	atexit(at_exit);
}

void wallclock_need(void)
{
	struct timex t = { .modes = ADJ_MAXERROR, .maxerror = saved->timex.maxerror };

	if (geteuid())
		report_skip("setting the time needs root");
	if (clock_adjtime(CLOCK_REALTIME, &t) < 0)
		report_skip("this process may not set the time: %s", strerror(errno));
}

void wallclock_set(int64_t realtime_ns)
{
	struct timespec ts = ns_timespec(realtime_ns);

	atomic_store(&saved->changed, true);
	if (clock_settime(CLOCK_REALTIME, &ts))
		report_fail("clock_settime: %s", strerror(errno));
}

void wallclock_step(int64_t ns)
{
	wallclock_set(clock_ns(CLOCK_REALTIME) + ns);
}

int wallclock_adjust(unsigned int modes, int64_t value)
{
	struct timex t = { .modes = modes };
	int state;

	if (modes)
		atomic_store(&saved->changed, true);
	if (modes & ADJ_SETOFFSET) {
		t.modes |= ADJ_NANO;
		t.time.tv_sec = value / NSEC_PER_SEC;
		t.time.tv_usec = value % NSEC_PER_SEC;
		/* The fraction is never negative. */
		if (t.time.tv_usec < 0) {
			t.time.tv_sec--;
			t.time.tv_usec += NSEC_PER_SEC;
		}
	} else if (modes & ADJ_FREQUENCY) {
		t.freq = value;
	} else if (modes & ADJ_STATUS) {
		t.status = value;
	} else if (modes & ADJ_MAXERROR) {
		t.maxerror = value;
	}
	state = clock_adjtime(CLOCK_REALTIME, &t);
	return state < 0 ? -errno : state;
}

int wallclock_tai(void)
{
	struct timex t = { 0 };

	clock_adjtime(CLOCK_REALTIME, &t);
	return t.tai;
}

int wallclock_far_timer(clockid_t clock, int flags)
{
	const int64_t day = 24 * 3600 * NSEC_PER_SEC;
	struct itimerspec timer = { .it_value = ns_timespec(day) };
	int fd = timerfd_create(clock, TFD_CLOEXEC | TFD_NONBLOCK);

	ck_assert_int_ge(fd, 0);
	if (flags & TFD_TIMER_ABSTIME)
		timer.it_value = ns_timespec(clock_ns(clock) + day);
	ck_assert_int_eq(timerfd_settime(fd, flags, &timer, NULL), 0);
	return fd;
}

void wallclock_run(const struct report_case *cases, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		report_run(cases[i].name, NO_CPU);
		wallclock_restore();
	}
}
