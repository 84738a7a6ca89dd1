// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cpus.h"
#include "files.h"

/* Parses one CPU number at *s and moves *s behind it. */
static int parse_cpu(const char **s)
{
	char *end;
	unsigned long cpu;

	if (!isdigit((unsigned char)**s))
		return -EINVAL;
	errno = 0;
	cpu = strtoul(*s, &end, 10);
	if (errno || cpu >= CPU_SETSIZE)
		return -EOVERFLOW;
	*s = end;
	return cpu;
}

int cpus_parse(const char *list, cpu_set_t *set)
{
	CPU_ZERO(set);
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
			CPU_SET(first, set);
		if (*list == ',' && isdigit((unsigned char)list[1]))
			list++;
		else if (*list && *list != '\n')
			return -EINVAL;
	}
	return 0;
}

int cpus_read(const char *which, cpu_set_t *set)
{
	char path[64], list[4096];
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/%s", which);
	n = file_read_line(path, list, sizeof(list));
	return n < 0 ? n : cpus_parse(list, set);
}

int cpus_usable(cpu_set_t *set)
{
	cpu_set_t mine;
	int err = cpus_read("online", set);

	if (err)
		return err;
	if (sched_getaffinity(0, sizeof(mine), &mine))
		return -errno;
	CPU_AND(set, set, &mine);
	return 0;
}

int cpus_next(int cpu, const cpu_set_t *set)
{
	for (cpu++; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, set))
			return cpu;
	return -1;
}

int cpu_pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0 || cpu >= CPU_SETSIZE)
		return -EINVAL;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}

int cpus_observer(int target, const cpu_set_t *usable, const cpu_set_t *dead)
{
	int cpu;

	cpus_for_each(cpu, usable)
		if (cpu != target && !CPU_ISSET(cpu, dead))
			return cpu;
	return CPU_ISSET(target, dead) ? -ENODEV : target;
}

static void online_path(int cpu, char *path, size_t len)
{
	snprintf(path, len, "/sys/devices/system/cpu/cpu%d/online", cpu);
}

bool cpu_can_offline(int cpu)
{
	char path[64], full[PATH_MAX];

	online_path(cpu, path, sizeof(path));
	return !file_path(full, sizeof(full), path) && !access(full, F_OK);
}

int cpu_set_online(int cpu, bool online)
{
	char path[64];
	ssize_t n;

	online_path(cpu, path, sizeof(path));
	n = file_write(path, online ? "1" : "0", 1);
	return n < 0 ? n : 0;
}
