// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../cpus.h"
#include "testing.h"

#define ONLINE "/sys/devices/system/cpu/online"

/* A set in the kernel's format again, ranges spelled out; static. */
static const char *spell(const struct cpus *set)
{
	static char text[65536];
	char *s = text;
	int cpu;

	*s = '\0';
	cpus_for_each(cpu, set)
		s += sprintf(s, "%s%d", s == text ? "" : ",", cpu);
	return text;
}

static struct cpus set_of(const char *list)
{
	struct cpus set;

	ck_assert_msg(cpus_parse(list, &set) == 0, "%s", list);
	return set;
}

static const struct {
	const char *list, *cpus;
} good[] = {
	{ "", "" },
	{ "\n", "" },
	{ "0", "0" },
	{ "0\n", "0" },
	{ "0-3\n", "0,1,2,3" },
	{ "0-3,5", "0,1,2,3,5" },
	{ "0,2-3,7-7\n", "0,2,3,7" },
	{ "5,1", "1,5" },
	{ "1,1-2", "1,2" },
	{ "1023", "1023" },
	{ "007", "7" },
	{ "0,1500,8191\n", "0,1500,8191" },
};

START_TEST(parse_good)
{
	struct cpus set = set_of(good[_i].list);

	ck_assert_str_eq(spell(&set), good[_i].cpus);
}
END_TEST

static const struct {
	const char *list;
	int err;
} bad[] = {
	{ "x", -EINVAL },	{ "-", -EINVAL },	  { "-1", -EINVAL },
	{ "0-", -EINVAL },	{ "0-x", -EINVAL },	  { "0,", -EINVAL },
	{ ",0", -EINVAL },	{ "0,,1", -EINVAL },	  { "0 1", -EINVAL },
	{ " 0", -EINVAL },	{ "3-0", -EINVAL },	  { "0-1-2", -EINVAL },
	{ "0x1", -EINVAL },	{ "0,\n1", -EINVAL },	  { "+1", -EINVAL },
	{ "8192", -EOVERFLOW }, { "0-8192", -EOVERFLOW }, { "99999999999999999999", -EOVERFLOW },
	{ "\377", -EINVAL },	{ "0-3:1/2", -EINVAL },	  { "all", -EINVAL },
};

START_TEST(parse_bad)
{
	struct cpus set;
	int err = cpus_parse(bad[_i].list, &set);

	ck_assert_msg(err == bad[_i].err, "\"%s\" gives %d", bad[_i].list, err);
}
END_TEST

START_TEST(next)
{
	struct cpus set = set_of("1,3,1023-1024,8191"), none = set_of("");

	ck_assert_int_eq(cpus_next(-1, &set), 1);
	ck_assert_int_eq(cpus_next(1, &set), 3);
	ck_assert_int_eq(cpus_next(2, &set), 3);
	ck_assert_int_eq(cpus_next(3, &set), 1023);
	ck_assert_int_eq(cpus_next(1023, &set), 1024);
	ck_assert_int_eq(cpus_next(1024, &set), 8191);
	ck_assert_int_eq(cpus_next(8191, &set), -1);
	ck_assert_int_eq(cpus_count(&set), 5);
	ck_assert_int_eq(cpus_next(-1, &none), -1);
}
END_TEST

START_TEST(observer)
{
	struct cpus four = set_of("0-3"), one = set_of("2"), none = set_of(""),
		    dead = set_of("0,1");

	ck_assert_int_eq(cpus_observer(1, &four, &none), 0);
	ck_assert_int_eq(cpus_observer(0, &four, &none), 1);
	ck_assert_int_eq(cpus_observer(3, &four, &dead), 2);
	ck_assert_int_eq(cpus_observer(2, &four, &dead), 3);
	/* Nobody else: the target itself, unless it is dead. */
	ck_assert_int_eq(cpus_observer(2, &one, &none), 2);
	ck_assert_int_eq(cpus_observer(2, &one, &dead), 2);
	dead = set_of("0-3");
	ck_assert_int_eq(cpus_observer(1, &four, &dead), -ENODEV);
	dead = set_of("0,2-3");
	ck_assert_int_eq(cpus_observer(1, &four, &dead), 1);
}
END_TEST

START_TEST(read_lists)
{
	char list[50000], *s = list;
	struct cpus set;

	ck_assert_int_eq(cpus_read("online", &set), -ENOENT);
	fake_write(ONLINE, "0,2\n");
	ck_assert_int_eq(cpus_read("online", &set), 0);
	ck_assert_str_eq(spell(&set), "0,2");
	fake_write(ONLINE, "zero\n");
	ck_assert_int_eq(cpus_read("online", &set), -EINVAL);
	/* Every other one, as where the threads of a core are off: a list of many pages. */
	for (int cpu = 0; cpu < CPUS_MAX; cpu += 2)
		s += sprintf(s, "%s%d", cpu ? "," : "", cpu);
	fake_write(ONLINE, list);
	ck_assert_int_eq(cpus_read("online", &set), 0);
	ck_assert_int_eq(cpus_count(&set), CPUS_MAX / 2);
	ck_assert(cpus_has(&set, 8190) && !cpus_has(&set, 8189) && !cpus_has(&set, 8191));
	fake_write(ONLINE, "0-8192\n");
	ck_assert_int_eq(cpus_read("online", &set), -EOVERFLOW);
}
END_TEST

START_TEST(usable)
{
	struct cpus set, mine;
	int cpu;

	ck_assert_int_eq(cpus_usable(&set), -ENOENT);
	ck_assert_int_eq(cpus_allowed(&mine), 0);
	cpu = cpus_next(-1, &mine);
	fake_write(ONLINE, "0-1023\n");
	ck_assert_int_eq(cpu_pin(cpu), 0);
	ck_assert_int_eq(cpus_usable(&set), 0);
	ck_assert_int_eq(cpus_count(&set), 1);
	ck_assert(cpus_has(&set, cpu));
	ck_assert_int_eq(sched_getcpu(), cpu);
	/* Allowed, and offline. */
	fake_write(ONLINE, cpu ? "0\n" : "1\n");
	ck_assert_int_eq(cpus_usable(&set), 0);
	ck_assert_int_eq(cpus_count(&set), 0);
	cpus_allow(&mine);
}
END_TEST

START_TEST(pin_nowhere)
{
	ck_assert_int_eq(cpu_pin(-1), -EINVAL);
	ck_assert_int_eq(cpu_pin(CPUS_MAX), -EINVAL);
	ck_assert_int_eq(cpu_pin(CPUS_MAX - 1), -EINVAL);
}
END_TEST

START_TEST(hotplug)
{
	fake_write("/sys/devices/system/cpu/cpu1/online", "1");
	ck_assert(cpu_can_offline(1));
	ck_assert(!cpu_can_offline(0));
	ck_assert_int_eq(cpu_set_online(1, false), 0);
	fake_expect("/sys/devices/system/cpu/cpu1/online", "0");
	ck_assert_int_eq(cpu_set_online(1, true), 0);
	fake_expect("/sys/devices/system/cpu/cpu1/online", "1");
	ck_assert_int_eq(cpu_set_online(0, false), -ENOENT);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("cpus");

	tcase_add_checked_fixture(tc, fake_make, fake_remove);
	tcase_add_loop_test(tc, parse_good, 0, sizeof(good) / sizeof(*good));
	tcase_add_loop_test(tc, parse_bad, 0, sizeof(bad) / sizeof(*bad));
	tcase_add_test(tc, next);
	tcase_add_test(tc, observer);
	tcase_add_test(tc, read_lists);
	tcase_add_test(tc, usable);
	tcase_add_test(tc, pin_nowhere);
	tcase_add_test(tc, hotplug);
	return run_cases("cpus", tc);
}
