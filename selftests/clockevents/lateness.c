// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/report.h"
#include "../lib/resolution.h"
#include "../lib/wake.h"
#include "deaths.h"
#include "lateness.h"
#include "tick.h"

enum { ROUNDS = 16 };

/* Whether timers expire on ticks only: as clock_getres() says, and short sleeps don't deny. */
static bool low_resolution(void)
{
	struct timespec ts;

	return !clock_getres(CLOCK_MONOTONIC, &ts) && timespec_ns(&ts) > NSEC_PER_MSEC / 2 &&
	       !hres_active();
}

/*
 * Longer than a tick at the lowest HZ, and by far: the tick stops meanwhile, and its interrupts,
 * late as well, don't end the sleep. (With 10 ms a timer 5 ms late showed 2 ms.) As long idle
 * before a poke, for comparison.
 */
#define SLEEP_NS (20 * NSEC_PER_MSEC)

struct subject {
	int poke, answer; /* eventfds: from the caller, to the caller */
	int64_t sleep;	  /* how long each is */
	int error;	  /* errno of a sleep that failed */
	int64_t woke;	  /* when the last poke woke it */
	int64_t late[ROUNDS], poked[ROUNDS];
	pthread_t thread;
};

static void *sleep_and_wait(void *arg)
{
	struct subject *s = arg;
	eventfd_t value;

	for (int i = 0; i < ROUNDS; i++) {
		int64_t deadline = clock_ns(CLOCK_MONOTONIC) + s->sleep;
		struct timespec until = ns_timespec(deadline);

		s->error = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
		s->late[i] = clock_ns(CLOCK_MONOTONIC) - deadline;
		if (eventfd_write(s->answer, 1) || s->error || eventfd_read(s->poke, &value))
			return NULL;
		s->woke = clock_ns(CLOCK_MONOTONIC);
		eventfd_write(s->answer, 1);
	}
	return NULL;
}

static bool has_answered(void *arg)
{
	const struct subject *s = arg;
	struct pollfd fd = { .fd = s->answer, .events = POLLIN };

	return poll(&fd, 1, 0) == 1;
}

/*
 * The caller waits off its CPU: on a busy host, a virtual CPU that spins is what keeps the other
 * from running where both were put on one core, and the pokes would be late for that alone. What
 * doesn't come so is awaited once more in observed time, which a host's pause is not (wake.h).
 */
static bool answered(struct subject *s)
{
	struct pollfd fd = { .fd = s->answer, .events = POLLIN };
	eventfd_t value;

	if (poll(&fd, 1, WAKE_DEAD_NS / NSEC_PER_MSEC) != 1 &&
	    observe(has_answered, s, WAKE_DEAD_NS))
		return false;
	return !eventfd_read(s->answer, &value);
}

/*
 * The k-th of n. Its sleeps end at moments of their own, so that CPUs that share a core don't wake
 * at once.
 */
static int start(struct subject *s, int cpu, size_t k, size_t n)
{
	s->sleep = SLEEP_NS * (n + k) / n;
	s->poke = eventfd(0, EFD_CLOEXEC);
	/* The answers are counted: a caller that is delayed finds two. */
	s->answer = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
	if (s->poke < 0 || s->answer < 0)
		return -errno;
	return cpu_thread(&s->thread, cpu, sleep_and_wait, s);
}

static bool never(void *arg)
{
	(void)arg;
	return false;
}

/* One sleep and one poke of each; *which: the one that an error is about. */
static int one_round(struct subject *all, size_t n, int round, size_t *which)
{
	size_t *k = which;

	for (*k = 0; *k < n; ++*k) {
		if (!answered(&all[*k]))
			return -ETIMEDOUT;
		if (all[*k].error)
			return -all[*k].error;
	}
	observe(never, NULL, SLEEP_NS);
	for (*k = 0; *k < n; ++*k) {
		int64_t before = clock_ns(CLOCK_MONOTONIC);

		if (eventfd_write(all[*k].poke, 1))
			return -errno;
		if (!answered(&all[*k]))
			return -EHOSTDOWN;
		all[*k].poked[round] = all[*k].woke - before;
	}
	return 0;
}

int lateness_sample(struct lateness *all, size_t n, int observer)
{
	/* Threads that never wake keep it, until the process of the case ends. */
	struct subject *sleepers = calloc(n, sizeof(*sleepers));
	size_t which = 0;
	int err = 0;

	if (!sleepers)
		return -ENOMEM;
	for (size_t k = 0; k < n; k++)
		if (all[k].cpu == observer)
			return -EINVAL;
	cpu_pin(observer);
	for (size_t k = 0; k < n && !err; k++)
		err = start(&sleepers[k], all[k].cpu, k, n);
	for (int i = 0; i < ROUNDS && !err; i++)
		err = one_round(sleepers, n, i, &which);
	if (err) {
		all[which].error = err;
		return err;
	}
	for (size_t k = 0; k < n; k++) {
		struct subject *s = &sleepers[k];

		pthread_join(s->thread, NULL);
		close(s->poke);
		close(s->answer);
		all[k].late = stats_of(s->late, ROUNDS);
		all[k].poke = stats_of(s->poked, ROUNDS);
		all[k].whole = true;
	}
	free(sleepers);
	return 0;
}

void lateness_again(const struct alive_cpu *c, int observer, enum alive_depth depth,
		    const struct alive *baseline)
{
	struct alive *a = c->a;

	for (unsigned int again = 0; a->whole && !a->early && alive_late(a, NULL) >= 0; again++) {
		struct lateness l = { .cpu = c->cpu };
		bool known = !lateness_sample(&l, 1, observer);

		a->again = again;
		a->poke = known ? l.poke.p50 : 0;
		/* One that never woke is found dead by the next sampling. */
		if (again == 2 || (l.error != -ETIMEDOUT && alive_late(a, baseline) < 0))
			return;
		alive_sample(c->cpu, observer, depth, c->old_device, c->new_device, a);
	}
}

int64_t lateness_bound(const struct lateness *l)
{
	return NSEC_PER_MSEC + 2 * l->poke.p25 + (low_resolution() ? tick_ns() : 0);
}

void lateness_judge(struct lateness l, int cpu, int observer, const char *device)
{
	l.cpu = cpu;
	if (cpu == observer) {
		report_note("how late CPU %d's sleeps are isn't judged: there is no second CPU whose wake-ups without timer tell how late this one wakes anyway",
			    cpu);
		return;
	}
	for (int sampling = 0; sampling < 3; sampling++) {
		int err = l.error;

		/* The first one may be there already, of all CPUs side by side. */
		if (!err && (sampling || !l.whole))
			err = lateness_sample(&l, 1, observer);
		if (err == -ETIMEDOUT) {
			report_note("DEAD cpu=%d device=%s: a sleep of %lld ms hadn't ended %lld s later",
				    cpu, device, SLEEP_NS / NSEC_PER_MSEC,
				    2 * WAKE_DEAD_NS / NSEC_PER_SEC);
			deaths_add(cpu);
			report_fail("DEAD: CPU %d's timers stopped on %s: a sleep of %lld ms hadn't ended %lld s later",
				    cpu, device, SLEEP_NS / NSEC_PER_MSEC,
				    2 * WAKE_DEAD_NS / NSEC_PER_SEC);
		}
		if (err == -EHOSTDOWN)
			report_fail("CPU %d, %s: a thread that CPU %d woke by a write, without timer, hadn't run %lld s later",
				    cpu, device, observer, 2 * WAKE_DEAD_NS / NSEC_PER_SEC);
		if (err)
			report_fail("measuring how late CPU %d's sleeps are: %s", cpu,
				    strerror(-err));
		report_metric("idle_late_p25", l.late.p25, "ns");
		report_metric("poke_p25", l.poke.p25, "ns");
		if (l.late.p25 <= lateness_bound(&l))
			return;
	}
	report_fail("CPU %d, %s: three quarters of the sleeps are at least %.3f ms late, more than %.3f ms (1 ms and twice the %.3f ms of wake-ups without timer), 3 times out of 3",
		    cpu, device, l.late.p25 / 1e6, lateness_bound(&l) / 1e6, l.poke.p25 / 1e6);
}

void lateness_judge_idle(int64_t irqs, int64_t late, const char *device)
{
	/* As many as 50 in a second. */
	int64_t limit = (TICK_IDLE_NS + late) / tick_ns() + 50 * TICK_IDLE_NS / NSEC_PER_SEC;

	if (irqs > limit)
		report_fail("%lld interrupts of %s in %lld ms of idleness, more than the %lld of a tick that never stops",
			    (long long)irqs, device, TICK_IDLE_NS / NSEC_PER_MSEC,
			    (long long)limit);
}
