// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "../lib/kmsg.h"
#include "../lib/report.h"
#include "log.h"

static struct kmsg kernel_log;
static int log_error;

void log_start(void)
{
	log_error = kmsg_open(&kernel_log);
}

/* Prints all trouble; returns how often and what came first. */
static unsigned int trouble(char *first, size_t len, unsigned int *min_delta)
{
	unsigned int count = 0;
	char text[256];

	while (!log_error && kmsg_next(&kernel_log, text, sizeof(text))) {
		enum kmsg_kind kind = kmsg_classify(text);

		*min_delta += kind == KMSG_MIN_DELTA;
		if (kind != KMSG_TROUBLE)
			continue;
		report_note("kernel: %s", text);
		if (!count++)
			snprintf(first, len, "%s", text);
	}
	return count;
}

void log_judge(void)
{
	unsigned int min_delta = 0, count;
	char first[256];

	if (log_error)
		report_skip("/dev/kmsg can't be read: %s", strerror(-log_error));
	count = trouble(first, sizeof(first), &min_delta);
	report_metric("min_delta_raised", min_delta, "messages");
	if (count)
		report_fail("the kernel logged trouble %u times, first: %s", count, first);
}

void log_explain(void)
{
	unsigned int min_delta = 0;
	char first[256];

	trouble(first, sizeof(first), &min_delta);
	if (min_delta)
		report_note("kernel: raised a clockevent's min_delta_ns %u times (clockevents_increase_min_delta)",
			    min_delta);
}
