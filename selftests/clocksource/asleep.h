/* SPDX-License-Identifier: GPL-2.0-only */
/* Timers that are armed while the clocksource is switched. */
#ifndef TICKPROOF_ASLEEP_H
#define TICKPROOF_ASLEEP_H

#include "../lib/stats.h"
#include "original.h"

/* Switches to a source that isn't in use, whichever. */
void switch_away(const struct cs_list *sources);

/*
 * Sleeps 10 ms count times in two ways at once on each CPU, and meanwhile
 * switches among the sources (NULL: doesn't), *switches times. Ends the case if
 * a timer fires early, more than once or not at all; returns the lateness, ns.
 */
struct stats sleep_and_switch(const struct cs_list *sources, unsigned int count, int *switches);

#endif
