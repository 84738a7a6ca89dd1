// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../files.h"
#include "testing.h"

START_TEST(path)
{
	char out[16];

	files_root = "";
	ck_assert_int_eq(file_path(out, sizeof(out), "/proc/stat"), 0);
	ck_assert_str_eq(out, "/proc/stat");
	files_root = "/root";
	ck_assert_int_eq(file_path(out, sizeof(out), "/proc/stat"), 0);
	ck_assert_str_eq(out, "/root/proc/stat"); /* 15 characters: just fits */
	ck_assert_int_eq(file_path(out, sizeof(out), "/proc/stats"), -ENAMETOOLONG);
	ck_assert_int_eq(file_path(out, 0, ""), -ENAMETOOLONG);
}
END_TEST

/* Sizes around the buffer's growth, and content with NUL bytes. */
START_TEST(read_all)
{
	static const size_t sizes[] = { 0, 1, 4095, 4096, 4097, 8192, 100000, 1 << 20 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		char *content = malloc(sizes[i] + 1), *data;

		for (size_t j = 0; j < sizes[i]; j++)
			content[j] = j * 31;
		fake_write_bytes("/f", content, sizes[i]);
		ck_assert_int_eq(file_read("/f", &data), (ssize_t)sizes[i]);
		ck_assert_int_eq(memcmp(data, content, sizes[i]), 0);
		ck_assert_int_eq(data[sizes[i]], '\0');
		free(content);
		free(data);
	}
}
END_TEST

START_TEST(read_fails)
{
	char *data = (char *)"untouched", full[PATH_MAX];

	ck_assert_int_eq(file_read("/missing", &data), -ENOENT);
	fake_write("/dir/f", "x");
	ck_assert_int_eq(file_read("/dir", &data), -EISDIR);
	ck_assert_int_eq(file_read("/dir/f/x", &data), -ENOTDIR);
	ck_assert_str_eq(data, "untouched");
	fake_write("/big", "");
	ck_assert_int_eq(file_path(full, sizeof(full), "/big"), 0);
	ck_assert_int_eq(truncate(full, 65 << 20), 0);
	ck_assert_int_eq(file_read("/big", &data), -EFBIG);
	fake_link("/endless", "/dev/zero");
	ck_assert_int_eq(file_read("/endless", &data), -EFBIG);
	files_root = "";
	ck_assert_int_eq(file_read("/proc/self/mem", &data), -EIO);
}
END_TEST

START_TEST(read_proc)
{
	char *data;

	/* Reports a size of 0. */
	files_root = "";
	ck_assert_int_gt(file_read("/proc/self/status", &data), 100);
	ck_assert_int_eq(strncmp(data, "Name:", 5), 0);
	free(data);
}
END_TEST

START_TEST(read_line)
{
	char line[8];

	fake_write("/f", "lapic\nmore\n");
	ck_assert_int_eq(file_read_line("/f", line, sizeof(line)), 5);
	ck_assert_str_eq(line, "lapic");
	fake_write("/f", "");
	ck_assert_int_eq(file_read_line("/f", line, sizeof(line)), 0);
	ck_assert_str_eq(line, "");
	fake_write("/f", "\n");
	ck_assert_int_eq(file_read_line("/f", line, sizeof(line)), 0);
	fake_write("/f", "1234567");
	ck_assert_int_eq(file_read_line("/f", line, sizeof(line)), 7);
	ck_assert_str_eq(line, "1234567");
	fake_write("/f", "12345678\n");
	ck_assert_int_eq(file_read_line("/f", line, sizeof(line)), -EOVERFLOW);
	ck_assert_int_eq(file_read_line("/missing", line, sizeof(line)), -ENOENT);
}
END_TEST

START_TEST(write_once)
{
	fake_write("/f", "123456");
	ck_assert_int_eq(file_write("/f", "ab", 2), 2);
	fake_expect("/f", "ab3456");
	ck_assert_int_eq(file_write("/f", "", 0), 0);
	fake_expect("/f", "ab3456");
	ck_assert_int_eq(file_write("/f", "x\0y", 3), 3);
	ck_assert_int_eq(file_write("/missing", "x", 1), -ENOENT);
	fake_write("/dir/f", "");
	ck_assert_int_eq(file_write("/dir", "x", 1), -EISDIR);
	fake_link("/full", "/dev/full");
	ck_assert_int_eq(file_write("/full", "x", 1), -ENOSPC);
}
END_TEST

/* No descriptor is left behind, whatever happened. */
START_TEST(descriptors)
{
	int first = dup(0), again;
	char *data, line[2];

	close(first);
	fake_write("/f", "content");
	fake_link("/full", "/dev/full");
	for (int i = 0; i < 3; i++) {
		ck_assert_int_gt(file_read("/f", &data), 0);
		free(data);
		file_read("/", &data);
		file_read("/missing", &data);
		file_read_line("/f", line, sizeof(line));
		file_write("/f", "x", 1);
		file_write("/full", "x", 1);
	}
	again = dup(0);
	ck_assert_int_eq(again, first);
	close(again);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("files");

	tcase_add_checked_fixture(tc, fake_make, fake_remove);
	tcase_add_test(tc, path);
	tcase_add_test(tc, read_all);
	tcase_add_test(tc, read_fails);
	tcase_add_test(tc, read_proc);
	tcase_add_test(tc, read_line);
	tcase_add_test(tc, write_once);
	tcase_add_test(tc, descriptors);
	return run_cases("files", tc);
}
