/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A case of which no thread ever runs again can't say so itself. The threads of a process of its
 * own (a program with threads could not well fork its cases) watch the process of the case. Each is
 * woken by another of the kernel's timers, so that where one kind never ends a wait others still
 * do; where none does, on no CPU, only the host can tell.
 */
#ifndef TICKPROOF_STUCK_H
#define TICKPROOF_STUCK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What is shared with the process of a case. */
struct stuck {
	_Atomic pid_t pid;  /* of the case that runs; 0: none does */
	unsigned int looks; /* at which it is stuck */
	char text[400];	    /* where its threads wait; "": it isn't stuck */
};

/*
 * Looks, a second apart, at which no thread of the case has run, that
 * make it stuck. No case sleeps as long as that. Fewer once a case was.
 */
#define STUCK_LOOKS	  15
#define STUCK_LOOKS_AGAIN 4

/*
 * Watches cases from now on, until stuck_end() or the caller's death: one that is stuck gets its
 * text, and is killed. s is shared memory. Returns the watching process, or a negative errno.
 */
pid_t stuck_watch(struct stuck *s, unsigned int looks);

/* Ends the process that stuck_watch() has started. */
void stuck_end(pid_t watcher);

/* One look; whether the case is stuck by now. For stuck_watch(), and for tests. */
bool stuck_look(struct stuck *s, unsigned int looks);

#endif
