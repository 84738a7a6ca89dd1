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
 * How late a wait was lies between two bounds: without and with what the host took, or the
 * interrupt itself, which takes a nested guest 2 ms. One that was not seen to be awaited after its
 * time, and may have been late, says nothing, and another one is wanted, up to so many.
 */
enum { WAITS = 25, WAITS_MAX = 99 };

/* A wait ends before the next tick, and before a busy host takes the CPU away again. */
#define LENGTH_NS NSEC_PER_MSEC

struct waiter {
	int cpu;
	const char *device;
	int64_t length;
	int64_t late[WAITS];
	int clear; /* so many of them */
	uint64_t irqs;
	double events;
	int error;
	_Atomic bool done;
};

/* One wait, begun with a tick, so that no other event of the CPU comes in between. */
static int wait_once(timer_t tick, int fd, const struct waiter *w, int64_t *late, bool *clear)
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
	/* What came in the reading itself as well. */
	late_now = counter_since_ns(b.start) - b.due;
	*clear = *late > 0 || late_now <= w->length * 2 / 5;
	return 0;
}

/*
 * A device that is fast interrupts again and again before the time of each event. On the busy CPU
 * it is known how many events there are; an idle one has ticks or has not.
 */
static void *wait_busily(void *arg)
{
	struct waiter *w = arg;
	uint64_t before = alive_irqs(w->cpu, w->device), begun = counter_read();
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	timer_t tick;
	bool clear = false;
	int waits = 0;

	w->error = fd < 0 ? -errno : busy_tick_open(&tick);
	if (!w->error) {
		for (; w->clear < WAITS && waits < WAITS_MAX && !w->error; waits++) {
			w->error = wait_once(tick, fd, w, &w->late[w->clear], &clear);
			w->clear += clear;
		}
		timer_delete(tick);
	}
	close(fd);
	/* The kernel counts in 32 bits. */
	w->irqs = (uint32_t)(alive_irqs(w->cpu, w->device) - before);
	w->events = waits + 1.0 * counter_since_ns(begun) / tick_ns();
	atomic_store(&w->done, true);
	return NULL;
}

static bool is_done(void *arg)
{
	return atomic_load(&((struct waiter *)arg)->done);
}

int pace_sample(int cpu, int observer, const char *device, struct pace *p)
{
	/* A thread that never ends keeps it, until the process of the case ends. */
	static struct waiter w;
	pthread_t thread;
	int err;

	cpu_pin(observer);
	counter_hz();
	w = (struct waiter){ .cpu = cpu,
			     .device = device,
			     .length = tick_ns() * 3 / 4 < LENGTH_NS ? tick_ns() * 3 / 4 :
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
	stats_of(w.late, w.clear);
	p->late = w.clear == WAITS ? stats_percentile(w.late, WAITS, 75) : PACE_UNCLEAR;
	p->irqs = w.irqs;
	p->events = w.events;
	return w.error;
}

/*
 * By so much an event of a fast device has more interrupts; half as long as asked for it has 2
 * to 8. Of a good one the tenth part more were seen, or many fewer while the host was busy.
 */
#define IRQS_MORE 1.35

/*
 * Fewer interrupts for each event, and the host is too busy: while the CPU is not allowed to run,
 * several become one, those of a fast device as well.
 */
#define IRQS_HIDDEN 0.7

/* What any device may be late, on top of what this one is. */
static int64_t slack(const struct pace *p)
{
	return p->length / 20 + 50 * NSEC_PER_USEC;
}

void pace_better(struct pace *best, const struct pace *p)
{
	if (p->late < best->late)
		best->late = p->late;
	best->irqs += p->irqs;
	best->events += p->events;
}

double pace_irqs(const struct pace *p)
{
	return p->irqs / p->events;
}

bool pace_clear(const struct pace *p)
{
	return p->late != PACE_UNCLEAR && pace_irqs(p) >= IRQS_HIDDEN;
}

bool pace_good(const struct pace *p)
{
	return pace_clear(p) && p->late <= slack(p) && pace_irqs(p) < 1.5;
}

const char *pace_wrong(const struct pace *before, const struct pace *now)
{
	int64_t late = before->late == PACE_UNCLEAR ? before->late : 2 * before->late + slack(now);
	double irqs = IRQS_MORE * (pace_irqs(before) > 1 ? pace_irqs(before) : 1);
	static char text[200];

	if (now->late != PACE_UNCLEAR && now->late > late)
		snprintf(text, sizeof(text),
			 "events due in %.2f ms come up to %.3f ms late (without the quarter of %d that came last), more than %.3f ms (before: %.3f ms)",
			 now->length / 1e6, now->late / 1e6, WAITS, late / 1e6, before->late / 1e6);
	else if (pace_irqs(now) > irqs)
		snprintf(text, sizeof(text),
			 "%.1f interrupts for each event that is due, more than %.1f (before: %.1f): they come before their time",
			 pace_irqs(now), irqs, pace_irqs(before));
	else
		return NULL;
	return text;
}
