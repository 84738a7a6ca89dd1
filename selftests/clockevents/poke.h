/* SPDX-License-Identifier: GPL-2.0-only */
/* How fast a sleeping CPU wakes for something that isn't a timer: what a timer's lateness is measured by. */
#ifndef TICKPROOF_POKE_H
#define TICKPROOF_POKE_H

#include <stdint.h>

/*
 * The least time, in ns, from a write on observer until a thread of cpu that
 * waited for it runs, of some 20 tries. Pins the caller to observer. -1 with one
 * CPU, or where no try succeeds. Never call it for a CPU that may be dead.
 */
int64_t poke_least(int cpu, int observer);

/*
 * The most that the least late of many sleeps may be late, in ns, if least is
 * what poke_least() gave: 1 ms and five pokes. Noise delays some wake-ups, a late
 * timer all of them; how long waking itself takes is in least as well. INT64_MAX for least < 0.
 */
int64_t poke_bound(int64_t least);

#endif
