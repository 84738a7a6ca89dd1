/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A case whose threads are all blocked for ever can't report that. Another process watches it (a
 * process, since a program that has threads should not fork its cases). Each thread of the watcher
 * waits by a different kind of kernel timer: if one kind never ends a wait, the others still do. If
 * no kind does, on any CPU, only the host can see it.
 */
#ifndef TICKPROOF_STUCK_H
#define TICKPROOF_STUCK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What is shared with the process of a case. */
struct stuck {
	_Atomic pid_t pid;  /* of the case that runs; 0: none does */
	unsigned int looks; /* so many looks in a row saw no thread run: it is stuck */
	char text[400];	    /* where its threads wait; "": it isn't stuck */
};

/*
 * A case is stuck after so many looks, a second apart, at which none of its threads has run. No
 * case sleeps as long as that. After a first stuck case fewer are enough.
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
