/* SPDX-License-Identifier: GPL-2.0-only */
/* What the programs of this surface ask of the guest they run in. */
#ifndef TICKPROOF_HYPERV_GUEST_H
#define TICKPROOF_HYPERV_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "../lib/hyperv.h"
#include "../lib/platform.h"

extern struct platform guest_platform;
extern struct hyperv guest_hyperv;

/* Reads the facts and prints them: the setup() of every program here. */
void guest_setup(void);

/* Skips the case unless Linux runs on Hyper-V (or what plays it), told by CPUID. */
void guest_need_hyperv(void);

/* Skips the case unless cpu's clockevent is Hyper-V's. */
void guest_need_clockevent(int cpu);

/* The MSRs of a CPU, or skips the case and says what is missing. */
int guest_msr(int cpu);

/* An MSR's value; fails the case where it can't be read. */
uint64_t guest_read_msr(int fd, uint32_t msr);

/* The clocksource in use, and all that can be. */
const char *guest_clocksource(void);
const char *guest_clocksources(void);

/* Whether a list of names divided by blanks has exactly this one. */
bool guest_listed(const char *names, const char *name);

#endif
