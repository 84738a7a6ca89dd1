// SPDX-License-Identifier: GPL-2.0-only
/* Hyper-V's registers on x86: MSRs (TLFS; arch/x86/include/asm/hyperv-tlfs.h). */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <asm/hypervisor.h>
#include <asm/irq_vectors.h>
#include <asm/msr.h>
#include <asm/trapnr.h>

#include "hv_regs_impl.h"

static const u32 msrs[HV_REGS] = {
	[HV_REG_TIME_REF_COUNT] = 0x40000020, [HV_REG_VP_INDEX] = 0x40000002,
	[HV_REG_GUEST_OS_ID] = 0x40000000,    [HV_REG_REFERENCE_TSC] = 0x40000021,
	[HV_REG_STIMER0_CONFIG] = 0x400000b0, [HV_REG_STIMER0_COUNT] = 0x400000b1,
	[HV_REG_STIMER1_CONFIG] = 0x400000b2, [HV_REG_STIMER1_COUNT] = 0x400000b3,
	[HV_REG_STIMER2_CONFIG] = 0x400000b4, [HV_REG_STIMER2_COUNT] = 0x400000b5,
	[HV_REG_STIMER3_CONFIG] = 0x400000b6, [HV_REG_STIMER3_COUNT] = 0x400000b7,
};

int hv_arch_init(void)
{
	if (hypervisor_is_type(X86_HYPER_MS_HYPERV))
		return 0;
	pr_err("Linux doesn't run on Hyper-V here (see dmesg: \"Hypervisor detected\")\n");
	return -ENODEV;
}

static int fault(u32 *status)
{
	*status = X86_TRAP_GP;
	return -EIO;
}

int hv_arch_get(enum hv_reg reg, u64 *value, u64 *high, u32 *status)
{
	u32 low = 0, top = 0;

	*high = 0;
	if (!msrs[reg])
		return -EOPNOTSUPP;
	/* rdmsrl_safe() became rdmsrq_safe() in 6.16. */
	if (rdmsr_safe(msrs[reg], &low, &top))
		return fault(status);
	*value = (u64)top << 32 | low;
	return 0;
}

int hv_arch_set(enum hv_reg reg, u64 value, u32 *status)
{
	if (!msrs[reg])
		return -EOPNOTSUPP;
	return wrmsr_safe(msrs[reg], lower_32_bits(value), upper_32_bits(value)) ? fault(status) :
										   0;
}

u64 hv_arch_counter(void)
{
	return rdtsc_ordered();
}

/* No module may have a vector of its own: Linux's handler is watched instead. */
static int watch(struct kprobe *p, struct pt_regs *regs)
{
	hv_event_add();
	return 0;
}

static struct kprobe handler = { .symbol_name = "hv_stimer0_isr", .pre_handler = watch };

int hv_arch_events_start(u32 *vector)
{
	int err;

	*vector = HYPERV_STIMER0_VECTOR;
	/* A probe that was removed remembers too much. */
	handler.addr = NULL;
	handler.flags = 0;
	err = register_kprobe(&handler);
	if (err)
		pr_err("hv_stimer0_isr() can't be watched: error %d\n", err);
	return err;
}

void hv_arch_events_stop(void)
{
	unregister_kprobe(&handler);
}

void hv_arch_events_here(void)
{
}
