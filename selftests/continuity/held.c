// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "../lib/clockevents.h"
#include "../lib/clocks.h"
#include "../lib/clocksource.h"
#include "../lib/host.h"
#include "../lib/hyperv.h"
#include "../lib/kmsg.h"
#include "../lib/offset.h"
#include "../lib/platform.h"
#include "../lib/readers.h"
#include "../lib/shared.h"
#include "../lib/wake.h"
#include "held.h"
#include "page.h"
#include "sleeps.h"
#include "timers.h"

#define ASKS 4 /* questions for the time, before and after, for each of two clocks */

#define LEAD_MIN_NS (300 * NSEC_PER_MSEC)
#define LEAD_MAX_NS (700 * NSEC_PER_MSEC) /* overdue before a frozen machine goes on */

/* Clocks that differ from CLOCK_MONOTONIC by what only setting the time or a suspend changes. */
static const struct {
	clockid_t id;
	const char *name;
	double slew; /* by how much NTP may make it run apart */
} kin[] = {
	{ CLOCK_BOOTTIME, "CLOCK_BOOTTIME", 0 },
	{ CLOCK_REALTIME, "CLOCK_REALTIME", 0 },
	{ CLOCK_TAI, "CLOCK_TAI", 0 },
	{ CLOCK_MONOTONIC_RAW, "CLOCK_MONOTONIC_RAW", 1e-3 },
};
#define NR_KIN (sizeof(kin) / sizeof(*kin))

/* One moment. */
struct moment {
	int64_t mono;
	int64_t asking;	    /* ns that the questions for the time took */
	struct offset host; /* the host's clock - CLOCK_MONOTONIC */
	struct offset
		counter; /* the host's clock - the raw counter, in ns since it was first read */
	struct offset kin[NR_KIN]; /* - CLOCK_MONOTONIC */
	struct offset reference;   /* Hyper-V's reference counter by its register - MONOTONIC_RAW */
	struct ce_names devices;
	char clocksource[CS_NAME_LEN];
	bool has_page;
	struct page page;
};

/* What the first case leaves for the others. */
struct held {
	bool done;
	char why[256]; /* not: why not */
	struct moment before, after;
	/* ns of the host's clock, each cut off by up to HOST_TICK_NS: hold.sh has their meaning */
	int64_t asked, stopped, resumed, runs, saved, left;
	bool set; /* somebody has set the time of day */
	struct read_result read[NR_READ_CLOCKS];
	unsigned long rounds;
	struct timers timers[]; /* of each CPU, in their order */
};

/* Some 100 times what a clock is known to, and longer than the clocksource watchdog waits. */
#define SECONDS "1"

static const char *const ways[] = {
	[HELD_PAUSE] = "pause",	  [HELD_RESTORE] = "restore", [HELD_MIGRATE] = "migrate",
	[HELD_FREEZE] = "freeze", [HELD_VCPU] = "vcpu",
};
static enum held_way way;
static struct platform platform;
static struct held *held;

static void cant(const char *why)
{
	snprintf(held->why, sizeof(held->why), "%s", why);
	report_skip("%s", held->why);
}

static int64_t read_monotonic(void *unused)
{
	(void)unused;
	return clock_ns(CLOCK_MONOTONIC);
}

static int64_t read_raw_counter(void *start)
{
	return counter_since_ns(*(uint64_t *)start);
}

static int64_t read_reference(void *way)
{
	uint64_t ticks = 0;

	reference_read(way, &ticks);
	return ticks * (NSEC_PER_SEC / HV_REFERENCE_HZ);
}

/* Where there is such a register, and a way to it; otherwise it has no samples. */
static void sample_reference(struct offset *o)
{
	struct reference_way way;
	struct sandwich s;
	uint64_t ticks;

	*o = (struct offset){ 0 };
	if (strcmp(platform.hypervisor, "Microsoft Hv") ||
	    reference_open(&way, cpus_next(-1, report_cpus())))
		return;
	if (!reference_read(&way, &ticks) &&
	    sandwich_with(CLOCK_MONOTONIC_RAW, read_reference, &way, 2 * SANDWICH_TRIES, &s)) {
		*o = offset_of(&s);
		/* The counter's value holds for a whole tick. */
		o->high += NSEC_PER_SEC / HV_REFERENCE_HZ;
	}
	reference_close(&way);
}

static void sample(struct moment *m, uint64_t *start)
{
	int err = ce_snapshot(&m->devices);

	if (err && err != -ENOENT)
		report_fail("reading the clockevents' names: %s", strerror(-err));
	cs_current(m->clocksource);
	m->has_page = page_read(m->clocksource, &m->page);
	for (size_t i = 0; i < NR_KIN; i++)
		m->kin[i] = offset_between(CLOCK_MONOTONIC, kin[i].id, SANDWICH_TRIES);
	sample_reference(&m->reference);
	m->asking = -clock_ns(CLOCK_MONOTONIC);
	err = host_offset(read_monotonic, NULL, ASKS, &m->host);
	if (!err)
		err = host_offset(read_raw_counter, start, ASKS, &m->counter);
	if (err == -ENOENT)
		cant("nobody here can hold this machine up: harness/gate does, a guest that it boots");
	if (err)
		report_fail("asking the host for the time: %s", strerror(-err));
	m->mono = clock_ns(CLOCK_MONOTONIC);
	m->asking += m->mono;
}

/* A timer that fails with ECANCELED when somebody sets the time of day. */
static int watch_settings(void)
{
	struct itimerspec day = { .it_value.tv_sec =
					  clock_ns(CLOCK_REALTIME) / NSEC_PER_SEC + 86400 };
	int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);

	ck_assert_int_eq(timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &day,
					 NULL),
			 0);
	return fd;
}

static bool all_armed(void *unused)
{
	(void)unused;
	for (int i = 0; i < cpus_count(report_cpus()); i++)
		if (!atomic_load(&held->timers[i].armed))
			return false;
	return true;
}

static struct timers *first_undone(void)
{
	for (int i = 0; i < cpus_count(report_cpus()); i++)
		if (!atomic_load(&held->timers[i].done))
			return &held->timers[i];
	return NULL;
}

static bool all_done(void *unused)
{
	(void)unused;
	return !first_undone();
}

static bool never(void *unused)
{
	(void)unused;
	return false;
}

/*
 * How long timers wait for the host to stop the machine, which takes it as long as its answers do.
 * Where the clock stands still, what is left of that is waited for after the hold.
 */
static int64_t lead(void)
{
	int64_t ns = LEAD_MIN_NS + 2 * held->before.asking;

	return ns < LEAD_MAX_NS ? ns : LEAD_MAX_NS;
}

static void start_timers(_Atomic bool *over)
{
	struct timers t = { .over = over, .rounds = 1, .lead = lead() };
	int cpu, err = 0, i = 0;

	if (way == HELD_MIGRATE)
		t.rounds = TIMERS_ROUNDS;
	cpus_for_each(cpu, report_cpus()) {
		t.cpu = cpu;
		held->timers[i] = t;
		err = timers_start(&held->timers[i++]);
		if (err)
			report_fail("starting a thread on CPU %d: %s", cpu, strerror(-err));
	}
	if (observe(all_armed, NULL, WAKE_DEAD_NS))
		report_fail("timers were not armed within %lld s", WAKE_DEAD_NS / NSEC_PER_SEC);
}

static void ask_to_be_held(void)
{
	char question[32], answer[256];
	int64_t at[6] = { 0 };
	int err;

	snprintf(question, sizeof(question), "%s " SECONDS, ways[way]);
	err = host_ask(question, answer, sizeof(answer));
	if (err)
		report_fail("asking the host for \"%s\": %s", question, strerror(-err));
	if (host_refuses(answer))
		cant(host_refuses(answer));
	if (!host_times(answer, "held", at, way == HELD_RESTORE || way == HELD_MIGRATE ? 6 : 4))
		report_fail("the host's answer to \"%s\" is \"%s\", not \"held\" and times",
			    question, answer);
	held->asked = at[0], held->stopped = at[1], held->resumed = at[2], held->runs = at[3];
	held->saved = at[4], held->left = at[5];
}

static void collect_readers(struct readers *r)
{
	if (readers_round(r, 10 * NSEC_PER_SEC, false))
		report_note("the host was too busy to let all CPUs read the clocks once more");
	readers_stop(r);
	for (int i = 0; i < NR_READ_CLOCKS; i++)
		held->read[i] = readers_result(r, i);
	held->rounds = readers_rounds(r);
	readers_free(r);
}

/* The least and the most that a clock falls behind the host's over the hold, ns. */
struct passage {
	int64_t least, most;
};

/* One that goes on, and one that stands still as the machine does. */
static const struct passage goes_on;

static struct passage stands_still(void)
{
	return (struct passage){ held->resumed - held->stopped - HOST_TICK_NS,
				 held->runs - held->asked + HOST_TICK_NS };
}

static void hold(int unused)
{
	/* Threads may outlive this function. */
	static _Atomic bool over;
	static struct readers readers;
	uint64_t expirations, start = counter_read();
	int settings;

	(void)unused;
	counter_hz();
	sample(&held->before, &start);
	settings = watch_settings();
	ck_assert_int_eq(readers_start(&readers, report_cpus(), NULL), 0);
	start_timers(&over);
	ask_to_be_held();
	/* What the kernel makes of the hold at its next ticks is read as well. */
	observe(never, NULL, 200 * NSEC_PER_MSEC);
	atomic_store(&over, true);
	collect_readers(&readers);
	if (observe(all_done, NULL, 10 * NSEC_PER_SEC))
		sleeps_dead(first_undone()->cpu,
			    "timers that were armed before the machine was held up had not fired 10 s after it went on");
	held->set = read(settings, &expirations, sizeof(expirations)) < 0 && errno == ECANCELED;
	sample(&held->after, &start);
	held->done = true;
	report_metric("held_least", stands_still().least / 1e9, "s");
	report_metric("held_most", stands_still().most / 1e9, "s");
	report_metric("monotonic", (held->after.mono - held->before.mono) / 1e9, "s");
	if (stands_still().least <= 0)
		report_fail("the host says that it held the machine up from %.2f to %.2f s of its time, which is nothing",
			    held->stopped / 1e9, held->resumed / 1e9);
}

static void need_held(void)
{
	if (!held->done)
		report_skip("%s", held->why[0] ? held->why : "the machine was not held up");
}

static void order(int unused)
{
	uint64_t readings = 0;

	(void)unused;
	need_held();
	for (int i = 0; i < NR_READ_CLOCKS; i++) {
		const struct read_result *r = &held->read[i];

		readings += r->own.count;
		if (held->set && clock_settable(read_clocks[i].id))
			continue;
		if (r->own.backward)
			report_fail("CLOCK_%s went back for one thread, %llu times, by up to %lld ns",
				    read_clocks[i].name, (unsigned long long)r->own.backward,
				    (long long)r->own.worst);
		if (r->behind)
			report_fail("CLOCK_%s was behind what another CPU had read before, %llu times, by up to %lld ns",
				    read_clocks[i].name, (unsigned long long)r->behind,
				    (long long)r->behind_worst);
		if (r->ahead)
			report_fail("CLOCK_%s was ahead of its fine clock, %llu times, by up to %lld ns",
				    read_clocks[i].name, (unsigned long long)r->ahead,
				    (long long)r->ahead_worst);
	}
	report_metric("readings", readings, "readings");
	report_metric("rounds_min", held->rounds, "rounds");
	if (held->rounds < 2)
		report_skip("a CPU read the clocks %lu times only", held->rounds);
}

/*
 * Judges how far a clock fell behind the host's over the hold, of which both offsets leave a range:
 * only what is certain is a failure. rate: by how much its own may be off the host's.
 */
static void judge_passage(const char *name, struct passage expected, const struct offset *before,
			  const struct offset *after, double rate)
{
	int64_t least = after->low - before->high, most = after->high - before->low;
	int64_t span = held->after.mono - held->before.mono + stands_still().most;
	int64_t slack = NSEC_PER_MSEC + span * rate;
	struct offset expected_after = { before->low + expected.least - slack,
					 before->high + expected.most + slack, before->samples };

	report_metric("behind", (least + most) / 2e9, "s");
	report_metric("uncertainty", (most - least) / 2e9, "s");
	if (offset_step_error(&expected_after, after, 0))
		report_fail("%s fell behind the host's time by %.3f to %.3f s; %.3f to %.3f s is right for a hold of %.3f to %.3f s",
			    name, least / 1e9, most / 1e9, expected.least / 1e9,
			    expected.most / 1e9, stands_still().least / 1e9,
			    stands_still().most / 1e9);
	if (most - least > stands_still().least / 2)
		report_skip("the host answered too slowly: it is known to %.1f s only",
			    (most - least) / 1e9);
}

/* Whether the TSC is the host's own, and its clock is KVM's. */
static bool on_x86_kvm(void)
{
	return platform.x86 && (!strcmp(platform.hypervisor, "KVMKVMKVM") ||
				!strcmp(platform.hypervisor, "Microsoft Hv"));
}

/*
 * QEMU that stops by its monitor stops its own clock, from which all that it emulates gets the time
 * (softmmu/cpus.c, do_vm_stop(): cpu_disable_ticks()); of KVM's it puts back kvm-clock, on which
 * Hyper-V's reference time depends (hw/i386/kvm/clock.c, kvmclock_vm_state_change()), and arm64's
 * virtual counter (target/arm/kvm.c, kvm_arm_vm_state_change()). Of a guest that moves, kvm-clock
 * is read when the last of its memory has been sent (kvmclock_pre_save()), and goes on until then.
 */
static struct passage clock_passage(void)
{
	struct passage still = stands_still();

	if (way == HELD_FREEZE || way == HELD_VCPU)
		return goes_on;
	if (way == HELD_MIGRATE && on_x86_kvm())
		still.least = held->resumed - held->saved - HOST_TICK_NS;
	return still;
}

/*
 * The TSC of KVM's guests is this host's own: it is put back with the state that was saved
 * (target/i386/kvm/kvm.c, kvm_put_msrs()), else goes on.
 */
static struct passage counter_passage(void)
{
	if (!on_x86_kvm())
		return clock_passage();
	if (way != HELD_RESTORE && way != HELD_MIGRATE)
		return goes_on;
	return (struct passage){ held->left - held->saved - HOST_TICK_NS, stands_still().most };
}

static void monotonic(int unused)
{
	(void)unused;
	need_held();
	judge_passage("CLOCK_MONOTONIC",
		      strcmp(held->before.clocksource, "tsc") ? clock_passage() : counter_passage(),
		      &held->before.host, &held->after.host, 1e-3);
}

static void counter(int unused)
{
	(void)unused;
	need_held();
	/* On x86 the rate of the counter was measured, in 10 ms. */
	judge_passage("the raw counter", counter_passage(), &held->before.counter,
		      &held->after.counter, platform.x86 ? 2e-2 : 1e-3);
}

static void offsets(int unused)
{
	int64_t span = held->after.mono - held->before.mono;

	(void)unused;
	need_held();
	for (size_t i = 0; i < NR_KIN; i++) {
		int64_t off = offset_step_error(&held->before.kin[i], &held->after.kin[i], 0);

		if (held->set && clock_settable(kin[i].id)) {
			report_note("%s is not judged: somebody has set it", kin[i].name);
			continue;
		}
		if (llabs(off) > kin[i].slew * span)
			report_fail("%s - CLOCK_MONOTONIC changed by %lld ns while the machine was held up",
				    kin[i].name, (long long)off);
	}
}

/* When the machine stopped, at the latest, on its CLOCK_MONOTONIC. */
static int64_t stopped_at(void)
{
	return held->stopped + HOST_TICK_NS - held->before.host.low;
}

static void armed(int unused)
{
	int64_t latest = 0, margin = INT64_MAX;
	unsigned int fired = 0;

	(void)unused;
	need_held();
	for (int i = 0; i < cpus_count(report_cpus()); i++) {
		const struct timers *t = &held->timers[i];

		if (t->error)
			report_fail("CPU %d: a timer's call failed: %s", t->cpu,
				    strerror(t->error));
		if (t->early)
			report_fail("CPU %d: %u of %u timers fired early, by up to %lld ns", t->cpu,
				    t->early, t->fired, (long long)t->worst_early);
		if (t->disordered)
			report_fail("CPU %d: %u signals came before one of a timer that was to expire earlier",
				    t->cpu, t->disordered);
		if (t->repeated)
			report_fail("CPU %d: one-shot timers expired %u times more than once",
				    t->cpu, t->repeated);
		fired += t->fired;
		if (t->latest > latest)
			latest = t->latest;
		if (timers_margin(t, stopped_at()) < margin)
			margin = timers_margin(t, stopped_at());
	}
	report_metric("fired", fired, "timers");
	report_metric("latest", latest, "ns");
	if (margin <= 0)
		report_skip(
			"the host was too busy: it stopped the machine when these timers had fired");
}

static void periodic(int unused)
{
	(void)unused;
	need_held();
	for (int i = 0; i < cpus_count(report_cpus()); i++) {
		const struct timers *t = &held->timers[i];

		if (t->missed)
			report_fail("CPU %d: a periodic timer counted %lld periods %s than had begun (it counted %llu)",
				    t->cpu, (long long)llabs(t->missed),
				    t->missed < 0 ? "fewer" : "more",
				    (unsigned long long)t->periods);
	}
}

static void devices(int unused)
{
	char text[256];

	(void)unused;
	need_held();
	if (!ce_same(&held->before.devices, &held->after.devices, CE_BROADCAST) ||
	    strcmp(held->before.devices.broadcast, held->after.devices.broadcast))
		report_fail("the clockevents aren't those of before");
	if (!strcmp(held->before.clocksource, held->after.clocksource))
		return;
	/*
	 * QEMU stops and starts its emulated counters one after the other, and its host may pause
	 * in between: then they are apart, as the watchdog says.
	 */
	if (platform_tcg(&platform) &&
	    kmsg_has_marked(held->before.clocksource, text, sizeof(text)))
		report_skip("the clocksource was %s, and is %s, since the kernel logged: %s; QEMU's emulation stops two counters one after the other",
			    held->before.clocksource, held->after.clocksource, text);
	report_fail("the clocksource was %s, and is %s", held->before.clocksource,
		    held->after.clocksource);
}

static void reference(int unused)
{
	int64_t off, tolerance;

	(void)unused;
	need_held();
	if (strcmp(held->before.clocksource, HV_TSC_PAGE))
		report_skip("the clocksource is %s, not Hyper-V's reference TSC page",
			    held->before.clocksource);
	if (!held->before.reference.samples || !held->after.reference.samples)
		report_skip("the reference counter's register can't be read: %s",
			    platform.x86 ? "the module msr is missing" :
					   "the module hv_regs is missing");
	off = offset_step_error(&held->before.reference, &held->after.reference, 0);
	tolerance = NSEC_PER_SEC / HV_REFERENCE_HZ +
		    (held->after.mono - held->before.mono + stands_still().most) / 100000;
	report_metric("off", off, "ns");
	if (llabs(off) > tolerance)
		report_fail("CLOCK_MONOTONIC_RAW by the reference TSC page and the counter by its register were one time, and are %lld ns apart now, more than %lld ns",
			    (long long)off, (long long)tolerance);
}

static void page(int unused)
{
	const struct page *before = &held->before.page, *after = &held->after.page;

	(void)unused;
	need_held();
	if (!held->before.has_page || !held->after.has_page)
		report_skip("the clocksource is %s: no page of a hypervisor's that the vDSO reads",
			    held->before.clocksource);
	report_metric("version_before", before->version, "number");
	report_metric("version_after", after->version, "number");
	if (before->stable && !after->stable)
		report_fail("the page of %s is no longer valid for all CPUs (version %u): the vDSO can't use it",
			    held->before.clocksource, after->version);
	if (clock_passage().least > 0 && before->version == after->version)
		report_fail("the page of %s has the version of before, %u, though the host put its clock back",
			    held->before.clocksource, after->version);
}

static void alive(int cpu)
{
	need_held();
	sleeps_end(cpu);
}

static const struct report_case cases[] = {
	{ "held", "K1: the host holds the machine up, and it goes on: timers armed before fire",
	  hold, false },
	{ "order",
	  "K2: over a hold no clock goes back, for no thread and on no CPU, and no coarse clock is ahead of its fine one (lib/vdso/gettimeofday.c, timekeeping_cycles_to_ns())",
	  order, false },
	{ "monotonic",
	  "K3: CLOCK_MONOTONIC stands still over a hold that the hypervisor knows of, where it stops or puts back the clock that it is made of (QEMU: cpu_disable_ticks(), kvmclock_vm_state_change()), else goes on",
	  monotonic, false },
	{ "counter",
	  "K4: the raw counter stands still over such a hold where QEMU emulates it or puts it back (cpu_disable_ticks(), kvm_arm_vm_state_change(), kvm_put_msrs()), and goes on where it is the host's own TSC",
	  counter, false },
	{ "offsets",
	  "K5: no hold changes REALTIME, TAI and BOOTTIME against MONOTONIC, nor MONOTONIC_RAW beyond what NTP slews: the guest learns of none (timekeeping_inject_sleeptime64() has no caller)",
	  offsets, false },
	{ "armed",
	  "K6: timers of every kind that a hold came upon fire once, in order and never early (hrtimer_interrupt(), posix_timer_fn())",
	  armed, false },
	{ "periodic",
	  "K7: a periodic timer counts exactly the periods that have begun, held up or not (hrtimer_forward())",
	  periodic, false },
	{ "devices",
	  "K8: a hold changes neither clockevents nor the clocksource: no watchdog takes it for a fault (clocksource_watchdog())",
	  devices, false },
	{ "reference",
	  "K9: after a hold the reference TSC page tells the time of the reference counter, as before (TLFS, reference TSC page; kvm_hv_setup_tsc_page())",
	  reference, false },
	{ "page",
	  "K11: after a hold the page by which the hypervisor tells the time is valid for all CPUs, as before, and was written anew where the clock was put back (Documentation/virt/kvm/x86/msr.rst; TLFS, reference TSC page)",
	  page, false },
	{ "alive", "K10: after a hold armed timers fire on every CPU, never early", alive, true },
};

static void setup(void)
{
	platform_read(&platform);
	platform_facts(&platform);
	held = shared_memory(sizeof(*held) + cpus_count(report_cpus()) * sizeof(*held->timers));
}

int held_main(int argc, char **argv, enum held_way the_way)
{
	const struct report_program program = {
		.surface = "continuity",
		.program = ways[the_way],
		.cases = cases,
		.nr_cases = sizeof(cases) / sizeof(*cases),
		.setup = setup,
	};

	way = the_way;
	return report_main(argc, argv, &program);
}
