// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unbinding clocksources, the one in use each time, down to the last: the next
 * best takes over, the unbound one is gone, and time goes on
 * (kernel/time/clocksource.c: clocksource_unbind, clocksource_select_fallback).
 *
 * NOT undone: the kernel has no way to bind a clocksource again until it
 * reboots. So this runs after all else. It sleeps nowhere: a test before it
 * may have left a CPU without a timer.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../lib/clockevents.h"
#include "../lib/clocks.h"
#include "../lib/clocksource.h"
#include "../lib/cpus.h"
#include "../lib/platform.h"
#include "../lib/readers.h"
#include "../lib/report.h"
#include "sources.h"

static struct platform platform;

/* CPUs whose timers work: on any other, a thread that keeps busy is never preempted. */
static struct cpus living(void)
{
	struct cpus set = *report_cpus();
	char device[CE_NAME_LEN];
	int cpu;

	cpus_for_each(cpu, report_cpus())
		if (!ce_current(cpu, device) && !platform_functional(device))
			cpus_remove(&set, cpu);
	return set;
}

/* Unbinds the source in use and demands that the next takes its place. */
static void unbind_current(const struct cs_list *before)
{
	const char *source = before->name[0], *next = before->name[1];
	ssize_t n = cs_unbind(source, strlen(source));
	char now[CS_NAME_LEN];

	if (n != (ssize_t)strlen(source))
		report_fail("unbinding %s, with %s to take its place, gave %s", source, next,
			    n < 0 ? strerrorname_np(-n) : "a short write");
	ck_assert_int_eq(cs_current(now), 0);
	if (strcmp(now, next))
		sources_ask(next);
	if (strcmp(now, next))
		report_fail("after the unbinding of %s, %s is in use instead of the next best, %s",
			    source, now, next);
	if (cs_find(sources_need(), source) >= 0)
		report_fail("%s is unbound and still available", source);
	n = cs_unbind(source, strlen(source));
	if (n != -ENODEV)
		report_fail("unbinding %s once more gave %s instead of ENODEV", source,
			    n < 0 ? strerrorname_np(-n) : "success");
	report_note("unbound %s: %s took over", source, now);
}

static void judge(const struct readers *r)
{
	uint64_t readings = 0;

	for (int i = 0; i < NR_READ_CLOCKS; i++) {
		struct read_result result = readers_result(r, i);

		readings += result.own.count;
		if (result.own.backward)
			report_fail("CLOCK_%s stepped back in one thread %llu times, by up to %lld ns",
				    read_clocks[i].name, (unsigned long long)result.own.backward,
				    (long long)result.own.worst);
		if (result.behind)
			report_fail("CLOCK_%s was behind what another CPU had read before, %llu times, by up to %lld ns",
				    read_clocks[i].name, (unsigned long long)result.behind,
				    (long long)result.behind_worst);
		if (!result.own.forward)
			report_fail("CLOCK_%s stood still", read_clocks[i].name);
	}
	report_metric("readings", readings, "readings");
}

static void current_source(int unused)
{
	struct cpus cpus = living();
	struct readers readers;
	struct cs_list *list = sources_need();
	struct cs_list at_start = *list;
	size_t unbound = 0;
	ssize_t n;
	int err;

	(void)unused;
	sources_need_writable(CS_UNBIND);
	if (list->nr < 2)
		report_skip("%s is the only clocksource this system can use", list->name[0]);
	if (!cpus_count(&cpus))
		report_skip("no CPU has a timer that works");
	/* No override that would beat the next best; an unbinding can't be undone anyway. */
	n = cs_select("\n", 1);
	if (n != 1)
		report_fail("writing an empty line to current_clocksource, which takes the choice back: %s",
			    n < 0 ? strerror(-n) : "not all of it was taken");
	cpu_pin(cpus_next(-1, &cpus));
	err = readers_start(&readers, &cpus, NULL);
	if (err)
		report_fail("starting a reader on each CPU: %s", strerror(-err));
	while (sources_need()->nr > 1) {
		struct cs_list before = *sources_need();

		readers_round(&readers, NSEC_PER_SEC, false);
		unbind_current(&before);
		unbound++;
		readers_round(&readers, NSEC_PER_SEC, false);
	}
	readers_stop(&readers);
	report_metric("unbound", unbound, "sources");
	for (size_t i = 0; i < at_start.nr && unbound < at_start.nr - 1; i++)
		unbound += sources_marked(at_start.name[i]);
	if (unbound != at_start.nr - 1)
		report_fail("of %zu clocksources only one is left, after %zu were unbound: expected %zu, and each to be gone by its unbinding",
			    at_start.nr, unbound, at_start.nr - 1);
	judge(&readers);
}

static void last_source(int unused)
{
	struct cs_list *list = sources_need();
	char last[CS_NAME_LEN];
	int64_t before;
	ssize_t n;

	(void)unused;
	sources_need_writable(CS_UNBIND);
	if (list->nr > 1)
		report_skip("there are still %zu clocksources", list->nr);
	strcpy(last, list->name[0]);
	before = clock_ns(CLOCK_MONOTONIC);
	n = cs_unbind(last, strlen(last));
	if (n != -EBUSY)
		report_fail("unbinding %s, the last usable clocksource, gave %s instead of EBUSY",
			    last, n < 0 ? strerrorname_np(-n) : "success");
	if (cs_find(sources_need(), last) < 0)
		report_fail("%s couldn't be unbound, and yet isn't available", last);
	if (clock_ns(CLOCK_MONOTONIC) < before)
		report_fail("MONOTONIC stepped back");
}

static const struct report_case cases[] = {
	{ "current_source",
	  "C9: unbinding the source in use switches to the next best, and it's gone (clocksource_unbind)",
	  current_source, 0 },
	{ "last_source", "C8: the last usable source can't be unbound (EBUSY, clocksource_unbind)",
	  last_source, 0 },
};

static void setup(void)
{
	platform_read(&platform);
	platform_facts(&platform);
	counter_hz();
}

REPORT_MAIN("clocksource", "unbind", .setup = setup)
