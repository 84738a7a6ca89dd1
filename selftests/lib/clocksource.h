/* SPDX-License-Identifier: GPL-2.0-only */
/* /sys/devices/system/clocksource (kernel/time/clocksource.c), and the vDSO by source. */
#ifndef TICKPROOF_CLOCKSOURCE_H
#define TICKPROOF_CLOCKSOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

#define CS_DIR	     "/sys/devices/system/clocksource/clocksource0"
#define CS_CURRENT   CS_DIR "/current_clocksource"
#define CS_AVAILABLE CS_DIR "/available_clocksource"
#define CS_UNBIND    CS_DIR "/unbind_clocksource"

/* sysfs_get_uname() refuses a write of this many bytes or more (the kernel's CS_NAME_LEN). */
#define CS_NAME_LEN 32

#define CS_MAX 16

/* Names in the kernel's order: the best rating first. */
struct cs_list {
	size_t nr;
	char name[CS_MAX][CS_NAME_LEN];
};

/*
 * Parses what available_clocksource holds: each name ends with exactly one
 * blank, the list with a newline ("hpet acpi_pm \n"). Returns 0, -EPROTO for
 * any other form (an empty list too), -EOVERFLOW for too many or too long names.
 */
int cs_parse(const char *text, struct cs_list *list);

/* Place of exactly this name in the list, or -1. */
int cs_find(const struct cs_list *list, const char *name);

/* The source in use. Returns 0 or -errno (-ENOENT: no clocksources in sysfs). */
int cs_current(char name[CS_NAME_LEN]);

/* The sources one can switch to; what the present tick mode can't use is hidden. 0 or -errno. */
int cs_available(struct cs_list *list);

/*
 * Writes exactly len bytes to current_clocksource. An unknown name is remembered
 * as an override, selects the BEST source and returns success; so does one of a
 * source that can't be used now: read back. Returns len or -EINVAL (32 bytes or
 * more), -EACCES or another negative errno.
 */
ssize_t cs_select(const void *name, size_t len);

/*
 * Writes exactly len bytes to unbind_clocksource: the source is gone until
 * reboot. Returns len or -EINVAL, -ENODEV (no such name), -EBUSY (nothing can
 * take its place), -EACCES or another negative errno.
 */
ssize_t cs_unbind(const void *name, size_t len);

/* Whether the vDSO can read a source without a system call. */
enum cs_vdso {
	CS_VDSO_UNKNOWN, /* no rule of ours */
	CS_VDSO_NEVER,	 /* VDSO_CLOCKMODE_NONE */
	CS_VDSO_ALWAYS,
	CS_VDSO_DEPENDS, /* on what the hypervisor or the CPU says at run time */
};

/* By the source's name; *why (may be NULL) names the rule. */
enum cs_vdso cs_vdso(const char *source, const char **why);

/*
 * How many of calls readings of clock by libc's clock_gettime() are system
 * calls: exact, since a seccomp filter in a child of its own answers them. Other
 * threads don't matter. Returns that number or -errno (-EINVAL: no such clock;
 * -ENOSYS, -EACCES: no seccomp filters here).
 */
int cs_syscalls(clockid_t clock, int calls);

#endif
