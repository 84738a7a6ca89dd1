/* SPDX-License-Identifier: GPL-2.0-only */
/* What the library's own tests share: recorded data, fake sysfs and proc trees, a runner. */
#ifndef TICKPROOF_TESTING_H
#define TICKPROOF_TESTING_H

#include <check.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Content of a file in data/, NUL-terminated; the caller frees it. */
char *data_read(const char *name);

/* The same with each from replaced by to. */
char *data_replaced(const char *name, const char *from, const char *to);

/* Makes a directory of its own files_root. For a checked fixture, with fake_remove(). */
void fake_make(void);
void fake_remove(void);

/* Writes a file below files_root, directories included. */
void fake_write(const char *path, const char *content);
void fake_write_bytes(const char *path, const void *content, size_t len);

/* A symbolic link, to a real file of this system or nowhere. */
void fake_link(const char *path, const char *target);

/* Fails unless a file below files_root has exactly this content. */
void fake_expect(const char *path, const char *content);

/*
 * What the library sees of the kernel while a test says so; what is NULL or 0 is real. A test that
 * isn't forked (CK_FORK=no) puts it back.
 */
extern struct fake {
	int64_t (*clock)(clockid_t clock); /* clock_gettime(), in ns */
	int (*sleep)(clockid_t clock, int flags,
		     const struct timespec *when); /* clock_nanosleep() */
	uint64_t expirations;			   /* what a read() of 8 bytes tells */
} fake;

/* Runs the cases; returns main()'s exit code. */
int run_cases(const char *name, TCase *tcase);

#endif
