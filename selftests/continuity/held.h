/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine that is held up from outside: what its clocks and timers were before, what they are
 * afterwards, and the cases that judge both. The same for each way to hold it up.
 */
#ifndef TICKPROOF_HELD_H
#define TICKPROOF_HELD_H

#include <stdbool.h>

#include "../lib/report.h"

/* What the host does: harness/watch/hold.sh. */
enum held_way {
	HELD_PAUSE,   /* the hypervisor stops the machine, and lets it go on */
	HELD_RESTORE, /* it saves it to a file, and another one goes on with it */
	HELD_MIGRATE, /* another one gets it while it runs, and goes on with it */
	HELD_FREEZE,  /* it doesn't run itself, and knows nothing of it */
	HELD_VCPU,    /* nor does the last CPU alone */
};

/* The main() of the program that asks for this. */
int held_main(int argc, char **argv, enum held_way way);

#endif
