// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults of clockevent devices. What they do with an event is changed at
 * clockevents_program_event(), where every one-shot event of every device passes
 * (kernel/time/clockevents.c); what sysfs and hotplug do, in their own functions.
 */
#include "timer_fault.h"

#include <linux/clockchips.h>
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/device.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/workqueue.h>

static struct kprobe probe, second_probe;

static bool meant(const struct clock_event_device *ce)
{
	return ce && ce->name && (!setting.device[0] || named(ce->name));
}

/* The event that is being programmed, or NULL when it is none of this fault's. */
static struct clock_event_device *programmed(struct pt_regs *regs)
{
	struct clock_event_device *ce = (void *)*argument(regs, 0);

	return meant(ce) && clockevent_state_oneshot(ce) && on_cpu() && due() ? ce : NULL;
}

/* The device says that it took the event, and never interrupts. */
static int lose(struct kprobe *kp, struct pt_regs *regs)
{
	struct clock_event_device *ce = programmed(regs);

	if (!ce)
		return 0;
	ce->next_event = *argument(regs, 1);
	strike();
	return skip(regs, 0);
}

static int arm_lose(void)
{
	return hook(&probe, "clockevents_program_event", lose);
}

static int delay(struct kprobe *kp, struct pt_regs *regs)
{
	if (!programmed(regs))
		return 0;
	*argument(regs, 1) += setting.size;
	strike();
	return 0;
}

static int arm_delay(void)
{
	return hook(&probe, "clockevents_program_event", delay);
}

/*
 * Interrupts every setting.size ns until the event is due: each finds nothing to do and programs
 * the next.
 */
static int storm(struct kprobe *kp, struct pt_regs *regs)
{
	ktime_t soon;

	if (!programmed(regs))
		return 0;
	soon = ktime_add_ns(ktime_get(), setting.size);
	if ((ktime_t)*argument(regs, 1) > soon) {
		*argument(regs, 1) = soon;
		strike();
	}
	return 0;
}

static int arm_storm(void)
{
	return hook(&probe, "clockevents_program_event", storm);
}

static void unhook_probe(void)
{
	unhook(&probe);
}

/* The device has lost its resolution: events come on a grid only. */
static int coarsen(struct kprobe *kp, struct pt_regs *regs)
{
	if (!programmed(regs))
		return 0;
	*argument(regs, 1) = roundup(*argument(regs, 1), (unsigned long)setting.size);
	strike();
	return 0;
}

static int arm_coarsen(void)
{
	if (setting.size < 1) {
		pr_err("coarse_events wants size=, the grid in ns\n");
		return -EINVAL;
	}
	return hook(&probe, "clockevents_program_event", coarsen);
}

/* CPUs that came online since arming: there the device's frequency is taken for another one. */
static DEFINE_PER_CPU(bool, was_plugged);
static int plugged_state;

static int note_plugged(unsigned int cpu)
{
	per_cpu(was_plugged, cpu) = true;
	return 0;
}

static int stretch(struct kprobe *kp, struct pt_regs *regs)
{
	ktime_t now;

	if (!this_cpu_read(was_plugged) || !programmed(regs))
		return 0;
	now = ktime_get();
	if ((ktime_t)*argument(regs, 1) <= now)
		return 0;
	*argument(regs, 1) =
		now + mul_u64_u64_div_u64(*argument(regs, 1) - now, setting.size, 1000);
	strike();
	return 0;
}

static int arm_stretch(void)
{
	int cpu;

	if (setting.size < 1) {
		pr_err("hotplug_rate wants size=, in thousandths of what was asked for\n");
		return -EINVAL;
	}
	for_each_possible_cpu(cpu)
		per_cpu(was_plugged, cpu) = false;
	plugged_state =
		cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "timer_fault", note_plugged, NULL);
	if (plugged_state < 0)
		return plugged_state;
	return hook(&probe, "clockevents_program_event", stretch);
}

static void disarm_stretch(void)
{
	unhook(&probe);
	if (plugged_state > 0)
		cpuhp_remove_state_nocalls(plugged_state);
	plugged_state = 0;
}

/* tick_nohz_idle_exit(): the tick's timer, started in it, is started for later. */
static DEFINE_PER_CPU(bool, leaving_idle);
static struct kretprobe return_probe;

static int leave_idle(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	this_cpu_write(leaving_idle, on_cpu());
	return 0;
}

static int left_idle(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	this_cpu_write(leaving_idle, false);
	return 0;
}

/* hrtimer_start_range_ns(timer, time, slack, mode) */
static int put_off(struct kprobe *kp, struct pt_regs *regs)
{
	const unsigned long tick = HRTIMER_MODE_ABS_PINNED_HARD;

	if (!this_cpu_read(leaving_idle) || (*argument(regs, 3) & tick) != tick || !due())
		return 0;
	*argument(regs, 1) += setting.size;
	strike();
	return 0;
}

static int arm_put_off(void)
{
	return hook_return(&return_probe, "tick_nohz_idle_exit", leave_idle, left_idle, 0) ?:
		       hook(&probe, "hrtimer_start_range_ns", put_off);
}

static void disarm_put_off(void)
{
	unhook(&probe);
	unhook_return(&return_probe);
}

/* unbind_device_store(dev, attr, buf, count): success, and nothing done. */
static int pretend(struct kprobe *kp, struct pt_regs *regs)
{
	struct device *dev = (void *)*argument(regs, 0);

	if (setting.cpu >= 0 && dev->id != setting.cpu)
		return 0;
	strike();
	return skip(regs, *argument(regs, 3));
}

static int arm_pretend(void)
{
	return hook(&probe, "unbind_device_store", pretend);
}

static struct task_struct *passing;

static int match_id(struct device *dev, const void *id)
{
	return dev->id == *(const int *)id;
}

/* The unbind as it should be, and the same once more for CPU setting.cpu. */
static ssize_t unbind_both(struct device *dev, struct device_attribute *attr, const char *buf,
			   size_t count)
{
	struct device *other = bus_find_device(dev->bus, NULL, &setting.cpu, match_id);
	ssize_t ret;

	passing = current;
	ret = attr->store(dev, attr, buf, count);
	if (ret > 0 && other && attr->store(other, attr, buf, count) > 0)
		strike();
	passing = NULL;
	put_device(other);
	return ret;
}

static int redirect(struct kprobe *kp, struct pt_regs *regs)
{
	struct device *dev = (void *)*argument(regs, 0);

	return passing == current || dev->id == setting.cpu ? 0 : replace(regs, unbind_both);
}

static int arm_unbind_other(void)
{
	if (setting.cpu < 0) {
		pr_err("unbind_other wants cpu=, the CPU that is unbound besides\n");
		return -EINVAL;
	}
	return hook(&probe, "unbind_device_store", redirect);
}

/* A device that is registered while a CPU comes online is forgotten. */
static int forget(struct kprobe *kp, struct pt_regs *regs)
{
	struct clock_event_device *ce = (void *)*argument(regs, 0);

	if (!meant(ce) || !on_cpu())
		return 0;
	strike();
	return skip(regs, 0);
}

/* Where the compiler has put the one into the other, the one isn't called. */
static int arm_forget(void)
{
	return hook(&probe, "clockevents_config_and_register", forget) ?:
		       hook(&second_probe, "clockevents_register_device", forget);
}

static void disarm_forget(void)
{
	unhook(&second_probe);
	unhook(&probe);
}

/* Devices that were replaced, one for each CPU, go on being programmed. */
static DEFINE_PER_CPU(struct clock_event_device *, replaced);
static struct delayed_work straying;

static int note_replaced(struct kprobe *kp, struct pt_regs *regs)
{
	struct clock_event_device *old = (void *)*argument(regs, 0);

	if (meant(old) && *argument(regs, 1) && on_cpu())
		this_cpu_write(replaced, old);
	return 0;
}

static void stray_here(void *unused)
{
	struct clock_event_device *ce = this_cpu_read(replaced);

	if (!ce || !clockevent_state_detached(ce) || !ce->set_next_event)
		return;
	if (ce->set_state_oneshot)
		ce->set_state_oneshot(ce);
	ce->set_next_event(((u64)ce->min_delta_ns * 4 * ce->mult) >> ce->shift, ce);
	strike();
}

static void stray(struct work_struct *unused)
{
	int cpu;

	cpus_read_lock();
	for_each_online_cpu(cpu)
		if (per_cpu(replaced, cpu))
			smp_call_function_single(cpu, stray_here, NULL, 1);
	cpus_read_unlock();
	schedule_delayed_work_on(0, &straying, max(1L, (long)nsecs_to_jiffies(setting.size)));
}

static int arm_stray(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		per_cpu(replaced, cpu) = NULL;
	INIT_DELAYED_WORK(&straying, stray);
	schedule_delayed_work_on(0, &straying, 1);
	return hook(&probe, "clockevents_exchange_device", note_replaced);
}

static void disarm_stray(void)
{
	unhook(&probe);
	cancel_delayed_work_sync(&straying);
}

const struct fault clockevent_faults[] = {
	{ "dead", "the device takes events and never interrupts; once in EVERY: lost", 0, arm_lose,
	  unhook_probe },
	{ "late", "each interrupt comes SIZE ns late, once in EVERY", 500000, arm_delay,
	  unhook_probe },
	{ "storm", "an interrupt every SIZE ns until the event is due", 100000, arm_storm,
	  unhook_probe },
	{ "coarse_events", "the device interrupts at multiples of SIZE ns only", 4000000,
	  arm_coarsen, unhook_probe },
	{ "hotplug_rate", "on a CPU that came online events take SIZE thousandths of the time",
	  2000, arm_stretch, disarm_stretch },
	{ "tick_late", "the tick starts SIZE ns late when idleness ends", 50000000, arm_put_off,
	  disarm_put_off },
	{ "unbind_nothing", "unbind_device says success and changes nothing", 0, arm_pretend,
	  unhook_probe },
	{ "unbind_other", "unbind_device unbinds CPU besides", 0, arm_unbind_other, unhook_probe },
	{ "hotplug_loses", "a CPU that comes online doesn't get the device back", 0, arm_forget,
	  disarm_forget },
	{ "stray", "a device that was unbound goes on interrupting, every SIZE ns", 20000000,
	  arm_stray, disarm_stray },
	{}
};
