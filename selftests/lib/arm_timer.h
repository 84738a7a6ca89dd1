/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What firmware says of the arm64 architected timer: ACPI's GTDT, or the device tree's timer node.
 */
#ifndef TICKPROOF_ARM_TIMER_H
#define TICKPROOF_ARM_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devicetree.h"

enum arm_timer_kind {
	ARM_TIMER_SECURE,
	ARM_TIMER_PHYS,
	ARM_TIMER_VIRT,
	ARM_TIMER_HYP,
	ARM_TIMER_HYP_VIRT,
	ARM_TIMERS
};

extern const char *const arm_timer_names[ARM_TIMERS];

struct arm_timer {
	struct {
		int irq;   /* the GIC's number (a PPI: 16 to 31); 0: not advertised */
		bool edge; /* else level-triggered */
		bool always_on;
	} timer[ARM_TIMERS];
	char controller[64]; /* device tree: what the interrupt controller is */
};

/*
 * Parses a GTDT (ACPI, "Generic Timer Description Table"), with the EL2 virtual timer of
 * revision 3. 0 or -EINVAL.
 */
int arm_timer_gtdt(const void *table, size_t len, struct arm_timer *t);

/*
 * Reads the timer's node below DT_ROOT (arm,arch_timer.yaml, arch_timer_of_init()). 0; -ENOENT:
 * there is none; -ENOTSUP: its interrupt controller is no GIC, whose numbers alone are known to us;
 * -EINVAL.
 */
int arm_timer_dt(struct arm_timer *t);

/*
 * Whether a chip of /proc/interrupts numbers its interrupts as GTDT and GIC bindings do: "GICv3",
 * "GIC-0".
 */
bool arm_timer_is_gic(const char *chip);

#endif
