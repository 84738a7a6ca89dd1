// SPDX-License-Identifier: GPL-2.0-only
/* The timer's interrupt. No table of firmware names it: which PPI it is, is agreed with the hypervisor. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/acpi.h>
#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <linux/of.h>
#include <linux/of_irq.h>
#include <dt-bindings/interrupt-controller/arm-gic.h>

#include "hv_stimer.h"

#define FIRST_PPI 16

static unsigned int intid;
static int irq;

static int map_acpi(void)
{
	return acpi_register_gsi(NULL, intid, ACPI_EDGE_SENSITIVE, ACPI_ACTIVE_HIGH);
}

static int map_devicetree(void)
{
	static const struct of_device_id gics[] = {
		{ .compatible = "arm,gic-v3" }, { .compatible = "arm,gic-400" },
		{ .compatible = "arm,cortex-a15-gic" }, { }
	};
	struct of_phandle_args ppi = {
		.np = of_find_matching_node(NULL, gics), .args_count = 3,
		.args = { GIC_PPI, intid - FIRST_PPI, IRQ_TYPE_EDGE_RISING },
	};
	int mapped;

	if (!ppi.np)
		return -ENODEV;
	mapped = irq_create_of_mapping(&ppi);
	of_node_put(ppi.np);
	return mapped ?: -EINVAL;
}

static void unmap(void)
{
	if (acpi_disabled)
		irq_dispose_mapping(irq);
	else
		acpi_unregister_gsi(intid);
}

int hv_irq_request(unsigned int ppi, irq_handler_t handler, void __percpu *dev)
{
	int err;

	intid = ppi;
	irq = acpi_disabled ? map_devicetree() : map_acpi();
	if (irq < 0) {
		pr_err("interrupt %u (a PPI) can't be mapped: error %d\n", intid, irq);
		return irq;
	}
	err = request_percpu_irq(irq, handler, "Hyper-V stimer0", dev);
	if (err) {
		pr_err("interrupt %u can't be requested: error %d (someone else's?)\n", intid, err);
		unmap();
	}
	return err;
}

void hv_irq_free(void __percpu *dev)
{
	free_percpu_irq(irq, dev);
	unmap();
}

void hv_irq_enable(void)
{
	enable_percpu_irq(irq, IRQ_TYPE_NONE);
}

void hv_irq_disable(void)
{
	disable_percpu_irq(irq);
}
