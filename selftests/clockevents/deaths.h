/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The CPUs found dead: known to all cases of a program, and the end of everything that may block.
 */
#ifndef TICKPROOF_DEATHS_H
#define TICKPROOF_DEATHS_H

/* For setup(): nobody is dead yet. Starts what a death needs: the list to restore. */
void deaths_init(void);

/* The lowest dead CPU; -1 while all are alive. */
int deaths_first(void);

/*
 * Remembers that cpu is dead, gives up restoring what was changed, and prints what the kernel
 * logged.
 */
void deaths_add(int cpu);

/*
 * For a program's excuse(): what the kernel logs where a CPU is dead is its consequence. NULL while
 * all are alive.
 */
const char *deaths_excuse(void);

/* The CPU to observe cpu from; skips the case where none is left. */
int deaths_observer(int cpu);

#endif
