// SPDX-License-Identifier: GPL-2.0-only
/*
 * The clock is adjusted as NTP does it: stepped, slewed, made to leap. Whatever
 * CLOCK_REALTIME does, CLOCK_MONOTONIC never goes back, on any CPU.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <unistd.h>

#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/offset.h"
#include "../lib/readers.h"
#include "../lib/report.h"
#include "wallclock.h"

#define SAMPLES 200
#define DAY_S	86400

/* One on each CPU, reading all the time: what nobody sets may never go back. */
static struct readers readers;

static void start_readers(void)
{
	int err = readers_start(&readers, report_cpus(), NULL);

	if (err)
		report_fail("starting a reader on each CPU: %s", strerror(-err));
}

static void stop_readers(const char *how)
{
	uint64_t readings = 0;

	readers_stop(&readers);
	for (int clock = 0; clock < NR_FINE_CLOCKS; clock++) {
		if (clock_settable(read_clocks[clock].id))
			continue;
		for (size_t i = 0; i < readers.nr; i++) {
			const struct series *own = &readers.reader[i].result[clock].own;

			readings += own->count;
			if (own->worst > 0)
				report_fail("CLOCK_%s went back by %lld ns on CPU %d while the clock was %s",
					    read_clocks[clock].name, (long long)own->worst,
					    readers.reader[i].cpu, how);
		}
	}
	report_metric("readings", readings, "readings");
}

static void adjust(unsigned int modes, int64_t value)
{
	int err = wallclock_adjust(modes, value);

	if (err < 0)
		report_fail("clock_adjtime, modes 0x%x: %s", modes, strerror(-err));
}

#define OFFSETS 20

static void setoffset(int unused)
{
	static const int64_t steps[] = { 1500000001, -1500000001, -999999999, 999999999, 1, -1 };
	int timer;
	uint64_t expirations;

	(void)unused;
	wallclock_need();
	timer = wallclock_far_timer(CLOCK_REALTIME, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET);
	/* What NTP slews meanwhile would hide a nanosecond. */
	adjust(ADJ_FREQUENCY, 0);
	start_readers();
	for (int n = 0; n < OFFSETS; n++) {
		int64_t ns = steps[n % (sizeof(steps) / sizeof(*steps))];
		struct offset before = { 0 }, after = { 0 };

		offset_sample(&before, CLOCK_MONOTONIC, CLOCK_REALTIME, SAMPLES);
		adjust(ADJ_SETOFFSET, ns);
		offset_sample(&after, CLOCK_MONOTONIC, CLOCK_REALTIME, SAMPLES);
		if (offset_step_error(&before, &after, ns))
			report_fail("ADJ_SETOFFSET of %lld ns moved CLOCK_REALTIME by that and %lld ns more",
				    (long long)ns,
				    (long long)offset_step_error(&before, &after, ns));
		if (read(timer, &expirations, sizeof(expirations)) != -1 || errno != ECANCELED)
			report_fail("ADJ_SETOFFSET of %lld ns didn't cancel a CANCEL_ON_SET timer",
				    (long long)ns);
	}
	report_metric("steps", OFFSETS, "steps");
	stop_readers("stepped by ADJ_SETOFFSET");
}

static struct sandwich mono_in_raw(void)
{
	struct sandwich s;

	if (!sandwich_clocks(CLOCK_MONOTONIC_RAW, CLOCK_MONOTONIC, 200, &s))
		report_fail("CLOCK_MONOTONIC_RAW went back in each of 200 readings");
	return s;
}

/* MONOTONIC's rate against RAW's, in ppm, with its uncertainty. */
static double slope(int64_t ns, double *uncertain)
{
	struct sandwich first = mono_in_raw(), last;
	double raw;

	clock_nap(ns);
	last = mono_in_raw();
	raw = (last.before - first.before + last.after - first.after) / 2.0;
	*uncertain = (sandwich_width(&first) + sandwich_width(&last)) / 2.0 / raw * 1e6;
	return ((last.value - first.value) / raw - 1) * 1e6;
}

/* MONOTONIC's rate with a frequency of ppm, less that without one. */
static double rate_with(int ppm, double none, double *uncertain)
{
	adjust(ADJ_FREQUENCY, ppm * (1 << 16));
	clock_nap(50 * NSEC_PER_MSEC);
	return slope(250 * NSEC_PER_MSEC, uncertain) - none;
}

/*
 * Where the kernel changes the clocksource meanwhile, since it has marked the old one unstable, the
 * frequency is not in force until the next tick (tk_setup_internals()): once, but not three times.
 */
#define SLEW_TRIES 3

static void slew(int unused)
{
	double fast, slow, none, u0, u1, u2;
	bool wrong;
	int tries = 0;

	(void)unused;
	wallclock_need();
	/* Whatever offset NTP was slewing away is forgotten. */
	adjust(ADJ_STATUS, 0);
	start_readers();
	do {
		none = rate_with(0, 0, &u0);
		fast = rate_with(500, none, &u1);
		slow = rate_with(-500, none, &u2);
		wrong = fabs(fast - 500) > 50 + u0 + u1 || fabs(slow + 500) > 50 + u0 + u2;
	} while (wrong && ++tries < SLEW_TRIES);
	/* To and fro, at each tick of the clock another rate. */
	for (int i = 0; i < 60; i++) {
		adjust(ADJ_FREQUENCY, (i % 2 ? -500 : 500) * (1 << 16));
		clock_nap(5 * NSEC_PER_MSEC);
	}
	adjust(ADJ_FREQUENCY, 0);
	stop_readers("slewed by 500 ppm");
	report_metric("fast", fast, "ppm");
	report_metric("slow", slow, "ppm");
	report_metric("uncertainty", u0 + u1, "ppm");
	if (wrong)
		report_fail("set to +500 and -500 ppm CLOCK_MONOTONIC ran %+.1f and %+.1f ppm against CLOCK_MONOTONIC_RAW (uncertain by %.1f), %d times out of %d wrong",
			    fast, slow, u0 + (u1 > u2 ? u1 : u2), SLEW_TRIES, SLEW_TRIES);
}

/*
 * The coarse clock is the fine one of the last tick. Slewing it back and forth,
 * its readings are those of one thread, and no tick may take one back.
 */
static void slew_coarse(int unused)
{
	int64_t begun = clock_ns(CLOCK_MONOTONIC), last = 0, now, worst = 0, changed = 0;
	uint64_t start = counter_read(), readings = 0, backwards = 0;
	int changes = 0;

	(void)unused;
	wallclock_need();
	while (clock_ns(CLOCK_MONOTONIC) - begun < NSEC_PER_SEC &&
	       counter_since_ns(start) < 10 * NSEC_PER_SEC) {
		now = clock_ns(CLOCK_MONOTONIC_COARSE);
		readings++;
		if (now < last) {
			backwards++;
			if (last - now > worst)
				worst = last - now;
		}
		last = now;
		/* In the middle of a tick as well as at its ends. */
		if (clock_ns(CLOCK_MONOTONIC) - changed >
		    3 * NSEC_PER_MSEC + changes % 7 * 200000) {
			changed = clock_ns(CLOCK_MONOTONIC);
			adjust(ADJ_FREQUENCY, (changes++ % 2 ? -500 : 500) * (1 << 16));
		}
	}
	report_metric("readings", readings, "readings");
	report_metric("changes", changes, "changes");
	report_metric("backwards", backwards, "readings");
	report_metric("worst", worst, "ns");
	if (backwards)
		report_fail("CLOCK_MONOTONIC_COARSE went back %llu times, by up to %lld ns, while the frequency was changed %d times",
			    (unsigned long long)backwards, (long long)worst, changes);
}

/* A sleeper until a time of day. */
struct waiter {
	pthread_t thread;
	int64_t deadline, woke, woke_tai;
	atomic_bool done;
};

static void *sleep_until(void *arg)
{
	struct waiter *s = arg;
	struct timespec ts = ns_timespec(s->deadline);

	clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &ts, NULL);
	s->woke = clock_ns(CLOCK_REALTIME);
	s->woke_tai = clock_ns(CLOCK_TAI);
	atomic_store(&s->done, true);
	return NULL;
}

/* The coming midnight, long enough from now that nothing else happens. */
static int64_t some_midnight(void)
{
	return (clock_ns(CLOCK_REALTIME) / NSEC_PER_SEC / DAY_S + 1) * DAY_S * NSEC_PER_SEC;
}

/*
 * Sets the time to shortly before the leap, and waits until the kernel has taken note; false: this
 * host was too slow.
 */
static bool approach(int64_t midnight, bool insert)
{
	/* The kernel looks at the flag as a second ends, which must be one before the leap. */
	wallclock_set(midnight - (insert ? 1300 : 2300) * NSEC_PER_MSEC);
	/* A leap second of before is forgotten where STA_PLL falls (process_adj_status()). */
	adjust(ADJ_STATUS, STA_PLL);
	adjust(ADJ_STATUS, 0);
	/* Setting the time made the error 16 s, which would make the state TIME_ERROR. */
	adjust(ADJ_MAXERROR, 0);
	adjust(ADJ_STATUS, insert ? STA_INS : STA_DEL);
	for (int i = 0; i < 400; i++) {
		int state = wallclock_adjust(0, 0);

		if (state == (insert ? TIME_INS : TIME_DEL))
			return clock_ns(CLOCK_REALTIME) <
			       midnight - (insert ? 500 : 1500) * NSEC_PER_MSEC;
		clock_nap(2 * NSEC_PER_MSEC);
	}
	return false;
}

#define SLEEPERS 3

static void leap(bool insert)
{
	static const int64_t due[SLEEPERS] = { -200 * NSEC_PER_MSEC, 0, 300 * NSEC_PER_MSEC };
	struct offset before = { 0 }, after = { 0 }, tai = { 0 };
	int64_t midnight, limit, expected = insert ? -NSEC_PER_SEC : NSEC_PER_SEC, worst = 0,
				 overshoot = 0;
	struct waiter s[SLEEPERS];
	int tai_before, tai_after, asleep;

	wallclock_need();
	adjust(ADJ_FREQUENCY, 0);
	for (int tries = 0;; tries++) {
		if (tries == 5)
			report_skip("this host is too slow: the kernel never was in state %s in time before midnight",
				    insert ? "TIME_INS" : "TIME_DEL");
		midnight = some_midnight();
		if (!approach(midnight, insert))
			continue;
		tai_before = wallclock_tai();
		before = (struct offset){ 0 };
		offset_sample(&before, CLOCK_MONOTONIC, CLOCK_REALTIME, SAMPLES);
		/* All of that before the leap. */
		if (clock_ns(CLOCK_REALTIME) < midnight - (insert ? 50 : 1050) * NSEC_PER_MSEC)
			break;
	}
	for (int i = 0; i < SLEEPERS; i++) {
		/* A deleted second is 23:59:59: there is no time of day in it. */
		s[i] = (struct waiter){
			.deadline =
				midnight + (due[i] < 0 && !insert ? -1200 * NSEC_PER_MSEC : due[i]),
		};
		ck_assert_int_eq(pthread_create(&s[i].thread, NULL, sleep_until, &s[i]), 0);
	}
	limit = clock_ns(CLOCK_MONOTONIC) + 10 * NSEC_PER_SEC;
	do {
		int64_t real = clock_ns(CLOCK_REALTIME);

		offset_sample(&tai, CLOCK_MONOTONIC, CLOCK_TAI, SAMPLES);
		/* Until a tick sees to it the clock may run past midnight. */
		if (wallclock_tai() == tai_before && real - midnight > overshoot)
			overshoot = real - midnight;
		clock_nap(2 * NSEC_PER_MSEC);
		asleep = 0;
		for (int i = 0; i < SLEEPERS; i++)
			asleep += !atomic_load(&s[i].done);
	} while (asleep && clock_ns(CLOCK_MONOTONIC) < limit);
	if (asleep)
		report_fail("%d of %d timers for times of day around the leap second never fired",
			    asleep, SLEEPERS);
	for (int i = 0; i < SLEEPERS; i++) {
		pthread_join(s[i].thread, NULL);
		/*
		 * One due before the leap that wakes late reads the second that is repeated;
		 * CLOCK_TAI knows better.
		 */
		if (s[i].woke < s[i].deadline &&
		    !(insert && due[i] < 0 &&
		      s[i].woke_tai >= s[i].deadline + tai_before * NSEC_PER_SEC))
			report_fail("a timer for %+.1f s around midnight fired %.3f ms early",
				    due[i] / 1e9, (s[i].deadline - s[i].woke) / 1e6);
		/* A second more or less, one of them, is the leap itself. */
		if (i && s[i].woke - s[i].deadline > worst)
			worst = s[i].woke - s[i].deadline;
	}
	offset_sample(&after, CLOCK_MONOTONIC, CLOCK_REALTIME, SAMPLES);
	offset_sample(&tai, CLOCK_MONOTONIC, CLOCK_TAI, SAMPLES);
	report_metric("late_max", worst, "ns");
	report_metric("overshoot", overshoot, "ns");
	report_metric("samples", tai.samples, "readings");
	if (offset_step_error(&before, &after, expected))
		report_fail("CLOCK_REALTIME moved by %+.0f s and %lld ns more over the leap second",
			    expected / 1e9,
			    (long long)offset_step_error(&before, &after, expected));
	tai_after = wallclock_tai();
	if (tai_after != tai_before + (insert ? 1 : -1))
		report_fail("the TAI offset went from %d to %d s, and should be %d", tai_before,
			    tai_after, tai_before + (insert ? 1 : -1));
	if (offset_misfit(&tai) > 0)
		report_fail("CLOCK_TAI moved by %lld ns against CLOCK_MONOTONIC over the leap second",
			    (long long)offset_misfit(&tai));
}

static void leap_insert(int unused)
{
	(void)unused;
	leap(true);
}

static void leap_delete(int unused)
{
	(void)unused;
	leap(false);
}

static const struct report_case cases[] = {
	{ "setoffset",
	  "H7, F7: ADJ_SETOFFSET moves CLOCK_REALTIME by exactly that, cancels CANCEL_ON_SET timers, and no other clock goes back on any CPU (timekeeping_inject_offset())",
	  setoffset, false },
	{ "slew",
	  "H7: a frequency of +500 and -500 ppm is what CLOCK_MONOTONIC runs by, and it never goes back on any CPU (ADJ_FREQUENCY; timekeeping_adjust())",
	  slew, false },
	{ "slew_coarse",
	  "H7: CLOCK_MONOTONIC_COARSE never goes back while the frequency is changed; before 6.15 a tick's adjustment may take off what was read already (timekeeping_apply_adjustment(); b71f9804f66c)",
	  slew_coarse, false },
	{ "leap_insert",
	  "H8: an inserted leap second repeats a second of CLOCK_REALTIME, CLOCK_TAI doesn't notice, and no timer for a time of day is early (second_overflow(), ntp_get_next_leap())",
	  leap_insert, false },
	{ "leap_delete",
	  "H8: a deleted leap second leaves one out of CLOCK_REALTIME, CLOCK_TAI doesn't notice, and no timer for a time of day is early (second_overflow())",
	  leap_delete, false },
};

static void schedule(void)
{
	wallclock_run(cases, sizeof(cases) / sizeof(*cases));
}

REPORT_MAIN("time", "adjust", .setup = wallclock_init, .schedule = schedule)
