// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hv_regs.h"
#include "hyperv.h"
#include "platform.h"

void hyperv_leaves(struct hyperv *h)
{
	uint32_t regs[4];

	platform_cpuid(0x40000003, regs);
	h->low = regs[0];
	h->high = regs[1];
	h->ext = regs[2];
	h->misc = regs[3];
	platform_cpuid(0x40000004, regs);
	h->hints = regs[0];
	h->known = HYPERV_LOW | HYPERV_HIGH | HYPERV_EXT | HYPERV_HINTS | HYPERV_MISC;
}

bool hyperv_has_reference_counter(const struct hyperv *h)
{
	return h->low & 1u << 1;
}

bool hyperv_has_reference_tsc(const struct hyperv *h)
{
	return h->low & 1u << 9;
}

/* HV_CREATE_PARTITIONS and HV_CPU_MANAGEMENT, hv_identify_partition_type() */
bool hyperv_is_root(const struct hyperv *h)
{
	return h->high & 1u && h->high & 1u << 12;
}

/* Reads "0x2e7f", or "0" as %#x prints zero; moves *s after it. */
static bool flags(const char **s, uint32_t *value)
{
	const char *digits = *s + (strncmp(*s, "0x", 2) ? 0 : 2);
	size_t n = strspn(digits, "0123456789abcdef");

	if (n < 1 || n > 8 || (digits == *s && (n > 1 || **s != '0')))
		return false;
	*value = strtoul(digits, NULL, 16);
	*s = digits + n;
	return true;
}

bool hyperv_parse_privileges(const char *text, struct hyperv *h)
{
	static const char now[] = "Hyper-V: privilege flags ", before[] = "Hyper-V: features ";
	bool old = !strncmp(text, before, sizeof(before) - 1);
	unsigned int need = HYPERV_LOW | HYPERV_HINTS | (old ? 0 : HYPERV_HIGH | HYPERV_MISC);
	struct {
		const char *name;
		unsigned int known;
		uint32_t *value;
	} fields[] = {
		{ "low", HYPERV_LOW, &h->low },	   { "high", HYPERV_HIGH, &h->high },
		{ "ext", HYPERV_EXT, &h->ext },	   { "hints", HYPERV_HINTS, &h->hints },
		{ "misc", HYPERV_MISC, &h->misc },
	};
	const char *s = text + (old ? sizeof(before) : sizeof(now)) - 1;

	*h = (struct hyperv){ 0 };
	if (!old && strncmp(text, now, sizeof(now) - 1))
		return false;
	/* There the first has no name. */
	if (old && !flags(&s, &h->low))
		return false;
	h->known = old ? HYPERV_LOW : 0;
	for (bool comma = old; *s; comma = true) {
		uint32_t unknown, *value = &unknown;
		size_t name;

		if (comma && strncmp(s, ", ", 2))
			return false;
		s += comma ? 2 : 0;
		name = strcspn(s, " ");
		for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
			if (strlen(fields[i].name) != name || strncmp(s, fields[i].name, name))
				continue;
			if (h->known & fields[i].known)
				return false;
			h->known |= fields[i].known;
			value = fields[i].value;
		}
		if (!name || !s[name])
			return false;
		s += name + 1;
		if (!flags(&s, value))
			return false;
	}
	return (h->known & need) == need;
}

int hyperv_rating(const char *clocksource, int version, bool invariant)
{
	/*
	 * drivers/clocksource/hyperv_timer.c: 250 in 5.10, 500 since 5.13, both less 250 where
	 * the TSC is invariant, so that tsc (300) wins.
	 */
	if (!strcmp(clocksource, HV_TSC_PAGE))
		return version < 5013 || invariant ? 250 : 500;
	if (!strcmp(clocksource, HV_MSR_SOURCE)) {
		if (version < 5013)
			return 250;
		/*
		 * Less than the page's since both are registered; when that began is not known to
		 * us.
		 */
		if (version < 6012)
			return 0;
		return invariant ? 245 : 495;
	}
	if (!strcmp(clocksource, "arch_sys_counter"))
		return 400;
	if (!strcmp(clocksource, "tsc"))
		return 300;
	if (!strcmp(clocksource, "tsc-early"))
		return 299;
	if (!strcmp(clocksource, "hpet"))
		return 250;
	if (!strcmp(clocksource, "acpi_pm"))
		return 200;
	if (!strcmp(clocksource, "refined-jiffies"))
		return 2;
	if (!strcmp(clocksource, "jiffies"))
		return 1;
	return 0;
}

bool hyperv_ordered(const char *names, int version, bool invariant, const char **first,
		    const char **second)
{
	static char last[64], name[64];
	int last_rating = 0, rating, n;

	for (last[0] = '\0'; sscanf(names, "%63s%n", name, &n) == 1; names += n) {
		rating = hyperv_rating(name, version, invariant);
		if (!rating)
			continue;
		if (last_rating && rating > last_rating) {
			*first = last;
			*second = name;
			return false;
		}
		last_rating = rating;
		strcpy(last, name);
	}
	return true;
}

struct stimer_config stimer_config(uint64_t value)
{
	return (struct stimer_config){
		.enable = value & 1,
		.periodic = value & 1 << 1,
		.lazy = value & 1 << 2,
		.auto_enable = value & 1 << 3,
		.vector = value >> 4 & 0xff,
		.direct = value & 1 << 12,
		.sint = value >> 16 & 0xf,
		.reserved = value & ~0xf1fffull,
	};
}

const char *stimer_config_wrong(uint64_t value)
{
	struct stimer_config c = stimer_config(value);

	if (c.reserved)
		return "bits that must be zero are set";
	if (!c.direct)
		return "direct mode is off";
	if (c.vector != HV_STIMER0_VECTOR)
		return "the vector is not Linux's";
	if (c.periodic)
		return "the timer is periodic, not one-shot";
	if (c.lazy)
		return "the timer is lazy";
	if (!c.auto_enable)
		return "auto-enable is off";
	if (c.sint)
		return "a direct timer names a SINT";
	return NULL;
}

int msr_open(int cpu)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/cpu/%d/msr", cpu);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int msr_read(int fd, uint32_t msr, uint64_t *value)
{
	ssize_t n = pread(fd, value, sizeof(*value), msr);

	if (n < 0)
		return -errno;
	return n == sizeof(*value) ? 0 : -EIO;
}

#if defined(__aarch64__)

int reference_open(struct reference_way *way, int cpu)
{
	*way = (struct reference_way){ cpu, -1 };
	return hv_regs_open();
}

int reference_read(const struct reference_way *way, uint64_t *ticks)
{
	struct hv_step step = { .kind = HV_STEP_GET, .reg = HV_REG_TIME_REF_COUNT };
	int err = hv_regs_try(way->cpu, &step, 1);

	*ticks = step.value;
	return err ? err : step.error;
}

#else

int reference_open(struct reference_way *way, int cpu)
{
	*way = (struct reference_way){ cpu, msr_open(cpu) };
	return way->fd < 0 ? way->fd : 0;
}

int reference_read(const struct reference_way *way, uint64_t *ticks)
{
	return msr_read(way->fd, HV_MSR_TIME_REF_COUNT, ticks);
}

#endif

void reference_close(struct reference_way *way)
{
	if (way->fd >= 0)
		close(way->fd);
}
