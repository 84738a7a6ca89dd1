// SPDX-License-Identifier: GPL-2.0-only
/*
 * No thread reads less than it has read before: the raw counter and each clock,
 * by the vDSO and by system call alternately, on all CPUs side by side, and on
 * the move between them. And they go on: measured by a reference of their own, none
 * that claims to be fine stands still, is coarse, or jumps.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../lib/clocks.h"
#include "../lib/clocksource.h"
#include "../lib/cpus.h"
#include "../lib/progress.h"
#include "../lib/report.h"
#include "../lib/resolution.h"
#include "../lib/stats.h"
#include "clockset.h"
#include "sampling.h"
#include "tsc.h"

#define BOX_NS (150 * NSEC_PER_MSEC)
#define BATCH  64 /* readings between two looks at the time; one is a system call */

/* The clock of this case, in its own process. */
static clockid_t the_clock;

struct seen {
	struct stream stream;
	uint64_t syscalls;
};

static void read_counter(struct sampling *box)
{
	struct stream s = { 0 };

	do {
		for (int i = 0; i < BATCH; i++)
			stream_add(&s, counter_read());
	} while (!sampling_over(box));
	((struct seen *)box->data)->stream = s;
}

static void read_clock(struct sampling *box)
{
	struct seen *seen = box->data;
	struct stream s = { 0 };

	do {
		for (int i = 1; i < BATCH; i++)
			stream_add(&s, clock_ns(the_clock));
		stream_add(&s, clock_ns_syscall(the_clock));
		seen->syscalls++;
	} while (!sampling_over(box));
	seen->stream = s;
}

/* All CPUs' streams as one; names the CPU with the worst step back, -1 for none. */
static struct seen merge(const struct seen *all, int n, int *cpu)
{
	struct seen total = { 0 };
	int at = -1;

	*cpu = -1;
	for (int i = 0; i < n; i++) {
		at = cpus_next(at, report_cpus());
		if (all[i].stream.worst > total.stream.worst)
			*cpu = at;
		stream_merge(&total.stream, &all[i].stream);
		total.syscalls += all[i].syscalls;
	}
	return total;
}

static void counter(int unused)
{
	struct seen *all, total;
	int n, cpu;

	(void)unused;
	all = sampling_run(read_counter, sizeof(*all), BOX_NS, &n);
	total = merge(all, n, &cpu);
	free(all);
	report_metric("samples", total.stream.samples, "readings");
	report_metric("resolution", total.stream.step, "ticks");
	if (total.stream.backwards)
		report_fail("on CPU %d the raw counter went back %lld ticks; %llu of %llu readings did",
			    cpu, (long long)total.stream.worst,
			    (unsigned long long)total.stream.backwards,
			    (unsigned long long)total.stream.samples);
	if (!total.stream.step)
		report_fail("the raw counter stands still: %llu readings are all the same",
			    (unsigned long long)total.stream.samples);
}

static void clock_case(clockid_t clock)
{
	struct seen *all, total;
	int n, cpu, fd;

	clockset_need(clock);
	the_clock = clock;
	fd = clockset_watch(clock);
	all = sampling_run(read_clock, sizeof(*all), BOX_NS, &n);
	total = merge(all, n, &cpu);
	free(all);
	report_metric("samples", total.stream.samples, "readings");
	report_metric("samples_syscall", total.syscalls, "readings");
	report_metric("resolution", total.stream.step, "ns");
	if (clockset_happened(fd))
		report_skip("%s was set meanwhile (TFD_TIMER_CANCEL_ON_SET says so; %llu steps back)",
			    clockset_name(clock), (unsigned long long)total.stream.backwards);
	if (total.stream.backwards)
		report_fail("on CPU %d %s went back %lld ns; %llu of %llu readings did", cpu,
			    clockset_name(clock), (long long)total.stream.worst,
			    (unsigned long long)total.stream.backwards,
			    (unsigned long long)total.stream.samples);
}

#define CLOCK_CASE(name, clock)      \
	static void name(int unused) \
	{                            \
		(void)unused;        \
		clock_case(clock);   \
	}

CLOCK_CASE(monotonic, CLOCK_MONOTONIC)
CLOCK_CASE(raw, CLOCK_MONOTONIC_RAW)
CLOCK_CASE(boottime, CLOCK_BOOTTIME)
CLOCK_CASE(realtime, CLOCK_REALTIME)
CLOCK_CASE(tai, CLOCK_TAI)
CLOCK_CASE(monotonic_coarse, CLOCK_MONOTONIC_COARSE)
CLOCK_CASE(realtime_coarse, CLOCK_REALTIME_COARSE)

/* A coarse clock between two readings of its fine one. */
#define MAX_LAGS 20000

struct lags {
	uint64_t samples, beyond; /* beyond: coarse more than fine: must be 0 */
	int64_t worst, pause;
	int64_t lag[MAX_LAGS];
	size_t nr;
};

static void read_lag(struct sampling *box)
{
	int64_t last = clock_ns(CLOCK_MONOTONIC);
	struct lags *l = box->data;

	do {
		for (int i = 0; i < BATCH; i++) {
			int64_t before = clock_ns(CLOCK_MONOTONIC);
			int64_t coarse = i ? clock_ns(CLOCK_MONOTONIC_COARSE) :
					     clock_ns_syscall(CLOCK_MONOTONIC_COARSE);
			int64_t after = clock_ns(CLOCK_MONOTONIC);

			l->samples++;
			if (coarse > after) {
				l->beyond++;
				if (coarse - after > l->worst)
					l->worst = coarse - after;
			}
			if (after - last > l->pause)
				l->pause = after - last;
			last = after;
			/* One of each batch, so that they cover whole ticks. */
			if (!i && l->nr < MAX_LAGS)
				l->lag[l->nr++] = before > coarse ? before - coarse : 0;
		}
	} while (!sampling_over(box));
}

static void coarse_lag(int unused)
{
	int64_t *lag, pause = 0, bound;
	struct lags *all;
	struct stats s;
	size_t nr = 0;
	uint64_t samples = 0;
	int n;

	(void)unused;
	clockset_need(CLOCK_MONOTONIC_COARSE);
	all = sampling_run(read_lag, sizeof(*all), 2 * BOX_NS, &n);
	lag = malloc(n * sizeof(all->lag));
	ck_assert_ptr_nonnull(lag);
	for (int i = 0; i < n; i++) {
		if (all[i].beyond)
			report_fail("CLOCK_MONOTONIC_COARSE was %lld ns beyond CLOCK_MONOTONIC, read after it",
				    (long long)all[i].worst);
		memcpy(lag + nr, all[i].lag, all[i].nr * sizeof(*lag));
		nr += all[i].nr;
		samples += all[i].samples;
		if (all[i].pause > pause)
			pause = all[i].pause;
	}
	s = stats_of(lag, nr);
	free(lag);
	free(all);
	/*
	 * Whoever updates it can't while the host doesn't run that CPU, and its reader saw that as
	 * a pause.
	 */
	bound = 2 * tick_ns() + 20 * NSEC_PER_MSEC + 2 * pause;
	report_metric("samples", samples, "readings");
	report_metric("lag_p50", s.p50, "ns");
	report_metric("lag_p99", s.p99, "ns");
	report_metric("lag_max", s.max, "ns");
	report_metric("pause_max", pause, "ns");
	if (s.p50 > bound)
		report_fail("CLOCK_MONOTONIC_COARSE lags %.1f ms behind at the median, more than %.1f ms (2 jiffies, 20 ms and twice the longest pause of a reader)",
			    s.p50 / 1e6, bound / 1e6);
}

static double ns_per_tick;

static int64_t counter_ns(uint64_t begun)
{
	return (double)(counter_read() - begun) * ns_per_tick;
}

/* The clock measured by the raw counter. */
static void read_progress(struct sampling *box)
{
	struct progress p = { 0 };

	do {
		for (int i = 0; i < BATCH; i++) {
			int64_t before = counter_ns(box->begun), value = clock_ns(the_clock);

			progress_add(&p, before, value, counter_ns(box->begun));
		}
	} while (!sampling_over(box));
	*(struct progress *)box->data = p;
}

/* The raw counter measured by CLOCK_MONOTONIC. */
static void read_counter_progress(struct sampling *box)
{
	struct progress p = { 0 };

	do {
		for (int i = 0; i < BATCH; i++) {
			int64_t before = clock_ns(CLOCK_MONOTONIC), value = counter_ns(box->begun);

			progress_add(&p, before, value, clock_ns(CLOCK_MONOTONIC));
		}
	} while (!sampling_over(box));
	*(struct progress *)box->data = p;
}

static void judge_progress(const struct progress *p, int cpu, const char *what,
			   const char *reference)
{
	switch (progress_judge(p)) {
	case PROGRESS_GOOD:
		return;
	case PROGRESS_BACKWARDS:
		report_fail("CPU %d: %s went back %lld ns", cpu, what, (long long)p->stream.worst);
	case PROGRESS_FROZEN:
		report_fail("CPU %d: %s stands still: the same in all of %llu readings while %s went on for %lld ns",
			    cpu, what, (unsigned long long)p->stream.samples, reference,
			    (long long)p->span);
	case PROGRESS_COARSE:
		report_fail("CPU %d: %s claims to be fine, but showed one value for %lld ns by %s",
			    cpu, what, (long long)p->still, reference);
	case PROGRESS_JUMPED:
		report_fail("CPU %d: %s jumped ahead of %s by %lld ns more than 1 ms and 5 %% in one step",
			    cpu, what, reference, (long long)p->gained);
	case PROGRESS_LOST:
		report_fail("CPU %d: %s fell behind %s by %lld ns more than 1 ms and 5 %% in one step",
			    cpu, what, reference, (long long)p->lost);
	case PROGRESS_UNSEEN:
		report_fail("CPU %d: neither %s nor %s moves", cpu, what, reference);
	}
}

/*
 * Samples on all CPUs and judges every CPU's, unless fd says the clock was set; returns how many
 * readings there were.
 */
static uint64_t progress_of(void (*read)(struct sampling *box), int fd, const char *what,
			    const char *reference, struct progress *worst)
{
	struct progress *all;
	uint64_t samples = 0;
	int n, cpu = -1;
	bool set;

	all = sampling_run(read, sizeof(*all), BOX_NS / 2, &n);
	set = clockset_happened(fd);
	for (int i = 0; i < n; i++) {
		cpu = cpus_next(cpu, report_cpus());
		if (!set)
			judge_progress(&all[i], cpu, what, reference);
		samples += all[i].stream.samples;
		if (all[i].still > worst->still)
			worst->still = all[i].still;
		if (all[i].pause > worst->pause)
			worst->pause = all[i].pause;
		if (!worst->stream.step || all[i].stream.step < worst->stream.step)
			worst->stream.step = all[i].stream.step;
	}
	free(all);
	return samples;
}

static void report_progress(uint64_t samples, const struct progress *worst)
{
	report_metric("samples", samples, "readings");
	report_metric("resolution", worst->stream.step, "ns");
	report_metric("standstill_max", worst->still, "ns");
	report_metric("pause_max", worst->pause, "ns");
}

/*
 * Every clocksource is, but for the jiffies (kernel/time/jiffies.c), which high resolution timers
 * exclude.
 */
static void need_fine_clock(void)
{
	char name[CS_NAME_LEN];

	if (!cs_current(name) && strstr(name, "jiffies"))
		report_skip("the clocksource in use, %s, is too coarse", name);
}

static void clock_progress(int unused)
{
	static const clockid_t clocks[] = {
		CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME, CLOCK_REALTIME, CLOCK_TAI,
	};
	struct progress worst = { 0 };
	uint64_t samples = 0;

	(void)unused;
	ns_per_tick = 1e9 / counter_hz();
	need_fine_clock();
	for (size_t i = 0; i < sizeof(clocks) / sizeof(*clocks); i++) {
		the_clock = clocks[i];
		samples += progress_of(read_progress, clockset_watch(the_clock),
				       clockset_name(the_clock), "the raw counter", &worst);
	}
	report_progress(samples, &worst);
}

static void counter_progress(int unused)
{
	struct progress worst = { 0 };
	uint64_t samples;

	(void)unused;
	ns_per_tick = 1e9 / counter_hz();
	need_fine_clock();
	samples = progress_of(read_counter_progress, -1, "the raw counter", "CLOCK_MONOTONIC",
			      &worst);
	report_progress(samples, &worst);
}

/* What clock_getres() says, by libc (the vDSO) and by system call. */
static int64_t clock_resolution(clockid_t clock)
{
	struct timespec libc, call;

	ck_assert_int_eq(clock_getres(clock, &libc), 0);
	ck_assert_int_eq(syscall(SYS_clock_getres, clock, &call), 0);
	if (timespec_ns(&libc) != timespec_ns(&call))
		report_fail("%s: clock_getres() says %lld ns by libc, %lld ns by system call",
			    clockset_name(clock), (long long)timespec_ns(&libc),
			    (long long)timespec_ns(&call));
	return timespec_ns(&libc);
}

/* Ticks that come together look like longer ones: so many steps, and three times. */
static void coarse_resolution(clockid_t clock)
{
	int64_t claimed = clock_resolution(clock), step = 0;

	for (int i = 0; i < 3; i++) {
		step = coarse_step(30);
		/* NTP may slew it by 500 ppm. */
		if (llabs(step - claimed) <= claimed / 100)
			return;
	}
	report_fail("%s: clock_getres() says %lld ns, but its smallest step is %lld ns, 3 times out of 3",
		    clockset_name(clock), (long long)claimed, (long long)step);
}

static void resolution(int unused)
{
	static const clockid_t fine[] = {
		CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME, CLOCK_REALTIME, CLOCK_TAI,
	};
	bool hres = hres_active();

	(void)unused;
	coarse_resolution(CLOCK_MONOTONIC_COARSE);
	coarse_resolution(CLOCK_REALTIME_COARSE);
	report_metric("tick", tick_ns(), "ns");
	for (size_t i = 0; i < sizeof(fine) / sizeof(*fine); i++) {
		int64_t claimed = clock_resolution(fine[i]);

		/* A busy host may make sleeps look coarse, but none fine. */
		if (hres ? claimed != 1 : claimed != 1 && claimed != tick_ns())
			report_fail("%s: clock_getres() says %lld ns; with high resolution timers it is 1, without them a tick of %lld ns; sleeps of 50 us end %s the next tick",
				    clockset_name(fine[i]), (long long)claimed,
				    (long long)tick_ns(), hres ? "before" : "with");
	}
}

static const clockid_t travelled[] = {
	CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME,
	CLOCK_REALTIME,	 CLOCK_TAI,	      CLOCK_MONOTONIC_COARSE,
};
#define NR_TRAVELLED (sizeof(travelled) / sizeof(*travelled))

static void migrating(int unused)
{
	struct stream counter_seen = { 0 }, seen[NR_TRAVELLED] = { 0 };
	int fd = clockset_watch(CLOCK_REALTIME), cpu = -1;
	struct sampling box = { .begun = counter_read(), .limit_ns = 2 * BOX_NS };
	uint64_t samples = 0, hops = 0;
	bool set;

	(void)unused;
	if (cpus_count(report_cpus()) < 2)
		report_skip("there is only one CPU, online and allowed");
	counter_hz();
	/* At least one round trip, however slow. */
	while (!sampling_over(&box) || hops < 2 * (uint64_t)cpus_count(report_cpus())) {
		cpu = cpus_next(cpu, report_cpus());
		if (cpu < 0)
			cpu = cpus_next(-1, report_cpus());
		ck_assert_int_eq(cpu_pin(cpu), 0);
		hops++;
		stream_add(&counter_seen, counter_read());
		for (size_t i = 0; i < NR_TRAVELLED; i++) {
			stream_add(&seen[i], clock_ns(travelled[i]));
			stream_add(&seen[i], clock_ns_syscall(travelled[i]));
		}
		stream_add(&counter_seen, counter_read());
	}
	set = clockset_happened(fd);
	for (size_t i = 0; i < NR_TRAVELLED; i++) {
		samples += seen[i].samples;
		if (!seen[i].backwards || (set && clock_settable(travelled[i])))
			continue;
		report_fail("%s went back %lld ns for a thread that moved between CPUs; %llu of %llu readings did",
			    clockset_name(travelled[i]), (long long)seen[i].worst,
			    (unsigned long long)seen[i].backwards,
			    (unsigned long long)seen[i].samples);
	}
	report_metric("samples", samples + counter_seen.samples, "readings");
	report_metric("migrations", hops, "moves");
	if (counter_seen.backwards && !tsc_rejected())
		report_fail("the raw counter went back %lld ticks for a thread that moved between CPUs",
			    (long long)counter_seen.worst);
}

#define RULE \
	"no thread reads less than it has read before, by the vDSO or by system call, with no tolerance (E1): "

static const struct report_case cases[] = {
	{ "counter", "the raw counter never goes back on one CPU (E1)", counter, false },
	{ "monotonic", RULE "CLOCK_MONOTONIC", monotonic, false },
	{ "raw", RULE "CLOCK_MONOTONIC_RAW", raw, false },
	{ "boottime", RULE "CLOCK_BOOTTIME", boottime, false },
	{ "realtime", RULE "CLOCK_REALTIME, unless somebody sets it", realtime, false },
	{ "tai", RULE "CLOCK_TAI, unless somebody sets it", tai, false },
	{ "monotonic_coarse", RULE "CLOCK_MONOTONIC_COARSE", monotonic_coarse, false },
	{ "realtime_coarse", RULE "CLOCK_REALTIME_COARSE, unless somebody sets it", realtime_coarse,
	  false },
	{ "coarse_lag",
	  "a coarse clock is never beyond its fine one and lags by two jiffies at most (D6; kernel/time/timekeeping.c)",
	  coarse_lag, false },
	{ "clock_progress",
	  "a clock of a clocksource other than jiffies goes on as the raw counter does (E1, E8)",
	  clock_progress, false },
	{ "counter_progress", "the raw counter goes on as CLOCK_MONOTONIC does (E1)",
	  counter_progress, false },
	{ "resolution",
	  "clock_getres() tells the truth: 1 ns with high resolution timers, a tick for coarse clocks (hrtimer_resolution, KTIME_LOW_RES)",
	  resolution, false },
	{ "migrating", "a thread on the move between CPUs reads no less than before (E8)",
	  migrating, false },
};

REPORT_MAIN("counter", "monotonic")
