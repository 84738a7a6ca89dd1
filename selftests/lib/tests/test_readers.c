// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "../clocks.h"
#include "../cpus.h"
#include "../readers.h"
#include "testing.h"

/* What the seeded clocks do wrong, once they have been read so often. */
static enum { HEALTHY, BACKWARD, SKEWED, FROZEN, COARSE_AHEAD, COARSE_LAGS, SYSCALL_BEHIND } fault;
static _Atomic int64_t ticks;
static _Atomic int misread;
static _Thread_local int skew;

/* One counter for all clocks, which each reading advances: healthy by construction. */
static int64_t seeded(clockid_t clock, bool by_syscall)
{
	bool coarse = clock == CLOCK_MONOTONIC_COARSE || clock == CLOCK_REALTIME_COARSE;
	int64_t now = atomic_fetch_add(&ticks, 10) + 1000000;

	if (fault == FROZEN && clock == CLOCK_BOOTTIME)
		return 1000;
	if (fault == BACKWARD && clock == CLOCK_TAI && atomic_fetch_add(&misread, 1) % 50 == 25)
		return now - 500000;
	if (fault == COARSE_AHEAD && clock == CLOCK_REALTIME_COARSE)
		return now + 1000000;
	if (fault == COARSE_LAGS && coarse)
		return now - 800000;
	if (fault == SYSCALL_BEHIND && clock == CLOCK_MONOTONIC && by_syscall)
		return now - 1000;
	/* A CPU whose counter is behind the others': each thread alone sees nothing. */
	if (fault == SKEWED && clock == CLOCK_MONOTONIC) {
		if (!skew)
			skew = sched_getcpu() ? 100000 : 1;
		return now - skew;
	}
	return now;
}

static struct readers r;

/* Reads the seeded clocks on two CPUs if there are, for some rounds. */
static void run(int kind)
{
	struct cpus cpus;
	int cpu;

	ck_assert_int_eq(cpus_usable(&cpus), 0);
	cpu = cpus_next(cpus_next(-1, &cpus), &cpus);
	while (cpu >= 0 && (cpu = cpus_next(cpu, &cpus)) >= 0)
		cpus_remove(&cpus, cpu);
	fault = kind;
	ticks = 0;
	ck_assert_int_eq(readers_start(&r, &cpus, seeded), 0);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(readers_round(&r, 20 * NSEC_PER_SEC, true), 0);
	readers_stop(&r);
	ck_assert_uint_ge(readers_rounds(&r), 20);
}

/* Faults seen in all clocks: only those of the named one may be there. */
static void expect_clean_but(int except)
{
	for (int i = 0; i < NR_READ_CLOCKS; i++) {
		struct read_result result = readers_result(&r, i);

		ck_assert_uint_ge(result.own.count, 20);
		if (i == except)
			continue;
		ck_assert_msg(!result.own.backward && !result.behind && !result.ahead,
			      "%s: %llu, %llu, %llu", read_clocks[i].name,
			      (unsigned long long)result.own.backward,
			      (unsigned long long)result.behind, (unsigned long long)result.ahead);
		ck_assert_uint_gt(result.own.forward, 0);
	}
	readers_free(&r);
}

START_TEST(healthy)
{
	run(HEALTHY);
	ck_assert_int_lt(readers_lag(&r).p50, 0);
	expect_clean_but(-1);
}
END_TEST

START_TEST(backward)
{
	run(BACKWARD);
	ck_assert_uint_gt(readers_result(&r, 4).own.backward, 0);
	ck_assert_int_gt(readers_result(&r, 4).own.worst, 400000);
	expect_clean_but(4);
}
END_TEST

START_TEST(skewed)
{
	run(SKEWED);
	if (r.nr > 1) {
		ck_assert_uint_gt(readers_result(&r, 0).behind, 0);
		ck_assert_uint_eq(readers_result(&r, 0).own.backward, 0);
	}
	/* MONOTONIC alone is skewed; its coarse clock may be ahead of it for that. */
	ck_assert_uint_eq(readers_result(&r, 1).behind, 0);
	readers_free(&r);
}
END_TEST

START_TEST(frozen)
{
	run(FROZEN);
	ck_assert_uint_eq(readers_result(&r, 3).own.forward, 0);
	expect_clean_but(3);
}
END_TEST

START_TEST(coarse_ahead)
{
	run(COARSE_AHEAD);
	ck_assert_uint_gt(readers_result(&r, 6).ahead, 0);
	ck_assert_int_gt(readers_result(&r, 6).ahead_worst, 900000);
	expect_clean_but(6);
}
END_TEST

START_TEST(coarse_lags)
{
	run(COARSE_LAGS);
	ck_assert_int_gt(readers_lag(&r).p50, 700000);
	expect_clean_but(-1);
}
END_TEST

START_TEST(syscall_behind)
{
	run(SYSCALL_BEHIND);
	ck_assert_uint_gt(readers_result(&r, 0).own.backward, 0);
	expect_clean_but(0);
}
END_TEST

START_TEST(real_clocks)
{
	struct cpus cpus;

	ck_assert_int_eq(cpus_usable(&cpus), 0);
	ck_assert_int_eq(readers_start(&r, &cpus, NULL), 0);
	ck_assert_int_eq(readers_round(&r, 20 * NSEC_PER_SEC, true), 0);
	ck_assert_int_eq(readers_round(&r, 1, false), -ETIMEDOUT);
	readers_stop(&r);
	ck_assert_int_gt(readers_result(&r, 0).own.last, -1);
	readers_free(&r);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("readers");

	/* valgrind runs one thread at a time. */
	tcase_set_tags(tc, "clock");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, healthy);
	tcase_add_test(tc, backward);
	tcase_add_test(tc, skewed);
	tcase_add_test(tc, frozen);
	tcase_add_test(tc, coarse_ahead);
	tcase_add_test(tc, coarse_lags);
	tcase_add_test(tc, syscall_behind);
	tcase_add_test(tc, real_clocks);
	return run_cases("readers", tc);
}
