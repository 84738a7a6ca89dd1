// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "interrupts.h"

/* Reads digits and moves *s after them; what follows must end the word. */
static int number(char **s, uint64_t *value)
{
	char *end;

	if (!isdigit((unsigned char)**s))
		return -EINVAL;
	errno = 0;
	*value = strtoull(*s, &end, 10);
	if (errno || (*end && *end != ' '))
		return -EINVAL;
	*s = end;
	return 0;
}

static size_t count_char(const char *s, char c)
{
	size_t n = 0;

	for (; *s; s++)
		n += *s == c;
	return n;
}

/* "           CPU0       CPU2       " */
static int parse_header(char *line, struct irq_table *table)
{
	char *word;

	table->cpus = calloc(count_char(line, 'C') + 1, sizeof(*table->cpus));
	if (!table->cpus)
		return -ENOMEM;
	while ((word = strsep(&line, " "))) {
		char *digits = word + 3;
		uint64_t cpu;

		if (!*word)
			continue;
		if (strncmp(word, "CPU", 3) || number(&digits, &cpu) || cpu > INT_MAX)
			return -EINVAL;
		/* Ascending, so no CPU has two columns. */
		if (table->nr_cpus && (int)cpu <= table->cpus[table->nr_cpus - 1])
			return -EINVAL;
		table->cpus[table->nr_cpus++] = cpu;
	}
	return table->nr_cpus ? 0 : -EINVAL;
}

static size_t word_len(const char *s)
{
	return strcspn(s, " ");
}

static const char *next_word(const char *s)
{
	s += word_len(s);
	return s + strspn(s, " ");
}

static bool word_is(const char *s, const char *word)
{
	return word_len(s) == strlen(word) && !strncmp(s, word, strlen(word));
}

/* " %-8s": padded, so what follows is further away than a word of a name. */
static bool is_trigger(const char *s)
{
	size_t len = word_len(s);

	return (word_is(s, "Level") || word_is(s, "Edge")) &&
	       (!s[len] || !strncmp(s + len, "  ", 2));
}

/* "-%-8s": the flow handler's name, as x86 has it after the number: "2-edge", "9-fasteoi" */
static bool is_flow(const char *s)
{
	return *s == '-' && isalpha((unsigned char)s[1]);
}

/* The controller's own number, " %lu", and not a word of its name: by what may follow it. */
static bool is_hwirq(const char *s)
{
	size_t digits = strspn(s, "0123456789"), blanks;

	if (!digits || is_flow(s + digits))
		return digits;
	s += digits;
	blanks = strspn(s, " ");
	return !s[blanks] || blanks > 1 ||
	       (blanks && (is_trigger(s + blanks) || is_flow(s + blanks)));
}

/*
 * A numbered row ends in chip, the chip's number, trigger, flow handler and devices, of which each
 * may be missing: "IO-APIC   2-edge      timer" on x86, "GICv3  27 Level     arch_timer" on arm64,
 * "XT-PIC   0  timer", "VMBus   7  heartbeat". Chips ("Hyper-V PCIe MSI") and devices may hold
 * single blanks; before the devices there are always two (show_interrupts(), kernel/irq/proc.c).
 */
static void parse_tail(char *s, struct irq_row *row)
{
	char *end = s + word_len(s), *next = end + strspn(end, " ");

	while (*next && next - end == 1 && !is_hwirq(next) && !is_trigger(next)) {
		end = next + word_len(next);
		next = end + strspn(end, " ");
	}
	row->chip = s;
	s = next;
	if (is_hwirq(s)) {
		errno = 0;
		row->hwirq = strtoll(s, &s, 10);
		if (errno)
			row->hwirq = -1;
		s += strspn(s, " ");
	}
	if (is_trigger(s)) {
		row->trigger = *s == 'L' ? IRQ_LEVEL : IRQ_EDGE;
		s = (char *)next_word(s);
	}
	if (is_flow(s))
		s = (char *)next_word(s);
	row->devices = s;
	*end = '\0';
}

static int parse_row(char *line, struct irq_table *table, struct irq_row *row, uint64_t *count)
{
	char *colon = strchr(line, ':'), *s;

	*row = (struct irq_row){
		.name = line + strspn(line, " "), .chip = "", .devices = "", .text = "", .hwirq = -1
	};
	if (!colon || colon == row->name || word_len(row->name) <= (size_t)(colon - row->name))
		return -EINVAL;
	*colon = '\0';
	row->count = count;
	s = colon + 1 + strspn(colon + 1, " ");
	/* FIQ has a name and no counts at all (show_fiq_list(), arch/arm/kernel/fiq.c). */
	if (!isdigit((unsigned char)*row->name) &&
	    (isalpha((unsigned char)*s) || (*s && !strcmp(row->name, "FIQ"))))
		return 0;
	for (; row->nr_counts < table->nr_cpus; row->nr_counts++) {
		s += strspn(s, " ");
		if (!*s)
			break;
		if (number(&s, &count[row->nr_counts]))
			return -EINVAL;
	}
	s += strspn(s, " ");
	/* ERR and MIS are one figure for all CPUs; any other row has one for each. */
	if (row->nr_counts < table->nr_cpus && row->nr_counts != 1)
		return -EINVAL;
	/* One more figure than the header has CPUs. */
	if (*s && strspn(s, "0123456789") == word_len(s))
		return -EINVAL;
	if (isdigit((unsigned char)*row->name))
		parse_tail(s, row);
	else
		row->text = s;
	return 0;
}

int irq_table_parse(const char *text, struct irq_table *table)
{
	size_t lines = count_char(text, '\n');
	int err = -ENOMEM;
	char *rest, *line;

	*table = (struct irq_table){ 0 };
	if (!lines || text[strlen(text) - 1] != '\n')
		return -EINVAL;
	rest = table->text = strdup(text);
	if (!rest)
		goto fail;
	err = parse_header(strsep(&rest, "\n"), table);
	if (err)
		goto fail;
	err = -ENOMEM;
	table->rows = calloc(lines, sizeof(*table->rows));
	table->counts = calloc(lines, table->nr_cpus * sizeof(*table->counts));
	if (!table->rows || !table->counts)
		goto fail;
	while ((line = strsep(&rest, "\n")) && rest) {
		size_t i = table->nr_rows++;

		err = parse_row(line, table, &table->rows[i], table->counts + i * table->nr_cpus);
		if (err)
			goto fail;
	}
	return 0;
fail:
	irq_table_free(table);
	return err;
}

int irq_table_read(struct irq_table *table)
{
	char *text;
	ssize_t n = file_read("/proc/interrupts", &text);
	int err;

	if (n < 0)
		return n;
	err = irq_table_parse(text, table);
	free(text);
	return err;
}

void irq_table_free(struct irq_table *table)
{
	free(table->cpus);
	free(table->rows);
	free(table->counts);
	free(table->text);
	*table = (struct irq_table){ 0 };
}

const struct irq_row *irq_row_named(const struct irq_table *table, const char *name)
{
	for (size_t i = 0; i < table->nr_rows; i++)
		if (!strcmp(table->rows[i].name, name))
			return &table->rows[i];
	return NULL;
}

const struct irq_row *irq_row_said(const struct irq_table *table, const char *text)
{
	for (size_t i = 0; i < table->nr_rows; i++)
		if (!strcmp(table->rows[i].text, text))
			return &table->rows[i];
	return NULL;
}

const struct irq_row *irq_row_of_device(const struct irq_table *table, const char *device)
{
	size_t len = strlen(device);

	for (size_t i = 0; i < table->nr_rows && len; i++) {
		const char *s = table->rows[i].devices;

		/* "usb1, ehci_hcd" */
		while ((s = strstr(s, device))) {
			bool begins = s == table->rows[i].devices || (s[-1] == ' ' && s[-2] == ',');

			if (begins && (!s[len] || s[len] == ','))
				return &table->rows[i];
			s++;
		}
	}
	return NULL;
}

uint64_t irq_count(const struct irq_table *table, const struct irq_row *row, int cpu)
{
	for (size_t i = 0; row && i < row->nr_counts; i++)
		if (table->cpus[i] == cpu)
			return row->count[i];
	return 0;
}

const struct irq_row *irq_row_of_clockevent(const struct irq_table *table, const char *clockevent)
{
	const struct irq_row *row;

	if (!strcmp(clockevent, "Hyper-V clockevent")) {
		row = irq_row_named(table, "HVS");
		return row ? row : irq_row_of_device(table, "Hyper-V stimer0");
	}
	if (!strcmp(clockevent, "lapic") || !strcmp(clockevent, "lapic-deadline"))
		return irq_row_named(table, "LOC");
	if (!strcmp(clockevent, "hpet") || !strcmp(clockevent, "pit"))
		return irq_row_named(table, "0");
	if (!strcmp(clockevent, "arch_sys_timer"))
		return irq_row_of_device(table, "arch_timer");
	return irq_row_of_device(table, clockevent);
}

uint64_t irq_broadcasts(const struct irq_table *table, const char *clockevent,
			const char *broadcast, int cpu)
{
	const struct irq_row *own = irq_row_of_clockevent(table, clockevent), *rows[] = {
		irq_row_of_clockevent(table, broadcast),
		irq_row_said(table, "Timer broadcast interrupts"),
		irq_row_named(table, "LOC"),
	};
	uint64_t n = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i] != own && !(i && rows[i] == rows[0]))
			n += irq_count(table, rows[i], cpu);
	return n;
}
