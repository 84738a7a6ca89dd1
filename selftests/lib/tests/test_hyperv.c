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

START_TEST(privileges_line)
{
	struct hyperv h;

	ck_assert(hyperv_parse_privileges("Hyper-V: privilege flags low 0xa7f, high 0x20, hints 0x2c, misc 0x80108", &h));
	ck_assert_uint_eq(h.low, 0xa7f);
	ck_assert_uint_eq(h.high, 0x20);
	ck_assert_uint_eq(h.hints, 0x2c);
	ck_assert_uint_eq(h.misc, 0x80108);
	/* newer kernels say more behind it */
	ck_assert(hyperv_parse_privileges("Hyper-V: privilege flags low 0x1, high 0x2, hints 0x3, misc 0x4, ext 0x5", &h));
	ck_assert(!hyperv_parse_privileges("Hyper-V: privilege flags low 0xa7f, high 0x20", &h));
	ck_assert(!hyperv_parse_privileges("Hyper-V: Host Build 10.0.1.2-3-0", &h));
	ck_assert(!hyperv_parse_privileges("", &h));
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
	ck_assert_ptr_nonnull(stimer_config_wrong(0x0ed9));	/* message mode */
	ck_assert_ptr_nonnull(stimer_config_wrong(0x1ec9));	/* LOC's vector */
	ck_assert_ptr_nonnull(stimer_config_wrong(0x1edb));	/* periodic */
	ck_assert_ptr_nonnull(stimer_config_wrong(0x1edd));	/* lazy */
	ck_assert_ptr_nonnull(stimer_config_wrong(0x1ed1));	/* no auto-enable */
	ck_assert_ptr_nonnull(stimer_config_wrong(0x21ed9));	/* SINT 2 */
	ck_assert_ptr_nonnull(stimer_config_wrong(0x3ed9));	/* bit 13 */
	ck_assert_ptr_nonnull(stimer_config_wrong(0x8000000000001ed9));
}
END_TEST

START_TEST(no_such_cpu)
{
	ck_assert_int_lt(msr_open(99999), 0);
}
END_TEST
int main(void)
{
	TCase *tc = tcase_create("hyperv");

	tcase_add_test(tc, reads_leaves);
	tcase_add_test(tc, privileges_line);
	tcase_add_test(tc, order_of_clocksources);
	tcase_add_test(tc, config_of_a_timer);
	tcase_add_test(tc, no_such_cpu);
	return run_cases("hyperv", tc);
}
