// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "arming.h"
#include "clocks.h"
#include "stats.h"

#define TIMES 41
/* Sooner than the next tick, mostly, so that the device is programmed anew. */
#define AHEAD_NS NSEC_PER_MSEC

static int64_t cost_on(int fd)
{
	const struct itimerspec armed = { .it_value = ns_timespec(AHEAD_NS) }, disarmed = { 0 };
	int64_t took[TIMES];

	for (int i = 0; i < TIMES; i++) {
		int64_t before = clock_ns(CLOCK_MONOTONIC_RAW);

		if (timerfd_settime(fd, 0, &armed, NULL))
			return -errno;
		took[i] = clock_ns(CLOCK_MONOTONIC_RAW) - before;
		timerfd_settime(fd, 0, &disarmed, NULL);
	}
	return stats_of(took, TIMES).p50;
}

int64_t arming_cost(const struct cpus *cpus, int *slowest)
{
	int64_t worst = -ESRCH;
	int cpu, fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	cpus_for_each(cpu, cpus) {
		int64_t cost = cpu_pin(cpu) ? -ESRCH : cost_on(fd);

		if (cost <= worst)
			continue;
		worst = cost;
		*slowest = cpu;
	}
	close(fd);
	return worst;
}
