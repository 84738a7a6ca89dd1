/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ACPI's power management timer: 3.579545 MHz, 24 bits, on nearly every PC, and read by an I/O
 * port.
 */
#ifndef TICKPROOF_PM_TIMER_H
#define TICKPROOF_PM_TIMER_H

#include <stdint.h>

#define PM_TIMER_HZ   3579545
#define PM_TIMER_MASK 0xffffff

/* Makes it readable for this thread: NULL, or why it can't be read, for people. */
const char *pm_timer_open(void);

/* Ticks of the PM timer (ACPI 4.8.2.1), 24 bits; after pm_timer_open(). */
uint32_t pm_timer_read(void);

#endif
