// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hyper-V's synthetic timer 0 of each CPU as its clockevent on arm64, in direct
 * mode: what drivers/clocksource/hyperv_timer.c is on x86, and was to be on arm64
 * (v10 of "arm64: Enable Hyper-V on ARM64", May 2021) until Hyper-V offered the
 * architected timer.
 *
 * A module that is in use can't go: each CPU that ticks by it holds a reference,
 * and so does timekeeping. Unbind the device on each CPU and choose another
 * clocksource; then rmmod leaves nothing behind.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/clockchips.h>
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/module.h>

#include "../hv_ppi.h"
#include "hv_stimer.h"

#define MIN_DELTA_TICKS 1
#define MAX_DELTA_TICKS 0xffffffff

#define CONFIG_ENABLE	 BIT(0)
#define CONFIG_AUTO	 BIT(3)
#define CONFIG_VECTOR(n) ((n) << 4)
#define CONFIG_DIRECT	 BIT(12)

/* x86's vector is its own; this is PPI 31, as HYPERV_STIMER0_VECTOR was on arm64. */
static unsigned int intid = 31;
module_param(intid, uint, 0444);
MODULE_PARM_DESC(intid, "the interrupt, a PPI: 16 to 31 (31)");

/* Between arch_sys_timer's rating (450) and dummy_timer's (100). */
static bool standby;
module_param(standby, bool, 0444);
MODULE_PARM_DESC(
	standby,
	"stand by for the architected timer (rating 300) instead of taking its place (1000)");

static bool clocksources = true;
module_param(clocksources, bool, 0444);
MODULE_PARM_DESC(clocksources, "register the reference counter as clocksources too (yes)");

static struct clock_event_device __percpu *devices;
static int irq;

/* Sets a register of this CPU's; in a timer's path there is only the log to tell of a failure. */
static int set(u32 name, u64 value)
{
	u16 status = hvc_set(name, value);

	if (status)
		pr_err_once("register 0x%x can't be set to 0x%llx: status 0x%x\n", name, value,
			    status);
	return hvc_errno(status);
}

static int set_next_event(unsigned long delta, struct clock_event_device *ce)
{
	return set(HVR_STIMER_COUNT(0), hv_reference() + delta);
}

static int shutdown(struct clock_event_device *ce)
{
	int err = set(HVR_STIMER_COUNT(0), 0) ?: set(HVR_STIMER_CONFIG(0), 0);

	disable_percpu_irq(irq);
	return err;
}

static int set_oneshot(struct clock_event_device *ce)
{
	enable_percpu_irq(irq, IRQ_TYPE_NONE);
	return set(HVR_STIMER_CONFIG(0),
		   CONFIG_ENABLE | CONFIG_AUTO | CONFIG_DIRECT | CONFIG_VECTOR(intid));
}

static irqreturn_t expired(int unused, void *dev)
{
	struct clock_event_device *ce = dev;

	/* None yet in a device that only stands by: somebody else's timer has raised this. */
	if (ce->event_handler)
		ce->event_handler(ce);
	return IRQ_HANDLED;
}

static int timer_starting(unsigned int cpu)
{
	struct clock_event_device *ce = per_cpu_ptr(devices, cpu);

	/* The CPU may have been here before. */
	memset(ce, 0, sizeof(*ce));
	ce->name = "Hyper-V clockevent";
	ce->features = CLOCK_EVT_FEAT_ONESHOT;
	ce->rating = 1000;
	if (standby) {
		/*
		 * Not for broadcast, which would hold it and us for ever: one that sleeps isn't
		 * asked.
		 */
		ce->features |= CLOCK_EVT_FEAT_C3STOP;
		ce->rating = 300;
	}
	ce->cpumask = cpumask_of(cpu);
	ce->owner = THIS_MODULE;
	ce->set_state_shutdown = shutdown;
	ce->set_state_oneshot = set_oneshot;
	ce->set_next_event = set_next_event;
	clockevents_config_and_register(ce, HV_CLOCK_HZ, MIN_DELTA_TICKS, MAX_DELTA_TICKS);
	return 0;
}

static int timer_dying(unsigned int cpu)
{
	struct clock_event_device *ce = per_cpu_ptr(devices, cpu);

	/* Where it stands by it was never switched on. */
	if (!clockevent_state_detached(ce) && !clockevent_state_shutdown(ce))
		shutdown(ce);
	return 0;
}

static void detach(void)
{
	unsigned int cpu;

	/*
	 * In use they are not, or we could not go: what stands by is taken off the kernel's list.
	 */
	for_each_online_cpu(cpu) {
		struct clock_event_device *ce = per_cpu_ptr(devices, cpu);

		if (ce->name && clockevents_unbind_device(ce, cpu))
			pr_err("CPU %u's clockevent can't be unbound\n", cpu);
	}
}

static int check(u32 *features)
{
	u64 low, high;
	u16 status;
	int err;

	if (intid < PPI_FIRST || intid > PPI_LAST) {
		pr_err("intid=%u: the timer's interrupt is a PPI, 16 to 31\n", intid);
		return -EINVAL;
	}
	if (!hvc_present()) {
		pr_err("there is no Hyper-V here: neither the FADT nor SMCCC names it\n");
		return -ENODEV;
	}
	err = hvc_introduce();
	if (err) {
		pr_err("Hyper-V doesn't take our name (GUEST_OS_ID): error %d\n", err);
		return err;
	}
	status = hvc_get(HVR_FEATURES, &low, &high);
	if (status) {
		pr_err("Hyper-V's features can't be read: status 0x%x\n", status);
		return hvc_errno(status);
	}
	*features = low;
	if (!(low & HVF_SYNTIMER) || !(low & HVF_TIME_REF_COUNT) ||
	    !(high & HVF_MISC_STIMER_DIRECT)) {
		pr_err("Hyper-V offers no synthetic timers in direct mode, or no reference counter (0x%llx, 0x%llx)\n",
		       low, high);
		return -EOPNOTSUPP;
	}
	return 0;
}

static int __init hv_stimer_init(void)
{
	u32 features;
	int err = check(&features);

	if (err)
		return err;
	devices = alloc_percpu(struct clock_event_device);
	if (!devices)
		return -ENOMEM;
	irq = hv_ppi_request(intid, "Hyper-V stimer0", expired, devices);
	if (irq < 0) {
		err = irq;
		goto free;
	}
	if (clocksources) {
		err = hv_clocksources_register(features);
		if (err)
			goto interrupt;
	}
	/*
	 * The state is this driver's, and unused where the kernel hasn't got it: a CPU that comes
	 * has its timer before it needs one, and one that goes keeps it to the end. Nothing may
	 * fail after.
	 */
	err = cpuhp_setup_state(CPUHP_AP_HYPERV_TIMER_STARTING,
				"clockevents/hyperv/stimer:starting", timer_starting, timer_dying);
	if (!err)
		return 0;
	pr_err("the clockevents can't be registered: error %d\n", err);
	if (clocksources)
		hv_clocksources_unregister();
interrupt:
	hv_ppi_free(intid, irq, devices);
free:
	free_percpu(devices);
	return err;
}

static void __exit hv_stimer_exit(void)
{
	/*
	 * From here on no CPU comes or goes with our callbacks; those that are here stay until we
	 * are through.
	 */
	cpus_read_lock();
	__cpuhp_remove_state_cpuslocked(CPUHP_AP_HYPERV_TIMER_STARTING, false);
	detach();
	cpus_read_unlock();
	if (clocksources)
		hv_clocksources_unregister();
	hv_ppi_free(intid, irq, devices);
	free_percpu(devices);
}

module_init(hv_stimer_init);
module_exit(hv_stimer_exit);
MODULE_DESCRIPTION("Hyper-V's synthetic timer and reference counter for arm64");
MODULE_LICENSE("GPL");
