// SPDX-License-Identifier: GPL-2.0-only
/*
 * A wake-up loses SIZE ns, or all, at one place on its way from the timer to the task: each for a
 * stage of docs/perf.md, which must blame that one.
 */
#include "timer_fault.h"

#include <linux/clockchips.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/percpu.h>
#include <linux/sched.h>

static struct kprobe probe;
static struct kretprobe return_probe;

static void unhook_probe(void)
{
	unhook(&probe);
}

static void waste(void)
{
	u64 end = ktime_get_mono_fast_ns() + setting.size;

	strike();
	while (ktime_get_mono_fast_ns() < end)
		cpu_relax();
}

/*
 * clockevents_program_event(ce, expires, force), as the CPU goes idle: where the tick of a busy one
 * came late as well, it would take sleepers along.
 */
static bool idle_event(struct pt_regs *regs)
{
	struct clock_event_device *ce = (void *)*argument(regs, 0);

	return is_idle_task(current) && clockevent_state_oneshot(ce) && on_cpu() && due();
}

static int misprogram(struct kprobe *kp, struct pt_regs *regs)
{
	if (idle_event(regs)) {
		*argument(regs, 1) += setting.size;
		strike();
	}
	return 0;
}

static int arm_misprogram(void)
{
	return hook(&probe, "clockevents_program_event", misprogram);
}

/* The device has another time than the kernel believes. */
static int program_later(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	if (!idle_event(regs))
		return 1;
	*(struct clock_event_device **)ri->data = (void *)*argument(regs, 0);
	*argument(regs, 1) += setting.size;
	strike();
	return 0;
}

static int believe(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct clock_event_device *ce = *(struct clock_event_device **)ri->data;

	ce->next_event = ktime_sub_ns(ce->next_event, setting.size);
	return 0;
}

static int arm_held(void)
{
	return hook_return(&return_probe, "clockevents_program_event", program_later, believe,
			   sizeof(struct clock_event_device *));
}

static void disarm_held(void)
{
	unhook_return(&return_probe);
}

/*
 * When the next timer of a process expires on a CPU. Only the interrupt that it's due in dawdles:
 * if those of a tick that goes on did, one would follow the other, and sleeps would end late in one
 * that began before.
 */
static struct kprobe start_probe;
static DEFINE_PER_CPU(ktime_t, wakeup);

static int note_wakeup(struct kprobe *kp, struct pt_regs *regs)
{
	ktime_t now, at = *argument(regs, 1);

	if (!by_process(regs) || !on_cpu())
		return 0;
	now = ktime_get_mono_fast_ns();
	if (*argument(regs, 3) & HRTIMER_MODE_REL)
		at = ktime_add_safe(now, at);
	if (at < this_cpu_read(wakeup) || this_cpu_read(wakeup) < now)
		this_cpu_write(wakeup, at);
	return 0;
}

static int dawdle_in_interrupt(struct kprobe *kp, struct pt_regs *regs)
{
	if (on_cpu() && this_cpu_read(wakeup) <= (ktime_t)ktime_get_mono_fast_ns()) {
		this_cpu_write(wakeup, KTIME_MAX);
		if (due())
			waste();
	}
	return 0;
}

static int arm_slow_interrupt(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		per_cpu(wakeup, cpu) = KTIME_MAX;
	return hook(&start_probe, "hrtimer_start_range_ns", note_wakeup) ?:
		       hook(&probe, "hrtimer_interrupt", dawdle_in_interrupt);
}

static void disarm_slow_interrupt(void)
{
	unhook(&probe);
	unhook(&start_probe);
}

static int dawdle_in_callback(struct kprobe *kp, struct pt_regs *regs)
{
	if (on_cpu() && due())
		waste();
	return 0;
}

static int arm_slow_callback(void)
{
	return hook(&probe, "hrtimer_wakeup", dawdle_in_callback);
}

/* The timer's function is called, and wakes nobody. */
static int wake_nobody(struct kprobe *kp, struct pt_regs *regs)
{
	if (!on_cpu() || !due())
		return 0;
	strike();
	return skip(regs, HRTIMER_NORESTART);
}

static int arm_unwoken(void)
{
	return hook(&probe, "hrtimer_wakeup", wake_nobody);
}

/* A task above all others that wants to run whenever a sleeper is woken. */
static DEFINE_PER_CPU(struct task_struct *, hog);
static DEFINE_PER_CPU(bool, hungry);

static int hog_loop(void *unused)
{
	while (!kthread_should_stop()) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (!this_cpu_read(hungry) && !kthread_should_stop())
			schedule();
		__set_current_state(TASK_RUNNING);
		if (this_cpu_read(hungry)) {
			this_cpu_write(hungry, false);
			waste();
		}
	}
	return 0;
}

static int wake_hog(struct kprobe *kp, struct pt_regs *regs)
{
	struct task_struct *task = this_cpu_read(hog);

	if (!task || !on_cpu() || !due())
		return 0;
	this_cpu_write(hungry, true);
	wake_up_process(task);
	return 0;
}

static void disarm_hog(void)
{
	int cpu;

	unhook(&probe);
	for_each_possible_cpu(cpu) {
		if (per_cpu(hog, cpu))
			kthread_stop(per_cpu(hog, cpu));
		per_cpu(hog, cpu) = NULL;
	}
}

static int arm_hog(void)
{
	struct task_struct *task;
	int cpu;

	for_each_online_cpu(cpu) {
		task = kthread_create(hog_loop, NULL, "timer_fault/%d", cpu);
		if (IS_ERR(task))
			return PTR_ERR(task);
		kthread_bind(task, cpu);
		sched_set_fifo(task);
		per_cpu(hungry, cpu) = false;
		per_cpu(hog, cpu) = task;
		wake_up_process(task);
	}
	return hook(&probe, "hrtimer_wakeup", wake_hog);
}

const struct fault wakeup_faults[] = {
	{ "misprogrammed", "the device is programmed SIZE ns late, in idle", 5000000,
	  arm_misprogram, unhook_probe },
	{ "held", "the device was programmed right, and its interrupt comes SIZE ns late, in idle",
	  5000000, arm_held, disarm_held },
	{ "slow_interrupt",
	  "the interrupt that ends a sleep takes SIZE ns before any timer is called", 5000000,
	  arm_slow_interrupt, disarm_slow_interrupt },
	{ "slow_callback", "a sleep's timer takes SIZE ns before it wakes anybody", 5000000,
	  arm_slow_callback, unhook_probe },
	{ "unwoken", "a sleep's timer expires and wakes nobody, once in EVERY", 0, arm_unwoken,
	  unhook_probe },
	{ "hog", "a SCHED_FIFO task runs for SIZE ns when a sleeper is woken", 5000000, arm_hog,
	  disarm_hog },
	{}
};
