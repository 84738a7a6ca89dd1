/* SPDX-License-Identifier: GPL-2.0-only */
/* What the program saw of a sleep, written into a trace of the kernel's side. */
#ifndef TICKPROOF_MARK_H
#define TICKPROOF_MARK_H

#include <stdint.h>

/*
 * Writes into the kernel's trace (trace_marker of tracefs) that the calling thread slept until
 * deadline and was awake at now, both in ns of CLOCK_MONOTONIC, and its number. Does nothing unless
 * the environment variable TICKPROOF_RECORDED names that file, or one in its place;
 * harness/guest/session sets it.
 */
void mark_woke(int64_t deadline, int64_t now);

#endif
