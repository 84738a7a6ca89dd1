/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory that a program and its cases, each a process of its own, have in common. */
#ifndef TICKPROOF_SHARED_H
#define TICKPROOF_SHARED_H

#include <stddef.h>

/* Zeros; ends the program where there is no memory. Before the first case: for its setup(). */
void *shared_memory(size_t size);

#endif
