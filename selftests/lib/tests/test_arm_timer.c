// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../arm_timer.h"
#include "testing.h"

static void put(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = v >> 8 * i;
}

START_TEST(gtdt)
{
	uint8_t table[104] = "GTDT";
	struct arm_timer t;

	put(table + 4, sizeof(table));
	put(table + 48, 29);
	put(table + 56, 30);
	put(table + 60, 1);
	put(table + 64, 27);
	put(table + 68, 2 | 4);		/* active low, always on */
	put(table + 72, 26);
	ck_assert_int_eq(arm_timer_gtdt(table, sizeof(table), &t), 0);
	ck_assert_int_eq(t.timer[ARM_TIMER_SECURE].irq, 29);
	ck_assert_int_eq(t.timer[ARM_TIMER_PHYS].irq, 30);
	ck_assert(t.timer[ARM_TIMER_PHYS].edge);
	ck_assert_int_eq(t.timer[ARM_TIMER_VIRT].irq, 27);
	ck_assert(!t.timer[ARM_TIMER_VIRT].edge);
	ck_assert_int_eq(t.timer[ARM_TIMER_HYP].irq, 26);
	ck_assert(t.always_on);
	put(table + 68, 2);
	ck_assert_int_eq(arm_timer_gtdt(table, sizeof(table), &t), 0);
	ck_assert(!t.always_on);
	ck_assert_int_eq(arm_timer_gtdt(table, 79, &t), -EINVAL);
	put(table + 4, sizeof(table) + 1);
	ck_assert_int_eq(arm_timer_gtdt(table, sizeof(table), &t), -EINVAL);
	put(table + 4, sizeof(table));
	table[0] = 'X';
	ck_assert_int_eq(arm_timer_gtdt(table, sizeof(table), &t), -EINVAL);
}
END_TEST

START_TEST(device_tree)
{
	/* QEMU's virt machine: PPIs 13, 14, 11, 10, level high */
	uint8_t cells[48] = { 0 };
	static const uint8_t ppi[] = { 13, 14, 11, 10 };
	struct arm_timer t;

	for (int i = 0; i < 4; i++) {
		cells[12 * i + 3] = 1;
		cells[12 * i + 7] = ppi[i];
		cells[12 * i + 10] = 1;	/* a GIC's CPU mask */
		cells[12 * i + 11] = 4;
	}
	ck_assert_int_eq(arm_timer_dt(cells, sizeof(cells), true, &t), 0);
	ck_assert_int_eq(t.timer[ARM_TIMER_VIRT].irq, 27);
	ck_assert_int_eq(t.timer[ARM_TIMER_HYP].irq, 26);
	ck_assert(!t.timer[ARM_TIMER_VIRT].edge);
	ck_assert(t.always_on);
	cells[35] = 1;
	ck_assert_int_eq(arm_timer_dt(cells, sizeof(cells), false, &t), 0);
	ck_assert(t.timer[ARM_TIMER_VIRT].edge);
	ck_assert(!t.always_on);
	ck_assert_int_eq(arm_timer_dt(cells, 47, false, &t), -EINVAL);
	ck_assert_int_eq(arm_timer_dt(cells, 0, false, &t), -EINVAL);
	cells[3] = 0;	/* a shared interrupt */
	ck_assert_int_eq(arm_timer_dt(cells, sizeof(cells), false, &t), -EINVAL);
}
END_TEST

START_TEST(row)
{
	bool edge = true;
	int irq = 0;

	ck_assert(arm_timer_row(" 11:        123        456     GICv3  27 Level     arch_timer", 2, "arch_timer", &irq, &edge));
	ck_assert_int_eq(irq, 27);
	ck_assert(!edge);
	ck_assert(arm_timer_row("  9:  1  GICv2  31 Edge  x", 1, "x", &irq, &edge));
	ck_assert(edge);
	ck_assert(!arm_timer_row(" 11: 123 456 GICv3 27 Level arch_timer2", 2, "arch_timer", &irq, &edge));
	ck_assert(!arm_timer_row(" 11: 123 456 GICv3 27 Level arch_timer", 3, "arch_timer", &irq, &edge));
	ck_assert(!arm_timer_row("IPI0: 1 2 Rescheduling interrupts", 2, "arch_timer", &irq, &edge));
	ck_assert(!arm_timer_row("", 2, "arch_timer", &irq, &edge));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("arm_timer");

	tcase_add_test(tc, gtdt);
	tcase_add_test(tc, device_tree);
	tcase_add_test(tc, row);
	return run_cases("arm_timer", tc);
}
