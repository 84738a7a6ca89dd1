// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE

#include "../lib/report.h"
#include "../lib/stats.h"
#include "periodic.h"
#include "shots.h"

#define UNIT_NS 100

#define PERIOD (4 * HV_MSEC)
#define PERIODS 60
#define QUARTERS 4

#if defined(__aarch64__)
#define ONLY_OURS true
#else
#define ONLY_OURS false	/* Linux's own STIMER0 has the same vector */
#endif

/*
 * The handler's times on a grid of PERIOD from the start: how far behind its line
 * each is. Whoever keeps the phase stays where he began, but for what the host
 * delays; whoever sets the next expiry from the last one's handling drifts off,
 * further in each quarter.
 */
static bool drifts(int cpu, uint64_t start, const struct hv_event *events, size_t nr)
{
	static int64_t behind[HV_EVENTS_MAX];
	int64_t first = 0, last = 0;
	bool rising = true;

	for (uint64_t q = 0; q < QUARTERS; q++) {
		size_t there = 0;
		struct stats s;
		int64_t one;

		for (size_t i = 0; i < nr; i++) {
			uint64_t since = events[i].time - start;

			if ((int)events[i].cpu == cpu && events[i].time >= start + PERIOD &&
			    since / PERIOD * QUARTERS / PERIODS == q)
				behind[there++] = since % PERIOD * UNIT_NS;
		}
		if (there < PERIODS / QUARTERS / 2) {
			report_note("%zu interrupts only in %d periods: the phase isn't told", there, PERIODS / QUARTERS);
			return false;
		}
		s = stats_of(behind, there);
		one = ONLY_OURS ? s.min : s.p50;
		if (!q)
			first = one;
		else
			rising &= one > last;
		last = one;
	}
	report_metric("behind_at_first", first, "ns");
	report_metric("behind_at_last", last, "ns");
	return rising && last - first > (int64_t)PERIOD * UNIT_NS / 4;
}

bool periodic_drifts(int cpu)
{
	static struct hv_event events[HV_EVENTS_MAX];
	struct hv_step begin[] = {
		STEP_SET(HV_REG_STIMER_CONFIG(1), shot_config() | STIMER_PERIODIC),
		STEP_GET(HV_REG_TIME_REF_COUNT),
		STEP_SET(HV_REG_STIMER_COUNT(1), PERIOD), STEP_GET(HV_REG_STIMER_CONFIG(1)),
	}, end[] = {
		STEP_GET(HV_REG_STIMER_CONFIG(1)), STEP_GET(HV_REG_STIMER_COUNT(1)),
		STEP_GET(HV_REG_TIME_REF_COUNT), STEP_SET(HV_REG_STIMER_COUNT(1), 0),
		STEP_SET(HV_REG_STIMER_CONFIG(1), 0),
	};
	uint64_t start, now;
	size_t nr, mine = 0;

	regs_events(NULL, 0);
	REGS_RUN(cpu, begin);
	regs_all_well(cpu, begin, 4, 0);
	start = begin[1].value;
	if (!(begin[3].value & STIMER_ENABLE))
		report_fail("STIMER1 of CPU %d was armed, and isn't enabled (CONFIG 0x%llx)", cpu,
			    (unsigned long long)begin[3].value);
	do
		now = regs_get(cpu, HV_REG_TIME_REF_COUNT);
	while (now - start < PERIOD * PERIODS);
	REGS_RUN(cpu, end);
	regs_all_well(cpu, end, 5, 0);
	nr = regs_events(events, HV_EVENTS_MAX);
	if (!(end[0].value & STIMER_ENABLE) || !(end[0].value & STIMER_PERIODIC))
		report_fail("STIMER1 of CPU %d was periodic, and %d periods later CONFIG is 0x%llx", cpu, PERIODS,
			    (unsigned long long)end[0].value);
	if (end[1].value != PERIOD)
		report_fail("STIMER1 of CPU %d has a period of %llu, and COUNT reads %llu", cpu, PERIOD,
			    (unsigned long long)end[1].value);
	nr = nr < HV_EVENTS_MAX ? nr : HV_EVENTS_MAX;
	for (size_t i = 0; i < nr; i++) {
		if ((int)events[i].cpu != cpu)
			continue;
		mine++;
		if (ONLY_OURS && events[i].time < start + mine * PERIOD)
			report_fail("expiry %zu of STIMER1 of CPU %d came %llu units of 100 ns early", mine, cpu,
				    (unsigned long long)(start + mine * PERIOD - events[i].time));
	}
	report_metric("interrupts", mine, "interrupts");
	report_metric("periods", (end[2].value - start) / PERIOD, "periods");
	if (!mine)
		report_fail("STIMER1 of CPU %d was periodic for %d periods, and never interrupted", cpu, PERIODS);
	return drifts(cpu, start, events, nr);
}

