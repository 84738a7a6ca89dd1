// SPDX-License-Identifier: GPL-2.0-only
/* Faults of what system calls make of timers, and of what the log says. */
#include "timer_fault.h"

#include <linux/hrtimer.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/time64.h>
#include <linux/workqueue.h>

static struct kprobe probe;
static struct kretprobe return_probe;

static void unhook_probe(void)
{
	unhook(&probe);
}

static int hasten(struct kprobe *kp, struct pt_regs *regs)
{
	if (!by_process(regs) || !on_cpu())
		return 0;
	if ((s64)*argument(regs, 1) <= setting.size || !due())
		return 0;
	*argument(regs, 1) -= setting.size;
	strike();
	return 0;
}

static int arm_early(void)
{
	return hook(&probe, "hrtimer_start_range_ns", hasten);
}

/* Nobody but timerfd's timers has this function. */
static bool is_timerfd(const struct hrtimer *timer)
{
	return (unsigned long)probe.addr - (unsigned long)timer->function < 16;
}

/* hrtimer_forward(timer, ...) -> periods, for timerfd_read() to count */
static int forward_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	return is_timerfd((void *)*argument(regs, 0)) ? 0 : 1;
}

static int forward_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	if (!due())
		return 0;
	regs_set_return_value(regs, regs_return_value(regs) + setting.size);
	strike();
	return 0;
}

/* Of all that were missed, one. */
static int forward_once(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	if (regs_return_value(regs) < 2 || !due())
		return 0;
	regs_set_return_value(regs, 1);
	strike();
	return 0;
}

static int nothing(struct kprobe *kp, struct pt_regs *regs)
{
	return 0;
}

static int hook_forward(kretprobe_handler_t handler)
{
	return hook(&probe, "timerfd_tmrproc", nothing) ?:
		       hook_return(&return_probe, "hrtimer_forward", forward_entry, handler, 0);
}

static int arm_miscount(void)
{
	return hook_forward(forward_return);
}

static int arm_backlog(void)
{
	return hook_forward(forward_once);
}

static void disarm_miscount(void)
{
	unhook_return(&return_probe);
	unhook(&probe);
}

static int ignore(struct kprobe *kp, struct pt_regs *regs)
{
	strike();
	return skip(regs, 0);
}

static int arm_no_cancel(void)
{
	return hook(&probe, "timerfd_clock_was_set", ignore);
}

/* put_timespec64(time, to): what remains of an interrupted sleep, on its way to the process */
static int exaggerate(struct kprobe *kp, struct pt_regs *regs)
{
	struct timespec64 *left = (void *)*argument(regs, 0);

	if (!signal_pending(current) || !on_cpu() ||
	    (void *)*argument(regs, 1) != current->restart_block.nanosleep.rmtp || !due())
		return 0;
	*left = timespec64_add(*left, ns_to_timespec64(setting.size));
	strike();
	return 0;
}

static int arm_exaggerate(void)
{
	return hook(&probe, "put_timespec64", exaggerate);
}

/* A wait that is to end when time is up, by the kernel's own functions for it: it has no end. */
static int stick(struct kprobe *kp, struct pt_regs *regs)
{
	if (!current->mm || !on_cpu() || !due())
		return 0;
	strike();
	return skip(regs, 0);
}

/*
 * hrtimer_sleeper_start_expires(): nanosleep(), futex(), and by schedule_hrtimeout_range() poll()
 * and its like
 */
static int arm_stuck(void)
{
	return hook(&probe, "hrtimer_sleeper_start_expires", stick);
}

/*
 * schedule_hrtimeout_range_clock(expires, ...): poll(), select(), epoll_wait(), sigtimedwait(),
 * mq_timedreceive()
 */
static int stick_poll(struct kprobe *kp, struct pt_regs *regs)
{
	if (!current->mm || !*argument(regs, 0) || !on_cpu() || !due())
		return 0;
	*argument(regs, 0) = 0;
	strike();
	return 0;
}

static int arm_stuck_poll(void)
{
	return hook(&probe, "schedule_hrtimeout_range_clock", stick_poll);
}

/* timerfd_tmrproc(): the timer has expired, and nobody is woken */
static int arm_stuck_timerfd(void)
{
	return hook(&probe, "timerfd_tmrproc", ignore);
}

/* Words of kernel/rcu/tree_stall.h or kernel/time/clocksource.c, and nothing else. */
static struct delayed_work talking;
static const char *words;

static void talk(struct work_struct *unused)
{
	printk(KERN_ERR "%s\n", words);
	strike();
	schedule_delayed_work(&talking, msecs_to_jiffies(setting.period));
}

static int arm_talk(const char *what)
{
	words = what;
	INIT_DELAYED_WORK(&talking, talk);
	schedule_delayed_work(&talking, msecs_to_jiffies(setting.period));
	return 0;
}

static int arm_stall(void)
{
	return arm_talk("rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:");
}

static int arm_unstable(void)
{
	return arm_talk(
		"clocksource: timekeeping watchdog on CPU0: Marking clocksource 'tsc' as unstable because the skew is too large:");
}

static void disarm_talk(void)
{
	cancel_delayed_work_sync(&talking);
}

const struct fault sleep_faults[] = {
	{ "early", "sleeps and timers of processes end SIZE ns early, once in EVERY", 10000,
	  arm_early, unhook_probe },
	{ "miscount", "a periodic timerfd counts SIZE expirations too many, once in EVERY reads", 1,
	  arm_miscount, disarm_miscount },
	{ "backlog", "a periodic timerfd counts one expiration for all that it missed", 0,
	  arm_backlog, disarm_miscount },
	{ "no_cancel", "setting the clock doesn't cancel a timerfd that asked for it", 0,
	  arm_no_cancel, unhook_probe },
	{ "remains", "an interrupted sleep says that SIZE ns too much remain", 1000000,
	  arm_exaggerate, unhook_probe },
	{ "stuck", "a sleep or wait for a futex never ends, once in EVERY", 0, arm_stuck,
	  unhook_probe },
	{ "stuck_poll", "a wait by poll() or its like never ends, once in EVERY", 0, arm_stuck_poll,
	  unhook_probe },
	{ "stuck_timerfd", "a timerfd never expires", 0, arm_stuck_timerfd, unhook_probe },
	{ "stall_log", "an RCU stall in the log, each PERIOD ms, and nowhere else", 0, arm_stall,
	  disarm_talk },
	{ "unstable_log",
	  "a clocksource marked unstable in the log, each PERIOD ms, and nowhere else", 0,
	  arm_unstable, disarm_talk },
	{}
};
