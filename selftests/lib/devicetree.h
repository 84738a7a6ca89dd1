/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The device tree as the kernel shows it: a directory for each node, a file for each property,
 * numbers
 * ("cells") of 32 bits with the first byte highest (Devicetree Specification 0.4, chapter 2).
 */
#ifndef TICKPROOF_DEVICETREE_H
#define TICKPROOF_DEVICETREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DT_ROOT	     "/proc/device-tree"
#define DT_PATH_LEN  512
#define DT_MAX_CELLS 8

/* One interrupt of a node: who it goes to, and what the node says to that one. */
struct dt_interrupt {
	char controller[DT_PATH_LEN]; /* the node's path */
	uint32_t cell[DT_MAX_CELLS];
	size_t nr_cells;
};

/*
 * The first enabled node, by its path, that is compatible with name. 0, -ENOENT or another -errno.
 */
int dt_find(const char *name, char path[DT_PATH_LEN]);

/* Whether the node at path is compatible with name. */
bool dt_compatible(const char *path, const char *name);

/* What a node is, by its most special "compatible"; "" where it says nothing. */
void dt_is(const char *path, char *out, size_t len);

/*
 * Place of a string in a property that is a list of them; -1: the list hasn't it; -ENOENT: no such
 * property.
 */
int dt_string(const char *path, const char *property, const char *string);

/* Whether the node has the property, whatever its value. */
bool dt_has(const char *path, const char *property);

/*
 * A node's interrupts, from "interrupts-extended" or from "interrupts" and the interrupt-parent
 * that it has or inherits (of_irq_parse_one(), drivers/of/irq.c). Returns how many there are (max
 * of them are written), -ENOENT: none; -EINVAL: they can't be parsed.
 */
int dt_interrupts(const char *path, struct dt_interrupt *out, size_t max);

#endif
