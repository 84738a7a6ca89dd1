/* SPDX-License-Identifier: GPL-2.0-only */
/* The cases of sysfs_contract about what is shown, in sysfs and in /proc/timer_list, and what all its cases read. */
#ifndef TICKPROOF_SHOWN_H
#define TICKPROOF_SHOWN_H

#include "../lib/clockevents.h"
#include "../lib/cpus.h"

/* The devices' names now; skips the case without clockevents in sysfs. One copy: the next call overwrites it. */
struct ce_names *shown_names(void);

/* The CPUs that are online. */
struct cpus shown_online(void);

/* What differs between sysfs and the timer list; NULL if nothing does. Skips where the list can't be read. */
const char *shown_disagreement(void);

/* A1 to A3: directories, modes, names. */
void shown_directories(int unused);
void shown_modes(int unused);
void shown_current_names(int unused);

/* A4 to A7: what the timer list says. */
void shown_timer_list_agrees(int unused);
void shown_oneshot_mode(int unused);
void shown_deltas(int unused);
void shown_hyperv_deltas(int unused);

#endif
