/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether a CPU's timers fire at all, as seen from another one. */
#ifndef TICKPROOF_CONTINUITY_SLEEPS_H
#define TICKPROOF_CONTINUITY_SLEEPS_H

/* Says DEAD, and fails the case. what: who awaited which timer. */
void sleeps_dead(int cpu, const char *what);

/* Lets threads sleep on cpu in three ways, and fails the case where one doesn't wake, or early. */
void sleeps_end(int cpu);

#endif
