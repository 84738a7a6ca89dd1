// SPDX-License-Identifier: GPL-2.0-only
/*
 * PSCI: QEMU does the work, and the monitor only sees that CPUs come up through EL2. (QEMU starts a
 * CPU at the exception level of the caller, and that is the monitor.)
 */
#include "monitor.h"

#define PSCI_CPU_OFF		0x84000002u
#define PSCI_CPU_ON		0x84000003u
#define PSCI_FEATURES		0x8400000au
#define SMCCC_VERSION		0x80000000u
#define PSCI_64			0x40000000u
#define PSCI_INVALID_PARAMETERS (-2l)
#define PSCI_ALREADY_ON		(-4l)

static s64 cpu_on(u64 target, u64 entry, u64 context)
{
	struct cpu *cpu = cpu_of(target);
	s64 result;

	if (!cpu)
		return PSCI_INVALID_PARAMETERS;
	if (__atomic_exchange_n(&cpu->on, 1, __ATOMIC_ACQ_REL))
		return PSCI_ALREADY_ON;
	cpu->entry = entry;
	cpu->context = context;
	dsb();
	/* It may still be on its way out: then QEMU says so, and the kernel tries again. */
	result = smc(PSCI_CPU_ON | PSCI_64, target, (u64)secondary_start, (u64)cpu);
	if (result)
		__atomic_store_n(&cpu->on, 0, __ATOMIC_RELEASE);
	return result;
}

/* Do the PSCI call in frame; false if it is not one. */
bool psci_call(struct frame *frame)
{
	struct cpu *cpu = this_cpu();
	u64 *x = frame->x;
	u32 function = x[0];

	if ((function & ~PSCI_64) >> 5 != 0x84000000u >> 5)
		return false;
	if (!(function & PSCI_64)) {
		x[1] = (u32)x[1];
		x[2] = (u32)x[2];
		x[3] = (u32)x[3];
	}
	switch (function & ~PSCI_64) {
	case PSCI_CPU_ON:
		x[0] = cpu_on(x[1], x[2], x[3]);
		break;
	case PSCI_CPU_OFF:
		stimer_reset(cpu);
		__atomic_store_n(&cpu->on, 0, __ATOMIC_RELEASE);
		x[0] = smc(function, 0, 0, 0);
		/* It refused. */
		__atomic_store_n(&cpu->on, 1, __ATOMIC_RELEASE);
		break;
	case PSCI_FEATURES:
		if ((u32)x[1] == SMCCC_VERSION) {
			x[0] = 0;
			break;
		}
		/* fall through */
	default:
		x[0] = smc(x[0], x[1], x[2], x[3]);
	}
	return true;
}
