// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether the architected timer could take over, found out without taking
 * anything away: while another clockevent is in use, the module timer_probe arms
 * the virtual timer of each CPU. Its condition is met when its time has come; the
 * interrupt that firmware advertises must then be taken.
 *
 * Disruptive: the timer is set behind the kernel's back, and switched off again.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../lib/clockevents.h"
#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/interrupts.h"
#include "../lib/report.h"
#include "../test_modules/timer_probe/timer_probe.h"

#define PATH	   "/sys/kernel/debug/" TIMER_PROBE_FILE
#define CLOCKEVENT "arch_sys_timer"
#define IRQ_NAME   "arch_timer"
#define STATUS	   4 /* CNTV_CTL_EL0.ISTATUS */
#define AHEAD_NS   (2 * NSEC_PER_MSEC)
#define TRIES	   5
/* A late one is alive: under a busy host it may well take this long. */
#define LIMIT_NS (100 * NSEC_PER_MSEC)

static int probe(void)
{
	int fd = open(PATH, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (geteuid())
		report_skip("the timer is armed by a module, for root");
	if (errno == ENOENT)
		report_skip("no " PATH
			    ": the module timer_probe is not loaded (selftests/test_modules)");
	report_skip(PATH ": %s", strerror(errno));
}

static uint64_t interrupts(int cpu)
{
	struct irq_table table;
	uint64_t n;

	if (irq_table_read(&table))
		report_skip("/proc/interrupts can't be read");
	if (!irq_row_of_device(&table, IRQ_NAME))
		report_skip("/proc/interrupts has no row " IRQ_NAME);
	n = irq_count(&table, irq_row_of_device(&table, IRQ_NAME), cpu);
	irq_table_free(&table);
	return n;
}

static uint64_t ask(int fd, int cpu, unsigned int what, uint64_t ticks)
{
	struct probe_arch_timer_request r = { .what = what, .cpu = cpu, .ticks = ticks };

	if (!ioctl(fd, PROBE_ARCH_TIMER, &r))
		return r.control;
	if (errno == EOPNOTSUPP)
		report_skip("the architected timer is arm64's");
	if (errno == EBUSY)
		report_skip("the virtual timer of CPU %d is in use", cpu);
	report_fail("arming the virtual timer of CPU %d: %s", cpu, strerror(errno));
}

static void functional(int cpu)
{
	uint64_t before, begun, control;
	char name[CE_NAME_LEN];
	int fd = probe(), met = 0;

	if (ce_current(cpu, name))
		report_skip("CPU %d's current_device can't be read", cpu);
	if (!strcmp(name, CLOCKEVENT))
		report_skip("CPU %d uses " CLOCKEVENT ": arm64.timer_tables.proven judges it", cpu);
	cpu_pin(cpus_observer(cpu, report_cpus(), NULL));
	for (int i = 0; i < TRIES; i++) {
		before = interrupts(cpu);
		begun = counter_read();
		ask(fd, cpu, PROBE_ARM, counter_hz() * AHEAD_NS / NSEC_PER_SEC);
		/* Its handler masks it: the condition stays as it is. */
		do
			control = ask(fd, cpu, PROBE_LOOK, 0);
		while (interrupts(cpu) == before && counter_since_ns(begun) < AHEAD_NS + LIMIT_NS);
		if (interrupts(cpu) != before) {
			report_metric("interrupted_after", counter_since_ns(begun), "ns");
			ask(fd, cpu, PROBE_DISARM, 0);
			close(fd);
			return;
		}
		met += !!(control & STATUS);
		ask(fd, cpu, PROBE_DISARM, 0);
	}
	close(fd);
	if (!met)
		report_fail("the virtual timer of CPU %d was armed %d times, and its condition was never met: the counter stands still, or the timer isn't there",
			    cpu, TRIES);
	report_fail(CLOCKEVENT
		    ", which stands by for %s on CPU %d, is dead: armed %d times, its condition was met %d times (ISTATUS), and no interrupt came within %lld ms: advertised, and never delivered",
		    name, cpu, TRIES, met, LIMIT_NS / NSEC_PER_MSEC);
}

static const struct report_case cases[] = {
	{ "functional",
	  "I6: the architected timer that stands by for another clockevent interrupts when it is armed (arch_timer_handler_virt())",
	  functional, true },
};

REPORT_MAIN("arm64", "standby")
