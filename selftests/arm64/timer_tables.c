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

#define GTDT	   "/sys/firmware/acpi/tables/GTDT"
#define CLOCKEVENT "arch_sys_timer"
#define IRQ_NAME   "arch_timer"

static void need_arm64(void)
{
#if !defined(__aarch64__)
	report_skip("the architected timer is arm64's");
#endif
}

/* What firmware says; skips where it can't be read. */
static struct arm_timer firmware(void)
{
	struct arm_timer t;
	char *data;
	ssize_t n = file_read(GTDT, &data);
	int err;

	need_arm64();
	if (n >= 0) {
		err = arm_timer_gtdt(data, n, &t);
		free(data);
		if (err)
			report_fail("the GTDT can't be parsed: %zd bytes", n);
		return t;
	}
	if (n != -ENOENT)
		report_skip(GTDT ": %s", strerror(-n));
	err = arm_timer_dt(&t);
	if (err == -ENOENT)
		report_skip("neither a GTDT nor a timer node in " DT_ROOT);
	if (err == -ENOTSUP)
		report_skip("the timer's interrupt controller is %s, no GIC: what the device tree says to it isn't known to us",
			    t.controller[0] ? t.controller : "a node that doesn't say what it is");
	if (err)
		report_skip("the device tree's interrupts of the timer aren't of the GIC's form");
	return t;
}

/*
 * The row of /proc/interrupts that Linux's driver asked for, as the GIC counts; skips where it is
 * another's.
 */
static void timer_row(int *irq, enum irq_trigger *trigger)
{
	const struct irq_row *row;
	struct irq_table table;

	if (irq_table_read(&table))
		report_skip("/proc/interrupts can't be read");
	row = irq_row_of_device(&table, IRQ_NAME);
	if (!row)
		report_skip("/proc/interrupts has no row " IRQ_NAME);
	if (!arm_timer_is_gic(row->chip) || row->hwirq < 0)
		report_skip("/proc/interrupts has " IRQ_NAME
			    " on %s, no GIC: nothing can be said of its number",
			    row->chip);
	*irq = row->hwirq;
	*trigger = row->trigger;
	irq_table_free(&table);
}

/* Which of the advertised timers Linux uses; fails where it is none of them. */
static enum arm_timer_kind used(const struct arm_timer *t, enum irq_trigger *trigger)
{
	int irq;

	timer_row(&irq, trigger);
	for (int i = 0; i < ARM_TIMERS; i++) {
		if (t->timer[i].irq != irq)
			continue;
		report_note("Linux uses the %s timer: interrupt %d", arm_timer_names[i], irq);
		return i;
	}
	report_fail(IRQ_NAME " uses interrupt %d, which firmware doesn't advertise", irq);
}

static void interrupt(int unused)
{
	static const char *const names[] = { "", "level", "edge" };
	struct arm_timer t = firmware();
	enum irq_trigger trigger;
	enum arm_timer_kind kind;

	(void)unused;
	for (int i = 0; i < ARM_TIMERS; i++)
		if (t.timer[i].irq)
			report_note("advertised: %s timer, interrupt %d, %s, %s",
				    arm_timer_names[i], t.timer[i].irq,
				    t.timer[i].edge ? "edge" : "level",
				    t.timer[i].always_on ? "always on" : "not always on");
	kind = used(&t, &trigger);
	if (trigger == IRQ_NO_TRIGGER)
		report_skip("/proc/interrupts doesn't tell triggers");
	if (t.timer[kind].edge != (trigger == IRQ_EDGE))
		report_fail("interrupt %d is advertised as %s-triggered, and used as %s-triggered",
			    t.timer[kind].irq, t.timer[kind].edge ? "edge" : "level",
			    names[trigger]);
}

/*
 * A timer that may stop in idle has C3STOP, and never serves as the broadcast device
 * (tick_check_broadcast_device()).
 */
static void always_on(int unused)
{
	struct arm_timer t = firmware();
	enum irq_trigger trigger;
	char name[CE_NAME_LEN];
	bool on;

	(void)unused;
	if (ce_current(CE_BROADCAST, name))
		report_skip("this kernel has no broadcast device");
	on = t.timer[used(&t, &trigger)].always_on;
	if (!on && !strcmp(name, CLOCKEVENT))
		report_fail("the timer isn't always on, but serves as the broadcast device");
	report_note("always on: %s; broadcast device: %s", on ? "yes" : "no",
		    name[0] ? name : "none");
}

/*
 * The architected timer's interrupts on cpu; *ever: on all CPUs; *broadcast: those that may have
 * come in their place.
 */
static uint64_t count(int cpu, uint64_t *ever, uint64_t *broadcast)
{
	char device[CE_NAME_LEN] = "";
	const struct irq_row *row;
	struct irq_table table;
	uint64_t n;

	if (irq_table_read(&table))
		report_skip("/proc/interrupts can't be read");
	row = irq_row_of_device(&table, IRQ_NAME);
	n = irq_count(&table, row, cpu);
	ce_current(CE_BROADCAST, device);
	*broadcast = irq_broadcasts(&table, CLOCKEVENT, device, cpu);
	*ever = 0;
	for (size_t i = 0; i < table.nr_cpus; i++)
		*ever += irq_count(&table, row, table.cpus[i]);
	irq_table_free(&table);
	return n;
}

static void proven(int cpu)
{
	struct wake w = {
		.cpu = cpu, .kind = WAKE_ABS, .count = 20, .interval_ns = 5 * NSEC_PER_MSEC
	};
	struct wake *all[] = { &w };
	struct wake_death death;
	char name[CE_NAME_LEN];
	uint64_t before, after, ever, broadcasts, stood_in;

	need_arm64();
	if (ce_current(cpu, name))
		report_skip("CPU %d's current_device can't be read", cpu);
	before = count(cpu, &ever, &broadcasts);
	if (strcmp(name, CLOCKEVENT)) {
		if (!ever)
			report_skip("WARNING: " CLOCKEVENT
				    " stands by for %s, advertised, and never delivered an interrupt (0 since boot on every CPU): unproven (clockevents.unbind_fallback proves it)",
				    name);
		report_skip("CPU %d uses %s: " CLOCKEVENT
			    " stands by, with %llu interrupts on all CPUs",
			    cpu, name, (unsigned long long)ever);
	}
	cpu_pin(cpus_observer(cpu, report_cpus(), NULL));
	ck_assert_int_eq(wake_start(&w), 0);
	if (wake_watch(all, 1, &death))
		report_fail("CPU %d: a sleep is %.1f s overdue", cpu, death.waited_ns / 1e9);
	wake_join(&w);
	after = count(cpu, &ever, &stood_in);
	report_metric("sleeps", w.woken, "sleeps");
	report_metric("irqs", (uint32_t)(after - before), "interrupts");
	/*
	 * Where deep idle stops the timer, another wakes the CPU; half, since some share an
	 * interrupt with the tick.
	 */
	report_metric("broadcasts", (uint32_t)(stood_in - broadcasts), "interrupts");
	if ((uint32_t)(after - before) + (uint32_t)(stood_in - broadcasts) < w.woken / 2)
		report_fail("%u sleeps ended on CPU %d, but " IRQ_NAME
			    " rose by %u only, and the interrupts of broadcasts by %u",
			    w.woken, cpu, (uint32_t)(after - before),
			    (uint32_t)(stood_in - broadcasts));
}

static const struct report_case cases[] = {
	{ "interrupt",
	  "I4: the interrupt " IRQ_NAME
	  " uses is one that GTDT or device tree advertise, with the trigger they say (arch_timer_acpi_init(), arch_timer_of_init())",
	  interrupt, false },
	{ "always_on",
	  "I4: a timer that isn't always on has C3STOP, and never serves as the broadcast device (__arch_timer_setup(), tick_check_broadcast_device())",
	  always_on, false },
	{ "proven",
	  "I5: the timer a CPU uses interrupts it; one that stands by and never has is advertised, unproven",
	  proven, true },
};

REPORT_MAIN("arm64", "timer_tables")
