/* SPDX-License-Identifier: GPL-2.0-only */
/* What a sleep looked like to the program, for who records the kernel's side meanwhile. */
#ifndef TICKPROOF_MARK_H
#define TICKPROOF_MARK_H

#include <stdint.h>

/*
 * Into the kernel's trace (trace_marker of tracefs), beside the kernel's own events: the calling
 * thread slept until deadline and was awake at now, both in ns of CLOCK_MONOTONIC. Does nothing
 * unless the environment names that file in TICKPROOF_RECORDED, as harness/guest/session does.
 */
void mark_woke(int64_t deadline, int64_t now);

#endif
