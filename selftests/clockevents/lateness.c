// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/report.h"
#include "../lib/wake.h"
#include "lateness.h"

enum { ROUNDS = 24 };

/* Longer than a jiffy at the lowest HZ: the tick stops meanwhile, and its interrupts don't end the sleep. */
#define SLEEP_NS (20 * NSEC_PER_MSEC)

struct sleeper {
	int cpu, fd;
	_Atomic int waits;		/* for the poke of this round */
	_Atomic int64_t woke;		/* when the last poke woke it; 0: not yet */
	int64_t late[ROUNDS];
};

static void *sleep_and_wait(void *arg)
{
	struct sleeper *s = arg;
	uint64_t value;

	if (cpu_pin(s->cpu))
		return NULL;
	for (int i = 0; i < ROUNDS; i++) {
		int64_t deadline = clock_ns(CLOCK_MONOTONIC) + SLEEP_NS;
		struct timespec until = ns_timespec(deadline);

		if (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL))
			return NULL;
		s->late[i] = clock_ns(CLOCK_MONOTONIC) - deadline;
		atomic_store(&s->waits, i);
		if (read(s->fd, &value, sizeof(value)) != sizeof(value))
			return NULL;
		atomic_store(&s->woke, clock_ns(CLOCK_MONOTONIC));
	}
	return NULL;
}

static int awaited;

static bool waiting(void *arg)
{
	return atomic_load(&((struct sleeper *)arg)->waits) == awaited;
}

static bool woken(void *arg)
{
	return atomic_load(&((struct sleeper *)arg)->woke);
}

static bool never(void *arg)
{
	(void)arg;
	return false;
}

int lateness_sample(int cpu, int observer, struct lateness *l)
{
	/* A thread that never wakes keeps it, until the process of the case ends. */
	static struct sleeper s;
	int64_t poke[ROUNDS];
	pthread_t thread;

	if (cpu == observer)
		return -EINVAL;
	cpu_pin(observer);
	s.cpu = cpu;
	atomic_store(&s.waits, -1);
	s.fd = eventfd(0, EFD_CLOEXEC);
	if (s.fd < 0)
		return -errno;
	if (pthread_create(&thread, NULL, sleep_and_wait, &s))
		return -EAGAIN;
	for (awaited = 0; awaited < ROUNDS; awaited++) {
		int64_t before;

		if (observe(waiting, &s, WAKE_DEAD_NS))
			return -ETIMEDOUT;
		/* Until its CPU is idle. */
		observe(never, NULL, NSEC_PER_MSEC);
		atomic_store(&s.woke, 0);
		before = clock_ns(CLOCK_MONOTONIC);
		if (eventfd_write(s.fd, 1) || observe(woken, &s, WAKE_DEAD_NS))
			return -ETIMEDOUT;
		poke[awaited] = atomic_load(&s.woke) - before;
	}
	pthread_join(thread, NULL);
	close(s.fd);
	l->late = stats_of(s.late, ROUNDS);
	l->poke = stats_of(poke, ROUNDS);
	return 0;
}

int64_t lateness_bound(const struct lateness *l)
{
	return NSEC_PER_MSEC + 2 * l->poke.p25;
}

void lateness_judge(int cpu, int observer, const char *device)
{
	struct lateness l;

	for (int sampling = 0; sampling < 2; sampling++) {
		if (lateness_sample(cpu, observer, &l))
			return;
		report_metric("idle_late_p25", l.late.p25, "ns");
		report_metric("poke_p25", l.poke.p25, "ns");
		if (l.late.p25 <= lateness_bound(&l))
			return;
	}
	report_fail("%s: three quarters of the sleeps are at least %.3f ms late, more than %.3f ms (1 ms and twice the %.3f ms of wake-ups without timer)",
		    device, l.late.p25 / 1e6, lateness_bound(&l) / 1e6, l.poke.p25 / 1e6);
}

void lateness_judge_idle(int64_t irqs, int64_t late, const char *device)
{
	struct timespec tick;
	int64_t limit;

	ck_assert_int_eq(clock_getres(CLOCK_MONOTONIC_COARSE, &tick), 0);
	limit = (NSEC_PER_SEC + late) / timespec_ns(&tick) + 50;
	if (irqs > limit)
		report_fail("%lld interrupts of %s in an idle second, more than the %lld of a tick that never stops",
			    (long long)irqs, device, (long long)limit);
}
