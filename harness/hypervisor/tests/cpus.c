// SPDX-License-Identifier: GPL-2.0-only
/* A second CPU: up through the monitor, with timers of its own, down and up again. */
#include "guest.h"

#define CPU_OFF	      0x84000002
#define CPU_ON	      0xc4000003
#define AFFINITY_INFO 0xc4000004

static volatile u64 stage, vp_index, config, count, context;

/* From start.S */
void second_main(u64 argument)
{
	u64 v;

	context = argument;
	vp_index = get(VP_INDEX);
	get_status(STIMER_CONFIG(0), &v);
	config = v;
	get_status(STIMER_COUNT(0), &v);
	count = v;
	interrupts_on();
	set(STIMER_CONFIG(0), AUTO | DIRECT | INTID(31));
	set(STIMER_COUNT(0), get(TIME_REF) + 10000);
	while (!interrupts[1][31])
		;
	set(STIMER_COUNT(0), get(TIME_REF) + 200000000);
	stage++;
	psci(CPU_OFF, 0, 0, 0);
	stage = 100;
}

static _Bool reached(u64 n)
{
	for (u32 i = 0; i < 5000 && stage < n; i++)
		pause(10000);
	for (u32 i = 0; i < 1000 && psci(AFFINITY_INFO, 1, 0, 0) != 1; i++)
		pause(10000);
	return stage == n && psci(AFFINITY_INFO, 1, 0, 0) == 1;
}

void cpus(void)
{
	interrupts[0][31] = 0;
	check(psci(CPU_ON, 77, (u64)secondary, 0) == -2ull, "a CPU that is not there", 0);
	check(psci(CPU_ON, 0, (u64)secondary, 0) == -4ull, "a CPU that is on", 0);
	check(psci(CPU_ON, 1, (u64)secondary, 1234) == 0, "CPU 1 comes", 0);
	check(reached(1), "it has a timer's interrupt, and goes", stage);
	check(context == 1234 && vp_index == 1, "it is VP 1", vp_index);
	check(interrupts[0][31] == 0, "CPU 0 has none of it", interrupts[0][31]);
	interrupts[1][31] = 0;
	check(psci(CPU_ON, 1, (u64)secondary, 5678) == 0 && reached(2) && context == 5678,
	      "once more", stage);
	check(!config && !count, "its timers were reset meanwhile", config);
}
