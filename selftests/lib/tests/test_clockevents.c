// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "../clockevents.h"
#include "testing.h"

START_TEST(path)
{
	char out[96];

	ce_path(0, "current_device", out, sizeof(out));
	ck_assert_str_eq(out, CE_DIR "/clockevent0/current_device");
	ce_path(1023, "unbind_device", out, sizeof(out));
	ck_assert_str_eq(out, CE_DIR "/clockevent1023/unbind_device");
	ce_path(CE_BROADCAST, "current_device", out, sizeof(out));
	ck_assert_str_eq(out, CE_DIR "/broadcast/current_device");
}
END_TEST

START_TEST(current)
{
	char name[CE_NAME_LEN];

	fake_write(CE_DIR "/clockevent0/current_device", "Hyper-V clockevent\n");
	ck_assert_int_eq(ce_current(0, name), 0);
	ck_assert_str_eq(name, "Hyper-V clockevent");
	/* An offline CPU: nothing, not even a newline. */
	fake_write(CE_DIR "/clockevent1/current_device", "");
	ck_assert_int_eq(ce_current(1, name), 0);
	ck_assert_str_eq(name, "");
	ck_assert_int_eq(ce_current(2, name), -ENOENT);
	ck_assert_int_eq(ce_current(CE_BROADCAST, name), -ENOENT);
	fake_write(CE_DIR "/broadcast/current_device", "hpet\n");
	ck_assert_int_eq(ce_current(CE_BROADCAST, name), 0);
	ck_assert_str_eq(name, "hpet");
	/* 31 characters are a name; 32 are not, and are not cut down to one. */
	fake_write(CE_DIR "/clockevent0/current_device", "1234567890123456789012345678901\n");
	ck_assert_int_eq(ce_current(0, name), 0);
	ck_assert_uint_eq(strlen(name), 31);
	fake_write(CE_DIR "/clockevent0/current_device", "12345678901234567890123456789012\n");
	ck_assert_int_eq(ce_current(0, name), -EOVERFLOW);
}
END_TEST

START_TEST(cpus)
{
	struct cpus set;

	ck_assert_int_eq(ce_cpus(&set), -ENOENT);
	fake_write(CE_DIR "/clockevent0/current_device", "");
	fake_write(CE_DIR "/clockevent12/current_device", "");
	fake_write(CE_DIR "/broadcast/current_device", "");
	fake_write(CE_DIR "/clockevent/current_device", "");
	fake_write(CE_DIR "/clockevent3x/current_device", "");
	fake_write(CE_DIR "/clockevent-4/current_device", "");
	fake_write(CE_DIR "/xclockevent5/current_device", "");
	fake_write(CE_DIR "/clockevent8192/current_device", "");
	fake_write(CE_DIR "/clockevent99999999999999999999/current_device", "");
	ck_assert_int_eq(ce_cpus(&set), 0);
	ck_assert_int_eq(cpus_count(&set), 2);
	ck_assert(cpus_has(&set, 0) && cpus_has(&set, 12));
}
END_TEST

/* Many CPUs, numbers with gaps, some of them offline: every one of them is seen. */
static const struct {
	int last, step;
} machines[] = { { 63, 1 }, { 1499, 1 }, { 8190, 1365 } };

START_TEST(many)
{
	static struct ce_names before, after;
	int last = machines[_i].last, step = machines[_i].step;
	char path[96];

	for (int cpu = 0; cpu <= last; cpu += step) {
		ce_path(cpu, "current_device", path, sizeof(path));
		fake_write(path, cpu % 5 == 3 ? "" : "lapic\n");
	}
	ck_assert_int_eq(ce_snapshot(&before), 0);
	ck_assert_int_eq(cpus_count(&before.cpus), last / step + 1);
	ck_assert_int_eq(cpus_next(last - 1, &before.cpus), last);
	ck_assert_str_eq(before.cpu[last], last % 5 == 3 ? "" : "lapic");
	ck_assert_int_eq(ce_snapshot(&after), 0);
	ck_assert(ce_same(&before, &after, CE_BROADCAST));
	/* A change of the last one is a change. */
	ce_path(last, "current_device", path, sizeof(path));
	fake_write(path, "hpet\n");
	ck_assert_int_eq(ce_snapshot(&after), 0);
	ck_assert(!ce_same(&before, &after, CE_BROADCAST));
	ck_assert(!ce_same(&before, &after, last - step));
	ck_assert(ce_same(&before, &after, last));
}
END_TEST

/*
 * What has changed between two looks: any device but the excepted CPU's, the broadcast device, who
 * is there.
 */
START_TEST(snapshots)
{
	static struct ce_names a, b;

	ck_assert_int_eq(ce_snapshot(&a), -ENOENT);
	fake_write(CE_DIR "/clockevent0/current_device", "lapic\n");
	fake_write(CE_DIR "/clockevent2/current_device", "lapic\n");
	/* A kernel without broadcast has no such directory. */
	ck_assert_int_eq(ce_snapshot(&a), 0);
	ck_assert_str_eq(a.broadcast, "");
	ck_assert_str_eq(a.cpu[0], "lapic");
	ck_assert_str_eq(a.cpu[2], "lapic");
	fake_write(CE_DIR "/broadcast/current_device", "hpet\n");
	ck_assert_int_eq(ce_snapshot(&b), 0);
	ck_assert_str_eq(b.broadcast, "hpet");
	ck_assert(!ce_same(&a, &b, CE_BROADCAST));
	ck_assert(!ce_same(&a, &b, 0));
	ck_assert_int_eq(ce_snapshot(&a), 0);
	ck_assert(ce_same(&a, &b, CE_BROADCAST));

	fake_write(CE_DIR "/clockevent2/current_device", "hpet\n");
	ck_assert_int_eq(ce_snapshot(&b), 0);
	ck_assert(!ce_same(&a, &b, CE_BROADCAST));
	ck_assert(!ce_same(&a, &b, 0));
	ck_assert(ce_same(&a, &b, 2));
	fake_write(CE_DIR "/clockevent0/current_device", "hpet\n");
	ck_assert_int_eq(ce_snapshot(&b), 0);
	ck_assert(!ce_same(&a, &b, 0));
	ck_assert(!ce_same(&a, &b, 2));

	ck_assert_int_eq(ce_snapshot(&a), 0);
	fake_write(CE_DIR "/clockevent3/current_device", "lapic\n");
	ck_assert_int_eq(ce_snapshot(&b), 0);
	ck_assert(!ce_same(&a, &b, 3));
	/* A name that can't be read is no name. */
	fake_write(CE_DIR "/clockevent2/current_device", "12345678901234567890123456789012\n");
	ck_assert_int_eq(ce_snapshot(&b), -EOVERFLOW);
}
END_TEST

START_TEST(unbind)
{
	ck_assert_int_eq(ce_unbind(0, "lapic", 5), -ENOENT);
	fake_write(CE_DIR "/clockevent0/unbind_device", "");
	fake_write(CE_DIR "/clockevent1/unbind_device", "");
	ck_assert_int_eq(ce_unbind(1, "Hyper-V clockevent", 18), 18);
	fake_expect(CE_DIR "/clockevent1/unbind_device", "Hyper-V clockevent");
	fake_expect(CE_DIR "/clockevent0/unbind_device", "");
	ck_assert_int_eq(ce_unbind(0, "x", 0), 0);
	fake_expect(CE_DIR "/clockevent0/unbind_device", "");
	/* As long as the caller says, no terminator, no newline of ours. */
	ck_assert_int_eq(ce_unbind(0, "lapic\n", 5), 5);
	fake_expect(CE_DIR "/clockevent0/unbind_device", "lapic");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("clockevents");

	tcase_add_checked_fixture(tc, fake_make, fake_remove);
	tcase_add_test(tc, path);
	tcase_add_test(tc, current);
	tcase_add_test(tc, cpus);
	tcase_add_loop_test(tc, many, 0, sizeof(machines) / sizeof(*machines));
	tcase_add_test(tc, snapshots);
	tcase_add_test(tc, unbind);
	return run_cases("clockevents", tc);
}
