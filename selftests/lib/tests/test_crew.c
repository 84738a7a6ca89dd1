// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "../clocks.h"
#include "../cpus.h"
#include "../crew.h"
#include "testing.h"

static struct cpus usable;

static void setup(void)
{
	ck_assert_int_eq(cpus_usable(&usable), 0);
}

struct job {
	int ran_on, asked_for;
	unsigned int steps;
};

static void note(int cpu, void *arg)
{
	struct job *j = arg;

	j->asked_for = cpu;
	j->ran_on = sched_getcpu();
	for (; j->steps < 3; j->steps++) {
		usleep(2000);
		crew_progress();
	}
}

START_TEST(on_every_cpu)
{
	struct job jobs[CPUS_MAX];
	int cpu, stuck = -1, i = 0;

	memset(jobs, 0, sizeof(jobs));
	ck_assert_int_eq(crew_run(&usable, note, jobs, sizeof(*jobs), &stuck), 0);
	cpus_for_each(cpu, &usable) {
		ck_assert_int_eq(jobs[i].asked_for, cpu);
		ck_assert_int_eq(jobs[i].ran_on, cpu);
		ck_assert_uint_eq(jobs[i].steps, 3);
		i++;
	}
	ck_assert_int_eq(stuck, -1);
}
END_TEST

/* The caller may go where it could before. */
START_TEST(affinity_kept)
{
	struct job jobs[CPUS_MAX];
	struct cpus after;
	int stuck;

	memset(jobs, 0, sizeof(jobs));
	ck_assert_int_eq(crew_run(&usable, note, jobs, sizeof(*jobs), &stuck), 0);
	ck_assert_int_eq(cpus_allowed(&after), 0);
	ck_assert(cpus_equal(&usable, &after));
}
END_TEST

static int victim;

/* On one CPU the sleep never ends, as where no timer fires. */
static void stick(int cpu, void *arg)
{
	(void)arg;
	while (cpu == victim)
		pause();
}

START_TEST(stuck_one)
{
	int stuck = -1, last = -1, cpu;
	char args[CPUS_MAX];

	if (cpus_count(&usable) < 2)
		return;
	cpus_for_each(cpu, &usable)
		last = cpu;
	victim = _i ? last : cpus_next(-1, &usable);
	ck_assert_int_eq(crew_run(&usable, stick, args, 1, &stuck), -ETIMEDOUT);
	ck_assert_int_eq(stuck, victim);
}
END_TEST

/* Slow is not stuck: longer in all than CREW_STUCK_NS, but it gets on. */
static void slow(int cpu, void *arg)
{
	(void)arg;
	for (int i = 0; cpu == victim && i < 12; i++) {
		sleep(1);
		crew_progress();
	}
}

START_TEST(slow_one)
{
	int stuck = -1;
	char args[CPUS_MAX];

	victim = cpus_next(-1, &usable);
	ck_assert_int_eq(crew_run(&usable, slow, args, 1, &stuck), 0);
}
END_TEST

/* Where the caller may run, as seen by a member that gets on while another has ended. */
static int alone_on, seen;

static void look(int cpu, void *arg)
{
	(void)arg;
	if (cpu != victim)
		return;
	for (int i = 0; i < 500 && seen != 1; i++) {
		struct cpus caller = { 0 };

		usleep(2000);
		crew_progress();
		ck_assert_int_eq(sched_getaffinity(getpid(), sizeof(caller), (cpu_set_t *)&caller),
				 0);
		seen = cpus_count(&caller);
		alone_on = cpus_has(&caller, victim) ? victim : -1;
	}
}

/*
 * The caller watches from the CPU of whoever ended first, not from one that may be the stuck one's.
 */
START_TEST(observer_moves)
{
	int stuck = -1, last = -1, cpu;
	char args[CPUS_MAX];

	cpus_for_each(cpu, &usable)
		last = cpu;
	victim = _i ? last : cpus_next(-1, &usable);
	if (cpus_next(-1, &usable) == last)
		return;
	ck_assert_int_eq(crew_run(&usable, look, args, 1, &stuck), 0);
	ck_assert_int_eq(seen, 1);
	ck_assert_int_eq(alone_on, -1);
}
END_TEST

START_TEST(nobody)
{
	struct cpus none, wrong;
	int stuck;

	none = (struct cpus){ 0 };
	ck_assert_int_eq(crew_run(&none, note, NULL, 0, &stuck), -EINVAL);
	wrong = (struct cpus){ 0 };
	cpus_add(&wrong, CPUS_MAX - 1);
	ck_assert_int_lt(crew_run(&wrong, note, NULL, 0, &stuck), 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("crew");

	/* Threads that busy-poll for seconds are not for valgrind. */
	tcase_set_tags(tc, "clock");
	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, on_every_cpu);
	tcase_add_test(tc, affinity_kept);
	tcase_add_loop_test(tc, stuck_one, 0, 2);
	tcase_add_test(tc, slow_one);
	tcase_add_loop_test(tc, observer_moves, 0, 2);
	tcase_add_test(tc, nobody);
	return run_cases("crew", tc);
}
