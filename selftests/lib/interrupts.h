/* SPDX-License-Identifier: GPL-2.0-only */
/* /proc/interrupts (kernel/irq/proc.c, arch/x86/kernel/irq.c): exact rows, never substrings. */
#ifndef TICKPROOF_INTERRUPTS_H
#define TICKPROOF_INTERRUPTS_H

#include <stddef.h>
#include <stdint.h>

enum irq_trigger { IRQ_NO_TRIGGER, IRQ_LEVEL, IRQ_EDGE };

/* Strings and counts belong to the table. */
struct irq_row {
	const char *name;	  /* before the colon: "0", "27", "LOC", "HVS", "IPI5" */
	const char *chip;	  /* numbered rows: "GICv3", "Hyper-V PCIe MSI"; others: "" */
	const char *devices;	  /* numbered rows: "arch_timer", "usb1, ehci_hcd"; others: "" */
	int64_t hwirq;		  /* the chip's own number; -1: none is printed */
	enum irq_trigger trigger; /* x86 and others print none */
	const char *text;      /* rows without a number: "Timer broadcast interrupts"; others: "" */
	const uint64_t *count; /* one for each column */
	size_t nr_counts;      /* 1, not nr_cpus, for ERR and MIS; 0 for FIQ */
};

struct irq_table {
	size_t nr_cpus, nr_rows;
	int *cpus; /* CPU number of each column: online CPUs only */
	struct irq_row *rows;
	uint64_t *counts;
	char *text;
};

/*
 * Parses text; 0, -EINVAL (no header of CPUs, a row that can't be one, or text
 * that breaks off) or -ENOMEM. Free with irq_table_free() on success.
 */
int irq_table_parse(const char *text, struct irq_table *table);

/* Reads and parses /proc/interrupts. Returns 0 or -errno. */
int irq_table_read(struct irq_table *table);

/* Frees what reading or parsing has allocated. */
void irq_table_free(struct irq_table *table);

/* The row with exactly this name, or NULL. */
const struct irq_row *irq_row_named(const struct irq_table *table, const char *name);

/* The row one of whose comma-separated devices has exactly this name, or NULL. */
const struct irq_row *irq_row_of_device(const struct irq_table *table, const char *device);

/*
 * The row that says exactly this after its counts, or NULL: the inter-processor ones have numbers
 * that move.
 */
const struct irq_row *irq_row_said(const struct irq_table *table, const char *text);

/* Interrupts of row on cpu; 0 where the CPU has no column (offline). row may be NULL: 0. */
uint64_t irq_count(const struct irq_table *table, const struct irq_row *row, int cpu);

/*
 * The row a clockevent's interrupts are counted in, by the clockevent's name:
 * "Hyper-V clockevent" HVS on x86 and the device "Hyper-V stimer0" on arm64,
 * lapic and lapic-deadline LOC, hpet and pit IRQ 0, arch_sys_timer the device
 * arch_timer, otherwise the device of the clockevent's own name (hpet3). NULL
 * where there is no such row.
 */
const struct irq_row *irq_row_of_clockevent(const struct irq_table *table, const char *clockevent);

/*
 * Interrupts that cpu may have got in place of its clockevent's where deep idle stops that (C3STOP:
 * big.LITTLE, x86 before ARAT; kernel/time/tick-broadcast.c): the broadcast device's, where it
 * interrupts this CPU itself, and those by which the CPU so interrupted wakes another: "Timer
 * broadcast interrupts" on arm64, the local timer's vector on x86, counted as LOC
 * (lapic_timer_broadcast()). broadcast is that device's name, "" for none.
 */
uint64_t irq_broadcasts(const struct irq_table *table, const char *clockevent,
			const char *broadcast, int cpu);

#endif
