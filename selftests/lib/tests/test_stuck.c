// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../clocks.h"
#include "../stuck.h"
#include "testing.h"

/* A process in a group of its own, as a case is, that does one thing for ever. */
static pid_t start(void (*what)(void))
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (!pid) {
		setpgid(0, 0);
		for (;;)
			what();
	}
	setpgid(pid, pid);
	/* Until it does it. */
	clock_nap(50 * NSEC_PER_MSEC);
	return pid;
}

static void wait_for_ever(void)
{
	pause();
}

static void nap(void)
{
	clock_nap(2 * NSEC_PER_MSEC);
}

static void spin(void)
{
}

/* It sleeps; what it has begun goes on. */
static void wait_for_child(void)
{
	if (!fork())
		for (;;)
			nap();
	wait(NULL);
}

static void end(pid_t pid)
{
	kill(-pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

/* The look at which it is found stuck, of at most 10; 0: at none. */
static unsigned int stuck_at(pid_t pid, unsigned int looks)
{
	struct stuck s = { .pid = pid };
	unsigned int found = 0;

	for (unsigned int i = 1; i <= 10 && !found; i++) {
		if (stuck_look(&s, looks))
			found = i;
		clock_nap(20 * NSEC_PER_MSEC);
	}
	return found;
}

START_TEST(looks)
{
	static void (*const alive[])(void) = { nap, spin, wait_for_child };
	pid_t pid = start(wait_for_ever);

	/* The first look at a process only sees it. */
	ck_assert_uint_eq(stuck_at(pid, 1), 2);
	end(pid);
	pid = start(wait_for_ever);
	ck_assert_uint_eq(stuck_at(pid, 4), 5);
	end(pid);
	for (size_t i = 0; i < sizeof(alive) / sizeof(*alive); i++) {
		pid = start(alive[i]);
		ck_assert_uint_eq(stuck_at(pid, 3), 0);
		end(pid);
	}
	ck_assert_uint_eq(stuck_at(0, 1), 0);
}
END_TEST

/* What ran once more is watched anew. */
START_TEST(anew)
{
	pid_t pid = start(wait_for_ever);
	struct stuck s = { .pid = pid };

	ck_assert(!stuck_look(&s, 2));
	ck_assert(!stuck_look(&s, 2));
	kill(pid, SIGCONT);
	kill(pid, SIGSTOP);
	clock_nap(50 * NSEC_PER_MSEC);
	ck_assert(!stuck_look(&s, 2));
	ck_assert(!stuck_look(&s, 2));
	ck_assert(stuck_look(&s, 2));
	end(pid);
}
END_TEST

START_TEST(watched)
{
	struct stuck *s =
		mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid, watcher;

	ck_assert(s != MAP_FAILED);
	watcher = stuck_watch(s, 2);
	ck_assert_int_gt(watcher, 0);
	pid = start(nap);
	atomic_store(&s->pid, pid);
	clock_nap(4 * NSEC_PER_SEC);
	ck_assert_int_eq(waitpid(pid, &status, WNOHANG), 0);
	atomic_store(&s->pid, 0);
	end(pid);
	ck_assert_str_eq(s->text, "");

	pid = start(wait_for_ever);
	atomic_store(&s->pid, pid);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	ck_assert_ptr_nonnull(strstr(s->text, "none of its threads ran for 2 s"));
	ck_assert_ptr_nonnull(strstr(s->text, "system call"));
	stuck_end(watcher);
	ck_assert_int_eq(kill(watcher, 0), -1);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("stuck");

	tcase_set_tags(tc, "clock");
	tcase_add_test(tc, looks);
	tcase_add_test(tc, anew);
	tcase_add_test(tc, watched);
	return run_cases("stuck", tc);
}
