/* SPDX-License-Identifier: GPL-2.0-only */
/* What firmware says of the arm64 architected timer: ACPI's GTDT, or the device tree's /timer. */
#ifndef TICKPROOF_ARM_TIMER_H
#define TICKPROOF_ARM_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum arm_timer_kind { ARM_TIMER_SECURE, ARM_TIMER_PHYS, ARM_TIMER_VIRT, ARM_TIMER_HYP, ARM_TIMERS };

extern const char *const arm_timer_names[ARM_TIMERS];

struct arm_timer {
	struct {
		int irq;	/* the interrupt controller's number (a PPI: 16 to 31); 0: not advertised */
		bool edge;	/* else level-triggered */
	} timer[ARM_TIMERS];
	bool always_on;		/* said of the virtual timer (GTDT), of all (device tree) */
};

/* Parses a GTDT (ACPI, "Generic Timer Description Table"). 0 or -EINVAL. */
int arm_timer_gtdt(const void *table, size_t len, struct arm_timer *t);

/* Parses /timer's property "interrupts": three cells each, as GICs want (arm,arch_timer.yaml). 0 or -EINVAL. */
int arm_timer_dt(const void *interrupts, size_t len, bool always_on, struct arm_timer *t);

/*
 * Parses a line of /proc/interrupts that ends in exactly device, behind nr_cpus
 * counts: the controller's number and the trigger. False for another line.
 */
bool arm_timer_row(const char *line, size_t nr_cpus, const char *device, int *irq, bool *edge);

#endif
