// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults of clocksources. The source's read() is exchanged for one that lies;
 * the vDSO, which reads the counter by itself, is kept out by clearing the
 * source's vdso_clock_mode, so that every reading takes the lie. All lies are
 * functions of the true counter, extended to 64 bits, and of nothing else but
 * the CPU and, where it says so, the number of readings.
 */
#include "timer_fault.h"

#include <linux/atomic.h>
#include <linux/clocksource.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/math64.h>
#include <linux/rcupdate.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#if IS_ENABLED(CONFIG_HYPERV_TIMER) && defined(CONFIG_X86_64)
#include <asm/mshyperv.h>
#include <clocksource/hyperv_timer.h>
#endif

static struct clocksource *victim;
static u64 (*truth)(struct clocksource *cs);
static enum vdso_clock_mode vdso;
static u64 (*lie)(u64 now);	   /* cycles since arming, true to shown */
static u64 base, amount, interval; /* in cycles; amount: setting.size */
static atomic64_t extended;
static atomic64_t last_strike;

/* The counter without its wraps: right as long as it is read twice in each. */
static u64 extend(u64 now, u64 mask)
{
	u64 old = atomic64_read(&extended), on = (now - old) & mask;

	if (on > mask / 2)
		return old - ((old - now) & mask);
	atomic64_cmpxchg(&extended, old, old + on);
	return old + on;
}

static u64 lying_read(struct clocksource *cs)
{
	u64 now = extend(truth(cs), cs->mask);

	return (base + lie(now - base)) & cs->mask;
}

/* What comes once in an interval strikes once in each. */
static void strike_interval(u64 number)
{
	u64 last = atomic64_read(&last_strike);

	if (number > last && atomic64_cmpxchg(&last_strike, last, number) == last)
		strike();
}

static u64 cycles(const struct clocksource *cs, u64 ns)
{
	return mul_u64_u32_div(ns, 1U << min(cs->shift, 31U), cs->mult)
	       << (cs->shift - min(cs->shift, 31U));
}

static u64 back(u64 now)
{
	if (now < amount || !due())
		return now;
	strike();
	return now - amount;
}

static u64 cpu_offset(u64 now)
{
	if (raw_smp_processor_id() != setting.cpu)
		return now;
	strike();
	return now + amount;
}

static u64 freeze(u64 now)
{
	u64 number = div64_u64(now, interval), into = now - number * interval;

	if (!number || into >= amount)
		return now;
	strike_interval(number);
	return number * interval;
}

/* For good, once an interval is over. */
static u64 frozen(u64 now)
{
	if (now < interval)
		return now;
	strike();
	return interval;
}

/* setting.size is in ppm. */
static u64 fast(u64 now)
{
	strike();
	return now + (s64)mul_u64_u64_div_u64(now, abs(setting.size), 1000000) *
			     (setting.size < 0 ? -1 : 1);
}

static u64 coarse(u64 now)
{
	u64 number = div64_u64(now, amount);

	strike_interval(number);
	return number * amount;
}

static u64 jump(u64 now)
{
	u64 number = div64_u64(now, interval);

	strike_interval(number);
	return now + number * amount;
}

static u64 wrap(u64 now)
{
	u64 number = div64_u64(now, amount);

	strike_interval(number);
	return now - number * amount;
}

/*
 * Time of more than amount in which nobody read the clock, as when the machine was held up: all of
 * it so far. Two CPUs that read at once must agree about it.
 */
static u64 unread(u64 now)
{
	static DEFINE_RAW_SPINLOCK(lock);
	static u64 last, sum;
	unsigned long flags;
	u64 so_far;

	raw_spin_lock_irqsave(&lock, flags);
	if (now > last && now - last > amount) {
		sum += now - last;
		strike();
	}
	if (now > last)
		last = now;
	so_far = sum;
	raw_spin_unlock_irqrestore(&lock, flags);
	return so_far;
}

static u64 swallow(u64 now)
{
	return now - unread(now);
}

static u64 twice(u64 now)
{
	return now + unread(now);
}

/* Readings by vDSO are true, those by system call are SIZE ahead. */
static u64 ahead(u64 now)
{
	strike();
	return now + amount;
}

static u64 honest(u64 now)
{
	return now;
}

static u64 no_read(struct clocksource *cs)
{
	return 0;
}

/*
 * The source that is meant. A source of our own with the least rating there is
 * comes last in the kernel's list, so that all others lie between the list's
 * head, after it, and itself.
 */
static struct clocksource *find_source(void)
{
	static struct clocksource probe = {
		.name = "timer_fault",
		.rating = 0,
		.mask = CLOCKSOURCE_MASK(64),
		.read = no_read,
		.mult = 1,
		.max_idle_ns = NSEC_PER_SEC,
	};
	struct clocksource *cs, *found = NULL;
	struct list_head *entry;

	if (__clocksource_register(&probe)) {
		pr_err("no clocksource can be registered\n");
		return NULL;
	}
	for (entry = probe.list.next->next; entry != &probe.list && !found; entry = entry->next) {
		cs = list_entry(entry, struct clocksource, list);
		if (setting.device[0] ? named(cs->name) : cs->flags & CLOCK_SOURCE_VALID_FOR_HRES)
			found = cs;
	}
	clocksource_unregister(&probe);
	if (!found)
		pr_err("no clocksource \"%s\"\n", setting.device);
	return found;
}

/*
 * x86's for the beginning: the TSC, once it is calibrated, takes its place, and a fault in it would
 * be gone.
 */
static struct clocksource *find_settled(void)
{
	struct clocksource *cs = find_source();

	for (int tries = 0; cs && !strcmp(cs->name, "tsc-early") && tries < 100; tries++) {
		msleep(100);
		cs = find_source();
	}
	return cs;
}

static int take_over(u64 (*how)(u64), bool by_vdso_too)
{
	victim = find_settled();
	if (!victim)
		return -ENODEV;
	amount = cycles(victim, abs(setting.size));
	interval = cycles(victim, setting.period * (u64)NSEC_PER_MSEC);
	vdso = victim->vdso_clock_mode;
	if (!amount && how != fast && how != honest && how != frozen) {
		pr_err("size=%ld is less than a cycle of %s\n", setting.size, victim->name);
		return -EINVAL;
	}
	if (by_vdso_too && vdso != VDSO_CLOCKMODE_NONE) {
		victim->vdso_clock_mode = VDSO_CLOCKMODE_NONE;
		/* Until a tick has updated the vDSO. */
		msleep(50);
	}
	truth = victim->read;
	base = truth(victim);
	atomic64_set(&extended, base);
	atomic64_set(&last_strike, 0);
	lie = how;
	smp_wmb();
	WRITE_ONCE(victim->read, lying_read);
	return 0;
}

/*
 * Truth again. What the lie had put ahead goes back, or stands until truth has caught up,
 * and timers wait that long: a guest is better thrown away than used further.
 */
static void give_back(void)
{
	if (!victim)
		return;
	if (truth && victim->read == lying_read)
		WRITE_ONCE(victim->read, truth);
	victim->vdso_clock_mode = vdso;
	victim = NULL;
	/* Until a tick has updated the vDSO, and whoever was still lying has returned. */
	msleep(50);
	synchronize_rcu();
}

#define ARM(how)                             \
	static int arm_##how(void)           \
	{                                    \
		return take_over(how, true); \
	}
ARM(back)
ARM(freeze)
ARM(frozen)
ARM(fast)
ARM(coarse)
ARM(jump)
ARM(wrap)
ARM(swallow)
ARM(twice)

static int arm_ahead(void)
{
	return take_over(ahead, false);
}

static int arm_cpu_offset(void)
{
	if (setting.cpu < 0) {
		pr_err("cpu_offset wants cpu=, the CPU whose readings are ahead\n");
		return -EINVAL;
	}
	return take_over(cpu_offset, true);
}

static int arm_no_vdso(void)
{
	int ret = take_over(honest, true);

	if (ret)
		return ret;
	if (vdso == VDSO_CLOCKMODE_NONE) {
		pr_err("%s is not the vDSO's to read, fault or not\n", victim->name);
		return -EINVAL;
	}
	strike();
	return 0;
}

#if IS_ENABLED(CONFIG_HYPERV_TIMER) && defined(CONFIG_X86_64)
/*
 * The reference TSC page says "invalid": vDSO and kernel fall back to the MSR (TLFS, reference
 * TSC).
 */
static u32 sequence;

static int arm_page(void)
{
	struct ms_hyperv_tsc_page *page = hv_get_tsc_page();

	if (!(ms_hyperv.features & HV_MSR_REFERENCE_TSC_AVAILABLE) || !page ||
	    !page->tsc_sequence) {
		pr_err("there is no valid reference TSC page\n");
		return -ENODEV;
	}
	sequence = page->tsc_sequence;
	WRITE_ONCE(page->tsc_sequence, 0);
	strike();
	return 0;
}

static void disarm_page(void)
{
	if (sequence)
		WRITE_ONCE(hv_get_tsc_page()->tsc_sequence, sequence);
	sequence = 0;
}

/* The page tells another time than the counter it stands for. */
static bool shifted;

static int arm_page_offset(void)
{
	int ret = arm_page();

	if (ret)
		return ret;
	/* 100 ns units, like the page. */
	hv_get_tsc_page()->tsc_offset += setting.size / 100;
	shifted = true;
	disarm_page();
	return 0;
}

static void disarm_page_offset(void)
{
	if (shifted)
		hv_get_tsc_page()->tsc_offset -= setting.size / 100;
	shifted = false;
	disarm_page();
}

/*
 * Hyper-V gets another page, and writes that one from now on: Linux reads what stays as it is,
 * until its clock is put back.
 */
#define MSR_REFERENCE_TSC 0x40000021
#define MSR_PAGE_ENABLE	  1ull

static unsigned long elsewhere;
static u32 page_setting[2]; /* rdmsrl_safe() became rdmsrq_safe() in 6.16 */

static int set_page(u64 value)
{
	return wrmsr_safe(MSR_REFERENCE_TSC, lower_32_bits(value), upper_32_bits(value));
}

static int arm_page_stale(void)
{
	if (rdmsr_safe(MSR_REFERENCE_TSC, &page_setting[0], &page_setting[1]) ||
	    !(page_setting[0] & MSR_PAGE_ENABLE)) {
		pr_err("there is no valid reference TSC page\n");
		return -ENODEV;
	}
	elsewhere = get_zeroed_page(GFP_KERNEL);
	if (!elsewhere)
		return -ENOMEM;
	if (set_page(virt_to_phys((void *)elsewhere) | MSR_PAGE_ENABLE)) {
		free_page(elsewhere);
		elsewhere = 0;
		return -EIO;
	}
	strike();
	return 0;
}

static void disarm_page_stale(void)
{
	if (!elsewhere)
		return;
	set_page((u64)page_setting[1] << 32 | page_setting[0]);
	free_page(elsewhere);
	elsewhere = 0;
}
#else
static int arm_page(void)
{
	pr_err("there is no reference TSC page\n");
	return -ENODEV;
}

static void disarm_page(void)
{
}

static int arm_page_offset(void)
{
	return arm_page();
}

static void disarm_page_offset(void)
{
}

static int arm_page_stale(void)
{
	return arm_page();
}

static void disarm_page_stale(void)
{
}
#endif

static struct kprobe probe;

/* change_clocksource(cs): nothing is done, and the core notices */
static int stay(struct kprobe *kp, struct pt_regs *regs)
{
	strike();
	return skip(regs, 0);
}

static int arm_switch_fails(void)
{
	return hook(&probe, "change_clocksource", stay);
}

/* timekeeping_notify(cs): nothing is done, and it says that it was. */
static int arm_switch_lies(void)
{
	return hook(&probe, "timekeeping_notify", stay);
}

/*
 * timekeeping_notify(cs): a source that is chosen again after another has a wrong rate from then
 * on.
 */
static bool left;

static int choose(struct kprobe *kp, struct pt_regs *regs)
{
	if ((void *)*argument(regs, 0) != victim) {
		left = true;
		WRITE_ONCE(victim->read, truth);
		victim->vdso_clock_mode = vdso;
	} else if (left && victim->read == truth) {
		base = truth(victim);
		atomic64_set(&extended, base);
		victim->vdso_clock_mode = VDSO_CLOCKMODE_NONE;
		WRITE_ONCE(victim->read, lying_read);
	}
	return 0;
}

static int arm_fast_again(void)
{
	victim = find_settled();
	if (!victim)
		return -ENODEV;
	left = false;
	vdso = victim->vdso_clock_mode;
	truth = victim->read;
	lie = fast;
	return hook(&probe, "timekeeping_notify", choose);
}

static void disarm_fast_again(void)
{
	unhook(&probe);
	give_back();
}

/*
 * What clock_getres() says: posix_get_coarse_res(clock, resolution), and a variable that the vDSO
 * copies.
 */
static unsigned int resolution;

static int lie_res(clockid_t clock, struct timespec64 *tp)
{
	*tp = ns_to_timespec64(setting.size);
	strike();
	return 0;
}

static int redirect_res(struct kprobe *kp, struct pt_regs *regs)
{
	return replace(regs, lie_res);
}

static int arm_getres(void)
{
	resolution = hrtimer_resolution;
	WRITE_ONCE(hrtimer_resolution, setting.size);
	strike();
	return hook(&probe, "posix_get_coarse_res", redirect_res);
}

static void disarm_getres(void)
{
	unhook(&probe);
	WRITE_ONCE(hrtimer_resolution, resolution);
}

static void unhook_probe(void)
{
	unhook(&probe);
}

const struct fault clocksource_faults[] = {
	{ "back", "one reading in EVERY is SIZE ns behind", 20000, arm_back, give_back },
	{ "cpu_offset", "readings on CPU are SIZE ns ahead", 1000000, arm_cpu_offset, give_back },
	{ "freeze", "each PERIOD ms the clock stands for SIZE ns, then catches up", 200000000,
	  arm_freeze, give_back },
	{ "frozen", "after PERIOD ms the clock stands still for good", 0, arm_frozen, give_back },
	{ "fast", "the clock is fast by SIZE ppm", 50000, arm_fast, give_back },
	{ "fast_again", "the clock is fast by SIZE ppm once its source was left and chosen again",
	  1000, arm_fast_again, disarm_fast_again },
	{ "coarse", "the clock goes on in steps of SIZE ns", 1000000, arm_coarse, give_back },
	{ "jump", "each PERIOD ms the clock jumps SIZE ns ahead", 1000000000, arm_jump, give_back },
	{ "wrap", "the counter wraps each SIZE ns", 500000000, arm_wrap, give_back },
	{ "swallow", "the clock leaves out each time of more than SIZE ns in which nobody read it",
	  1000000000, arm_swallow, give_back },
	{ "twice",
	  "the clock goes on twice by each time of more than SIZE ns in which nobody read it",
	  1000000000, arm_twice, give_back },
	{ "ahead", "system calls read SIZE ns more than the vDSO", 1000000, arm_ahead, give_back },
	{ "no_vdso", "the vDSO doesn't serve the source, though it could", 0, arm_no_vdso,
	  give_back },
	{ "page", "Hyper-V's reference TSC page is invalid", 0, arm_page, disarm_page },
	{ "page_offset", "Hyper-V's reference TSC page is SIZE ns ahead of the reference counter",
	  1000000, arm_page_offset, disarm_page_offset },
	{ "page_stale",
	  "Hyper-V doesn't write the reference TSC page anew when it puts its clock back", 0,
	  arm_page_stale, disarm_page_stale },
	{ "getres", "clock_getres() says SIZE ns", 100000000, arm_getres, disarm_getres },
	{ "switch_fails", "another clocksource can't be switched to", 0, arm_switch_fails,
	  unhook_probe },
	{ "switch_lies", "switching says success and changes nothing", 0, arm_switch_lies,
	  unhook_probe },
	{}
};
