// SPDX-License-Identifier: GPL-2.0-only
/* The architected counter and its frequency can be read at EL0, on each CPU, as the vDSO needs. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <string.h>

#include "../lib/clocks.h"
#include "../lib/clocksource.h"
#include "../lib/cpus.h"
#include "../lib/kmsg.h"
#include "../lib/report.h"
#include "../lib/stats.h"

#if defined(__aarch64__)

static sigjmp_buf faulted;

static void on_fault(int sig)
{
	siglongjmp(faulted, sig);
}

static uint64_t frequency(void)
{
	uint64_t hz;

	__asm__ volatile("mrs %0, cntfrq_el0" : "=r"(hz));
	return hz;
}

static void readable(int cpu)
{
	int64_t each[101];
	uint64_t last, hz;

	ck_assert_int_eq(cpu_pin(cpu), 0);
	signal(SIGILL, on_fault);
	signal(SIGSEGV, on_fault);
	if (sigsetjmp(faulted, 1))
		report_fail("reading CNTVCT_EL0 or CNTFRQ_EL0 on CPU %d was an illegal instruction",
			    cpu);
	hz = frequency();
	if (hz < 1000000)
		report_fail("CNTFRQ_EL0 of CPU %d says %llu Hz, less than 1 MHz", cpu,
			    (unsigned long long)hz);
	last = counter_read();
	for (size_t i = 0; i < sizeof(each) / sizeof(*each); i++) {
		int64_t begun = clock_ns(CLOCK_MONOTONIC_RAW);

		for (int n = 0; n < 100; n++) {
			uint64_t now = counter_read();

			if (now < last)
				report_fail("CNTVCT_EL0 of CPU %d went back by %llu", cpu,
					    (unsigned long long)(last - now));
			last = now;
		}
		each[i] = clock_ns(CLOCK_MONOTONIC_RAW) - begun;
	}
	/* A kernel that works around an erratum traps and emulates the read: legal, and slow. */
	report_metric("cost", stats_of(each, sizeof(each) / sizeof(*each)).p50 / 100.0, "ns");
	report_metric("frequency", frequency(), "Hz");
	report_metric("samples", 100 * sizeof(each) / sizeof(*each), "readings");
}

#else

static void readable(int cpu)
{
	(void)cpu;
	report_skip("CNTVCT_EL0 is arm64's");
}

#endif

/*
 * Whether the kernel logged why the vDSO may not read the counter: an erratum
 * whose workaround reads it in another way (arch_timer_enable_workaround()), or a
 * trapped counter. Skips where the log doesn't tell.
 */
static bool kept_out(void)
{
	bool since_boot, found = false;
	struct kmsg log;
	char text[256];

	report_need_log(kmsg_open_all(&log, &since_boot));
	while (!found && kmsg_next(&log, text, sizeof(text)))
		found = strstr(text, " workaround for ") || strstr(text, "Trapping CNTVCT access");
	kmsg_close(&log);
	if (found)
		report_note("the log: %s", text);
	else if (!since_boot)
		report_skip("the log no longer reaches back to boot: it may have said why");
	return found;
}

static void vdso(int unused)
{
	char source[CS_NAME_LEN];
	int n;

	(void)unused;
	if (cs_current(source) || strcmp(source, "arch_sys_counter"))
		report_skip("arch_sys_counter isn't the clocksource in use");
	n = cs_syscalls(CLOCK_MONOTONIC, 50);
	if (n < 0)
		report_skip("system calls can't be counted: %s", strerror(-n));
	report_metric("syscalls", n, "calls");
	if (n && !kept_out())
		report_fail("%d of 50 readings of CLOCK_MONOTONIC were system calls, and the kernel never said why the vDSO may not read the counter",
			    n);
}

static const struct report_case cases[] = {
	{ "readable",
	  "I3, E4: CNTVCT_EL0 and CNTFRQ_EL0 can be read at EL0, and the counter runs (arch_counter_set_user_access())",
	  readable, true },
	{ "vdso",
	  "D10: the vDSO reads arch_sys_counter, unless the kernel logged why it may not (arch_timer_enable_workaround(), update_vsyscall())",
	  vdso, false },
};

REPORT_MAIN("arm64", "counter_access")
