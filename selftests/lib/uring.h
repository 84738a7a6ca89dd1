/* SPDX-License-Identifier: GPL-2.0-only */
/* A timeout of io_uring (io_uring/timeout.c) by bare system calls. */
#ifndef TICKPROOF_URING_H
#define TICKPROOF_URING_H

#include <stdbool.h>
#include <time.h>

/*
 * Waits for or until when, on CLOCK_MONOTONIC, by a ring of this thread's own, made at
 * its first wait and left to the end of the process. 0 if time ended it; -ENOSYS
 * without io_uring; -EPERM where a policy forbids it; -EPROTO if something else
 * ended it; another negative errno.
 */
int uring_timeout(const struct timespec *when, bool absolute);

#endif
