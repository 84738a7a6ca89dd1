// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/resolution.h"
#include "../lib/stats.h"
#include "../lib/wake.h"
#include "alive.h"
#include "busy.h"
#include "pace.h"

/*
 * A wait that was paused says little: how late it was is not seen, if the pause was then. So others
 * are wanted, up to so many; but a CPU may be so slow that each interrupt looks like a pause.
 */
enum { WAITS = 9, PAUSED_MAX = 90, ALL_PAUSED = 30, SLEEPS = 3 };

/* A wait ends before the next tick, and before a busy host takes the CPU away again. */
#define LENGTH_NS NSEC_PER_MSEC

#define SLEEP_NS (40 * NSEC_PER_MSEC)

struct waiter {
	int64_t length;
	int64_t late[WAITS];
	int error;
	_Atomic bool done;
};

/* One wait, begun with a tick, so that no other event of the CPU comes in between. */
static int wait_once(timer_t tick, int fd, const struct waiter *w, int64_t *late, bool *paused)
{
	const struct itimerspec when = { .it_value = ns_timespec(w->length) };
	uint64_t expirations;
	struct busy b;
	int64_t ran, late_now = 0;

	if (busy_tick(tick) >= WAKE_DEAD_NS)
		return -ETIMEDOUT;
	/* Before it, so that a pause in it isn't missed. */
	b = busy_start(w->length);
	if (timerfd_settime(fd, 0, &when, NULL))
		return -errno;
	/*
	 * As late as it certainly was: still awaited at the step before the last, in which the
	 * interrupt is, and what that costs.
	 */
	do {
		*late = late_now;
		ran = busy_step(&b);
		late_now = busy_late(&b);
		if (ran > WAKE_DEAD_NS)
			return -ETIMEDOUT;
	} while (read(fd, &expirations, sizeof(expirations)) < 0);
	*paused = b.paused > 0;
	return 0;
}

static void *wait_busily(void *arg)
{
	struct waiter *w = arg;
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	int n = 0, clean = 0, nr_paused = 0;
	timer_t tick;
	bool paused = false;

	w->error = fd < 0 ? -errno : busy_tick_open(&tick);
	if (!w->error) {
		while (n < WAITS && !w->error) {
			w->error = wait_once(tick, fd, w, &w->late[n], &paused);
			clean += !paused;
			if (!paused || ++nr_paused > (clean ? PAUSED_MAX : ALL_PAUSED))
				n++;
		}
		timer_delete(tick);
	}
	close(fd);
	atomic_store(&w->done, true);
	return NULL;
}

static bool is_done(void *arg)
{
	return atomic_load(&((struct waiter *)arg)->done);
}

/*
 * Of a sleep, so long that the tick stops: a device that is fast needs many to get to its end. The
 * median, since others have timers there as well.
 */
static int count_interrupts(int cpu, const char *device, uint64_t *irqs)
{
	int64_t counts[SLEEPS];

	for (int i = 0; i < SLEEPS; i++) {
		struct wake w = {
			.cpu = cpu, .kind = WAKE_ABS, .count = 1, .interval_ns = SLEEP_NS
		};
		struct wake *all[] = { &w };
		struct wake_death death;
		uint64_t before = alive_irqs(cpu, device);
		int err = wake_start(&w);

		if (err)
			return err;
		if (alive_watch(all, 1, &death))
			return -ETIMEDOUT;
		wake_join(&w);
		/* The kernel counts in 32 bits. */
		counts[i] = (uint32_t)(alive_irqs(cpu, device) - before);
	}
	*irqs = stats_of(counts, SLEEPS).p50;
	return 0;
}

int pace_sample(int cpu, int observer, const char *device, struct pace *p)
{
	/* A thread that never ends keeps it, until the process of the case ends. */
	static struct waiter w;
	pthread_t thread;
	int err;

	cpu_pin(observer);
	counter_hz();
	w = (struct waiter){ .length = tick_ns() * 3 / 4 < LENGTH_NS ? tick_ns() * 3 / 4 :
								       LENGTH_NS };
	p->length = w.length;
	err = cpu_thread(&thread, cpu, wait_busily, &w);
	if (err)
		return err;
	/* On one CPU alone nobody watches; the waiter gives up by itself as long as it runs. */
	if (observer != cpu && observe(is_done, &w, 10 * WAKE_DEAD_NS))
		return -ETIMEDOUT;
	pthread_join(thread, NULL);
	/*
	 * Of a slow device some come soon, since another event on the CPU lets the kernel look at
	 * the clock again; of a good one some come late, when the hypervisor's own thread waits for
	 * a CPU.
	 */
	stats_of(w.late, WAITS);
	p->late = stats_percentile(w.late, WAITS, 75);
	return w.error ? w.error : count_interrupts(cpu, device, &p->irqs);
}

/* What any device may be late, on top of what this one is. */
static int64_t slack(const struct pace *p)
{
	return p->length / 20 + 50 * NSEC_PER_USEC;
}

void pace_better(struct pace *best, const struct pace *p)
{
	if (p->late < best->late)
		best->late = p->late;
	if (p->irqs < best->irqs)
		best->irqs = p->irqs;
}

bool pace_good(const struct pace *p)
{
	return p->late <= slack(p) && p->irqs <= 2;
}

const char *pace_wrong(const struct pace *before, const struct pace *now)
{
	int64_t late = 2 * before->late + slack(now);
	uint64_t irqs = 2 * before->irqs + 2;
	static char text[200];

	if (now->late > late)
		snprintf(text, sizeof(text),
			 "events due in %.2f ms come up to %.3f ms late (without the quarter of %d that came last), more than %.3f ms (before: %.3f ms)",
			 now->length / 1e6, now->late / 1e6, WAITS, late / 1e6, before->late / 1e6);
	else if (now->irqs > irqs)
		snprintf(text, sizeof(text),
			 "%llu interrupts in a sleep of %lld ms (median of %d), more than %llu (before: %llu): they come before their time",
			 (unsigned long long)now->irqs, SLEEP_NS / NSEC_PER_MSEC, SLEEPS,
			 (unsigned long long)irqs, (unsigned long long)before->irqs);
	else
		return NULL;
	return text;
}
