// SPDX-License-Identifier: GPL-2.0-only
/* Synthetic timer 0 of each CPU, read back while Linux uses it, or doesn't. */
#define _GNU_SOURCE
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "../lib/clockevents.h"
#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/report.h"
#include "../lib/stats.h"
#include "guest.h"

#define ARMINGS	 40
#define AHEAD_NS (20 * NSEC_PER_MSEC)

/*
 * Arms a timer on this CPU that is due in AHEAD_NS, so that the clockevent has something to wait
 * for.
 */
static void arm(int fd)
{
	struct itimerspec timer = { .it_value = ns_timespec(AHEAD_NS) };

	ck_assert_int_eq(timerfd_settime(fd, 0, &timer, NULL), 0);
}

/* Goes to cpu, which must be on Hyper-V's timer, and returns a timerfd to arm there. */
static int open_timer(int cpu)
{
	int timer;

	guest_need_hyperv();
	guest_need_clockevent(cpu);
	ck_assert_int_eq(cpu_pin(cpu), 0);
	guest_need_registers(cpu);
	timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	ck_assert_int_ge(timer, 0);
	return timer;
}

static void config(int cpu)
{
	unsigned int enabled = 0;
	int timer;

	timer = open_timer(cpu);
	for (int i = 0; i < ARMINGS; i++) {
		uint64_t value;

		arm(timer);
		value = guest_read(cpu, HV_REG_STIMER0_CONFIG);
		if (stimer_config_wrong(value))
			report_fail("STIMER0_CONFIG of CPU %d is 0x%llx: %s", cpu,
				    (unsigned long long)value, stimer_config_wrong(value));
		enabled += stimer_config(value).enable;
	}
	report_metric("enabled", enabled, "readings");
	report_metric("samples", ARMINGS, "readings");
	/* At each expiry Enable falls, until Linux sets the next one. */
	if (enabled < ARMINGS / 2)
		report_fail("a timer waited on CPU %d, but STIMER0 was enabled in %u of %u readings only",
			    cpu, enabled, ARMINGS);
}

/* COUNT is absolute: no later than the timer that is due next. */
static void count(int cpu)
{
	static int64_t ahead[ARMINGS];
	unsigned int pending = 0;
	struct stats s;
	int timer;

	timer = open_timer(cpu);
	for (int i = 0; i < ARMINGS; i++) {
		uint64_t expiry, now;

		arm(timer);
		now = guest_read(cpu, HV_REG_TIME_REF_COUNT);
		expiry = guest_read(cpu, HV_REG_STIMER0_COUNT);
		/* 0 is a timer that is stopped. */
		if (expiry)
			ahead[pending++] =
				(int64_t)(expiry - now) * (NSEC_PER_SEC / HV_REFERENCE_HZ);
	}
	s = stats_of(ahead, pending);
	report_metric("ahead_p50", s.p50, "ns");
	report_metric("ahead_max", s.max, "ns");
	report_metric("samples", pending, "readings");
	if (pending < ARMINGS / 2)
		report_fail("a timer waited on CPU %d, but STIMER0_COUNT was 0 in %u of %u readings",
			    cpu, ARMINGS - pending, ARMINGS);
	/*
	 * Not each: between the clock's reading and the counter's the kernel may be held up, and
	 * sets the timer that much later.
	 */
	if (s.p50 > AHEAD_NS)
		report_fail("a timer is due on CPU %d in %lld ms, but STIMER0 in %.3f ms (median)",
			    cpu, AHEAD_NS / NSEC_PER_MSEC, s.p50 / 1e6);
}

/* Whatever took the clockevent away from a CPU earlier on: nothing is changed here. */
static void unused(int cpu)
{
	char name[CE_NAME_LEN];
	uint64_t value;

	guest_need_hyperv();
	if (ce_current(cpu, name) || !strcmp(name, HV_CLOCKEVENT))
		report_skip("CPU %d uses its Hyper-V clockevent (hyperv.unbound looks at CPUs that don't)",
			    cpu);
	guest_need_registers(cpu);
	value = guest_read(cpu, HV_REG_STIMER0_CONFIG);
	/* In message mode it is the VMBus driver's. */
	if (stimer_config(value).enable && stimer_config(value).direct)
		report_fail("CPU %d is on %s, but its STIMER0 is enabled (CONFIG 0x%llx)", cpu,
			    name, (unsigned long long)value);
}

static const struct report_case cases[] = {
	{ "config",
	  "I8: STIMER0 of a CPU on the Hyper-V clockevent is one-shot, direct, auto-enabled, with Linux's vector, and enabled while a timer waits (hv_ce_set_oneshot(); TLFS, timers)",
	  config, true },
	{ "count",
	  "I8: STIMER0_COUNT is an absolute reference time, no later than the next timer is due (hv_ce_set_next_event())",
	  count, true },
	{ "unused", "STIMER0 of a CPU on another clockevent is disabled (hv_ce_shutdown())", unused,
	  true },
};

REPORT_MAIN("hyperv", "stimer", .setup = guest_setup)
