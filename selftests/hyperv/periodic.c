// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE

#include "../lib/report.h"
#include "periodic.h"
#include "shots.h"

#define UNIT_NS 100

/*
 * No multiple of a tick's period: on x86 ticks have the same vector, and are not to look like ours.
 */
#define PERIOD	     (7 * HV_MSEC)
#define PARTS	     10
#define PART_PERIODS 10
#define PERIODS	     (PARTS * PART_PERIODS)
#define WINDOW	     (PERIOD / 8)

#if defined(__aarch64__)
#define ONLY_OURS true
#else
#define ONLY_OURS false /* Linux's own STIMER0 has the same vector */
#endif

/* The phase from which on, for a window, there are most. */
static int64_t densest(const int64_t *phase, size_t nr)
{
	int64_t best = 0;
	size_t most = 0;

	for (size_t i = 0; i < nr; i++) {
		size_t there = 0;

		for (size_t j = 0; j < nr; j++)
			there += (phase[j] - phase[i] + (int64_t)PERIOD) % (int64_t)PERIOD <
				 (int64_t)WINDOW;
		if (there > most) {
			most = there;
			best = phase[i];
		}
	}
	return best;
}

/*
 * Where on a grid of PERIOD from the start the handler's times lie, part by part.
 * Whoever keeps the phase stays where he began, but for what the host delays;
 * whoever sets the next expiry from the last one's handling drifts off, further
 * and further.
 */
static enum phase follow_phase(int cpu, uint64_t start, const struct hv_event *events, size_t nr)
{
	static int64_t phase[HV_EVENTS_MAX];
	int64_t behind[PARTS] = { 0 }, drift;
	bool further = true;

	for (int p = 0; p < PARTS; p++) {
		int64_t last = p ? behind[p - 1] : 0, step;
		size_t there = 0;

		for (size_t i = 0; i < nr; i++) {
			uint64_t since = events[i].time - start;

			if ((int)events[i].cpu == cpu && events[i].time >= start + PERIOD &&
			    since / PERIOD / PART_PERIODS == (uint64_t)p)
				phase[there++] = since % PERIOD;
		}
		if (there < PART_PERIODS / 2) {
			report_note("%zu interrupts only in %d periods: the phase stays unknown",
				    there, PART_PERIODS);
			return PHASE_UNCLEAR;
		}
		/* To the phase that is nearer, be it in the period before or after. */
		step = (densest(phase, there) - last) % (int64_t)PERIOD;
		if (step >= (int64_t)PERIOD / 2)
			step -= PERIOD;
		if (step < -(int64_t)PERIOD / 2)
			step += PERIOD;
		behind[p] = last + step;
		further &= p < 3 || behind[p] > behind[p - 3];
	}
	report_metric("behind_at_first", behind[0] * UNIT_NS, "ns");
	report_metric("behind_at_last", behind[PARTS - 1] * UNIT_NS, "ns");
	drift = behind[PARTS - 1] - behind[0];
	if (further && drift > (int64_t)PERIOD / 4)
		return PHASE_DRIFTS;
	return drift < (int64_t)PERIOD / 8 && drift > -(int64_t)PERIOD / 8 ? PHASE_KEPT :
									     PHASE_UNCLEAR;
}

/*
 * Whoever waits a whole period from the last one's handling is never quicker than
 * that; after an interrupt that was late, who keeps the phase is: every second time.
 */
static enum phase compare_intervals(int cpu, const struct hv_event *events, size_t nr)
{
	size_t intervals = 0, quicker = 0;
	uint64_t last = 0;

	for (size_t i = 0; i < nr; i++) {
		if ((int)events[i].cpu != cpu)
			continue;
		if (last) {
			intervals++;
			quicker += (events[i].time - last + PERIOD / 2) % PERIOD < PERIOD / 2;
		}
		last = events[i].time;
	}
	report_metric("intervals", intervals, "intervals");
	report_metric("quicker", quicker, "intervals");
	if (intervals < PERIODS / 2)
		return PHASE_UNCLEAR;
	return quicker < intervals / 4 ? PHASE_DRIFTS :
	       quicker < intervals / 3 ? PHASE_UNCLEAR :
					 PHASE_KEPT;
}

enum phase periodic_run(int cpu)
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
	enum phase by_grid, by_intervals;
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
		report_fail("STIMER1 of CPU %d was periodic, and %d periods later CONFIG is 0x%llx",
			    cpu, PERIODS, (unsigned long long)end[0].value);
	if (end[1].value != PERIOD)
		report_fail("STIMER1 of CPU %d has a period of %llu, and COUNT reads %llu", cpu,
			    PERIOD, (unsigned long long)end[1].value);
	nr = nr < HV_EVENTS_MAX ? nr : HV_EVENTS_MAX;
	for (size_t i = 0; i < nr; i++) {
		if ((int)events[i].cpu != cpu)
			continue;
		mine++;
		if (ONLY_OURS && events[i].time < start + mine * PERIOD)
			report_fail("expiry %zu of STIMER1 of CPU %d came %llu units of 100 ns early",
				    mine, cpu,
				    (unsigned long long)(start + mine * PERIOD - events[i].time));
	}
	report_metric("interrupts", mine, "interrupts");
	report_metric("periods", (end[2].value - start) / PERIOD, "periods");
	if (!mine)
		report_fail("STIMER1 of CPU %d was periodic for %d periods, and never interrupted",
			    cpu, PERIODS);
	by_grid = follow_phase(cpu, start, events, nr);
	by_intervals = ONLY_OURS ? compare_intervals(cpu, events, nr) : by_grid;
	return by_intervals > by_grid ? by_intervals : by_grid;
}
