// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>

#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/report.h"
#include "../lib/wake.h"
#include "alive.h"
#include "tick.h"

int tick_idle(struct idleness *all, size_t n, int observer)
{
	struct wake *w = calloc(n, sizeof(*w)), **wakes = calloc(n, sizeof(*wakes));
	struct wake_death death;

	ck_assert(w && wakes);
	cpu_pin(observer);
	for (size_t i = 0; i < n; i++) {
		all[i].irqs = alive_irqs(all[i].cpu, all[i].device);
		w[i] = (struct wake){
			.cpu = all[i].cpu, .kind = WAKE_ABS, .count = 1, .interval_ns = TICK_IDLE_NS
		};
		wakes[i] = &w[i];
		ck_assert_int_eq(wake_start(wakes[i]), 0);
	}
	/* With one CPU a busy observer would keep it from idling; the host watches then. */
	if (observer != all[0].cpu && alive_watch(wakes, n, &death)) {
		for (size_t i = 0; i < n; i++)
			all[i].dead = all[i].cpu == death.wake->cpu;
		return death.wake->cpu;
	}
	for (size_t i = 0; i < n; i++) {
		all[i].late = wake_join(&w[i]).max;
		/* The kernel counts in 32 bits. */
		all[i].irqs = (uint32_t)(alive_irqs(all[i].cpu, all[i].device) - all[i].irqs);
		all[i].whole = true;
	}
	free(w);
	free(wakes);
	return -1;
}

static bool both_switched(void *arg)
{
	struct spinner *s = arg;

	return s[0].switches >= 3 && s[1].switches >= 3;
}

void tick_judge_preemption(int cpu, int observer)
{
	struct spinner s[2] = { { .cpu = cpu }, { .cpu = cpu } };

	cpu_pin(observer);
	ck_assert_int_eq(spinner_start(&s[0]), 0);
	ck_assert_int_eq(spinner_start(&s[1]), 0);
	/* Neither ever yields: only the tick can take the CPU from one and give it to the other. */
	if (observe(both_switched, s, 5 * NSEC_PER_SEC))
		report_fail("two busy threads on CPU %d were preempted %ld and %ld times in 5 s: no tick under load",
			    cpu, (long)s[0].switches, (long)s[1].switches);
	spinner_stop(&s[0]);
	spinner_stop(&s[1]);
}

static volatile sig_atomic_t profiled;

static void on_prof(int sig)
{
	(void)sig;
	profiled++;
}

/* Each of them takes that much CPU time: they are few. */
enum { SIGNALS = 3 };

static bool profiled_enough(void *arg)
{
	(void)arg;
	return profiled >= SIGNALS;
}

void tick_judge_accounting(int cpu)
{
	const int64_t interval = 20 * NSEC_PER_MSEC, jiffy = 10 * NSEC_PER_MSEC;
	struct itimerval it = { { 0, interval / 1000 }, { 0, interval / 1000 } };
	int64_t used;

	/*
	 * The tick of the CPU that burns the time checks it (run_posix_cpu_timers): burn it there.
	 */
	cpu_pin(cpu);
	signal(SIGPROF, on_prof);
	ck_assert_int_eq(setitimer(ITIMER_PROF, &it, NULL), 0);
	if (observe(profiled_enough, NULL, 10 * NSEC_PER_SEC))
		report_fail("ITIMER_PROF of 20 ms fired %d times in 10 s of busy time on CPU %d",
			    (int)profiled, cpu);
	used = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	report_metric("cpu_time", used, "ns");
	/* Charged tick by tick: it may be two jiffies off, never more. */
	if (used < SIGNALS * interval - 2 * jiffy)
		report_fail("%d signals of a 20 ms ITIMER_PROF after only %.1f ms of CPU time",
			    SIGNALS, used / 1e6);
}
