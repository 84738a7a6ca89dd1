// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reference outside: all clocks of a guest may be fast alike, and nothing
 * inside can tell. So this says what time it is, and whoever listens outside
 * compares with his own clock on arrival (harness/judge/judge.awk: G4).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "../lib/clocks.h"
#include "../lib/report.h"

/* Tells a rate to 0.1 % (G4 judges 5 %). */
#define SECONDS	   2
#define PER_SECOND 40

/* "stamp RAW MONOTONIC", in ns, as soon as they are read. */
static int64_t stamp(void)
{
	int64_t raw = clock_ns(CLOCK_MONOTONIC_RAW), monotonic = clock_ns(CLOCK_MONOTONIC);

	report_note("stamp %lld %lld", (long long)raw, (long long)monotonic);
	return raw;
}

static void stamps(int unused)
{
	struct timespec pause = ns_timespec(NSEC_PER_SEC / PER_SECOND);
	int64_t first = stamp(), last = first;

	(void)unused;
	for (int i = 0; i < SECONDS * PER_SECOND; i++) {
		int err = clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);

		if (err)
			report_fail("clock_nanosleep: %s", strerror(err));
		last = stamp();
	}
	report_metric("stamps", SECONDS * PER_SECOND + 1, "stamps");
	report_metric("span", (last - first) / 1e9, "s");
	if (last <= first)
		report_fail("CLOCK_MONOTONIC_RAW didn't advance while %d sleeps of %d ms ended",
			    SECONDS * PER_SECOND, 1000 / PER_SECOND);
}

static const struct report_case cases[] = {
	{ "stamps",
	  "CLOCK_MONOTONIC_RAW advances while sleeps end; its rate is the listener's to judge (G4)",
	  stamps, false },
};

REPORT_MAIN("counter", "host_clock")
