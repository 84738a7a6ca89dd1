// SPDX-License-Identifier: GPL-2.0-only
/*
 * A clocksource that is left and chosen again goes on at the rate it had: what enable(), resume or
 * a second calibration did to it meanwhile would show (change_clocksource(), tk_setup_internals()).
 * The rate is measured by the CPU's raw counter, within certain bounds. Runs before the programs
 * that switch for other reasons.
 */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/offset.h"
#include "../lib/report.h"
#include "original.h"

#define SPAN_NS	 (150 * NSEC_PER_MSEC)
#define SAME_PPM 200
/* Of sources that each were calibrated by themselves: twice what NTP can make up for. */
#define OTHERS_PPM 1000
#define TRIES	   3

/* ns of CLOCK_MONOTONIC_RAW for a tick of the raw counter: certain bounds. */
struct pace {
	double low, high;
};

/* Sandwiches are narrow: the first in a source is thrown away. */
static struct pace measure(void)
{
	struct sandwich first, last;

	if (!sandwich_counter(CLOCK_MONOTONIC_RAW, SANDWICH_TRIES, &first) ||
	    !sandwich_counter(CLOCK_MONOTONIC_RAW, SANDWICH_TRIES, &first))
		report_fail("the raw counter goes back");
	clock_nap(SPAN_NS);
	if (!sandwich_counter(CLOCK_MONOTONIC_RAW, SANDWICH_TRIES, &last) ||
	    last.before <= first.after)
		report_fail("the raw counter stands still or goes back");
	return (struct pace){
		.low = (double)(last.value - first.value) / (last.after - first.before),
		.high = (double)(last.value - first.value) / (last.before - first.after),
	};
}

/* By how many ppm b is certainly faster than a; negative: slower; 0: neither is certain. */
static double faster(struct pace a, struct pace b)
{
	if (b.low > a.high)
		return (b.low / a.high - 1) * 1e6;
	if (b.high < a.low)
		return (b.high / a.low - 1) * 1e6;
	return 0;
}

static struct pace choose(const struct cs_list *sources, size_t i)
{
	original_leave_for(sources->name[(i + 1) % sources->nr]);
	original_leave_for(sources->name[i]);
	return measure();
}

static void rate(int unused)
{
	const struct cs_list *sources = original_need(2);
	struct pace before[CS_MAX], after[CS_MAX];
	size_t original;
	double ppm, most = 0;

	(void)unused;
	cpu_pin(cpus_next(-1, report_cpus()));
	original = cs_find(sources, original_name());
	/* The one in use hasn't been left yet. */
	before[original] = measure();
	for (size_t i = 0; i < sources->nr; i++) {
		if (i == original)
			continue;
		original_leave_for(sources->name[i]);
		before[i] = measure();
	}
	for (size_t i = 0; i < sources->nr; i++) {
		int tries = 0;

		do {
			after[i] = choose(sources, i);
			ppm = faster(before[i], after[i]);
		} while (fabs(ppm) > SAME_PPM && ++tries < TRIES);
		if (fabs(ppm) > SAME_PPM)
			report_fail("%s, left and chosen again, is %.0f ppm %s than before, %d times out of %d",
				    sources->name[i], fabs(ppm), ppm > 0 ? "faster" : "slower",
				    TRIES, TRIES);
		most = fmax(most, fabs(ppm));
	}
	for (size_t i = 1; i < sources->nr; i++) {
		ppm = faster(after[0], after[i]);
		if (fabs(ppm) > OTHERS_PPM)
			report_fail("%s is %.0f ppm %s than %s", sources->name[i], fabs(ppm),
				    ppm > 0 ? "faster" : "slower", sources->name[0]);
	}
	original_return();
	report_metric("sources", sources->nr, "sources");
	report_metric("change", most, "ppm");
	report_metric("uncertainty", (after[original].high / after[original].low - 1) * 1e6, "ppm");
}

static void restored(int unused)
{
	(void)unused;
	original_judge();
}

static const struct report_case cases[] = {
	{ "rate",
	  "C2: a source that is left and chosen again keeps its rate, and none is far off another's (change_clocksource)",
	  rate, 0 },
	{ "restored", "C2: the source in use at the start is in use at the end", restored, 0 },
};

REPORT_MAIN("clocksource", "again", .setup = original_init)
