/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A CPU that a case takes offline and online again. Needs restore_init(), which brings it back at
 * the end.
 */
#ifndef TICKPROOF_HOTPLUG_H
#define TICKPROOF_HOTPLUG_H

#include <stdbool.h>
#include <stdint.h>

/* Skips the case unless cpu can be taken offline: by root, beside another CPU. */
void hotplug_need(int cpu);

/* cpu_set_online(), and cpu is online at the program's end. Returns 0 or -errno. */
int hotplug_try(int cpu, bool online);

/*
 * Before cpu's clockevent is unbound: at the program's end cpu goes offline and online once, which
 * brings it back (clockevents_replace() has no other way).
 */
void hotplug_at_end(int cpu);

/*
 * The same; returns how long it took, in ns. Where the kernel refuses (EBUSY, EPERM, EOPNOTSUPP)
 * the case is skipped, at any other error it fails.
 */
int64_t hotplug(int cpu, bool online);

#endif
