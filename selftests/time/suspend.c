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

#define RTC	  "/sys/class/rtc/rtc0"
#define RTC_EVENT "/sys/firmware/acpi/interrupts/ff_rt_clk"
#define SLEEP_S	  3

static int64_t rtc_seconds(void)
{
	char text[32] = "";

	file_read_line(RTC "/since_epoch", text, sizeof(text));
	return strtoll(text, NULL, 10);
}

/* Sets the RTC's alarm so many seconds from now. Skips the case where that can't be done. */
static void set_alarm(int seconds)
{
	char alarm[32];
	ssize_t n;
	int len;

	restore_push(RTC "/wakealarm", "0");
	file_write(RTC "/wakealarm", "0", 1);
	len = snprintf(alarm, sizeof(alarm), "%lld", (long long)(rtc_seconds() + seconds));
	n = file_write(RTC "/wakealarm", alarm, len);
	if (n != len)
		report_skip("the RTC's alarm can't be set: %s",
			    n < 0 ? strerror(-n) : "a short write");
}

/*
 * QEMU by its DMI, its fw_cfg, or its CPUID: without CONFIG_DMI there is only what ACPI and the CPU
 * say.
 */
static bool is_qemu(const struct platform *p)
{
	char text[64];

	return (file_read_line("/sys/class/dmi/id/sys_vendor", text, sizeof(text)) >= 0 &&
		!strcmp(text, "QEMU")) ||
	       file_read_line("/sys/bus/acpi/devices/QEMU0002:00/hid", text, sizeof(text)) >= 0 ||
	       platform_tcg(p);
}

/*
 * How often ACPI's RTC event came ("       0      disabled      unmasked"); -1 where nothing
 * handles it.
 */
static long rtc_events(void)
{
	char text[64];

	if (file_read_line(RTC_EVENT, text, sizeof(text)) < 0 || strstr(text, "invalid"))
		return -1;
	return strtol(text, NULL, 10);
}

/*
 * On a PC with ACPI the alarm ends a suspend to idle by an ACPI event (rtc-cmos: rtc_wake_on()),
 * and not every machine raises it while it runs: an alarm is tried, with the event enabled.
 */
static void need_rtc_event(void)
{
	const struct timespec moment = { 0, 50 * NSEC_PER_MSEC };
	uint64_t start;
	long before;

	/* Of an alarm long past. */
	file_write(RTC_EVENT, "clear\n", 6);
	before = rtc_events();
	if (before < 0)
		report_skip("ACPI's RTC event has no handler here (" RTC_EVENT
			    "): nothing would wake the machine");
	set_alarm(2);
	if (file_write(RTC_EVENT, "enable\n", 7) != 7)
		report_skip("ACPI's RTC event can't be enabled (" RTC_EVENT
			    "): nothing would wake the machine");
	for (start = counter_read();
	     rtc_events() == before && counter_since_ns(start) < 4 * NSEC_PER_SEC;)
		clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL);
	if (rtc_events() > before)
		return;
	file_write(RTC_EVENT, "disable\n", 8);
	report_skip("the RTC's alarm raises no ACPI event while this machine runs (" RTC_EVENT
		    "): nothing would wake it");
}

static void need_suspend(void)
{
	struct platform platform;
	char text[128];

	platform_read(&platform);
	if (geteuid())
		report_skip("suspending needs root");
	if (file_read_line("/sys/power/state", text, sizeof(text)) < 0 || !strstr(text, "freeze"))
		report_skip("/sys/power/state doesn't offer freeze");
	if (file_read_line(RTC "/since_epoch", text, sizeof(text)) < 0)
		report_skip("there is no RTC (" RTC ")");
	/* Known, and not tried for four seconds. */
	if (platform.x86 && is_qemu(&platform))
		report_skip(
			"QEMU's x86 machines have nothing that wakes them: their RTC raises no ACPI event in suspend to idle");
	if (file_read_line(RTC "/wakealarm", text, sizeof(text)) < 0)
		report_skip("the RTC has no alarm that wakes (" RTC "/wakealarm)");
	if (file_read_line(RTC "/device/power/wakeup", text, sizeof(text)) >= 0 &&
	    strcmp(text, "enabled"))
		report_skip("the RTC isn't allowed to wake the machine (" RTC
			    "/device/power/wakeup: %s)",
			    text);
	if (platform.x86 && !access("/sys/firmware/acpi/interrupts", F_OK))
		need_rtc_event();
}

/* Sets the alarm and suspends; returns when awake again. */
static void sleep_to_idle(void)
{
	ssize_t n;

	set_alarm(SLEEP_S);
	n = file_write("/sys/power/state", "freeze", 6);
	if (n == -EBUSY || n == -EAGAIN || n == -EINVAL || n == -ENODEV || n == -EPERM)
		report_skip("this machine doesn't suspend to idle now: %s", strerror(-n));
	if (n != 6)
		report_fail("suspending to idle: %s", strerror(-n));
}

static void s2idle(int unused)
{
	struct itimerspec rel = { .it_value = ns_timespec(500 * NSEC_PER_MSEC) };
	struct itimerspec day = { .it_value.tv_sec =
					  clock_ns(CLOCK_REALTIME) / NSEC_PER_SEC + 86400 };
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
	ck_assert_int_eq(timerfd_settime(cancelled, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET,
					 &day, NULL),
			 0);
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
		report_fail("the RTC moved by %lld s, CLOCK_BOOTTIME by %.3f s", (long long)rtc,
			    boot / 1e9);
	if (llabs(real - boot) > 50 * NSEC_PER_MSEC)
		report_fail("CLOCK_REALTIME moved by %.3f s, CLOCK_BOOTTIME by %.3f s", real / 1e9,
			    boot / 1e9);
	if (excluded < -NSEC_PER_MSEC)
		report_fail("CLOCK_MONOTONIC moved by %.3f s, CLOCK_BOOTTIME by %.3f s only",
			    mono / 1e9, boot / 1e9);
	if (!ce_same(&before, &after, CE_BROADCAST) || strcmp(before.broadcast, after.broadcast))
		report_fail("the clockevents aren't those of before");
	/*
	 * Without an idle state that stops the tick altogether MONOTONIC went on, and nobody set
	 * anything.
	 */
	if (excluded < NSEC_PER_SEC / 2) {
		report_note(
			"timekeeping went on while suspended: no cpuidle state here stops it (s2idle_enter())");
	} else {
		n = read(cancelled, &expirations, sizeof(expirations));
		if (n != -1 || errno != ECANCELED)
			report_fail("resuming didn't cancel a CANCEL_ON_SET timer");
	}
	n = read(timer, &expirations, sizeof(expirations));
	took = clock_ns(CLOCK_MONOTONIC) - begun;
	if (n != sizeof(expirations))
		report_fail("reading a relative timer that was pending: %s",
			    n < 0 ? strerror(errno) : "too short");
	if (expirations != 1)
		report_fail("a relative timer that was pending expired %llu times, not once",
			    (unsigned long long)expirations);
	if (took < 500 * NSEC_PER_MSEC)
		report_fail("a relative timer of 500 ms expired after %.3f ms", took / 1e6);
}

static const struct report_case cases[] = {
	{ "s2idle",
	  "H4, H5: over a suspend to idle CLOCK_BOOTTIME and REALTIME go on by what the RTC does, clockevents stay, timers go on, and CANCEL_ON_SET tells where timekeeping stopped (timekeeping_resume())",
	  s2idle, false },
};

REPORT_MAIN("time", "suspend", .setup = restore_init)
