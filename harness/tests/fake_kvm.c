// SPDX-License-Identifier: GPL-2.0-only
/*
 * fake_kvm - a KVM for kvm_probe, by LD_PRELOAD: it has all of Hyper-V, but for what the
 * environment says
 *
 *   FAKE_KVM_LACKS="LEAF REG BITS"  those bits of a leaf, in hexadecimal; REG is 0 to 3 for eax to
 * edx FAKE_KVM_NO=capability          a capability, by its number; or an ioctl that fails with
 * EBUSY FAKE_KVM_OPEN=errno             /dev/kvm does not open FAKE_KVM_EXIT=reason            how
 * a virtual CPU's run ends
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static unsigned long number(const char *name)
{
	const char *value = getenv(name);

	return value ? strtoul(value, NULL, 0) : 0;
}

int open(const char *path, int flags, ...)
{
	(void)path;
	(void)flags;
	errno = number("FAKE_KVM_OPEN");
	return errno ? -1 : memfd_create("kvm", 0);
}

/* What KVM_RUN reports, where kvm_probe will map it. */
static int vcpu(void)
{
	struct kvm_run run = { .exit_reason = KVM_EXIT_IO };
	int fd = memfd_create("vcpu", 0);

	run.io.port = 0x80;
	if (getenv("FAKE_KVM_EXIT"))
		run.exit_reason = number("FAKE_KVM_EXIT");
	if (ftruncate(fd, 4096) < 0 || pwrite(fd, &run, sizeof(run), 0) < 0)
		return -1;
	return fd;
}

static void leaves(struct kvm_cpuid2 *cpuid)
{
	static const uint32_t functions[] = { 0x40000000, 0x40000003, 0x40000004, 0x4000000a };
	const char *lacks = getenv("FAKE_KVM_LACKS");
	unsigned int leaf = 0, reg = 0, bits = 0;

	if (lacks)
		sscanf(lacks, "%x %u %x", &leaf, &reg, &bits);
	cpuid->nent = 4;
	for (unsigned int i = 0; i < 4; i++) {
		uint32_t regs[4] = { ~0U, ~0U, ~0U, ~0U };

		if (functions[i] == leaf)
			regs[reg] &= ~bits;
		cpuid->entries[i] = (struct kvm_cpuid_entry2){ .function = functions[i],
							       .eax = regs[0],
							       .ebx = regs[1],
							       .ecx = regs[2],
							       .edx = regs[3] };
	}
}

int ioctl(int fd, unsigned long request, ...)
{
	unsigned long argument;
	va_list args;

	(void)fd;
	va_start(args, request);
	argument = va_arg(args, unsigned long);
	va_end(args);
	if (getenv("FAKE_KVM_NO") &&
	    number("FAKE_KVM_NO") == (request == KVM_CHECK_EXTENSION ? argument : request)) {
		errno = EBUSY;
		return request == KVM_CHECK_EXTENSION ? 0 : -1;
	}
	switch (request) {
	case KVM_GET_API_VERSION:
		return KVM_API_VERSION;
	case KVM_CHECK_EXTENSION:
		return 1;
	case KVM_CREATE_VM:
		return memfd_create("vm", 0);
	case KVM_CREATE_VCPU:
		return vcpu();
	case KVM_GET_VCPU_MMAP_SIZE:
		return 4096;
	case KVM_GET_SUPPORTED_HV_CPUID:
		leaves((struct kvm_cpuid2 *)argument);
		return 0;
	default:
		return 0;
	}
}
