// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../host.h"
#include "testing.h"

static int spoken; /* what the program says, to read */

/* The host has said this already; what the program says is kept. */
static void host_says(const char *answers)
{
	int in[2], out[2];

	ck_assert(!pipe(in) && !pipe(out));
	ck_assert_int_eq(write(in[1], answers, strlen(answers)), (ssize_t)strlen(answers));
	close(in[1]);
	dup2(in[0], STDIN_FILENO);
	dup2(out[1], STDOUT_FILENO);
	close(in[0]);
	close(out[1]);
	spoken = out[0];
	setenv("TICKPROOF_HOST", "", 1);
}

START_TEST(no_harness)
{
	char answer[64];

	unsetenv("TICKPROOF_HOST");
	ck_assert_int_eq(host_ask("time", answer, sizeof(answer)), -ENOENT);
}
END_TEST

START_TEST(answered)
{
	char answer[64], asked[64];
	ssize_t n;

	/* A line that was sent again, and one that is not for us. */
	host_says("go 1234 continuity/pause\nhost held 1 2 3 4\nend\n");
	ck_assert_int_eq(host_ask("pause 3", answer, sizeof(answer)), 0);
	ck_assert_str_eq(answer, "held 1 2 3 4");
	n = read(spoken, asked, sizeof(asked));
	ck_assert_int_eq(n, 15);
	ck_assert_int_eq(memcmp(asked, "# HOST pause 3\n", 15), 0);
	/* What follows is for whoever reads next. */
	ck_assert_int_eq(read(STDIN_FILENO, asked, sizeof(asked)), 4);
	ck_assert_int_eq(host_ask("time", answer, sizeof(answer)), -EPIPE);
}
END_TEST

START_TEST(too_long)
{
	char answer[8];

	host_says("host no such thing\n");
	ck_assert_int_eq(host_ask("x", answer, sizeof(answer)), 0);
	ck_assert_str_eq(answer, "no");
}
END_TEST

START_TEST(refusals)
{
	ck_assert_str_eq(host_refuses("no why"), "why");
	ck_assert_ptr_null(host_refuses("held 1"));
	ck_assert_ptr_null(host_refuses("nothing"));
}
END_TEST

START_TEST(times)
{
	int64_t ns[4] = { 0 };

	ck_assert(host_times("held 1 20 300 4000", "held", ns, 4));
	ck_assert_int_eq(ns[0], 10000000);
	ck_assert_int_eq(ns[3], 40000000000);
	ck_assert(!host_times("held 1 2 3", "held", ns, 4));
	ck_assert(!host_times("held 1 2 3 4 5", "held", ns, 4));
	ck_assert(!host_times("held 1 2 3 x", "held", ns, 4));
	ck_assert(!host_times("time 1", "held", ns, 1));
	ck_assert(!host_times("held", "held", ns, 1));
	ck_assert(!host_times("time 99999999999999999999", "time", ns, 1));
	ck_assert(!host_times("time 999999999999999999", "time", ns, 1));
	ck_assert(!host_times("time -1", "time", ns, 1));
}
END_TEST

static int64_t clock_now;

static int64_t tick(void *step)
{
	clock_now += *(int64_t *)step;
	return clock_now;
}

START_TEST(offset)
{
	int64_t step = 1000000;
	struct offset o;

	/* The guest's 1 to 2 ms is the host's 1000.00 to 1000.01 s; so is its 3 to 4 ms. */
	host_says("host time 100000\nhost time 100000\n");
	clock_now = 0;
	ck_assert_int_eq(host_offset(tick, &step, 2, &o), 0);
	ck_assert_int_eq(o.samples, 2);
	ck_assert_int_eq(o.low, 1000000000000 - 2000000);
	ck_assert_int_eq(o.high, 1000000000000 - 3000000 + HOST_TICK_NS);
	ck_assert_int_eq(host_offset(tick, &step, 1, &o), -EPIPE);
	host_says("host no\n");
	ck_assert_int_eq(host_offset(tick, &step, 1, &o), -EPROTO);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("host");

	tcase_add_test(tcase, no_harness);
	tcase_add_test(tcase, answered);
	tcase_add_test(tcase, too_long);
	tcase_add_test(tcase, refusals);
	tcase_add_test(tcase, times);
	tcase_add_test(tcase, offset);
	return run_cases("host", tcase);
}
