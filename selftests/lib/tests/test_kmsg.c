// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../kmsg.h"
#include "testing.h"

static const char *const trouble[] = {
	/* RCU, 5.10 to 7.2 */
	"rcu: INFO: rcu_preempt self-detected stall on CPU",
	"rcu: INFO: rcu_sched detected stalls on CPUs/tasks:",
	"rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { 1-.... } 7 jiffies s: 9 root: 0x2/.",
	"INFO: rcu_tasks detected stalls on tasks:",
	"rcu: rcu_preempt kthread starved for 1302 jiffies! g-1167 f0x0 RCU_GP_WAIT_FQS(5) ->state=0x402 ->cpu=1",
	"rcu: rcu_preempt kthread timer wakeup didn't happen for 1301 jiffies! g-1167 f0x0",
	"rcu: \tPossible timer handling issue on cpu=1 timer-softirq=285",
	/* a healthy guest on an overloaded host: trouble all the same */
	"rcu: rcu_preempt kthread starved for 1327 jiffies! g-775 f0x2 RCU_GP_WAIT_FQS(5) ->state=0x0 ->cpu=2",
	/* lockups */
	"watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [swapper/1:0]",
	"watchdog: Watchdog detected hard LOCKUP on cpu 1",
	"NMI watchdog: Watchdog detected hard LOCKUP on cpu 3",
	"watchdog: CPU0: Watchdog detected hard LOCKUP on cpu 0",
	"INFO: task kworker/1:0:21 blocked for more than 120 seconds.",
	"INFO: task sleep:77 blocked in I/O wait for more than 120 seconds.",
	"BUG: workqueue lockup - pool cpus=1 node=0 flags=0x0 nice=0 stuck for 31s!",
	/* splats */
	"WARNING: CPU: 1 PID: 0 at kernel/time/clockevents.c:38 clockevents_switch_state+0x1a/0x120",
	"WARNING: kernel/time/hrtimer.c:1234 at hrtimer_interrupt+0x10/0x20, CPU#1: swapper/1/0",
	"WARNING: possible circular locking dependency detected",
	"WARNING: suspicious RCU usage",
	"BUG: kernel NULL pointer dereference, address: 0000000000000008",
	"BUG: scheduling while atomic: swapper/1/0/0x00000002",
	"[ BUG: Invalid wait context ]",
	"kernel BUG at kernel/time/tick-common.c:99!",
	"Oops: 0000 [#1] PREEMPT SMP PTI",
	"Internal error: Oops: 0000000096000004 [#1] SMP",
	"Unable to handle kernel NULL pointer dereference at virtual address 0000000000000008",
	"general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#1]",
	"Kernel panic - not syncing: Fatal exception in interrupt",
	"CE: Reprogramming failure. Giving up",
};

/* Each is printed by a healthy kernel (most were, by the guests the data came from). */
static const char *const healthy[] = {
	"",
	"Speculative Return Stack Overflow: WARNING: See https://kernel.org/doc/html/latest/admin-guide/hw-vuln/srso.html for mitigation options.",
	"Spectre V2 : WARNING: Unprivileged eBPF is enabled with eIBRS on, data leaks possible via Spectre v2 BHB attacks!",
	"RETBleed: WARNING: Spectre v2 mitigation leaves CPU vulnerable to RETBleed attacks, data leaks possible!",
	"Spectre V2 : Spectre v2 / SpectreRSB: Filling RSB on context switch and VMEXIT",
	"rcu: Adjusting geometry for rcu_fanout_leaf=16, nr_cpu_ids=3",
	"rcu: RCU calculated value of scheduler-enlistment delay is 25 jiffies.",
	"rcu: \tRCU CPU stall warnings timeout set to 3 (rcu_cpu_stall_timeout).",
	"\tRCU CPU stall warnings timeout set to 5 (rcu_cpu_stall_timeout).",
	"rcu: \tRCU CPU stall warnings suppressed",
	"rcu: \tRCU debug extended QS entry/exit.",
	"rcu: Hierarchical SRCU implementation.",
	"watchdog: Disabling watchdog on nohz_full cores by default",
	"NMI watchdog: Perf NMI watchdog permanently disabled",
	"NMI watchdog: Enabled. Permanently consumes one hw-PMU counter.",
	"[Firmware Bug]: TSC ADJUST: CPU0: -519 force to 0",
	"[Firmware Warn]: GHES: Poll interval is 0",
	"PCI: Using host bridge windows from ACPI; if necessary, use \"pci=nocrs\" and report a bug",
	"AMD-Vi: AMD IOMMUv2 functionality not available on this system - This is not a bug.",
	"foo: DEBUG: something",
	"foo DEBUG: WARNING: nothing",
	"systemd[1]: Oops: 3 units failed",
	"sched: RT throttling activated",
	"hrtimer: interrupt took 4294967 ns",
	"tsc: Marking TSC unstable due to running on Hyper-V",
	"sched_clock: Marking stable (6300344300, 139538100)->(8685191900, -2245309500)",
	"sched_clock: Marking unstable (6300344300, 139538100)<-(8685191900, -2245309500)",
	"clocksource: Switched to clocksource hyperv_clocksource_tsc_page",
	"clocksource: timekeeping watchdog on CPU1: hpet wd-tsc-wd read-back delay of 50000ns",
	"clocksource: Checking clocksource tsc synchronization from CPU 1 to CPUs 0.",
	"..TIMER: vector=0x30 apic1=0 pin1=2 apic2=-1 pin2=-1",
	"smpboot: CPU 1 is now offline",
	"TAINT_WARN is not set",
	"kernel command line: softlockup_panic=1 hardlockup_panic=1 rcu_cpu_stall_timeout=3",
	"XCE: Reprogramming failure",
	"mydriver: increased min_delta_ns to 5000 nsec",
};

static const char *const min_delta[] = {
	"CE: hpet increased min_delta_ns to 5000 nsec",
	"CE: Hyper-V clockevent increased min_delta_ns to 11542 nsec",
	"CE: lapic-deadline increased min_delta_ns to 4000000 nsec",
};

static const char *const unstable[] = {
	"clocksource: timekeeping watchdog on CPU0: Marking clocksource 'tsc' as unstable because the skew is too large:",
	"clocksource: timekeeping watchdog on CPU1: Marking clocksource 'hyperv_clocksource_tsc_page' as unstable because the skew is too large:",
	"clocksource: Marking clocksource tsc unstable due to frequency skew",
	"clocksource: Marking clocksource tsc unstable due to inter CPU skew",
	"clocksource: timekeeping watchdog on CPU1: wd-tsc-wd excessive read-back delay of 246980ns vs. limit of 125000ns, wd-wd read-back delay only 81200ns, attempt 4, marking tsc unstable",
};

static void all_are(const char *const *texts, size_t count, enum kmsg_kind kind)
{
	for (size_t i = 0; i < count; i++)
		ck_assert_msg(kmsg_classify(texts[i]) == kind, "\"%s\" is %d, not %d", texts[i],
			      kmsg_classify(texts[i]), kind);
}

START_TEST(classify)
{
	all_are(trouble, sizeof(trouble) / sizeof(*trouble), KMSG_TROUBLE);
	all_are(healthy, sizeof(healthy) / sizeof(*healthy), KMSG_OTHER);
	all_are(min_delta, sizeof(min_delta) / sizeof(*min_delta), KMSG_MIN_DELTA);
	all_are(unstable, sizeof(unstable) / sizeof(*unstable), KMSG_UNSTABLE);
}
END_TEST

/* text of a record, or NULL; static. */
static const char *text_of(const char *record)
{
	static char copy[512];

	strcpy(copy, record);
	return kmsg_text(copy) ? copy : NULL;
}

START_TEST(records)
{
	ck_assert_str_eq(text_of("6,339,5140900,-;NET: Registered\n"), "NET: Registered");
	ck_assert_str_eq(text_of("30,340,5690716,-,caller=T1;udevd[80]: starting; ok"),
			 "udevd[80]: starting; ok");
	ck_assert_str_eq(text_of("4,1,0,c;a\n SUBSYSTEM=acpi\n DEVICE=+acpi:PNP0A03:00\n"), "a");
	ck_assert_str_eq(text_of("4,1,0,-;"), "");
	ck_assert_str_eq(text_of("4,1,0,-;a\\x0ab"), "a\\x0ab");
	ck_assert_ptr_null(text_of(""));
	ck_assert_ptr_null(text_of("WARNING: no record; at all"));
	ck_assert_ptr_null(text_of("4,1,0,-"));
	ck_assert_ptr_null(text_of("4,1;WARNING: x"));
	ck_assert_ptr_null(text_of("4,,0,-;WARNING: x"));
	ck_assert_ptr_null(text_of("-4,1,0,-;WARNING: x"));
	ck_assert_ptr_null(text_of("4,1,x,-;WARNING: x"));
	ck_assert_ptr_null(text_of(" 4,1,0,-;WARNING: x"));
	ck_assert_ptr_null(text_of("\377\376\001"));
}
END_TEST

static void put(int fd, const char *record)
{
	ck_assert_int_eq(write(fd, record, strlen(record)), (ssize_t)strlen(record));
}

/* A packet socket gives one record for each read, as /dev/kmsg does. */
START_TEST(next)
{
	char text[64], tiny[5];
	static char longest[8192];
	struct kmsg k;
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds), 0);
	k.fd = fds[0];
	ck_assert(!kmsg_next(&k, text, sizeof(text)));
	put(fds[1], "6,1,1,-;one\n");
	put(fds[1], "junk");
	put(fds[1], "12,2,2,-;WARNING: from user space\n");
	put(fds[1], "14,3,3,-;BUG: as well\n");
	put(fds[1], "4,4,4,-;WARNING: CPU: 1\n SUBSYSTEM=x\n");
	put(fds[1], "0,5,5,-;Kernel panic - not\n");
	memset(longest, 'x', sizeof(longest));
	memcpy(longest, "7,6,6,-;", 8);
	ck_assert_int_eq(write(fds[1], longest, sizeof(longest)), sizeof(longest));
	ck_assert(kmsg_next(&k, text, sizeof(text)));
	ck_assert_str_eq(text, "one");
	ck_assert(kmsg_next(&k, text, sizeof(text)));
	ck_assert_str_eq(text, "WARNING: CPU: 1");
	ck_assert(kmsg_next(&k, tiny, sizeof(tiny)));
	ck_assert_str_eq(tiny, "Kern");
	ck_assert(kmsg_next(&k, text, sizeof(text)));
	ck_assert_uint_eq(strlen(text), sizeof(text) - 1);
	ck_assert(!kmsg_next(&k, text, sizeof(text)));
	close(fds[1]);
	ck_assert(!kmsg_next(&k, text, sizeof(text)));
	kmsg_close(&k);
	ck_assert_int_eq(k.fd, -1);
	ck_assert(!kmsg_next(&k, text, sizeof(text)));
	kmsg_close(&k);
}
END_TEST

START_TEST(open_from_now_on)
{
	struct kmsg k;
	char text[64];

	fake_make();
	ck_assert_int_eq(kmsg_open(&k), -ENOENT);
	fake_write("/dev/kmsg", "4,1,1,-;WARNING: before\n");
	ck_assert_int_eq(kmsg_open(&k), 0);
	ck_assert_int_eq(fcntl(k.fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	ck_assert(!kmsg_next(&k, text, sizeof(text)));
	kmsg_close(&k);
	fake_remove();
}
END_TEST

START_TEST(open_all)
{
	struct kmsg k;
	char text[64];
	bool since_boot;

	fake_make();
	ck_assert_int_eq(kmsg_open_all(&k, &since_boot), -ENOENT);
	/* A plain file gives all its bytes for one record: the first alone counts here. */
	fake_write("/dev/kmsg", "4,0,1,-;the first\n");
	ck_assert_int_eq(kmsg_open_all(&k, &since_boot), 0);
	ck_assert(since_boot);
	ck_assert(kmsg_next(&k, text, sizeof(text)));
	ck_assert_str_eq(text, "the first");
	kmsg_close(&k);
	fake_write("/dev/kmsg", "4,10,1,-;a later one\n");
	ck_assert_int_eq(kmsg_open_all(&k, &since_boot), 0);
	ck_assert(!since_boot);
	kmsg_close(&k);
	fake_remove();
}
END_TEST

/* The real one, where we may: what user space writes there is not the kernel's word. */
START_TEST(open_real)
{
	struct kmsg k;
	char text[256];
	int fd = open("/dev/kmsg", O_WRONLY);

	if (fd < 0 || kmsg_open(&k))
		return;
	put(fd, "<7>tickproof: a unit test says so\n");
	while (kmsg_next(&k, text, sizeof(text)))
		ck_assert_ptr_null(strstr(text, "a unit test says so"));
	kmsg_close(&k);
	close(fd);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("kmsg");

	tcase_add_test(tc, classify);
	tcase_add_test(tc, records);
	tcase_add_test(tc, next);
	tcase_add_test(tc, open_from_now_on);
	tcase_add_test(tc, open_all);
	tcase_add_test(tc, open_real);
	return run_cases("kmsg", tc);
}
