/* SPDX-License-Identifier: GPL-2.0-only */
/* /sys/devices/system/clockevents (kernel/time/clockevents.c). */
#ifndef TICKPROOF_CLOCKEVENTS_H
#define TICKPROOF_CLOCKEVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "cpus.h"

#define CE_DIR "/sys/devices/system/clockevents"

/* CS_NAME_LEN: sysfs_get_uname() refuses a write of this many bytes or more. */
#define CE_NAME_LEN 32

/* In place of a CPU number: the broadcast device. */
#define CE_BROADCAST (-1)

/* Name of an attribute's file; cpu may be CE_BROADCAST. */
void ce_path(int cpu, const char *attribute, char *path, size_t len);

/*
 * Name of the tick device in use on cpu, or of the broadcast device: "" where
 * there is none (an offline CPU). Returns 0 or -errno.
 */
int ce_current(int cpu, char name[CE_NAME_LEN]);

/* CPUs that have a clockeventN directory. Returns 0 or -errno. */
int ce_cpus(struct cpus *set);

/*
 * Writes exactly len bytes to cpu's unbind_device. The kernel looks the name up
 * in a global list, first match wins, whatever CPU's file was written: a
 * detached device of that name on ANY CPU is deleted and the write succeeds.
 * Returns len or -EINVAL (32 bytes or more), -ENODEV (no such name), -EBUSY
 * (the first match is another CPU's device, or nothing can replace it),
 * -EACCES, or another negative errno.
 */
ssize_t ce_unbind(int cpu, const void *name, size_t len);

/* The name of every CPU's tick device and of the broadcast device at one moment. */
struct ce_names {
	struct cpus cpus;
	char cpu[CPUS_MAX][CE_NAME_LEN];
	char broadcast[CE_NAME_LEN]; /* "" for none */
};

/* Reads them all. Returns 0 or -errno (-ENOENT: this kernel has no clockevents in sysfs). */
int ce_snapshot(struct ce_names *names);

/* Whether nothing differs, but for CPU except (CE_BROADCAST, -1: no exception). */
bool ce_same(const struct ce_names *a, const struct ce_names *b, int except);

#endif
