// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arm_timer.h"

const char *const arm_timer_names[ARM_TIMERS] = { "secure", "physical", "virtual", "hypervisor" };

static uint32_t le32(const uint8_t *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/* include/acpi/actbl2.h: struct acpi_table_gtdt */
#define GTDT_TIMERS	48
#define GTDT_MIN_LEN	80

int arm_timer_gtdt(const void *table, size_t len, struct arm_timer *t)
{
	const uint8_t *p = table;

	*t = (struct arm_timer){ 0 };
	if (len < GTDT_MIN_LEN || memcmp(p, "GTDT", 4) || le32(p + 4) > len || le32(p + 4) < GTDT_MIN_LEN)
		return -EINVAL;
	for (int i = 0; i < ARM_TIMERS; i++) {
		uint32_t flags = le32(p + GTDT_TIMERS + 8 * i + 4);

		t->timer[i].irq = le32(p + GTDT_TIMERS + 8 * i);
		t->timer[i].edge = flags & 1;
		if (i == ARM_TIMER_VIRT)
			t->always_on = flags & 1 << 2;
	}
	return 0;
}

int arm_timer_dt(const void *interrupts, size_t len, bool always_on, struct arm_timer *t)
{
	const uint8_t *p = interrupts;

	*t = (struct arm_timer){ .always_on = always_on };
	if (!len || len % 12)
		return -EINVAL;
	for (size_t i = 0; i < len / 12 && i < ARM_TIMERS; i++) {
		/* A PPI is counted from 16. The trigger's low bits: 1, 2 edges, 4, 8 levels. */
		if (be32(p + 12 * i) != 1 || be32(p + 12 * i + 4) > 15)
			return -EINVAL;
		t->timer[i].irq = 16 + be32(p + 12 * i + 4);
		t->timer[i].edge = be32(p + 12 * i + 8) & 3;
	}
	return 0;
}

bool arm_timer_row(const char *line, size_t nr_cpus, const char *device, int *irq, bool *edge)
{
	char trigger[16], name[64], rest[2];
	const char *s = strchr(line, ':');
	char *end;

	if (!s)
		return false;
	s++;
	for (size_t i = 0; i < nr_cpus; i++) {
		strtoull(s, &end, 10);
		if (end == s)
			return false;
		s = end;
	}
	if (sscanf(s, " %*s %d %15s %63s %1s", irq, trigger, name, rest) != 3 || strcmp(name, device))
		return false;
	*edge = !strcmp(trigger, "Edge");
	return *edge || !strcmp(trigger, "Level");
}
