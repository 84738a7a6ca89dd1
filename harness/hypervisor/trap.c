// SPDX-License-Identifier: GPL-2.0-only
/* Exceptions from EL1: hypercalls, PSCI, and accesses to the interrupt controller. */
#include "monitor.h"

#define SMCCC_VERSION	      0x80000000u
#define SMCCC_ARCH_FEATURES   0x80000001u
#define SMCCC_VENDOR_CALLS    0x8600ff00u
#define SMCCC_VENDOR_UID      0x8600ff01u
#define SMCCC_VENDOR_REVISION 0x8600ff03u
#define SMCCC_HYPERV	      0x46000001u
#define SMCCC_1_2	      0x10002

/* What EL1 would have got without a hypervisor: an undefined instruction. */
static void inject_undefined(void)
{
	u64 spsr = read_sysreg(spsr_el2);
	u64 vector = spsr & 0x10       ? 0x600 :
		     (spsr & 0xf) == 5 ? 0x200 :
		     (spsr & 0xf) == 4 ? 0 :
					 0x400;

	write_sysreg(spsr, spsr_el1);
	write_sysreg(read_sysreg(elr_el2), elr_el1);
	write_sysreg(BIT(25), esr_el1);
	write_sysreg(read_sysreg(vbar_el1) + vector, elr_el2);
	write_sysreg(SPSR_EL1H_DAIF, spsr_el2);
}

/* The calls that are the same by HVC #0 and by SMC. */
static void smccc_call(struct cpu *cpu, struct frame *frame)
{
	u64 *x = frame->x;

	switch ((u32)x[0]) {
	case SMCCC_HYPERV:
		hypercall_smccc(cpu, frame);
		break;
	case SMCCC_VERSION:
		x[0] = SMCCC_1_2;
		break;
	case SMCCC_ARCH_FEATURES:
		x[0] = (u32)x[1] == SMCCC_VERSION || (u32)x[1] == SMCCC_ARCH_FEATURES ? 0 : -1ul;
		break;
	case SMCCC_VENDOR_UID: /* 58ba324d-6447-24cd-756c-ef8e24705916 */
		x[0] = 0x4d32ba58;
		x[1] = 0xcd244764;
		x[2] = 0x8eef6c75;
		x[3] = 0x16597024;
		break;
	case SMCCC_VENDOR_CALLS:
		x[0] = 4;
		break;
	case SMCCC_VENDOR_REVISION:
		x[0] = 1;
		x[1] = 0;
		break;
	default:
		if (!psci_call(frame))
			x[0] = -1ul;
	}
}

static void handle_hvc(struct cpu *cpu, struct frame *frame, u32 immediate)
{
	switch (immediate) {
	case 0:
		smccc_call(cpu, frame);
		break;
	case 1:
		hypercall_native(cpu, frame);
		break;
	default: /* 2, 3, 4: virtual trust levels, which are not offered */
		frame->x[0] = HV_INVALID_HYPERCALL_CODE;
	}
}

static void handle_sysreg(struct frame *frame, u64 iss)
{
	u32 rt = iss >> 5 & 31;
	u64 value = rt == 31 ? 0 : frame->x[rt];

	if (!gic_sysreg(iss, &value)) {
		inject_undefined();
		return;
	}
	if (iss & 1 && rt != 31)
		frame->x[rt] = value;
	write_sysreg(read_sysreg(elr_el2) + 4, elr_el2);
}

/* From start.S: a synchronous exception. */
void handle_sync(struct frame *frame)
{
	u64 esr = read_sysreg(esr_el2), iss = esr & 0x1ffffff;

	switch (esr >> 26 & 0x3f) {
	case EC_HVC64:
		handle_hvc(this_cpu(), frame, iss & 0xffff);
		break;
	case EC_SMC64:
		/* Unlike after an HVC, the return address is the instruction itself. */
		write_sysreg(read_sysreg(elr_el2) + 4, elr_el2);
		smccc_call(this_cpu(), frame);
		break;
	case EC_SYSREG:
		handle_sysreg(frame, iss);
		break;
	default:
		inject_undefined();
	}
}

/* From start.S. An FIQ: our timer, whatever the reason it was programmed for. */
void handle_fiq(void)
{
	u64 intid = read_sysreg(ICC_IAR0_EL1) & 0xffffff;

	if (intid == PPI_OWN_TIMER) {
		/*
		 * Level: off before the end of interrupt. What is still to come, stimer_run()
		 * programs.
		 */
		write_sysreg(0, cntp_ctl_el0);
		isb();
		stimer_run(this_cpu());
	}
	if (intid < 1020)
		write_sysreg(intid, ICC_EOIR0_EL1);
	isb();
}
