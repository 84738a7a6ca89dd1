// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/interrupts tells whose interrupts wake a CPU: Hyper-V's timer alone, and few when it idles.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/clockevents.h"
#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/files.h"
#include "../lib/interrupts.h"
#include "../lib/report.h"
#include "../lib/resolution.h"
#include "../lib/wake.h"
#include "guest.h"

/*
 * Interrupts on one CPU; HVS is the timer's, LOC the local APIC's, HYP the hypervisor's callback.
 */
struct counts {
	uint64_t timer, loc, hyp;
};

static struct counts count(int cpu)
{
	struct irq_table table;
	struct counts c;
	int err = irq_table_read(&table);

	if (err)
		report_fail("/proc/interrupts: %s", strerror(-err));
	c.timer = irq_count(&table, irq_row_of_clockevent(&table, HV_CLOCKEVENT), cpu);
	c.loc = irq_count(&table, irq_row_named(&table, "LOC"), cpu);
	c.hyp = irq_count(&table, irq_row_named(&table, "HYP"), cpu);
	irq_table_free(&table);
	return c;
}

/* The kernel counts in 32 bits. */
static struct counts since(int cpu, struct counts before)
{
	struct counts now = count(cpu);

	return (struct counts){ (uint32_t)(now.timer - before.timer),
				(uint32_t)(now.loc - before.loc),
				(uint32_t)(now.hyp - before.hyp) };
}

/* arch_show_interrupts() prints a row where the vector has a handler. */
static void rows(int unused)
{
	struct irq_table table;
	bool timer, hyp, expected = guest_platform.hv_direct;
	const char *row = "HVS";

	(void)unused;
	guest_need_hyperv();
	ck_assert_int_eq(irq_table_read(&table), 0);
	timer = irq_row_of_clockevent(&table, HV_CLOCKEVENT);
	hyp = irq_row_named(&table, "HYP");
	irq_table_free(&table);
	if (guest_platform.arm64) {
		/* Linux has no driver of its own there. */
		expected = guest_platform.hv_module;
		row = "Hyper-V stimer0";
	}
	if (timer != expected)
		report_fail("direct mode is %soffered, our module hv_stimer is %sloaded, but /proc/interrupts has %s row %s",
			    guest_platform.hv_direct ? "" : "not ",
			    guest_platform.hv_module ? "" : "not ", timer ? "a" : "no", row);
	if (guest_platform.x86 && !hyp)
		report_fail("/proc/interrupts has no row HYP, the hypervisor's callback");
}

static void sleeping(int cpu)
{
	struct wake w = {
		.cpu = cpu, .kind = WAKE_ABS, .count = 60, .interval_ns = 4 * NSEC_PER_MSEC
	};
	struct wake *all[] = { &w };
	struct wake_death death;
	struct counts before, c;
	struct stats late;

	guest_need_clockevent(cpu);
	cpu_pin(cpus_observer(cpu, report_cpus(), NULL));
	before = count(cpu);
	ck_assert_int_eq(wake_start(&w), 0);
	if (wake_watch(all, 1, &death))
		report_fail("CPU %d: a sleep is %.1f s overdue", cpu, death.waited_ns / 1e9);
	late = wake_join(&w);
	c = since(cpu, before);
	report_metric("sleeps", w.woken, "sleeps");
	report_metric("late_p50", late.p50, "ns");
	report_metric("timer", c.timer, "interrupts");
	report_metric("loc", c.loc, "interrupts");
	report_metric("hyp", c.hyp, "interrupts");
	if (w.early)
		report_fail("%u of %u sleeps ended early", w.early, w.woken);
	/*
	 * Half of them, since a late wake-up may share its interrupt with the tick or the next one.
	 */
	if (c.timer < w.woken / 2)
		report_fail("%u sleeps ended on CPU %d, but Hyper-V's timer interrupted %llu times only",
			    w.woken, cpu, (unsigned long long)c.timer);
	if (guest_platform.x86 && c.loc > 2)
		report_fail("CPU %d is on Hyper-V's timer, but its local APIC timer interrupted %llu times",
			    cpu, (unsigned long long)c.loc);
}

/* Idle time of cpu in USER_HZ, and context switches of all CPUs, since boot. */
static bool read_stat(int cpu, unsigned long long *idle, unsigned long long *switches)
{
	char *data, *line, *rest;
	int found = 0, n;

	if (file_read("/proc/stat", &data) < 0)
		return false;
	for (rest = data; (line = strsep(&rest, "\n"));) {
		if (sscanf(line, "cpu%d %*u %*u %*u %llu", &n, idle) == 2 && n == cpu)
			found |= 1;
		else if (sscanf(line, "ctxt %llu", switches) == 1)
			found |= 2;
		if (found == 3)
			break;
	}
	free(data);
	return found == 3;
}

#define TRIES	3
#define IDLE_NS (400 * NSEC_PER_MSEC)

/*
 * Fails only if the interrupts are as many as a periodic tick makes, and nothing
 * that ran can account for them; the quietest of some tries counts.
 */
static void idle(int cpu)
{
	unsigned long long idle0, idle1, switches0, switches1;
	double rate, least = 1e9, hz, share = 0;
	struct timespec ts = ns_timespec(IDLE_NS);
	unsigned long long switches = 0;
	char cmdline[4096] = "";

	guest_need_clockevent(cpu);
	hz = 1e9 / tick_ns();
	for (int i = 0; i < TRIES && least > 20; i++) {
		struct counts before;
		int64_t start;

		ck_assert_int_eq(cpu_pin(cpu), 0);
		before = count(cpu);
		ck_assert(read_stat(cpu, &idle0, &switches0));
		start = clock_ns(CLOCK_MONOTONIC);
		clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
		start = clock_ns(CLOCK_MONOTONIC) - start;
		ck_assert(read_stat(cpu, &idle1, &switches1));
		rate = since(cpu, before).timer * 1e9 / start;
		if (rate < least) {
			least = rate;
			share = (idle1 - idle0) * 1e9 / sysconf(_SC_CLK_TCK) / start;
			switches = switches1 - switches0;
		}
	}
	report_metric("rate", least, "interrupts/s");
	report_metric("idle", share * 100, "%");
	if (least < hz / 2)
		return;
	if (file_read_line("/proc/cmdline", cmdline, sizeof(cmdline)) >= 0 &&
	    strstr(cmdline, "nohz=off"))
		report_skip("the kernel's command line says nohz=off");
	if (share < 0.9 || switches > least * IDLE_NS / 1e9)
		report_skip("CPU %d was never idle: %.0f %% of the time, %llu context switches",
			    cpu, share * 100, switches);
	report_fail("CPU %d idled, but Hyper-V's timer interrupted %.0f times a second: the tick (%.0f Hz) doesn't stop",
		    cpu, least, hz);
}

static const struct report_case cases[] = {
	{ "rows",
	  "I7: the row HVS is there where STIMER's direct mode is offered, HYP on every Hyper-V guest (mshyperv.c, arch/x86/kernel/irq.c); on arm64 \"Hyper-V stimer0\" with our module hv_stimer",
	  rows, false },
	{ "sleeping",
	  "I5, B6: while the Hyper-V clockevent is in use each sleep is its interrupt's to end, and the local APIC timer's row stays where it is",
	  sleeping, true },
	{ "idle", "B12: an idle CPU is not interrupted at the rate of the tick", idle, true },
};

REPORT_MAIN("hyperv", "interrupts", .setup = guest_setup)
