// SPDX-License-Identifier: GPL-2.0-only
/*
 * In a time namespace CLOCK_MONOTONIC and CLOCK_BOOTTIME are shifted (kernel/time/namespace.c): the
 * clocks are, by the vDSO and by system call alike, and what waits until a time on them takes the
 * shift off again (F19; timens_ktime_to_host()).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/clocks.h"
#include "../lib/clocksource.h"
#include "../lib/report.h"
#include "../lib/sleepers.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

#define DAY (24 * 3600 * NSEC_PER_SEC)
/* What is awaited here takes milliseconds; a shift that isn't taken off is a day. */
#define STUCK_NS (20 * NSEC_PER_SEC)

static const struct {
	clockid_t id;
	const char *name;
	bool shifted;
} clocks[] = {
	{ CLOCK_MONOTONIC, "CLOCK_MONOTONIC", true },
	{ CLOCK_MONOTONIC_RAW, "CLOCK_MONOTONIC_RAW", true },
	{ CLOCK_BOOTTIME, "CLOCK_BOOTTIME", true },
	{ CLOCK_REALTIME, "CLOCK_REALTIME", false },
	{ CLOCK_TAI, "CLOCK_TAI", false },
};

#define NR_CLOCKS  (sizeof(clocks) / sizeof(*clocks))
#define ROUNDS	   6
#define SANDWICHES 2000

static const char *const waits[] = {
	"monotonic_abs",	  "boottime_abs",  "timerfd_monotonic_abs", "timerfd_boottime_abs",
	"futex_bitset_monotonic", "sem_clockwait", "monotonic_rel",	    "nanosleep",
};

#define NR_WAITS (sizeof(waits) / sizeof(*waits))
#define URING	 NR_WAITS /* a place of its own after them */

/* Shared with the process in the namespace. */
struct shared {
	int64_t offset;
	int error;	    /* errno of what failed on the way in, ... */
	const char *failed; /* ... and what it was */
	bool done;
	const char *at; /* the wait under way */
	int64_t vdso[NR_CLOCKS], syscall[NR_CLOCKS];
	uint64_t outside[NR_CLOCKS]; /* sandwiches whose middle lay outside */
	int calls[NR_CLOCKS];	     /* system calls in 10 readings by libc */
	int64_t late[NR_WAITS + 1][ROUNDS];
	struct sleeps sleeps[NR_WAITS + 1];
};

static struct shared *shared;

static int write_offsets(int64_t ns)
{
	long long s = ns / NSEC_PER_SEC;
	int fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC), err = 0;
	char text[80];
	int n = snprintf(text, sizeof(text), "%d %lld 0\n%d %lld 0\n", CLOCK_MONOTONIC, s,
			 CLOCK_BOOTTIME, s);

	if (fd < 0)
		return -errno;
	if (write(fd, text, n) != n)
		err = -errno;
	close(fd);
	return err;
}

/* The middle process: makes the namespace, which its child is the first in. */
static void enter(void (*inside)(void))
{
	/* Whoever isn't root may in a user namespace of its own, where there are such. */
	if (unshare(CLONE_NEWTIME) && (errno != EPERM || unshare(CLONE_NEWUSER | CLONE_NEWTIME))) {
		shared->error = errno;
		shared->failed = "unshare";
		return;
	}
	shared->error = -write_offsets(shared->offset);
	if (shared->error) {
		shared->failed = "writing timens_offsets";
		return;
	}
	switch (fork()) {
	case -1:
		shared->error = errno;
		shared->failed = "fork";
		return;
	case 0:
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		inside();
		shared->done = true;
		_exit(0);
	}
	wait(NULL);
}

static void judge_entered(void)
{
	if (shared->error == EINVAL && !strcmp(shared->failed, "unshare"))
		report_skip("this kernel has no time namespaces (CONFIG_TIME_NS)");
	if (shared->error == EPERM || shared->error == EACCES || shared->error == ENOSPC)
		report_skip("making a time namespace needs root, or user namespaces: %s: %s",
			    shared->failed, strerror(shared->error));
	if (shared->error)
		report_fail("%s: %s", shared->failed, strerror(shared->error));
}

/* Runs inside() in a time namespace whose clocks are offset ns ahead; skips where there is none. */
static void in_namespace(int64_t offset, void (*inside)(void))
{
	const struct timespec moment = { 0, 2 * NSEC_PER_MSEC };
	uint64_t begun = counter_read();
	int status;
	pid_t pid;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	ck_assert_ptr_ne(shared, MAP_FAILED);
	shared->offset = offset;
	counter_hz();
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		enter(inside);
		_exit(0);
	}
	while (!waitpid(pid, &status, WNOHANG)) {
		if (counter_since_ns(begun) > STUCK_NS) {
			kill(pid, SIGKILL);
			report_fail("in a namespace %lld s ahead, %s for some milliseconds hasn't ended in %lld s",
				    (long long)(offset / NSEC_PER_SEC),
				    shared->at ? shared->at : "a reading", STUCK_NS / NSEC_PER_SEC);
		}
		clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL);
	}
	judge_entered();
	if (!shared->done)
		report_fail("the process in the time namespace died (status 0x%x)", status);
}

/* Half of what has passed since boot, which no clock may be set behind: whole seconds. */
static int64_t back(void)
{
	int64_t seconds = clock_ns(CLOCK_MONOTONIC) / NSEC_PER_SEC / 2;

	return -(seconds ? seconds : 1) * NSEC_PER_SEC;
}

static void read_clocks(void)
{
	for (size_t i = 0; i < NR_CLOCKS; i++) {
		shared->vdso[i] = clock_ns(clocks[i].id);
		shared->syscall[i] = clock_ns_syscall(clocks[i].id);
	}
}

static void judge_offset(const char *how, size_t i, int64_t before, int64_t inside, int64_t after)
{
	int64_t offset = clocks[i].shifted ? shared->offset : 0;

	/* Somebody may set the clocks that aren't shifted: by as much, hardly. */
	if (!offset && llabs(inside - before - shared->offset) > llabs(inside - before))
		return;
	if (inside < before + offset || inside > after + offset)
		report_fail("%s by %s in a namespace %lld s ahead is %.9f s ahead of outside",
			    clocks[i].name, how, (long long)(shared->offset / NSEC_PER_SEC),
			    (inside - before) / 1e9);
}

static void offsets_of(int64_t offset)
{
	int64_t before[NR_CLOCKS];

	for (size_t i = 0; i < NR_CLOCKS; i++)
		before[i] = clock_ns(clocks[i].id);
	in_namespace(offset, read_clocks);
	for (size_t i = 0; i < NR_CLOCKS; i++) {
		judge_offset("vDSO", i, before[i], shared->vdso[i], clock_ns(clocks[i].id));
		judge_offset("system call", i, before[i], shared->syscall[i],
			     clock_ns(clocks[i].id));
	}
}

static void offsets(int unused)
{
	(void)unused;
	offsets_of(DAY);
	offsets_of(back());
}

static void read_sandwiches(void)
{
	for (size_t i = 0; i < NR_CLOCKS; i++) {
		for (int n = 0; n < SANDWICHES; n++) {
			int64_t before = clock_ns_syscall(clocks[i].id),
				between = clock_ns(clocks[i].id);

			if (between < before || between > clock_ns_syscall(clocks[i].id))
				shared->outside[i]++;
		}
		shared->calls[i] = cs_syscalls(clocks[i].id, 10);
	}
}

static void vdso(int unused)
{
	int calls[NR_CLOCKS];

	(void)unused;
	for (size_t i = 0; i < NR_CLOCKS; i++)
		calls[i] = cs_syscalls(clocks[i].id, 10);
	in_namespace(DAY, read_sandwiches);
	report_metric("samples", SANDWICHES * NR_CLOCKS, "readings");
	for (size_t i = 0; i < NR_CLOCKS; i++) {
		/* Somebody may set the others. */
		if (shared->outside[i] && clocks[i].shifted)
			report_fail("%s: %llu of %d readings by libc lie outside two system calls around them",
				    clocks[i].name, (unsigned long long)shared->outside[i],
				    SANDWICHES);
		if (!calls[i] && shared->calls[i] > 0)
			report_fail("%s: the vDSO, which serves it outside, makes a system call in a time namespace",
				    clocks[i].name);
	}
}

static void sleep_by(const char *wait, size_t i)
{
	static const int64_t lengths[ROUNDS] = {
		1,
		50 * NSEC_PER_USEC,
		NSEC_PER_MSEC,
		3 * NSEC_PER_MSEC + 1,
		5 * NSEC_PER_MSEC,
		9 * NSEC_PER_MSEC,
	};
	struct slept one;

	shared->at = wait;
	shared->sleeps[i].late = shared->late[i];
	for (int n = 0; n < ROUNDS && !shared->sleeps[i].error; n++) {
		sleeper_wait(sleeper_named(wait), lengths[n], &one);
		sleeps_add(&shared->sleeps[i], &one);
	}
}

static void sleep_inside(void)
{
	for (size_t i = 0; i < NR_WAITS; i++)
		sleep_by(waits[i], i);
}

static void uring_inside(void)
{
	sleep_by("io_uring_abs", URING);
}

static void sleeps_at(int64_t offset)
{
	in_namespace(offset, sleep_inside);
	report_metric("samples", NR_WAITS * ROUNDS, "sleeps");
	for (size_t i = 0; i < NR_WAITS; i++) {
		const struct sleeps *s = &shared->sleeps[i];

		if (s->error)
			report_fail("%s: %s", waits[i], sleep_error(s->error));
		if (s->early)
			report_fail("in a namespace %lld s ahead, %zu of %zu sleeps by %s ended early by its clock, by up to %lld ns",
				    (long long)(offset / NSEC_PER_SEC), s->early, s->count,
				    waits[i], (long long)s->earliest);
	}
}

static void ahead(int unused)
{
	(void)unused;
	sleeps_at(DAY);
}

static void behind(int unused)
{
	(void)unused;
	sleeps_at(back());
}

/*
 * A finding: io_uring/timeout.c has no timens_ktime_to_host() before 7.1, so that it takes the time
 * for one on the host's clock.
 */
static void io_uring(int unused)
{
	const struct sleeps *s;

	(void)unused;
	in_namespace(back(), uring_inside);
	s = &shared->sleeps[URING];
	if (s->error == -ENOSYS || s->error == -EPERM)
		report_skip("io_uring: %s", sleep_error(s->error));
	if (s->error)
		report_fail("io_uring_abs: %s", sleep_error(s->error));
	report_metric("samples", s->count, "sleeps");
	report_metric("early", s->early, "sleeps");
	if (s->early)
		report_known(5006, 7001,
			     "%zu of %zu absolute timeouts of io_uring ended early, by up to %lld ns, in a namespace %lld s behind: the kernel took them for times on the host's clock",
			     s->early, s->count, (long long)s->earliest,
			     (long long)(-shared->offset / NSEC_PER_SEC));
}

static const struct report_case cases[] = {
	{ "offsets",
	  "F19: in a time namespace MONOTONIC, RAW and BOOTTIME are shifted by what timens_offsets says, to the nanosecond, and no other clock is (timens_add_monotonic())",
	  offsets, false },
	{ "vdso",
	  "F19: there the vDSO agrees with the system call, and serves what it serves outside (lib/vdso, do_hres_timens())",
	  vdso, false },
	{ "ahead",
	  "F19: sleeps and timers until a time on a clock shifted forward end, and never early by it (timens_ktime_to_host())",
	  ahead, false },
	{ "behind",
	  "F19: the same on a clock shifted back, where a shift not taken off would end them at once",
	  behind, false },
	{ "io_uring", "F19: likewise an absolute timeout of io_uring (io_uring/timeout.c)",
	  io_uring, false },
};

REPORT_MAIN("sleep", "time_namespace")
