// SPDX-License-Identifier: GPL-2.0-only
/*
 * What /sys/devices/system/clockevents promises and refuses, without changing
 * anything: every write here is one that the kernel must turn down
 * (kernel/time/clockevents.c: unbind_device_store, sysfs_get_uname).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/clockevents.h"
#include "../lib/cpus.h"
#include "../lib/crew.h"
#include "../lib/kmsg.h"
#include "../lib/platform.h"
#include "../lib/report.h"
#include "displayed.h"

/* How many messages of a kind are shown; all are counted. */
#define SHOWN_MAX 5

#define NO_SUCH_NAME "tickproof-no-such"

static struct platform platform;
static struct ce_names at_start;

/* Skips unless unbind_device can be written to. */
static void need_writable(void)
{
	char path[96];

	displayed_names();
	ce_path(cpus_next(-1, report_cpus()), "unbind_device", path, sizeof(path));
	if (geteuid())
		report_skip("writing to unbind_device needs root");
	if (access(path, W_OK))
		report_skip("unbind_device can't be written here: %s", strerror(errno));
}

/* Writes and demands the errno, for the file of every CPU the kernel has one for. */
static void expect_error(const void *data, size_t len, int error, const char *what)
{
	struct ce_names *now = displayed_names();
	int cpu;

	cpus_for_each(cpu, &now->cpus) {
		ssize_t got = ce_unbind(cpu, data, len);

		if (got != -error)
			report_fail("clockevent%d: writing %s gave %s instead of %s", cpu, what,
				    got < 0 ? strerrorname_np(-got) : "success",
				    strerrorname_np(error));
	}
}

static void unknown_name(int cpu)
{
	(void)cpu;
	need_writable();
	expect_error(NO_SUCH_NAME, strlen(NO_SUCH_NAME), ENODEV, "an unknown name");
}

static void name_length(int cpu)
{
	char x[4096];

	(void)cpu;
	memset(x, 'x', sizeof(x));
	need_writable();
	expect_error(x, CE_NAME_LEN - 1, ENODEV, "31 bytes");
	expect_error(x, CE_NAME_LEN, EINVAL, "32 bytes");
	expect_error(x, sizeof(x), EINVAL, "4096 bytes");
}

/*
 * A device that there is only one of and that is no CPU's: the only kind of
 * known name it is safe to write, since it can neither be detached somewhere
 * (then the write would delete it) nor be replaced.
 */
static bool lone_broadcast(const struct ce_names *now)
{
	static const char *const lone[] = { "hpet", "pit", "bc_hrtimer" };
	int cpu;

	cpus_for_each(cpu, &now->cpus)
		if (!strcmp(now->cpu[cpu], now->broadcast))
			return false;
	for (size_t i = 0; i < sizeof(lone) / sizeof(*lone); i++)
		if (!strcmp(now->broadcast, lone[i]))
			return true;
	return false;
}

static void newline(int cpu)
{
	struct ce_names *now;
	char x[CE_NAME_LEN], text[CE_NAME_LEN + 2];

	(void)cpu;
	need_writable();
	now = displayed_names();
	/* The newline counts towards the length: */
	memset(x, 'x', sizeof(x));
	x[CE_NAME_LEN - 2] = '\n';
	expect_error(x, CE_NAME_LEN - 1, ENODEV, "30 bytes and a newline");
	x[CE_NAME_LEN - 2] = 'x';
	x[CE_NAME_LEN - 1] = '\n';
	expect_error(x, CE_NAME_LEN, EINVAL, "31 bytes and a newline");
	expect_error("\n", 1, ENODEV, "a lone newline");
	if (!lone_broadcast(now)) {
		report_note("one newline is stripped, two aren't: known only by length, as '%s' isn't a"
			    " name that can safely be written",
			    now->broadcast);
		return;
	}
	/* EBUSY shows that the name was found, ENODEV that it wasn't. */
	snprintf(text, sizeof(text), "%s\n", now->broadcast);
	expect_error(text, strlen(text), EBUSY, "the broadcast device's name and a newline");
	snprintf(text, sizeof(text), "%s\n\n", now->broadcast);
	expect_error(text, strlen(text), ENODEV, "the broadcast device's name and two newlines");
}

static void empty_write(int cpu)
{
	struct ce_names before;

	(void)cpu;
	need_writable();
	before = *displayed_names();
	/* write(2) of nothing never reaches the store function. */
	cpus_for_each(cpu, &before.cpus)
		ck_assert_int_eq(ce_unbind(cpu, "", 0), 0);
	if (!ce_same(&before, displayed_names(), CE_BROADCAST))
		report_fail("an empty write changed a device");
}

static void broadcast_busy(int cpu)
{
	struct ce_names *now;

	(void)cpu;
	need_writable();
	now = displayed_names();
	if (!now->broadcast[0])
		report_skip("there is no broadcast device");
	if (!lone_broadcast(now))
		report_skip("the broadcast device %s is one of several of that name: writing it could"
			    " delete a detached one",
			    now->broadcast);
	expect_error(now->broadcast, strlen(now->broadcast), EBUSY, "the broadcast device's name");
}

static void expect_eacces(int cpu, const char *attribute, int flags)
{
	char path[96];
	int fd;

	ce_path(cpu, attribute, path, sizeof(path));
	fd = open(path, flags | O_CLOEXEC);
	if (fd >= 0)
		report_fail("%s could be opened for %s", path,
			    flags == O_RDONLY ? "reading" : "writing");
	if (errno != EACCES)
		report_fail("opening %s for %s gave %s instead of EACCES", path,
			    flags == O_RDONLY ? "reading" : "writing", strerrorname_np(errno));
}

static void directions(int unused)
{
	struct ce_names *now = displayed_names();
	int cpu;

	(void)unused;
	/*
	 * kernfs checks the mode itself (KERNFS_ROOT_EXTRA_OPEN_PERM_CHECK): root gets EACCES too.
	 */
	cpus_for_each(cpu, &now->cpus) {
		expect_eacces(cpu, "unbind_device", O_RDONLY);
		expect_eacces(cpu, "current_device", O_WRONLY);
	}
}

static void ordinary_user(int cpu)
{
	struct ce_names *now = displayed_names();

	/* The case has a process of its own: what it gives up, only it lacks. */
	if (!geteuid() && (setgid(65534) || setuid(65534)))
		report_skip("can't become an ordinary user: %s", strerror(errno));
	cpus_for_each(cpu, &now->cpus)
		expect_eacces(cpu, "unbind_device", O_WRONLY);
}

static void nothing_changed(int cpu)
{
	static const char *const bad[] = { NO_SUCH_NAME, "\n", "Hyper-V", "Hyper-V clockevent ",
					   " " };
	struct ce_names before;
	const char *what;

	(void)cpu;
	need_writable();
	before = *displayed_names();
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		expect_error(bad[i], strlen(bad[i]), ENODEV, "an unknown name");
	if (!ce_same(&before, displayed_names(), CE_BROADCAST))
		report_fail("a refused write changed a device");
	what = displayed_disagreement();
	if (what && (what = displayed_disagreement()))
		report_fail("after refused writes, %s", what);
}

struct writer {
	int writes;
	_Atomic int wrong; /* an errno that isn't ENODEV, or -1 for success */
};

/* Into the file of the CPU that it runs on. */
static void write_often(int cpu, void *arg)
{
	struct writer *w = arg;

	for (int i = 0; i < w->writes; i++) {
		ssize_t n = ce_unbind(cpu, NO_SUCH_NAME, strlen(NO_SUCH_NAME));

		if (n != -ENODEV)
			atomic_store(&w->wrong, n < 0 ? -n : -1);
		crew_progress();
	}
}

static void concurrent_writes(int unused)
{
	const int total = 1000;
	const struct cpus *cpus = report_cpus();
	int n = cpus_count(cpus), cpu, i;
	struct writer *writers = calloc(n, sizeof(*writers));
	struct ce_names before;
	struct kmsg log;
	int log_err;
	char text[256];

	(void)unused;
	ck_assert_ptr_nonnull(writers);
	need_writable();
	before = *displayed_names();
	log_err = kmsg_open(&log);
	for (i = 0; i < n; i++)
		writers[i].writes = (total + n - 1) / n;
	crew_need(cpus, write_often, writers, sizeof(*writers));
	i = 0;
	cpus_for_each(cpu, cpus) {
		if (writers[i].wrong)
			report_fail("clockevent%d: one of %d concurrent writes gave %s instead of ENODEV",
				    cpu, total,
				    writers[i].wrong < 0 ? "success" :
							   strerrorname_np(writers[i].wrong));
		i++;
	}
	report_metric("writes", n * writers[0].writes, "writes");
	if (!ce_same(&before, displayed_names(), CE_BROADCAST))
		report_fail("concurrent refused writes changed a device");
	while (!log_err && kmsg_next(&log, text, sizeof(text)))
		if (kmsg_classify(text) == KMSG_TROUBLE)
			report_fail("the kernel logged: %s", text);
}

static void expected_device(int unused)
{
	const char *expected = platform_clockevent(&platform);
	struct ce_names *now = displayed_names();
	struct cpus up = displayed_online();
	int cpu;

	(void)unused;
	if (!expected)
		report_skip("no rule says which clockevent this platform should use (it uses %s)",
			    now->cpu[cpus_next(-1, &up)]);
	cpus_for_each(cpu, &up)
		if (strcmp(now->cpu[cpu], expected))
			report_fail("CPU %d uses '%s' instead of '%s'", cpu, now->cpu[cpu],
				    expected);
}

static void broadcast_stable(int cpu)
{
	struct ce_names *now = displayed_names();

	(void)cpu;
	if (strcmp(now->broadcast, at_start.broadcast))
		report_fail("the broadcast device changed from '%s' to '%s' though nothing was unbound",
			    at_start.broadcast, now->broadcast);
}

/*
 * What is of another subject is noted: a machine that has run for weeks may have seen a driver's
 * WARN().
 */
static void since_boot(int unused)
{
	unsigned int count = 0, others = 0;
	char text[256], first[256];
	bool whole;
	struct kmsg log;

	(void)unused;
	report_need_log(kmsg_open_all(&log, &whole));
	while (kmsg_next(&log, text, sizeof(text))) {
		bool elsewhere = kmsg_elsewhere(text);

		if (kmsg_classify(text) != KMSG_TROUBLE ||
		    (elsewhere ? others++ : count++) >= SHOWN_MAX)
			continue;
		report_note("kernel%s: %s",
			    elsewhere ? ", of no clock, timer, interrupt or CPU" : "", text);
		if (!elsewhere && count == 1)
			snprintf(first, sizeof(first), "%s", text);
	}
	kmsg_close(&log);
	if (!whole)
		report_note("the log doesn't reach back to boot: its beginning is overwritten");
	report_metric("elsewhere", others, "messages");
	if (count)
		report_fail("before this program the kernel logged trouble %u times, first: %s",
			    count, first);
}

static const struct report_case cases[] = {
	{ "since_boot",
	  "B13: from boot on the kernel has logged no stall, lockup, warning, Oops or complaint of clocks, timers, interrupts or CPUs",
	  since_boot, 0 },
	{ "directories",
	  "A1: one clockeventN directory for each possible CPU (clockevents_init_sysfs)",
	  displayed_directories, 0 },
	{ "modes",
	  "A2: current_device 0444, unbind_device 0200, none for broadcast (tick_broadcast_init_sysfs)",
	  displayed_modes, 0 },
	{ "current_names", "A3: a name in one line for an online CPU, nothing for an offline one",
	  displayed_current_names, 0 },
	{ "timer_list_agrees", "A4: /proc/timer_list names the same devices as sysfs",
	  displayed_timer_list_agrees, 0 },
	{ "oneshot_mode", "A5: with high resolution timers each CPU's device is in oneshot mode",
	  displayed_oneshot_mode, 0 },
	{ "deltas", "A6: 1 us <= min_delta <= 1 jiffy, max_delta >= 1 s, mult > 0 (cev_delta2ns)",
	  displayed_deltas, 0 },
	{ "hyperv_deltas",
	  "A7: Hyper-V's timer programs 1 us to 2^32-1 ticks of 100 ns (hyperv_timer.c)",
	  displayed_hyperv_deltas, 0 },
	{ "unknown_name", "A8: an unknown name is ENODEV", unknown_name, 0 },
	{ "name_length",
	  "A9: 31 bytes are looked up (ENODEV), 32 and more are EINVAL (CS_NAME_LEN)", name_length,
	  0 },
	{ "newline", "A10: exactly one trailing newline is stripped (sysfs_get_uname)", newline,
	  0 },
	{ "empty_write", "A11: a write of no bytes returns 0 and changes nothing", empty_write, 0 },
	{ "broadcast_busy", "A12: the broadcast device can't be unbound (EBUSY)", broadcast_busy,
	  0 },
	{ "directions",
	  "A13: unbind_device can't be read nor current_device written, not even by root",
	  directions, 0 },
	{ "ordinary_user", "A14: an ordinary user can't open unbind_device (EACCES)", ordinary_user,
	  0 },
	{ "nothing_changed", "A15: a refused write changes no device, in sysfs or /proc/timer_list",
	  nothing_changed, 0 },
	{ "concurrent_writes",
	  "A16: concurrent refused writes give ENODEV only and leave no trace in the log",
	  concurrent_writes, 0 },
	{ "expected_device", "A18: each CPU uses the clockevent its platform should give it",
	  expected_device, 0 },
	{ "broadcast_stable",
	  "A17: the broadcast device changes only with an unbind or a registration",
	  broadcast_stable, 0 },
};

static void setup(void)
{
	platform_read(&platform);
	platform_facts(&platform);
	ce_snapshot(&at_start);
}

REPORT_MAIN("clockevents", "sysfs_contract", .setup = setup)
