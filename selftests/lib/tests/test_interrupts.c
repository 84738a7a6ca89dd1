// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../interrupts.h"
#include "testing.h"

static void parse_data(const char *name, struct irq_table *table)
{
	char *text = data_read(name);

	ck_assert_msg(irq_table_parse(text, table) == 0, "%s does not parse", name);
	free(text);
}

static void parse_text(const char *text, struct irq_table *table)
{
	ck_assert_msg(irq_table_parse(text, table) == 0, "does not parse: %s", text);
}

static uint64_t named(const struct irq_table *table, const char *name, int cpu)
{
	return irq_count(table, irq_row_named(table, name), cpu);
}

static uint64_t of_clockevent(const struct irq_table *table, const char *name, int cpu)
{
	return irq_count(table, irq_row_of_clockevent(table, name), cpu);
}

static const struct recording {
	const char *file;
	size_t nr_cpus, nr_rows;
	const char *device, *on_device; /* a device, and the row it's on */
	const char *last;
} recordings[] = {
	{ "interrupts-6.1-x86", 3, 25, "timer", "0", "PIW" },
	{ "interrupts-6.1-x86-cpu1-offline", 2, 25, "rtc0", "8", "PIW" },
	{ "interrupts-6.1-arm64", 3, 12, "arch_timer", "11", "Err" },
	{ "interrupts-6.1-hyperv-gen2", 3, 27, "rtc0", "8", "PIW" },
	{ "interrupts-6.12-x86", 3, 25, "acpi", "9", "PIW" },
	{ "interrupts-6.12-arm64", 3, 13, "arch_timer", "11", "Err" },
	{ "interrupts-6.12-hyperv", 3, 28, "timer", "0", "PIW" },
	{ "interrupts-6.18-x86-microvm", 2, 34, "ACPI:Ged", "24", "PIW" },
	{ "interrupts-arm64-hyperv-crafted", 2, 6, "Hyper-V stimer0", "14", "Err" },
};

START_TEST(recorded)
{
	const struct recording *r = &recordings[_i];
	const struct irq_row *row;
	struct irq_table table;

	parse_data(r->file, &table);
	ck_assert_uint_eq(table.nr_cpus, r->nr_cpus);
	if (r->nr_rows)
		ck_assert_uint_eq(table.nr_rows, r->nr_rows);
	ck_assert_str_eq(table.rows[table.nr_rows - 1].name, r->last);
	row = irq_row_of_device(&table, r->device);
	ck_assert_ptr_nonnull(row);
	ck_assert_str_eq(row->name, r->on_device);
	irq_table_free(&table);
}
END_TEST

START_TEST(counts)
{
	struct irq_table table;

	parse_data("interrupts-6.12-x86", &table);
	ck_assert_uint_eq(named(&table, "LOC", 0), 599);
	ck_assert_uint_eq(named(&table, "LOC", 1), 577);
	ck_assert_uint_eq(named(&table, "LOC", 2), 659);
	ck_assert_uint_eq(named(&table, "LOC", 3), 0);
	ck_assert_uint_eq(named(&table, "LOC", -1), 0);
	ck_assert_uint_eq(named(&table, "0", 0), 98);
	ck_assert_uint_eq(named(&table, "0", 1), 0);
	ck_assert_uint_eq(irq_row_named(&table, "ERR")->nr_counts, 1);
	ck_assert_uint_eq(named(&table, "ERR", 2), 0);
	ck_assert_ptr_null(irq_row_named(&table, "HVS"));
	ck_assert_uint_eq(irq_count(&table, NULL, 0), 0);
	irq_table_free(&table);
}
END_TEST

/* Each of the rows that may stand in for a device, and never the device's own. */
static const struct {
	const char *text, *clockevent, *broadcast;
	uint64_t expected; /* on CPU 1 */
} broadcasts[] = {
	{ "     CPU0 CPU1\n 27:  1  2  GICv3  27 Level     arch_timer\nIPI4:  4  8       Timer broadcast interrupts\n",
	  "arch_sys_timer", "bc_hrtimer", 8 },
	{ "     CPU0 CPU1\n 27:  1  2  GICv3  27 Level     arch_timer\n 40: 16 32  GICv3  58 Level     arch_mem_timer\n"
	  "IPI4:  4  8       Timer broadcast interrupts\n",
	  "arch_sys_timer", "arch_mem_timer", 40 },
	{ "     CPU0 CPU1\n 0:  1  2   IO-APIC   2-edge      timer\nLOC:  4  8   Local timer interrupts\n",
	  "lapic", "hpet", 2 },
	{ "     CPU0 CPU1\n 0:  1  2   IO-APIC   2-edge      timer\nLOC:  4  8   Local timer interrupts\n",
	  "hpet", "lapic", 8 },
	{ "     CPU0 CPU1\n 0:  1  2   IO-APIC   2-edge      timer\nLOC:  4  8   Local timer interrupts\n",
	  "lapic", "", 0 },
};

START_TEST(broadcast)
{
	struct irq_table table;

	ck_assert_int_eq(irq_table_parse(broadcasts[_i].text, &table), 0);
	ck_assert_uint_eq(irq_broadcasts(&table, broadcasts[_i].clockevent,
					 broadcasts[_i].broadcast, 1),
			  broadcasts[_i].expected);
	irq_table_free(&table);
}
END_TEST

START_TEST(said)
{
	struct irq_table table;

	parse_data("interrupts-6.12-arm64", &table);
	ck_assert_str_eq(irq_row_said(&table, "Timer broadcast interrupts")->name, "IPI4");
	ck_assert_ptr_null(irq_row_said(&table, "Timer broadcast"));
	/* A numbered row's device is no such text. */
	ck_assert_ptr_null(irq_row_said(&table, "arch_timer"));
	irq_table_free(&table);
}
END_TEST

START_TEST(columns_are_online_cpus)
{
	struct irq_table table;

	parse_data("interrupts-6.12-x86-cpu1-offline", &table);
	ck_assert_int_eq(table.cpus[0], 0);
	ck_assert_int_eq(table.cpus[1], 2);
	/* The second column is CPU 2's. */
	ck_assert_uint_eq(named(&table, "4", 2), 2432);
	ck_assert_uint_eq(named(&table, "4", 1), 0);
	ck_assert_uint_gt(named(&table, "LOC", 2), 0);
	ck_assert_uint_eq(named(&table, "LOC", 1), 0);
	irq_table_free(&table);
}
END_TEST

START_TEST(clockevents_x86)
{
	struct irq_table before, after;

	parse_data("interrupts-6.12-hyperv", &before);
	parse_data("interrupts-6.12-hyperv-unbound", &after);
	ck_assert_str_eq(irq_row_of_clockevent(&before, "Hyper-V clockevent")->name, "HVS");
	ck_assert_str_eq(irq_row_of_clockevent(&before, "lapic-deadline")->name, "LOC");
	ck_assert_str_eq(irq_row_of_clockevent(&before, "lapic")->name, "LOC");
	ck_assert_str_eq(irq_row_of_clockevent(&before, "hpet")->name, "0");
	ck_assert_str_eq(irq_row_of_clockevent(&before, "pit")->name, "0");
	ck_assert_ptr_null(irq_row_of_clockevent(&before, "arch_sys_timer"));
	ck_assert_ptr_null(irq_row_of_clockevent(&before, "dummy_timer"));
	ck_assert_ptr_null(irq_row_of_clockevent(&before, "hpet3"));
	ck_assert_ptr_null(irq_row_of_clockevent(&before, ""));
	ck_assert_uint_eq(of_clockevent(&before, "lapic-deadline", 1), 0);
	ck_assert_uint_eq(of_clockevent(&after, "lapic-deadline", 1), 670);
	ck_assert_uint_eq(of_clockevent(&after, "lapic-deadline", 0), 0);
	ck_assert_uint_eq(of_clockevent(&before, "hpet", 0), 122);
	ck_assert_uint_eq(of_clockevent(&after, "hpet", 0), 145);
	irq_table_free(&before);
	irq_table_free(&after);
}
END_TEST

START_TEST(clockevents_arm64)
{
	struct irq_table table;

	parse_data("interrupts-arm64-hyperv-crafted", &table);
	ck_assert_uint_eq(of_clockevent(&table, "Hyper-V clockevent", 1), 714);
	ck_assert_uint_eq(of_clockevent(&table, "arch_sys_timer", 0), 0);
	ck_assert_str_eq(irq_row_of_clockevent(&table, "arch_sys_timer")->name, "11");
	ck_assert_ptr_null(irq_row_of_clockevent(&table, "dummy_timer"));
	ck_assert_ptr_null(irq_row_of_clockevent(&table, "bc_hrtimer"));
	ck_assert_ptr_null(irq_row_of_clockevent(&table, "lapic"));
	irq_table_free(&table);
}
END_TEST

/* Rows and devices that hold another's name, and chips with spaces. */
START_TEST(no_substrings)
{
	struct irq_table table;

	parse_data("interrupts-traps", &table);
	ck_assert_uint_eq(table.nr_cpus, 2);
	ck_assert_str_eq(irq_row_of_device(&table, "arch_timer")->name, "21");
	ck_assert_str_eq(irq_row_of_device(&table, "Hyper-V stimer0")->name, "32");
	ck_assert_str_eq(irq_row_of_device(&table, "hpet3")->name, "40");
	ck_assert_str_eq(irq_row_of_device(&table, "hv pci")->name, "24");
	ck_assert_str_eq(irq_row_of_device(&table, "usb1")->name, "16");
	ck_assert_str_eq(irq_row_of_device(&table, "ehci_hcd:usb2")->name, "16");
	ck_assert_str_eq(irq_row_of_device(&table, "snd")->name, "16");
	ck_assert_str_eq(irq_row_of_device(&table, "button")->name, "50");
	ck_assert_str_eq(irq_row_of_device(&table, "Level shifter")->name, "51");
	ck_assert_str_eq(irq_row_of_device(&table, "on the edge")->name, "52");
	ck_assert_ptr_null(irq_row_of_device(&table, "Hyper-V stimer9"));
	ck_assert_ptr_null(irq_row_of_device(&table, ""));
	ck_assert_ptr_null(irq_row_of_device(&table, "usb"));
	ck_assert_ptr_null(irq_row_of_device(&table, "usb2"));
	ck_assert_ptr_null(irq_row_of_device(&table, "timer"));
	ck_assert_ptr_null(irq_row_of_device(&table, "stimer0"));
	/* A description is not a device. */
	ck_assert_ptr_null(irq_row_of_device(&table, "Hyper-V stimer0 interrupts"));
	ck_assert_ptr_null(irq_row_of_device(&table, "interrupts"));
	ck_assert_ptr_null(irq_row_named(&table, "LO"));
	ck_assert_ptr_null(irq_row_named(&table, "OC"));
	ck_assert_uint_eq(named(&table, "LOC", 1), 4);
	ck_assert_uint_eq(named(&table, "LOCX", 1), 6);
	ck_assert_uint_eq(named(&table, "1", 0), 111);
	ck_assert_uint_eq(named(&table, "21", 0), 2100);
	ck_assert_str_eq(irq_row_named(&table, "60")->devices, "");
	ck_assert_str_eq(irq_row_named(&table, "61")->devices, "");
	ck_assert_str_eq(irq_row_named(&table, "24")->chip, "Hyper-V PCIe MSI");
	ck_assert_str_eq(irq_row_named(&table, "52")->chip, "An Edge chip");
	irq_table_free(&table);
}
END_TEST

/* Rows as show_interrupts() and its callbacks print them, and what each part of them is. */
static const struct {
	const char *row, *chip;
	int64_t hwirq;
	enum irq_trigger trigger;
	const char *devices;
} forms[] = {
	{ "   IO-APIC   2-edge      timer", "IO-APIC", 2, IRQ_NO_TRIGGER, "timer" },
	{ "   IO-APIC  16-fasteoi   usb1, ehci_hcd", "IO-APIC", 16, IRQ_NO_TRIGGER,
	  "usb1, ehci_hcd" },
	{ "   IO-APIC   2-edge    ", "IO-APIC", 2, IRQ_NO_TRIGGER, "" },
	{ "  IR-PCI-MSI-0000:00:1f.2   0-edge      ahci[0000:00:1f.2]", "IR-PCI-MSI-0000:00:1f.2",
	  0, IRQ_NO_TRIGGER, "ahci[0000:00:1f.2]" },
	{ "   PCI-MSI 524288-edge      eth0-rx 2, 3", "PCI-MSI", 524288, IRQ_NO_TRIGGER,
	  "eth0-rx 2, 3" },
	{ "    XT-PIC   0  timer", "XT-PIC", 0, IRQ_NO_TRIGGER, "timer" },
	{ "    XT-PIC       timer", "XT-PIC", -1, IRQ_NO_TRIGGER, "timer" },
	{ "  XT-PIC-XT        cascade", "XT-PIC-XT", -1, IRQ_NO_TRIGGER, "cascade" },
	{ "   IO-APIC-edge      timer", "IO-APIC-edge", -1, IRQ_NO_TRIGGER, "timer" },
	{ "     VMBus   7  heartbeat", "VMBus", 7, IRQ_NO_TRIGGER, "heartbeat" },
	{ "  Hyper-V PCIe MSI 1234-edge      mlx5_async0@pci:0001:00:02.0", "Hyper-V PCIe MSI",
	  1234, IRQ_NO_TRIGGER, "mlx5_async0@pci:0001:00:02.0" },
	{ "  RISC-V INTC   5 Edge      riscv-timer", "RISC-V INTC", 5, IRQ_EDGE, "riscv-timer" },
	{ "     GICv3  27 Level     arch_timer", "GICv3", 27, IRQ_LEVEL, "arch_timer" },
	{ "       FIQ   0 Level     arch_timer", "FIQ", 0, IRQ_LEVEL, "arch_timer" },
	{ "  ARMCTRL-level   1 Edge      3f00b880.mailbox", "ARMCTRL-level", 1, IRQ_EDGE,
	  "3f00b880.mailbox" },
	{ "   pca953x   5 Edge    -gpio      button 2", "pca953x", 5, IRQ_EDGE, "button 2" },
	{ "      GPIO  12  5", "GPIO", 12, IRQ_NO_TRIGGER, "5" },
	{ "      None     ", "None", -1, IRQ_NO_TRIGGER, "" },
	{ "         - ", "-", -1, IRQ_NO_TRIGGER, "" },
	{ "  Bank 2 of five   3 Level     a,b  c", "Bank 2 of five", 3, IRQ_LEVEL, "a,b  c" },
	{ "     GICv3 99999999999999999999 Level     x", "GICv3", -1, IRQ_LEVEL, "x" },
	{ "", "", -1, IRQ_NO_TRIGGER, "" },
};

START_TEST(form)
{
	struct irq_table table;
	char text[256];

	snprintf(text, sizeof(text), "  CPU0  CPU3\n 9:          1          2 %s\n", forms[_i].row);
	parse_text(text, &table);
	ck_assert_str_eq(table.rows[0].chip, forms[_i].chip);
	ck_assert_int_eq(table.rows[0].hwirq, forms[_i].hwirq);
	ck_assert_int_eq(table.rows[0].trigger, forms[_i].trigger);
	ck_assert_str_eq(table.rows[0].devices, forms[_i].devices);
	ck_assert_uint_eq(named(&table, "9", 3), 2);
	irq_table_free(&table);
}
END_TEST

START_TEST(no_trigger_words)
{
	static const char *const devices[] = { "timer", "rt5682s", "heartbeat", "timer" };
	struct irq_table table;

	parse_data("interrupts-no-trigger", &table);
	ck_assert_uint_eq(table.nr_rows, 4);
	for (size_t i = 0; i < table.nr_rows; i++)
		ck_assert_str_eq(table.rows[i].devices, devices[i]);
	ck_assert_str_eq(irq_row_of_device(&table, "timer")->name, "0");
	ck_assert_int_eq(table.rows[1].hwirq, 87);
	irq_table_free(&table);
}
END_TEST

START_TEST(rows_without_counts)
{
	struct irq_table table;

	parse_data("interrupts-arm-fiq", &table);
	ck_assert_uint_eq(table.nr_rows, 3);
	ck_assert_str_eq(table.rows[0].devices, "3f00b880.mailbox");
	ck_assert_str_eq(table.rows[1].name, "FIQ");
	ck_assert_uint_eq(table.rows[1].nr_counts, 0);
	ck_assert_uint_eq(named(&table, "FIQ", 0), 0);
	ck_assert_uint_eq(named(&table, "ERR", 0), 0);
	irq_table_free(&table);
	parse_text("CPU0 CPU1\nFIQ:              3f980000.usb\nMIS:  7\n", &table);
	ck_assert_uint_eq(table.rows[0].nr_counts, 0);
	ck_assert_uint_eq(table.rows[1].nr_counts, 1);
	irq_table_free(&table);
}
END_TEST

START_TEST(controller_that_is_no_gic)
{
	const struct irq_row *row;
	struct irq_table table;

	parse_data("interrupts-arm64-aic", &table);
	row = irq_row_of_device(&table, "arch_timer");
	ck_assert_str_eq(row->name, "36");
	ck_assert_str_eq(row->chip, "FIQ");
	ck_assert_int_eq(row->hwirq, 0);
	ck_assert_int_eq(row->trigger, IRQ_LEVEL);
	ck_assert_uint_eq(row->count[0], 111443);
	irq_table_free(&table);
}
END_TEST

/* 4096 CPUs and 500 rows: 22 MB. */
START_TEST(widest)
{
	const int cpus = 4096, rows = 500;
	size_t room = (size_t)(rows + 1) * (11 * cpus + 64);
	char *text = malloc(room), *s = text;
	struct irq_table table;

	for (int i = 0; i < cpus; i++)
		s += sprintf(s, "CPU%-8d", i);
	for (int row = 0; row < rows; row++) {
		s += sprintf(s, "\n%4d:", row);
		for (int i = 0; i < cpus; i++)
			s += sprintf(s, "%10d ", i);
		s += sprintf(s, "     GICv3 %d Level     dev%d", row + 32, row);
	}
	strcpy(s, "\n");
	fake_make();
	fake_write("/proc/interrupts", text);
	ck_assert_int_eq(irq_table_read(&table), 0);
	ck_assert_uint_eq(table.nr_rows, rows);
	ck_assert_uint_eq(irq_count(&table, irq_row_of_device(&table, "dev499"), 4095), 4095);
	ck_assert_int_eq(irq_row_of_device(&table, "dev499")->hwirq, 531);
	irq_table_free(&table);
	fake_remove();
	free(text);
}
END_TEST

START_TEST(long_device_names_are_whole)
{
	char text[700], name[301];
	struct irq_table table;

	memset(name, 'x', 300);
	name[300] = '\0';
	snprintf(text, sizeof(text), "  CPU0  \n 9:  1  IO-APIC  9-edge   %s, timer\n", name);
	parse_text(text, &table);
	ck_assert_ptr_nonnull(irq_row_of_device(&table, name));
	ck_assert_ptr_nonnull(irq_row_of_device(&table, "timer"));
	name[127] = '\0';
	ck_assert_ptr_null(irq_row_of_device(&table, name));
	irq_table_free(&table);
}
END_TEST

START_TEST(many_cpus)
{
	static char text[64 * 1024];
	struct irq_table table;
	char *s = text;

	for (int i = 0; i < 2000; i++)
		s += sprintf(s, "CPU%-8d", i * 2);
	s += sprintf(s, "\nLOC:");
	for (int i = 0; i < 2000; i++)
		s += sprintf(s, "%10u ", 7u + i);
	sprintf(s, "  Local timer interrupts\n");
	parse_text(text, &table);
	ck_assert_uint_eq(table.nr_cpus, 2000);
	ck_assert_uint_eq(named(&table, "LOC", 3998), 2006);
	ck_assert_uint_eq(named(&table, "LOC", 3997), 0);
	irq_table_free(&table);
}
END_TEST

START_TEST(huge_counts)
{
	struct irq_table table;

	parse_text("  CPU0 CPU1\nLOC: 4294967295 18446744073709551615  Local\n", &table);
	ck_assert_uint_eq(named(&table, "LOC", 0), 4294967295u);
	ck_assert_uint_eq(named(&table, "LOC", 1), UINT64_MAX);
	irq_table_free(&table);
	ck_assert_int_eq(irq_table_parse("  CPU0\nLOC: 18446744073709551616  Local\n", &table),
			 -EINVAL);
}
END_TEST

START_TEST(one_cpu)
{
	struct irq_table table;

	parse_text("           CPU0       \n  0:        145   IO-APIC   2-edge      timer\n"
		   "LOC:          9   Local timer interrupts\nERR:          3\n",
		   &table);
	ck_assert_uint_eq(named(&table, "ERR", 0), 3);
	ck_assert_str_eq(irq_row_of_device(&table, "timer")->name, "0");
	irq_table_free(&table);
}
END_TEST

static const char *const bad[] = {
	"",
	"\n",
	"CPU0",
	"\nLOC: 1\n",
	"  \nLOC: 1\n",
	"cpu0\nLOC: 1\n",
	"CPU\nLOC: 1\n",
	"CPU0x\nLOC: 1\n",
	"CPU-1\nLOC: 1\n",
	"CPU99999999999\nLOC: 1\n",
	"CPU0 CPU0\nLOC: 1 2\n",
	"CPU1 CPU0\nLOC: 1 2\n",
	"CPU0 CPU1 extra\nLOC: 1 2\n",
	"CPU0 CPU1\nLOC: 1 2 3  Local\n",    /* more figures than CPUs */
	"CPU0 CPU1 CPU2\nLOC: 1 2  Local\n", /* fewer */
	"CPU0 CPU1 CPU2\nLOC: 1 2\n",
	"CPU0 CPU1\nLOC: 1  Local\n",
	"CPU0 CPU1\nLOC:\n",
	"CPU0 CPU1\nLOC: -1 2  Local\n",
	"CPU0 CPU1\nLOC: 1x 2  Local\n",
	"CPU0 CPU1\nLOC: 0x1 2  Local\n",
	"CPU0 CPU1\nLOC 1 2  Local\n",
	"CPU0 CPU1\n: 1 2  Local\n",
	"CPU0 CPU1\nLO C: 1 2  Local\n",
	"CPU0 CPU1\n\nLOC: 1 2  Local\n",
	"CPU0 CPU1\nLOC: 1 2  Local", /* no newline: breaks off */
	"CPU0 CPU1\nLOC: 1 2  Local\nHVS: 1",
	"CPU0 CPU1\nLOC: 1 2  Local\nHV",
	"\177ELF\002\001\001\n\377\376: 1\n",
	"CPU0\n\377\376\375 1\n",
};

START_TEST(bad_is_refused)
{
	struct irq_table table;
	int err = irq_table_parse(bad[_i], &table);

	ck_assert_msg(err == -EINVAL, "\"%s\" gives %d", bad[_i], err);
}
END_TEST

/* Cut within a line it is noticed; rows that are missing altogether can't be. */
START_TEST(truncated)
{
	char *text = data_read("interrupts-6.12-hyperv");
	struct irq_table table;

	for (size_t len = strlen(text); len--;) {
		char saved = text[len];

		text[len] = '\0';
		if (len && text[len - 1] == '\n') {
			ck_assert_int_eq(irq_table_parse(text, &table), 0);
			irq_table_free(&table);
		} else {
			ck_assert_int_eq(irq_table_parse(text, &table), -EINVAL);
		}
		text[len] = saved;
	}
	free(text);
}
END_TEST

/* Any byte in place of any other: refused or read, but never beyond its bounds. */
START_TEST(spoilt_anywhere)
{
	static const char *const files[] = { "interrupts-traps", "interrupts-no-trigger",
					     "interrupts-arm-fiq" };
	static const char bytes[] = "\0\n :9-L\377";
	struct irq_table table;

	for (size_t f = 0; f < sizeof(files) / sizeof(*files); f++) {
		char *text = data_read(files[f]);

		for (size_t i = 0; text[i]; i++) {
			char saved = text[i];

			for (size_t b = 0; b < sizeof(bytes) - 1; b++) {
				text[i] = bytes[b];
				if (!irq_table_parse(text, &table))
					irq_table_free(&table);
			}
			text[i] = saved;
		}
		free(text);
	}
}
END_TEST

START_TEST(read_from_proc)
{
	char *text = data_read("interrupts-6.12-hyperv");
	struct irq_table table;

	fake_make();
	ck_assert_int_eq(irq_table_read(&table), -ENOENT);
	fake_write("/proc/interrupts", "");
	ck_assert_int_eq(irq_table_read(&table), -EINVAL);
	fake_write_bytes("/proc/interrupts", "CPU0\0\nLOC: 1\n", 13);
	ck_assert_int_eq(irq_table_read(&table), -EINVAL);
	fake_write("/proc/interrupts", text);
	ck_assert_int_eq(irq_table_read(&table), 0);
	ck_assert_uint_eq(named(&table, "HVS", 2), 1466);
	irq_table_free(&table);
	fake_remove();
	free(text);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("interrupts");

	tcase_add_loop_test(tc, recorded, 0, sizeof(recordings) / sizeof(*recordings));
	tcase_add_test(tc, counts);
	tcase_add_test(tc, said);
	tcase_add_loop_test(tc, broadcast, 0, sizeof(broadcasts) / sizeof(*broadcasts));
	tcase_add_test(tc, columns_are_online_cpus);
	tcase_add_test(tc, clockevents_x86);
	tcase_add_test(tc, clockevents_arm64);
	tcase_add_test(tc, no_substrings);
	tcase_add_loop_test(tc, form, 0, sizeof(forms) / sizeof(*forms));
	tcase_add_test(tc, no_trigger_words);
	tcase_add_test(tc, rows_without_counts);
	tcase_add_test(tc, controller_that_is_no_gic);
	tcase_add_test(tc, widest);
	tcase_add_test(tc, long_device_names_are_whole);
	tcase_add_test(tc, many_cpus);
	tcase_add_test(tc, huge_counts);
	tcase_add_test(tc, one_cpu);
	tcase_add_loop_test(tc, bad_is_refused, 0, sizeof(bad) / sizeof(*bad));
	tcase_add_test(tc, truncated);
	tcase_add_test(tc, spoilt_anywhere);
	tcase_add_test(tc, read_from_proc);
	return run_cases("interrupts", tc);
}
