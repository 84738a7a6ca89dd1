/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A synthetic timer's interrupt on arm64: a PPI, edge, active high. No table of
 * firmware names it; which one it is, the driver tells Hyper-V.
 */
#ifndef TICKPROOF_HV_PPI_H
#define TICKPROOF_HV_PPI_H

#include <linux/acpi.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <linux/of.h>
#include <linux/of_irq.h>
#include <dt-bindings/interrupt-controller/arm-gic.h>

#define PPI_FIRST 16
#define PPI_LAST  31

static inline int hv_ppi_map(unsigned int intid)
{
	static const struct of_device_id gics[] = { { .compatible = "arm,gic-v3" },
						    { .compatible = "arm,gic-400" },
						    { .compatible = "arm,cortex-a15-gic" },
						    {} };
	struct of_phandle_args ppi = {
		.args_count = 3,
		.args = { GIC_PPI, intid - PPI_FIRST, IRQ_TYPE_EDGE_RISING },
	};
	int irq;

	if (!acpi_disabled)
		return acpi_register_gsi(NULL, intid, ACPI_EDGE_SENSITIVE, ACPI_ACTIVE_HIGH);
	ppi.np = of_find_matching_node(NULL, gics);
	if (!ppi.np)
		return -ENODEV;
	irq = irq_create_of_mapping(&ppi);
	of_node_put(ppi.np);
	return irq ?: -EINVAL;
}

static inline void hv_ppi_unmap(unsigned int intid, int irq)
{
	if (acpi_disabled)
		irq_dispose_mapping(irq);
	else
		acpi_unregister_gsi(intid);
}

/* Returns Linux's number, to be enabled on each CPU, or -errno with a line in the log. */
static inline int hv_ppi_request(unsigned int intid, const char *name, irq_handler_t handler,
				 void __percpu *dev)
{
	int irq = hv_ppi_map(intid), err;

	if (irq < 0) {
		pr_err("interrupt %u can't be mapped: error %d\n", intid, irq);
		return irq;
	}
	err = request_percpu_irq(irq, handler, name, dev);
	if (!err)
		return irq;
	pr_err("interrupt %u can't be requested: error %d (someone else's?)\n", intid, err);
	hv_ppi_unmap(intid, irq);
	return err;
}

static inline void hv_ppi_free(unsigned int intid, int irq, void __percpu *dev)
{
	free_percpu_irq(irq, dev);
	hv_ppi_unmap(intid, irq);
}

#endif
