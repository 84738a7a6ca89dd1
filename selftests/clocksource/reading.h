/* SPDX-License-Identifier: GPL-2.0-only */
/* How the clocks are read on the clocksource in use: by the vDSO or not, and in agreement. */
#ifndef TICKPROOF_READING_H
#define TICKPROOF_READING_H

#include <stdint.h>

/* D10: the vDSO or the system call, as cs_vdso() says of this source; ends the case if not. */
void reading_judge_vdso(const char *source);

/*
 * D11: for every clock, a reading by libc lies between two system calls around
 * it. At most so many times for each clock, and for limit_ns; returns how many
 * in all. Ends the case if not.
 */
unsigned long reading_judge_sandwich(const char *source, int times, int64_t limit_ns);

#endif
