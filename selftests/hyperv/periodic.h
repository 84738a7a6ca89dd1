/* SPDX-License-Identifier: GPL-2.0-only */
/* A run of a periodic synthetic timer. */
#ifndef TICKPROOF_HYPERV_PERIODIC_H
#define TICKPROOF_HYPERV_PERIODIC_H

#include <stdbool.h>

/*
 * Lets STIMER1 of cpu, to which the caller is pinned, run for 240 ms with a period
 * of 4 ms. Fails the case where its registers don't show it, or an expiry is early
 * (told on arm64, where nobody else has that interrupt). Returns whether the
 * interrupts fell behind the period, further and further.
 */
bool periodic_drifts(int cpu);

#endif
