// SPDX-License-Identifier: GPL-2.0-only
/* What all parts of the monitor share: its CPUs, the mode, and memory. */
#include "monitor.h"

#define MPIDR_AFFINITY 0xff00fffffful

struct cpu cpus[CPUS_MAX];
enum mode mode;
u64 monitor_base;
bool by_firmware;

/* -> the CPU of this MPIDR, or none */
struct cpu *cpu_of(u64 mpidr)
{
	u64 index = (mpidr >> 8 & 0xff) * 16 + (mpidr & 0xff);

	return index < CPUS_MAX && cpus[index].mpidr == (mpidr & MPIDR_AFFINITY) ? &cpus[index] : 0;
}

void copy(void *to, const void *from, u64 size)
{
	u8 *t = to;
	const u8 *f = from;

	while (size--)
		*t++ = *f++;
}

bool same(const void *a, const void *b, u64 size)
{
	const u8 *x = a, *y = b;

	while (size--)
		if (*x++ != *y++)
			return false;
	return true;
}

u64 cpu_stack_end(struct cpu *cpu)
{
	return (u64)(cpu->stack + STACK_SIZE);
}
