// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../lib/clockevents.h"
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

void guest_setup(void)
{
	platform_read(&guest_platform);
	platform_facts(&guest_platform);
	if (!is_hyperv())
		return;
	hyperv_leaves(&guest_hyperv);
	report_fact("hyperv.privileges", "low 0x%x, high 0x%x, hints 0x%x, misc 0x%x", guest_hyperv.low,
		    guest_hyperv.high, guest_hyperv.hints, guest_hyperv.misc);
}

void guest_need_hyperv(void)
{
	if (is_hyperv())
		return;
	if (guest_platform.arm64)
		report_skip("Hyper-V is told by CPUID leaves here, which arm64 hasn't");
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
		report_skip("CPU %d's clockevent is %s, not Hyper-V's", cpu, name[0] ? name : "none");
}

int guest_msr(int cpu)
{
	int fd = msr_open(cpu);

	if (fd >= 0)
		return fd;
	if (geteuid())
		report_skip("reading MSRs needs root");
	if (fd == -ENOENT || fd == -ENODEV || fd == -ENXIO)
		report_skip("no /dev/cpu/%d/msr: the module msr is not loaded", cpu);
	report_skip("/dev/cpu/%d/msr: %s", cpu, strerror(-fd));
}

uint64_t guest_read_msr(int fd, uint32_t msr)
{
	uint64_t value = 0;
	int err = msr_read(fd, msr, &value);

	if (err)
		report_fail("reading MSR 0x%x: %s", msr, strerror(-err));
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
