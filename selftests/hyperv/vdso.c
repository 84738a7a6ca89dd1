// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reference TSC page is good only while its sequence isn't 0; else each
 * reading of a clock is a system call and an MSR. No file tells, so
 * the system calls that the vDSO makes are counted (cs_syscalls()).
 */
#define _GNU_SOURCE
#include <string.h>

#include "../lib/clocks.h"
#include "../lib/clocksource.h"
#include "../lib/report.h"
#include "../lib/stats.h"
#include "guest.h"

static void need_page(void)
{
	guest_need_hyperv();
	if (guest_platform.arm64)
		report_skip("arm64's vDSO doesn't know the reference TSC page");
	if (strcmp(guest_clocksource(), HV_TSC_PAGE))
		report_skip("the clocksource is %s, not " HV_TSC_PAGE, guest_clocksource());
}

static void served(int unused)
{
	static const struct {
		clockid_t clock;
		const char *name;
	} clocks[] = {
		{ CLOCK_MONOTONIC, "CLOCK_MONOTONIC" },
		{ CLOCK_MONOTONIC_RAW, "CLOCK_MONOTONIC_RAW" },
		{ CLOCK_REALTIME, "CLOCK_REALTIME" },
		{ CLOCK_BOOTTIME, "CLOCK_BOOTTIME" },
	};

	(void)unused;
	need_page();
	for (size_t i = 0; i < sizeof(clocks) / sizeof(*clocks); i++) {
		int calls = cs_syscalls(clocks[i].clock, 1000);

		if (calls < 0)
			report_skip("this kernel takes no seccomp filters: %s", strerror(-calls));
		if (calls)
			report_fail("%s on " HV_TSC_PAGE
				    " makes a system call: the reference TSC page isn't valid (its sequence is 0: no stable TSC at the host?)",
				    clocks[i].name);
	}
}

/* Median cost of a reading, in ns. */
static double cost(int64_t (*read_clock)(clockid_t clock))
{
	int64_t each[101];

	for (size_t i = 0; i < sizeof(each) / sizeof(*each); i++) {
		uint64_t begun = counter_read();

		for (int n = 0; n < 20; n++)
			read_clock(CLOCK_MONOTONIC);
		each[i] = counter_since_ns(begun);
	}
	return stats_of(each, sizeof(each) / sizeof(*each)).p50 / 20.0;
}

/*
 * Who reads the page does no more than the kernel does after a system call, and spares the way
 * there and back.
 */
static void cost_of_reading(int unused)
{
	double by_libc, by_syscall;

	(void)unused;
	need_page();
	/* A host that stops us in most readings of one kind does so once. */
	for (int tries = 0; tries < 3; tries++) {
		by_libc = cost(clock_ns);
		by_syscall = cost(clock_ns_syscall);
		if (by_libc < by_syscall)
			break;
	}
	report_metric("libc", by_libc, "ns");
	report_metric("syscall", by_syscall, "ns");
	if (by_syscall > 0)
		report_metric("libc_by_syscall", by_libc / by_syscall, "ratio");
	if (by_libc >= by_syscall)
		report_fail("a reading of CLOCK_MONOTONIC by libc costs %.0f ns, one by system call %.0f ns, and should cost more (medians, 3 times out of 3): " HV_TSC_PAGE
			    " spares nothing",
			    by_libc, by_syscall);
}

static const struct report_case cases[] = {
	{ "served",
	  "D10, E7: clock_gettime() on hyperv_clocksource_tsc_page is the vDSO's own: the page is valid (TLFS, reference TSC page; arch/x86/include/asm/vdso/gettimeofday.h)",
	  served, false },
	{ "cost",
	  "D10: a reading of the clock by the page costs less than one by system call (lib/vdso/gettimeofday.c)",
	  cost_of_reading, false },
};

REPORT_MAIN("hyperv", "vdso", .setup = guest_setup)
