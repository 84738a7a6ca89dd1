/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whole-file reads and single writes below a root that unit tests can move
 * to a fake sysfs and proc tree.
 */
#ifndef TICKPROOF_FILES_H
#define TICKPROOF_FILES_H

#include <stddef.h>
#include <sys/types.h>

/* Directory put before every path below; "" (the real system) at first. Not copied. */
extern const char *files_root;

/* Writes root + path to out. Returns 0 or -ENAMETOOLONG. */
int file_path(char *out, size_t len, const char *path);

/*
 * Reads all of path and adds a terminating NUL; the caller frees *data. Proc
 * and sysfs files report no size, so it reads until the end. Returns the number
 * of bytes read or a negative errno (-EFBIG beyond 64 MiB).
 */
ssize_t file_read(const char *path, char **data);

/*
 * Reads the first line of path into buf, without its newline. Returns its
 * length (0 for an empty file, as a clockevent's current_device may be) or a
 * negative errno.
 */
ssize_t file_read_line(const char *path, char *buf, size_t len);

/*
 * Writes len bytes with ONE write(2), since a sysfs store sees each write as a
 * value of its own. Returns what write returned or a negative errno.
 */
ssize_t file_write(const char *path, const void *data, size_t len);

#endif
