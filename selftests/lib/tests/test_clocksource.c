// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../clocksource.h"
#include "testing.h"

START_TEST(parse)
{
	struct cs_list l;

	ck_assert_int_eq(cs_parse("hpet acpi_pm \n", &l), 0);
	ck_assert_uint_eq(l.nr, 2);
	ck_assert_str_eq(l.name[0], "hpet");
	ck_assert_str_eq(l.name[1], "acpi_pm");
	ck_assert_int_eq(cs_parse("kvm-clock \n", &l), 0);
	ck_assert_uint_eq(l.nr, 1);
	ck_assert_int_eq(cs_parse("hyperv_clocksource_tsc_page hyperv_clocksource_msr hpet acpi_pm \n",
				  &l),
			 0);
	ck_assert_int_eq(cs_find(&l, "hyperv_clocksource_msr"), 1);
}
END_TEST

START_TEST(parse_bad)
{
	static const char *const bad[] = {
		"",
		"\n",
		" \n",
		"hpet\n",
		"hpet ",
		"hpet",
		"hpet  acpi_pm \n",
		" hpet \n",
		"hpet acpi_pm\n",
		"hpet \n\n",
		"hpet \nacpi_pm \n",
	};
	struct cs_list l;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_msg(cs_parse(bad[i], &l) == -EPROTO, "\"%s\"", bad[i]);
	ck_assert_int_eq(cs_parse("a2345678901234567890123456789012 \n", &l), -EOVERFLOW);
	ck_assert_int_eq(cs_parse("a234567890123456789012345678901 \n", &l), 0);
	ck_assert_int_eq(cs_parse("a b c d e f g h i j k l m n o p q \n", &l), -EOVERFLOW);
	ck_assert_int_eq(cs_parse("a b c d e f g h i j k l m n o p \n", &l), 0);
}
END_TEST

START_TEST(find_exact)
{
	struct cs_list l;

	ck_assert_int_eq(cs_parse("tsc_page tsc hpet \n", &l), 0);
	ck_assert_int_eq(cs_find(&l, "tsc"), 1);
	ck_assert_int_eq(cs_find(&l, "tsc_"), -1);
	ck_assert_int_eq(cs_find(&l, "hpet "), -1);
	ck_assert_int_eq(cs_find(&l, ""), -1);
}
END_TEST

START_TEST(sysfs)
{
	char name[CS_NAME_LEN];
	struct cs_list l;

	fake_make();
	ck_assert_int_eq(cs_current(name), -ENOENT);
	ck_assert_int_eq(cs_available(&l), -ENOENT);
	ck_assert_int_eq(cs_select("tsc", 3), -ENOENT);
	fake_write(CS_CURRENT, "tsc\n");
	fake_write(CS_AVAILABLE, "tsc hpet \n");
	fake_write(CS_UNBIND, "");
	ck_assert_int_eq(cs_current(name), 0);
	ck_assert_str_eq(name, "tsc");
	ck_assert_int_eq(cs_available(&l), 0);
	ck_assert_uint_eq(l.nr, 2);
	ck_assert_int_eq(cs_select("hpet ", 5), 5);
	fake_expect(CS_CURRENT, "hpet ");
	ck_assert_int_eq(cs_unbind("acpi_pm\n", 8), 8);
	fake_expect(CS_UNBIND, "acpi_pm\n");
	fake_remove();
}
END_TEST

START_TEST(table)
{
	const char *why;

	ck_assert_int_eq(cs_vdso("tsc", &why), CS_VDSO_ALWAYS);
	ck_assert_ptr_nonnull(strstr(why, "TSC"));
	ck_assert_int_eq(cs_vdso("hpet", NULL), CS_VDSO_NEVER);
	ck_assert_int_eq(cs_vdso("acpi_pm", NULL), CS_VDSO_NEVER);
	ck_assert_int_eq(cs_vdso("hyperv_clocksource_msr", NULL), CS_VDSO_NEVER);
	ck_assert_int_eq(cs_vdso("hyperv_clocksource_tsc_page", NULL), CS_VDSO_DEPENDS);
	ck_assert_int_eq(cs_vdso("kvm-clock", NULL), CS_VDSO_DEPENDS);
	ck_assert_int_eq(cs_vdso("tsc_page", &why), CS_VDSO_UNKNOWN);
	ck_assert_ptr_nonnull(why);
	ck_assert_int_eq(cs_vdso("", NULL), CS_VDSO_UNKNOWN);
}
END_TEST

/* Shown to count: a CPU-time clock is always a system call, a coarse one never. */
START_TEST(detector)
{
	int n;

	if (getenv("CK_FORK"))
		return; /* valgrind has a clock of its own making */
	if (access("/proc/sys/kernel/seccomp/actions_avail", F_OK))
		return; /* a kernel without seccomp filters */
	n = cs_syscalls(CLOCK_PROCESS_CPUTIME_ID, 10);
	ck_assert_int_eq(n, 10);
	ck_assert_int_eq(cs_syscalls(CLOCK_PROCESS_CPUTIME_ID, 0), 0);
	ck_assert_int_eq(cs_syscalls(CLOCK_PROCESS_CPUTIME_ID, 1), 1);
	ck_assert_int_eq(cs_syscalls(CLOCK_MONOTONIC_COARSE, 10), 0);
	ck_assert_int_eq(cs_syscalls(77, 10), -EINVAL);
	/* This process goes on as before. */
	ck_assert_int_eq(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &(struct timespec){ 0 }), 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("clocksource");

	tcase_add_test(tc, parse);
	tcase_add_test(tc, parse_bad);
	tcase_add_test(tc, find_exact);
	tcase_add_test(tc, sysfs);
	tcase_add_test(tc, table);
	tcase_add_test(tc, detector);
	return run_cases("clocksource", tc);
}
