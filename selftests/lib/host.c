// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"
#include "report.h"

/* One byte after the other: what follows the line is for whoever reads next. */
static int read_line(char *line, size_t len)
{
	size_t n = 0;
	char c;

	for (;;) {
		ssize_t got = read(STDIN_FILENO, &c, 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got != 1)
			return got ? -errno : -EPIPE;
		if (c == '\n')
			break;
		if (n + 1 < len)
			line[n++] = c;
	}
	line[n] = '\0';
	return 0;
}

int host_ask(const char *question, char *answer, size_t len)
{
	int err;

	/* guest/session sets it, for programs that may ask. */
	if (!getenv("TICKPROOF_HOST"))
		return -ENOENT;
	report_note("HOST %s", question);
	/* A connection that was made anew may repeat what the host had said before. */
	do
		err = read_line(answer, len);
	while (!err && strncmp(answer, "host ", 5));
	if (!err)
		memmove(answer, answer + 5, strlen(answer + 5) + 1);
	return err;
}

const char *host_refuses(const char *answer)
{
	return strncmp(answer, "no ", 3) ? NULL : answer + 3;
}

bool host_times(const char *answer, const char *word, int64_t *ns, size_t n)
{
	size_t len = strlen(word);
	long long ticks;
	char *end;

	if (strncmp(answer, word, len))
		return false;
	for (answer += len; n; n--, answer = end) {
		if (*answer != ' ')
			return false;
		errno = 0;
		ticks = strtoll(answer + 1, &end, 10);
		if (errno || end == answer + 1 || ticks < 0 || ticks > INT64_MAX / HOST_TICK_NS)
			return false;
		*ns++ = ticks * HOST_TICK_NS;
	}
	return !*answer;
}

static int64_t ask_time(int *err)
{
	char answer[128];
	int64_t now = 0;

	if (!*err)
		*err = host_ask("time", answer, sizeof(answer));
	if (!*err && !host_times(answer, "time", &now, 1))
		*err = -EPROTO;
	return now;
}

int host_offset(int64_t (*now)(void *arg), void *arg, int tries, struct offset *o)
{
	int err = 0;

	*o = (struct offset){ 0 };
	while (tries-- > 0) {
		struct sandwich s;

		s.before = now(arg);
		s.value = ask_time(&err);
		s.after = now(arg);
		if (err)
			return err;
		offset_meet(o, &s);
	}
	o->high += HOST_TICK_NS;
	return 0;
}
