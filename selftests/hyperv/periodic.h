/* SPDX-License-Identifier: GPL-2.0-only */
/* A run of a periodic synthetic timer. */
#ifndef TICKPROOF_HYPERV_PERIODIC_H
#define TICKPROOF_HYPERV_PERIODIC_H

/* In the order in which one says more than the other. */
enum phase { PHASE_KEPT, PHASE_UNCLEAR, PHASE_DRIFTS };

/*
 * Lets STIMER1 of cpu, to which the caller is pinned, run for 700 ms with a period
 * of 7 ms. Fails the case where its registers don't show it, or an expiry is early
 * (known on arm64, where nobody else has that interrupt). Returns whether the
 * interrupts kept to the period, or fell behind it, further and further.
 */
enum phase periodic_run(int cpu);

#endif
