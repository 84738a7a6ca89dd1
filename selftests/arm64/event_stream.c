// SPDX-License-Identifier: GPL-2.0-only
/*
 * The event stream wakes a WFE some 10,000 times a second, so that no wait for
 * an event lasts for ever. HWCAP_EVTSTRM tells that it is on.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/files.h"
#include "../lib/report.h"
#include "../lib/stats.h"

#if defined(__aarch64__)

#define EVTSTRM (1ul << 2) /* HWCAP_EVTSTRM, asm/hwcap.h */

static bool advertised(void)
{
	return getauxval(AT_HWCAP) & EVTSTRM;
}

/* Each "Features" line of /proc/cpuinfo says what the hwcap does. */
static void hwcap(int unused)
{
	char *data, *line, *rest, *word;
	int cpus = 0;

	(void)unused;
	if (file_read("/proc/cpuinfo", &data) < 0)
		report_skip("/proc/cpuinfo can't be read");
	for (rest = data; (line = strsep(&rest, "\n"));) {
		bool listed = false;

		if (strncmp(line, "Features", 8) || !strchr(line, ':'))
			continue;
		line = strchr(line, ':') + 1;
		while ((word = strsep(&line, " \t")))
			listed |= !strcmp(word, "evtstrm");
		if (listed != advertised())
			report_fail("HWCAP_EVTSTRM is %s, but CPU %d of /proc/cpuinfo has %s evtstrm",
				    advertised() ? "set" : "not set", cpus, listed ? "a" : "no");
		cpus++;
	}
	free(data);
	report_metric("cpus", cpus, "CPUs");
	if (!cpus)
		report_skip("/proc/cpuinfo has no Features");
}

#define WAITS	 300
#define LIMIT_NS (200 * NSEC_PER_MSEC)

/* A stream of 10 kHz has an event each 100 us, rounded down to a power of two of ticks. */
#define PERIOD_NS (100 * NSEC_PER_USEC)

static void wfe(int cpu)
{
	static int64_t waited[WAITS];
	uint64_t begun;
	struct stats s;
	int n;

	if (!advertised())
		report_skip("HWCAP_EVTSTRM is not set: no event stream ends a WFE");
	ck_assert_int_eq(cpu_pin(cpu), 0);
	begun = counter_read();
	for (n = 0; n < WAITS && counter_since_ns(begun) < LIMIT_NS; n++) {
		uint64_t start;

		/* The first one takes the event that may be pending. */
		__asm__ volatile("sevl; wfe" ::: "memory");
		start = counter_read();
		__asm__ volatile("wfe" ::: "memory");
		waited[n] = counter_since_ns(start);
	}
	s = stats_of(waited, n);
	report_metric("wait_p50", s.p50, "ns");
	report_metric("wait_p99", s.p99, "ns");
	report_metric("samples", n, "waits");
	/*
	 * The tick alone would end it each 1 to 10 ms. A host may be late, so the median, and ten
	 * periods.
	 */
	if (s.p50 > 10 * PERIOD_NS)
		report_fail("the event stream is on, but a WFE on CPU %d lasted %.1f us (median)",
			    cpu, s.p50 / 1e3);
	if (s.p50 < PERIOD_NS / 10)
		report_note("CPU %d: a WFE returns at once, after %lld ns (median): this CPU, or its hypervisor, doesn't wait",
			    cpu, (long long)s.p50);
}

#else

static void hwcap(int unused)
{
	(void)unused;
	report_skip("the event stream is arm64's");
}

static void wfe(int cpu)
{
	(void)cpu;
	report_skip("WFE is arm64's");
}

#endif

static const struct report_case cases[] = {
	{ "hwcap",
	  "I1: HWCAP_EVTSTRM is set where /proc/cpuinfo says evtstrm (arch_timer_set_evtstrm_feature())",
	  hwcap, false },
	{ "wfe",
	  "I1: with the event stream on a WFE ends in the order of 100 us; one that doesn't wait is reported, not failed (arch_timer_evtstrm_enable())",
	  wfe, true },
};

REPORT_MAIN("arm64", "event_stream")
