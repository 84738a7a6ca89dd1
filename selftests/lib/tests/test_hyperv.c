// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../hyperv.h"
#include "../platform.h"
#include "testing.h"

static void leaves(uint32_t leaf, uint32_t regs[4])
{
	memset(regs, 0, 16);
	if (leaf == 0x40000003) {
		regs[0] = 0xa7f;
		regs[1] = 0x1001;
		regs[2] = 0xffff;
		regs[3] = 0x80108;
	} else if (leaf == 0x40000004) {
		regs[0] = 0x2c;
	}
}

START_TEST(reads_leaves)
{
	void (*saved)(uint32_t leaf, uint32_t regs[4]) = platform_cpuid;
	struct hyperv h;

	platform_cpuid = leaves;
	hyperv_leaves(&h);
	platform_cpuid = saved;
	ck_assert_uint_eq(h.low, 0xa7f);
	ck_assert_uint_eq(h.high, 0x1001);
	ck_assert_uint_eq(h.misc, 0x80108);
	ck_assert_uint_eq(h.ext, 0xffff);
	ck_assert_uint_eq(h.hints, 0x2c);
	ck_assert(hyperv_has_reference_counter(&h));
	ck_assert(hyperv_has_reference_tsc(&h));
	ck_assert(hyperv_is_root(&h));
	h = (struct hyperv){ .low = 0xffffffff & ~(1u << 1 | 1u << 9), .high = 1 };
	ck_assert(!hyperv_has_reference_counter(&h));
	ck_assert(!hyperv_has_reference_tsc(&h));
	ck_assert(!hyperv_is_root(&h));
}
END_TEST

#define NOW (HYPERV_LOW | HYPERV_HIGH | HYPERV_HINTS | HYPERV_MISC)

static const struct {
	const char *text;
	struct hyperv h;
} lines[] = {
	{ "Hyper-V: privilege flags low 0xa7f, high 0x20, hints 0x2c, misc 0x80108",
	  { .low = 0xa7f, .high = 0x20, .hints = 0x2c, .misc = 0x80108, .known = NOW } },
	{ "Hyper-V: privilege flags low 0x2e7f, high 0x3b8030, ext 0x2, hints 0x24e24, misc 0xbed7b2",
	  { .low = 0x2e7f,
	    .high = 0x3b8030,
	    .ext = 2,
	    .hints = 0x24e24,
	    .misc = 0xbed7b2,
	    .known = NOW | HYPERV_EXT } },
	/* %#x prints zero without its 0x, 0x%x with it */
	{ "Hyper-V: privilege flags low 0, high 0x0, ext 0, hints 0, misc 0xffffffff",
	  { .misc = 0xffffffff, .known = NOW | HYPERV_EXT } },
	/* What a later kernel adds is passed over. */
	{ "Hyper-V: privilege flags low 0x1, high 0x2, hints 0x3, misc 0x4, ext 0x5",
	  { .low = 1, .high = 2, .hints = 3, .misc = 4, .ext = 5, .known = NOW | HYPERV_EXT } },
	{ "Hyper-V: privilege flags low 0x1, high 0x2, nested 0x3e0101, hints 0x3, misc 0x4, isolation_b 0",
	  { .low = 1, .high = 2, .hints = 3, .misc = 4, .known = NOW } },
	/* 5.3 to 5.11, and 4.19 */
	{ "Hyper-V: features 0x2e7f, hints 0x24c2c, misc 0xbed7b2",
	  { .low = 0x2e7f,
	    .hints = 0x24c2c,
	    .misc = 0xbed7b2,
	    .known = HYPERV_LOW | HYPERV_HINTS | HYPERV_MISC } },
	{ "Hyper-V: features 0x2e7f, hints 0x24c2c",
	  { .low = 0x2e7f, .hints = 0x24c2c, .known = HYPERV_LOW | HYPERV_HINTS } },
};

START_TEST(privileges_line)
{
	struct hyperv h;

	ck_assert_msg(hyperv_parse_privileges(lines[_i].text, &h), "%s", lines[_i].text);
	ck_assert_msg(!memcmp(&h, &lines[_i].h, sizeof(h)), "%s", lines[_i].text);
}
END_TEST

/* From guests of 6.8 and newer, one line with each form of ext. */
START_TEST(privileges_recorded)
{
	static const uint32_t low[] = { 0x2e7f, 0xae7f, 0x2e7f }, ext[] = { 2, 0x62, 0 };
	static const uint32_t hints[] = { 0x24e24, 0xa0e24, 0x24e24 },
			      misc[] = { 0xbed7b2, 0xe0bed7b2, 0xbed7b2 };
	char *text = data_read("kmsg-hyperv-privileges"), *rest = text, *line;
	struct hyperv h;
	int i = 0;

	while ((line = strsep(&rest, "\n")) && *line) {
		ck_assert_int_lt(i, 3);
		ck_assert(hyperv_parse_privileges(line, &h));
		ck_assert_uint_eq(h.low, low[i]);
		ck_assert_uint_eq(h.high, 0x3b8030);
		ck_assert_uint_eq(h.ext, ext[i]);
		ck_assert_uint_eq(h.hints, hints[i]);
		ck_assert_uint_eq(h.misc, misc[i++]);
	}
	ck_assert_int_eq(i, 3);
	free(text);
}
END_TEST

START_TEST(privileges_refused)
{
	static const char *const bad[] = {
		"",
		"Hyper-V: ",
		"Hyper-V: Host Build 10.0.1.2-3-0",
		"Hyper-V: Nested features: 0x4a0000",
		"Hyper-V: privilege flags ",
		"Hyper-V: privilege flags low",
		"Hyper-V: features ",
		"Hyper-V: features 0x2e7f",
		"Hyper-V: features low 0x1, hints 0x2",
		"Hyper-V: privilege flags low 0xa7f, high 0x20",
		"Hyper-V: privilege flags low 0xa7f, high 0x20, hints 0x2c",
		"Hyper-V: privilege flags low 0xa7f, high 0x20, hints 0x2c, misc",
		"Hyper-V: privilege flags low 0xa7f, high 0x20, hints 0x2c, misc 0x",
		"Hyper-V: privilege flags low 0xa7f, high 0x20, hints 0x2c, misc 0x1, ",
		"Hyper-V: privilege flags low 0xa7f, high 0x20, hints 0x2c, misc 0x1 0x2",
		"Hyper-V: privilege flags low 0xa7f high 0x20 hints 0x2c misc 0x80108",
		"Hyper-V: privilege flags low 0xa7f, high 0x20, hints 0x2c, misc 0x1ffffffff",
		"Hyper-V: privilege flags low 0xa7f, low 0x20, high 0x20, hints 0x2c, misc 0x1",
		"Hyper-V: privilege flags low a7f, high 0x20, hints 0x2c, misc 0x1",
		"Hyper-V: privilege flags low 7, high 0x20, hints 0x2c, misc 0x1",
		"Hyper-V: privilege flags low -0x7, high 0x20, hints 0x2c, misc 0x1",
		"Hyper-V: privilege flags low:0xa7f, high:0x20, hints:0x2c, misc:0x1",
		" Hyper-V: privilege flags low 0xa7f, high 0x20, hints 0x2c, misc 0x80108",
	};
	char copy[128];
	struct hyperv h;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_msg(!hyperv_parse_privileges(bad[i], &h), "\"%s\"", bad[i]);
	/*
	 * Cut anywhere before its last word, and with any byte of it spoilt, nothing else is read
	 * from it.
	 */
	strcpy(copy, lines[1].text);
	for (size_t len = strlen(copy); len--;) {
		bool whole = len > (size_t)(strstr(lines[1].text, "misc 0") - lines[1].text) + 5 &&
			     copy[len - 1] != 'x';

		strcpy(copy, lines[1].text);
		copy[len] = '\0';
		ck_assert_msg(hyperv_parse_privileges(copy, &h) == whole, "\"%s\"", copy);
		strcpy(copy, lines[1].text);
		copy[len] = '\xff';
		ck_assert_msg(!hyperv_parse_privileges(copy, &h) || !(h.known & HYPERV_EXT),
			      "\"%s\"", copy);
	}
}
END_TEST

static bool ordered(const char *names, int version, bool invariant)
{
	const char *first, *second;

	return hyperv_ordered(names, version, invariant, &first, &second);
}

START_TEST(order_of_clocksources)
{
	const char *first, *second;

	ck_assert(ordered(HV_TSC_PAGE " " HV_MSR_SOURCE " hpet acpi_pm ", 6012, false));
	ck_assert(ordered(HV_TSC_PAGE " hpet acpi_pm ", 6001, false));
	ck_assert(ordered("tsc " HV_TSC_PAGE " hpet " HV_MSR_SOURCE " acpi_pm ", 6012, true));
	ck_assert(ordered("tsc hpet " HV_TSC_PAGE " " HV_MSR_SOURCE " acpi_pm ", 6012, true));
	ck_assert(ordered("", 6012, false));
	ck_assert(ordered("fake", 6012, false));
	ck_assert(ordered("hpet fake acpi_pm", 6012, false));
	ck_assert(!ordered("hpet fake tsc", 6012, false));
	ck_assert(!ordered(HV_MSR_SOURCE " " HV_TSC_PAGE " ", 6012, false));
	ck_assert(!ordered("tsc " HV_TSC_PAGE " ", 6012, false));
	ck_assert(!ordered(HV_TSC_PAGE " tsc ", 6012, true));
	ck_assert(!hyperv_ordered("hpet " HV_TSC_PAGE " acpi_pm ", 6012, false, &first, &second));
	ck_assert_str_eq(first, "hpet");
	ck_assert_str_eq(second, HV_TSC_PAGE);
}
END_TEST

START_TEST(config_of_a_timer)
{
	/* enable, auto-enable, vector 0xed, direct */
	struct stimer_config c = stimer_config(0x1ed9);

	ck_assert(c.enable && c.auto_enable && c.direct && !c.periodic && !c.lazy);
	ck_assert_uint_eq(c.vector, 0xed);
	ck_assert_uint_eq(c.sint, 0);
	ck_assert_uint_eq(c.reserved, 0);
	ck_assert_ptr_null(stimer_config_wrong(0x1ed9));
	ck_assert_ptr_null(stimer_config_wrong(0x1ed8));
	ck_assert_ptr_nonnull(stimer_config_wrong(0));
	ck_assert_ptr_nonnull(stimer_config_wrong(0x0ed9));  /* message mode */
	ck_assert_ptr_nonnull(stimer_config_wrong(0x1ec9));  /* LOC's vector */
	ck_assert_ptr_nonnull(stimer_config_wrong(0x1edb));  /* periodic */
	ck_assert_ptr_nonnull(stimer_config_wrong(0x1edd));  /* lazy */
	ck_assert_ptr_nonnull(stimer_config_wrong(0x1ed1));  /* no auto-enable */
	ck_assert_ptr_nonnull(stimer_config_wrong(0x21ed9)); /* SINT 2 */
	ck_assert_ptr_nonnull(stimer_config_wrong(0x3ed9));  /* bit 13 */
	ck_assert_ptr_nonnull(stimer_config_wrong(0x8000000000001ed9));
}
END_TEST

START_TEST(no_such_cpu)
{
	ck_assert_int_lt(msr_open(99999), 0);
}
END_TEST
/*
 * As the sources have them: drivers/clocksource/hyperv_timer.c, arm_arch_timer.c, hpet.c,
 * acpi_pm.c, tsc.c, jiffies.c.
 */
START_TEST(ratings)
{
	static const struct {
		const char *name;
		int version, rating, invariant;
	} sources[] = {
		{ "hyperv_clocksource_tsc_page", 5010, 250, 250 },
		{ "hyperv_clocksource_tsc_page", 5012, 250, 250 },
		{ "hyperv_clocksource_tsc_page", 5013, 500, 250 },
		{ "hyperv_clocksource_tsc_page", 7002, 500, 250 },
		{ "hyperv_clocksource_msr", 5012, 250, 250 },
		{ "hyperv_clocksource_msr", 5013, 0, 0 },
		{ "hyperv_clocksource_msr", 6011, 0, 0 },
		{ "hyperv_clocksource_msr", 6012, 495, 245 },
		{ "arch_sys_counter", 6012, 400, 400 },
		{ "tsc", 6012, 300, 300 },
		{ "hpet", 6012, 250, 250 },
		{ "acpi_pm", 6012, 200, 200 },
		{ "refined-jiffies", 6012, 2, 2 },
		{ "jiffies", 6012, 1, 1 },
		{ "tsc-early", 6012, 299, 299 },
		{ "", 6012, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
		ck_assert_int_eq(hyperv_rating(sources[i].name, sources[i].version, false),
				 sources[i].rating);
		ck_assert_int_eq(hyperv_rating(sources[i].name, sources[i].version, true),
				 sources[i].invariant);
	}
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("hyperv");

	tcase_add_test(tc, ratings);
	tcase_add_test(tc, reads_leaves);
	tcase_add_loop_test(tc, privileges_line, 0, sizeof(lines) / sizeof(*lines));
	tcase_add_test(tc, privileges_recorded);
	tcase_add_test(tc, privileges_refused);
	tcase_add_test(tc, order_of_clocksources);
	tcase_add_test(tc, config_of_a_timer);
	tcase_add_test(tc, no_such_cpu);
	return run_cases("hyperv", tc);
}
