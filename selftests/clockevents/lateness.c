// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/report.h"
#include "../lib/wake.h"
#include "deaths.h"
#include "lateness.h"

enum { ROUNDS = 16 };

/*
 * Longer than a jiffy at the lowest HZ: the tick stops meanwhile, and its interrupts don't end the sleep.
 * As long idle before a poke, for comparison.
 */
#define SLEEP_NS (20 * NSEC_PER_MSEC)

struct sleeper {
	int poke, answer;		/* eventfds: from the caller, to the caller */
	int error;			/* errno of a sleep that failed */
	int64_t woke;			/* when the last poke woke it */
	int64_t late[ROUNDS];
};

static void *sleep_and_wait(void *arg)
{
	struct sleeper *s = arg;
	eventfd_t value;

	for (int i = 0; i < ROUNDS; i++) {
		int64_t deadline = clock_ns(CLOCK_MONOTONIC) + SLEEP_NS;
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

static bool never(void *arg)
{
	(void)arg;
	return false;
}

static bool has_answer(void *arg)
{
	const struct sleeper *s = arg;
	struct pollfd fd = { .fd = s->answer, .events = POLLIN };

	return poll(&fd, 1, 0) == 1;
}

/*
 * The caller waits off its CPU: on a busy host, a virtual CPU that spins is what keeps the other from
 * running where both were put on one core, and the pokes would be late for that alone.
 */
static bool answered(struct sleeper *s)
{
	struct pollfd fd = { .fd = s->answer, .events = POLLIN };
	eventfd_t value;

	/* What doesn't come so is awaited once more in observed time, which a host's pause is not (wake.h). */
	if (poll(&fd, 1, WAKE_DEAD_NS / NSEC_PER_MSEC) != 1 && observe(has_answer, s, WAKE_DEAD_NS))
		return false;
	return !eventfd_read(s->answer, &value);
}

int lateness_sample(int cpu, int observer, struct lateness *l)
{
	/* A thread that never wakes keeps it, until the process of the case ends. */
	static struct sleeper s;
	int64_t poke[ROUNDS];
	pthread_t thread;
	int err;

	if (cpu == observer)
		return -EINVAL;
	cpu_pin(observer);
	s.poke = eventfd(0, EFD_CLOEXEC);
	/* The answers are counted: a caller that is delayed finds two. */
	s.answer = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
	if (s.poke < 0 || s.answer < 0)
		return -errno;
	err = cpu_thread(&thread, cpu, sleep_and_wait, &s);
	if (err)
		return err;
	for (int i = 0; i < ROUNDS; i++) {
		int64_t before;

		if (!answered(&s))
			return -ETIMEDOUT;
		if (s.error)
			return -s.error;
		observe(never, NULL, SLEEP_NS);
		before = clock_ns(CLOCK_MONOTONIC);
		if (eventfd_write(s.poke, 1))
			return -errno;
		if (!answered(&s))
			return -EHOSTDOWN;
		poke[i] = s.woke - before;
	}
	pthread_join(thread, NULL);
	close(s.poke);
	close(s.answer);
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

	for (int sampling = 0; sampling < 3; sampling++) {
		int err = lateness_sample(cpu, observer, &l);

		if (err == -EINVAL) {
			report_note("how late CPU %d's sleeps are isn't judged: there is no second CPU whose wake-ups without timer tell how late this one wakes anyway",
				    cpu);
			return;
		}
		if (err == -ETIMEDOUT) {
			report_note("DEAD cpu=%d device=%s: a sleep of %lld ms hadn't ended %lld s later", cpu, device,
				    SLEEP_NS / NSEC_PER_MSEC, 2 * WAKE_DEAD_NS / NSEC_PER_SEC);
			deaths_add(cpu);
			report_fail("DEAD: CPU %d's timers stopped on %s: a sleep of %lld ms hadn't ended %lld s later", cpu,
				    device, SLEEP_NS / NSEC_PER_MSEC, 2 * WAKE_DEAD_NS / NSEC_PER_SEC);
		}
		if (err == -EHOSTDOWN)
			report_fail("CPU %d, %s: a thread that CPU %d woke by a write, without timer, hadn't run %lld s later", cpu,
				    device, observer, 2 * WAKE_DEAD_NS / NSEC_PER_SEC);
		if (err)
			report_fail("measuring how late CPU %d's sleeps are: %s", cpu, strerror(-err));
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
	struct timespec tick;
	int64_t limit;

	ck_assert_int_eq(clock_getres(CLOCK_MONOTONIC_COARSE, &tick), 0);
	limit = (NSEC_PER_SEC + late) / timespec_ns(&tick) + 50;
	if (irqs > limit)
		report_fail("%lld interrupts of %s in an idle second, more than the %lld of a tick that never stops",
			    (long long)irqs, device, (long long)limit);
}
