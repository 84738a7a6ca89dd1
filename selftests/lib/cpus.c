// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cpus.h"
#include "files.h"

enum { LONG_BITS = 8 * sizeof(long) };

static bool in_range(int cpu)
{
	return cpu >= 0 && cpu < CPUS_MAX;
}

void cpus_add(struct cpus *set, int cpu)
{
	if (in_range(cpu))
		set->bits[cpu / LONG_BITS] |= 1ul << cpu % LONG_BITS;
}

void cpus_remove(struct cpus *set, int cpu)
{
	if (in_range(cpu))
		set->bits[cpu / LONG_BITS] &= ~(1ul << cpu % LONG_BITS);
}

bool cpus_has(const struct cpus *set, int cpu)
{
	return in_range(cpu) && set->bits[cpu / LONG_BITS] >> cpu % LONG_BITS & 1;
}

int cpus_count(const struct cpus *set)
{
	int n = 0;

	for (size_t i = 0; i < CPUS_MAX / LONG_BITS; i++)
		n += __builtin_popcountl(set->bits[i]);
	return n;
}

bool cpus_equal(const struct cpus *a, const struct cpus *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* Parses one CPU number at *s and moves *s after it. */
static int parse_cpu(const char **s)
{
	char *end;
	unsigned long cpu;

	if (!isdigit((unsigned char)**s))
		return -EINVAL;
	errno = 0;
	cpu = strtoul(*s, &end, 10);
	if (errno || cpu >= CPUS_MAX)
		return -EOVERFLOW;
	*s = end;
	return cpu;
}

int cpus_parse(const char *list, struct cpus *set)
{
	*set = (struct cpus){ 0 };
	while (*list && *list != '\n') {
		int first = parse_cpu(&list), last = first;

		if (first < 0)
			return first;
		if (*list == '-') {
			list++;
			last = parse_cpu(&list);
			if (last < 0)
				return last;
		}
		if (last < first)
			return -EINVAL;
		for (; first <= last; first++)
			cpus_add(set, first);
		if (*list == ',' && isdigit((unsigned char)list[1]))
			list++;
		else if (*list && *list != '\n')
			return -EINVAL;
	}
	return 0;
}

int cpus_read(const char *which, struct cpus *set)
{
	char path[64], *list;
	ssize_t n;
	int err;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/%s", which);
	n = file_read(path, &list);
	if (n < 0)
		return n;
	err = cpus_parse(list, set);
	free(list);
	return err;
}

int cpus_allowed(struct cpus *set)
{
	*set = (struct cpus){ 0 };
	return sched_getaffinity(0, sizeof(*set), (cpu_set_t *)set->bits) ? -errno : 0;
}

int cpus_allow(const struct cpus *set)
{
	return sched_setaffinity(0, sizeof(*set), (const cpu_set_t *)set->bits) ? -errno : 0;
}

int cpus_usable(struct cpus *set)
{
	struct cpus mine;
	int err = cpus_read("online", set);

	if (!err)
		err = cpus_allowed(&mine);
	for (size_t i = 0; !err && i < CPUS_MAX / LONG_BITS; i++)
		set->bits[i] &= mine.bits[i];
	return err;
}

int cpus_next(int cpu, const struct cpus *set)
{
	for (cpu++; cpu < CPUS_MAX; cpu++)
		if (cpus_has(set, cpu))
			return cpu;
	return -1;
}

int cpu_pin(int cpu)
{
	return cpu_pin_thread(0, cpu);
}

int cpu_pin_thread(pid_t tid, int cpu)
{
	struct cpus set = { 0 };

	if (!in_range(cpu))
		return -EINVAL;
	cpus_add(&set, cpu);
	return sched_setaffinity(tid, sizeof(set), (const cpu_set_t *)set.bits) ? -errno : 0;
}

int cpu_thread(pthread_t *thread, int cpu, void *(*run)(void *arg), void *arg)
{
	struct cpus set = { 0 };
	pthread_attr_t attr;
	int err;

	if (!in_range(cpu))
		return -EINVAL;
	cpus_add(&set, cpu);
	pthread_attr_init(&attr);
	err = pthread_attr_setaffinity_np(&attr, sizeof(set), (const cpu_set_t *)set.bits);
	if (!err)
		err = pthread_create(thread, &attr, run, arg);
	pthread_attr_destroy(&attr);
	return -err;
}

int cpus_observer(int target, const struct cpus *usable, const struct cpus *dead)
{
	int cpu;

	cpus_for_each(cpu, usable)
		if (cpu != target && !(dead && cpus_has(dead, cpu)))
			return cpu;
	return dead && cpus_has(dead, target) ? -ENODEV : target;
}

void cpu_online_path(int cpu, char *path, size_t len)
{
	snprintf(path, len, "/sys/devices/system/cpu/cpu%d/online", cpu);
}

bool cpu_can_offline(int cpu)
{
	char path[64], full[PATH_MAX];

	cpu_online_path(cpu, path, sizeof(path));
	return !file_path(full, sizeof(full), path) && !access(full, F_OK);
}

int cpu_set_online(int cpu, bool online)
{
	char path[64];
	ssize_t n;

	cpu_online_path(cpu, path, sizeof(path));
	n = file_write(path, online ? "1" : "0", 1);
	return n < 0 ? n : 0;
}
