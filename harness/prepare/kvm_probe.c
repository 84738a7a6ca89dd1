// SPDX-License-Identifier: GPL-2.0-only
/*
 * kvm_probe CPU - can this host's KVM run a guest whose QEMU is given "-cpu CPU"?
 *
 * That /dev/kvm opens says little: Hyper-V is optional in KVM (CONFIG_KVM_HYPERV since Linux 6.8),
 * and not every KVM runs on hardware of its own. So KVM itself is asked: for each hv- flag of CPU
 * the bits that QEMU will ask for (kvm_hyperv_properties in its target/i386/kvm/kvm.c), and whether
 * a virtual CPU comes to its first instruction.
 *
 * Exits 0 when it can. Otherwise one line on stdout says why not, and the exit code is 1, or 2
 * where only this user may not open /dev/kvm.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define BIT(n) (1U << (n))
#define LEAVES 64

/* no CODE FORMAT... : say why not, and end */
static void __attribute__((noreturn, format(printf, 2, 3))) no(int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	exit(code);
}

/* As no(1, ...), with errno's words. */
#define no_errno(what) no(1, "KVM is here but can't be used: %s: %s", what, strerror(errno))

static int open_kvm(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (kvm < 0 && errno == ENOENT)
		no(1, "there is no /dev/kvm");
	if (kvm < 0 && errno == EACCES)
		no(2, "/dev/kvm: permission denied");
	if (kvm < 0 && errno == EPERM)
		no(1,
		   "/dev/kvm: not permitted: a container has to be given the device (--device /dev/kvm)");
	if (kvm < 0)
		no(1, "/dev/kvm cannot be opened: %s", strerror(errno));
	if (ioctl(kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		no(1, "/dev/kvm is not KVM's device");
	return kvm;
}

#ifdef __x86_64__
enum reg { EAX, EBX, ECX, EDX };

/* What QEMU wants of KVM_GET_SUPPORTED_HV_CPUID for a flag, and of KVM_CHECK_EXTENSION besides. */
static const struct need {
	const char *flag; /* after "hv-" */
	const char *what;
	uint32_t leaf;
	enum reg reg;
	uint32_t bits;
	int capability;
} needs[] = {
	{ "relaxed", "relaxed timing", 0x40000004, EAX, BIT(5), 0 },
	{ "vapic", "APIC registers", 0x40000003, EAX, BIT(4), 0 },
	{ "time", "reference counter", 0x40000003, EAX, BIT(1) | BIT(9), KVM_CAP_HYPERV_TIME },
	{ "crash", "crash registers", 0x40000003, EDX, BIT(10), 0 },
	{ "reset", "reset register", 0x40000003, EAX, BIT(7), 0 },
	{ "vpindex", "VP_INDEX", 0x40000003, EAX, BIT(6), KVM_CAP_HYPERV_VP_INDEX },
	{ "runtime", "VP_RUNTIME", 0x40000003, EAX, BIT(0), 0 },
	{ "synic", "SynIC", 0x40000003, EAX, BIT(2), KVM_CAP_HYPERV_SYNIC2 },
	{ "stimer", "synthetic timers", 0x40000003, EAX, BIT(3), 0 },
	{ "stimer-direct", "direct synthetic timers", 0x40000003, EDX, BIT(19), 0 },
	{ "frequencies", "frequency registers", 0x40000003, EAX, BIT(11), 0 },
	{ "frequencies", "frequency registers", 0x40000003, EDX, BIT(8), 0 },
	{ "reenlightenment", "reenlightenment", 0x40000003, EAX, BIT(13), 0 },
	{ "tlbflush", "TLB flush", 0x40000004, EAX, BIT(2) | BIT(11), 0 },
	{ "tlbflush-ext", "extended TLB flush", 0x40000003, EDX, BIT(14), 0 },
	{ "tlbflush-direct", "direct TLB flush", 0x4000000a, EAX, BIT(17), 0 },
	{ "ipi", "IPI hypercalls", 0x40000004, EAX, BIT(10) | BIT(11), 0 },
	{ "evmcs", "enlightened VMCS", 0x40000004, EAX, BIT(14), 0 },
	{ "emsr-bitmap", "enlightened MSR bitmap", 0x4000000a, EAX, BIT(19), 0 },
	{ "avic", "AutoEOI deprecation", 0x40000004, EAX, BIT(9), 0 },
	{ "syndbg", "synthetic debugger", 0x40000003, EDX, BIT(11), 0 },
	{ "xmm-input", "XMM input to hypercalls", 0x40000003, EDX, BIT(4), 0 },
	{ "passthrough", "CPUID leaves", 0x40000000, EAX, 0, 0 },
};

/*
 * The last word on "hv-FLAG" in CPU ("host,hv-time,hv_time=on,-hv-time"); QEMU takes "_" for "-".
 */
static bool asked(const char *cpu, const char *flag)
{
	char *words = strdup(cpu), *word, *rest = words, *value;
	bool on = false, off;

	while ((word = strsep(&rest, ",")) != NULL) {
		off = *word == '-';
		word += *word == '-' || *word == '+';
		value = strchr(word, '=');
		if (value)
			*value++ = '\0';
		for (char *c = word; *c; c++)
			if (*c == '_')
				*c = '-';
		if (strncmp(word, "hv-", 3) != 0 || strcmp(word + 3, flag) != 0)
			continue;
		on = !off;
		if (value)
			on = !strcmp(value, "on") || !strcmp(value, "yes") ||
			     !strcmp(value, "true") || !strcmp(value, "y");
	}
	free(words);
	return on;
}

/* Does KVM's answer (NULL: it knows no Hyper-V) hold what is needed? */
static bool has(int kvm, const struct kvm_cpuid2 *leaves, const struct need *need)
{
	if (!leaves || (need->capability && ioctl(kvm, KVM_CHECK_EXTENSION, need->capability) <= 0))
		return false;
	for (uint32_t i = 0; i < leaves->nent; i++) {
		const struct kvm_cpuid_entry2 *e = &leaves->entries[i];
		const uint32_t regs[] = { e->eax, e->ebx, e->ecx, e->edx };

		if (e->function == need->leaf)
			return (regs[need->reg] & need->bits) == need->bits;
	}
	return false;
}

/*
 * Hyper-V's leaves as KVM would give them to a guest, or NULL. Before Linux 5.11 only a vCPU knows.
 */
static struct kvm_cpuid2 *hyperv_leaves(int kvm, int vcpu)
{
	struct kvm_cpuid2 *leaves =
		calloc(1, sizeof(*leaves) + LEAVES * sizeof(leaves->entries[0]));
	int fd = ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_SYS_HYPERV_CPUID) > 0 ? kvm : vcpu;

	leaves->nent = LEAVES;
	if (ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_HYPERV_CPUID) <= 0 ||
	    ioctl(fd, KVM_GET_SUPPORTED_HV_CPUID, leaves) < 0) {
		free(leaves);
		return NULL;
	}
	return leaves;
}

static void hyperv(int kvm, int vcpu, const char *cpu)
{
	struct kvm_cpuid2 *leaves = hyperv_leaves(kvm, vcpu);
	struct kvm_enable_cap synic = { .cap = KVM_CAP_HYPERV_SYNIC2 };
	char lacks[1024] = "", flags[512] = "";
	const char *last = "";

	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		const struct need *n = &needs[i];
		size_t end = strlen(lacks), flags_end = strlen(flags);

		if (!asked(cpu, n->flag) || has(kvm, leaves, n) || strcmp(last, n->flag) == 0)
			continue;
		last = n->flag;
		snprintf(lacks + end, sizeof(lacks) - end, "%s%s (hv-%s)", end ? ", " : "", n->what,
			 n->flag);
		snprintf(flags + flags_end, sizeof(flags) - flags_end, " hv-%s", n->flag);
	}
	if (flags[0] && !leaves)
		no(1, "KVM has no Hyper-V (CONFIG_KVM_HYPERV is off?), which this guest's%s want",
		   flags);
	if (lacks[0])
		no(1, "KVM has no Hyper-V %s", lacks);
	if (asked(cpu, "synic") && ioctl(vcpu, KVM_ENABLE_CAP, &synic) < 0)
		no_errno("Hyper-V's SynIC (hv-synic)");
}

/* One instruction, "out %al, $0x80" in real mode: what does not come to that boots no guest. */
static void first_instruction(int kvm, int vm, int vcpu)
{
	int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	struct kvm_userspace_memory_region memory = { .memory_size = 4096 };
	struct kvm_regs regs = { .rflags = 2 };
	struct kvm_sregs sregs;
	uint8_t *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct kvm_run *run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);

	if (page == MAP_FAILED || run == MAP_FAILED)
		no_errno("memory");
	memcpy(page, "\xe6\x80\xf4", 3);
	memory.userspace_addr = (uintptr_t)page;
	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &memory) < 0 ||
	    ioctl(vcpu, KVM_GET_SREGS, &sregs) < 0)
		no_errno("a guest's memory");
	sregs.cs.base = sregs.cs.selector = 0;
	if (ioctl(vcpu, KVM_SET_SREGS, &sregs) < 0 || ioctl(vcpu, KVM_SET_REGS, &regs) < 0)
		no_errno("a virtual CPU's registers");
	if (ioctl(vcpu, KVM_RUN, 0) < 0)
		no_errno("running a virtual CPU");
	if (run->exit_reason != KVM_EXIT_IO || run->io.port != 0x80)
		no(1,
		   "KVM is here but runs nothing: a virtual CPU's first instruction ended in exit reason %u",
		   run->exit_reason);
}
#endif

int main(int argc, char **argv)
{
	int kvm, vm, vcpu;

	if (argc != 2)
		no(1, "usage: kvm_probe CPU");
	/* A KVM that never answers answers no: the signal ends this. */
	alarm(10);
	kvm = open_kvm();
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0)
		no_errno("a virtual machine");
#ifdef __x86_64__
	if (ioctl(vm, KVM_CREATE_IRQCHIP, 0) < 0)
		no_errno("its interrupt controllers");
#endif
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (vcpu < 0)
		no_errno("a virtual CPU");
#ifdef __x86_64__
	hyperv(kvm, vcpu, argv[1]);
	first_instruction(kvm, vm, vcpu);
#endif
	return 0;
}
