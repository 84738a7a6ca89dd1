// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clockevents.h"
#include "cpus.h"
#include "files.h"

void ce_path(int cpu, const char *attribute, char *path, size_t len)
{
	if (cpu == CE_BROADCAST)
		snprintf(path, len, CE_DIR "/broadcast/%s", attribute);
	else
		snprintf(path, len, CE_DIR "/clockevent%d/%s", cpu, attribute);
}

int ce_current(int cpu, char name[CE_NAME_LEN])
{
	char path[96];
	ssize_t n;

	ce_path(cpu, "current_device", path, sizeof(path));
	n = file_read_line(path, name, CE_NAME_LEN);
	return n < 0 ? n : 0;
}

int ce_cpus(struct cpus *set)
{
	static const char prefix[] = "clockevent";
	char full[PATH_MAX];
	struct dirent *entry;
	DIR *dir;
	int err = file_path(full, sizeof(full), CE_DIR);

	*set = (struct cpus){ 0 };
	if (err)
		return err;
	dir = opendir(full);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		const char *digits = entry->d_name + sizeof(prefix) - 1;
		unsigned long cpu;
		char *end;

		if (strncmp(entry->d_name, prefix, sizeof(prefix) - 1) ||
		    !isdigit((unsigned char)*digits))
			continue;
		cpu = strtoul(digits, &end, 10);
		if (!*end && cpu < CPUS_MAX)
			cpus_add(set, cpu);
	}
	closedir(dir);
	return 0;
}

ssize_t ce_unbind(int cpu, const void *name, size_t len)
{
	char path[96];

	ce_path(cpu, "unbind_device", path, sizeof(path));
	return file_write(path, name, len);
}

int ce_snapshot(struct ce_names *names)
{
	int cpu, err = ce_cpus(&names->cpus);

	if (err)
		return err;
	cpus_for_each(cpu, &names->cpus) {
		err = ce_current(cpu, names->cpu[cpu]);
		if (err)
			return err;
	}
	err = ce_current(CE_BROADCAST, names->broadcast);
	if (err == -ENOENT) { /* !CONFIG_GENERIC_CLOCKEVENTS_BROADCAST */
		names->broadcast[0] = '\0';
		err = 0;
	}
	return err;
}

bool ce_same(const struct ce_names *a, const struct ce_names *b, int except)
{
	int cpu;

	if (!cpus_equal(&a->cpus, &b->cpus) || strcmp(a->broadcast, b->broadcast))
		return false;
	cpus_for_each(cpu, &a->cpus)
		if (cpu != except && strcmp(a->cpu[cpu], b->cpu[cpu]))
			return false;
	return true;
}
