/* SPDX-License-Identifier: GPL-2.0-only */
/* What a case needs of the clocksources' sysfs before it can say anything. */
#ifndef TICKPROOF_SOURCES_H
#define TICKPROOF_SOURCES_H

#include <stdbool.h>

#include "../lib/clocksource.h"

/*
 * The available sources, best first, read anew; skips the case where there is no such file, fails
 * it where it can't be read.
 */
struct cs_list *sources_need(void);

/* Skips the case unless root can write the file of CS_DIR. */
void sources_need_writable(const char *path);

/* Whether source is made of ticks: jiffies, refined-jiffies (kernel/time/jiffies.c). */
bool sources_ticking(const char *source);

/* Whether the kernel's log says that it marked source as unstable; notes the message. */
bool sources_marked(const char *source);

/*
 * Before a case fails for what became of source: skips it if the kernel has marked that source as
 * unstable, and so no longer uses it. Whether it did so rightly clocksource.watchdog judges.
 */
void sources_ask(const char *source);

#endif
