/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine that is held up from outside: what its clocks and timers were before, what they are
 * afterwards, and the cases that judge both. The same for each way to hold it up.
 */
#ifndef TICKPROOF_HELD_H
#define TICKPROOF_HELD_H

#include <stdbool.h>

#include "../lib/report.h"

enum held_clock {
	HELD_STILL,   /* stands still while the machine does */
	HELD_GOES_ON, /* is the hardware's, and goes on */
};

/* What a program of this surface asks for. */
struct held_way {
	const char *question; /* "pause 3": harness/watch/hold.sh */
	/* What the raw counter does meanwhile where KVM gives the guest this host's own TSC. */
	enum held_clock tsc_on_kvm;
};

/* A program's main(). */
int held_main(int argc, char **argv, const char *program, const struct held_way *way);

#endif
