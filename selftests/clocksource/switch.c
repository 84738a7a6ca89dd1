// SPDX-License-Identifier: GPL-2.0-only
/*
 * Switching the clocksource, again and again while every CPU reads the time:
 * no clock steps back, none drifts from another, no timer fires early, and what
 * the kernel says it does to NTP it does (kernel/time/timekeeping.c:
 * change_clocksource, tk_setup_internals).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <unistd.h>

#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/kmsg.h"
#include "../lib/platform.h"
#include "../lib/report.h"
#include "asleep.h"
#include "original.h"
#include "measure.h"
#include "reading.h"

static struct platform platform;

/* Shared with the processes of the cases. */
static struct measured *shared;

/* The 100 switches, by the first case that needs them. */
static const struct measured *measured(void)
{
	const struct cs_list *sources = original_need(2);

	if (!shared->done)
		measure(shared, sources, report_cpus());
	return shared;
}

static bool said(struct kmsg *log, const char *source)
{
	static const char words[] = "Switched to clocksource ";
	char text[256];
	bool found = false;

	while (kmsg_next(log, text, sizeof(text))) {
		const char *at = strstr(text, words);

		found |= at && !strcmp(at + sizeof(words) - 1, source);
	}
	return found;
}

static void every_source(int unused)
{
	const struct cs_list *sources = original_need(1);
	struct kmsg log;
	int log_err = kmsg_open(&log);
	char now[CS_NAME_LEN];

	(void)unused;
	for (size_t i = 0; i < sources->nr; i++) {
		bool changes;

		ck_assert_int_eq(cs_current(now), 0);
		changes = strcmp(now, sources->name[i]);
		original_leave_for(sources->name[i]);
		if (!log_err && said(&log, sources->name[i]) != changes)
			report_fail("switching from %s to %s, the kernel %s", now, sources->name[i],
				    changes ? "didn't log it" : "logged a switch that was none");
	}
	original_return();
	report_metric("sources", sources->nr, "sources");
}

static void vdso(int unused)
{
	const struct cs_list *sources = original_need(1);

	(void)unused;
	for (size_t i = 0; i < sources->nr; i++) {
		original_leave_for(sources->name[i]);
		reading_judge_vdso(sources->name[i]);
	}
	original_return();
}

static void sandwich(int unused)
{
	const struct cs_list *sources = original_need(1);
	unsigned long made = 0;

	(void)unused;
	for (size_t i = 0; i < sources->nr; i++) {
		original_leave_for(sources->name[i]);
		made += reading_judge_sandwich(sources->name[i], 2000, 20 * NSEC_PER_MSEC);
	}
	original_return();
	report_metric("sandwiches", made, "readings");
}

/* The span at this place of every switch, as metrics. */
static void spans(const struct measured *m, size_t member, const char *name)
{
	int64_t span[SWITCHES];
	char metric[32];
	struct stats s;

	for (int i = 0; i < m->switches; i++)
		span[i] = *(const int64_t *)((const char *)&m->switched[i] + member);
	s = stats_of(span, m->switches);
	snprintf(metric, sizeof(metric), "%s_p50", name);
	report_metric(metric, s.p50, "ns");
	snprintf(metric, sizeof(metric), "%s_max", name);
	report_metric(metric, s.max, "ns");
}

static void same_thread(int unused)
{
	const struct measured *m = measured();
	uint64_t readings = 0;

	(void)unused;
	report_note("random seed %u", m->seed);
	for (int i = 0; i < NR_READ_CLOCKS; i++)
		readings += m->result[i].own.count;
	report_metric("switches", m->switches, "switches");
	report_metric("unread", m->unread, "switches");
	spans(m, offsetof(struct switched, took), "switch");
	spans(m, offsetof(struct switched, read_took), "round");
	report_metric("readings", readings, "readings");
	report_metric("rounds", m->rounds, "rounds");
	for (int i = 0; i < NR_READ_CLOCKS; i++) {
		const struct series *s = &m->result[i].own;

		if (s->backward)
			report_fail("CLOCK_%s stepped back in one thread %llu times in %llu readings, by up to %lld ns",
				    read_clocks[i].name, (unsigned long long)s->backward,
				    (unsigned long long)s->count, (long long)s->worst);
		if (!s->forward)
			report_fail("CLOCK_%s stood still over %d switches and %llu readings",
				    read_clocks[i].name, m->switches, (unsigned long long)s->count);
	}
}

static void between_threads(int unused)
{
	const struct measured *m = measured();

	(void)unused;
	if (cpus_count(report_cpus()) < 2)
		report_skip("there is only one CPU");
	for (int i = 0; i < NR_READ_CLOCKS; i++)
		if (m->result[i].behind)
			report_fail("CLOCK_%s was behind what another CPU had read before, %llu times in %llu readings, by up to %lld ns",
				    read_clocks[i].name, (unsigned long long)m->result[i].behind,
				    (unsigned long long)m->result[i].own.count,
				    (long long)m->result[i].behind_worst);
}

static int64_t magnitude(int64_t x)
{
	return x < 0 ? -x : x;
}

static void gap(int unused)
{
	const struct measured *m = measured();
	int64_t gaps[SWITCHES], widths[SWITCHES], bound;
	struct stats g, w;

	(void)unused;
	for (int i = 0; i < m->switches; i++) {
		gaps[i] = magnitude(m->switched[i].gap);
		widths[i] = m->switched[i].gap_width;
	}
	g = stats_of(gaps, m->switches);
	w = stats_of(widths, m->switches);
	/* What a switch costs is two reads of slow counters; w says how slow they are here. */
	bound = 10 * w.p50 > 100 * NSEC_PER_USEC ? 10 * w.p50 : 100 * NSEC_PER_USEC;
	report_metric("gap_p50", g.p50, "ns");
	report_metric("gap_p99", g.p99, "ns");
	report_metric("gap_max", g.max, "ns");
	report_metric("width_p50", w.p50, "ns");
	if (g.p50 > bound)
		report_fail("a switch moved MONOTONIC against the raw counter by %.1f us (median of %d), more than %.1f us",
			    g.p50 / 1e3, m->switches, bound / 1e3);
}

/* The worst of a figure that must not change by more than 1 us, and 600 ppm where NTP steers. */
static void expect_latched(size_t member, const char *what, int ppm)
{
	const struct measured *m = measured();
	int64_t widths[SWITCHES], worst = 0;

	for (int i = 0; i < m->switches; i++) {
		const struct switched *s = &m->switched[i];
		int64_t change = magnitude(*(const int64_t *)((const char *)s + member));
		int64_t bound = NSEC_PER_USEC + s->elapsed * ppm / 1000000;

		widths[i] = s->width;
		if (change > worst)
			worst = change;
		if (change > bound)
			report_fail("%s changed by %lld ns, more than %lld ns, in the switch from %s to %s",
				    what, (long long)change, (long long)bound, s->from, s->to);
	}
	report_metric("change_max", worst, "ns");
	/* A change smaller than this may hide. */
	report_metric("width_p50", stats_of(widths, m->switches).p50, "ns");
	report_metric("switches", m->switches, "switches");
}

static void raw(int unused)
{
	(void)unused;
	expect_latched(offsetof(struct switched, raw), "MONOTONIC - MONOTONIC_RAW", 600);
}

static void realtime(int unused)
{
	(void)unused;
	expect_latched(offsetof(struct switched, realtime), "REALTIME - MONOTONIC", 0);
}

static void boottime(int unused)
{
	(void)unused;
	expect_latched(offsetof(struct switched, boottime), "BOOTTIME - MONOTONIC", 0);
}

static void tai(int unused)
{
	(void)unused;
	expect_latched(offsetof(struct switched, tai), "TAI - REALTIME", 0);
}

static void coarse(int unused)
{
	const struct measured *m = measured();
	int64_t bound;

	(void)unused;
	report_metric("lag_before_p99", m->lag_before.p99, "ns");
	report_metric("lag_p50", m->lag.p50, "ns");
	report_metric("lag_p99", m->lag.p99, "ns");
	report_metric("lag_max", m->lag.max, "ns");
	report_metric("samples", m->lag.count, "readings");
	for (int i = NR_FINE_CLOCKS; i < NR_READ_CLOCKS; i++)
		if (m->result[i].ahead)
			report_fail("CLOCK_%s was ahead of its fine clock read after it, %llu times in %llu readings, by up to %lld ns",
				    read_clocks[i].name, (unsigned long long)m->result[i].ahead,
				    (unsigned long long)m->result[i].own.count,
				    (long long)m->result[i].ahead_worst);
	/*
	 * Two ticks on a quiet machine; those of a guest whose host is busy come late, and bunched.
	 */
	bound = 10 * m->lag_before.p99;
	if (bound < 20 * NSEC_PER_MSEC)
		bound = 20 * NSEC_PER_MSEC;
	if (m->lag.p50 > bound)
		report_fail("coarse clocks lag %.3f ms behind (median of %zu), more than %.3f ms (p99 without switches: %.3f ms)",
			    m->lag.p50 / 1e6, m->lag.count, bound / 1e6, m->lag_before.p99 / 1e6);
}

/* D7's own change to the clock, 10 ppm; put back by ntp_restore(). */
static void ntp_set(struct timex *before)
{
	struct timex t = { 0 };

	if (adjtimex(before) < 0)
		report_fail("adjtimex: %s", strerror(errno));
	t.modes = ADJ_FREQUENCY | ADJ_STATUS | ADJ_MAXERROR;
	t.freq = before->freq + (10 << 16);
	t.status = before->status & ~STA_UNSYNC;
	t.maxerror = 1000;
	if (adjtimex(&t) < 0)
		report_skip("the clock's frequency can't be set here: %s", strerror(errno));
}

static void ntp_restore(const struct timex *before)
{
	struct timex t = { .modes = ADJ_FREQUENCY, .freq = before->freq };

	adjtimex(&t);
}

static void ntp(int unused)
{
	const struct cs_list *sources = original_need(2);
	struct timex before = { 0 }, set = { 0 }, after = { 0 };
	sigset_t all;

	(void)unused;
	/* What was begun here is ended here, whatever comes. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	ntp_set(&before);
	adjtimex(&set);
	if (cs_select(sources->name[cs_find(sources, original_name()) ? 0 : 1],
		      strlen(sources->name[cs_find(sources, original_name()) ? 0 : 1])) < 0)
		report_note("the switch failed");
	adjtimex(&after);
	ntp_restore(&before);
	original_return();
	if (set.status & STA_UNSYNC)
		report_skip(
			"STA_UNSYNC can't be cleared here, so nothing shows that a switch sets it");
	if (!(after.status & STA_UNSYNC))
		report_fail("STA_UNSYNC isn't set after a switch: status 0x%x", after.status);
	if (after.freq != set.freq)
		report_fail("the switch changed the frequency from %.3f to %.3f ppm",
			    set.freq / 65536., after.freq / 65536.);
	report_metric("frequency", after.freq / 65536., "ppm");
}

static void cancel_on_set(int unused)
{
	const struct cs_list *sources = original_need(2);
	struct itimerspec far = {
		.it_value.tv_sec = clock_ns(CLOCK_REALTIME) / NSEC_PER_SEC + 86400,
	};
	int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	uint64_t expirations;

	(void)unused;
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far,
					 NULL),
			 0);
	for (int i = 0; i < 10; i++)
		switch_away(sources);
	original_return();
	if (read(fd, &expirations, sizeof(expirations)) >= 0)
		report_fail("a timerfd due in a day expired");
	if (errno != EAGAIN)
		report_fail("10 switches ended a TFD_TIMER_CANCEL_ON_SET timer with %s instead of leaving it armed (EAGAIN)",
			    strerrorname_np(errno));
	report_metric("switches", 10, "switches");
}

#define ARMED_TRIES 3

static void armed_timers(int unused)
{
	const struct cs_list *sources = original_need(2);
	struct stats before, s;
	int switches = 0, tries = 0;
	int64_t bound;

	(void)unused;
	/* What a busy host does to one sampling it doesn't do to three. */
	do {
		before = sleep_and_switch(NULL, 15, &switches);
		s = sleep_and_switch(sources, 40, &switches);
		original_return();
		bound = 10 * before.p99 > 20 * NSEC_PER_MSEC ? 10 * before.p99 : 20 * NSEC_PER_MSEC;
	} while (s.p50 > bound && ++tries < ARMED_TRIES);
	report_metric("switches", switches, "switches");
	report_metric("samples", s.count, "wake-ups");
	report_metric("late_p50", s.p50, "ns");
	report_metric("late_p99", s.p99, "ns");
	report_metric("late_max", s.max, "ns");
	if (s.p50 > bound)
		report_fail("timers fire %.3f ms late (median) across switches, more than %.3f ms (p99 before: %.3f ms), %d times out of %d",
			    s.p50 / 1e6, bound / 1e6, before.p99 / 1e6, ARMED_TRIES, ARMED_TRIES);
}

static void restored(int unused)
{
	(void)unused;
	original_judge();
}

static const struct report_case cases[] = {
	{ "every_source",
	  "C2: each available source can be switched to, reads back, and the log says so (timekeeping_notify)",
	  every_source, 0 },
	{ "vdso",
	  "D10: on each source, the vDSO serves it as its vdso_clock_mode says (update_vsyscall)",
	  vdso, 0 },
	{ "sandwich",
	  "D11: on each source, a reading by the vDSO lies between two system calls around it",
	  sandwich, 0 },
	{ "same_thread",
	  "D1, D4, D6: over 100 switches no clock steps back in a thread, by vDSO or system call (change_clocksource)",
	  same_thread, 0 },
	{ "between_threads",
	  "D2: over 100 switches no clock is behind what another CPU read before", between_threads,
	  0 },
	{ "gap",
	  "D3: a switch loses no more of MONOTONIC than two reads of the counters take (timekeeping_forward_now)",
	  gap, 0 },
	{ "raw", "D4: MONOTONIC and MONOTONIC_RAW are carried over together (tk_setup_internals)",
	  raw, 0 },
	{ "realtime", "D5: a switch doesn't change REALTIME - MONOTONIC", realtime, 0 },
	{ "boottime", "D6: a switch doesn't change BOOTTIME - MONOTONIC", boottime, 0 },
	{ "tai", "D6: a switch doesn't change TAI - REALTIME", tai, 0 },
	{ "coarse",
	  "D6: a coarse clock is never ahead of its fine one, nor for long behind it (median)",
	  coarse, 0 },
	{ "ntp", "D7: a switch sets STA_UNSYNC and keeps the frequency (TK_CLEAR_NTP: ntp_clear)",
	  ntp, 0 },
	{ "cancel_on_set",
	  "D8: a switch doesn't count as setting the clock: TFD_TIMER_CANCEL_ON_SET stays armed",
	  cancel_on_set, 0 },
	{ "armed_timers", "D9: timers armed across switches fire once and never early",
	  armed_timers, 0 },
	{ "restored", "C2: the source in use at the start is in use at the end", restored, 0 },
};

static void setup(void)
{
	platform_read(&platform);
	platform_facts(&platform);
	counter_hz();
	original_init();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
}

REPORT_MAIN("clocksource", "switch", .setup = setup)
