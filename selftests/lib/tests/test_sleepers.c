// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "../clocks.h"
#include "../sleepers.h"
#include "testing.h"

static int64_t late[100];

/* A sleep of 1 ms that ended late ns after its deadline. */
static struct slept slept(int64_t by)
{
	return (struct slept){ .requested = NSEC_PER_MSEC, .deadline = 5000000, .after = 5000000 + by,
			       .mono = NSEC_PER_MSEC + by + 100 };
}

START_TEST(in_time)
{
	struct sleeps all = { .late = late };
	struct slept one = slept(0);

	sleeps_add(&all, &one);
	one = slept(70000);
	sleeps_add(&all, &one);
	ck_assert_uint_eq(all.count, 2);
	ck_assert_uint_eq(all.early, 0);
	ck_assert_int_eq(late[0], 0);
	ck_assert_int_eq(late[1], 70000);
}
END_TEST

/* By one nanosecond; and the clock reads around it may have taken their time. */
START_TEST(early)
{
	struct sleeps all = { .late = late };
	struct slept one = slept(-1);

	sleeps_add(&all, &one);
	one = slept(-500000);
	one.settable = true;
	sleeps_add(&all, &one);
	ck_assert_uint_eq(all.early, 2);
	ck_assert_uint_eq(all.steps, 0);
	ck_assert_int_eq(all.earliest, 500000);
}
END_TEST

/* The whole time passed on CLOCK_MONOTONIC: only a clock that can be set is excused. */
START_TEST(set_back)
{
	struct sleeps all = { .late = late };
	struct slept one = slept(-3600 * NSEC_PER_SEC);

	one.mono = NSEC_PER_MSEC;
	one.settable = true;
	sleeps_add(&all, &one);
	ck_assert_uint_eq(all.steps, 1);
	ck_assert_uint_eq(all.early, 0);
	ck_assert_uint_eq(all.count, 0);
	one.settable = false;
	sleeps_add(&all, &one);
	ck_assert_uint_eq(all.early, 1);
	one.settable = true;
	one.mono--;
	sleeps_add(&all, &one);
	ck_assert_uint_eq(all.early, 2);
}
END_TEST

START_TEST(failed)
{
	struct sleeps all = { .late = late };
	struct slept one = slept(-1);

	one.error = -EPROTO;
	sleeps_add(&all, &one);
	one.error = -ENOSYS;
	sleeps_add(&all, &one);
	ck_assert_int_eq(all.error, -EPROTO);
	ck_assert_uint_eq(all.count + all.early, 0);
}
END_TEST

START_TEST(bound)
{
	struct stats quiet = { .p99 = 100000 }, noisy = { .p99 = 30 * NSEC_PER_MSEC }, none = { 0 };

	ck_assert_int_eq(sleeps_bound(&quiet, 0), 20 * NSEC_PER_MSEC);
	ck_assert_int_eq(sleeps_bound(&none, 5), 20 * NSEC_PER_MSEC + 5);
	ck_assert_int_eq(sleeps_bound(&noisy, 50000), 300 * NSEC_PER_MSEC + 50000);
}
END_TEST

/* Every one of them waits, here and now. */
START_TEST(all_wait)
{
	const struct sleeper *s = &sleepers[_i];
	struct sleeps all = { .late = late };
	struct slept one;

	for (int i = 0; i < 3; i++) {
		sleeper_wait(s, 1 + i * 1500000, &one);
		if (one.error == -ENOSYS)
			return;
		sleeps_add(&all, &one);
		if (s->grain_ns)
			ck_assert_int_eq(one.requested % s->grain_ns, 0);
		ck_assert_int_ge(one.requested, 1 + i * 1500000);
	}
	ck_assert_msg(!all.error, "%s: %s", s->name, strerror(-all.error));
	ck_assert_msg(!all.early, "%s: early", s->name);
	if (!s->absolute)
		return;
	/* What has passed is over. */
	sleeper_wait(s, -NSEC_PER_SEC, &one);
	ck_assert_msg(!one.error, "%s: %s", s->name, strerror(-one.error));
	ck_assert_int_ge(one.after - one.deadline, NSEC_PER_SEC);
}
END_TEST

/* A call that comes back for another reason than time is an error, whatever the clock says. */
START_TEST(signalled)
{
	struct timespec bad = { 0, NSEC_PER_SEC };

	ck_assert_int_eq(sleepers[_i].wait(&sleepers[_i], &bad) == 0, false);
}
END_TEST

START_TEST(names)
{
	ck_assert_ptr_null(sleeper_named("no such"));
	for (const struct sleeper *s = sleepers; s->name; s++)
		ck_assert_ptr_eq(sleeper_named(s->name), s);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("sleepers");
	int nr = 0, ppoll;

	while (sleepers[nr].name)
		nr++;
	ppoll = sleeper_named("ppoll") - sleepers;
	tcase_add_test(tc, in_time);
	tcase_add_test(tc, early);
	tcase_add_test(tc, set_back);
	tcase_add_test(tc, failed);
	tcase_add_test(tc, bound);
	tcase_add_loop_test(tc, all_wait, 0, nr);
	tcase_add_loop_test(tc, signalled, ppoll, ppoll + 1);
	tcase_add_test(tc, names);
	return run_cases("sleepers", tc);
}
