/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tick's length and whether timers have high resolution, measured: what clock_getres() says is
 * itself under test, and no tolerance may rest on it.
 */
#ifndef TICKPROOF_RESOLUTION_H
#define TICKPROOF_RESOLUTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is believed of a kernel: HZ is one of 100 to 1000 (kernel/Kconfig.hz). */
#define TICK_MIN_NS 1000000
#define TICK_MAX_NS 10000000

/*
 * The tick's length in ns (TICK_NSEC): the smallest step of CLOCK_MONOTONIC_COARSE in some, to the
 * next whole HZ; busy until one step is what clock_getres() tells, or for 100 of them where none
 * is, at the first call. TICK_MAX_NS where that clock doesn't move.
 */
int64_t tick_ns(void);

/* The same from steps that were seen, ns; those that are none (0 or less) don't count. */
int64_t tick_of_steps(const int64_t *steps, size_t n);

/*
 * The smallest step forward of CLOCK_MONOTONIC_COARSE among so many, ns, which is never less than a
 * tick but for what NTP slews (0.05 %); 0 where it hardly moves.
 */
int64_t coarse_step(size_t steps);

/*
 * Whether short sleeps end before the next tick: then high resolution timers are active. Also false
 * where the host delays three quarters of them by half a tick.
 */
bool hres_active(void);

#endif
