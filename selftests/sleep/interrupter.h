/* SPDX-License-Identifier: GPL-2.0-only */
/* A signal to the calling thread every now and then. */
#ifndef TICKPROOF_INTERRUPTER_H
#define TICKPROOF_INTERRUPTER_H

#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../lib/clocks.h"

struct interrupter {
	timer_t timer;
};

static void interrupter_handler(int sig)
{
	(void)sig;
}

/*
 * SIGUSR1, handled and with SA_RESTART, every interval: again and again, since one signal may come
 * before the call it is meant for. 0, or -1 with errno.
 */
static inline int interrupter_start(struct interrupter *in, int64_t interval)
{
	struct sigaction action = { .sa_handler = interrupter_handler, .sa_flags = SA_RESTART };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1 };
	struct itimerspec when = { ns_timespec(interval), ns_timespec(interval) };

	event.sigev_notify_thread_id = gettid();
	sigaction(SIGUSR1, &action, NULL);
	if (timer_create(CLOCK_MONOTONIC, &event, &in->timer))
		return -1;
	return timer_settime(in->timer, 0, &when, NULL);
}

static inline void interrupter_stop(struct interrupter *in)
{
	timer_delete(in->timer);
}

#endif
