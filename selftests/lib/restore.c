// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cpus.h"
#include "files.h"
#include "report.h"
#include "restore.h"

/* Room for a few of each CPU there can be; what isn't used takes no memory. */
#define ENTRIES (4 * CPUS_MAX)

struct entry {
	bool ready;	/* all below is written */
	char path[256]; /* with files_root resolved: a handler can't */
	char value[64];
};

struct shared {
	pid_t owner; /* restores at its end; the children it forks don't */
	int count;
	struct entry entries[ENTRIES];
};

static struct shared *shared;

int restore_now(void)
{
	int failed = 0, saved = errno, count;

	/* Taking the list makes a second call, as by the exit hook, find nothing to do. */
	count = shared ? __atomic_exchange_n(&shared->count, 0, __ATOMIC_ACQ_REL) : 0;
	if (count > ENTRIES)
		count = ENTRIES;
	while (count > 0) {
		struct entry *e = &shared->entries[--count];
		ssize_t len, written = -1;
		int fd;

		if (!__atomic_exchange_n(&e->ready, false, __ATOMIC_ACQ_REL))
			continue;
		len = strlen(e->value);
		fd = open(e->path, O_WRONLY | O_CLOEXEC);
		if (fd >= 0) {
			written = write(fd, e->value, len);
			close(fd);
		}
		failed += written != len;
	}
	errno = saved;
	return failed;
}

static void restore_at_exit(void)
{
	int failed;

	if (getpid() != shared->owner)
		return;
	failed = restore_now();
	if (failed)
		fprintf(stderr,
			"%d of the settings changed could not be restored: reboot this system\n",
			failed);
}

static void restore_on_signal(int sig)
{
	if (getpid() == shared->owner)
		restore_now();
	/* The default action, once this handler returns and the signal is no longer blocked. */
	signal(sig, SIG_DFL);
	raise(sig);
}

void restore_init(void)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE };
	struct sigaction action = { .sa_handler = restore_on_signal }, old;

	if (shared)
		return;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (shared == MAP_FAILED) {
		perror("restore_init: mmap");
		exit(1);
	}
	shared->owner = getpid();
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaddset(&action.sa_mask, signals[i]);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		/* Whoever started us with a signal ignored (nohup) wants it so. */
		if (!sigaction(signals[i], NULL, &old) && old.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
	}
	atexit(restore_at_exit);
}

/*
 * Whether the last to be written to path is value already: once is enough, however often it is
 * asked for.
 */
static bool remembered(const char *path, const char *value)
{
	for (int i = __atomic_load_n(&shared->count, __ATOMIC_ACQUIRE) - 1; i >= 0; i--) {
		const struct entry *e = &shared->entries[i];

		if (i < ENTRIES && __atomic_load_n(&e->ready, __ATOMIC_ACQUIRE) &&
		    !strcmp(e->path, path))
			return !strcmp(e->value, value);
	}
	return false;
}

int restore_push(const char *path, const char *value)
{
	char full[sizeof(((struct entry *)0)->path)];
	struct entry *e;
	int i;

	if (!shared)
		return -EINVAL;
	if (strlen(value) >= sizeof(e->value))
		return -ENOSPC;
	if (file_path(full, sizeof(full), path))
		return -ENAMETOOLONG;
	if (remembered(full, value))
		return 0;
	i = __atomic_load_n(&shared->count, __ATOMIC_ACQUIRE);
	do {
		if (i >= ENTRIES)
			return -ENOSPC;
	} while (!__atomic_compare_exchange_n(&shared->count, &i, i + 1, false, __ATOMIC_ACQ_REL,
					      __ATOMIC_ACQUIRE));
	e = &shared->entries[i];
	strcpy(e->path, full);
	strcpy(e->value, value);
	__atomic_store_n(&e->ready, true, __ATOMIC_RELEASE);
	return 0;
}

void restore_need(const char *path, const char *value)
{
	int err = restore_push(path, value);

	if (err)
		report_fail("%s can't be put back to %s at the end of the program: %s", path, value,
			    strerror(-err));
}

void restore_forget(const char *path, const char *value)
{
	int count = shared ? __atomic_load_n(&shared->count, __ATOMIC_ACQUIRE) : 0;
	char full[sizeof(((struct entry *)0)->path)];

	if (file_path(full, sizeof(full), path))
		return;
	for (int i = 0; i < count && i < ENTRIES; i++) {
		struct entry *e = &shared->entries[i];

		if (__atomic_load_n(&e->ready, __ATOMIC_ACQUIRE) && !strcmp(e->path, full) &&
		    !strcmp(e->value, value))
			__atomic_store_n(&e->ready, false, __ATOMIC_RELEASE);
	}
}

void restore_abandon(void)
{
	int count = shared ? __atomic_exchange_n(&shared->count, 0, __ATOMIC_ACQ_REL) : 0;

	for (int i = 0; i < count; i++)
		__atomic_store_n(&shared->entries[i].ready, false, __ATOMIC_RELEASE);
}
