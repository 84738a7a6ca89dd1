// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suspend to idle for a few seconds, woken by the RTC: time goes on by what the
 * RTC tells, the clockevents are what they were, and timers go on.
 *
 * May not wake up: only where someone outside is watching.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "../lib/clockevents.h"
#include "../lib/clocks.h"
#include "../lib/files.h"
#include "../lib/platform.h"
#include "../lib/report.h"
#include "../lib/restore.h"

#define RTC "/sys/class/rtc/rtc0"
#define SLEEP_S 3

static void need_suspend(void)
{
	char states[128], since[32], vendor[64];
	struct platform platform;

	platform_read(&platform);
	if (geteuid())
		report_skip("suspending needs root");
	if (file_read_line("/sys/power/state", states, sizeof(states)) < 0 || !strstr(states, "freeze"))
		report_skip("/sys/power/state doesn't offer freeze");
	if (file_read_line(RTC "/since_epoch", since, sizeof(since)) < 0)
		report_skip("there is no RTC (" RTC ")");
	/* There the alarm is to come by an ACPI event (rtc-cmos), which QEMU raises to end S3 alone. */
	if (file_read_line("/sys/class/dmi/id/sys_vendor", vendor, sizeof(vendor)) >= 0 && !strcmp(vendor, "QEMU") &&
	    platform.x86)
		report_skip("QEMU's x86 machines have nothing that wakes them: their RTC raises no ACPI event in suspend to idle");
	if (file_read_line(RTC "/wakealarm", since, sizeof(since)) < 0)
		report_skip("the RTC has no alarm that wakes (" RTC "/wakealarm)");
}

static int64_t rtc_seconds(void)
{
	char text[32] = "";

	file_read_line(RTC "/since_epoch", text, sizeof(text));
	return strtoll(text, NULL, 10);
}

/* Sets the alarm and suspends; returns when awake again. */
static void sleep_to_idle(void)
{
	char alarm[32];
	ssize_t n;
	int len;

	restore_need(RTC "/wakealarm", "0");
	file_write(RTC "/wakealarm", "0", 1);
	len = snprintf(alarm, sizeof(alarm), "%lld", (long long)(rtc_seconds() + SLEEP_S));
	n = file_write(RTC "/wakealarm", alarm, len);
	if (n != len)
		report_skip("the RTC's alarm can't be set: %s", strerror(-n));
	n = file_write("/sys/power/state", "freeze", 6);
	if (n == -EBUSY || n == -EAGAIN || n == -EINVAL || n == -ENODEV || n == -EPERM)
		report_skip("this machine doesn't suspend to idle now: %s", strerror(-n));
	if (n != 6)
		report_fail("suspending to idle: %s", strerror(-n));
}

static void s2idle(int unused)
{
	struct itimerspec rel = { .it_value = ns_timespec(500 * NSEC_PER_MSEC) };
	struct itimerspec day = { .it_value.tv_sec = clock_ns(CLOCK_REALTIME) / NSEC_PER_SEC + 86400 };
	int64_t boot, mono, real, rtc, left, excluded, begun, took;
	static struct ce_names before, after;
	uint64_t expirations = 0;
	int timer, cancelled;
	ssize_t n;

	(void)unused;
	need_suspend();
	timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	cancelled = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	ck_assert_int_eq(ce_snapshot(&before), 0);
	rtc = rtc_seconds();
	boot = clock_ns(CLOCK_BOOTTIME);
	real = clock_ns(CLOCK_REALTIME);
	ck_assert_int_eq(timerfd_settime(cancelled, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &day, NULL), 0);
	begun = mono = clock_ns(CLOCK_MONOTONIC);
	ck_assert_int_eq(timerfd_settime(timer, 0, &rel, NULL), 0);
	sleep_to_idle();
	mono = clock_ns(CLOCK_MONOTONIC) - mono;
	boot = clock_ns(CLOCK_BOOTTIME) - boot;
	real = clock_ns(CLOCK_REALTIME) - real;
	rtc = rtc_seconds() - rtc;
	excluded = boot - mono;
	ck_assert_int_eq(ce_snapshot(&after), 0);
	report_metric("rtc", rtc, "s");
	report_metric("boottime", boot, "ns");
	report_metric("excluded", excluded, "ns");
	if (rtc < SLEEP_S - 1)
		report_skip("something else woke the machine after %lld s", (long long)rtc);
	/* The RTC tells whole seconds at both ends, and so does what timekeeping took from it. */
	left = boot - rtc * NSEC_PER_SEC;
	if (llabs(left) > 2 * NSEC_PER_SEC + 50 * NSEC_PER_MSEC)
		report_fail("the RTC moved by %lld s, CLOCK_BOOTTIME by %.3f s", (long long)rtc, boot / 1e9);
	if (llabs(real - boot) > 50 * NSEC_PER_MSEC)
		report_fail("CLOCK_REALTIME moved by %.3f s, CLOCK_BOOTTIME by %.3f s", real / 1e9, boot / 1e9);
	if (excluded < -NSEC_PER_MSEC)
		report_fail("CLOCK_MONOTONIC moved by %.3f s, CLOCK_BOOTTIME by %.3f s only", mono / 1e9, boot / 1e9);
	if (!ce_same(&before, &after, CE_BROADCAST) || strcmp(before.broadcast, after.broadcast))
		report_fail("the clockevents aren't those of before");
	/* Without an idle state that stops the tick altogether MONOTONIC went on, and nobody set anything. */
	if (excluded < NSEC_PER_SEC / 2) {
		report_note("timekeeping went on while suspended: no cpuidle state here stops it (s2idle_enter())");
	} else {
		n = read(cancelled, &expirations, sizeof(expirations));
		if (n != -1 || errno != ECANCELED)
			report_fail("resuming didn't cancel a CANCEL_ON_SET timer");
	}
	n = read(timer, &expirations, sizeof(expirations));
	took = clock_ns(CLOCK_MONOTONIC) - begun;
	if (n != sizeof(expirations))
		report_fail("reading a relative timer that was pending: %s", n < 0 ? strerror(errno) : "too short");
	if (expirations != 1)
		report_fail("a relative timer that was pending expired %llu times, not once",
			    (unsigned long long)expirations);
	if (took < 500 * NSEC_PER_MSEC)
		report_fail("a relative timer of 500 ms expired after %.3f ms", took / 1e6);
}

static const struct report_case cases[] = {
	{ "s2idle", "H4, H5: over a suspend to idle CLOCK_BOOTTIME and REALTIME go on by what the RTC does, clockevents stay, timers go on, and CANCEL_ON_SET tells where timekeeping stopped (timekeeping_resume())", s2idle, false },
};

int main(int argc, char **argv)
{
	static const struct report_program program = {
		.surface = "time", .program = "suspend",
		.cases = cases, .nr_cases = sizeof(cases) / sizeof(*cases),
		.setup = restore_init,
	};

	return report_main(argc, argv, &program);
}
