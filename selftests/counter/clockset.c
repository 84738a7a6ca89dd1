// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "../lib/clocks.h"
#include "../lib/report.h"
#include "clockset.h"

void clockset_need(clockid_t clock)
{
	int64_t now = clock_ns(clock);

	if (now < 0)
		report_skip("%s: this kernel hasn't got it (%s)", clockset_name(clock),
			    strerror(-now));
}

/* A timer far away that only setting the clock can end (fs/timerfd.c, timerfd_clock_was_set). */
int clockset_watch(clockid_t clock)
{
	struct itimerspec never = { .it_value.tv_sec = 1ll << 33 };
	int fd;

	if (!clock_settable(clock))
		return -1;
	fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (fd < 0 ||
	    timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL))
		report_fail("timerfd with TFD_TIMER_CANCEL_ON_SET: %s", strerror(errno));
	return fd;
}

bool clockset_happened(int fd)
{
	uint64_t expirations;
	bool set;

	if (fd < 0)
		return false;
	set = read(fd, &expirations, sizeof(expirations)) < 0 && errno == ECANCELED;
	close(fd);
	return set;
}

const char *clockset_name(clockid_t clock)
{
	switch (clock) {
	case CLOCK_REALTIME:
		return "CLOCK_REALTIME";
	case CLOCK_MONOTONIC:
		return "CLOCK_MONOTONIC";
	case CLOCK_MONOTONIC_RAW:
		return "CLOCK_MONOTONIC_RAW";
	case CLOCK_REALTIME_COARSE:
		return "CLOCK_REALTIME_COARSE";
	case CLOCK_MONOTONIC_COARSE:
		return "CLOCK_MONOTONIC_COARSE";
	case CLOCK_BOOTTIME:
		return "CLOCK_BOOTTIME";
	case CLOCK_TAI:
		return "CLOCK_TAI";
	}
	return "a clock";
}
