/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How late a CPU's timers are, beside how long the same CPU takes to wake for something that is no
 * timer.
 */
#ifndef TICKPROOF_LATENESS_H
#define TICKPROOF_LATENESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../lib/stats.h"
#include "alive.h"

struct lateness {
	int cpu;	   /* filled in by the caller */
	bool whole;	   /* sampled to the end */
	int error;	   /* why not, where it is this CPU that failed */
	struct stats late; /* of sleeps on the CPU, ns */
	struct stats poke; /* from a write on another CPU until a thread of this one runs, ns */
};

/*
 * Measures sleeps and pokes in turn, on n CPUs side by side, so that a busy host delays both alike.
 * Pins the caller to observer, which is none of these CPUs. Returns 0, or a negative errno where
 * nothing can be said: -EINVAL with one CPU, -ETIMEDOUT when a sleep never ended, -EHOSTDOWN when a
 * poke woke nobody; then it is also in error of that CPU.
 */
int lateness_sample(struct lateness *all, size_t n, int observer);

/*
 * The most that the lower quartile of the sleeps may be late, in ns: 1 ms and twice the lower
 * quartile of the pokes. A busy host delays wake-ups of both kinds. A timer that is always late by
 * some ms delays nearly all sleeps; only those that end with another timer's interrupt are spared.
 * So the lower quartile shows the timer rather than the host. Without high resolution timers
 * (highres=off) a sleep may end with the tick after its deadline: the bound is a tick longer.
 */
int64_t lateness_bound(const struct lateness *l);

/*
 * Fails the case where sleeps on cpu, with this device, are later than that; l is sampled here
 * where it isn't whole. A timer that is always late is so in a second and third sampling as well;
 * what a host does to one is not.
 */
void lateness_judge(struct lateness l, int cpu, int observer, const char *device);

/*
 * For sleeps that are suspect (alive_late() without baseline), of a sampling that was just taken:
 * measures wake-ups without timer, and samples again until alive_late() finds nothing or there were
 * three samplings. A busy host makes both kinds of wake-ups late, and not every time; a timer that
 * is late does it to sleeps alone, and always. c->a->dead tells of a death.
 */
void lateness_again(const struct alive_cpu *c, int observer, enum alive_depth depth,
		    const struct alive *baseline);

/*
 * Fails it where device interrupted an idle CPU irqs times in TICK_IDLE_NS and late ns: as often
 * as a tick that never stops, and some timers, is not yet a storm.
 */
void lateness_judge_idle(int64_t irqs, int64_t late, const char *device);

#endif
