// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "kmsg.h"

/*
 * Anchored where the kernel begins a message with the word: "Spectre V2 :
 * WARNING: ..." and "DEBUG: ..." are healthy. The first match decides.
 */
static const struct {
	enum kmsg_kind kind;
	const char *regex;
} patterns[] = {
	{ KMSG_MIN_DELTA, "^CE: .* increased min_delta_ns to " },
	/* 6.12: "Marking clocksource 'tsc' as unstable because"; 7.2: "... tsc unstable due to" */
	{ KMSG_UNSTABLE, "Marking clocksource '?[^ ']+'? (as )?unstable" },
	{ KMSG_UNSTABLE, "wd-.* marking [^ ]+ unstable" },
	{ KMSG_TROUBLE, "^CE: Reprogramming failure" },
	{ KMSG_TROUBLE, "rcu.*detected (expedited )?stall" },
	{ KMSG_TROUBLE, "^rcu: .*(kthread starved for|timer wakeup didn't happen)" },
	{ KMSG_TROUBLE, "Possible timer handling issue" },
	{ KMSG_TROUBLE, "soft lockup - CPU" },
	{ KMSG_TROUBLE, "Watchdog detected hard LOCKUP" },
	{ KMSG_TROUBLE, "^INFO: task .* blocked .*for more than " },
	{ KMSG_TROUBLE, "^(watchdog: )?(\\[ )?(WARNING|BUG): " },
	{ KMSG_TROUBLE, "^(kernel BUG at |Oops: |Oops - |Internal error: |Kernel panic - )" },
	{ KMSG_TROUBLE, "^Unable to handle kernel " },
	{ KMSG_TROUBLE, "^general protection fault" },
};

#define NR_PATTERNS (sizeof(patterns) / sizeof(*patterns))

enum kmsg_kind kmsg_classify(const char *text)
{
	static regex_t compiled[NR_PATTERNS];
	static size_t ready;

	for (; ready < NR_PATTERNS; ready++)
		if (regcomp(&compiled[ready], patterns[ready].regex, REG_EXTENDED | REG_NOSUB))
			abort();
	for (size_t i = 0; i < NR_PATTERNS; i++)
		if (!regexec(&compiled[i], text, 0, NULL, 0))
			return patterns[i].kind;
	return KMSG_OTHER;
}

bool kmsg_text(char *record)
{
	char *s = record;

	/* Three numbers, then flags and whatever fields later kernels add. */
	for (int field = 0; field < 3; field++) {
		size_t digits = strspn(s, "0123456789");

		if (!digits || s[digits] != ',')
			return false;
		s += digits + 1;
	}
	s = strchr(s, ';');
	if (!s)
		return false;
	s++;
	s[strcspn(s, "\n")] = '\0';
	memmove(record, s, strlen(s) + 1);
	return true;
}

int kmsg_open(struct kmsg *k)
{
	char path[PATH_MAX];
	int err = file_path(path, sizeof(path), "/dev/kmsg");

	if (err)
		return err;
	k->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (k->fd < 0)
		return -errno;
	if (lseek(k->fd, 0, SEEK_END) < 0) {
		err = -errno;
		kmsg_close(k);
	}
	return err;
}

int kmsg_open_all(struct kmsg *k, bool *since_boot)
{
	char record[8192 + 1];
	int err = kmsg_open(k);
	ssize_t n;

	if (err)
		return err;
	*since_boot = false;
	if (lseek(k->fd, 0, SEEK_SET) < 0)
		goto fail;
	n = read(k->fd, record, sizeof(record) - 1);
	if (n > 0) {
		const char *comma;

		record[n] = '\0';
		/* "prio,seq,...": the first message of all has number 0. */
		comma = strchr(record, ',');
		*since_boot = comma && !strncmp(comma, ",0,", 3);
	}
	if (lseek(k->fd, 0, SEEK_SET) >= 0)
		return 0;
fail:
	err = -errno;
	kmsg_close(k);
	return err;
}

bool kmsg_next(struct kmsg *k, char *text, size_t len)
{
	char record[8192 + 1];	/* CONSOLE_EXT_LOG_MAX: no record is longer */

	for (;;) {
		ssize_t n = read(k->fd, record, sizeof(record) - 1);

		/* EPIPE: the ring overtook us, and the next read gives its oldest message. */
		if (n < 0 && (errno == EPIPE || errno == EINTR))
			continue;
		if (n <= 0)
			return false;
		record[n] = '\0';
		/* The priority's upper bits are the facility; only 0 is the kernel's own. */
		if (strtoul(record, NULL, 10) >> 3 || !kmsg_text(record))
			continue;
		snprintf(text, len, "%s", record);
		return true;
	}
}

void kmsg_close(struct kmsg *k)
{
	if (k->fd >= 0)
		close(k->fd);
	k->fd = -1;
}
