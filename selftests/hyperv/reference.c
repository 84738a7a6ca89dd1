// SPDX-License-Identifier: GPL-2.0-only
/*
 * The partition reference counter, read by its register (an MSR on x86): it ticks 10,000,000 times
 * a second, never goes back, whichever CPU reads it, and is the very time that the reference TSC
 * page tells.
 */
#define _GNU_SOURCE
#include <math.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/crew.h"
#include "../lib/offset.h"
#include "../lib/report.h"
#include "guest.h"

#define TICK_NS (NSEC_PER_SEC / HV_REFERENCE_HZ)
#define TRIES	30

/* Slow readings (exits to a nested hypervisor) must be further apart for the same sharpness. */
#define SHARP_PPM   50
#define RATE_MAX_NS (4 * NSEC_PER_SEC)

static void need_counter(void)
{
	guest_need_hyperv();
	if (!hyperv_has_reference_counter(&guest_hyperv))
		report_skip(
			"the reference counter is not offered (CPUID 0x40000003 EAX bit 1; on arm64 the module hv_regs would tell)");
}

static int64_t read_counter(void *cpu)
{
	return guest_read(*(int *)cpu, HV_REG_TIME_REF_COUNT);
}

/* Whether the clocksource in use is this very counter, and so the clocks have its rate exactly. */
static bool clocks_are_the_counter(void)
{
	return !strcmp(guest_clocksource(), HV_TSC_PAGE) ||
	       !strcmp(guest_clocksource(), HV_MSR_SOURCE);
}

static void rate(int unused)
{
	int cpu = cpus_next(-1, report_cpus());
	double ppm, uncertain, bound, ns;
	struct sandwich first, last;
	int64_t ticks;

	(void)unused;
	need_counter();
	cpu_pin(cpu);
	guest_need_registers(cpu);
	sandwich_with(CLOCK_MONOTONIC_RAW, read_counter, &cpu, TRIES, &first);
	do {
		clock_nap(500 * NSEC_PER_MSEC);
		sandwich_with(CLOCK_MONOTONIC_RAW, read_counter, &cpu, TRIES, &last);
		ns = (last.before + last.after - first.before - first.after) / 2.0;
		/* Each reading is right to half its width, and a tick. */
		uncertain = ((sandwich_width(&first) + sandwich_width(&last)) / 2.0 + 2 * TICK_NS) /
			    ns * 1e6;
	} while (uncertain > SHARP_PPM && ns < RATE_MAX_NS);
	ticks = last.value - first.value;
	ppm = (ticks * (double)TICK_NS / ns - 1) * 1e6;
	bound = (clocks_are_the_counter() ? 1 : 500) + uncertain;
	report_metric("rate", ticks * 1e9 / ns, "Hz");
	report_metric("deviation", ppm, "ppm");
	report_metric("uncertainty", uncertain, "ppm");
	if (fabs(ppm) > bound)
		report_fail("%.0f ticks in a second of CLOCK_MONOTONIC_RAW on %s: %.1f ppm off, more than %.1f ppm",
			    ticks * 1e9 / ns, guest_clocksource(), ppm, bound);
}

/* One cache line that two readers hand to each other, each with the last value read. */
struct turns {
	_Alignas(64) atomic_int turn;
	uint64_t last;
	_Atomic bool stop;
	uint64_t readings, backwards, worst, equal;
	int error;
};

struct reader {
	struct turns *h;
	int me;
	int64_t limit_ns;
};

static void read_in_turn(int cpu, void *arg)
{
	struct reader *r = arg;
	struct turns *h = r->h;
	uint64_t begun, now;

	begun = counter_read();
	while (!atomic_load(&h->stop)) {
		if (counter_since_ns(begun) > r->limit_ns)
			break;
		if (atomic_load_explicit(&h->turn, memory_order_acquire) != r->me)
			continue;
		h->error = guest_try_read(cpu, HV_REG_TIME_REF_COUNT, &now);
		if (h->error)
			break;
		if (now < h->last) {
			h->backwards++;
			if (h->last - now > h->worst)
				h->worst = h->last - now;
		}
		h->equal += now == h->last;
		h->last = now;
		h->readings++;
		atomic_store_explicit(&h->turn, !r->me, memory_order_release);
		crew_progress();
	}
	atomic_store(&h->stop, true);
}

#define ORDER_NS (600 * NSEC_PER_MSEC)

static void judge_pair(int a, int b, int64_t limit_ns, uint64_t *readings, uint64_t *equal)
{
	struct turns h = { 0 };
	struct reader readers[2] = { { &h, 0, limit_ns }, { &h, 1, limit_ns } };
	struct cpus pair = { 0 };

	guest_need_registers(a);
	guest_need_registers(b);
	cpus_add(&pair, a);
	cpus_add(&pair, b);
	crew_need(&pair, read_in_turn, readers, sizeof(*readers));
	if (h.error)
		report_fail("reading the reference counter: %s", strerror(-h.error));
	if (h.backwards)
		report_fail("%llu of %llu readings on CPUs %d and %d in turn went back, by up to %llu ticks of 100 ns",
			    (unsigned long long)h.backwards, (unsigned long long)h.readings, a, b,
			    (unsigned long long)h.worst);
	*readings += h.readings;
	*equal += h.equal;
}

/*
 * A chain of pairs: if each CPU agrees with the next, none is ahead of any by more than what they
 * show.
 */
static void never_backwards(int unused)
{
	int cpus = cpus_count(report_cpus()), cpu, last = -1;
	uint64_t readings = 0, equal = 0;

	(void)unused;
	need_counter();
	if (cpus < 2)
		report_skip("there is only one CPU");
	counter_hz();
	cpus_for_each(cpu, report_cpus()) {
		if (last >= 0)
			judge_pair(last, cpu, ORDER_NS / (cpus - 1), &readings, &equal);
		last = cpu;
	}
	report_metric("readings", readings, "readings");
	report_metric("equal", equal, "readings");
	if (readings < 20)
		report_skip("the CPUs took turns only %llu times", (unsigned long long)readings);
}

/*
 * The counter, read between two readings of a clock, on every CPU in turn: one
 * offset between the two must fit all samples. tolerance_ppm: how far the
 * clock's rate may be off the counter's, over the time this takes.
 */
static void fit(clockid_t clock, const char *name, double tolerance_ppm)
{
	int64_t begun = clock_ns(CLOCK_MONOTONIC), misfit, tolerance, narrowest = INT64_MAX, took;
	struct offset o = { 0 };
	int cpu, cpus = 0;

	for (int round = 0; round < 10; round++) {
		cpus_for_each(cpu, report_cpus()) {
			guest_need_registers(cpu);
			ck_assert_int_eq(cpu_pin(cpu), 0);
			for (int i = 0; i < 20; i++) {
				struct sandwich s;

				if (!sandwich_with(clock, read_counter, &cpu, 1, &s))
					continue;
				/*
				 * The counter's value holds for a whole tick: it stands for its
				 * middle.
				 */
				s.value = s.value * TICK_NS + TICK_NS / 2;
				offset_meet(&o, &s);
				if (sandwich_width(&s) < narrowest)
					narrowest = sandwich_width(&s);
			}
			cpus += !round;
		}
		if (round && clock_ns(CLOCK_MONOTONIC) - begun > NSEC_PER_SEC)
			break;
	}
	took = clock_ns(CLOCK_MONOTONIC) - begun;
	misfit = offset_misfit(&o);
	tolerance = TICK_NS + took * tolerance_ppm / 1e6;
	report_metric("samples", o.samples, "readings");
	report_metric("narrowest", narrowest, "ns");
	report_metric("misfit", misfit, "ns");
	if (misfit > tolerance)
		report_fail("%s on %s and the counter read in between are not one time: %lld ns apart on %d CPUs in %.2f s, more than %lld ns",
			    name, guest_clocksource(), (long long)misfit, cpus, took / 1e9,
			    (long long)tolerance);
}

static void need_counter_clocksource(void)
{
	need_counter();
	if (!clocks_are_the_counter())
		report_skip("the clocksource is %s, not the reference counter",
			    guest_clocksource());
}

static void sandwich_raw(int unused)
{
	(void)unused;
	need_counter_clocksource();
	fit(CLOCK_MONOTONIC_RAW, "CLOCK_MONOTONIC_RAW", 1);
}

static void sandwich_monotonic(int unused)
{
	(void)unused;
	need_counter_clocksource();
	/* NTP may slew it: by 500 ppm in frequency, and as much in offset. */
	fit(CLOCK_MONOTONIC, "CLOCK_MONOTONIC", 1000);
}

static const struct report_case cases[] = {
	{ "rate",
	  "E6: the reference counter (TIME_REF_COUNT) ticks at 10 MHz, exactly as CLOCK_MONOTONIC_RAW does where it is the clocksource (TLFS, timers)",
	  rate, false },
	{ "never_backwards",
	  "E6: read on two CPUs in turn the reference counter never goes back: it is the partition's, not a CPU's (TLFS, timers)",
	  never_backwards, false },
	{ "sandwich_raw",
	  "E6, E7: the counter by its register lies between two readings of CLOCK_MONOTONIC_RAW by the reference TSC page, on every CPU, with one offset (TLFS: scale and offset of the page)",
	  sandwich_raw, false },
	{ "sandwich_monotonic", "E6: so it does with CLOCK_MONOTONIC, but for what NTP slews",
	  sandwich_monotonic, false },
};

REPORT_MAIN("hyperv", "reference", .setup = guest_setup)
