// SPDX-License-Identifier: GPL-2.0-only
/*
 * What /sys/devices/system/clocksource promises and refuses, without changing
 * anything: every write here is one that the kernel must turn down
 * (kernel/time/clocksource.c: sysfs_get_uname, unbind_clocksource_store).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../lib/clocks.h"
#include "../lib/clocksource.h"
#include "../lib/cpus.h"
#include "../lib/files.h"
#include "../lib/hyperv.h"
#include "../lib/platform.h"
#include "../lib/report.h"
#include "../lib/resolution.h"
#include "reading.h"
#include "sources.h"

#define NO_SUCH_NAME "tickproof-no-such"

static struct platform platform;

static const char *need_current(void)
{
	static char name[CS_NAME_LEN];
	int err = cs_current(name);

	if (err == -ENOENT)
		report_skip("no " CS_DIR ": this kernel has no clocksources in sysfs");
	if (err)
		report_fail("reading current_clocksource: %s", strerror(-err));
	return name;
}

static void current_available(int unused)
{
	struct cs_list *list = sources_need();
	const char *name = need_current();

	(void)unused;
	/* Two reads: a switch or a registration may come between them. */
	if (cs_find(list, name) < 0 && cs_find(sources_need(), need_current()) < 0)
		report_fail("the clocksource in use, '%s', isn't among the available", name);
	report_metric("available", list->nr, "sources");
}

static void format(int unused)
{
	struct cs_list *list = sources_need();
	char *text;
	ssize_t n = file_read(CS_CURRENT, &text);

	(void)unused;
	ck_assert_int_ge(n, 0);
	if (n < 2 || strchr(text, '\n') != text + n - 1 || strchr(text, ' '))
		report_fail("current_clocksource isn't one line with one name: '%s'", text);
	free(text);
	for (size_t i = 0; i < list->nr; i++)
		for (size_t k = 0; k < i; k++)
			if (!strcmp(list->name[i], list->name[k]))
				report_fail("%s is listed twice", list->name[i]);
}

static void modes(int unused)
{
	static const struct {
		const char *path;
		mode_t mode;
	} files[] = { { CS_CURRENT, 0644 }, { CS_AVAILABLE, 0444 }, { CS_UNBIND, 0200 } };
	char full[4096];
	struct stat st;

	(void)unused;
	sources_need();
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		ck_assert_int_eq(file_path(full, sizeof(full), files[i].path), 0);
		if (stat(full, &st))
			report_fail("%s: %s", files[i].path, strerror(errno));
		if ((st.st_mode & 07777) != files[i].mode)
			report_fail("%s has mode %04o instead of %04o", files[i].path,
				    st.st_mode & 07777, files[i].mode);
	}
}

static void expect_eacces(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd >= 0)
		report_fail("%s could be opened for %s", path,
			    flags == O_RDONLY ? "reading" : "writing");
	if (errno != EACCES && errno != EROFS)
		report_fail("opening %s for %s gave %s instead of EACCES", path,
			    flags == O_RDONLY ? "reading" : "writing", strerrorname_np(errno));
}

static void directions(int unused)
{
	(void)unused;
	sources_need();
	expect_eacces(CS_UNBIND, O_RDONLY);
	expect_eacces(CS_AVAILABLE, O_WRONLY);
}

static void ordinary_user(int unused)
{
	(void)unused;
	sources_need();
	/* The case has a process of its own: what it gives up, only it lacks. */
	if (!geteuid() && (setgid(65534) || setuid(65534)))
		report_skip("can't become an ordinary user: %s", strerror(errno));
	expect_eacces(CS_CURRENT, O_WRONLY);
	expect_eacces(CS_UNBIND, O_WRONLY);
}

static void expect_error(ssize_t got, int error, const char *what)
{
	if (got != -error)
		report_fail("writing %s gave %s instead of %s", what,
			    got < 0 ? strerrorname_np(-got) : "success", strerrorname_np(error));
}

static void name_length(int unused)
{
	char x[4096], before[CS_NAME_LEN];
	const char *after;

	(void)unused;
	sources_need_writable(CS_CURRENT);
	strcpy(before, need_current());
	memset(x, 'x', sizeof(x));
	expect_error(cs_select(x, CS_NAME_LEN), EINVAL, "32 bytes");
	expect_error(cs_select(x, sizeof(x)), EINVAL, "4096 bytes");
	/* The newline counts, and a known name in front doesn't help. */
	x[CS_NAME_LEN - 1] = '\n';
	expect_error(cs_select(x, CS_NAME_LEN), EINVAL, "31 bytes and a newline");
	memset(x, '\n', sizeof(x));
	memcpy(x, before, strlen(before));
	expect_error(cs_select(x, CS_NAME_LEN), EINVAL, "the current name, filled up to 32 bytes");
	ck_assert_int_eq(cs_select(x, 0), 0);
	after = need_current();
	if (strcmp(before, after))
		report_fail("a refused write changed the clocksource from %s to %s", before, after);
}

static void unbind_refused(int unused)
{
	struct cs_list before;
	char x[4096];

	(void)unused;
	sources_need_writable(CS_UNBIND);
	before = *sources_need();
	memset(x, 'x', sizeof(x));
	expect_error(cs_unbind(NO_SUCH_NAME, strlen(NO_SUCH_NAME)), ENODEV, "an unknown name");
	expect_error(cs_unbind(x, CS_NAME_LEN - 1), ENODEV, "31 bytes");
	expect_error(cs_unbind(x, CS_NAME_LEN), EINVAL, "32 bytes");
	expect_error(cs_unbind(x, sizeof(x)), EINVAL, "4096 bytes");
	expect_error(cs_unbind("\n", 1), ENODEV, "a lone newline");
	/* Names are compared whole: a prefix, and one with a blank after, are no names. */
	for (size_t i = 0; i < before.nr; i++) {
		int len = snprintf(x, sizeof(x), "%s ", before.name[i]);

		if (len < CS_NAME_LEN)
			expect_error(cs_unbind(x, len), ENODEV, "a name and a blank");
		len = snprintf(x, sizeof(x), "%s\n\n", before.name[i]);
		if (len < CS_NAME_LEN)
			expect_error(cs_unbind(x, len), ENODEV, "a name and two newlines");
	}
	if (memcmp(&before, sources_need(), sizeof(before)))
		report_fail("a refused unbind changed the available clocksources");
}

/*
 * Jiffies are rated 1, the lowest (kernel/time/jiffies.c), and a kernel that keeps time by them
 * never changes to high resolution timers (timekeeping_valid_for_hres()): where another source is
 * there, somebody has asked for them, as an image may on its kernel's command line.
 */
static void expect_finer(const struct cs_list *list, const char *name)
{
	if (!sources_ticking(name))
		return;
	for (size_t i = 0; i < list->nr; i++)
		if (!sources_ticking(list->name[i]) && !sources_marked(list->name[i]))
			report_fail("%s is in use although %s is available, and rules out high resolution timers (clocksource=%s on the kernel's command line?)",
				    name, list->name[i], name);
}

static void jiffies_hidden(int unused)
{
	struct cs_list *list = sources_need();
	const char *name = need_current();

	(void)unused;
	expect_finer(list, name);
	if (!hres_active())
		report_skip("high resolution timers aren't active (highres=off?)");
	if (cs_find(list, "jiffies") >= 0 || cs_find(list, "refined-jiffies") >= 0)
		report_fail(
			"jiffies are available as a clocksource although high resolution timers are active");
	if (sources_ticking(name))
		report_fail("%s is in use although high resolution timers are active", name);
}

static void expect_listed(const struct cs_list *list, const char *name, const char *because)
{
	if (cs_find(list, name) < 0)
		report_fail("%s isn't available, although %s", name, because);
}

/* drivers/clocksource/hyperv_timer.c; only x86 registers them. */
static void expect_hyperv(const struct cs_list *list)
{
	const char *best = platform.hv_tsc_invariant ? "tsc" : "hyperv_clocksource_tsc_page";
	uint32_t regs[4];

	platform_cpuid(0x40000003, regs);
	if (!(regs[0] & 1u << 9))
		report_skip("this Hyper-V offers no reference TSC page");
	expect_listed(list, "hyperv_clocksource_tsc_page", "Hyper-V offers a reference TSC page");
	if (platform.version >= 6012 && regs[0] & 1u << 1)
		expect_listed(list, "hyperv_clocksource_msr",
			      "Hyper-V offers the reference counter");
	if (platform.version <= 6001 && cs_find(list, "hyperv_clocksource_msr") >= 0)
		report_fail(
			"hyperv_clocksource_msr is available beside the page, which 6.1 doesn't register");
	if (strcmp(list->name[0], best))
		sources_ask(best);
	if (strcmp(list->name[0], best))
		report_fail("the best clocksource is %s instead of %s (invariant TSC: %d)",
			    list->name[0], best, platform.hv_tsc_invariant);
}

static void expected_sources(int unused)
{
	struct cs_list *list = sources_need();

	(void)unused;
	report_fact("clocksources", "%s%s%s%s%s%s%s", list->name[0], list->nr > 1 ? " " : "",
		    list->nr > 1 ? list->name[1] : "", list->nr > 2 ? " " : "",
		    list->nr > 2 ? list->name[2] : "", list->nr > 3 ? " " : "",
		    list->nr > 3 ? list->name[3] : "");
	if (platform.arm64) {
		expect_listed(list, "arch_sys_counter",
			      "every arm64 CPU has the architected counter");
		if (platform.hv_sources)
			expect_listed(list, "hyperv_clocksource_msr",
				      "our module hv_stimer is loaded");
	} else if (!strcmp(platform.hypervisor, "Microsoft Hv")) {
		expect_hyperv(list);
	} else if (platform.x86) {
		const char *const known[] = { "tsc", "tsc-early", "kvm-clock",
					      "xen", "hpet",	  "acpi_pm" };
		bool found = false;

		for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
			found |= cs_find(list, known[i]) >= 0;
		if (!found)
			report_fail("none of tsc, kvm-clock, xen, hpet and acpi_pm is available");
	} else {
		report_skip("no rule says which clocksources this platform should have");
	}
}

/* On arm64 the sources of Hyper-V are our module's, which rates them as 6.12's driver does. */
static int rating(const char *name)
{
	return hyperv_rating(name, platform.arm64 ? 6012 : platform.version,
			     platform.hv_tsc_invariant);
}

static void rating_order(int unused)
{
	struct cs_list *list = sources_need();
	int last = 0, known = 0;
	size_t of = 0;

	(void)unused;
	for (size_t i = 0; i < list->nr; i++) {
		int r = rating(list->name[i]);

		if (!r)
			continue;
		/*
		 * What the kernel marks as unstable it rates 0; without high resolution it stays
		 * listed.
		 */
		if (last && r > last)
			sources_ask(list->name[i]);
		if (last && r > last)
			report_fail("%s (rating %d) is listed before %s (rating %d)",
				    list->name[of], last, list->name[i], r);
		last = r;
		of = i;
		known++;
	}
	report_metric("known", known, "sources");
	if (known < 2)
		report_skip("fewer than two available clocksources with a rating we know");
}

static void vdso(int unused)
{
	(void)unused;
	reading_judge_vdso(need_current());
}

static void sandwich(int cpu)
{
	int err = cpu_pin(cpu);

	if (err)
		report_skip("can't run on CPU %d: %s", cpu, strerror(-err));
	report_metric("sandwiches",
		      reading_judge_sandwich(need_current(), 20000, 40 * NSEC_PER_MSEC),
		      "readings");
}

static const struct report_case cases[] = {
	{ "current_available", "C1: the clocksource in use is one of the available",
	  current_available, 0 },
	{ "format",
	  "C1: names that each end with one blank, then a newline; none twice (available_clocksource_show)",
	  format, 0 },
	{ "modes",
	  "C1: current_clocksource 0644, available_clocksource 0444, unbind_clocksource 0200 (clocksource.c)",
	  modes, 0 },
	{ "directions",
	  "C1: unbind_clocksource can't be read nor available_clocksource written, not even by root",
	  directions, 0 },
	{ "ordinary_user",
	  "C1: an ordinary user can't open current_clocksource or unbind_clocksource for writing (EACCES)",
	  ordinary_user, 0 },
	{ "name_length", "C4: 32 bytes and more are EINVAL and change nothing (sysfs_get_uname)",
	  name_length, 0 },
	{ "unbind_refused",
	  "C8: unbinding an unknown name is ENODEV, 32 bytes EINVAL; names are compared whole (unbind_clocksource_store)",
	  unbind_refused, 0 },
	{ "jiffies_hidden",
	  "C6: what isn't valid for high resolution timers is hidden with them, and in use only where nothing else is (available_clocksource_show, __clocksource_select)",
	  jiffies_hidden, 0 },
	{ "expected_sources", "C10: the platform's clocksources are available, its best one first",
	  expected_sources, 0 },
	{ "rating_order",
	  "C10: available_clocksource is in the order of ratings (clocksource_enqueue)",
	  rating_order, 0 },
	{ "vdso", "D10: the vDSO serves the clocksource in use as its vdso_clock_mode says", vdso,
	  0 },
	{ "sandwich", "D11: a reading by the vDSO lies between two system calls around it",
	  sandwich, 1 },
};

static void setup(void)
{
	platform_read(&platform);
	platform_facts(&platform);
}

REPORT_MAIN("clocksource", "sysfs_contract", .setup = setup)
