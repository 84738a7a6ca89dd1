/* SPDX-License-Identifier: GPL-2.0-only */
/* What happens to each CPU in unbind_fallback, told from case to case. */
#ifndef TICKPROOF_STORY_H
#define TICKPROOF_STORY_H

#include <stdbool.h>
#include <stdint.h>

#include "../lib/platform.h"
#include "../lib/timer_list.h"
#include "alive.h"
#include "lateness.h"
#include "switch.h"
#include "tick.h"

/* When /proc/timer_list was read: before the switch, behind it, and behind the idleness that followed. */
enum moment { BEFORE, SWITCHED, IDLED };

/* One CPU's story. */
struct cpu_story {
	char device[CE_NAME_LEN];	/* before */
	bool measured;			/* all of what follows came to its end */
	struct alive baseline;
	struct idleness idle;
	struct lateness lateness;
	struct tl_cpu tick[3];		/* enum moment */
	struct fallback expected;
	bool tried;			/* the result of unbind.cpuN stands */
	struct switched s;
	struct alive after;
	struct idleness idle_after;
};

/* For setup(): nothing has happened yet. */
void story_init(void);

/* A CPU's story, shared with the processes of all cases. */
struct cpu_story *story_of(int cpu);

/* Skips the case unless clockevents may be unbound here. */
void story_need_root(void);

/* For a case about cpu behind its switch: nothing is tried any more once any CPU is dead. */
struct cpu_story *story_need_switched(int cpu);

#endif
