/* SPDX-License-Identifier: GPL-2.0-only */
/* Hyper-V's registers of any CPU, for cases (lib/hv_regs.h). */
#ifndef TICKPROOF_HYPERV_REGS_H
#define TICKPROOF_HYPERV_REGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../lib/hv_regs.h"

/* A STIMER's CONFIG (TLFS, "Synthetic timer configuration register") */
#define STIMER_ENABLE	   (1ull << 0)
#define STIMER_PERIODIC	   (1ull << 1)
#define STIMER_LAZY	   (1ull << 2)
#define STIMER_AUTO_ENABLE (1ull << 3)
#define STIMER_VECTOR(v)   ((uint64_t)(v) << 4)
#define STIMER_DIRECT	   (1ull << 12)
#define STIMER_SINT(n)	   ((uint64_t)(n) << 16)

/* Units of the reference counter */
#define HV_USEC 10ull
#define HV_MSEC (1000 * HV_USEC)

/* Skips the case unless the module is there and can be opened, and says what is missing. */
void regs_need(void);

#define STEP_GET(r)                             \
	{                                       \
		.kind = HV_STEP_GET, .reg = (r) \
	}
#define STEP_SET(r, v)                                        \
	{                                                     \
		.kind = HV_STEP_SET, .reg = (r), .value = (v) \
	}
#define STEP_AHEAD(r, v)                                            \
	{                                                           \
		.kind = HV_STEP_SET_AHEAD, .reg = (r), .value = (v) \
	}
#define STEP_WAIT(r, v)                                        \
	{                                                      \
		.kind = HV_STEP_WAIT, .reg = (r), .value = (v) \
	}
#define STEP_PAUSE(v)                               \
	{                                           \
		.kind = HV_STEP_PAUSE, .value = (v) \
	}
#define STEP_PAGE()                  \
	{                            \
		.kind = HV_STEP_PAGE \
	}

/* Lets cpu do the steps; fails the case if it couldn't. */
void regs_run(int cpu, struct hv_step *steps, size_t nr);

#define REGS_RUN(cpu, steps) regs_run(cpu, steps, sizeof(steps) / sizeof(*(steps)))

/* Fails the case at the first step with an error other than allowed (0: none is). */
void regs_all_well(int cpu, const struct hv_step *steps, size_t nr, int allowed);

/* One register; fails the case where Hyper-V refuses. */
uint64_t regs_get(int cpu, enum hv_reg reg);
void regs_set(int cpu, enum hv_reg reg, uint64_t value);

/* STIMER1 to 3 of cpu: stopped, CONFIG and COUNT 0. */
void regs_clear(int cpu);

/* What CONFIG must name for an interrupt that regs_events() sees: a vector, or an INTID. */
unsigned int regs_vector(void);

/* The timers' interrupts since the last call, in order; how many there were (room may be less). */
size_t regs_events(struct hv_event *events, size_t room);

#endif
