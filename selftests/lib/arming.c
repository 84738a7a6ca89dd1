// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "arming.h"
#include "clocks.h"
#include "stats.h"

#define TIMES 25
/* Sooner than the next tick, mostly, so that the device is programmed anew. */
#define AHEAD_NS NSEC_PER_MSEC
/* Beyond it a timer is not waited for. */
#define PATIENCE_NS (50 * NSEC_PER_MSEC)

/*
 * Busy until the timer has expired: as long as it is the next to expire, one that is armed after it
 * programs nothing. It may not expire at all, so that nothing here sleeps.
 */
static void expire(int fd)
{
	uint64_t start = counter_read(), expirations;

	while (read(fd, &expirations, sizeof(expirations)) < 0 &&
	       counter_since_ns(start) < PATIENCE_NS)
		;
}

static int64_t cost_on(int fd)
{
	const struct itimerspec armed = { .it_value = ns_timespec(AHEAD_NS) };
	int64_t took[TIMES];

	for (int i = 0; i < TIMES; i++) {
		int64_t before = clock_ns(CLOCK_MONOTONIC_RAW);

		if (timerfd_settime(fd, 0, &armed, NULL))
			return -errno;
		took[i] = clock_ns(CLOCK_MONOTONIC_RAW) - before;
		expire(fd);
	}
	return stats_of(took, TIMES).p50;
}

int64_t arming_cost(const struct cpus *cpus, int *slowest)
{
	int64_t worst = -ESRCH;
	int cpu, fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

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
