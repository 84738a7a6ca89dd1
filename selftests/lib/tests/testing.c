// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../clocks.h"
#include "../files.h"
#include "testing.h"

static char root[64];

char *data_read(const char *name)
{
	const char *saved = files_root;
	char path[PATH_MAX], *data;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s", DATA_DIR, name);
	files_root = "";
	n = file_read(path, &data);
	files_root = saved;
	ck_assert_msg(n > 0, "%s: %s", path, strerror(-n));
	return data;
}

char *data_replaced(const char *name, const char *from, const char *to)
{
	char *data = data_read(name), *out, *s = data, *hit;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	ck_assert_msg(strstr(data, from) != NULL, "%s has no \"%s\"", name, from);
	while ((hit = strstr(s, from))) {
		fprintf(f, "%.*s%s", (int)(hit - s), s, to);
		s = hit + strlen(from);
	}
	fputs(s, f);
	fclose(f);
	free(data);
	return out;
}

void fake_make(void)
{
	snprintf(root, sizeof(root), "/tmp/tickproof-test.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	files_root = root;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

void fake_remove(void)
{
	nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	files_root = "";
}

/* The path below files_root, with its directories made. */
static void place(const char *path, char *full, size_t len)
{
	ck_assert_int_eq(file_path(full, len, path), 0);
	for (char *slash = full + strlen(files_root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		ck_assert(!mkdir(full, 0755) || errno == EEXIST);
		*slash = '/';
	}
}

void fake_write_bytes(const char *path, const void *content, size_t len)
{
	char full[PATH_MAX];
	FILE *f;

	place(path, full, sizeof(full));
	f = fopen(full, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(content, 1, len, f), len);
	ck_assert_int_eq(fclose(f), 0);
}

void fake_write(const char *path, const char *content)
{
	fake_write_bytes(path, content, strlen(content));
}

void fake_link(const char *path, const char *target)
{
	char full[PATH_MAX];

	place(path, full, sizeof(full));
	ck_assert_int_eq(symlink(target, full), 0);
}

void fake_expect(const char *path, const char *content)
{
	char *data;
	ssize_t n = file_read(path, &data);

	ck_assert_msg(n >= 0, "%s: %s", path, strerror(-n));
	ck_assert_str_eq(data, content);
	free(data);
}

struct fake fake;

/* These stand before libc's own, for the library and libcheck alike. */
int clock_gettime(clockid_t clock, struct timespec *ts)
{
	static int (*real)(clockid_t clock, struct timespec * ts);

	if (fake.clock) {
		*ts = ns_timespec(fake.clock(clock));
		return 0;
	}
	if (!real)
		real = dlsym(RTLD_NEXT, "clock_gettime");
	return real(clock, ts);
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *when, struct timespec *left)
{
	if (fake.sleep)
		return fake.sleep(clock, flags, when);
	return syscall(SYS_clock_nanosleep, clock, flags, when, left) ? errno : 0;
}

ssize_t read(int fd, void *buffer, size_t size)
{
	if (fake.expirations && size == sizeof(fake.expirations)) {
		memcpy(buffer, &fake.expirations, size);
		return size;
	}
	return syscall(SYS_read, fd, buffer, size);
}

int run_cases(const char *name, TCase *tcase)
{
	Suite *suite = suite_create(name);
	SRunner *runner;
	int failed;

	/* Under valgrind and sanitizers on a busy machine libcheck's 4 s are too few. */
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return !!failed;
}
