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

/* Reads digits and moves *s behind them; what follows must end the word. */
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

/*
 * A numbered row ends in chip, hardware number, trigger and devices: "IO-APIC
 * 2-edge      timer" on x86, "GICv3  27 Level     arch_timer" on arm64. Chips
 * ("Hyper-V PCIe MSI") and devices may hold spaces, so it's the trigger that
 * tells them apart. "" where there is no trigger or no device.
 */
static const char *find_devices(const char *s)
{
	bool after_number = false;

	for (s += strspn(s, " "); *s; s = next_word(s)) {
		size_t digits = strspn(s, "0123456789");

		if (digits && s[digits] == '-' && isalpha((unsigned char)s[digits + 1]))
			return next_word(s);
		if (after_number && (word_is(s, "Level") || word_is(s, "Edge"))) {
			s = next_word(s);
			/* The flow handler may have a name: "Edge    -gpio" */
			return *s == '-' ? next_word(s) : s;
		}
		after_number = digits && digits == word_len(s);
	}
	return s;
}

static int parse_row(char *line, struct irq_table *table, struct irq_row *row, uint64_t *count)
{
	char *colon = strchr(line, ':'), *s;

	row->name = line + strspn(line, " ");
	if (!colon || colon == row->name || word_len(row->name) <= (size_t)(colon - row->name))
		return -EINVAL;
	*colon = '\0';
	row->count = count;
	for (s = colon + 1; row->nr_counts < table->nr_cpus; row->nr_counts++) {
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
	row->devices = isdigit((unsigned char)*row->name) ? find_devices(s) : "";
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
