// SPDX-License-Identifier: GPL-2.0-only
/*
 * A sleeper that is sent to another CPU while it sleeps: its timer stays where it was armed, and
 * the sleeper wakes up where it now belongs, in time and never early (F17).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/report.h"
#include "../lib/sleepers.h"

#define SLEEPS 80
#define LENGTH (12 * MS)

/* Of one kind; every other sleep is moved, those between are the reference. */
struct mover {
	const struct sleeper *sleeper;
	pthread_t thread;
	_Atomic pid_t tid;
	_Atomic unsigned int begun; /* sleeps that have begun; odd ones are to be moved */
	_Atomic int target;	    /* the CPU it was sent to; -1: nobody did */
	_Atomic bool done;
	struct sleeps moved, left;
	unsigned int elsewhere; /* moved ones that woke on the wrong CPU */
};

static const char *const kinds[] = {
	"nanosleep", "monotonic_abs", "realtime_abs", "boottime_abs", "timerfd_monotonic_abs",
	"poll",	     "futex_wait",
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

static void *move_main(void *arg)
{
	struct mover *m = arg;

	atomic_store(&m->tid, gettid());
	for (unsigned int i = 0; i < SLEEPS; i++) {
		struct slept one;
		int target, cpu;

		atomic_store(&m->target, -1);
		atomic_store(&m->begun, i + 1);
		sleeper_wait(m->sleeper, LENGTH, &one);
		cpu = sched_getcpu();
		target = atomic_load(&m->target);
		sleeps_add(target < 0 ? &m->left : &m->moved, &one);
		m->elsewhere += target >= 0 && cpu != target;
	}
	atomic_store(&m->done, true);
	return NULL;
}

/* Sends it to the next CPU, if its sleep is one to be moved and hasn't been yet. */
static void move(struct mover *m, unsigned int *last)
{
	unsigned int begun = atomic_load(&m->begun);
	pid_t tid = atomic_load(&m->tid);
	static int next = -1;

	if (!tid || begun == *last || !(begun % 2))
		return;
	*last = begun;
	next = cpus_next(next, report_cpus());
	if (next < 0)
		next = cpus_next(-1, report_cpus());
	/* Only if it is still the same sleep did the move fall into it. */
	if (!cpu_pin_thread(tid, next) && atomic_load(&m->begun) == begun)
		atomic_store(&m->target, next);
}

/* Whether enough of its sleeps were moved to judge them. */
static bool judge_kind(struct mover *m)
{
	struct stats left = stats_of(m->left.late, m->left.count),
		     moved = stats_of(m->moved.late, m->moved.count);
	int error = m->left.error ? m->left.error : m->moved.error;
	int64_t bound = sleeps_bound(&left, m->sleeper->grain_ns);

	if (error)
		report_fail("%s: %s", m->sleeper->name, sleep_error(error));
	if (m->moved.early || m->left.early)
		report_fail("%s: %zu of %zu moved sleeps ended early, %zu of %zu others",
			    m->sleeper->name, m->moved.early, m->moved.count, m->left.early,
			    m->left.count);
	if (moved.count < 10) {
		report_note("%s: whether moved sleeps are late isn't judged: %zu of %d were moved in time, fewer than 10",
			    m->sleeper->name, moved.count, SLEEPS / 2);
		return false;
	}
	if (moved.p50 > bound)
		report_fail("%s: moved sleeps are a median of %.3f ms late, more than %.3f ms (not moved: median %.3f, p99 %.3f ms)",
			    m->sleeper->name, moved.p50 / 1e6, bound / 1e6, left.p50 / 1e6,
			    left.p99 / 1e6);
	return true;
}

static void moved(int unused)
{
	static struct mover movers[KINDS];
	static int64_t late[KINDS][2][SLEEPS];
	unsigned int last[KINDS] = { 0 }, elsewhere = 0;
	size_t count = 0, done = 0, judged = 0;
	struct stats s;
	int64_t all[KINDS * SLEEPS];

	(void)unused;
	if (cpus_count(report_cpus()) < 2)
		report_skip("there is only one CPU");
	for (size_t i = 0; i < KINDS; i++) {
		movers[i].sleeper = sleeper_named(kinds[i]);
		movers[i].moved.late = late[i][0];
		movers[i].left.late = late[i][1];
		ck_assert_int_eq(pthread_create(&movers[i].thread, NULL, move_main, &movers[i]), 0);
	}
	while (done < KINDS) {
		done = 0;
		usleep(3000);
		for (size_t i = 0; i < KINDS; i++) {
			move(&movers[i], &last[i]);
			done += atomic_load(&movers[i].done);
		}
	}
	for (size_t i = 0; i < KINDS; i++) {
		pthread_join(movers[i].thread, NULL);
		memcpy(all + count, movers[i].moved.late, movers[i].moved.count * sizeof(*all));
		count += movers[i].moved.count;
		elsewhere += movers[i].elsewhere;
	}
	s = stats_of(all, count);
	report_metric("samples", count, "sleeps");
	report_metric("elsewhere", elsewhere, "sleeps");
	report_metric("late_p50", s.p50, "ns");
	report_metric("late_p99", s.p99, "ns");
	report_metric("late_max", s.max, "ns");
	for (size_t i = 0; i < KINDS; i++)
		judged += judge_kind(&movers[i]);
	if (!count)
		report_fail("no sleeper was moved in time");
	if (!judged)
		report_skip("the host was too busy to move sleepers in time: %zu of %zu were",
			    count, KINDS * SLEEPS / 2);
}

static const struct report_case cases[] = {
	{ "moved",
	  "a sleeper whose affinity changes wakes in time and never early (F17): switch_hrtimer_base(), try_to_wake_up()",
	  moved, false },
};

REPORT_MAIN("sleep", "migrate")
