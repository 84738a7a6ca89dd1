/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether the raw counter is one that somebody vouches for. */
#ifndef TICKPROOF_TSC_H
#define TICKPROOF_TSC_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "../lib/files.h"

#define CLOCKSOURCES "/sys/devices/system/clocksource/clocksource0/"

/*
 * x86: the kernel has taken the TSC off its list (mark_tsc_unstable) and keeps
 * time by a source that doesn't scale it. Always false on arm64, whose counter
 * is the system's by architecture.
 */
static inline bool tsc_rejected(void)
{
#if defined(__x86_64__)
	char available[256], current[64];

	if (file_read_line(CLOCKSOURCES "available_clocksource", available, sizeof(available)) <
		    0 ||
	    file_read_line(CLOCKSOURCES "current_clocksource", current, sizeof(current)) < 0)
		return false;
	return !strstr(available, "tsc ") && strcmp(current, "kvm-clock") &&
	       strcmp(current, "hyperv_clocksource_tsc_page");
#else
	return false;
#endif
}

#endif
