// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../cpus.h"
#include "../files.h"
#include "../hotplug.h"
#include "../restore.h"
#include "testing.h"

#define A "/sys/a"
#define B "/sys/b"

/* What a program under test does, in a process of its own: init first, then this. */
typedef void (*program)(void);

/* Runs it to its end; returns waitpid's status. */
static int run(program body)
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (!pid) {
		/* No cores from the signals, and only what exit() itself runs. */
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
		restore_init();
		body();
		exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static void change(const char *path, const char *was, const char *now)
{
	if (restore_push(path, was) || file_write(path, now, strlen(now)) != (ssize_t)strlen(now))
		_exit(99);
}

static void setup(void)
{
	fake_make();
	fake_write(A, "old a");
	fake_write(B, "old b");
}

static void expect_restored(void)
{
	fake_expect(A, "old a");
	fake_expect(B, "old b");
}

static void change_both(void)
{
	change(A, "old a", "new a");
	change(B, "old b", "new b");
}

START_TEST(at_exit)
{
	ck_assert_int_eq(run(change_both), 0);
	expect_restored();
}
END_TEST

static void return_nonzero(void)
{
	change_both();
	exit(7);
}

START_TEST(keeps_exit_code)
{
	ck_assert_int_eq(WEXITSTATUS(run(return_nonzero)), 7);
	expect_restored();
}
END_TEST

static int signal_to_raise;

static void raise_it(void)
{
	change_both();
	raise(signal_to_raise);
	_exit(98);
}

static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE };

/* Restored, and it ended as the signal would have ended it. */
START_TEST(on_signal)
{
	int status;

	signal_to_raise = signals[_i];
	/* nohup and the like hand an ignored one down, and ignored it stays (restore_init()). */
	signal(signal_to_raise, SIG_DFL);
	status = run(raise_it);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), signals[_i]);
	expect_restored();
}
END_TEST

/* As a person or the harness does it: from outside, while the program waits. */
START_TEST(killed_from_outside)
{
	int status, pipe_fds[2];
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe(pipe_fds), 0);
	pid = fork();
	if (!pid) {
		restore_init();
		change_both();
		byte = write(pipe_fds[1], "x", 1);
		for (;;)
			pause();
	}
	ck_assert_int_eq(read(pipe_fds[0], &byte, 1), 1);
	fake_expect(A, "new a");
	kill(pid, SIGTERM);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	expect_restored();
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}
END_TEST

static void ignore_hup(void)
{
	change_both();
	raise(SIGHUP);
	if (raise(SIGHUP))
		_exit(98);
}

START_TEST(ignored_stays_ignored)
{
	signal(SIGHUP, SIG_IGN);
	ck_assert_int_eq(run(ignore_hup), 0);
	signal(SIGHUP, SIG_DFL);
	expect_restored();
}
END_TEST

static void push_twice(void)
{
	change(A, "old a", "1st a");
	change(A, "1st a", "2nd a");
}

START_TEST(last_first)
{
	ck_assert_int_eq(run(push_twice), 0);
	fake_expect(A, "old a");
}
END_TEST

/* What a case's process changed is restored by the program, though the case crashed. */
static void case_crashes(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		change_both();
		signal(SIGSEGV, SIG_DFL);
		raise(SIGSEGV);
	}
	waitpid(pid, &status, 0);
	if (!WIFSIGNALED(status))
		_exit(98);
}

START_TEST(crashed_case)
{
	ck_assert_int_eq(run(case_crashes), 0);
	expect_restored();
}
END_TEST

/* A case's process inherits hook and handlers and must not act on them. */
static void children_end(void)
{
	static const int how[] = { 0, SIGTERM, SIGINT };
	char *data;

	change_both();
	for (size_t i = 0; i < sizeof(how) / sizeof(*how); i++) {
		int status;
		pid_t pid = fork();

		if (!pid) {
			if (!how[i])
				exit(0);
			raise(how[i]);
			_exit(97);
		}
		waitpid(pid, &status, 0);
		if (how[i] ? !WIFSIGNALED(status) || WTERMSIG(status) != how[i] : status)
			_exit(96);
		if (file_read(A, &data) < 0 || strcmp(data, "new a"))
			_exit(95);
		free(data);
	}
}

START_TEST(children_do_not_restore)
{
	ck_assert_int_eq(run(children_end), 0);
	expect_restored();
}
END_TEST

static void abandon(void)
{
	change_both();
	restore_abandon();
	change(B, "new b", "3rd b");
}

START_TEST(abandoned)
{
	ck_assert_int_eq(run(abandon), 0);
	fake_expect(A, "new a");
	fake_expect(B, "new b");
}
END_TEST

static void forget(void)
{
	change_both();
	restore_forget(A, "old a");
	restore_forget(B, "never pushed");
}

START_TEST(forgotten)
{
	ck_assert_int_eq(run(forget), 0);
	fake_expect(A, "new a");
	fake_expect(B, "old b");
}
END_TEST

static void now(void)
{
	change_both();
	if (restore_now() || file_write(A, "new a", 5) != 5)
		_exit(98);
	/* Nothing is left to restore. */
	if (restore_now())
		_exit(97);
}

START_TEST(now_and_only_once)
{
	ck_assert_int_eq(run(now), 0);
	fake_expect(A, "new a");
	fake_expect(B, "old b");
}
END_TEST

static void failures(void)
{
	char path[64];

	change_both();
	if (restore_push("/sys/missing", "x") || restore_push("/sys", "x"))
		_exit(98);
	/* Three: the two, and a file that has gone. */
	if (file_path(path, sizeof(path), B) || unlink(path))
		_exit(97);
	if (restore_now() != 3)
		_exit(96);
}

START_TEST(failures_are_counted)
{
	ck_assert_int_eq(run(failures), 0);
	fake_expect(A, "old a");
}
END_TEST

/* Each of many CPUs, taken offline twenty times, comes back once. */
static void many_cpus(void)
{
	char path[64];

	for (int cpu = 0; cpu < 1500; cpu++) {
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
		for (int i = 0; i < 20; i++)
			change(path, "1", "0");
	}
	/* The first too: a list that is full forgets what comes last. */
	if (restore_push("/sys/missing", "x") || restore_now() != 1)
		_exit(98);
}

START_TEST(lists_1500_cpus)
{
	char path[64];

	for (int cpu = 0; cpu < 1500; cpu++) {
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
		fake_write(path, "1");
	}
	ck_assert_int_eq(WEXITSTATUS(run(many_cpus)), 0);
	for (int cpu = 0; cpu < 1500; cpu++) {
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
		fake_expect(path, "1");
	}
}
END_TEST

static void limits(void)
{
	int i, err = 0;
	char text[300];

	memset(text, 'x', sizeof(text));
	text[299] = '\0';
	*text = '/';
	if (restore_push(text, "x") != -ENAMETOOLONG)
		_exit(99);
	text[64] = '\0';
	if (restore_push(A, text) != -ENOSPC)
		_exit(98);
	/* What didn't fit is not written to, and what is full says so. */
	for (i = 0; i < 1000000 && !err; i++)
		err = restore_push(A, i % 2 ? "old a" : "1st a");
	if (err != -ENOSPC || i <= 2 * CPUS_MAX)
		_exit(97);
	if (restore_now())
		_exit(95);
	fake_expect(A, "1st a");
	if (restore_push(A, "again"))
		_exit(94);
}

START_TEST(limits_are_told)
{
	ck_assert_int_eq(WEXITSTATUS(run(limits)), 0);
	fake_expect(A, "again");
}
END_TEST

START_TEST(not_without_init)
{
	ck_assert_int_eq(restore_push(A, "x"), -EINVAL);
	ck_assert_int_eq(restore_now(), 0);
	restore_abandon();
}
END_TEST

/* The root is resolved when the change is made, not when it is undone. */
static void root_moves(void)
{
	change_both();
	files_root = "/nonexistent";
}

START_TEST(root_at_push)
{
	ck_assert_int_eq(run(root_moves), 0);
	expect_restored();
}
END_TEST

#define CPU1 "/sys/devices/system/cpu/cpu1/online"

static void goes_offline(void)
{
	if (hotplug_try(1, false))
		_exit(99);
	fake_expect(CPU1, "0");
}

/* A CPU that a case leaves offline is online again at the end. */
START_TEST(cpu_comes_back)
{
	fake_write(CPU1, "1");
	ck_assert_int_eq(run(goes_offline), 0);
	fake_expect(CPU1, "1");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("restore");

	tcase_add_checked_fixture(tc, setup, fake_remove);
	tcase_add_test(tc, not_without_init);
	tcase_add_test(tc, at_exit);
	tcase_add_test(tc, keeps_exit_code);
	tcase_add_loop_test(tc, on_signal, 0, sizeof(signals) / sizeof(*signals));
	tcase_add_test(tc, killed_from_outside);
	tcase_add_test(tc, ignored_stays_ignored);
	tcase_add_test(tc, last_first);
	tcase_add_test(tc, crashed_case);
	tcase_add_test(tc, children_do_not_restore);
	tcase_add_test(tc, abandoned);
	tcase_add_test(tc, forgotten);
	tcase_add_test(tc, now_and_only_once);
	tcase_add_test(tc, failures_are_counted);
	tcase_add_test(tc, lists_1500_cpus);
	tcase_add_test(tc, limits_are_told);
	tcase_add_test(tc, root_at_push);
	tcase_add_test(tc, cpu_comes_back);
	return run_cases("restore", tc);
}
