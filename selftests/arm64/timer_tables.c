// SPDX-License-Identifier: GPL-2.0-only
/*
 * Firmware advertises the architected timer's interrupts. The one that Linux
 * took must be among them, and must come, if a CPU relies on it; on Hyper-V's
 * first arm64 hosts it never did.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/arm_timer.h"
#include "../lib/clockevents.h"
#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/files.h"
#include "../lib/interrupts.h"
#include "../lib/report.h"
#include "../lib/wake.h"

#define GTDT "/sys/firmware/acpi/tables/GTDT"
#define DT "/proc/device-tree/timer/"
#define CLOCKEVENT "arch_sys_timer"
#define IRQ_NAME "arch_timer"

static void need_arm64(void)
{
#if !defined(__aarch64__)
	report_skip("the architected timer is arm64's");
#endif
}

/* What firmware says; skips where it can't be read. */
static struct arm_timer firmware(void)
{
	char *data, *flag;
	struct arm_timer t;
	ssize_t n = file_read(GTDT, &data);

	need_arm64();
	if (n >= 0) {
		if (arm_timer_gtdt(data, n, &t))
			report_fail("the GTDT can't be parsed: %zd bytes", n);
		return t;
	}
	if (n != -ENOENT)
		report_skip(GTDT ": %s", strerror(-n));
	n = file_read(DT "interrupts", &data);
	if (n < 0)
		report_skip("neither a GTDT nor " DT "interrupts (%s)", strerror(-n));
	if (arm_timer_dt(data, n, file_read(DT "always-on", &flag) >= 0, &t))
		report_skip(DT "interrupts isn't of the GIC's form: %zd bytes", n);
	return t;
}

/* The row of /proc/interrupts that Linux's driver asked for. */
static void timer_row(int *irq, bool *edge)
{
	struct irq_table table;
	char *data, *line, *rest;
	bool found = false;

	if (irq_table_read(&table) || file_read("/proc/interrupts", &data) < 0)
		report_skip("/proc/interrupts can't be read");
	for (rest = data; !found && (line = strsep(&rest, "\n"));)
		found = arm_timer_row(line, table.nr_cpus, IRQ_NAME, irq, edge);
	free(data);
	irq_table_free(&table);
	if (!found)
		report_skip("/proc/interrupts has no row " IRQ_NAME);
}

static void interrupt(int unused)
{
	struct arm_timer t = firmware();
	bool edge;
	int irq;

	(void)unused;
	report_note("advertised: secure %d, physical %d, virtual %d, hypervisor %d; always on: %s", t.timer[0].irq,
		    t.timer[1].irq, t.timer[2].irq, t.timer[3].irq, t.always_on ? "yes" : "no");
	timer_row(&irq, &edge);
	for (int i = 0; i < ARM_TIMERS; i++) {
		if (t.timer[i].irq != irq)
			continue;
		report_note("Linux uses the %s timer: interrupt %d, %s", arm_timer_names[i], irq, edge ? "edge" : "level");
		if (t.timer[i].edge != edge)
			report_fail("interrupt %d is advertised as %s-triggered, and used as %s-triggered", irq,
				    t.timer[i].edge ? "edge" : "level", edge ? "edge" : "level");
		return;
	}
	report_fail(IRQ_NAME " uses interrupt %d, which firmware doesn't advertise", irq);
}

/* A timer that may stop in idle has C3STOP, and never serves as the broadcast device (tick_check_broadcast_device()). */
static void always_on(int unused)
{
	struct arm_timer t = firmware();
	char name[CE_NAME_LEN];

	(void)unused;
	if (ce_current(CE_BROADCAST, name))
		report_skip("this kernel has no broadcast device");
	if (!t.always_on && !strcmp(name, CLOCKEVENT))
		report_fail("the timer isn't always on, but serves as the broadcast device");
	report_note("always on: %s; broadcast device: %s", t.always_on ? "yes" : "no", name[0] ? name : "none");
}

static uint64_t count(int cpu, uint64_t *ever)
{
	const struct irq_row *row;
	struct irq_table table;
	uint64_t n;

	if (irq_table_read(&table))
		report_skip("/proc/interrupts can't be read");
	row = irq_row_of_device(&table, IRQ_NAME);
	n = irq_count(&table, row, cpu);
	*ever = 0;
	for (size_t i = 0; i < table.nr_cpus; i++)
		*ever += irq_count(&table, row, table.cpus[i]);
	irq_table_free(&table);
	return n;
}

static void proven(int cpu)
{
	struct wake w = { .cpu = cpu, .kind = WAKE_ABS, .count = 20, .interval_ns = 5 * NSEC_PER_MSEC };
	struct wake *all[] = { &w };
	struct wake_death death;
	char name[CE_NAME_LEN];
	uint64_t before, after, ever;

	need_arm64();
	if (ce_current(cpu, name))
		report_skip("CPU %d's current_device can't be read", cpu);
	before = count(cpu, &ever);
	if (strcmp(name, CLOCKEVENT)) {
		if (!ever)
			report_skip("WARNING: " CLOCKEVENT " stands by for %s, advertised, and never delivered an interrupt (0 since boot on every CPU): unproven (clockevents.unbind_fallback proves it)",
				    name);
		report_skip("CPU %d uses %s: " CLOCKEVENT " stands by, with %llu interrupts on all CPUs", cpu, name,
			    (unsigned long long)ever);
	}
	cpu_pin(cpus_observer(cpu, report_cpus(), NULL));
	ck_assert_int_eq(wake_start(&w), 0);
	if (wake_watch(all, 1, &death))
		report_fail("CPU %d: a sleep is %.1f s overdue", cpu, death.waited_ns / 1e9);
	wake_join(&w);
	after = count(cpu, &ever);
	report_metric("sleeps", w.woken, "sleeps");
	report_metric("irqs", (uint32_t)(after - before), "interrupts");
	if ((uint32_t)(after - before) < w.woken / 2)
		report_fail("%u sleeps ended on CPU %d, but " IRQ_NAME " rose by %llu only", w.woken, cpu,
			    (unsigned long long)(after - before));
}

static const struct report_case cases[] = {
	{ "interrupt", "I4: the interrupt " IRQ_NAME " uses is one that GTDT or device tree advertise, with the trigger they say (arch_timer_acpi_init(), arch_timer_of_init())", interrupt, false },
	{ "always_on", "I4: a timer that isn't always on has C3STOP, and never serves as the broadcast device (__arch_timer_setup(), tick_check_broadcast_device())", always_on, false },
	{ "proven", "I5: the timer a CPU uses interrupts it; one that stands by and never has is advertised, unproven", proven, true },
};

int main(int argc, char **argv)
{
	static const struct report_program program = {
		.surface = "arm64", .program = "timer_tables",
		.cases = cases, .nr_cases = sizeof(cases) / sizeof(*cases),
	};

	return report_main(argc, argv, &program);
}
