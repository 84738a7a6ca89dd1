/* SPDX-License-Identifier: GPL-2.0-only */
/* What it costs to program a CPU's clockevent. */
#ifndef TICKPROOF_ARMING_H
#define TICKPROOF_ARMING_H

#include <stdint.h>

#include "cpus.h"

/*
 * Beyond this a clockevent is emulated too slowly for the kernel's rule. A real one takes some us,
 * one that KVM emulates up to 30, the local APIC timer of an emulated PC 13; a HPET or Hyper-V's
 * timer under a KVM that is emulated itself 90 to 1000.
 */
#define ARMING_SLOW_NS 50000

/*
 * How long it takes to arm a timer that is the next to expire: the median on the slowest of these
 * CPUs (*slowest), in ns. That is the programming of its clockevent, and little else
 * (hrtimer_start_range_ns(), clockevents_program_event()). Negative errno: no timer can be had, or
 * the caller may run on none of these CPUs. Moves the caller to the last of them.
 */
int64_t arming_cost(const struct cpus *cpus, int *slowest);

#endif
