// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a write to current_clocksource selects: the source of that very name, and
 * for all else, without a word, the best one (kernel/time/clocksource.c:
 * current_clocksource_store, __clocksource_select).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../lib/clocks.h"
#include "../lib/kmsg.h"
#include "../lib/platform.h"
#include "../lib/report.h"
#include "../lib/resolution.h"
#include "original.h"
#include "sources.h"

static struct platform platform;

/* Writes text while the worst source is in use; demands success and that source. */
static void expect_selected(const char *text, size_t len, const char *source, const char *what)
{
	const struct cs_list *list = original_need(1);
	const char *worst = list->name[list->nr - 1];
	char now[CS_NAME_LEN];
	ssize_t n;

	original_leave_for(worst);
	n = cs_select(text, len);
	if (n != (ssize_t)len)
		report_fail("writing %s gave %s instead of success", what,
			    n < 0 ? strerrorname_np(-n) : "a short write");
	ck_assert_int_eq(cs_current(now), 0);
	if (strcmp(now, source))
		sources_ask(source);
	if (strcmp(now, source))
		report_fail("writing %s, with %s in use, selected %s instead of %s", what, worst,
			    now, source);
}

/* An unknown name: success, and the best source. */
static void expect_best(const char *text, const char *what)
{
	expect_selected(text, strlen(text), original_need(1)->name[0], what);
}

static void exact_names(int unused)
{
	const struct cs_list *list = original_need(2);
	char text[CS_NAME_LEN + 2];

	(void)unused;
	report_metric("sources", list->nr, "sources");
	for (size_t i = 0; i < list->nr; i++) {
		const char *name = list->name[i];
		size_t len = strlen(name);

		expect_selected(name, len, name, "a name");
		snprintf(text, sizeof(text), "%s\n", name);
		if (len + 1 < CS_NAME_LEN)
			expect_selected(text, len + 1, name, "a name and a newline");
		/* The kernel's strings end there. */
		if (len + 1 < CS_NAME_LEN)
			expect_selected(name, len + 1, name, "a name and a NUL");
	}
	original_return();
}

static void inexact_names(int unused)
{
	const struct cs_list *list = original_need(2);
	char text[CS_NAME_LEN + 2];

	(void)unused;
	report_metric("sources", list->nr, "sources");
	for (size_t i = 0; i < list->nr; i++) {
		const char *name = list->name[i];

		if (strlen(name) + 2 >= CS_NAME_LEN)
			continue;
		snprintf(text, sizeof(text), "%s ", name);
		expect_best(text, "a name and a blank");
		snprintf(text, sizeof(text), " %s", name);
		expect_best(text, "a blank and a name");
		snprintf(text, sizeof(text), "%s\n\n", name);
		expect_best(text, "a name and two newlines");
		snprintf(text, sizeof(text), "%.*s", (int)strlen(name) - 1, name);
		if (cs_find(list, text) < 0)
			expect_best(text, "a name without its last letter");
	}
	original_return();
}

static void unknown_name(int unused)
{
	(void)unused;
	report_metric("sources", original_need(1)->nr, "sources");
	expect_best("tickproof-no-such", "an unknown name");
	expect_best("tickproof-no-such\n", "an unknown name and a newline");
	original_return();
}

static void longest_name(int unused)
{
	char x[CS_NAME_LEN];

	(void)unused;
	report_metric("sources", original_need(1)->nr, "sources");
	memset(x, 'x', sizeof(x));
	expect_selected(x, CS_NAME_LEN - 1, original_need(1)->name[0], "31 bytes");
	original_return();
}

static void lone_newline(int unused)
{
	(void)unused;
	report_metric("sources", original_need(1)->nr, "sources");
	expect_best("\n", "a lone newline");
	original_return();
}

/* Whether one of the messages since says that the kernel will not use jiffies. */
static bool said_so(struct kmsg *log)
{
	char text[256];
	bool said = false;

	while (kmsg_next(log, text, sizeof(text)))
		said |= strstr(text, "Override clocksource") && strstr(text, "HRT compatible");
	return said;
}

static void jiffies_deferred(int unused)
{
	const struct cs_list *list = original_need(1);
	char now[CS_NAME_LEN];
	struct kmsg log;
	int log_err;

	(void)unused;
	if (!hres_active())
		report_skip("high resolution timers aren't active: jiffies could be selected");
	log_err = kmsg_open(&log);
	ck_assert_int_eq(cs_select("jiffies", 7), 7);
	ck_assert_int_eq(cs_current(now), 0);
	if (strcmp(now, list->name[0]))
		sources_ask(list->name[0]);
	if (strcmp(now, list->name[0]))
		report_fail("writing jiffies selected %s instead of the best source, %s", now,
			    list->name[0]);
	original_return();
	if (log_err)
		report_note("the kernel's log can't be read: %s", strerror(-log_err));
	else if (!said_so(&log))
		report_fail("the kernel didn't log that jiffies aren't HRT compatible");
}

static void restored(int unused)
{
	(void)unused;
	original_judge();
}

static const struct report_case cases[] = {
	{ "exact_names",
	  "C2: a name, with or without one newline after, selects that source and reads back",
	  exact_names, 0 },
	{ "inexact_names",
	  "C3: blanks and a second newline belong to the name: success, and the best source (__clocksource_select)",
	  inexact_names, 0 },
	{ "unknown_name",
	  "C3: an unknown name is taken (success) and selects the best source (__clocksource_select)",
	  unknown_name, 0 },
	{ "longest_name", "C4: 31 bytes are a name like any other (sysfs_get_uname)", longest_name,
	  0 },
	{ "lone_newline", "C5: a lone newline clears the override and selects the best source",
	  lone_newline, 0 },
	{ "jiffies_deferred",
	  "C6: a source not valid for high resolution isn't used: success, the best source, and the log says so",
	  jiffies_deferred, 0 },
	{ "restored", "C2: the source in use at the start is in use at the end", restored, 0 },
};

static void setup(void)
{
	platform_read(&platform);
	platform_facts(&platform);
	original_init();
}

REPORT_MAIN("clocksource", "select", .setup = setup)
