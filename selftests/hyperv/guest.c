// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../lib/clockevents.h"
#include "../lib/cpus.h"
#include "../lib/files.h"
#include "../lib/report.h"
#include "guest.h"

#define CS_DIR "/sys/devices/system/clocksource/clocksource0/"

struct platform guest_platform;
struct hyperv guest_hyperv;

static bool is_hyperv(void)
{
	return !strcmp(guest_platform.hypervisor, "Microsoft Hv");
}

#if defined(__aarch64__)
/* What CPUID tells elsewhere, read on any CPU. */
static void read_features(void)
{
	struct hv_step steps[] = { STEP_GET(HV_REG_FEATURES), STEP_GET(HV_REG_HINTS) };

	if (hv_regs_open() || hv_regs_try(cpus_next(-1, report_cpus()), steps, 2) ||
	    steps[0].error || steps[1].error)
		return;
	guest_hyperv.low = steps[0].value;
	guest_hyperv.high = steps[0].value >> 32;
	guest_hyperv.misc = steps[0].high;
	guest_hyperv.hints = steps[1].value;
	guest_hyperv.known = HYPERV_LOW | HYPERV_HIGH | HYPERV_HINTS | HYPERV_MISC;
	/* STIMER in direct mode, by arm64's bits */
	guest_platform.hv_direct = guest_hyperv.low & 1 << 3 && guest_hyperv.misc & 1 << 13;
}
#else
static void read_features(void)
{
	hyperv_leaves(&guest_hyperv);
}
#endif

void guest_setup(void)
{
	platform_read(&guest_platform);
	if (is_hyperv())
		read_features();
	platform_facts(&guest_platform);
	if (is_hyperv())
		report_fact("hyperv.privileges", "low 0x%x, high 0x%x, hints 0x%x, misc 0x%x",
			    guest_hyperv.low, guest_hyperv.high, guest_hyperv.hints,
			    guest_hyperv.misc);
}

void guest_need_hyperv(void)
{
	if (is_hyperv())
		return;
	if (guest_platform.arm64)
		report_skip(
			"not on Hyper-V: neither ACPI's FADT names it (which only root may read), nor is a module loaded that needs it");
	report_skip("not on Hyper-V: CPUID names %s",
		    guest_platform.hypervisor[0] ? guest_platform.hypervisor : "no hypervisor");
}

void guest_need_clockevent(int cpu)
{
	char name[CE_NAME_LEN];
	int err = ce_current(cpu, name);

	if (err)
		report_skip("CPU %d's current_device can't be read: %s", cpu, strerror(-err));
	if (strcmp(name, HV_CLOCKEVENT))
		report_skip("CPU %d's clockevent is %s, not Hyper-V's", cpu,
			    name[0] ? name : "none");
}

void guest_need_direct_mode(void)
{
	if (!guest_platform.hv_direct)
		report_skip("STIMER's direct mode is not offered");
	/* hv_stimer0_isr() calls a handler that a clockevent which never was in use hasn't got. */
	if (guest_platform.hv_tdx_bare)
		report_skip(
			"Linux doesn't use STIMER in a TDX VM without paravisor, and can't take its interrupt");
}

#if defined(__aarch64__)

void guest_need_registers(int cpu)
{
	(void)cpu;
	regs_need();
}

int guest_try_read(int cpu, enum hv_reg reg, uint64_t *value)
{
	struct hv_step step = STEP_GET(reg);
	int err = hv_regs_try(cpu, &step, 1);

	*value = step.value;
	return err ? err : step.error;
}

#else

/* /dev/cpu/N/msr, opened when first asked for. */
static int msrs[CPUS_MAX];

void guest_need_registers(int cpu)
{
	int fd = msrs[cpu];

	if (fd > 0)
		return;
	fd = msr_open(cpu);
	msrs[cpu] = fd;
	if (fd >= 0)
		return;
	if (geteuid())
		report_skip("reading MSRs needs root");
	if (fd == -ENOENT || fd == -ENODEV || fd == -ENXIO)
		report_skip("no /dev/cpu/%d/msr: the module msr is not loaded", cpu);
	report_skip("/dev/cpu/%d/msr: %s", cpu, strerror(-fd));
}

int guest_try_read(int cpu, enum hv_reg reg, uint64_t *value)
{
	static const uint32_t numbers[HV_REGS] = {
		[HV_REG_TIME_REF_COUNT] = HV_MSR_TIME_REF_COUNT,
		[HV_REG_STIMER0_CONFIG] = HV_MSR_STIMER0_CONFIG,
		[HV_REG_STIMER0_COUNT] = HV_MSR_STIMER0_COUNT,
	};

	return numbers[reg] ? msr_read(msrs[cpu], numbers[reg], value) : -EINVAL;
}

#endif

uint64_t guest_read(int cpu, enum hv_reg reg)
{
	uint64_t value = 0;
	int err = guest_try_read(cpu, reg, &value);

	if (err)
		report_fail("reading Hyper-V's register %d on CPU %d: %s", reg, cpu,
			    strerror(-err));
	return value;
}

static const char *attribute(const char *path, char *buf, size_t len)
{
	ssize_t n = file_read_line(path, buf, len);

	if (n < 0)
		report_skip("%s: %s", path, strerror(-n));
	return buf;
}

const char *guest_clocksource(void)
{
	static char name[64];

	return attribute(CS_DIR "current_clocksource", name, sizeof(name));
}

const char *guest_clocksources(void)
{
	static char names[1024];

	return attribute(CS_DIR "available_clocksource", names, sizeof(names));
}

bool guest_listed(const char *names, const char *name)
{
	char one[64];

	for (int n; sscanf(names, "%63s%n", one, &n) == 1; names += n)
		if (!strcmp(one, name))
			return true;
	return false;
}
