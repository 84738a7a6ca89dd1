/* SPDX-License-Identifier: GPL-2.0-only */
/* What is measured of each CPU in unbind_fallback, from case to case. */
#ifndef TICKPROOF_RESULT_H
#define TICKPROOF_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "../lib/platform.h"
#include "../lib/timer_list.h"
#include "alive.h"
#include "lateness.h"
#include "switch.h"
#include "tick.h"

/*
 * When /proc/timer_list was read: before the switch, after it, and after the idleness that
 * followed.
 */
enum moment { BEFORE, SWITCHED, IDLED };

/* What is known of one CPU. */
struct cpu_result {
	char device[CE_NAME_LEN]; /* before */
	bool measured;		  /* all of what follows came to its end */
	struct alive baseline;
	struct idleness idle;
	struct lateness lateness;
	struct tl_cpu tick[3]; /* enum moment */
	struct fallback expected;
	bool tried; /* the result of unbind.cpuN stands */
	struct switched s;
	struct alive after;
	struct idleness idle_after;
};

/* For setup(): nothing has happened yet. */
void result_init(void);

/* A CPU's result, shared with the processes of all cases. */
struct cpu_result *result_of(int cpu);

/* Skips the case unless clockevents may be unbound here. */
void result_need_root(void);

/* For a case about cpu after its switch: nothing is tried any more once any CPU is dead. */
struct cpu_result *result_need_switched(int cpu);

#endif
