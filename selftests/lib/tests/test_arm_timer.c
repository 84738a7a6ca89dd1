// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
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
	put(table + 68, 2 | 4); /* active low, always on */
	put(table + 72, 26);
	ck_assert_int_eq(arm_timer_gtdt(table, sizeof(table), &t), 0);
	ck_assert_int_eq(t.timer[ARM_TIMER_SECURE].irq, 29);
	ck_assert_int_eq(t.timer[ARM_TIMER_PHYS].irq, 30);
	ck_assert(t.timer[ARM_TIMER_PHYS].edge);
	ck_assert_int_eq(t.timer[ARM_TIMER_VIRT].irq, 27);
	ck_assert(!t.timer[ARM_TIMER_VIRT].edge);
	ck_assert_int_eq(t.timer[ARM_TIMER_HYP].irq, 26);
	ck_assert(t.timer[ARM_TIMER_VIRT].always_on);
	ck_assert(!t.timer[ARM_TIMER_PHYS].always_on);
	ck_assert_int_eq(t.timer[ARM_TIMER_HYP_VIRT].irq, 0);
	put(table + 68, 2);
	ck_assert_int_eq(arm_timer_gtdt(table, sizeof(table), &t), 0);
	ck_assert(!t.timer[ARM_TIMER_VIRT].always_on);
	/* Revision 3 has one more, if the table is long enough. */
	put(table + 96, 28);
	put(table + 100, 1 | 4);
	ck_assert_int_eq(arm_timer_gtdt(table, sizeof(table), &t), 0);
	ck_assert_int_eq(t.timer[ARM_TIMER_HYP_VIRT].irq, 0);
	table[8] = 3;
	ck_assert_int_eq(arm_timer_gtdt(table, sizeof(table), &t), 0);
	ck_assert_int_eq(t.timer[ARM_TIMER_HYP_VIRT].irq, 28);
	ck_assert(t.timer[ARM_TIMER_HYP_VIRT].edge && t.timer[ARM_TIMER_HYP_VIRT].always_on);
	put(table + 4, 103);
	ck_assert_int_eq(arm_timer_gtdt(table, sizeof(table), &t), 0);
	ck_assert_int_eq(t.timer[ARM_TIMER_HYP_VIRT].irq, 0);
	put(table + 4, sizeof(table));
	for (size_t len = 0; len < sizeof(table); len++)
		ck_assert_int_eq(arm_timer_gtdt(table, len, &t), -EINVAL);
	ck_assert_int_eq(arm_timer_gtdt(table, 79, &t), -EINVAL);
	put(table + 4, sizeof(table) + 1);
	ck_assert_int_eq(arm_timer_gtdt(table, sizeof(table), &t), -EINVAL);
	/* Every byte of a number counts: a length of 104 in the lowest alone is none. */
	for (int i = 1; i < 4; i++) {
		put(table + 4, sizeof(table) + (1u << 8 * i));
		ck_assert_int_eq(arm_timer_gtdt(table, sizeof(table), &t), -EINVAL);
	}
	put(table + 4, sizeof(table));
	put(table + 48, 0x01020304);
	put(table + 64, 0x7a5b3c1d);
	ck_assert_int_eq(arm_timer_gtdt(table, sizeof(table), &t), 0);
	ck_assert_int_eq(t.timer[ARM_TIMER_SECURE].irq, 0x01020304);
	ck_assert_int_eq(t.timer[ARM_TIMER_VIRT].irq, 0x7a5b3c1d);
	/* The shortest there is, and one byte less. */
	put(table + 4, 80);
	ck_assert_int_eq(arm_timer_gtdt(table, 80, &t), 0);
	ck_assert_int_eq(arm_timer_gtdt(table, 79, &t), -EINVAL);
	put(table + 4, 79);
	ck_assert_int_eq(arm_timer_gtdt(table, sizeof(table), &t), -EINVAL);
	put(table + 4, sizeof(table));
	table[3] = 'X';
	ck_assert_int_eq(arm_timer_gtdt(table, sizeof(table), &t), -EINVAL);
	table[3] = 'T';
	table[0] = 'X';
	ck_assert_int_eq(arm_timer_gtdt(table, sizeof(table), &t), -EINVAL);
}
END_TEST

#define NODE "/proc/device-tree/timer/"
#define GIC  "/proc/device-tree/soc/interrupt-controller@8000000/"

/* A property of cells. */
static void cells(const char *path, size_t n, const uint32_t *value)
{
	uint8_t bytes[256];

	for (size_t i = 0; i < n; i++)
		for (int b = 0; b < 4; b++)
			bytes[4 * i + b] = value[i] >> 8 * (3 - b);
	fake_write_bytes(path, bytes, 4 * n);
}

#define CELLS(path, ...) \
	cells(path, sizeof((uint32_t[]){ __VA_ARGS__ }) / 4, (uint32_t[]){ __VA_ARGS__ })

static void strings(const char *path, size_t len, const char *list)
{
	fake_write_bytes(path, list, len);
}

#define STRINGS(path, list) strings(path, sizeof(list), list)

/* QEMU's virt machine: PPIs 13, 14, 11, 10, level high; the GIC is the root's interrupt parent. */
static void virt(uint32_t gic_cells)
{
	CELLS("/proc/device-tree/interrupt-parent", 0x8005);
	STRINGS("/proc/device-tree/compatible", "linux,dummy-virt");
	STRINGS("/proc/device-tree/a/compatible", "fixed-clock");
	CELLS("/proc/device-tree/a/phandle", 0x8000);
	STRINGS(GIC "compatible", "maker,special\0arm,gic-v3");
	CELLS(GIC "phandle", 0x8005);
	CELLS(GIC "#interrupt-cells", gic_cells);
	STRINGS(NODE "compatible", "arm,armv8-timer\0arm,armv7-timer");
	CELLS(NODE "interrupts", 1, 13, 0x104, 1, 14, 0x104, 1, 11, 0x104, 1, 10, 0x104);
	STRINGS(NODE "always-on", "");
}

START_TEST(device_tree)
{
	static const int irqs[] = { 29, 30, 27, 26, 0 };
	struct arm_timer t;

	ck_assert_int_eq(arm_timer_dt(&t), -ENOENT);
	virt(3);
	ck_assert_int_eq(arm_timer_dt(&t), 0);
	for (int i = 0; i < ARM_TIMERS; i++) {
		ck_assert_int_eq(t.timer[i].irq, irqs[i]);
		ck_assert(!t.timer[i].edge);
	}
	ck_assert(t.timer[ARM_TIMER_VIRT].always_on);
	ck_assert_str_eq(t.controller, "maker,special");
	CELLS(NODE "interrupts", 1, 13, 4, 1, 14, 1, 3, 5, 2);
	ck_assert_int_eq(arm_timer_dt(&t), 0);
	ck_assert(!t.timer[ARM_TIMER_SECURE].edge && t.timer[ARM_TIMER_PHYS].edge &&
		  t.timer[ARM_TIMER_VIRT].edge);
	ck_assert_int_eq(t.timer[ARM_TIMER_VIRT].irq, 1061);
	ck_assert_int_eq(t.timer[ARM_TIMER_HYP].irq, 0);
	/* A GIC whose cells name the CPUs as well. */
	virt(4);
	CELLS(NODE "interrupts", 1, 13, 4, 0, 1, 14, 1, 0x8000);
	ck_assert_int_eq(arm_timer_dt(&t), 0);
	ck_assert_int_eq(t.timer[ARM_TIMER_PHYS].irq, 30);
	ck_assert(t.timer[ARM_TIMER_PHYS].edge);
}
END_TEST

START_TEST(device_tree_by_name)
{
	struct arm_timer t;

	virt(3);
	STRINGS(NODE "interrupt-names", "phys\0virt\0hyp-phys\0hyp-virt");
	CELLS(NODE "interrupts", 1, 14, 4, 1, 11, 4, 1, 10, 4, 1, 12, 4);
	ck_assert_int_eq(arm_timer_dt(&t), 0);
	ck_assert_int_eq(t.timer[ARM_TIMER_SECURE].irq, 0);
	ck_assert_int_eq(t.timer[ARM_TIMER_PHYS].irq, 30);
	ck_assert_int_eq(t.timer[ARM_TIMER_HYP_VIRT].irq, 28);
	/* More names than interrupts, and names that don't end. */
	fake_write_bytes(NODE "interrupt-names", "virt\0phys", 9);
	CELLS(NODE "interrupts", 1, 14, 4);
	ck_assert_int_eq(arm_timer_dt(&t), 0);
	ck_assert_int_eq(t.timer[ARM_TIMER_VIRT].irq, 30);
	ck_assert_int_eq(t.timer[ARM_TIMER_PHYS].irq, 0);
}
END_TEST

START_TEST(device_tree_parents)
{
	struct arm_timer t;

	/*
	 * The node's own parent comes before the inherited one; a node with #interrupt-cells is one
	 * itself.
	 */
	virt(3);
	STRINGS("/proc/device-tree/intc/compatible", "arm,gic-400");
	CELLS("/proc/device-tree/intc/linux,phandle", 7);
	CELLS("/proc/device-tree/intc/#interrupt-cells", 3);
	CELLS("/proc/device-tree/interrupt-parent", 0x8000);
	CELLS(NODE "interrupt-parent", 7);
	ck_assert_int_eq(arm_timer_dt(&t), 0);
	ck_assert_str_eq(t.controller, "arm,gic-400");
	/* interrupts-extended comes before all of that. */
	CELLS(NODE "interrupt-parent", 0x8000);
	CELLS(NODE "interrupts-extended", 0x8005, 1, 13, 4, 7, 1, 14, 1);
	ck_assert_int_eq(arm_timer_dt(&t), 0);
	ck_assert_int_eq(t.timer[ARM_TIMER_PHYS].irq, 30);
	ck_assert(t.timer[ARM_TIMER_PHYS].edge);
	/*
	 * Each with as many cells as its controller takes: two here, so the rest isn't where it
	 * seemed.
	 */
	CELLS("/proc/device-tree/intc/#interrupt-cells", 2);
	CELLS(NODE "interrupts-extended", 7, 1, 14, 0x8005, 1, 13, 4);
	ck_assert_int_eq(arm_timer_dt(&t), -EINVAL);
	STRINGS("/proc/device-tree/intc/compatible", "brcm,bcm2836-l1-intc");
	ck_assert_int_eq(arm_timer_dt(&t), -ENOTSUP);
	ck_assert_str_eq(t.controller, "brcm,bcm2836-l1-intc");
	/* A phandle of nobody, and an interrupt without a parent. */
	CELLS(NODE "interrupts-extended", 99, 1, 13, 4);
	ck_assert_int_eq(arm_timer_dt(&t), -EINVAL);
}
END_TEST

/* An Apple SoC: three cells as well, and the first of them 1, but it means FIQ there. */
START_TEST(device_tree_aic)
{
	struct arm_timer t;
	uint8_t data[48];
	FILE *f = fopen(DATA_DIR "/dt-interrupts-aic", "r");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fread(data, 1, sizeof(data), f), sizeof(data));
	fclose(f);
	virt(3);
	fake_write_bytes(NODE "interrupts", data, sizeof(data));
	STRINGS(GIC "compatible", "apple,t8103-aic\0apple,aic");
	ck_assert_int_eq(arm_timer_dt(&t), -ENOTSUP);
	ck_assert_str_eq(t.controller, "apple,t8103-aic");
	STRINGS(GIC "compatible", "arm,gic-v5");
	ck_assert_int_eq(arm_timer_dt(&t), -ENOTSUP);
	/* With a GIC the same bytes would be taken. */
	STRINGS(GIC "compatible", "arm,gic-v3");
	ck_assert_int_eq(arm_timer_dt(&t), 0);
	/* A nexus (interrupt-map) or a node that doesn't say what it is. */
	STRINGS(GIC "compatible", "");
	ck_assert_int_eq(arm_timer_dt(&t), -ENOTSUP);
	ck_assert_str_eq(t.controller, "");
}
END_TEST

START_TEST(device_tree_bad)
{
	struct arm_timer t;

	virt(3);
	CELLS(NODE "interrupts", 0, 13, 4); /* a shared interrupt */
	ck_assert_int_eq(arm_timer_dt(&t), -EINVAL);
	CELLS(NODE "interrupts", 1, 16, 4);
	ck_assert_int_eq(arm_timer_dt(&t), -EINVAL);
	CELLS(NODE "interrupts", 1, 0xffffffff, 4);
	ck_assert_int_eq(arm_timer_dt(&t), -EINVAL);
	fake_write_bytes(NODE "interrupts", "\0\0\0\1\0\0\0\15\0\0\0", 11);
	ck_assert_int_eq(arm_timer_dt(&t), -EINVAL);
	fake_write(NODE "interrupts", "");
	ck_assert_int_eq(arm_timer_dt(&t), -EINVAL);
	for (uint32_t n = 0; n < 16; n++) {
		virt(n);
		ck_assert_int_eq(arm_timer_dt(&t), n == 3 ? 0 : -EINVAL);
	}
	virt(0xffffffff);
	ck_assert_int_eq(arm_timer_dt(&t), -EINVAL);
	fake_write(GIC "#interrupt-cells", "abc");
	ck_assert_int_eq(arm_timer_dt(&t), -EINVAL);
	virt(3);
	/* Two nodes that are each other's interrupt parent. */
	CELLS("/proc/device-tree/a/interrupt-parent", 0x8001);
	CELLS("/proc/device-tree/b/interrupt-parent", 0x8000);
	CELLS("/proc/device-tree/b/phandle", 0x8001);
	CELLS(NODE "interrupt-parent", 0x8000);
	ck_assert_int_eq(arm_timer_dt(&t), -EINVAL);
	CELLS(NODE "interrupt-parent", 0x8005);
	STRINGS(NODE "status", "disabled");
	ck_assert_int_eq(arm_timer_dt(&t), -ENOENT);
	STRINGS(NODE "status", "okay");
	ck_assert_int_eq(arm_timer_dt(&t), 0);
}
END_TEST

START_TEST(gics)
{
	static const char *const are[] = { "GIC", "GICv2", "GICv3", "GIC-0", "GIC-12" };
	static const char *const other[] = { "",     "FIQ",   "AIC",	 "GICv5", "GICv3-3",
					     "GIC-", "GIC-x", "ITS-MSI", "GICX" };

	for (size_t i = 0; i < sizeof(are) / sizeof(*are); i++)
		ck_assert_msg(arm_timer_is_gic(are[i]), "%s", are[i]);
	for (size_t i = 0; i < sizeof(other) / sizeof(*other); i++)
		ck_assert_msg(!arm_timer_is_gic(other[i]), "%s", other[i]);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("arm_timer");

	tcase_add_checked_fixture(tc, fake_make, fake_remove);
	tcase_add_test(tc, gtdt);
	tcase_add_test(tc, device_tree);
	tcase_add_test(tc, device_tree_by_name);
	tcase_add_test(tc, device_tree_parents);
	tcase_add_test(tc, device_tree_aic);
	tcase_add_test(tc, device_tree_bad);
	tcase_add_test(tc, gics);
	return run_cases("arm_timer", tc);
}
