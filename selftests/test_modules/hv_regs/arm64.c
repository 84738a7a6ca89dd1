// SPDX-License-Identifier: GPL-2.0-only
/* Hyper-V's registers on arm64: by hypercall. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/kernel.h>
#include <linux/moduleparam.h>
#include <linux/percpu.h>
#include <linux/smp.h>
#include <asm/arch_timer.h>

#include "../hv_arm64.h"
#include "../hv_ppi.h"
#include "hv_regs_impl.h"

static const u32 names[HV_REGS] = {
	[HV_REG_TIME_REF_COUNT] = HVR_TIME_REF_COUNT,
	[HV_REG_VP_INDEX] = HVR_VP_INDEX,
	[HV_REG_GUEST_OS_ID] = HVR_GUEST_OS_ID,
	[HV_REG_FEATURES] = HVR_FEATURES,
	[HV_REG_HINTS] = HVR_HINTS,
	[HV_REG_REFERENCE_TSC] = HVR_REFERENCE_TSC,
	[HV_REG_STIMER0_CONFIG] = HVR_STIMER_CONFIG(0),
	[HV_REG_STIMER0_COUNT] = HVR_STIMER_COUNT(0),
	[HV_REG_STIMER1_CONFIG] = HVR_STIMER_CONFIG(1),
	[HV_REG_STIMER1_COUNT] = HVR_STIMER_COUNT(1),
	[HV_REG_STIMER2_CONFIG] = HVR_STIMER_CONFIG(2),
	[HV_REG_STIMER2_COUNT] = HVR_STIMER_COUNT(2),
	[HV_REG_STIMER3_CONFIG] = HVR_STIMER_CONFIG(3),
	[HV_REG_STIMER3_COUNT] = HVR_STIMER_COUNT(3),
};

int hv_arch_init(void)
{
	int err;

	if (!hvc_present()) {
		pr_err("there is no Hyper-V here: neither the FADT nor SMCCC names it\n");
		return -ENODEV;
	}
	err = hvc_introduce();
	if (err)
		pr_err("Hyper-V doesn't take our name (GUEST_OS_ID): error %d\n", err);
	return err;
}

int hv_arch_get(enum hv_reg reg, u64 *value, u64 *high, u32 *status)
{
	*status = hvc_get(names[reg], value, high);
	return hvc_errno(*status);
}

int hv_arch_set(enum hv_reg reg, u64 value, u32 *status)
{
	*status = hvc_set(names[reg], value);
	return hvc_errno(*status);
}

u64 hv_arch_counter(void)
{
	return __arch_counter_get_cntvct();
}

/* A PPI of our own: QEMU's machine "virt" leaves this one free, and so does Hyper-V. */
static unsigned int intid = 24;
module_param(intid, uint, 0444);
MODULE_PARM_DESC(intid, "a PPI that nobody uses: 16 to 31 (24)");

static int __percpu *dev;
static cpumask_t enabled;
static int irq;

static irqreturn_t handle(int unused, void *unused_dev)
{
	hv_event_add();
	return IRQ_HANDLED;
}

int hv_arch_events_start(u32 *vector)
{
	if (intid < PPI_FIRST || intid > PPI_LAST) {
		pr_err("intid=%u: a timer's interrupt is a PPI, 16 to 31\n", intid);
		return -EINVAL;
	}
	*vector = intid;
	dev = alloc_percpu(int);
	if (!dev)
		return -ENOMEM;
	cpumask_clear(&enabled);
	irq = hv_ppi_request(intid, "hv_regs", handle, dev);
	if (irq < 0)
		free_percpu(dev);
	return min(irq, 0);
}

static void disable_here(void *unused)
{
	if (cpumask_test_cpu(smp_processor_id(), &enabled))
		disable_percpu_irq(irq);
}

void hv_arch_events_stop(void)
{
	on_each_cpu(disable_here, NULL, true);
	hv_ppi_free(intid, irq, dev);
	free_percpu(dev);
}

void hv_arch_events_here(void)
{
	if (!cpumask_test_and_set_cpu(smp_processor_id(), &enabled))
		enable_percpu_irq(irq, IRQ_TYPE_NONE);
}
