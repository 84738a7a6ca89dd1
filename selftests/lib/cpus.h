/* SPDX-License-Identifier: GPL-2.0-only */
/* CPU lists, pinning, hotplug, and the choice of the CPU that observes. */
#ifndef TICKPROOF_CPUS_H
#define TICKPROOF_CPUS_H

#include <sched.h>
#include <stdbool.h>

/*
 * Parses the kernel's list format ("0-3,5", "" is the empty set;
 * Documentation/admin-guide/cputopology.rst). Returns 0, -EINVAL, or
 * -EOVERFLOW for a CPU number of CPU_SETSIZE (1024) or more.
 */
int cpus_parse(const char *list, cpu_set_t *set);

/* Reads /sys/devices/system/cpu/<which>: "possible", "present", "online". 0 or -errno. */
int cpus_read(const char *which, cpu_set_t *set);

/* CPUs that are online and that this process may run on. Returns 0 or -errno. */
int cpus_usable(cpu_set_t *set);

/* The next CPU of set after cpu (start with -1); -1 at the end. */
int cpus_next(int cpu, const cpu_set_t *set);

#define cpus_for_each(cpu, set) \
	for (cpu = cpus_next(-1, set); cpu >= 0; cpu = cpus_next(cpu, set))

/* Pins the calling thread to one CPU. Returns 0 or -errno. */
int cpu_pin(int cpu);

/*
 * The CPU from which target can be watched: a usable one other than target and
 * not among the dead, the lowest one. Target itself where there is no other
 * (one CPU); -ENODEV where even that is dead.
 */
int cpus_observer(int target, const cpu_set_t *usable, const cpu_set_t *dead);

/* Whether cpu has an "online" file: x86's CPU 0 has none. */
bool cpu_can_offline(int cpu);

/* Takes cpu offline (false) or online (true); returns 0 or -errno. May block for seconds. */
int cpu_set_online(int cpu, bool online);

#endif
