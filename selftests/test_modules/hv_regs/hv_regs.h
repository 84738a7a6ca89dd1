/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * What the module hv_regs and userland share: debugfs's hv_regs/run takes a list
 * of steps that one CPU does in order, with interrupts off, so that nothing comes
 * between a timer and the look at it. Times are the partition reference
 * counter's, in units of 100 ns.
 */
#ifndef TICKPROOF_HV_REGS_H
#define TICKPROOF_HV_REGS_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define HV_REGS_FILE "hv_regs/run" /* below debugfs */

enum hv_reg {
	HV_REG_TIME_REF_COUNT,
	HV_REG_VP_INDEX,
	HV_REG_GUEST_OS_ID,
	HV_REG_FEATURES, /* arm64 alone, 128 bits: x86 has CPUID leaf 0x40000003 instead */
	HV_REG_HINTS,	 /* likewise; leaf 0x40000004 */
	HV_REG_REFERENCE_TSC,
	HV_REG_STIMER0_CONFIG,
	HV_REG_STIMER0_COUNT,
	HV_REG_STIMER1_CONFIG,
	HV_REG_STIMER1_COUNT,
	HV_REG_STIMER2_CONFIG,
	HV_REG_STIMER2_COUNT,
	HV_REG_STIMER3_CONFIG,
	HV_REG_STIMER3_COUNT,
	HV_REGS
};

#define HV_REG_STIMER_CONFIG(n) (HV_REG_STIMER0_CONFIG + 2 * (n))
#define HV_REG_STIMER_COUNT(n)	(HV_REG_STIMER0_COUNT + 2 * (n))

enum hv_step_kind {
	/* reg's value goes to value (and high, where it has 128 bits) */
	HV_STEP_GET,
	/* value goes to reg; of STIMER0, which is Linux's, nothing is written (-EPERM) */
	HV_STEP_SET,
	/* value ahead of the counter goes to reg, and what was written to value */
	HV_STEP_SET_AHEAD,
	/*
	 * Looks at reg, a STIMER's CONFIG, until Enable is clear, for value at most: value and high
	 * become the counter after the look that found it clear, and before the last that found it
	 * set (0: none did). -ETIME if it stayed set.
	 */
	HV_STEP_WAIT,
	/* Spins for value. */
	HV_STEP_PAUSE,
	/*
	 * The time by the reference TSC page to value, its sequence to high (0: the page isn't
	 * valid now). -ENODATA where no page is enabled.
	 */
	HV_STEP_PAGE,
	HV_STEPS
};

struct hv_step {
	__u32 kind, reg;
	__u64 value, high;
	__s32 error;  /* 0 or negative errno; the steps after are done all the same */
	__u32 status; /* Hyper-V's own word: the hypercall's status; on x86 13 where #GP was raised
		       */
};

#define HV_STEPS_MAX 64
/* A step may wait or spin for this long (20 ms), a list for five times that. */
#define HV_SPIN_MAX 200000

struct hv_run {
	__u32 cpu, nr;
	__u64 steps; /* address of struct hv_step[nr] */
};

/* 0; -EINVAL: a number out of range; -ENXIO: no such CPU online; -EFAULT */
#define HV_REGS_RUN _IOW('H', 0x70, struct hv_run)

/*
 * Interrupts of the timers as they are handled, from open() to close(): on x86 all that go to
 * Linux's own handler, STIMER0's too; on arm64 only those of a PPI that nobody else uses. The
 * file may be open once (-EBUSY).
 */
struct hv_event {
	__u64 time; /* the reference counter in the handler */
	__u32 cpu, reserved;
};

#define HV_EVENTS_MAX 4096

struct hv_events {
	__u32 nr; /* room for so many; becomes how many there were: those without room are lost */
	__u32 vector; /* becomes what CONFIG must name, a vector or an INTID */
	__u64 events; /* address of struct hv_event[nr] */
};

/* Gives and forgets the interrupts since the last time. 0 or -EFAULT */
#define HV_REGS_EVENTS _IOWR('H', 0x71, struct hv_events)

#endif
