// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../lib/report.h"
#include "regs.h"

void regs_need(void)
{
	int err = hv_regs_open();

	if (!err)
		return;
	if (geteuid())
		report_skip("Hyper-V's registers want root, and the module hv_regs");
	if (err == -ENOENT)
		report_skip("no " HV_REGS_PATH
			    ": the module hv_regs is not loaded (selftests/test_modules)");
	report_skip(HV_REGS_PATH ": %s", strerror(-err));
}

void regs_run(int cpu, struct hv_step *steps, size_t nr)
{
	int err = hv_regs_try(cpu, steps, nr);

	if (err)
		report_fail("hv_regs on CPU %d: %s", cpu, strerror(-err));
}

void regs_all_well(int cpu, const struct hv_step *steps, size_t nr, int allowed)
{
	static const char *const kinds[] = {
		"reading", "writing", "writing", "waiting for", "pausing", "the reference TSC page",
	};

	for (size_t i = 0; i < nr; i++)
		if (steps[i].error && steps[i].error != allowed)
			report_fail("CPU %d, step %zu, %s register %u (value 0x%llx): %s, Hyper-V's status 0x%x",
				    cpu, i, kinds[steps[i].kind], steps[i].reg,
				    (unsigned long long)steps[i].value, strerror(-steps[i].error),
				    steps[i].status);
}

uint64_t regs_get(int cpu, enum hv_reg reg)
{
	struct hv_step step = STEP_GET(reg);

	regs_run(cpu, &step, 1);
	regs_all_well(cpu, &step, 1, 0);
	return step.value;
}

void regs_set(int cpu, enum hv_reg reg, uint64_t value)
{
	struct hv_step step = STEP_SET(reg, value);

	regs_run(cpu, &step, 1);
	regs_all_well(cpu, &step, 1, 0);
}

void regs_clear(int cpu)
{
	struct hv_step steps[6];

	for (int n = 1; n <= 3; n++) {
		steps[2 * n - 2] = (struct hv_step)STEP_SET(HV_REG_STIMER_COUNT(n), 0);
		steps[2 * n - 1] = (struct hv_step)STEP_SET(HV_REG_STIMER_CONFIG(n), 0);
	}
	REGS_RUN(cpu, steps);
	regs_all_well(cpu, steps, 6, 0);
}

static struct hv_events get_events(struct hv_event *events, size_t room)
{
	struct hv_events request = { .nr = room, .events = (uintptr_t)events };
	int err = hv_regs_events(&request);

	if (err)
		report_fail("hv_regs: %s", strerror(-err));
	return request;
}

unsigned int regs_vector(void)
{
	return get_events(NULL, 0).vector;
}

size_t regs_events(struct hv_event *events, size_t room)
{
	return get_events(events, room).nr;
}
