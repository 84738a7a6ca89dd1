/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * What the module timer_probe and userland share: debugfs's timer_probe/ask. The
 * kernel's delays, measured where they are made; and arm64's architected timer,
 * armed while it only stands by.
 */
#ifndef TICKPROOF_TIMER_PROBE_H
#define TICKPROOF_TIMER_PROBE_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define TIMER_PROBE_FILE "timer_probe/ask" /* below debugfs */

enum probe_delay { PROBE_NDELAY, PROBE_UDELAY, PROBE_MDELAY, PROBE_DELAYS };

#define PROBE_ROUNDS_MAX 1000
/* One delay, and all rounds together, in ns. */
#define PROBE_DELAY_MAX 10000000
#define PROBE_TOTAL_MAX 200000000

/*
 * Delays on the CPU that asks, which must be pinned. Each is between two readings
 * of the raw counter (TSC, CNTVCT_EL0), preemption off, interrupts on.
 */
struct probe_delay_request {
	__u32 kind, amount;		 /* enum probe_delay; ns, us or ms */
	__u32 rounds, cpu;		 /* cpu: the one it ran on */
	__u64 shortest, median, longest; /* ticks of the raw counter */
};

/* 0; -EINVAL: a number out of range; -EFAULT */
#define PROBE_DELAY _IOWR('H', 0x78, struct probe_delay_request)

enum probe_arch_timer { PROBE_ARM, PROBE_LOOK, PROBE_DISARM, PROBE_ARCH_TIMERS };

/*
 * The virtual timer of a CPU. PROBE_ARM: due in so many ticks of the counter, interrupt
 * unmasked; -EBUSY if it is enabled already.
 */
struct probe_arch_timer_request {
	__u32 what, cpu;
	__u64 ticks;
	__u64 control; /* what CNTV_CTL_EL0 is now: 1 enable, 2 mask, 4 status: the condition is met
			*/
};

/* 0; -EINVAL; -EBUSY; -ENXIO: no such CPU online; -EOPNOTSUPP: not arm64; -EFAULT */
#define PROBE_ARCH_TIMER _IOWR('H', 0x79, struct probe_arch_timer_request)

#endif
