// SPDX-License-Identifier: GPL-2.0-only
/*
 * CLOCK_MONOTONIC against clocks with an oscillator of their own: the RTC, read
 * by where its seconds begin, PTP devices and ACPI's timer. A few seconds can't tell parts
 * per million; what they can tell is bounded by what was seen for certain, and
 * only that is judged.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/ptp_clock.h>
#include <linux/rtc.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/timex.h>
#include <unistd.h>

#include "../lib/clocks.h"
#include "../lib/offset.h"
#include "../lib/files.h"
#include "../lib/report.h"
#include "pm_timer.h"

#define SPAN_S 3

/* The most that NTP may steer a clock by (MAXFREQ, kernel/time/ntp.c). */
#define LIMIT_PPM 500.0

/* A second of the RTC began between these, CLOCK_MONOTONIC. */
struct edge {
	int64_t before, after;
	int second; /* 0 to 59: the one that began */
};

static int rtc_second(int fd)
{
	struct rtc_time time;

	if (ioctl(fd, RTC_RD_TIME, &time))
		report_skip("/dev/rtc0 can't be read: %s", strerror(errno));
	return time.tm_sec;
}

/* Reads the RTC until a second begins. */
static struct edge next_edge(int fd, uint64_t *samples)
{
	uint64_t begun = counter_read();
	int64_t now = clock_ns(CLOCK_MONOTONIC);
	int old = rtc_second(fd);
	struct edge e = { .before = now };

	do {
		now = clock_ns(CLOCK_MONOTONIC);
		e.second = rtc_second(fd);
		e.after = clock_ns(CLOCK_MONOTONIC);
		++*samples;
		if (e.second != old)
			return e;
		/* This reading still showed the old one: the new one began after its start. */
		e.before = now;
	} while (counter_since_ns(begun) < 3 * NSEC_PER_SEC);
	report_skip("the RTC doesn't run: /dev/rtc0 shows the same second for 3 s");
}

/*
 * The rate, in ppm, of a reference by a clock, if the reference counted
 * ns between two events: within [*low, *high] for certain.
 */
static void judge(const char *what, double ns, double least, double most, uint64_t samples,
		  const char *clock, double limit)
{
	double high = (ns / least - 1) * 1e6, low = (ns / most - 1) * 1e6;

	report_metric("samples", samples, "readings");
	report_metric("slope", (high + low) / 2, "ppm");
	report_metric("resolution", (high - low) / 2, "ppm");
	report_metric("span", ns / 1e9, "s");
	if (least <= 0)
		report_skip("a reading of %s took longer than the span", what);
	if (low > limit || high < -limit)
		report_fail("%s runs %.0f ppm by %s, known to %.0f ppm: beyond %.0f ppm", what,
			    (high + low) / 2, clock, (high - low) / 2, limit);
}

static void rtc(int unused)
{
	struct timespec pause = ns_timespec(NSEC_PER_SEC / 20);
	int fd = open("/dev/rtc0", O_RDONLY | O_CLOEXEC);
	struct edge first, last;
	uint64_t samples = 0;
	int seconds;

	(void)unused;
	if (fd < 0 && errno == ENOENT)
		report_skip("no /dev/rtc0");
	if (fd < 0 && (errno == EACCES || errno == EPERM))
		report_skip("reading /dev/rtc0 needs root");
	if (fd < 0)
		report_skip("/dev/rtc0 can't be opened: %s", strerror(errno));
	first = next_edge(fd, &samples);
	while (clock_ns(CLOCK_MONOTONIC) - first.after < SPAN_S * NSEC_PER_SEC - NSEC_PER_SEC / 2)
		clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	last = next_edge(fd, &samples);
	close(fd);
	/* The RTC's own count, which may be 7 % off: up to a minute it is unambiguous. */
	seconds = (last.second - first.second + 60) % 60;
	report_metric("edge_width", last.after - last.before, "ns");
	judge("the RTC", seconds * 1e9, last.before - first.after, last.after - first.before,
	      samples, "CLOCK_MONOTONIC", LIMIT_PPM);
}

/* posix-timers' dynamic clocks (include/linux/posix-timers_types.h: fd_to_clockid). */
static clockid_t fd_clock(int fd)
{
	return (clockid_t)(~(unsigned int)fd << 3 | 3);
}

/*
 * REALTIME against the host's clock. Nothing in the kernel keeps them together, so their offset is
 * information; but where somebody has said that REALTIME is synchronised, he has said to how many
 * us (adjtimex(2): STA_UNSYNC, maxerror), and a host's clock that tells UTC must agree. Other PTP
 * clocks may tell TAI.
 */
static void ptp_offset(int fd, int number, const char *path)
{
	char file[64], clock[64] = "", name[32];
	struct timex t = { 0 };
	struct sandwich s;
	int64_t least, most, claimed;

	if (!sandwich_clocks(CLOCK_REALTIME, fd_clock(fd), SANDWICH_TRIES, &s))
		return;
	least = offset_of(&s).low;
	most = offset_of(&s).high;
	snprintf(name, sizeof(name), "ptp%d_offset", number);
	report_metric(name, (least + most) / 2., "ns");
	snprintf(file, sizeof(file), "/sys/class/ptp/ptp%d/clock_name", number);
	if (file_read_line(file, clock, sizeof(clock)) < 0 || adjtimex(&t) < 0)
		return;
	/* drivers/ptp/ptp_kvm_common.c, drivers/hv/hv_util.c */
	if (strcmp(clock, "KVM virtual PTP") && strcmp(clock, "hyperv"))
		return;
	if (t.status & STA_UNSYNC) {
		report_note("%s (%s) is %.6f s ahead of CLOCK_REALTIME, which nobody says to be synchronised: not judged",
			    path, clock, (least + most) / 2e9);
		return;
	}
	claimed = t.maxerror * NSEC_PER_USEC;
	if (least > claimed || most < -claimed)
		report_fail("%s (%s) is %.6f s ahead of CLOCK_REALTIME, which claims to be right to %.6f s",
			    path, clock, (least + most) / 2e9, claimed / 1e9);
}

static void ptp_device(int fd, int number, const char *path)
{
	struct timespec pause = ns_timespec((SPAN_S - 1) * NSEC_PER_SEC);
	struct sandwich first, last;
	char what[64];
	int64_t now = clock_ns(fd_clock(fd));

	if (now < 0)
		report_skip("%s can't be read: %s", path, strerror(-now));
	if (!sandwich_clocks(CLOCK_MONOTONIC, fd_clock(fd), SANDWICH_TRIES, &first))
		report_skip("%s could not be read", path);
	clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	if (!sandwich_clocks(CLOCK_MONOTONIC, fd_clock(fd), SANDWICH_TRIES, &last))
		report_skip("%s could not be read", path);
	ptp_offset(fd, number, path);
	snprintf(what, sizeof(what), "the PTP clock %s", path);
	judge(what, last.value - first.value, last.before - first.after, last.after - first.before,
	      2, "CLOCK_MONOTONIC", LIMIT_PPM);
}

static void ptp(int unused)
{
	int found = 0, refused = 0;
	char path[32];

	(void)unused;
	for (int i = 0; i < 8; i++) {
		int fd;

		snprintf(path, sizeof(path), "/dev/ptp%d", i);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		refused += fd < 0 && (errno == EACCES || errno == EPERM);
		if (fd < 0)
			continue;
		found++;
		ptp_device(fd, i, path);
		close(fd);
	}
	if (!found && refused)
		report_skip("reading a /dev/ptp device needs root");
	if (!found)
		report_skip("no /dev/ptp device");
}

/*
 * The PM timer's crystal and the one behind RAW are tens of ppm from what they
 * claim, and a calibration (tsc_refine_calibration_work()) is better than this.
 */
#define PM_TIMER_PPM 100.0

static int64_t read_pm_timer(void *unused)
{
	(void)unused;
	return pm_timer_read();
}

/* A reading of the PM timer, the narrowest of some, between two of CLOCK_MONOTONIC_RAW. */
static struct sandwich pm_timer_sample(void)
{
	struct sandwich s;

	sandwich_with(CLOCK_MONOTONIC_RAW, read_pm_timer, NULL, 50, &s);
	return s;
}

static void pm_timer(int unused)
{
	struct timespec pause = ns_timespec(NSEC_PER_SEC / 2);
	const char *why = pm_timer_open();
	struct sandwich first, last;
	int64_t ticks = 0;

	(void)unused;
	if (why)
		report_skip("the PM timer can't be read: %s", why);
	first = last = pm_timer_sample();
	for (int i = 0; i < 2 * (SPAN_S - 1); i++) {
		struct sandwich s;

		clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
		s = pm_timer_sample();
		if (s.after - last.before > 3 * NSEC_PER_SEC)
			report_skip(
				"two readings of the PM timer were more than a wrap (4.7 s) apart");
		ticks += (s.value - last.value) & PM_TIMER_MASK;
		last = s;
	}
	judge("the PM timer", ticks * 1e9 / PM_TIMER_HZ, last.before - first.after,
	      last.after - first.before, 2 * SPAN_S - 1, "CLOCK_MONOTONIC_RAW", PM_TIMER_PPM);
}

static const struct report_case cases[] = {
	{ "rtc",
	  "the RTC's seconds are CLOCK_MONOTONIC's to 500 ppm, as far as a few of them tell (G2)",
	  rtc, false },
	{ "ptp",
	  "a PTP clock's seconds are CLOCK_MONOTONIC's to 500 ppm, as far as a few of them tell, and a host's PTP clock is CLOCK_REALTIME where that claims to be right (G3)",
	  ptp, false },
	{ "pm_timer",
	  "the PM timer runs at 3.579545 MHz by CLOCK_MONOTONIC_RAW, to 100 ppm (ACPI 4.8.2.1)",
	  pm_timer, false },
};

REPORT_MAIN("counter", "reference")
