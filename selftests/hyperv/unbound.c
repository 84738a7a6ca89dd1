// SPDX-License-Identifier: GPL-2.0-only
/*
 * A CPU that gave up its Hyper-V clockevent leaves its synthetic timer switched
 * off, and switches it on again when hotplug brings the clockevent back.
 *
 * Unbinds clockevents: only where someone outside is watching.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../lib/clockevents.h"
#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/hotplug.h"
#include "../lib/interrupts.h"
#include "../lib/report.h"
#include "../lib/restore.h"
#include "guest.h"

static void current_device(int cpu, char name[CE_NAME_LEN])
{
	int err = ce_current(cpu, name);

	if (err)
		report_fail("reading CPU %d's current_device: %s", cpu, strerror(-err));
}

static void plug_cycle(int cpu)
{
	hotplug(cpu, false);
	hotplug(cpu, true);
}

/* Skips where what stands by can't be relied on: whoever lands there stays there. */
static void need_fallback(int cpu)
{
	char broadcast[CE_NAME_LEN] = "";
	struct fallback to;
	struct irq_table table;
	uint64_t ever = 0;

	ce_current(CE_BROADCAST, broadcast);
	to = platform_fallback(&guest_platform, cpu, HV_CLOCKEVENT, broadcast, false);
	if (to.kind != FALLBACK_DEVICE)
		return;
	if (!platform_functional(to.name))
		report_skip("CPU %d would fall to %s, and be dead: %s", cpu, to.name, to.why);
	if (!guest_platform.arm64 || irq_table_read(&table))
		return;
	for (size_t i = 0; i < table.nr_cpus; i++)
		ever += irq_count(&table, irq_row_of_clockevent(&table, to.name), table.cpus[i]);
	irq_table_free(&table);
	if (!ever)
		report_skip("%s stands by for CPU %d, and has never interrupted any: clockevents.unbind_fallback shows whether it can",
			    to.name, cpu);
}

/* Sleeps on cpu for a while, looking at its timer again and again. */
static void expect_disabled(int cpu, const char *device)
{
	struct timespec ts = ns_timespec(2 * NSEC_PER_MSEC);

	ck_assert_int_eq(cpu_pin(cpu), 0);
	for (int i = 0; i < 20; i++) {
		uint64_t config = guest_read(cpu, HV_REG_STIMER0_CONFIG);
		uint64_t count = guest_read(cpu, HV_REG_STIMER0_COUNT);

		if (stimer_config(config).enable || count)
			report_fail("CPU %d is on %s, but its STIMER0 has CONFIG 0x%llx, COUNT 0x%llx",
				    cpu, device, (unsigned long long)config,
				    (unsigned long long)count);
		clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
	}
	report_metric("samples", 20, "readings");
}

static void disabled(int cpu)
{
	int observer = cpus_observer(cpu, report_cpus(), NULL);
	const char *wrong;
	char device[CE_NAME_LEN];
	ssize_t written;

	guest_need_hyperv();
	guest_need_registers(cpu);
	current_device(cpu, device);
	if (strcmp(device, HV_CLOCKEVENT)) {
		report_note("CPU %d was found on %s", cpu, device);
		expect_disabled(cpu, device);
		return;
	}
	if (observer == cpu)
		report_skip("there is only one CPU, and it uses its Hyper-V clockevent");
	if (!cpu_can_offline(cpu))
		report_skip("CPU %d uses its Hyper-V clockevent, and could not get it back: it can't be taken offline",
			    cpu);
	need_fallback(cpu);
	cpu_pin(observer);
	/*
	 * The device registered last stands first on the kernel's list, so that it can be unbound.
	 */
	plug_cycle(cpu);
	hotplug_at_end(cpu);
	written = ce_unbind(cpu, HV_CLOCKEVENT, strlen(HV_CLOCKEVENT));
	if (written == -EBUSY)
		report_skip("nothing stands by for CPU %d's Hyper-V clockevent", cpu);
	if (written < 0)
		report_fail("unbinding CPU %d's Hyper-V clockevent: %s", cpu, strerror(-written));
	current_device(cpu, device);
	expect_disabled(cpu, device);
	cpu_pin(observer);
	plug_cycle(cpu);
	current_device(cpu, device);
	if (strcmp(device, HV_CLOCKEVENT))
		report_fail("CPU %d came back with %s", cpu, device);
	ck_assert_int_eq(cpu_pin(cpu), 0);
	wrong = stimer_config_wrong(guest_read(cpu, HV_REG_STIMER0_CONFIG));
	if (wrong)
		report_fail("CPU %d has its Hyper-V clockevent back, but of its STIMER0 %s", cpu,
			    wrong);
}

/* The kernel holds the module as long as a CPU, or timekeeping, depends on it. */
static void held(int unused)
{
	char before[CE_NAME_LEN], after[CE_NAME_LEN];
	int cpu, users = 0, err;

	(void)unused;
	if (!guest_platform.hv_module)
		report_skip("the module hv_stimer, which is for arm64 alone, isn't loaded");
	if (geteuid())
		report_skip("removing a module wants root");
	cpus_for_each(cpu, report_cpus()) {
		current_device(cpu, before);
		users += !strcmp(before, HV_CLOCKEVENT);
	}
	if (!users)
		report_skip("no CPU uses the Hyper-V clockevent");
	err = syscall(SYS_delete_module, "hv_stimer", O_NONBLOCK) ? errno : 0;
	if (err != EWOULDBLOCK)
		report_fail("hv_stimer is in use by %d CPUs, and removing it says: %s", users,
			    err ? strerror(err) : "done");
	cpus_for_each(cpu, report_cpus()) {
		current_device(cpu, after);
		users -= !strcmp(after, HV_CLOCKEVENT);
	}
	if (users)
		report_fail("removing hv_stimer was refused, but %d CPUs lost their Hyper-V clockevent",
			    users);
}

/*
 * A device that only stands by is taken off the kernel's list by its name, through
 * whichever CPU's file, and no error says so: the CPU that would have fallen back to
 * it has lost it. Hotplug registers it anew.
 */
static void detached(int unused)
{
	struct ce_names before, after;
	int cpu, cpus = cpus_count(report_cpus()), gone = 0, writer = cpus_next(-1, report_cpus());
	ssize_t written;

	(void)unused;
	if (!guest_platform.hv_standby)
		report_skip(
			"no device is known to stand by on each CPU: the module hv_stimer isn't loaded with standby=1");
	if (cpus < 2)
		report_skip("there is only one CPU");
	ck_assert_int_eq(ce_snapshot(&before), 0);
	cpus_for_each(cpu, &before.cpus)
		if (before.cpu[cpu][0] && !cpus_has(report_cpus(), cpu))
			report_skip("CPU %d, which this process may not run on (isolcpus, cpuset, taskset), would lose its device for good",
				    cpu);
	cpus_for_each(cpu, report_cpus())
		if (!strcmp(before.cpu[cpu], HV_CLOCKEVENT))
			report_skip("CPU %d has taken the device that stood by", cpu);
	/* One at a time, always through the same CPU's file. */
	while ((written = ce_unbind(writer, HV_CLOCKEVENT, strlen(HV_CLOCKEVENT))) > 0 &&
	       gone <= cpus)
		gone++;
	ck_assert_int_eq(ce_snapshot(&after), 0);
	report_metric("deleted", gone, "devices");
	cpus_for_each(cpu, report_cpus()) {
		cpu_pin(cpus_observer(cpu, report_cpus(), NULL));
		if (cpu_can_offline(cpu))
			plug_cycle(cpu);
	}
	if (!ce_same(&before, &after, CE_BROADCAST))
		report_fail("deleting devices that stood by changed a device in use");
	/* A kernel that looks at whose device it is would refuse the others: that is no failure. */
	if (gone > cpus || (written != -ENODEV && written != -EBUSY))
		report_fail("%d devices were deleted on %d CPUs, and then: %s", gone, cpus,
			    written < 0 ? strerror(-written) : "one more");
	report_note("through CPU %d's file %d devices of %d CPUs were deleted", writer, gone, cpus);
}

static void setup(void)
{
	restore_init();
	guest_setup();
}

static const struct report_case cases[] = {
	{ "detached",
	  "B19: a device that stands by is deleted by its name through any CPU's file, one a write, and no device in use changes (__clockevents_try_unbind())",
	  detached, false },
	{ "held",
	  "a module whose clockevent is in use can't be removed (clockevents_exchange_device(), try_module_get())",
	  held, false },
	{ "disabled",
	  "B6, I8: without its Hyper-V clockevent a CPU's STIMER0 is off, CONFIG and COUNT 0, and stays off; hotplug brings both back (hv_ce_shutdown(), hv_stimer_init())",
	  disabled, true },
};

REPORT_MAIN("hyperv", "unbound", .setup = setup)
