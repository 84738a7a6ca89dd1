// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "files.h"
#include "platform.h"
#include "report.h"

#define HV_NAME	     "Hyper-V clockevent"
#define HV_SIGNATURE "Microsoft Hv"

#if defined(__x86_64__)
static void cpuid_instruction(uint32_t leaf, uint32_t regs[4])
{
	__cpuid_count(leaf, 0, regs[0], regs[1], regs[2], regs[3]);
}

void (*platform_cpuid)(uint32_t leaf, uint32_t regs[4]) = cpuid_instruction;
#else
void (*platform_cpuid)(uint32_t leaf, uint32_t regs[4]);
#endif

/* Whether words, separated by blanks, hold exactly word. */
static bool has_word(const char *words, const char *word)
{
	size_t len = strlen(word);

	while (*words) {
		size_t n;

		words += strspn(words, " \t\n");
		n = strcspn(words, " \t\n");
		if (n == len && !strncmp(words, word, len))
			return true;
		words += n;
	}
	return false;
}

/* The x86 CPU flags of the first CPU. */
static void read_flags(struct platform *p)
{
	char *data, *line, *rest;

	if (file_read("/proc/cpuinfo", &data) < 0)
		return;
	rest = data;
	while ((line = strsep(&rest, "\n"))) {
		char *colon = strchr(line, ':');

		/* Not "vmx flags". */
		if (!colon || strncmp(line, "flags", 5) || !strchr("\t :", line[5]))
			continue;
		p->tsc_deadline = has_word(colon + 1, "tsc_deadline_timer");
		p->arat = has_word(colon + 1, "arat");
		break;
	}
	free(data);
}

static void read_hpet(struct platform *p)
{
	char *data;

	if (file_read("/sys/devices/system/clocksource/clocksource0/available_clocksource", &data) <
	    0)
		return;
	p->hpet = has_word(data, "hpet");
	free(data);
}

static void signature(uint32_t base, char out[13])
{
	uint32_t regs[4];

	platform_cpuid(base, regs);
	memcpy(out, &regs[1], 12);
	out[12] = '\0';
}

/*
 * The hypervisor Linux takes for its own: of those it knows, the one whose
 * signature is found at the highest base (detect_hypervisor_vendor(): KVM's
 * leaves at 0x40000100 beat Hyper-V's at 0x40000000). One it doesn't know is
 * named all the same, for the record.
 */
static void read_hypervisor(struct platform *p)
{
	static const char *const known[] = {
		HV_SIGNATURE,	"KVMKVMKVM",	"VMwareVMware",
		"XenVMMXenVMM", "ACRNACRNACRN", "Jailhouse",
	};
	uint32_t regs[4], base;
	char found[13];

	platform_cpuid(1, regs);
	if (!(regs[2] & 1u << 31))
		return;
	for (base = 0x4000ff00; base >= 0x40000000; base -= 0x100) {
		signature(base, found);
		for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
			/* Hyper-V's leaves are at 0x40000000 and nowhere else. */
			if (!strcmp(found, known[i]) && (i || base == 0x40000000)) {
				strcpy(p->hypervisor, found);
				return;
			}
		}
	}
	for (const char *s = found; *s; s++)
		if (!isprint((unsigned char)*s))
			return;
	strcpy(p->hypervisor, found);
}

/* include/asm-generic/hyperv-tlfs.h, arch/x86/kernel/cpu/mshyperv.c */
static void read_hyperv(struct platform *p)
{
	uint32_t max[4], features[4], isolation[4];

	platform_cpuid(0x40000000, max);
	if (strcmp(p->hypervisor, HV_SIGNATURE) || max[0] < 0x40000005)
		return;
	platform_cpuid(0x40000003, features);
	/* Synthetic timers at all (EAX bit 3), and then with an interrupt of their own. */
	p->hv_direct = features[0] & 1u << 3 && features[3] & 1u << 19;
	p->hv_tsc_invariant = features[0] & 1u << 15;
	if (features[1] & 1u << 22 && max[0] >= 0x4000000c) {
		platform_cpuid(0x4000000c, isolation);
		p->hv_tdx_bare = (isolation[1] & 0xf) == 3 && !(isolation[0] & 1);
	}
}

/*
 * arm64 has no CPUID. ACPI's FADT names the hypervisor (offset 268, ACPI 6.0;
 * hyperv_init()), for root; and modules of ours load on Hyper-V alone.
 */
static void read_hypervisor_arm64(struct platform *p)
{
	char *data, line[8];
	bool found = false;
	ssize_t n;

	n = file_read("/sys/firmware/acpi/tables/FACP", &data);
	if (n >= 0) {
		found = n >= 276 && !memcmp(data + 268, "MsHyperV", 8);
		free(data);
	}
	if (file_read_line("/sys/module/hv_stimer/parameters/standby", line, sizeof(line)) >= 0) {
		p->hv_module = p->hv_direct = found = true;
		p->hv_standby = line[0] == 'Y';
		if (file_read_line("/sys/module/hv_stimer/parameters/clocksources", line,
				   sizeof(line)) >= 0)
			p->hv_sources = line[0] == 'Y';
	}
	if (file_read_line("/sys/module/hv_regs/initstate", line, sizeof(line)) >= 0)
		found = true;
	if (found)
		strcpy(p->hypervisor, HV_SIGNATURE);
}

int platform_read(struct platform *p)
{
#if defined(__x86_64__)
	return platform_read_as(p, true, false);
#elif defined(__aarch64__)
	return platform_read_as(p, false, true);
#else
	return platform_read_as(p, false, false);
#endif
}

int platform_read_as(struct platform *p, bool x86, bool arm64)
{
	int major, minor;
	ssize_t n;

	*p = (struct platform){ .x86 = x86, .arm64 = arm64 };
	/* What uname(2) says, below files_root. */
	n = file_read_line("/proc/sys/kernel/osrelease", p->release, sizeof(p->release));
	if (n < 0)
		return n;
	if (sscanf(p->release, "%d.%d", &major, &minor) == 2 && major >= 0 && major < 1000 &&
	    minor >= 0 && minor < 1000)
		p->version = major * 1000 + minor;
	read_hpet(p);
	if (p->x86) {
		read_flags(p);
		read_hypervisor(p);
		read_hyperv(p);
	} else if (p->arm64) {
		read_hypervisor_arm64(p);
	}
	return 0;
}

void platform_facts(const struct platform *p)
{
	char line[256], broadcast[CE_NAME_LEN];

	report_fact("kernel.release", "%s", p->release);
	report_fact("arch", "%s", p->x86 ? "x86_64" : p->arm64 ? "arm64" : "other");
	report_fact("hypervisor", "%s", p->hypervisor[0] ? p->hypervisor : "none known");
	if (!strcmp(p->hypervisor, HV_SIGNATURE)) {
		report_fact("hyperv.stimer_direct", "%d", p->hv_direct);
		report_fact("hyperv.tsc_invariant", "%d", p->hv_tsc_invariant);
	}
	if (file_read_line("/sys/devices/system/cpu/online", line, sizeof(line)) >= 0)
		report_fact("cpus.online", "%s", line);
	if (file_read_line("/sys/devices/system/clocksource/clocksource0/current_clocksource", line,
			   sizeof(line)) >= 0)
		report_fact("clocksource", "%s", line);
	if (!ce_current(CE_BROADCAST, broadcast))
		report_fact("broadcast.device", "%s", broadcast[0] ? broadcast : "none");
}

static const char *lapic_name(const struct platform *p)
{
	return p->tsc_deadline ? "lapic-deadline" : "lapic";
}

const char *platform_clockevent(const struct platform *p)
{
	if (p->arm64)
		return p->hv_module && !p->hv_standby ? HV_NAME : "arch_sys_timer";
	if (!p->x86)
		return NULL;
	if (!strcmp(p->hypervisor, HV_SIGNATURE)) {
		/* In message mode it depends on whether and when the VMBus driver comes. */
		if (!p->hv_direct)
			return NULL;
		/* 7f828d5fff7d (6.12) rated it 90 there; older kernels may have that or not. */
		if (p->hv_tdx_bare)
			return p->version >= 6012 ? lapic_name(p) : NULL;
		return HV_NAME;
	}
	/* Xen brings a clockevent of its own, named "xen". */
	return strcmp(p->hypervisor, "XenVMMXenVMM") ? lapic_name(p) : NULL;
}

static struct fallback fallback(enum fallback_kind kind, const char *name, const char *why)
{
	struct fallback f = { .kind = kind, .why = why };

	snprintf(f.name, sizeof(f.name), "%s", name);
	return f;
}

static struct fallback fallback_x86(const struct platform *p, int cpu, const char *current,
				    const char *broadcast, bool hpet_taken)
{
	const char *lapic = lapic_name(p);

	if (!strcmp(current, HV_NAME)) {
		if (cpu || strcmp(broadcast, lapic))
			return fallback(FALLBACK_DEVICE, lapic,
					"each CPU's local APIC timer stands by");
		if (p->hpet && !hpet_taken)
			return fallback(FALLBACK_DEVICE, "hpet",
					"CPU 0's local APIC timer serves as the broadcast device; hpet stands by");
		return fallback(FALLBACK_NONE, "",
				"CPU 0's local APIC timer serves as the broadcast device, and no hpet stands by");
	}
	if (!strncmp(current, "lapic", 5)) {
		if (!strcmp(broadcast, "hpet") || !strcmp(broadcast, "pit") || !p->hpet)
			return fallback(FALLBACK_NONE, "",
					"nothing stands by for a local APIC timer but the broadcast device");
	}
	return fallback(FALLBACK_UNKNOWN, "", "no rule for this device");
}

static struct fallback fallback_arm64(const struct platform *p, int cpu, const char *current,
				      const char *broadcast)
{
	if (!strcmp(current, "arch_sys_timer") && p->hv_standby)
		return fallback(FALLBACK_DEVICE, HV_NAME,
				"the Hyper-V timer, which stands by, is rated higher than the dummy");
	if (!strcmp(current, "arch_sys_timer"))
		return fallback(FALLBACK_DEVICE, "dummy_timer",
				"clockevents_replace() takes a dummy device where there is no other");
	if (!strcmp(current, HV_NAME)) {
		if (!cpu && !strcmp(broadcast, "arch_sys_timer"))
			return fallback(FALLBACK_DEVICE, "dummy_timer",
					"CPU 0's architected timer serves as the broadcast device; only the dummy stands by");
		return fallback(FALLBACK_DEVICE, "arch_sys_timer",
				"each CPU's architected timer stands by");
	}
	return fallback(FALLBACK_UNKNOWN, "", "no rule for this device");
}

struct fallback platform_fallback(const struct platform *p, int cpu, const char *current,
				  const char *broadcast, bool hpet_taken)
{
	if (p->x86)
		return fallback_x86(p, cpu, current, broadcast, hpet_taken);
	if (p->arm64)
		return fallback_arm64(p, cpu, current, broadcast);
	return fallback(FALLBACK_UNKNOWN, "", "no rule for this architecture");
}

bool platform_tcg(const struct platform *p)
{
	return !strcmp(p->hypervisor, "TCGTCGTCGTCG");
}

bool platform_functional(const char *clockevent)
{
	return *clockevent && strcmp(clockevent, "dummy_timer");
}
