// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rates: the raw counter, the clocks and jiffies against each other. All is
 * sampled in one window, side by side, by the first case that needs it; the
 * others judge the same samples. Each is a sandwich whose width says how well
 * it is known (freq-step.c), and no bound is tighter than that.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/timex.h>

#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/offset.h"
#include "../lib/rate.h"
#include "../lib/files.h"
#include "../lib/report.h"
#include "../lib/resolution.h"
#include "../lib/timer_list.h"
#include "sampling.h"

#define WINDOW_NS  (2500 * NSEC_PER_MSEC)
#define STEP_NS	   (50 * NSEC_PER_MSEC)
#define MAX_POINTS 51

/* The oscillators themselves: by this a rate may differ from one second to the next. */
#define GROSS_PPM 100.0

/* What NTP's arithmetic may leave: raw_skew.c allows as much. */
#define ARITHMETIC_PPM 1.0

struct jiffies_point {
	int64_t now, after; /* they were read between the two, CLOCK_MONOTONIC */
	uint64_t jiffies;
};

struct window {
	bool taken;
	struct timex before, after;
	int64_t suspends_before, suspends_after;
	struct sandwich monotonic[MAX_POINTS]; /* in RAW */
	struct offset boottime, tai;	       /* to MONOTONIC, to REALTIME */
	size_t nr, nr_jiffies;
	int jiffies_error;
	bool periodic; /* so is a CPU's tick */
	struct jiffies_point jiffies[MAX_POINTS];
	int nr_cpus;
	struct cpu_points {
		int cpu;
		uint64_t cntfrq;
		size_t nr;
		struct sandwich raw[MAX_POINTS]; /* in the raw counter */
	} cpus[];				 /* as many as report_cpus() */
};

static struct window *w;

static void setup(void)
{
	size_t size = sizeof(*w) + cpus_count(report_cpus()) * sizeof(*w->cpus);

	w = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (w == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
}

static void step(void)
{
	struct timespec pause = ns_timespec(STEP_NS);

	clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
}

static void sample_counter(struct sampling *box)
{
	struct cpu_points *c = box->data;

	c->cpu = box->cpu;
#if defined(__aarch64__)
	__asm__ volatile("mrs %0, cntfrq_el0" : "=r"(c->cntfrq));
#endif
	while (c->nr < MAX_POINTS && !sampling_over(box)) {
		c->nr += sandwich_counter(CLOCK_MONOTONIC_RAW, SANDWICH_TRIES, &c->raw[c->nr]);
		step();
	}
}

static int64_t suspends(void)
{
	char line[32];

	return file_read_line("/sys/power/suspend_stats/success", line, sizeof(line)) < 0 ?
		       0 :
		       atoll(line);
}

static void sample_jiffies(void)
{
	struct jiffies_point *j = &w->jiffies[w->nr_jiffies];
	struct timer_list tl;

	if (w->jiffies_error)
		return;
	w->jiffies_error = timer_list_read(&tl);
	j->after = clock_ns(CLOCK_MONOTONIC);
	if (w->jiffies_error)
		return;
	for (size_t i = 0; i < tl.nr_devices; i++)
		w->periodic |= tl.devices[i].cpu >= 0 && tl.devices[i].tick_mode == 0;
	if (!tl.cpus[0].has_jiffies) {
		w->jiffies_error = -ENODATA;
	} else {
		j->now = tl.now_ns;
		j->jiffies = tl.cpus[0].jiffies;
		w->nr_jiffies++;
	}
	timer_list_free(&tl);
}

static void *sample_clocks(void *arg)
{
	uint64_t begun = counter_read();
	struct sandwich s;

	(void)arg;
	w->suspends_before = suspends();
	adjtimex(&w->before);
	while (w->nr < MAX_POINTS && counter_since_ns(begun) < WINDOW_NS) {
		w->nr += sandwich_clocks(CLOCK_MONOTONIC_RAW, CLOCK_MONOTONIC, SANDWICH_TRIES,
					 &w->monotonic[w->nr]);
		for (int i = 0; i < 10; i++) {
			if (sandwich_clocks(CLOCK_MONOTONIC, CLOCK_BOOTTIME, SANDWICH_TRIES, &s))
				offset_meet(&w->boottime, &s);
			if (sandwich_clocks(CLOCK_REALTIME, CLOCK_TAI, SANDWICH_TRIES, &s))
				offset_meet(&w->tai, &s);
		}
		sample_jiffies();
		step();
	}
	adjtimex(&w->after);
	w->suspends_after = suspends();
	return NULL;
}

/* Samples all, once for all cases. */
static void need_window(void)
{
	struct cpu_points *points;
	pthread_t thread;

	if (w->taken)
		return;
	counter_hz();
	ck_assert_int_eq(pthread_create(&thread, NULL, sample_clocks, NULL), 0);
	points = sampling_run(sample_counter, sizeof(*points), WINDOW_NS, &w->nr_cpus);
	pthread_join(thread, NULL);
	memcpy(w->cpus, points, w->nr_cpus * sizeof(*points));
	free(points);
	w->taken = true;
}

static double widest(const struct sandwich *s, size_t n)
{
	double width = 0;

	for (size_t i = 0; i < n; i++)
		width = fmax(width, sandwich_width(&s[i]));
	return width;
}

/*
 * Fits value against the middles, these scaled to ns. *ppm is how far value's
 * rate can be from what the fit says: readings off by half their width at the
 * worst move a least-squares slope by three times that over the span.
 */
static bool fit(const struct sandwich *s, size_t n, double ns_per_unit, struct rate *rate,
		double *ppm)
{
	double x[MAX_POINTS] = { 0 }, y[MAX_POINTS] = { 0 };

	for (size_t i = 0; i < n; i++) {
		/* From the first one on, lest doubles lose the nanoseconds. */
		x[i] = s[i].before - s[0].before + sandwich_width(&s[i]) / 2.0;
		x[i] *= ns_per_unit;
		y[i] = s[i].value - s[0].value;
	}
	if (!rate_fit(x, y, n, rate))
		return false;
	*ppm = 3e6 * widest(s, n) / 2 * ns_per_unit / rate->span;
	return true;
}

static void counter_rate(int unused)
{
	double lowest = 0, highest = 0, worst_ppm = 0, stdev = 0, unit;
	size_t samples = 0;
	struct rate rate;

	(void)unused;
	need_window();
	unit = 1e9 / counter_hz();
	for (int i = 0; i < w->nr_cpus; i++) {
		const struct cpu_points *c = &w->cpus[i];
		double ppm, limit;

		if (!fit(c->raw, c->nr, unit, &rate, &ppm))
			report_skip("CPU %d hardly ran: it came to %zu readings only", c->cpu,
				    c->nr);
		samples += c->nr;
		limit = (ppm + GROSS_PPM) / 1e6 * rate.span;
		if (rate.worst > limit)
			report_fail("CPU %d: the raw counter's rate isn't steady: CLOCK_MONOTONIC_RAW is %.0f ns off the line, more than %.0f ns (width of the readings, %.0f ppm)",
				    c->cpu, rate.worst, limit, GROSS_PPM);
		lowest = i ? fmin(lowest, rate.slope) : rate.slope;
		highest = i ? fmax(highest, rate.slope) : rate.slope;
		worst_ppm = fmax(worst_ppm, ppm);
		stdev = fmax(stdev, rate.stdev / rate.span * 1e6);
	}
	report_metric("samples", samples, "readings");
	report_metric("counter_hz", counter_hz() / (1 + (lowest + highest) / 2), "Hz");
	report_metric("stdev", stdev, "ppm");
	report_metric("between_cpus", (highest - lowest) * 1e6, "ppm");
	report_metric("uncertainty", worst_ppm, "ppm");
	if ((highest - lowest) * 1e6 > 2 * worst_ppm + GROSS_PPM)
		report_fail("the raw counter's rate differs by %.1f ppm between CPUs, more than %.1f ppm (the readings' uncertainty, %.0f ppm)",
			    (highest - lowest) * 1e6, 2 * worst_ppm + GROSS_PPM, GROSS_PPM);
}

static void need_arm64(void)
{
#if !defined(__aarch64__)
	report_skip("CNTFRQ_EL0 is arm64's");
#endif
}

static void cntfrq(int unused)
{
	(void)unused;
	need_arm64();
	need_window();
	report_metric("cntfrq", w->cpus[0].cntfrq, "Hz");
	report_metric("samples", w->nr_cpus, "CPUs");
	for (int i = 0; i < w->nr_cpus; i++) {
		if (w->cpus[i].cntfrq < 1000000)
			report_fail("CPU %d: CNTFRQ_EL0 says %llu Hz, less than 1 MHz",
				    w->cpus[i].cpu, (unsigned long long)w->cpus[i].cntfrq);
		if (w->cpus[i].cntfrq != w->cpus[0].cntfrq)
			report_fail("CNTFRQ_EL0 says %llu Hz on CPU %d, but %llu Hz on CPU %d",
				    (unsigned long long)w->cpus[i].cntfrq, w->cpus[i].cpu,
				    (unsigned long long)w->cpus[0].cntfrq, w->cpus[0].cpu);
	}
}

static void cntvct(int unused)
{
	char current[64];
	struct rate rate;
	double worst = 0, uncertainty = 0;

	(void)unused;
	need_arm64();
	if (file_read_line("/sys/devices/system/clocksource/clocksource0/current_clocksource",
			   current, sizeof(current)) < 0 ||
	    strcmp(current, "arch_sys_counter"))
		report_skip(
			"arch_sys_counter isn't the clocksource in use: CLOCK_MONOTONIC_RAW is another counter's time");
	need_window();
	for (int i = 0; i < w->nr_cpus; i++) {
		const struct cpu_points *c = &w->cpus[i];
		double ppm;

		if (!fit(c->raw, c->nr, 1e9 / c->cntfrq, &rate, &ppm))
			report_skip("CPU %d hardly ran: it came to %zu readings only", c->cpu,
				    c->nr);
		if (fabs(rate.slope) * 1e6 > ARITHMETIC_PPM + ppm)
			report_fail("CPU %d: CLOCK_MONOTONIC_RAW runs %.2f ppm off CNTVCT_EL0 at CNTFRQ_EL0, more than %.2f ppm (1 ppm and the readings' uncertainty)",
				    c->cpu, rate.slope * 1e6, ARITHMETIC_PPM + ppm);
		if (fabs(rate.slope) > fabs(worst))
			worst = rate.slope;
		uncertainty = fmax(uncertainty, ppm);
	}
	report_metric("slope", worst * 1e6, "ppm");
	report_metric("uncertainty", uncertainty, "ppm");
}

/* Why the clock can't be expected to keep to freq and tick; NULL if it can. */
static const char *disciplined(void)
{
	struct timex adjtime = { .modes = ADJ_OFFSET_SS_READ };

	if (w->before.freq != w->after.freq || w->before.tick != w->after.tick)
		return "adjtimex's frequency was changed meanwhile";
	if (w->before.offset || w->after.offset)
		return "an offset is being slewed (adjtimex)";
	if (adjtimex(&adjtime) >= 0 && adjtime.offset)
		return "an offset is being slewed (adjtime)";
	return NULL;
}

static void monotonic_raw(int unused)
{
	double ppm, expected, off;
	struct rate rate;

	(void)unused;
	need_window();
	if (!fit(w->monotonic, w->nr, 1, &rate, &ppm))
		report_skip("the CPU hardly ran: it came to %zu readings only", w->nr);
	/*
	 * tick: us, at a USER_HZ of 100; freq: ppm << 16 (kernel/time/ntp.c, ntp_update_frequency)
	 */
	expected = (w->after.tick - 10000) * 100 + w->after.freq / 65536.0;
	off = rate.slope * 1e6 - expected;
	report_metric("samples", w->nr, "readings");
	report_metric("slope", rate.slope * 1e6, "ppm");
	report_metric("expected", expected, "ppm");
	report_metric("uncertainty", ppm, "ppm");
	if (fabs(off) <= ARITHMETIC_PPM + ppm)
		return;
	if (disciplined())
		report_skip("the clock was changed meanwhile: %s (%.2f ppm off)", disciplined(),
			    off);
	report_fail("CLOCK_MONOTONIC runs %.2f ppm by CLOCK_MONOTONIC_RAW, but adjtimex says %.2f ppm; off by more than %.2f ppm (1 ppm and the readings' uncertainty)",
		    rate.slope * 1e6, expected, ARITHMETIC_PPM + ppm);
}

static void report_offset(const struct offset *o)
{
	report_metric("samples", o->samples, "readings");
	report_metric("offset", (o->low + o->high) / 2, "ns");
	report_metric("uncertainty", (o->high - o->low) / 2.0, "ns");
}

static void boottime(int unused)
{
	(void)unused;
	need_window();
	report_offset(&w->boottime);
	if (w->boottime.low <= w->boottime.high)
		return;
	if (w->suspends_before != w->suspends_after)
		report_skip("the system was suspended meanwhile");
	report_fail("CLOCK_BOOTTIME - CLOCK_MONOTONIC isn't constant: at least %lld ns at one time, at most %lld ns at another",
		    (long long)w->boottime.low, (long long)w->boottime.high);
}

static void tai(int unused)
{
	int64_t seconds;

	(void)unused;
	need_window();
	report_offset(&w->tai);
	if (w->before.tai != w->after.tai)
		report_skip("the TAI offset was changed meanwhile");
	seconds = w->after.tai * NSEC_PER_SEC;
	if (w->tai.low > seconds || w->tai.high < seconds)
		report_fail("CLOCK_TAI - CLOCK_REALTIME isn't the %d s that adjtimex says: at least %lld ns and at most %lld ns",
			    w->after.tai, (long long)w->tai.low, (long long)w->tai.high);
}

/* How far jiffies lag in a part of the window, at best: what a late tick adds is no drift. */
static void lag(size_t from, size_t to, int64_t tick, int64_t *low, int64_t *high)
{
	*low = *high = INT64_MAX;
	for (size_t i = from; i < to; i++) {
		const struct jiffies_point *j = &w->jiffies[i];
		int64_t counted = (int64_t)(j->jiffies - w->jiffies[0].jiffies) * tick;

		if (j->now - counted < *low)
			*low = j->now - counted;
		if (j->after - counted < *high)
			*high = j->after - counted;
	}
}

static void jiffies(int unused)
{
	int64_t tick, low1, high1, low2, high2;
	size_t n;

	(void)unused;
	tick = tick_ns();
	need_window();
	if (w->jiffies_error == -EACCES || w->jiffies_error == -EPERM)
		report_skip("reading /proc/timer_list needs root");
	if (w->jiffies_error == -ENOENT)
		report_skip("no /proc/timer_list: kernel without CONFIG_PROC_FS timer list");
	if (w->jiffies_error == -ENODATA)
		report_skip(
			"/proc/timer_list has no jiffies: this kernel has no one-shot ticks (CONFIG_TICK_ONESHOT)");
	if (w->jiffies_error)
		report_fail("reading /proc/timer_list: %s", strerror(-w->jiffies_error));
	n = w->nr_jiffies;
	report_metric("samples", n, "readings");
	if (n < 9)
		report_skip("the CPU hardly ran: it came to %zu readings only", n);
	for (size_t i = 1; i < n; i++)
		if (w->jiffies[i].jiffies < w->jiffies[i - 1].jiffies)
			report_fail("jiffies went back from %llu to %llu",
				    (unsigned long long)w->jiffies[i - 1].jiffies,
				    (unsigned long long)w->jiffies[i].jiffies);
	lag(0, n / 3, tick, &low1, &high1);
	lag(n - n / 3, n, tick, &low2, &high2);
	report_metric("elapsed", (w->jiffies[n - 1].now - w->jiffies[0].now) / (double)tick,
		      "jiffies");
	report_metric("counted", w->jiffies[n - 1].jiffies - w->jiffies[0].jiffies, "jiffies");
	report_metric("lost_at_least", (double)(low2 - high1) / tick, "jiffies");
	report_metric("lost_at_most", (double)(high2 - low1) / tick, "jiffies");
	/* tick_handle_periodic() counts interrupts; other ticks look at the clock. */
	if (low2 - high1 > 2 * tick && w->periodic)
		report_skip("the tick is periodic (highres=off nohz=off?): jiffies lack those that the host kept from the CPU, %.1f at least",
			    (double)(low2 - high1) / tick);
	if (low2 - high1 > 2 * tick)
		report_fail("jiffies lost at least %.1f ticks of CLOCK_MONOTONIC's in %.2f s",
			    (double)(low2 - high1) / tick,
			    (w->jiffies[n - 1].now - w->jiffies[0].now) / 1e9);
	if (high2 - low1 < -2 * tick)
		report_fail("jiffies gained at least %.1f ticks on CLOCK_MONOTONIC in %.2f s",
			    (double)(low1 - high2) / tick,
			    (w->jiffies[n - 1].now - w->jiffies[0].now) / 1e9);
}

static const struct report_case cases[] = {
	{ "counter",
	  "the raw counter has one steady rate by CLOCK_MONOTONIC_RAW, the same on all CPUs (E3)",
	  counter_rate, false },
	{ "cntfrq",
	  "CNTFRQ_EL0 is the same on all CPUs and at least 1 MHz (E4; Documentation/arch/arm64/booting.rst)",
	  cntfrq, false },
	{ "cntvct",
	  "CLOCK_MONOTONIC_RAW is CNTVCT_EL0 at CNTFRQ_EL0 (E5; drivers/clocksource/arm_arch_timer.c)",
	  cntvct, false },
	{ "monotonic_raw",
	  "CLOCK_MONOTONIC goes by CLOCK_MONOTONIC_RAW as adjtimex's frequency and tick say (G1; kernel/time/ntp.c)",
	  monotonic_raw, false },
	{ "boottime",
	  "CLOCK_BOOTTIME - CLOCK_MONOTONIC is constant without suspend (G5; kernel/time/timekeeping.c)",
	  boottime, false },
	{ "tai", "CLOCK_TAI - CLOCK_REALTIME is adjtimex's tai (G5)", tai, false },
	{ "jiffies",
	  "jiffies keep to CLOCK_MONOTONIC to two ticks (G6; kernel/time/tick-sched.c, tick_do_update_jiffies64)",
	  jiffies, false },
};

REPORT_MAIN("counter", "rate", .setup = setup)
