// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <stdio.h>

#include "../lib/cpus.h"
#include "../lib/report.h"
#include "../lib/restore.h"
#include "../lib/shared.h"
#include "deaths.h"

static struct cpus *dead;

void deaths_init(void)
{
	dead = shared_memory(sizeof(*dead));
	restore_init();
}

int deaths_first(void)
{
	return cpus_next(-1, dead);
}

void deaths_add(int cpu)
{
	cpus_add(dead, cpu);
	restore_abandon();
	report_log();
}

const char *deaths_excuse(void)
{
	static char text[64];

	if (deaths_first() < 0)
		return NULL;
	snprintf(text, sizeof(text), "CPU %d is dead: stalls are its consequence", deaths_first());
	return text;
}

int deaths_observer(int cpu)
{
	int observer = cpus_observer(cpu, report_cpus(), dead);

	if (observer < 0)
		report_skip("no living CPU is left to observe from");
	return observer;
}
