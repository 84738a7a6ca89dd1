// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
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
	/* die() of x86, up to 6.9 without "Oops: " in front; of arm64, arm, riscv, s390, MIPS */
	"invalid opcode: 0000 [#1] PREEMPT SMP NOPTI",
	"divide error: 0000 [#1] PREEMPT SMP PTI",
	"stack segment: 0000 [#1] SMP",
	"int3: 0000 [#1] PREEMPT SMP",
	"general protection fault: 0000 [#12] SMP KASAN",
	"general protection fault, maybe for address 0xffffc90000a3bd10: 0000 [#1] PREEMPT SMP NOPTI",
	"stack guard page: 0000 [#1] SMP",
	"unexpected #NM exception: 0000 [#1] SMP",
	"Split lock detected\\x0a: 0000 [#1] SMP",
	"Bad pagetable: 000f [#1] PREEMPT SMP NOPTI",
	"Oops: Oops: 0002 [#1] PREEMPT SMP NOPTI",
	"Oops: divide error: 0000 [#1] PREEMPT SMP PTI",
	"traps: PANIC: double fault, error_code: 0x0",
	"PANIC: double fault, error_code: 0x0",
	"Internal error: Oops - BUG: 00000000f2000800 [#1] PREEMPT SMP",
	"Internal error: Oops: 5 [#1] SMP ARM",
	"Internal error: synchronous external abort: 0000000096000010 [#1] SMP",
	"Oops [#1]",
	"Oops - illegal instruction [#1]",
	"Oops - BUG[#1]:",
	"Kernel BUG [#1]",
	"Kernel bug detected[#1]:",
	"Oops: Kernel access of bad area, sig: 11 [#1]",
	"illegal operation: 0001 ilc:1 [#1] SMP",
	"Kernel BUG at hrtimer_interrupt+0x10/0x20 [verbose debug info unavailable]",
	"Unable to handle kernel paging request at virtual address dead000000000100 when read",
	"8<--- cut here ---\\x0aUnable to handle kernel NULL pointer dereference at virtual address 00000000",
	"Unhandled fault: external abort on non-linefetch (0x008) at 0xb6f2a000",
	"Unhandled 64-bit el1h sync exception on CPU0, ESR 0x0000000096000004 -- DABT (current EL)",
	"Bad mode in Error handler detected on CPU1, code 0xbf000002 -- SError",
	"SError Interrupt on CPU3, code 0x00000000bf000002 -- SError",
	"Insufficient stack space to handle exception!",
	"BUG: unable to handle page fault for address: ffffc90000a3bd10",
	"BUG: unable to handle kernel NULL pointer dereference at 0000000000000008",
	"BUG: sleeping function called from invalid context at kernel/locking/mutex.c:580",
	"BUG: using smp_processor_id() in preemptible [00000000] code: sleep/77",
	"BUG: spinlock bad magic on CPU#1, swapper/1/0",
	"BUG: Bad page state in process sleep  pfn:12345",
	"BUG kmalloc-64 (Not tainted): Poison overwritten",
	"BUG: KASAN: use-after-free in hrtimer_active+0x10/0x20",
	"BUG: KCSAN: data-race in tick_nohz_stop_tick / tick_sched_timer",
	"BUG: KFENCE: out-of-bounds read in x+0x1/0x2",
	"BUG: workqueue leaked atomic, lock or RCU: kworker/1:0[21]",
	"KASAN: null-ptr-deref in range [0x0000000000000008-0x000000000000000f]",
	"UBSAN: shift-out-of-bounds in kernel/time/clockevents.c:38:12",
	"refcount_t: underflow; use-after-free.",
	"list_add corruption. prev->next should be next (ffff888100), but was 0000000000000000. (prev=ffff8881).",
	"list_del corruption, ffff8881->next is LIST_POISON1 (dead000000000100)",
	"ODEBUG: free active (active state 0) object: ffff8881 object type: hrtimer hint: wake+0x0/0x10",
	"XSAVE consistency problem: size 832 != kernel_size 576",
	"XSAVE consistency problem, dumping leaves",
	"bad: scheduling from the idle thread!",
	"huh, entered softirq 1 TIMER 00000000deadbeef with preempt_count 00000101, exited with 00000102?",
	"timer: wake+0x0/0x10 preempt leak: 00000100 -> 00000101",
	/* WARN() of 6.19 and later */
	"WARNING: at hrtimer_interrupt+0x10/0x20, CPU#1: swapper/1/0",
	"WARNING: drivers/clocksource/hyperv_timer.c:99 at hv_ce_set_next_event+0x1/0x2 [hv], CPU#12: a b/77",
	"WARNING: CPU: 0 PID: 1 at hrtimer_interrupt+0x10/0x20",
	/* lockdep */
	"WARNING: possible recursive locking detected",
	"WARNING: possible irq lock inversion dependency detected",
	"WARNING: inconsistent lock state",
	"WARNING: bad unlock balance detected!",
	"WARNING: sleep/77 still has locks held!",
	"WARNING: HARDIRQ-safe -> HARDIRQ-unsafe lock order detected",
	"[ INFO: possible circular locking dependency detected ]",
	"INFO: trying to register non-static key.",
	/* timers, interrupts, CPUs */
	"NOHZ tick-stop error: local softirq work is pending, handler #08!!!",
	"NOHZ tick-stop error: Non-RCU local softirq work is pending, handler #282!!!",
	"NOHZ: local_softirq_pending 08",
	"Could not switch to high resolution mode on CPU 1",
	"hrtimer: Could not switch to high resolution mode on CPU 1",
	"Failed to broadcast timer tick. Some CPUs may be unresponsive.",
	"APIC timer disabled due to verification failure",
	"WARNING: timekeeping: Cycle offset (1000) is larger than the 'tsc' clock's 50% safety margin (500)",
	"WARNING: Underflow in clocksource 'hpet' observed, time update ignored.",
	"irq 19: nobody cared (try booting with the \"irqpoll\" option)",
	"Disabling IRQ #19",
	"Spurious interrupt (vector 0xec) on CPU#1, should never happen.",
	"spurious APIC interrupt through vector ff on CPU#0, should never happen.",
	"do_IRQ: 1.55 No irq handler for vector",
	"__common_interrupt: 1.55 No irq handler for vector",
	"Uhhuh. NMI received for unknown reason 3d on CPU 0.",
	"rcu: \\x09Possible timer handling issue on cpu=1 timer-softirq=285",
	"INFO: rcu_sched self-detected stall on CPU",
	"Watchdog detected hard LOCKUP on cpu 3",
	"watchdog: CPU 3 self-detected hard LOCKUP @ x+0x1/0x2",
	"watchdog: CPU 3 detected hard LOCKUP on other CPUs 4",
	"smp: csd: Detected non-responsive CSD lock (#1) on CPU#1, waiting 5000000000 ns for CPU#00 x+0x0/0x10(0x0).",
	"CPU1: failed to come online",
	"unexpected IRQ trap at vector e0",
	"NMI: PCI system error (SERR) for reason b1 on CPU 0.",
	"Unexpected kernel BRK exception at EL1",
	"CFI failure at hrtimer_run+0x1/0x2 (target: wake+0x0/0x10; expected type: 0x12345678)",
	"traps: Missing ENDBR: wake+0x0/0x10",
	"list_add double add: new=ffff8881, prev=ffff8881, next=ffff8882.",
	"CPU 1 failed to report alive state",
	"smpboot: do_boot_cpu failed(-1) to wakeup CPU#1",
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
	/* the same words, where they say nothing bad */
	"WARNING: the mand mount option is being deprecated and",
	"Warning: unable to open an initial console.",
	"WARNING: kernel not compiled with MITIGATION_SRSO.",
	"WARNING: polling idle and HT enabled, performance may degrade",
	"WARNING: Flushing system-wide workqueues will be prohibited in near future.",
	"WARNING: 'bootconfig' found on the kernel command line but CONFIG_BOOT_CONFIG is not set.",
	"WARNING: BIOS bug: CPU MTRRs don't cover all of memory, losing 16MB of RAM.",
	"tsc: Warning: TSC freq calibrated by CPUID/MSR differs from what is calibrated by HW timer, please check with vendor!!",
	"Kernel command line: root=/dev/vda1 oops=panic panic_on_oops=1 debug nmi_watchdog=panic",
	"Command line: BUG: Oops: 0000 [#1]",
	"Unknown kernel command line parameters \"oops=panic BUG:\", will be passed to user space.",
	"------------[ cut here ]------------",
	"Modules linked in: warn_bug(O) oops_me int3_probe watchdog",
	"kasan: KernelAddressSanitizer initialized (generic)",
	"kcsan: enabled early",
	"kfence: initialized - using 2097152 bytes for 255 objects at 0x00000000deadbeef-0x00000000deadbeef",
	"ODEBUG: selftest passed",
	"INFO: lockdep is turned off.",
	"INFO: NMI handler (perf_event_nmi_handler) took too long to run: 1.317 msecs",
	"Disabling lock debugging due to kernel taint",
	"debug: unmapping init [mem 0xffffffff82a00000-0xffffffff82bfffff]",
	"traps: sleep[77] trap invalid opcode ip:55d0 sp:7ffc error:0 in sleep[55d0+1000]",
	"traps: sleep[77] general protection fault ip:55d0 sp:7ffc error:0 in sleep[55d0+1000]",
	"traps: sleep[77] trap divide error ip:55d0 sp:7ffc error:0 in sleep[55d0+1000]",
	"sleep[77]: segfault at 8 ip 000055d0 sp 00007ffc error 4 in sleep[55d0+1000]",
	"spurious 8259A interrupt: IRQ7.",
	"clocksource: Override clocksource jiffies is not currently HRT compatible - deferring",
	"clocksource: wd-tsc-wd read-back delay of 50000ns, clock-skew test skipped!",
	"clocksource: timekeeping watchdog on CPU1: tsc retried 3 times before success",
	"clocksource: 'tsc' (not 'hpet') is current clocksource.",
	"clocksource: Long readout interval, skipping watchdog check: cs_nsec: 1 wd_nsec: 2",
	"Marking TSC unstable due to running on Hyper-V",
	"tsc: Marking TSC async resets true due to vmware",
	"NO_HZ: Full dynticks CPUs: 1-3.",
	"NO_HZ: Clearing 0 from nohz_full range for timekeeping",
	"workqueue: drain_vmap_area_work hogged CPU for >10000us 4 times, consider switching to WQ_UNBOUND",
	"perf: interrupt took too long (2504 > 2500), lowering kernel.perf_event_max_sample_rate to 79750",
	"genirq: irq_chip IO-APIC did not update eff. affinity mask of irq 0",
	"rcu: INFO: rcu_cpu_stall_suppress is set",
	"psmouse serio1: bad data from KBC - timeout",
	"usb 1-1: queue [#1] is ready",
	"\\x0a",
	"text\\x0a",
	"text\\x0amore text\\x0a\\x0a",
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
	"clocksource: timekeeping watchdog on CPU1: hpet read-back delay of 246980ns, attempt 4, marking unstable",
	"Clocksource tsc unstable (delta = -168214560 ns)",
	"clocksource: Override clocksource tsc is unstable and not HRT compatible - cannot switch while in HRT/NOHZ mode",
	"Measured 12345 cycles TSC warp between CPUs, turning off TSC clock.",
	"TSC warped randomly between CPUs",
	"TSC found unstable after boot, most likely due to broken BIOS. Use 'tsc=unstable'.",
	"tsc: Marking TSC unstable due to check_tsc_sync_source failed",
	"Marking TSC unstable due to clocksource watchdog",
	"tsc: Marking TSC unstable due to TSCs unsynchronized",
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

START_TEST(elsewhere)
{
	static const char *const ours[] = {
		"WARNING: CPU: 1 PID: 0 at kernel/time/clockevents.c:38 clockevents_switch_state+0x1a/0x120",
		"WARNING: CPU: 0 PID: 0 at arch/x86/kernel/fpu/xstate.c:878 fpu__init_system_xstate+0x1/0x2",
		"WARNING: kernel/time/hrtimer.c:1234 at hrtimer_interrupt+0x10/0x20, CPU#1: swapper/1/0",
		"WARNING: CPU: 0 PID: 1 at ../drivers/clocksource/hyperv_timer.c:9 hv+0x1/0x2",
		"WARNING: CPU: 0 PID: 1 at /build/linux-6.12/drivers/irqchip/irq-gic-v3.c:9 gic+0x1/0x2",
		"WARNING: CPU: 0 PID: 1 at hrtimer_interrupt+0x10/0x20",
		"kernel BUG at kernel/time/tick-common.c:99!",
		"UBSAN: shift-out-of-bounds in kernel/time/clockevents.c:38:12",
		"Oops: 0000 [#1] PREEMPT SMP PTI",
		"BUG: kernel NULL pointer dereference, address: 0000000000000008",
		"rcu: INFO: rcu_preempt self-detected stall on CPU",
		"watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [swapper/1:0]",
		"XSAVE consistency problem: size 832 != kernel_size 576",
		"CE: Reprogramming failure. Giving up",
		"irq 19: nobody cared (try booting with the \"irqpoll\" option)",
		"",
	};
	static const char *const not [] = {
		"WARNING: CPU: 1 PID: 7 at drivers/gpu/drm/foo/bar.c:38 bar+0x1a/0x120 [foo]",
		"WARNING: drivers/net/ethernet/x.c:1 at x+0x10/0x20 [x], CPU#1: ip/77",
		"WARNING: CPU: 1 PID: 7 at fs/ext4/inode.c:1 y+0x1/0x2",
		"WARNING: CPU: 1 PID: 7 at ./include/linux/skbuff.h:1 y+0x1/0x2",
		"kernel BUG at mm/slub.c:99!",
		"UBSAN: array-index-out-of-bounds in sound/core/x.c:38:12",
		"INFO: task sleep:77 blocked for more than 120 seconds.",
		"WARNING: possible circular locking dependency detected",
		"BUG: KASAN: use-after-free in foo+0x10/0x20",
		"list_del corruption, ffff8881->next is LIST_POISON1 (dead000000000100)",
		"refcount_t: underflow; use-after-free.",
	};

	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		ck_assert_msg(!kmsg_elsewhere(ours[i]), "%s", ours[i]);
	for (size_t i = 0; i < sizeof(not ) / sizeof(*not ); i++)
		ck_assert_msg(kmsg_elsewhere(not [i]), "%s", not [i]);
}
END_TEST

START_TEST(marked)
{
	static const struct {
		const char *text, *source;
	} cases[] = {
		{ "clocksource: timekeeping watchdog on CPU0: Marking clocksource 'tsc' as unstable because the skew is too large:",
		  "tsc" },
		{ "clocksource: timekeeping watchdog on CPU1: Marking clocksource 'hyperv_clocksource_tsc_page' as unstable because the skew is too large:",
		  "hyperv_clocksource_tsc_page" },
		{ "clocksource: Marking clocksource tsc unstable due to frequency skew", "tsc" },
		{ "clocksource: timekeeping watchdog on CPU1: wd-tsc-wd excessive read-back delay of 246980ns vs. limit of 125000ns, wd-wd read-back delay only 81200ns, attempt 4, marking tsc-early unstable",
		  "tsc-early" },
		{ "clocksource: timekeeping watchdog on CPU1: hpet read-back delay of 246980ns, attempt 4, marking unstable",
		  NULL },
		{ "Clocksource kvm-clock unstable (delta = -168214560 ns)", "kvm-clock" },
		{ "tsc: Marking TSC unstable due to check_tsc_sync_source failed", "tsc" },
		{ "Marking TSC unstable due to running on Hyper-V", "tsc" },
		{ "Measured 12345 cycles TSC warp between CPUs, turning off TSC clock.", NULL },
		{ "clocksource: Override clocksource tsc is unstable and not HRT compatible - cannot switch while in HRT/NOHZ mode",
		  NULL },
		{ "clocksource: Switched to clocksource tsc", NULL },
		{ "foo: Marking clocksource 'tsc' as unstable", NULL },
		{ "clocksource: Marking clocksource ", NULL },
		{ "", NULL },
	};
	char source[32], tiny[3];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		bool found = kmsg_marked(cases[i].text, source, sizeof(source));

		ck_assert_msg(found == (cases[i].source != NULL), "%s", cases[i].text);
		if (found)
			ck_assert_str_eq(source, cases[i].source);
	}
	ck_assert(kmsg_marked(cases[1].text, tiny, sizeof(tiny)));
	ck_assert_str_eq(tiny, "hy");
}
END_TEST

/*
 * Recorded lines, each with its kind: what they are called in the file, a colon and a blank in
 * front.
 */
START_TEST(recorded)
{
	static const char *const names[] = {
		[KMSG_OTHER] = "other",
		[KMSG_TROUBLE] = "trouble",
		[KMSG_MIN_DELTA] = "min_delta",
		[KMSG_UNSTABLE] = "unstable",
	};
	char *text = data_read("kmsg-headings"), *rest = text, *line;
	int lines = 0;

	while ((line = strsep(&rest, "\n")) && *line) {
		char *message = strstr(line, ": ");

		ck_assert_ptr_nonnull(message);
		*message = '\0';
		message += 2;
		ck_assert_msg(!strcmp(names[kmsg_classify(message)], line), "\"%s\" is %s, not %s",
			      message, names[kmsg_classify(message)], line);
		lines++;
	}
	ck_assert_int_eq(lines, 9);
	free(text);
}
END_TEST

/*
 * Nothing that a log can hold harms: every cut of every line, bytes of all kinds, a very long line.
 */
START_TEST(spoilt)
{
	static char junk[8192];
	char copy[256];

	for (size_t i = 0; i < sizeof(trouble) / sizeof(*trouble); i++) {
		snprintf(copy, sizeof(copy), "%s", trouble[i]);
		for (size_t len = strlen(copy); len--;) {
			copy[len] = '\0';
			kmsg_classify(copy);
		}
	}
	for (int seed = 0; seed < 64; seed++) {
		unsigned int random = seed;

		for (size_t i = 0; i < sizeof(junk) - 1; i++)
			junk[i] = 1 + rand_r(&random) % 255;
		ck_assert_int_eq(kmsg_classify(junk), KMSG_OTHER);
	}
	memset(junk, '[', sizeof(junk) - 1);
	ck_assert_int_eq(kmsg_classify(junk), KMSG_OTHER);
	memcpy(junk, "BUG: ", 5);
	ck_assert_int_eq(kmsg_classify(junk), KMSG_TROUBLE);
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

/* Whether a source is marked, by all that the log has. */
START_TEST(has_marked)
{
	char text[128] = "";

	fake_make();
	ck_assert(!kmsg_has_marked("tsc", text, sizeof(text)));
	fake_write("/dev/kmsg", "4,10,1,-;Clocksource tsc unstable (delta = -168214560 ns)\n");
	ck_assert(!kmsg_has_marked("hpet", text, sizeof(text)));
	ck_assert(kmsg_has_marked("tsc", text, sizeof(text)));
	ck_assert_str_eq(text, "Clocksource tsc unstable (delta = -168214560 ns)");
	fake_write("/dev/kmsg", "4,10,1,-;clocksource: Switched to clocksource tsc\n");
	ck_assert(!kmsg_has_marked("tsc", text, sizeof(text)));
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
	tcase_add_test(tc, elsewhere);
	tcase_add_test(tc, marked);
	tcase_add_test(tc, recorded);
	tcase_add_test(tc, spoilt);
	tcase_add_test(tc, records);
	tcase_add_test(tc, next);
	tcase_add_test(tc, open_from_now_on);
	tcase_add_test(tc, open_all);
	tcase_add_test(tc, has_marked);
	tcase_add_test(tc, open_real);
	return run_cases("kmsg", tc);
}
