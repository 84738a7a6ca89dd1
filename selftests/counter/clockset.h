/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether somebody sets the time meanwhile; only CLOCK_REALTIME and CLOCK_TAI know such steps. */
#ifndef TICKPROOF_CLOCKSET_H
#define TICKPROOF_CLOCKSET_H

#include <stdbool.h>
#include <time.h>

/* Skips the case unless the kernel has this clock. */
void clockset_need(clockid_t clock);

/* Begins to watch: a descriptor, or -1 where clock can't be set. */
int clockset_watch(clockid_t clock);

/* Whether the time has been set since; closes the descriptor. */
bool clockset_happened(int fd);

/* "CLOCK_MONOTONIC" */
const char *clockset_name(clockid_t clock);

#endif
