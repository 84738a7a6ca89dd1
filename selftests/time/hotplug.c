// SPDX-License-Identifier: GPL-2.0-only
/*
 * One CPU's tick keeps the time for all (tick_do_timer_cpu). When that CPU goes
 * offline another one has to take over, or jiffies, the coarse clocks and the
 * time of day stand still.
 *
 * No file names that CPU; but while one is busy and all others idle it is that one.
 */
#define _GNU_SOURCE
#include <unistd.h>

#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/hotplug.h"
#include "../lib/report.h"
#include "../lib/resolution.h"
#include "../lib/restore.h"
#include "../lib/stats.h"
#include "../lib/timer_list.h"
#include "../lib/wake.h"

/*
 * Of each CPU; one where there are many, since each takes its turn as the one that keeps the time.
 */
#define CYCLES	  3
#define MANY_CPUS 4
#define WATCH_NS  (100 * NSEC_PER_MSEC)
#define SAMPLES	  50
#define TRIES	  5

/* jiffies, where /proc/timer_list has them: not without CONFIG_TICK_ONESHOT. */
static bool jiffies(int cpu, uint64_t *n)
{
	const struct tl_cpu *c;
	struct timer_list tl;
	bool has;

	if (timer_list_read(&tl))
		return false;
	c = timer_list_cpu(&tl, cpu);
	has = c && c->has_jiffies;
	if (has)
		*n = c->jiffies;
	timer_list_free(&tl);
	return has;
}

/*
 * Time is kept if the clocks of the last tick follow the fine ones. observer
 * idles half the time: busy it might take the duty over merely by being busy. False where it is
 * not kept; the last time the case fails with it.
 */
static bool time_kept(int cpu, int observer, bool idle, bool last, int64_t *worst)
{
	int64_t begun = clock_ns(CLOCK_MONOTONIC_RAW), coarse = clock_ns(CLOCK_MONOTONIC_COARSE);
	int64_t real = clock_ns(CLOCK_REALTIME_COARSE), fine = clock_ns(CLOCK_MONOTONIC),
		lag[SAMPLES], passed;
	uint64_t ticks_before = 0, ticks = 0, start = counter_read();
	bool counted = jiffies(observer, &ticks_before);
	struct stats s;
	bool still, slow, late;

	for (int i = 0; i < SAMPLES; i++) {
		int64_t coarse_now;

		if (idle)
			clock_nap(WATCH_NS / SAMPLES);
		else
			while (counter_since_ns(start) < (i + 1) * WATCH_NS / SAMPLES)
				;
		coarse_now = clock_ns(CLOCK_MONOTONIC_COARSE);
		lag[i] = clock_ns(CLOCK_MONOTONIC) - coarse_now;
	}
	passed = clock_ns(CLOCK_MONOTONIC_RAW) - begun;
	fine = clock_ns(CLOCK_MONOTONIC) - fine;
	coarse = clock_ns(CLOCK_MONOTONIC_COARSE) - coarse;
	real = clock_ns(CLOCK_REALTIME_COARSE) - real;
	counted = counted && jiffies(observer, &ticks);
	ticks -= ticks_before;
	s = stats_of(lag, SAMPLES);
	if (s.p50 > *worst)
		*worst = s.p50;
	still = coarse < passed / 2 || real < passed / 2 || fine < passed / 2;
	slow = counted && ticks < (uint64_t)(passed / tick_ns()) / 2;
	/* Two ticks are its nature; the rest is for a host that is slow to deliver them. */
	late = s.p50 > 2 * tick_ns() + 20 * NSEC_PER_MSEC;
	if (!last)
		return !still && !slow && !late;
	if (still)
		report_fail("with CPU %d offline, in %.0f ms of CLOCK_MONOTONIC_RAW, CLOCK_MONOTONIC moved by %.0f ms, its coarse clock by %.0f ms, the time of day's by %.0f ms",
			    cpu, passed / 1e6, fine / 1e6, coarse / 1e6, real / 1e6);
	if (slow)
		report_fail("with CPU %d offline, jiffies moved by %llu in %.0f ms", cpu,
			    (unsigned long long)ticks, passed / 1e6);
	if (late)
		report_fail("with CPU %d offline the coarse clock lags by %.1f ms (median)", cpu,
			    s.p50 / 1e6);
	return true;
}

/* A duty that nobody took over stays so; a host that is slow to deliver ticks is so for a while. */
static void judge_time(int cpu, int observer, bool idle, int64_t *worst)
{
	for (int i = 1; i <= TRIES && !time_kept(cpu, observer, idle, i == TRIES, worst); i++)
		;
}

static bool running(void *arg)
{
	return atomic_load(&((struct spinner *)arg)->running);
}

static void tick_cpu(int cpu)
{
	int observer = cpus_observer(cpu, report_cpus(), NULL);
	int cycles = cpus_count(report_cpus()) < MANY_CPUS ? CYCLES : 1;
	int64_t worst = 0;

	hotplug_need(cpu);
	cpu_pin(observer);
	counter_hz();
	/* Measured while all is well. */
	tick_ns();
	for (int i = 0; i < cycles; i++) {
		struct spinner s = { .cpu = cpu };

		/* Busy with all others idle: its tick alone goes on, and takes the duty. */
		ck_assert_int_eq(spinner_start(&s), 0);
		if (observe(running, &s, WAKE_DEAD_NS))
			report_fail("nothing runs on CPU %d", cpu);
		clock_nap(50 * NSEC_PER_MSEC);
		hotplug(cpu, false);
		/* It went elsewhere. */
		spinner_stop(&s);
		judge_time(cpu, observer, true, &worst);
		judge_time(cpu, observer, false, &worst);
		hotplug(cpu, true);
	}
	report_metric("cycles", cycles, "cycles");
	report_metric("samples", 2 * cycles * SAMPLES, "readings");
	report_metric("lag_p50", worst, "ns");
}

static const struct report_case cases[] = {
	{ "tick_cpu",
	  "H2: the CPU that keeps the time goes offline, and jiffies, the coarse clocks and the time of day go on (tick_cpu_dying(), tick_handover_do_timer())",
	  tick_cpu, true },
};

REPORT_MAIN("time", "hotplug", .setup = restore_init)
