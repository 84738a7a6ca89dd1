// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPU hotplug is the only way back for an unbound clockevent: offline and online
 * must bring the original device back, alive, and lose no timer on the way.
 *
 * May hang the machine; only where someone outside is watching.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/clockevents.h"
#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/hotplug.h"
#include "../lib/platform.h"
#include "../lib/report.h"
#include "../lib/shared.h"
#include "../lib/sleepers.h"
#include "../lib/wake.h"
#include "alive.h"
#include "deaths.h"
#include "lateness.h"
#include "pace.h"
#include "switch.h"

/*
 * H1 asks for 20 cycles of each CPU. More than two CPUs do as many together, since one takes the
 * longer the more there are (stop_machine() waits for all); a slow guest does what fits into this
 * time of all CPUs. Each CPU does one.
 */
#define CYCLES		 20
#define CYCLES_BUDGET_NS (6 * NSEC_PER_SEC)

/* B23: how long one offline or online may take. */
#define HOTPLUG_MAX_NS (10 * NSEC_PER_SEC)

/* Shared with the processes of the cases. */
struct state {
	bool measured; /* the baselines were */
	struct alive baseline[CPUS_MAX];
	struct pace pace[CPUS_MAX];
	char paced[CPUS_MAX][CE_NAME_LEN]; /* the device whose pace that is */
};

static struct state *state;

static struct platform platform;

/*
 * Skips unless cpu can be taken offline and everything is still alive; returns the observer's CPU.
 */
static int need_hotplug(int cpu)
{
	int dead = deaths_first();

	if (dead >= 0)
		report_skip("CPU %d is dead: hotplug would hang", dead);
	hotplug_need(cpu);
	return deaths_observer(cpu);
}

static void current_device(int cpu, char name[CE_NAME_LEN])
{
	int err = ce_current(cpu, name);

	if (err)
		report_fail("reading CPU %d's current_device: %s", cpu, strerror(-err));
}

/* Samples and judges; a dead CPU is remembered, so that nothing else is tried. */
static void expect_alive(int cpu, int observer, const char *old_device, const char *device,
			 struct alive *a)
{
	alive_sample(cpu, observer, ALIVE_BRIEF, old_device, device, a);
	lateness_again(&(struct alive_cpu){ cpu, old_device, device, a }, observer, ALIVE_BRIEF,
		       &state->baseline[cpu]);
	if (a->dead)
		deaths_add(cpu);
	alive_judge(a, &state->baseline[cpu], cpu, device);
	alive_judge_interrupts(a, device);
}

static void sample_pace(int cpu, int observer, const char *device, struct pace *p)
{
	int err = pace_sample(cpu, observer, device, p);

	if (err == -ETIMEDOUT) {
		report_note("DEAD cpu=%d device=%s: an event of %.2f ms never came, while the CPU was busy",
			    cpu, device, p->length / 1e6);
		deaths_add(cpu);
		report_fail("DEAD: CPU %d, busy on %s: an event never came", cpu, device);
	}
	if (err)
		report_fail("measuring the rate of %s on CPU %d: %s", device, cpu, strerror(-err));
}

/*
 * The best that a busy host lets be seen in so many samplings. A single one, and three as well, was
 * worse than the device by far; a device that is worse is so in all of them.
 */
enum { BEFORE_MAX = 4, AFTER_MAX = 8 };

static void sample_again(int cpu, int observer, const char *device, struct pace *best)
{
	struct pace now;

	/* The host may be busy for a while. */
	usleep(50 * 1000);
	sample_pace(cpu, observer, device, &now);
	pace_better(best, &now);
}

/* The rate of cpu's device before anything is done to it. */
static void need_pace(int cpu, int observer, const char *device)
{
	struct pace *before = &state->pace[cpu];

	if (state->paced[cpu][0])
		return;
	sample_pace(cpu, observer, device, before);
	for (int i = 1; i < BEFORE_MAX && !pace_good(before); i++)
		sample_again(cpu, observer, device, before);
	strcpy(state->paced[cpu], device);
}

/* One offline or online; returns how long it took. */
static int64_t plug(int cpu, bool online)
{
	int64_t took = hotplug(cpu, online);

	if (took > HOTPLUG_MAX_NS)
		report_fail("taking CPU %d %s took %.1f s", cpu, online ? "online" : "offline",
			    took / 1e9);
	return took;
}

/* Offline and online once; the device that comes back must be the one named. */
static int64_t plug_cycle(int cpu, const char *device)
{
	char name[CE_NAME_LEN];
	int64_t took;

	took = plug(cpu, false);
	current_device(cpu, name);
	if (name[0])
		report_fail("CPU %d is offline, but its current_device is %s", cpu, name);
	took += plug(cpu, true);
	current_device(cpu, name);
	/* Without a device it has no timer: whatever waits there waits for ever. */
	if (!name[0])
		deaths_add(cpu);
	if (strcmp(name, device))
		report_fail("CPU %d came back with %s instead of %s", cpu,
			    name[0] ? name : "no device", device);
	return took;
}

/*
 * All CPUs side by side but the one that observes, and then that one; the first to be found dead
 * ends it.
 */
static void measure_baselines(void)
{
	int first = cpus_next(-1, report_cpus()), n = cpus_count(report_cpus()), cpu, dead;
	struct alive_cpu *all = calloc(n, sizeof(*all));
	static struct ce_names now;

	state->measured = true;
	ck_assert_ptr_nonnull(all);
	ck_assert_int_eq(ce_snapshot(&now), 0);
	n = 0;
	cpus_for_each(cpu, report_cpus())
		all[n++] = (struct alive_cpu){ cpu, now.cpu[cpu], now.cpu[cpu],
					       &state->baseline[cpu] };
	/* The first is the lowest. */
	dead = alive_sample_all(all + 1, n - 1, first, ALIVE_FULL);
	if (dead < 0)
		dead = alive_sample_all(all, 1, deaths_observer(first), ALIVE_FULL);
	if (dead >= 0)
		deaths_add(dead);
	free(all);
}

static void baseline(int cpu)
{
	const struct alive *a = &state->baseline[cpu];
	char device[CE_NAME_LEN];

	if (!state->measured)
		measure_baselines();
	if (!a->whole && !a->dead && deaths_first() >= 0)
		report_skip("CPU %d is dead", deaths_first());
	current_device(cpu, device);
	alive_judge(a, NULL, cpu, device);
	alive_metrics(&a->late[WAKE_ABS]);
}

/* Sleepers whose timers wait on a CPU that is about to go. */
enum { PENDING = 3 };

static bool all_armed(void *arg)
{
	const struct wake *pending = arg;

	for (int i = 0; i < PENDING; i++)
		if (!atomic_load(&pending[i].deadline))
			return false;
	return true;
}

/*
 * Sleepers whose timers are on cpu when it goes away; the kernel moves timer and thread elsewhere.
 */
static void cycle(int cpu)
{
	int observer = need_hotplug(cpu);
	int64_t begun = clock_ns(CLOCK_MONOTONIC), took, slowest = 0, worst = 0;
	char device[CE_NAME_LEN];
	struct alive after;
	int n = cpus_count(report_cpus()), cycles, enough = n > 2 ? CYCLES / n : CYCLES;

	cpu_pin(observer);
	current_device(cpu, device);
	need_pace(cpu, observer, device);
	for (cycles = 0; !cycles || cycles < enough; cycles++) {
		struct wake pending[PENDING], *all[PENDING];
		struct wake_death death;

		if (cycles && clock_ns(CLOCK_MONOTONIC) - begun > CYCLES_BUDGET_NS / n)
			break;
		for (int i = 0; i < PENDING; i++) {
			pending[i] = (struct wake){ .cpu = cpu,
						    .kind = i,
						    .count = 1,
						    .interval_ns = (10 + 15 * i) * NSEC_PER_MSEC };
			all[i] = &pending[i];
			ck_assert_int_eq(wake_start(all[i]), 0);
		}
		if (observe(all_armed, pending, WAKE_DEAD_NS))
			report_fail("cycle %d: sleepers on CPU %d never got to run", cycles + 1,
				    cpu);
		took = plug_cycle(cpu, device);
		if (took > slowest)
			slowest = took;
		if (wake_watch(all, PENDING, &death))
			report_fail("cycle %d: a timer pending on CPU %d when it went offline never fired (%.2f s past its deadline)",
				    cycles + 1, cpu, death.waited_ns / 1e9);
		for (int i = 0; i < PENDING; i++) {
			struct stats late = wake_join(all[i]);

			if (pending[i].error)
				report_fail("CPU %d, cycle %d: a sleep failed: %s", cpu, cycles + 1,
					    sleep_error(pending[i].error));
			if (pending[i].early)
				report_fail("CPU %d, cycle %d: a timer that had to move fired %lld ns early",
					    cpu, cycles + 1, (long long)-late.min);
			if (late.max > worst)
				worst = late.max;
		}
	}
	report_metric("cycles", cycles, "cycles");
	report_metric("slowest", slowest, "ns");
	report_metric("late_max", worst, "ns");
	expect_alive(cpu, observer, device, device, &after);
}

static void restore(int cpu)
{
	int observer = need_hotplug(cpu);
	char device[CE_NAME_LEN], fallback[CE_NAME_LEN];
	struct fallback expected;
	static struct ce_names now;
	struct alive after;
	ssize_t written;

	cpu_pin(observer);
	current_device(cpu, device);
	need_pace(cpu, observer, device);
	ck_assert_int_eq(ce_snapshot(&now), 0);
	expected = platform_fallback(&platform, cpu, device, now.broadcast, false);
	if (expected.kind == FALLBACK_NONE)
		report_skip("nothing can replace %s on CPU %d: %s", device, cpu, expected.why);
	if (expected.kind == FALLBACK_DEVICE && !platform_functional(expected.name))
		report_skip("%s would be replaced by %s, which is dead: unbind_fallback is the test of that",
			    device, expected.name);
	/*
	 * The device registered last stands first on the kernel's list, so that this CPU can be
	 * unbound.
	 */
	plug_cycle(cpu, device);
	written = ce_unbind(cpu, device, strlen(device));
	if (written < 0)
		report_fail("unbinding %s gave %s, though %s", device, strerrorname_np(-written),
			    expected.why);
	current_device(cpu, fallback);
	report_note("CPU %d: %s, unbound, fell back to %s", cpu, device, fallback);
	/* A dead CPU can't go offline: that needs an RCU grace period. */
	expect_alive(cpu, observer, device, fallback, &after);
	report_metric("cycle", plug_cycle(cpu, device), "ns");
	expect_alive(cpu, observer, fallback, device, &after);
	if (alive_old_goes_on(&after))
		report_fail("%s is back, but %s goes on: %llu interrupts", device, after.old_row,
			    (unsigned long long)after.old_irqs);
	alive_metrics(&after.late[WAKE_ABS]);
}

/* After all that: slow or fast, a device may fire all the same. */
static void rate(int cpu)
{
	int observer = need_hotplug(cpu);
	const struct pace *before = &state->pace[cpu];
	char device[CE_NAME_LEN];
	const char *wrong;
	struct pace after;

	current_device(cpu, device);
	if (strcmp(device, state->paced[cpu]))
		report_skip("CPU %d has %s; what was measured before it went offline is %s", cpu,
			    device, state->paced[cpu][0] ? state->paced[cpu] : "nothing");
	cpu_pin(observer);
	sample_pace(cpu, observer, device, &after);
	wrong = pace_wrong(before, &after);
	for (int i = 1; (wrong || after.late == PACE_UNCLEAR) && i < AFTER_MAX; i++) {
		sample_again(cpu, observer, device, &after);
		wrong = pace_wrong(before, &after);
	}
	if (after.late != PACE_UNCLEAR)
		report_metric("late_p75", after.late, "ns");
	report_metric("irqs", pace_irqs(&after), "interrupts/event");
	report_metric("irqs_before", pace_irqs(before), "interrupts/event");
	if (before->late != PACE_UNCLEAR)
		report_metric("late_p75_before", before->late, "ns");
	if (wrong)
		report_fail("CPU %d came back, but %s has another rate: %s; the best of %d samplings",
			    cpu, device, wrong, AFTER_MAX);
	if (after.late == PACE_UNCLEAR || !pace_clear(before))
		report_skip("the host is too busy to tell whether %s of CPU %d has its old rate: it disturbed nearly every wait, or hid interrupts (%.1f for each event that was due before)",
			    device, cpu, pace_irqs(before));
}

static const struct report_case cases[] = {
	{ "baseline", "each CPU's timers fire before anything is changed", baseline, true },
	{ "cycle",
	  "H1, H3, B23: offline and online bring the same device back, alive; timers pending on the CPU fire elsewhere, once, never early",
	  cycle, true },
	{ "restore",
	  "B22: after an unbind, offline and online bring the original device back, alive", restore,
	  true },
	{ "rate",
	  "H3, B22: the device that came back counts at the rate it had before (clockevents_config_and_register())",
	  rate, true },
};

static void schedule(void)
{
	int cpu;

	cpus_for_each(cpu, report_cpus())
		report_run("baseline", cpu);
	cpus_for_each(cpu, report_cpus()) {
		report_run("cycle", cpu);
		report_run("restore", cpu);
		report_run("rate", cpu);
	}
}

static void setup(void)
{
	state = shared_memory(sizeof(*state));
	deaths_init();
	platform_read(&platform);
	platform_facts(&platform);
}

REPORT_MAIN("clockevents", "hotplug_restore", .setup = setup, .schedule = schedule,
	    .excuse = deaths_excuse)
