/* SPDX-License-Identifier: GPL-2.0-only */
/* What the programs of this surface ask of the guest they run in. */
#ifndef TICKPROOF_HYPERV_GUEST_H
#define TICKPROOF_HYPERV_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "../lib/hyperv.h"
#include "../lib/platform.h"
#include "regs.h"

extern struct platform guest_platform;
extern struct hyperv guest_hyperv;

/*
 * Reads the facts and prints them: the setup() of every program here. On arm64 it opens hv_regs,
 * the only way there to Hyper-V's registers.
 */
void guest_setup(void);

/* Skips the case unless Linux runs on Hyper-V (or what plays it). */
void guest_need_hyperv(void);

/* Skips the case unless cpu's clockevent is Hyper-V's. */
void guest_need_clockevent(int cpu);

/* Skips the case unless STIMER's direct mode is offered, and an interrupt of it harmless. */
void guest_need_direct_mode(void);

/*
 * Skips the case unless cpu's registers can be read (by MSR, or on arm64 through hv_regs), and says
 * what is missing. Before any of them is read.
 */
void guest_need_registers(int cpu);

/*
 * Reads a register of cpu, which guest_need_registers() was asked for. 0 or -errno; any thread may.
 */
int guest_try_read(int cpu, enum hv_reg reg, uint64_t *value);

/* A register's value; fails the case where it can't be read. */
uint64_t guest_read(int cpu, enum hv_reg reg);

/* The clocksource in use, and all that can be. */
const char *guest_clocksource(void);
const char *guest_clocksources(void);

/* Whether a list of names divided by blanks has exactly this one. */
bool guest_listed(const char *names, const char *name);

#endif
