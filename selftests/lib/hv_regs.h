/* SPDX-License-Identifier: GPL-2.0-only */
/* Hyper-V's registers of any CPU, through our module hv_regs (test_modules/hv_regs/hv_regs.h). */
#ifndef TICKPROOF_LIB_HV_REGS_H
#define TICKPROOF_LIB_HV_REGS_H

#include <stddef.h>

#include "../test_modules/hv_regs/hv_regs.h"

#define HV_REGS_PATH "/sys/kernel/debug/" HV_REGS_FILE

/*
 * Opens the module's file, for a program and its cases; a second call does nothing. 0 or -errno
 * (-ENOENT: no such module; -EBUSY: somebody else has it open).
 */
int hv_regs_open(void);

/* Lets cpu do the steps: 0 or -errno. Each step's own error is the caller's to look at. */
int hv_regs_try(int cpu, struct hv_step *steps, size_t nr);

/* The interrupts of STIMER1 to 3 since the last call (struct hv_events): 0 or -errno. */
int hv_regs_events(struct hv_events *request);

#endif
