/* SPDX-License-Identifier: GPL-2.0-only */
/* Sets of CPUs, pinning, hotplug, and the choice of the CPU that observes. */
#ifndef TICKPROOF_CPUS_H
#define TICKPROOF_CPUS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * As many as any Linux can be built for (NR_CPUS: x86 with MAXSMP and powerpc, 8192). The C
 * library's cpu_set_t ends at 1024, and the kernel refuses a set that is smaller than its own.
 */
#define CPUS_MAX 8192

struct cpus {
	unsigned long bits[CPUS_MAX / (8 * sizeof(long))];
};

/* Adding a number outside 0 to CPUS_MAX - 1 does nothing, and no set has one. */
void cpus_add(struct cpus *set, int cpu);
void cpus_remove(struct cpus *set, int cpu);
bool cpus_has(const struct cpus *set, int cpu);
int cpus_count(const struct cpus *set);
bool cpus_equal(const struct cpus *a, const struct cpus *b);

/*
 * Parses the kernel's list format ("0-3,5", "" is the empty set;
 * Documentation/admin-guide/cputopology.rst). Returns 0, -EINVAL, or
 * -EOVERFLOW for a CPU number of CPUS_MAX or more.
 */
int cpus_parse(const char *list, struct cpus *set);

/* Reads /sys/devices/system/cpu/<which>: "possible", "present", "online". 0 or -errno. */
int cpus_read(const char *which, struct cpus *set);

/* CPUs that the calling thread may run on; and letting it run on these only. Return 0 or -errno. */
int cpus_allowed(struct cpus *set);
int cpus_allow(const struct cpus *set);

/* CPUs that are online and that this process may run on. Returns 0 or -errno. */
int cpus_usable(struct cpus *set);

/* The next CPU of set after cpu (start with -1); -1 at the end. */
int cpus_next(int cpu, const struct cpus *set);

#define cpus_for_each(cpu, set) for (cpu = cpus_next(-1, set); cpu >= 0; cpu = cpus_next(cpu, set))

/* Pins the calling thread, or the one of that thread id, to one CPU. Returns 0 or -errno. */
int cpu_pin(int cpu);
int cpu_pin_thread(pid_t tid, int cpu);

/* Starts a thread that runs on one CPU from its first instruction. Returns 0 or -errno. */
int cpu_thread(pthread_t *thread, int cpu, void *(*run)(void *arg), void *arg);

/*
 * The CPU from which target can be watched: a usable one other than target and
 * not among the dead, the lowest one. Target itself where there is no other
 * (one CPU); -ENODEV where even that is dead. dead may be NULL: none.
 */
int cpus_observer(int target, const struct cpus *usable, const struct cpus *dead);

/* That of cpu's "online" file, into path. */
void cpu_online_path(int cpu, char *path, size_t len);

/* Whether cpu has an "online" file: x86's CPU 0 has none. */
bool cpu_can_offline(int cpu);

/* Takes cpu offline (false) or online (true); returns 0 or -errno. May block for seconds. */
int cpu_set_online(int cpu, bool online);

#endif
