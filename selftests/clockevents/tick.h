/* SPDX-License-Identifier: GPL-2.0-only */
/* What a CPU's tick is for, beyond sleeps: stopping in idle, preempting, accounting. */
#ifndef TICKPROOF_TICK_H
#define TICKPROOF_TICK_H

#include <stdint.h>

#include "../lib/timer_list.h"

/*
 * Lets cpu idle through one sleep of a second. Returns the interrupts of device
 * on it meanwhile and, in *late_ns, how late it woke; -1 when it never woke
 * (WAKE_DEAD_NS past the deadline; then only exiting is safe).
 */
int64_t tick_idle_second(int cpu, int observer, const char *device, int64_t *late_ns);

/* cpu's block of /proc/timer_list; all 0 where it can't be read. */
struct tl_cpu tick_read(int cpu);

/* Fails the case unless the tick takes cpu from one busy thread and gives it to another. */
void tick_judge_preemption(int cpu, int observer);

/* Fails the case unless the tick of cpu charges CPU time (ITIMER_PROF). Pins the caller to cpu. */
void tick_judge_accounting(int cpu);

#endif
