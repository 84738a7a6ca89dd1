// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devicetree.h"
#include "files.h"

/* Deeper than any tree: where links of a damaged one lead in circles, the walk ends. */
#define MAX_DEPTH 24

static uint32_t be32(const char *data)
{
	const unsigned char *p = (const unsigned char *)data;

	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/* Reads a property; its length or -errno. */
static ssize_t property(const char *path, const char *name, char **data)
{
	char file[DT_PATH_LEN + 64];
	int n = snprintf(file, sizeof(file), "%s/%s", path, name);

	return (size_t)n < sizeof(file) ? file_read(file, data) : -ENAMETOOLONG;
}

/* A property of one cell: 0, -ENOENT, or -EINVAL where it has another length. */
static int cell(const char *path, const char *name, uint32_t *value)
{
	char *data;
	ssize_t n = property(path, name, &data);

	if (n < 0)
		return n;
	*value = n == 4 ? be32(data) : 0;
	free(data);
	return n == 4 ? 0 : -EINVAL;
}

bool dt_has(const char *path, const char *name)
{
	char *data;

	if (property(path, name, &data) < 0)
		return false;
	free(data);
	return true;
}

int dt_string(const char *path, const char *name, const char *string)
{
	int at = -1, i = 0;
	char *data;
	ssize_t n = property(path, name, &data);

	if (n < 0)
		return -ENOENT;
	/* file_read() ends the last string where the property doesn't. */
	for (char *s = data; at < 0 && s < data + n; s += strlen(s) + 1, i++)
		if (!strcmp(s, string))
			at = i;
	free(data);
	return at;
}

bool dt_compatible(const char *path, const char *name)
{
	return dt_string(path, "compatible", name) >= 0;
}

void dt_is(const char *path, char *out, size_t len)
{
	char *data;

	*out = '\0';
	if (property(path, "compatible", &data) < 0)
		return;
	snprintf(out, len, "%s", data);
	free(data);
}

/* of_device_is_available() */
static bool enabled(const char *path)
{
	int has = dt_string(path, "status", "okay");

	return has >= 0 || has == -ENOENT || dt_string(path, "status", "ok") >= 0;
}

struct wanted {
	bool (*is)(const char *path, const struct wanted *w);
	const char *name;
	uint32_t phandle;
};

static bool is_compatible(const char *path, const struct wanted *w)
{
	return dt_compatible(path, w->name) && enabled(path);
}

static bool has_phandle(const char *path, const struct wanted *w)
{
	uint32_t value;

	if (cell(path, "phandle", &value) && cell(path, "linux,phandle", &value))
		return false;
	return value == w->phandle;
}

/*
 * Looks through path, which has room to grow, and what is below it; leaves the path of the first
 * node found.
 */
static int walk(char path[DT_PATH_LEN], const struct wanted *w, int depth)
{
	char full[PATH_MAX];
	struct dirent **names;
	int n, err = -ENOENT;
	size_t len = strlen(path);

	if (w->is(path, w))
		return 0;
	if (depth >= MAX_DEPTH || file_path(full, sizeof(full), path))
		return -ENOENT;
	n = scandir(full, &names, NULL, alphasort);
	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		const char *name = names[i]->d_name;

		if (err == -ENOENT && names[i]->d_type == DT_DIR && name[0] != '.' &&
		    (size_t)snprintf(path + len, DT_PATH_LEN - len, "/%s", name) <
			    DT_PATH_LEN - len)
			err = walk(path, w, depth + 1);
		if (err)
			path[len] = '\0';
		free(names[i]);
	}
	free(names);
	return err;
}

int dt_find(const char *name, char path[DT_PATH_LEN])
{
	const struct wanted w = { .is = is_compatible, .name = name };

	strcpy(path, DT_ROOT);
	return walk(path, &w, 0);
}

static int by_phandle(uint32_t phandle, char path[DT_PATH_LEN])
{
	const struct wanted w = { .is = has_phandle, .phandle = phandle };

	strcpy(path, DT_ROOT);
	return walk(path, &w, 0) ? -EINVAL : 0;
}

/*
 * of_irq_find_parent(): by interrupt-parent, else the parent, until one says how many cells it
 * takes.
 */
static int interrupt_parent(const char *path, char controller[DT_PATH_LEN], uint32_t *cells)
{
	uint32_t phandle;

	snprintf(controller, DT_PATH_LEN, "%s", path);
	for (int depth = 0; depth < MAX_DEPTH; depth++) {
		int err = cell(controller, "interrupt-parent", &phandle);

		if (err && err != -ENOENT)
			return -EINVAL;
		if (!err && by_phandle(phandle, controller))
			return -EINVAL;
		if (err) {
			if (!strcmp(controller, DT_ROOT))
				return -EINVAL;
			*strrchr(controller, '/') = '\0';
		}
		if (!cell(controller, "#interrupt-cells", cells))
			return 0;
	}
	return -EINVAL;
}

/* Fills one interrupt from what is left of a property; the bytes it took, or -EINVAL. */
static ssize_t take(struct dt_interrupt *i, const char *data, size_t left)
{
	if (!i->nr_cells || i->nr_cells > DT_MAX_CELLS || left < 4 * i->nr_cells)
		return -EINVAL;
	for (size_t c = 0; c < i->nr_cells; c++)
		i->cell[c] = be32(data + 4 * c);
	return 4 * i->nr_cells;
}

int dt_interrupts(const char *path, struct dt_interrupt *out, size_t max)
{
	bool extended = true;
	struct dt_interrupt one = { .nr_cells = 0 };
	uint32_t cells = 0;
	char *data;
	ssize_t took, at = 0, n = property(path, "interrupts-extended", &data);
	int count = 0, err = 0;

	if (n < 0) {
		extended = false;
		n = property(path, "interrupts", &data);
		if (n < 0)
			return -ENOENT;
		err = interrupt_parent(path, one.controller, &cells);
	}
	while (!err && at < n) {
		if (extended) {
			/* The controller's phandle comes before its cells. */
			err = n - at < 4 || by_phandle(be32(data + at), one.controller) ||
			      cell(one.controller, "#interrupt-cells", &cells);
			if (err)
				break;
			at += 4;
		}
		one.nr_cells = cells;
		took = take(&one, data + at, n - at);
		if (took < 0) {
			err = 1;
			break;
		}
		at += took;
		if ((size_t)count < max)
			out[count] = one;
		count++;
	}
	free(data);
	return err || !count ? -EINVAL : count;
}
