// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hyper-V's registers beside the timers': the reference counter can't be written,
 * the reference TSC page tells the counter's time, virtual processors have numbers.
 * What implementations differ in, and the TLFS leaves open, are facts.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../lib/cpus.h"
#include "../lib/report.h"
#include "../lib/stats.h"
#include "guest.h"
#include "shots.h"

#define CONFIG(n) HV_REG_STIMER_CONFIG(n)
#define COUNT(n)  HV_REG_STIMER_COUNT(n)

static void need_registers(void)
{
	guest_need_hyperv();
	regs_need();
}

static void counter_readonly(int cpu)
{
	struct hv_step steps[] = {
		STEP_GET(HV_REG_TIME_REF_COUNT),
		STEP_SET(HV_REG_TIME_REF_COUNT, 0),
		STEP_GET(HV_REG_TIME_REF_COUNT),
	};

	need_registers();
	REGS_RUN(cpu, steps);
	if (!steps[1].error)
		report_fail("the reference counter was set to 0 on CPU %d, and nobody minded", cpu);
	report_fact("counter.write", "error %d, status 0x%x", -steps[1].error, steps[1].status);
	steps[1].error = 0;
	regs_all_well(cpu, steps, 3, 0);
	if (steps[2].value < steps[0].value)
		report_fail("the write to the reference counter was refused on CPU %d, but it went from %llu to %llu",
			    cpu, (unsigned long long)steps[0].value,
			    (unsigned long long)steps[2].value);
}

/* Two readings in a row on one CPU, and one on each CPU in turn: never the same, never less. */
static void counter_strict(int unused)
{
	uint64_t last = 0, readings = 0, equal = 0;
	int cpu, from = -1;

	(void)unused;
	need_registers();
	for (int round = 0; round < 50; round++)
		cpus_for_each(cpu, report_cpus()) {
			struct hv_step steps[10];

			for (int i = 0; i < 10; i++)
				steps[i] = (struct hv_step)STEP_GET(HV_REG_TIME_REF_COUNT);
			REGS_RUN(cpu, steps);
			regs_all_well(cpu, steps, 10, 0);
			for (int i = 0; i < 10; i++) {
				if (steps[i].value < last)
					report_fail("the reference counter was %llu on CPU %d, then %llu on CPU %d",
						    (unsigned long long)last, from,
						    (unsigned long long)steps[i].value, cpu);
				equal += steps[i].value == last;
				last = steps[i].value;
				from = cpu;
				readings++;
			}
		}
	report_metric("readings", readings, "readings");
	report_metric("equal", equal, "readings");
	if (equal)
		report_fail("%llu of %llu readings of the reference counter equal the one before: it isn't strictly increasing",
			    (unsigned long long)equal, (unsigned long long)readings);
}

/* The page between two readings of the register; equal is allowed, since units are coarse. */
static void page(int cpu)
{
	struct hv_step steps[3 * 20];
	int64_t width[20];

	need_registers();
	for (int i = 0; i < 20; i++) {
		steps[3 * i] = (struct hv_step)STEP_GET(HV_REG_TIME_REF_COUNT);
		steps[3 * i + 1] = (struct hv_step)STEP_PAGE();
		steps[3 * i + 2] = (struct hv_step)STEP_GET(HV_REG_TIME_REF_COUNT);
	}
	REGS_RUN(cpu, steps);
	if (steps[1].error == -ENODATA)
		report_skip(
			"nobody gave Hyper-V a reference TSC page (on arm64 the module hv_stimer does)");
	regs_all_well(cpu, steps, 60, 0);
	for (int i = 0; i < 20; i++) {
		const struct hv_step *s = &steps[3 * i];

		if (!s[1].high)
			report_skip("the reference TSC page isn't valid (sequence 0)");
		if (s[1].value < s[0].value || s[1].value > s[2].value)
			report_fail("on CPU %d the reference TSC page says %llu between %llu and %llu by the register",
				    cpu, (unsigned long long)s[1].value,
				    (unsigned long long)s[0].value, (unsigned long long)s[2].value);
		width[i] = (s[2].value - s[0].value) * 100;
	}
	report_metric("width_p50", stats_of(width, 20).p50, "ns");
}

static void vp_index(int unused)
{
	uint64_t index[CPUS_MAX];
	int cpu, other;

	(void)unused;
	need_registers();
	cpus_for_each(cpu, report_cpus()) {
		index[cpu] = regs_get(cpu, HV_REG_VP_INDEX);
		cpus_for_each(other, report_cpus())
			if (other < cpu && index[other] == index[cpu])
				report_fail("CPUs %d and %d are both virtual processor %llu", other,
					    cpu, (unsigned long long)index[cpu]);
	}
}

static const char *answer(const struct hv_step *written, const struct hv_step *read)
{
	if (written->error)
		return "refused";
	return read->value == written->value ? "kept" : "ignored";
}

/* "Should be zero" (TLFS): no promise of what becomes of other values. */
static void undefined_bits(int cpu)
{
	static const int bits[] = { 13, 14, 15, 20, 31, 32, 63 };
	bool direct;

	need_registers();
	regs_clear(cpu);
	direct = guest_platform.hv_direct;
	for (size_t i = 0; i < sizeof(bits) / sizeof(*bits); i++) {
		uint64_t good = direct ? STIMER_DIRECT | STIMER_VECTOR(regs_vector()) :
					 STIMER_SINT(1);
		struct hv_step steps[] = {
			STEP_SET(CONFIG(1), good),
			STEP_SET(CONFIG(1), good | 1ull << bits[i]),
			STEP_GET(CONFIG(1)),
		};
		char name[40];

		REGS_RUN(cpu, steps);
		snprintf(name, sizeof(name), "stimer.config_bit%d", bits[i]);
		report_fact(name, "%s", answer(&steps[1], &steps[2]));
		/* Whoever refuses has changed nothing. */
		if (steps[1].error && steps[2].value != good)
			report_fail("CONFIG 0x%llx was refused on CPU %d, but CONFIG went from 0x%llx to 0x%llx",
				    (unsigned long long)steps[1].value, cpu,
				    (unsigned long long)good, (unsigned long long)steps[2].value);
	}
	regs_clear(cpu);
}

/*
 * COUNT may be any number (TLFS); one beyond 2^63 is far away, or long ago for who computes with a
 * sign.
 */
static void far_count(int cpu)
{
	static const uint64_t ahead[] = { 1ull << 40, 1ull << 62, 1ull << 63, UINT64_MAX / 8 * 7 };

	need_registers();
	guest_need_direct_mode();
	regs_clear(cpu);
	for (size_t i = 0; i < sizeof(ahead) / sizeof(*ahead); i++) {
		struct hv_step steps[] = {
			STEP_SET(CONFIG(1), shot_config()),
			STEP_AHEAD(COUNT(1), ahead[i]),
			STEP_PAUSE(2 * HV_MSEC),
			STEP_GET(CONFIG(1)),
			STEP_SET(COUNT(1), 0),
		};
		bool waits;
		char name[40];

		REGS_RUN(cpu, steps);
		regs_all_well(cpu, steps, 5, 0);
		waits = steps[3].value & STIMER_ENABLE;
		snprintf(name, sizeof(name), "stimer.ahead_0x%llx", (unsigned long long)ahead[i]);
		report_fact(name, "%s", waits ? "waits" : "expires at once");
		/* 2^40 units are 30 hours. */
		if (!i && !waits)
			report_fail("STIMER1 of CPU %d was due in 30 hours, and expired within 2 ms",
				    cpu);
	}
	regs_clear(cpu);
}

static const struct report_case cases[] = {
	{ "counter_readonly",
	  "I8: a write to TIME_REF_COUNT is refused (#GP on x86, a hypercall's status on arm64), and changes nothing (TLFS, reference counter)",
	  counter_readonly, true },
	{ "counter_strict",
	  "E6, I8: successive readings of TIME_REF_COUNT increase strictly, whichever virtual processor reads (TLFS, reference counter)",
	  counter_strict, false },
	{ "page",
	  "E7: scale and offset of the reference TSC page tell the time of TIME_REF_COUNT, exactly (TLFS, partition reference time enlightenment)",
	  page, true },
	{ "vp_index", "I7: no two CPUs are one virtual processor (TLFS, VP_INDEX)", vp_index,
	  false },
	{ "undefined_bits",
	  "I8: a CONFIG that is refused changes nothing; whether bits that should be zero are refused, ignored or kept is a fact",
	  undefined_bits, true },
	{ "far_count", "I8: a COUNT that is far away doesn't expire now (TLFS, COUNT)", far_count,
	  true },
};

static void setup(void)
{
	guest_setup();
	hv_regs_open();
}

REPORT_MAIN("hyperv", "registers", .setup = setup)
