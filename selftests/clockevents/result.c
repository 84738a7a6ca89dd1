// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <unistd.h>

#include "../lib/clockevents.h"
#include "../lib/report.h"
#include "../lib/shared.h"
#include "deaths.h"
#include "result.h"

static struct cpu_result *results;

void result_init(void)
{
	results = shared_memory(CPUS_MAX * sizeof(*results));
}

struct cpu_result *result_of(int cpu)
{
	return &results[cpu];
}

void result_need_root(void)
{
	char path[96];

	ce_path(cpus_next(-1, report_cpus()), "unbind_device", path, sizeof(path));
	if (access(path, F_OK))
		report_skip("no %s: this kernel has no clockevents in sysfs", path);
	if (geteuid() || access(path, W_OK))
		report_skip("unbinding a clockevent needs root");
}

struct cpu_result *result_need_switched(int cpu)
{
	result_need_root();
	if (deaths_first() >= 0)
		report_skip("CPU %d is dead: nothing more is tried on this system", deaths_first());
	if (!results[cpu].tried)
		report_skip("unbind.cpu%d has no result", cpu);
	return &results[cpu];
}
