// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clocks.h"
#include "cpus.h"
#include "hotplug.h"
#include "report.h"
#include "restore.h"

void hotplug_need(int cpu)
{
	if (geteuid())
		report_skip("taking a CPU offline needs root");
	if (cpus_count(report_cpus()) < 2)
		report_skip("there is only one CPU");
	if (!cpu_can_offline(cpu))
		report_skip("CPU %d can't be taken offline: this kernel gives it no 'online' file",
			    cpu);
}

int hotplug_try(int cpu, bool online)
{
	char path[64];
	int err;

	cpu_online_path(cpu, path, sizeof(path));
	restore_need(path, "1");
	err = cpu_set_online(cpu, online);
	/* This brings back what hotplug_at_end() would. */
	if (!err && online)
		restore_forget(path, "0");
	return err;
}

void hotplug_at_end(int cpu)
{
	char path[64];

	cpu_online_path(cpu, path, sizeof(path));
	/* The last is written first. */
	restore_need(path, "1");
	restore_need(path, "0");
}

int64_t hotplug(int cpu, bool online)
{
	const char *where = online ? "online" : "offline";
	int64_t start = clock_ns(CLOCK_MONOTONIC);
	int err = hotplug_try(cpu, online);

	if (err == -EBUSY || err == -EPERM || err == -EOPNOTSUPP)
		report_skip("CPU %d can't be taken %s: %s", cpu, where, strerror(-err));
	if (err)
		report_fail("taking CPU %d %s: %s", cpu, where, strerror(-err));
	return clock_ns(CLOCK_MONOTONIC) - start;
}
