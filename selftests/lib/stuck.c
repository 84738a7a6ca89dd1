// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clocks.h"
#include "files.h"
#include "stuck.h"

#define NAP_S 1

static pthread_mutex_t looking = PTHREAD_MUTEX_INITIALIZER;

/* The numbers in /proc/PID/task, one after the other; 0 after the last. */
static pid_t next_thread(DIR *tasks)
{
	struct dirent *entry;

	while ((entry = readdir(tasks)))
		if (atoi(entry->d_name) > 0)
			return atoi(entry->d_name);
	return 0;
}

static DIR *open_threads(pid_t pid)
{
	char path[64], full[4096];

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	return file_path(full, sizeof(full), path) ? NULL : opendir(full);
}

/* A small file of a thread; "" and false where it can't be read. */
static bool read_of_thread(pid_t pid, pid_t tid, const char *name, char *text, size_t len)
{
	char path[96];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", pid, tid, name);
	if (file_read_line(path, text, len) >= 0)
		return true;
	text[0] = '\0';
	return false;
}

static unsigned long long switches_of(pid_t pid, pid_t tid)
{
	unsigned long long sum = 0;
	char path[96], *text, *at;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", pid, tid);
	if (file_read(path, &text) < 0)
		return 0;
	for (at = text; (at = strstr(at, "ctxt_switches:"));)
		sum += strtoull(at += strlen("ctxt_switches:"), NULL, 10);
	free(text);
	return sum;
}

/*
 * What the threads of process pid, and of its children, have done so far, as one number that
 * changes whenever one is switched to or from a CPU; *running: one is running or wants to, or it
 * can't be seen.
 */
static unsigned long long activity_of(pid_t pid, bool *running)
{
	DIR *tasks = open_threads(pid);
	unsigned long long sum = 0;
	pid_t tid;

	/* What can't be seen isn't called stuck. */
	if (!tasks) {
		*running = true;
		return 0;
	}
	while ((tid = next_thread(tasks))) {
		char text[512], *at;

		read_of_thread(pid, tid, "stat", text, sizeof(text));
		at = strrchr(text, ')');
		*running |= at && at[1] == ' ' && at[2] == 'R';
		sum += tid + switches_of(pid, tid);
		/* Without CONFIG_PROC_CHILDREN they can't be seen. */
		if (!read_of_thread(pid, tid, "children", text, sizeof(text)))
			*running = true;
		for (pid_t child = strtol(text, &at, 10); child > 0; child = strtol(at, &at, 10))
			sum += activity_of(child, running);
	}
	closedir(tasks);
	return sum;
}

/* "thread 12 in hrtimer_nanosleep, system call 230" of some threads. */
static void describe(pid_t pid, char *out, size_t len)
{
	DIR *tasks = open_threads(pid);
	size_t n = 0;
	pid_t tid;

	out[0] = '\0';
	if (!tasks)
		return;
	while ((tid = next_thread(tasks)) && n < len) {
		char where[64], call[64];

		read_of_thread(pid, tid, "wchan", where, sizeof(where));
		read_of_thread(pid, tid, "syscall", call, sizeof(call));
		call[strcspn(call, " ")] = '\0';
		n += snprintf(out + n, len - n, "%sthread %d in %s, system call %s", n ? "; " : "",
			      tid, where[0] && strcmp(where, "0") ? where : "?",
			      call[0] ? call : "?");
	}
	closedir(tasks);
}

bool stuck_look(struct stuck *s, unsigned int looks)
{
	static unsigned long long seen;
	static unsigned int quiet;
	static pid_t last;
	pid_t pid = atomic_load(&s->pid);
	unsigned long long activity;
	bool running = false;

	if (!pid)
		return false;
	activity = activity_of(pid, &running);
	if (pid != last || running || activity != seen) {
		last = pid;
		seen = activity;
		quiet = 0;
		return false;
	}
	if (++quiet < looks)
		return false;
	quiet = 0;
	return true;
}

/* The first to wake for the n-th time looks: once a second, however many of the timers go. */
static void look(struct stuck *s, unsigned int nth)
{
	static unsigned int looks, looked;
	pid_t pid = atomic_load(&s->pid);
	char where[300];

	if (pthread_mutex_trylock(&looking))
		return;
	if (!looks)
		looks = s->looks;
	if (nth > looked) {
		looked = nth;
		if (stuck_look(s, looks)) {
			describe(pid, where, sizeof(where));
			snprintf(s->text, sizeof(s->text),
				 "none of its threads ran for %u s, though timers went on elsewhere: %s",
				 looks, where);
			if (looks > STUCK_LOOKS_AGAIN)
				looks = STUCK_LOOKS_AGAIN;
			kill(-pid, SIGKILL);
			kill(pid, SIGKILL);
		}
	}
	pthread_mutex_unlock(&looking);
}

/* hrtimer_wakeup(): what nanosleep(), poll(), futex() wait for */
static void *by_nanosleep(void *arg)
{
	for (unsigned int n = 1;; n++) {
		clock_nap(NAP_S * NSEC_PER_SEC);
		look(arg, n);
	}
	return NULL;
}

/* timerfd_tmrproc() */
static void *by_timerfd(void *arg)
{
	const struct itimerspec every = { { NAP_S, 0 }, { NAP_S, 0 } };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	uint64_t expirations;
	unsigned int n = 0;

	if (fd >= 0 && !timerfd_settime(fd, 0, &every, NULL))
		while (read(fd, &expirations, sizeof(expirations)) == sizeof(expirations))
			look(arg, ++n);
	return NULL;
}

/* process_timeout(): the timer wheel, which goes by the tick */
static void *by_tick(void *arg)
{
	const struct timeval limit = { NAP_S, 0 };
	int pair[2];
	unsigned int n = 0;
	char byte;

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) ||
	    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)))
		return NULL;
	while (recv(pair[0], &byte, 1, 0) < 0 && (errno == EAGAIN || errno == EINTR))
		look(arg, ++n);
	return NULL;
}

pid_t stuck_watch(struct stuck *s, unsigned int looks)
{
	static void *(*const ways[])(void *) = { by_nanosleep, by_timerfd, by_tick };
	pid_t parent = getpid(), pid = fork();
	pthread_t thread;

	if (pid)
		return pid < 0 ? -errno : pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	s->looks = looks;
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (!pthread_create(&thread, NULL, ways[i], s))
			pthread_detach(thread);
	for (;;)
		pause();
}

void stuck_end(pid_t watcher)
{
	if (watcher <= 0)
		return;
	kill(watcher, SIGKILL);
	waitpid(watcher, NULL, 0);
}
