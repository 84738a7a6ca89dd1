// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"

/* /proc/interrupts of 4096 CPUs and 1000 interrupts has 45 MB. */
#define FILE_MAX (64u << 20)

const char *files_root = "";

int file_path(char *out, size_t len, const char *path)
{
	int n = snprintf(out, len, "%s%s", files_root, path);

	return n < 0 || (size_t)n >= len ? -ENAMETOOLONG : 0;
}

/* Opens root + path; returns the descriptor or a negative errno. */
static int file_open(const char *path, int flags)
{
	char full[PATH_MAX];
	int fd, err = file_path(full, sizeof(full), path);

	if (err)
		return err;
	fd = open(full, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

ssize_t file_read(const char *path, char **data)
{
	size_t size = 0, room = 4096;
	int fd = file_open(path, O_RDONLY);
	char *buf, *more;
	ssize_t n;
	int err;

	if (fd < 0)
		return fd;
	buf = malloc(room + 1);
	if (!buf)
		goto fail;
	while ((n = read(fd, buf + size, room - size))) {
		if (n < 0) {
			if (errno == EINTR)
				continue;
			goto fail;
		}
		size += n;
		if (size < room)
			continue;
		room *= 2;
		errno = EFBIG;
		more = room > FILE_MAX ? NULL : realloc(buf, room + 1);
		if (!more)
			goto fail;
		buf = more;
	}
	close(fd);
	buf[size] = '\0';
	*data = buf;
	return size;
fail:
	err = -errno;
	free(buf);
	close(fd);
	return err;
}

ssize_t file_read_line(const char *path, char *buf, size_t len)
{
	char *data;
	ssize_t n = file_read(path, &data);

	if (n < 0)
		return n;
	n = strcspn(data, "\n");
	if ((size_t)n >= len) {
		free(data);
		return -EOVERFLOW;
	}
	memcpy(buf, data, n);
	buf[n] = '\0';
	free(data);
	return n;
}

ssize_t file_write(const char *path, const void *data, size_t len)
{
	int fd = file_open(path, O_WRONLY);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = write(fd, data, len);
	if (n < 0)
		n = -errno;
	close(fd);
	return n;
}
