// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "kmsg.h"

/*
 * What the kernel begins a message with, as its sources of 4.19 to 7.2 have it (named are those of
 * 6.12). All is anchored: "Spectre V2 : WARNING: ...", a driver's "foo DEBUG: BUG: ..." and the
 * command line's echo are ordinary. The first match decides.
 */
static const struct {
	enum kmsg_kind kind;
	const char *regex;
} patterns[] = {
	{ KMSG_MIN_DELTA, "^CE: .* increased min_delta_ns to " },
	/* An echo of words that anyone may write. */
	{ KMSG_OTHER, "^(Kernel c|C)ommand line: " },
	/* Known beforehand there: the TSC isn't offered as invariant (mshyperv.c). */
	{ KMSG_OTHER, "^(tsc: )?Marking TSC unstable due to running on Hyper-V" },
	{ KMSG_UNSTABLE,
	  "^("
	  /* clocksource.c; 5.13 names no source, 7.2 says "unstable due to" */
	  "(clocksource: )?(timekeeping watchdog on CPU[0-9]+: )?Marking clocksource '?[^ ']+'? (as )?unstable|"
	  "(clocksource: )?timekeeping watchdog .* marking .*unstable|"
	  "(clocksource: )?Clocksource [^ ]+ unstable \\(|"
	  "(clocksource: )?Override clocksource .* is unstable|"
	  /* tsc.c, tsc_sync.c */
	  "(tsc: )?Marking TSC unstable due to |"
	  "(tsc: )?Measured -?[0-9]+ (cycles )?TSC warp between CPUs|"
	  "(tsc: )?TSC warped randomly between CPUs|"
	  "TSC found unstable after boot"
	  ")" },
	{ KMSG_TROUBLE,
	  "^("
	  /*
	   * time/: clockevents.c, tick-sched.c, tick-broadcast.c, hrtimer.c, timer.c, timekeeping.c
	   */
	  "CE: Reprogramming failure|"
	  "NOHZ(:| tick-stop error:) .*softirq|"
	  "Failed to broadcast timer tick|"
	  "(hrtimer: )?Could not switch to high resolution mode on CPU|"
	  "schedule_timeout: wrong timeout value|"
	  "timer: .* preempt leak: |"
	  "(timekeeping: )?Adjusting .* more than 11% |"
	  "__timekeeping_inject_sleeptime: Invalid sleep delta|"
	  "WARNING: (timekeeping: Cycle offset|(Under|Over)flow in clocksource) |"
	  "(..)?APIC (timer disabled due to verification failure|frequency too slow)|"
	  /* rcu/: tree_stall.h, tasks.h */
	  "(rcu: )?INFO: .*detected (expedited )?stalls? on |"
	  "rcu: .*(kthread starved for|timer wakeup didn't happen)|"
	  "(rcu: )?(\t|\\\\x09)?Possible timer handling issue|"
	  /* watchdog.c, watchdog_hld.c, hung_task.c, smp.c, irq/spurious.c */
	  "((NMI )?watchdog: )?BUG: soft lockup - CPU|"
	  "((NMI )?[Ww]atchdog: )?(CPU ?[0-9]+:? )?([Ww]atchdog |self-)?detected hard LOCKUP|"
	  "INFO: task .* blocked .*for more than |"
	  "(smp: )?csd: Detected non-responsive CSD lock|"
	  "irq [0-9]+: nobody cared|irq event [0-9]+: bogus return value|Disabling IRQ #|"
	  /* x86: irq.c, apic.c, nmi.c, smpboot.c; arm64: smp.c */
	  "[Ss]purious (APIC )?interrupt |"
	  "[a-z_A-Z]+: [0-9]+\\.[0-9]+ No irq handler for vector|"
	  "unexpected IRQ trap at vector|"
	  "(NMI: )?Uhhuh\\. NMI received for unknown reason|NMI: (PCI system error|IOCK error)|"
	  "CPU ?[0-9]+:? (failed to (come online|report alive state)|died during early boot|is stuck in kernel|will not boot)|"
	  "(smpboot: )?(do_boot_cpu failed|CPU [0-9]+ didn't die)|"
	  /* panic.c: WARN() up to 6.18, and since 6.19 */
	  "WARNING: CPU: [0-9]+ PID: [0-9]+ at |"
	  "WARNING: ([^ ]+:[0-9]+ )?at .*, CPU#[0-9]+: |"
	  /* lockdep.c, rtmutex, rcu; in brackets up to 4.10 */
	  "WARNING: (possible .* detected|suspicious RCU usage|inconsistent lock state|invalid wait context|"
	  "bad (unlock balance|contention) detected|held lock freed|lock held when returning to user space|"
	  "Nested lock was not taken|chain_key collision|.* still has locks held|.*-safe -> .*-unsafe lock order)|"
	  "\\[ (BUG|INFO): .* \\]|"
	  "INFO: trying to register non-static key|"
	  /* BUG(), BUG: of mm, sched, KASAN, KCSAN, KFENCE; slub.c: "BUG name (taint): " */
	  "BUG: |BUG at |BUG [^ ]+ \\(.*\\): |[Kk]ernel BUG at |watchdog: BUG: |"
	  "bad: scheduling from the idle thread|"
	  "sched: Unexpected reschedule of offline CPU|"
	  "huh, entered .* preempt_count |"
	  /* What WARN() adds, or KASAN and UBSAN say by themselves. */
	  "refcount_t: |list_(add|del) (corruption|double add)|UBSAN: |"
	  "KASAN: (null-ptr-deref|probably|maybe|stack|user|wild)|"
	  "ODEBUG: (init|activate|assert_init|deactivate|free|destroy) |"
	  "(x86/fpu: )?XSAVE consistency problem|"
	  /* die(): x86 and s390 with a code of four digits, others with the counter's name */
	  "[^[]*: [0-9a-f]{4}( ilc:[0-9])? \\[#[0-9]+\\]|"
	  "(Oops|[Kk]ernel (BUG|bug)|kernel stack overflow)[^[]*\\[#[0-9]+\\]|"
	  "Oops: |Oops - |Internal error: |general protection fault|"
	  /* traps.c and fault.c of x86, arm64 and arm */
	  "(traps: )?PANIC: |Unable to handle kernel |Unhandled fault: |Unhandled prefetch abort: |"
	  "Unexpected kernel (BRK|single-step) exception|CFI failure at |(traps: )?Missing ENDBR: |"
	  "Unhandled .* exception on CPU|Bad mode in |SError Interrupt on CPU|"
	  "Insufficient stack space to handle exception|Thread overran stack|"
	  "Fixing recursive fault|Kernel panic - "
	  ")" },
};

#define NR_PATTERNS (sizeof(patterns) / sizeof(*patterns))

/* One line of a message. */
static enum kmsg_kind classify_line(const char *line)
{
	static regex_t compiled[NR_PATTERNS];
	static size_t ready;

	for (; ready < NR_PATTERNS; ready++)
		if (regcomp(&compiled[ready], patterns[ready].regex, REG_EXTENDED | REG_NOSUB))
			abort();
	for (size_t i = 0; i < NR_PATTERNS; i++)
		if (!regexec(&compiled[i], line, 0, NULL, 0))
			return patterns[i].kind;
	return KMSG_OTHER;
}

enum kmsg_kind kmsg_classify(const char *text)
{
	enum kmsg_kind kind = classify_line(text);

	/* A newline within a message is escaped so; what follows it begins as a message does. */
	while (kind == KMSG_OTHER && (text = strstr(text, "\\x0a"))) {
		text += 4;
		kind = classify_line(text);
	}
	return kind;
}

/*
 * Memory, locks and tasks; a file that is named; and those files that are of clocks, interrupts and
 * CPUs.
 */
#define SUBJECT_ELSEWHERE                                                                          \
	"^(INFO: (task|trying to register)|BUG: (KASAN|KCSAN|KFENCE|KMSAN|Bad |workqueue leaked)|" \
	"BUG [^ ]+ \\(|"                                                                           \
	"WARNING: (possible |suspicious|inconsistent|invalid wait|bad |held lock|lock held|"       \
	"Nested|chain_key|"                                                                        \
	".* still has locks|.*-unsafe)|\\[ (BUG|INFO): |refcount_t: |list_(add|del) )"
#define PLACE "^(WARNING: (CPU: .* at )?|kernel BUG at |UBSAN: .* in )([^ :]+\\.[chS]):[0-9]+"
#define OURS  "(^|/)(kernel|arch|virt|drivers/(clocksource|irqchip|hv|cpuidle|cpufreq|ptp|rtc))/"

bool kmsg_elsewhere(const char *text)
{
	static regex_t subject, place, ours;
	static bool ready;
	regmatch_t part[4];
	char file[256];

	if (!ready && (regcomp(&subject, SUBJECT_ELSEWHERE, REG_EXTENDED | REG_NOSUB) ||
		       regcomp(&place, PLACE, REG_EXTENDED) ||
		       regcomp(&ours, OURS, REG_EXTENDED | REG_NOSUB)))
		abort();
	ready = true;
	if (!regexec(&subject, text, 0, NULL, 0))
		return true;
	if (regexec(&place, text, 4, part, 0))
		return false;
	snprintf(file, sizeof(file), "%.*s", (int)(part[3].rm_eo - part[3].rm_so),
		 text + part[3].rm_so);
	return regexec(&ours, file, 0, NULL, 0);
}

bool kmsg_marked(const char *text, char *source, size_t len)
{
	static const char *const before[] = {
		"Marking clocksource '",
		"Marking clocksource ",
		", marking ",
		"Clocksource ",
	};

	if (kmsg_classify(text) != KMSG_UNSTABLE && !strstr(text, "running on Hyper-V"))
		return false;
	if (strstr(text, "Marking TSC unstable due to ")) {
		snprintf(source, len, "tsc");
		return true;
	}
	for (size_t i = 0; i < sizeof(before) / sizeof(*before); i++) {
		const char *name = strstr(text, before[i]);
		size_t n = name ? strcspn(name + strlen(before[i]), "' ") : 0;

		if (!n)
			continue;
		snprintf(source, len, "%.*s", (int)n, name + strlen(before[i]));
		/*
		 * 5.13 tells the watchdog's name alone: "hpet read-back delay of ..., marking
		 * unstable"
		 */
		return strcmp(source, "unstable");
	}
	return false;
}

bool kmsg_text(char *record)
{
	char *s = record;

	/* Three numbers, then flags and whatever fields later kernels add. */
	for (int field = 0; field < 3; field++) {
		size_t digits = strspn(s, "0123456789");

		if (!digits || s[digits] != ',')
			return false;
		s += digits + 1;
	}
	s = strchr(s, ';');
	if (!s)
		return false;
	s++;
	s[strcspn(s, "\n")] = '\0';
	memmove(record, s, strlen(s) + 1);
	return true;
}

int kmsg_open(struct kmsg *k)
{
	char path[PATH_MAX];
	int err = file_path(path, sizeof(path), "/dev/kmsg");

	if (err)
		return err;
	k->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (k->fd < 0)
		return -errno;
	if (lseek(k->fd, 0, SEEK_END) < 0) {
		err = -errno;
		kmsg_close(k);
	}
	return err;
}

int kmsg_open_all(struct kmsg *k, bool *since_boot)
{
	char record[8192 + 1];
	int err = kmsg_open(k);
	ssize_t n;

	if (err)
		return err;
	*since_boot = false;
	if (lseek(k->fd, 0, SEEK_SET) < 0)
		goto fail;
	n = read(k->fd, record, sizeof(record) - 1);
	if (n > 0) {
		const char *comma;

		record[n] = '\0';
		/* "prio,seq,...": the first message of all has number 0. */
		comma = strchr(record, ',');
		*since_boot = comma && !strncmp(comma, ",0,", 3);
	}
	if (lseek(k->fd, 0, SEEK_SET) >= 0)
		return 0;
fail:
	err = -errno;
	kmsg_close(k);
	return err;
}

bool kmsg_next(struct kmsg *k, char *text, size_t len)
{
	char record[8192 + 1]; /* CONSOLE_EXT_LOG_MAX: no record is longer */

	for (;;) {
		ssize_t n = read(k->fd, record, sizeof(record) - 1);

		/* EPIPE: the ring overtook us, and the next read gives its oldest message. */
		if (n < 0 && (errno == EPIPE || errno == EINTR))
			continue;
		if (n <= 0)
			return false;
		record[n] = '\0';
		/* The priority's upper bits are the facility; only 0 is the kernel's own. */
		if (strtoul(record, NULL, 10) >> 3 || !kmsg_text(record))
			continue;
		snprintf(text, len, "%s", record);
		return true;
	}
}

void kmsg_close(struct kmsg *k)
{
	if (k->fd >= 0)
		close(k->fd);
	k->fd = -1;
}

bool kmsg_has_marked(const char *source, char *text, size_t len)
{
	bool since_boot, found = false;
	char name[32];
	struct kmsg k;

	if (kmsg_open_all(&k, &since_boot))
		return false;
	while (!found && kmsg_next(&k, text, len))
		found = kmsg_marked(text, name, sizeof(name)) && !strcmp(name, source);
	kmsg_close(&k);
	return found;
}
