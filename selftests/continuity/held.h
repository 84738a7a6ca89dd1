/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine that is held up from outside: what its clocks and timers were before, what they are
 * afterwards, and the cases that judge both. The same for each way to hold it up.
 */
#ifndef TICKPROOF_HELD_H
#define TICKPROOF_HELD_H

#include <stdbool.h>

#include "../lib/report.h"

/* What a program of this surface asks for. */
struct held_way {
	const char *question; /* "pause 3": harness/watch/hold.sh */
	/* Another QEMU goes on with it, which puts back the TSC as well. */
	bool restored;
};

/* A program's main(). */
int held_main(int argc, char **argv, const char *program, const struct held_way *way);

#endif
