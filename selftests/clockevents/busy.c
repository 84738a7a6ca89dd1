// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "../lib/clocks.h"
#include "../lib/wake.h"
#include "busy.h"

/* Longer than an interrupt takes on an emulated CPU, shorter than a host takes one away. */
#define STEP_NS (250 * NSEC_PER_USEC)

struct busy busy_start(int64_t due)
{
	uint64_t now = counter_read();

	return (struct busy){ .start = now, .last = now, .due = due };
}

void busy_again(struct busy *b, int64_t due)
{
	*b = (struct busy){ .start = b->last, .last = b->last, .due = due };
}

int64_t busy_step(struct busy *b)
{
	uint64_t now = counter_read();
	int64_t step = counter_ticks_ns(now - b->last),
		late = counter_ticks_ns(now - b->start) - b->due;

	if (step > STEP_NS) {
		b->paused += step;
		if (late > 0)
			b->paused_late += late < step ? late : step;
	}
	b->last = now;
	return counter_ticks_ns(now - b->start) - b->paused;
}

int64_t busy_late(const struct busy *b)
{
	int64_t late = counter_ticks_ns(b->last - b->start) - b->due - b->paused_late;

	return late > 0 ? late : 0;
}

static __thread volatile sig_atomic_t ticked;

static void on_tick(int sig)
{
	(void)sig;
	ticked = 1;
}

int busy_tick_open(timer_t *timer)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1 };
	struct sigaction action = { .sa_handler = on_tick, .sa_flags = SA_RESTART };

	event.sigev_notify_thread_id = gettid();
	if (sigaction(SIGUSR1, &action, NULL) ||
	    timer_create(CLOCK_THREAD_CPUTIME_ID, &event, timer))
		return -errno;
	return 0;
}

int64_t busy_tick(timer_t timer)
{
	const struct itimerspec at_once = { .it_value.tv_nsec = 1 };
	struct busy b = busy_start(0);
	int64_t ran;

	ticked = 0;
	if (timer_settime(timer, 0, &at_once, NULL))
		return WAKE_DEAD_NS;
	do
		ran = busy_step(&b);
	while (!ticked && ran < WAKE_DEAD_NS);
	return ran;
}
