/* SPDX-License-Identifier: GPL-2.0-only */
/* What a case needs of the clocksources' sysfs before it can say anything. */
#ifndef TICKPROOF_SOURCES_H
#define TICKPROOF_SOURCES_H

#include "../lib/clocksource.h"

/* The available sources, best first, read anew; skips the case where there is no such file, fails it where it can't be read. */
struct cs_list *sources_need(void);

/* Skips the case unless root can write the file of CS_DIR. */
void sources_need_writable(const char *path);

#endif
