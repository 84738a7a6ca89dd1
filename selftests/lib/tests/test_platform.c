// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../platform.h"
#include "testing.h"

#define HYPERV	     "Hyper-V clockevent"
#define DEVICE	     FALLBACK_DEVICE
#define NONE	     FALLBACK_NONE
#define UNKNOWN	     FALLBACK_UNKNOWN
#define CLOCKSOURCES "/sys/devices/system/clocksource/clocksource0/available_clocksource"

static void expect(struct fallback f, enum fallback_kind kind, const char *name)
{
	ck_assert_int_eq(f.kind, kind);
	ck_assert_str_eq(f.name, name);
	ck_assert_ptr_nonnull(f.why);
}

START_TEST(fallback_hyperv_x86)
{
	struct platform p = { .x86 = true, .tsc_deadline = true, .hpet = true };

	expect(platform_fallback(&p, 1, HYPERV, "lapic-deadline", false), DEVICE, "lapic-deadline");
	expect(platform_fallback(&p, 1, HYPERV, "lapic-deadline", true), DEVICE, "lapic-deadline");
	expect(platform_fallback(&p, 0, HYPERV, "lapic-deadline", false), DEVICE, "hpet");
	expect(platform_fallback(&p, 0, HYPERV, "lapic-deadline", true), NONE, "");
	/* Without ARAT the local APIC timers stop in C3: hpet broadcasts, the lapics stand by. */
	expect(platform_fallback(&p, 0, HYPERV, "hpet", false), DEVICE, "lapic-deadline");
	expect(platform_fallback(&p, 0, HYPERV, "", false), DEVICE, "lapic-deadline");
	p.hpet = false;
	expect(platform_fallback(&p, 0, HYPERV, "lapic-deadline", false), NONE, "");
	expect(platform_fallback(&p, 2, HYPERV, "lapic-deadline", false), DEVICE, "lapic-deadline");
	p.tsc_deadline = false;
	expect(platform_fallback(&p, 2, HYPERV, "lapic", false), DEVICE, "lapic");
	expect(platform_fallback(&p, 0, HYPERV, "lapic", false), NONE, "");
}
END_TEST

START_TEST(fallback_lapic)
{
	struct platform p = { .x86 = true, .hpet = true };

	expect(platform_fallback(&p, 0, "lapic", "hpet", false), NONE, "");
	expect(platform_fallback(&p, 1, "lapic", "hpet", false), NONE, "");
	expect(platform_fallback(&p, 1, "lapic-deadline", "pit", false), NONE, "");
	expect(platform_fallback(&p, 1, "lapic", "", false), UNKNOWN, "");
	p.hpet = false;
	expect(platform_fallback(&p, 1, "lapic-deadline", "", false), NONE, "");
}
END_TEST

START_TEST(fallback_arm64)
{
	struct platform p = { .arm64 = true };

	expect(platform_fallback(&p, 0, "arch_sys_timer", "bc_hrtimer", false), DEVICE,
	       "dummy_timer");
	expect(platform_fallback(&p, 3, "arch_sys_timer", "bc_hrtimer", false), DEVICE,
	       "dummy_timer");
	expect(platform_fallback(&p, 0, HYPERV, "arch_sys_timer", false), DEVICE, "dummy_timer");
	expect(platform_fallback(&p, 1, HYPERV, "arch_sys_timer", false), DEVICE, "arch_sys_timer");
	expect(platform_fallback(&p, 0, HYPERV, "bc_hrtimer", false), DEVICE, "arch_sys_timer");
	p.hv_module = p.hv_standby = true;
	expect(platform_fallback(&p, 1, "arch_sys_timer", "bc_hrtimer", false), DEVICE, HYPERV);
	/* x86's rules are x86's. */
	expect(platform_fallback(&p, 1, "lapic", "hpet", false), UNKNOWN, "");
}
END_TEST

START_TEST(fallback_unknown)
{
	static const char *const names[] = {
		"",	   "hpet",	     "pit", "dummy_timer", "xen", "Hyper-V clockevent ",
		"Hyper-V", "arch_sys_timer",
	};
	struct platform p = { .x86 = true, .hpet = true }, none = { 0 };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		expect(platform_fallback(&p, 0, names[i], "hpet", false), UNKNOWN, "");
	expect(platform_fallback(&none, 0, HYPERV, "hpet", false), UNKNOWN, "");
}
END_TEST

START_TEST(functional)
{
	ck_assert(platform_functional("lapic"));
	ck_assert(platform_functional(HYPERV));
	ck_assert(platform_functional("dummy_timer2"));
	ck_assert(!platform_functional("dummy_timer"));
	ck_assert(!platform_functional(""));
}
END_TEST

START_TEST(clockevent)
{
	struct platform p = { .x86 = true,
			      .version = 6012,
			      .hypervisor = "Microsoft Hv",
			      .hv_direct = true,
			      .tsc_deadline = true };

	ck_assert_str_eq(platform_clockevent(&p), HYPERV);
	p.hv_tdx_bare = true;
	ck_assert_str_eq(platform_clockevent(&p), "lapic-deadline");
	p.version = 6011;
	ck_assert_ptr_null(platform_clockevent(&p));
	p.hv_tdx_bare = p.hv_direct = false;
	ck_assert_ptr_null(platform_clockevent(&p));
	strcpy(p.hypervisor, "KVMKVMKVM");
	ck_assert_str_eq(platform_clockevent(&p), "lapic-deadline");
	p.tsc_deadline = false;
	ck_assert_str_eq(platform_clockevent(&p), "lapic");
	p.hv_direct = true; /* means nothing without Hyper-V */
	ck_assert_str_eq(platform_clockevent(&p), "lapic");
	strcpy(p.hypervisor, "XenVMMXenVMM");
	ck_assert_ptr_null(platform_clockevent(&p));
	p = (struct platform){ .arm64 = true };
	ck_assert_str_eq(platform_clockevent(&p), "arch_sys_timer");
	/* Hyper-V alone changes nothing there: Linux has no driver. */
	strcpy(p.hypervisor, "Microsoft Hv");
	p.hv_direct = true;
	ck_assert_str_eq(platform_clockevent(&p), "arch_sys_timer");
	p.hv_module = true;
	ck_assert_str_eq(platform_clockevent(&p), HYPERV);
	p.hv_standby = true;
	ck_assert_str_eq(platform_clockevent(&p), "arch_sys_timer");
	p = (struct platform){ 0 };
	ck_assert_ptr_null(platform_clockevent(&p));
}
END_TEST

static void fake_system(const char *release, const char *flags, const char *clocksources)
{
	fake_write("/proc/sys/kernel/osrelease", release);
	fake_write("/proc/cpuinfo", flags);
	fake_write(CLOCKSOURCES, clocksources);
}

START_TEST(release)
{
	static const struct {
		const char *release;
		int version;
	} cases[] = {
		{ "6.12.117+deb12-amd64\n", 6012 },
		{ "5.10.0-1-cloud\n", 5010 },
		{ "7.2.13\n", 7002 },
		{ "6.1\n", 6001 },
		{ "6.18.44-fc-v769", 6018 },
		{ "", 0 },
		{ "six.twelve\n", 0 },
		{ "6\n", 0 },
		{ "99999999999.1\n", 0 },
		{ "-6.1\n", 0 },
		{ "6.99999\n", 0 },
	};
	struct platform p;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		fake_system(cases[i].release, "", "");
		ck_assert_int_eq(platform_read(&p), 0);
		ck_assert_msg(p.version == cases[i].version, "%s: %d", cases[i].release, p.version);
		ck_assert_int_eq(strncmp(p.release, cases[i].release,
					 strcspn(cases[i].release, "\n")),
				 0);
	}
	ck_assert_int_eq(p.x86 + p.arm64, 1);
}
END_TEST

START_TEST(nothing_to_read)
{
	struct platform p;

	ck_assert_int_eq(platform_read(&p), -ENOENT);
	fake_write("/proc/sys/kernel/osrelease", "6.12.0\n");
	ck_assert_int_eq(platform_read(&p), 0);
	ck_assert(!p.hpet && !p.tsc_deadline && !p.arat);
}
END_TEST

START_TEST(hpet_is_a_word)
{
	static const struct {
		const char *list;
		bool hpet;
	} cases[] = {
		{ "hpet \n", true },
		{ "tsc hpet acpi_pm \n", true },
		{ "tsc hpet", true },
		{ "hyperv_clocksource_tsc_page hpet acpi_pm \n", true },
		{ "", false },
		{ "\n", false },
		{ "hyperv_clocksource_tsc_page acpi_pm \n", false },
		{ "nohpet hpet2 \n", false },
	};
	struct platform p;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		fake_system("6.12.0", "", cases[i].list);
		ck_assert_int_eq(platform_read(&p), 0);
		ck_assert_msg(p.hpet == cases[i].hpet, "%s", cases[i].list);
	}
}
END_TEST

#if defined(__x86_64__)
START_TEST(flags_are_words)
{
	struct platform p;

	fake_system("6.12.0", "processor\t: 0\nflags\t\t: fpu tsc_deadline_timer arat\n", "");
	ck_assert_int_eq(platform_read(&p), 0);
	ck_assert(p.tsc_deadline && p.arat);
	fake_system("6.12.0",
		    "flags\t\t: fpu xtsc_deadline_timer tsc_deadline_timerx parat arat_x\n"
		    "vmx flags\t: tsc_deadline_timer arat\n",
		    "");
	ck_assert_int_eq(platform_read(&p), 0);
	ck_assert(!p.tsc_deadline && !p.arat);
	fake_system("6.12.0", "model name\t: arat\nvmx flags\t: arat\nflags: tsc_deadline_timer",
		    "");
	ck_assert_int_eq(platform_read(&p), 0);
	ck_assert(p.tsc_deadline && !p.arat);
	fake_system("6.12.0", "flagship\t: arat\nflags arat\n\377\376", "");
	ck_assert_int_eq(platform_read(&p), 0);
	ck_assert(!p.arat);
}
END_TEST

/* Seeded CPUID: what is not here reads as zeroes. */
static struct leaf {
	uint32_t leaf, regs[4];
} leaves[16];
static size_t nr_leaves;

static void seeded_cpuid(uint32_t leaf, uint32_t regs[4])
{
	memset(regs, 0, 16);
	for (size_t i = 0; i < nr_leaves; i++)
		if (leaves[i].leaf == leaf)
			memcpy(regs, leaves[i].regs, 16);
}

static void leaf(uint32_t number, uint32_t eax, uint32_t ebx, uint32_t ecx, uint32_t edx)
{
	leaves[nr_leaves++] = (struct leaf){ number, { eax, ebx, ecx, edx } };
}

static void signature(uint32_t base, uint32_t max, const char *text)
{
	struct leaf *l = &leaves[nr_leaves++];
	char twelve[12] = "";

	memcpy(twelve, text, strnlen(text, 12));
	*l = (struct leaf){ base, { max } };
	memcpy(&l->regs[1], twelve, 12);
}

/* Starts over, as a guest (with the hypervisor bit) or bare metal. */
static void seed(bool hypervisor)
{
	nr_leaves = 0;
	leaf(1, 0, 0, hypervisor ? 1u << 31 : 0, 0);
	platform_cpuid = seeded_cpuid;
}

static struct platform seeded(void)
{
	struct platform p;

	fake_write("/proc/sys/kernel/osrelease", "6.12.0\n");
	ck_assert_int_eq(platform_read(&p), 0);
	return p;
}

START_TEST(cpuid_hyperv)
{
	struct platform p;

	/* As seen in the nested guest: privilege flags low 0xa7f, high 0x30, misc 0x80108. */
	seed(true);
	signature(0x40000000, 0x40000082, "Microsoft Hv");
	leaf(0x40000003, 0xa7f, 0x30, 0, 0x80108);
	p = seeded();
	ck_assert_str_eq(p.hypervisor, "Microsoft Hv");
	ck_assert(p.hv_direct && !p.hv_tsc_invariant && !p.hv_tdx_bare);
	ck_assert_str_eq(platform_clockevent(&p), HYPERV);
	/* Message mode. */
	leaf(0x40000003, 0xa7f, 0x30, 0, 0x108);
	ck_assert(!seeded().hv_direct);
	/* Direct mode of no timer. */
	leaf(0x40000003, 0xa77, 0x30, 0, 0x80108);
	ck_assert(!seeded().hv_direct);
	leaf(0x40000003, 0x8a7f, 0x30, 0, 0x80108);
	ck_assert(seeded().hv_tsc_invariant);
}
END_TEST

START_TEST(cpuid_tdx)
{
	seed(true);
	signature(0x40000000, 0x4000000c, "Microsoft Hv");
	leaf(0x40000003, 0xa7f, 1u << 22, 0, 0x80108);
	leaf(0x4000000c, 0, 3, 0, 0);
	ck_assert(seeded().hv_tdx_bare);
	leaf(0x4000000c, 1, 3, 0, 0); /* with paravisor */
	ck_assert(!seeded().hv_tdx_bare);
	leaf(0x4000000c, 0, 2, 0, 0); /* SNP */
	ck_assert(!seeded().hv_tdx_bare);
	leaf(0x4000000c, 0, 0x23, 0, 0); /* bits above the type's four */
	ck_assert(seeded().hv_tdx_bare);
	leaf(0x40000003, 0xa7f, 0, 0, 0x80108); /* no isolation: the leaf means nothing */
	ck_assert(!seeded().hv_tdx_bare);
}
END_TEST

START_TEST(cpuid_highest_base_wins)
{
	/* QEMU without kvm=off: Linux takes it for KVM. */
	seed(true);
	signature(0x40000000, 0x40000082, "Microsoft Hv");
	signature(0x40000100, 0x40000101, "KVMKVMKVM");
	leaf(0x40000003, 0xa7f, 0x30, 0, 0x80108);
	ck_assert_str_eq(seeded().hypervisor, "KVMKVMKVM");
	ck_assert(!seeded().hv_direct);
	/* hv-passthrough names itself so, and Linux doesn't take that for Hyper-V. */
	seed(true);
	signature(0x40000000, 0x40000082, "Linux KVM Hv");
	leaf(0x40000003, 0xa7f, 0x30, 0, 0x80108);
	ck_assert_str_eq(seeded().hypervisor, "Linux KVM Hv");
	ck_assert(!seeded().hv_direct);
	/* Hyper-V elsewhere than where Linux looks for it. */
	seed(true);
	signature(0x40000100, 0x40000182, "Microsoft Hv");
	ck_assert_str_eq(seeded().hypervisor, "");
	/* The last base there is. */
	seed(true);
	signature(0x40000000, 0x40000082, "Microsoft Hv");
	signature(0x4000ff00, 0x4000ff01, "XenVMMXenVMM");
	ck_assert_str_eq(seeded().hypervisor, "XenVMMXenVMM");
	seed(true);
	signature(0x40010000, 0x40010001, "KVMKVMKVM");
	ck_assert_str_eq(seeded().hypervisor, "");
}
END_TEST

START_TEST(cpuid_others)
{
	seed(false); /* bare metal: the leaves are whatever they are */
	signature(0x40000000, 0x40000082, "Microsoft Hv");
	leaf(0x40000003, 0xa7f, 0x30, 0, 0x80108);
	ck_assert_str_eq(seeded().hypervisor, "");
	ck_assert(!seeded().hv_direct);
	seed(true);
	signature(0x40000000, 0x40000001, "TCGTCGTCGTCG");
	ck_assert_str_eq(seeded().hypervisor, "TCGTCGTCGTCG");
	ck_assert(platform_tcg(&(struct platform){ .hypervisor = "TCGTCGTCGTCG" }));
	ck_assert(!platform_tcg(&(struct platform){ .hypervisor = "KVMKVMKVM" }));
	ck_assert_str_eq(platform_clockevent(&(struct platform){ .x86 = true }), "lapic");
	seed(true);
	signature(0x40000000, 0, "\001\002\003 bad \377");
	ck_assert_str_eq(seeded().hypervisor, "");
	seed(true);
	ck_assert_str_eq(seeded().hypervisor, "");
	/* Too few leaves to be Hyper-V. */
	seed(true);
	signature(0x40000000, 0x40000002, "Microsoft Hv");
	leaf(0x40000003, 0xa7f, 0x30, 0, 0x80108);
	ck_assert(!seeded().hv_direct);
}
END_TEST
#endif

/* This system, whatever it is. */
START_TEST(real)
{
	struct platform p;

	fake_remove();
	ck_assert_int_eq(platform_read(&p), 0);
	ck_assert_int_ge(p.version, 5000);
	fake_make();
}
END_TEST

/* What platform_facts() prints. */
static const char *facts(const struct platform *p)
{
	static char text[4096];
	int saved = dup(1), fd = memfd_create("facts", MFD_CLOEXEC);
	ssize_t n;

	ck_assert_int_ge(fd, 0);
	fflush(stdout);
	dup2(fd, 1);
	platform_facts(p);
	dup2(saved, 1);
	n = pread(fd, text, sizeof(text) - 1, 0);
	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	close(saved);
	close(fd);
	return text;
}

START_TEST(told_as_facts)
{
	struct platform p = { .x86 = true, .release = "6.12.1" };

	ck_assert_str_eq(facts(&p),
			 "# fact kernel.release=6.12.1\n# fact arch=x86_64\n# fact hypervisor=none known\n");
	fake_write("/sys/devices/system/cpu/online", "0-3\n");
	fake_write("/sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n");
	fake_write(CE_DIR "/broadcast/current_device", "");
	p = (struct platform){ .arm64 = true, .hypervisor = "Microsoft Hv", .hv_direct = true };
	ck_assert_str_eq(facts(&p),
			 "# fact kernel.release=\n# fact arch=arm64\n# fact hypervisor=Microsoft Hv\n"
			 "# fact hyperv.stimer_direct=1\n# fact hyperv.tsc_invariant=0\n# fact cpus.online=0-3\n"
			 "# fact clocksource=tsc\n# fact broadcast.device=none\n");
	fake_write(CE_DIR "/broadcast/current_device", "hpet\n");
	p = (struct platform){ .hypervisor = "K", .hv_tsc_invariant = true };
	ck_assert_str_eq(facts(&p),
			 "# fact kernel.release=\n# fact arch=other\n# fact hypervisor=K\n# fact cpus.online=0-3\n"
			 "# fact clocksource=tsc\n# fact broadcast.device=hpet\n");
}
END_TEST

/* On arm64 ACPI's FADT says Hyper-V at its place, or a module does that loads nowhere else. */
START_TEST(hypervisor_arm64)
{
	uint8_t fadt[300] = "FACP";
	struct platform p;

	fake_write("/proc/sys/kernel/osrelease", "7.0.1\n");
	ck_assert_int_eq(platform_read_as(&p, false, true), 0);
	ck_assert(p.arm64 && !p.x86 && !p.hv_module && !p.hv_direct);
	ck_assert_str_eq(p.hypervisor, "");
	ck_assert_int_eq(p.version, 7000);

	memcpy(fadt + 268, "MsHyperV", 8);
	fake_write_bytes("/sys/firmware/acpi/tables/FACP", fadt, 275);
	ck_assert_int_eq(platform_read_as(&p, false, true), 0);
	ck_assert_str_eq(p.hypervisor, "");
	fake_write_bytes("/sys/firmware/acpi/tables/FACP", fadt, 276);
	ck_assert_int_eq(platform_read_as(&p, false, true), 0);
	ck_assert_str_eq(p.hypervisor, "Microsoft Hv");
	ck_assert(!p.hv_module && !p.hv_direct);
	/* On x86 CPUID says so, or nobody. */
	ck_assert_int_eq(platform_read_as(&p, false, false), 0);
	ck_assert_str_eq(p.hypervisor, "");
	for (size_t at = 267; at <= 276; at++) {
		uint8_t other[sizeof(fadt)];

		memcpy(other, fadt, sizeof(fadt));
		other[at] ^= 0x20;
		fake_write_bytes("/sys/firmware/acpi/tables/FACP", other, sizeof(other));
		ck_assert_int_eq(platform_read_as(&p, false, true), 0);
		ck_assert_str_eq(p.hypervisor, at < 268 || at > 275 ? "Microsoft Hv" : "");
	}

	fake_write_bytes("/sys/firmware/acpi/tables/FACP", "FACP", 4);
	fake_write("/sys/module/hv_stimer/parameters/standby", "N\n");
	ck_assert_int_eq(platform_read_as(&p, false, true), 0);
	ck_assert_str_eq(p.hypervisor, "Microsoft Hv");
	ck_assert(p.hv_module && p.hv_direct && !p.hv_standby && !p.hv_sources);
	fake_write("/sys/module/hv_stimer/parameters/standby", "Y\n");
	fake_write("/sys/module/hv_stimer/parameters/clocksources", "Y\n");
	ck_assert_int_eq(platform_read_as(&p, false, true), 0);
	ck_assert(p.hv_standby && p.hv_sources);
	fake_write("/sys/module/hv_stimer/parameters/clocksources", "N\n");
	ck_assert_int_eq(platform_read_as(&p, false, true), 0);
	ck_assert(p.hv_standby && !p.hv_sources);
}
END_TEST

START_TEST(hypervisor_arm64_by_hv_regs)
{
	struct platform p;

	fake_write("/proc/sys/kernel/osrelease", "6.1\n");
	fake_write("/sys/module/hv_regs/initstate", "live\n");
	ck_assert_int_eq(platform_read_as(&p, false, true), 0);
	ck_assert_str_eq(p.hypervisor, "Microsoft Hv");
	ck_assert(!p.hv_module && !p.hv_direct);
	ck_assert_int_eq(p.version, 6001);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("platform");

	tcase_add_checked_fixture(tc, fake_make, fake_remove);
	tcase_add_test(tc, fallback_hyperv_x86);
	tcase_add_test(tc, fallback_lapic);
	tcase_add_test(tc, fallback_arm64);
	tcase_add_test(tc, fallback_unknown);
	tcase_add_test(tc, functional);
	tcase_add_test(tc, clockevent);
	tcase_add_test(tc, real);
	tcase_add_test(tc, release);
	tcase_add_test(tc, nothing_to_read);
	tcase_add_test(tc, hpet_is_a_word);
	tcase_add_test(tc, told_as_facts);
	tcase_add_test(tc, hypervisor_arm64);
	tcase_add_test(tc, hypervisor_arm64_by_hv_regs);
#if defined(__x86_64__)
	tcase_add_test(tc, flags_are_words);
	tcase_add_test(tc, cpuid_hyperv);
	tcase_add_test(tc, cpuid_tdx);
	tcase_add_test(tc, cpuid_highest_base_wins);
	tcase_add_test(tc, cpuid_others);
#endif
	return run_cases("platform", tc);
}
