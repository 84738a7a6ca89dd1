/* SPDX-License-Identifier: GPL-2.0-only */
/* The clocksource in use when the program started, and the way back to it. */
#ifndef TICKPROOF_ORIGINAL_H
#define TICKPROOF_ORIGINAL_H

#include <stddef.h>

#include "../lib/clocksource.h"

/* In setup: remembers the source in use and has it put back at the end, also after a signal. */
void original_init(void);

/* Skips the case unless root may switch between at least so many sources; returns them. */
const struct cs_list *original_need(size_t sources);

/* Switches and demands that the source reads back; ends the case if not. */
void original_leave_for(const char *source);

/* Back, read back; ends the case if it can't be. */
void original_return(void);

/* Fails the case unless the source in use is the one of the start. */
void original_judge(void);

/* The name of the source in use at the start. */
const char *original_name(void);

#endif
