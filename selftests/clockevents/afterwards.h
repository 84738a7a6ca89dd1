/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cases of unbind_fallback that judge one CPU after its switch, by what was measured then and
 * by looking once more. Each skips where there is nothing to judge.
 */
#ifndef TICKPROOF_AFTERWARDS_H
#define TICKPROOF_AFTERWARDS_H

/* B6: the new device interrupts, the old one doesn't. */
void afterwards_interrupts(int cpu);

/* B8, B9: timers that were armed across the switch, one-shot and periodic. */
void afterwards_armed(int cpu);
void afterwards_periodic(int cpu);

/* B7: the other CPUs' sleeps. */
void afterwards_others(int cpu);

/* B18: what was unbound is gone. */
void afterwards_gone(int cpu);

/* B11, B12: the modes, and an idle second. */
void afterwards_tick_mode(int cpu);
void afterwards_idle(int cpu);

/* B14, B15: the tick preempts, and accounts. */
void afterwards_preempt(int cpu);
void afterwards_cputime(int cpu);

#endif
