/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cases of sysfs_contract about what is shown, in sysfs and in /proc/timer_list, and what all
 * its cases read.
 */
#ifndef TICKPROOF_DISPLAYED_H
#define TICKPROOF_DISPLAYED_H

#include "../lib/clockevents.h"
#include "../lib/cpus.h"

/*
 * The devices' names now; skips the case without clockevents in sysfs. One copy: the next call
 * overwrites it.
 */
struct ce_names *displayed_names(void);

/* The CPUs that are online. */
struct cpus displayed_online(void);

/*
 * How sysfs and /proc/timer_list differ; NULL if they agree. Skips the case if the list can't be
 * read.
 */
const char *displayed_disagreement(void);

/* A1 to A3: directories, modes, names. */
void displayed_directories(int unused);
void displayed_modes(int unused);
void displayed_current_names(int unused);

/* A4 to A7: what /proc/timer_list shows. */
void displayed_timer_list_agrees(int unused);
void displayed_oneshot_mode(int unused);
void displayed_deltas(int unused);
void displayed_hyperv_deltas(int unused);

#endif
