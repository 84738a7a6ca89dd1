// SPDX-License-Identifier: GPL-2.0-only
/*
 * What Hyper-V says of itself (CPUID, and the kernel's log where it may be read)
 * against the clockevents and clocksources Linux made of it.
 */
#define _GNU_SOURCE
#include <string.h>

#include "../lib/clockevents.h"
#include "../lib/files.h"
#include "../lib/kmsg.h"
#include "../lib/report.h"
#include "guest.h"

/* The Hyper-V clockevent is on every CPU if and only if direct mode is offered. */
static void clockevent(int cpu)
{
	const char *expected;
	char name[CE_NAME_LEN];
	int err;

	guest_need_hyperv();
	expected = platform_clockevent(&guest_platform);
	err = ce_current(cpu, name);
	if (err)
		report_skip("CPU %d's current_device can't be read: %s", cpu, strerror(-err));
	if (!expected)
		report_skip("no rule for this guest's clockevent: direct mode %s, TDX without paravisor %s",
			    guest_platform.hv_direct ?
				    "offered" :
				    "not offered, so it is the VMBus driver's to bring",
			    guest_platform.hv_tdx_bare ? "yes" : "no");
	if (strcmp(name, expected))
		report_fail("direct mode is %soffered%s, but CPU %d's clockevent is %s, not %s",
			    guest_platform.hv_direct ? "" : "not ",
			    guest_platform.hv_tdx_bare ? " to a TDX VM without paravisor" : "", cpu,
			    name[0] ? name : "none", expected);
}

/* Finds the kernel's line in its log; skips where that can't be read or has lost it. */
static void find_privileges(struct hyperv *logged)
{
	bool since_boot, found = false;
	struct kmsg log;
	char text[256];

	report_need_log(kmsg_open_all(&log, &since_boot));
	while (!found && kmsg_next(&log, text, sizeof(text)))
		found = hyperv_parse_privileges(text, logged);
	kmsg_close(&log);
	if (found)
		return;
	if (!since_boot)
		report_skip(
			"the kernel's log doesn't reach back to boot, where it had \"Hyper-V: privilege flags\"");
	if (guest_platform.x86)
		report_fail(
			"the kernel's log holds no line \"Hyper-V: privilege flags\" of a known form");
	report_skip(
		"the kernel's log doesn't hold \"Hyper-V: privilege flags\" (arm64 detects Hyper-V by ACPI alone)");
}

static void expect_same(const char *name, unsigned int bit, const struct hyperv *logged,
			uint32_t saw, uint32_t says)
{
	if (logged->known & guest_hyperv.known & bit && saw != says)
		report_fail("the kernel saw privileges %s 0x%x; Hyper-V says 0x%x", name, saw,
			    says);
}

static void privileges(int unused)
{
	struct hyperv logged;

	(void)unused;
	guest_need_hyperv();
	if (guest_platform.arm64)
		guest_need_registers(0);
	find_privileges(&logged);
	expect_same("low", HYPERV_LOW, &logged, logged.low, guest_hyperv.low);
	expect_same("high", HYPERV_HIGH, &logged, logged.high, guest_hyperv.high);
	expect_same("ext", HYPERV_EXT, &logged, logged.ext, guest_hyperv.ext);
	expect_same("hints", HYPERV_HINTS, &logged, logged.hints, guest_hyperv.hints);
	expect_same("misc", HYPERV_MISC, &logged, logged.misc, guest_hyperv.misc);
}

/* Skips where rules of their own hold. */
static void need_ordinary_guest(void)
{
	guest_need_hyperv();
	if (guest_platform.arm64) {
		if (!guest_platform.hv_sources)
			report_skip(
				"Linux makes no clocksource of Hyper-V's counter on arm64; our module hv_stimer does, and isn't loaded, or not for that");
		guest_need_registers(0);
	}
	if (hyperv_is_root(&guest_hyperv))
		report_skip("the root partition has rules of its own");
}

static void need_source(const char *name, bool expected, const char *why)
{
	const char *names = guest_clocksources();
	bool listed = guest_listed(names, name);

	if (listed != expected)
		report_fail("%s, but %s is %s among: %s", why, name, listed ? "" : "not", names);
}

static void reference_tsc(int unused)
{
	bool offered;

	(void)unused;
	need_ordinary_guest();
	offered = hyperv_has_reference_tsc(&guest_hyperv);
	/* Linux masks the bit there (7f828d5fff7d). */
	if (guest_platform.hv_tdx_bare)
		need_source(HV_TSC_PAGE, false,
			    "a TDX VM without paravisor has no reference TSC page");
	else
		need_source(HV_TSC_PAGE, offered,
			    offered ? "the reference TSC is offered" :
				      "the reference TSC is not offered");
}

static void reference_counter(int unused)
{
	bool offered, page;

	(void)unused;
	need_ordinary_guest();
	offered = hyperv_has_reference_counter(&guest_hyperv);
	page = hyperv_has_reference_tsc(&guest_hyperv);
	if (guest_platform.x86 && guest_platform.version > 6001 && guest_platform.version < 6012)
		report_skip("whether Linux %s registers the counter beside the page is not known to us",
			    guest_platform.release);
	if (guest_platform.x86 && guest_platform.version <= 6001)
		need_source(HV_MSR_SOURCE, offered && !page,
			    "up to 6.1 the counter is a clocksource only where the page is none");
	else
		need_source(HV_MSR_SOURCE, offered,
			    offered ? "the reference counter is offered" :
				      "the reference counter is not offered");
}

static void tsc(int unused)
{
	(void)unused;
	if (guest_platform.arm64)
		report_skip("the TSC is x86's");
	need_ordinary_guest();
	if (guest_platform.hv_tsc_invariant)
		need_source("tsc", true, "the TSC is offered as invariant");
	else
		need_source("tsc", false,
			    "the TSC is not offered as invariant, and Linux marks it unstable");
}

/* Skips where someone has chosen a clocksource: the best one is in use otherwise. */
static void selection(int unused)
{
	const char *best = guest_platform.hv_tsc_invariant ? "tsc" : HV_TSC_PAGE, *names, *current;
	char cmdline[4096] = "";

	(void)unused;
	need_ordinary_guest();
	if (guest_platform.hv_tdx_bare || !hyperv_has_reference_tsc(&guest_hyperv))
		report_skip("no reference TSC page is offered");
	file_read_line("/proc/cmdline", cmdline, sizeof(cmdline));
	if (strstr(cmdline, "clocksource="))
		report_skip("the kernel's command line names a clocksource");
	names = guest_clocksources();
	current = guest_clocksource();
	if (strncmp(names, best, strlen(best)) || names[strlen(best)] != ' ')
		report_fail("the best rated clocksource is not %s: %s", best, names);
	if (strcmp(current, best))
		report_skip("someone has chosen %s over %s", current, best);
}

static void ratings(int unused)
{
	const char *first, *second, *names;
	int version = guest_platform.version;

	(void)unused;
	need_ordinary_guest();
	names = guest_clocksources();
	/* Our module has the ratings of 6.12's driver in any kernel. */
	if (guest_platform.arm64)
		version = 6012;
	if (!hyperv_ordered(names, version, guest_platform.hv_tsc_invariant, &first, &second))
		report_fail("%s is rated %d, %s %d in this kernel, but the order is: %s", first,
			    hyperv_rating(first, version, guest_platform.hv_tsc_invariant), second,
			    hyperv_rating(second, version, guest_platform.hv_tsc_invariant), names);
}

static const struct report_case cases[] = {
	{ "clockevent",
	  "A18, I7: \"Hyper-V clockevent\" serves each CPU where CPUID offers STIMER in direct mode, the local APIC's timer in a TDX VM without paravisor (hyperv_timer.c); on arm64 with our module hv_stimer",
	  clockevent, true },
	{ "privileges",
	  "I7: CPUID leaves 0x40000003 and 0x40000004 (on arm64 registers 0x200 and 0x201) are what the kernel logged at boot (mshyperv.c)",
	  privileges, false },
	{ "reference_tsc",
	  "C10, I7: hyperv_clocksource_tsc_page is available where the reference TSC is offered, and nowhere else (hyperv_timer.c)",
	  reference_tsc, false },
	{ "reference_counter",
	  "C10, I7: hyperv_clocksource_msr is available where MSR 0x40000020 is offered (6.12), or the page is not (6.1) (hyperv_timer.c)",
	  reference_counter, false },
	{ "tsc",
	  "C7, C10: tsc is available where Hyper-V offers it as invariant, and nowhere else (mshyperv.c)",
	  tsc, false },
	{ "selection",
	  "C10: tsc is chosen where it is invariant, hyperv_clocksource_tsc_page elsewhere (hyperv_timer.c)",
	  selection, false },
	{ "ratings",
	  "C10: available_clocksource goes by this kernel's ratings (hyperv_timer.c, clocksource.c)",
	  ratings, false },
};

REPORT_MAIN("hyperv", "identity", .setup = guest_setup)
