// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include "arm_timer.h"

const char *const arm_timer_names[ARM_TIMERS] = {
	"secure", "physical", "virtual", "hypervisor", "hypervisor's virtual",
};

static uint32_t le32(const uint8_t *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

/* include/acpi/actbl2.h: struct acpi_table_gtdt, after it struct acpi_gtdt_el2 */
#define GTDT_TIMERS  48
#define GTDT_MIN_LEN 80
#define GTDT_EL2     96

static void gtdt_timer(const uint8_t *p, struct arm_timer *t, enum arm_timer_kind kind)
{
	uint32_t flags = le32(p + 4);

	t->timer[kind].irq = le32(p);
	t->timer[kind].edge = flags & 1;
	t->timer[kind].always_on = flags & 1 << 2;
}

int arm_timer_gtdt(const void *table, size_t len, struct arm_timer *t)
{
	const uint8_t *p = table;

	*t = (struct arm_timer){ 0 };
	if (len < GTDT_MIN_LEN || memcmp(p, "GTDT", 4) || le32(p + 4) > len ||
	    le32(p + 4) < GTDT_MIN_LEN)
		return -EINVAL;
	for (int i = 0; i < ARM_TIMER_HYP_VIRT; i++)
		gtdt_timer(p + GTDT_TIMERS + 8 * i, t, i);
	/* Byte 8 is the revision. */
	if (p[8] >= 3 && le32(p + 4) >= GTDT_EL2 + 8)
		gtdt_timer(p + GTDT_EL2, t, ARM_TIMER_HYP_VIRT);
	return 0;
}

bool arm_timer_is_gic(const char *chip)
{
	static const char *const gics[] = { "GIC", "GICv1", "GICv2", "GICv3" };

	for (size_t i = 0; i < sizeof(gics) / sizeof(*gics); i++)
		if (!strcmp(chip, gics[i]))
			return true;
	/* "GIC-%d" where there are several (irq-gic.c). GICv5 numbers its PPIs otherwise. */
	return !strncmp(chip, "GIC-", 4) && chip[4] && !chip[4 + strspn(chip + 4, "0123456789")];
}

/* drivers/irqchip/irq-gic.c, irq-gic-v3.c, irq-hip04.c */
static bool is_gic(const char *node)
{
	static const char *const gics[] = {
		"arm,gic-v3",
		"arm,gic-400",
		"arm,cortex-a15-gic",
		"arm,cortex-a7-gic",
		"arm,cortex-a9-gic",
		"arm,arm11mp-gic",
		"arm,arm1176jzf-devchip-gic",
		"arm,eb11mp-gic",
		"arm,tc11mp-gic",
		"arm,pl390",
		"qcom,msm8996-gic-v3",
		"qcom,msm-8660-qgic",
		"qcom,msm-qgic2",
		"hisilicon,hip04-intc",
	};

	for (size_t i = 0; i < sizeof(gics) / sizeof(*gics); i++)
		if (dt_compatible(node, gics[i]))
			return true;
	return false;
}

/* Three cells: kind, number, trigger; a fourth names the CPUs (arm,gic.yaml, arm,gic-v3.yaml). */
static int gic_interrupt(const struct dt_interrupt *from, int *irq, bool *edge)
{
	const uint32_t *cell = from->cell;

	if (from->nr_cells < 3 || from->nr_cells > 4)
		return -EINVAL;
	/*
	 * A timer has a private interrupt: a PPI, counted from 16, or an extended one, from 1056.
	 */
	if (cell[0] == 1 && cell[1] < 16)
		*irq = 16 + cell[1];
	else if (cell[0] == 3 && cell[1] < 64)
		*irq = 1056 + cell[1];
	else
		return -EINVAL;
	/* The low bits: 1, 2 edges, 4, 8 levels. */
	*edge = cell[2] & 3;
	return 0;
}

int arm_timer_dt(struct arm_timer *t)
{
	static const char *const names[ARM_TIMERS] = { "sec-phys", "phys", "virt", "hyp-phys",
						       "hyp-virt" };
	struct dt_interrupt all[ARM_TIMERS];
	char node[DT_PATH_LEN];
	bool named;
	int n;

	*t = (struct arm_timer){ 0 };
	if (dt_find("arm,armv8-timer", node) && dt_find("arm,armv7-timer", node))
		return -ENOENT;
	n = dt_interrupts(node, all, ARM_TIMERS);
	if (n < 0)
		return -EINVAL;
	if (n > ARM_TIMERS)
		n = ARM_TIMERS;
	named = dt_has(node, "interrupt-names");
	dt_is(all[0].controller, t->controller, sizeof(t->controller));
	for (int i = 0; i < n; i++)
		if (!is_gic(all[i].controller)) {
			dt_is(all[i].controller, t->controller, sizeof(t->controller));
			return -ENOTSUP;
		}
	for (int i = 0; i < ARM_TIMERS; i++) {
		int from = named ? dt_string(node, "interrupt-names", names[i]) : i;

		if (from < 0 || from >= n)
			continue;
		if (gic_interrupt(&all[from], &t->timer[i].irq, &t->timer[i].edge))
			return -EINVAL;
		t->timer[i].always_on = dt_has(node, "always-on");
	}
	return 0;
}
