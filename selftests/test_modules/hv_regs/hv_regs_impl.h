/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TICKPROOF_HV_REGS_IMPL_H
#define TICKPROOF_HV_REGS_IMPL_H

#include <linux/types.h>

#include "hv_regs.h"

/* Each architecture's own. Whether there is a Hyper-V: 0 or -errno, with a line in the log. */
int hv_arch_init(void);
/* On the CPU whose register it is. Returns 0 or -errno and, in *status, Hyper-V's own word. */
int hv_arch_get(enum hv_reg reg, u64 *value, u64 *high, u32 *status);
int hv_arch_set(enum hv_reg reg, u64 value, u32 *status);
/* The CPU's raw counter, as the reference TSC page has it */
u64 hv_arch_counter(void);

/* Interrupts from here on to hv_event_add(); 0 or -errno. vector: what CONFIG must name. */
int hv_arch_events_start(u32 *vector);
void hv_arch_events_stop(void);
/* On each CPU that is to have any, interrupts off. */
void hv_arch_events_here(void);

/* events.c; the first in a handler */
void hv_event_add(void);
int hv_events_open(void);
void hv_events_close(void);
long hv_events_ioctl(void __user *arg);

#endif
