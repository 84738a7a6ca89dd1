/* SPDX-License-Identifier: GPL-2.0-only */
/* Faults in timers and clocks, put into a running stock kernel one at a time. See core.c. */
#ifndef TIMER_FAULT_H
#define TIMER_FAULT_H

#define pr_fmt(fmt) "timer_fault: " fmt

#include <linux/kprobes.h>
#include <linux/ptrace.h>
#include <linux/types.h>

/* What the armed fault was asked to be; written only while nothing is armed. */
struct setting {
	char fault[32];
	char device[32]; /* clockevent or clocksource; empty: whichever is in use */
	int cpu;	 /* -1: every CPU */
	long size;	 /* ns, unless the fault says otherwise */
	long every;	 /* strikes once in so many times */
	long period;	 /* ms, for what comes back in time rather than in number */
};

extern struct setting setting;

/*
 * One fault. arm() returns 0 or a negative errno, and has said why; what it
 * has set up by then disarm() takes down, which is called in either case.
 */
struct fault {
	const char *name;
	const char *what;
	long size; /* where none is given */
	int (*arm)(void);
	void (*disarm)(void);
};

/* The faults of each file, up to one without a name. */
extern const struct fault clockevent_faults[], clocksource_faults[], sleep_faults[],
	wakeup_faults[];

/* The fault has done what it is for, once. From any context. */
void strike(void);

/* Whether to strike this time: true once in setting.every calls. */
bool due(void);

/* Is this CPU one that the fault is meant for? Preemption must be off. */
bool on_cpu(void);

/* Is this the device or source named in setting.device, where "_" may stand for a blank? */
bool named(const char *name);

/* Put @handler on the entry of @symbol. Negative errno, with a line in the log that names it. */
int hook(struct kprobe *kp, const char *symbol, kprobe_pre_handler_t handler);
void unhook(struct kprobe *kp);
int hook_return(struct kretprobe *rp, const char *symbol, kretprobe_handler_t entry,
		kretprobe_handler_t handler, size_t data_size);
void unhook_return(struct kretprobe *rp);

/* In a handler on entry: the function's argument @n (from 0), to read or to change. */
unsigned long *argument(struct pt_regs *regs, int n);

/* In a handler on entry, to be returned: the function isn't run and gives @value. */
int skip(struct pt_regs *regs, unsigned long value);

/* In a handler on entry, to be returned: @function runs in its place, with its arguments. */
int replace(struct pt_regs *regs, void *function);

/*
 * In a handler on entry of hrtimer_start_range_ns(timer, time, slack, mode): does a process start
 * this timer by a system call?
 */
bool by_process(struct pt_regs *regs);

#endif
