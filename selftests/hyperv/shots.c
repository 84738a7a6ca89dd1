// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "../lib/report.h"
#include "shots.h"

uint64_t shot_config(void)
{
	return STIMER_AUTO_ENABLE | STIMER_DIRECT | STIMER_VECTOR(regs_vector());
}

struct shot shot_fire(int cpu, int n, uint64_t ahead)
{
	struct hv_step steps[] = {
		STEP_SET(HV_REG_STIMER_CONFIG(n), shot_config()),
		STEP_AHEAD(HV_REG_STIMER_COUNT(n), ahead),
		STEP_WAIT(HV_REG_STIMER_CONFIG(n), HV_SPIN_MAX / 2),
		STEP_GET(HV_REG_STIMER_CONFIG(n)),
	};
	struct hv_step *wait = &steps[2];

	REGS_RUN(cpu, steps);
	regs_all_well(cpu, steps, 4, -ETIME);
	for (int tries = 0; wait->error == -ETIME; tries++) {
		struct hv_step again[] = {
			STEP_WAIT(HV_REG_STIMER_CONFIG(n), HV_SPIN_MAX),
			STEP_GET(HV_REG_STIMER_CONFIG(n)),
		};

		if (tries == 100)
			report_fail("STIMER%d of CPU %d was due at %llu, and has not expired by %llu (units of 100 ns)",
				    n, cpu, (unsigned long long)steps[1].value,
				    (unsigned long long)wait->value);
		REGS_RUN(cpu, again);
		regs_all_well(cpu, again, 2, -ETIME);
		steps[2] = again[0];
		steps[3] = again[1];
	}
	return (struct shot){ .count = steps[1].value,
			      .seen = wait->value,
			      .before = wait->high,
			      .config_after = steps[3].value };
}

/*
 * For how long an interrupt is waited for once interrupts are on again, in units of 100 ns. An
 * emulated CPU may take it with its next exit only, and not at once (seen with QEMU 7.2).
 */
#define TAKEN_WITHIN (1000 * HV_USEC)

/*
 * What has interrupted cpu since end: 1: what was fired, since nothing else can have before due;
 * 0: nothing; -1: nobody knows.
 */
static int look(int cpu, uint64_t end, uint64_t due)
{
	static struct hv_event events[64];
	size_t there = regs_events(events, 64);
	int seen = 0;

	for (size_t i = 0; i < there && i < 64; i++) {
		if ((int)events[i].cpu != cpu || events[i].time < end)
			continue;
		if (events[i].time < due)
			return 1;
		seen = -1;
	}
	return seen;
}

int shot_interrupted(int cpu, struct hv_step *given, size_t nr)
{
	struct hv_step steps[HV_STEPS_MAX];
	const struct hv_step own[] = {
		STEP_GET(HV_REG_TIME_REF_COUNT),
		STEP_GET(HV_REG_STIMER0_CONFIG),
		STEP_GET(HV_REG_STIMER0_COUNT),
	};
	uint64_t end, now, due = UINT64_MAX;
	int seen;

	memcpy(steps, given, nr * sizeof(*steps));
	memcpy(steps + nr, own, sizeof(own));
	look(cpu, 0, 0);
	regs_run(cpu, steps, nr + 3);
	regs_all_well(cpu, steps, nr + 3, -ETIME);
	memcpy(given, steps, nr * sizeof(*steps));
	end = steps[nr].value;
	/* Not yet what was waited for. */
	for (size_t i = 0; i < nr; i++)
		if (steps[i].error)
			return -1;
#if defined(__x86_64__)
	/* Linux's own timer has the same vector, but it can't have been first unless it was due. */
	if (!(steps[nr + 1].value & STIMER_ENABLE))
		return -1;
	due = steps[nr + 2].value;
#endif
	do {
		seen = look(cpu, end, due);
		now = regs_get(cpu, HV_REG_TIME_REF_COUNT);
	} while (!seen && now < due && now < end + TAKEN_WITHIN);
	return !seen && now >= due ? -1 : seen;
}
