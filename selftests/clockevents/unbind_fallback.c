// SPDX-License-Identifier: GPL-2.0-only
/*
 * Takes every CPU's clockevent away through unbind_device and proves, CPU by
 * CPU, that timers still fire on what the kernel fell back to. "We rely on
 * advertised features to be functional": this is that sentence as a test.
 *
 * May hang the machine; only where someone outside is watching.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/clockevents.h"
#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/platform.h"
#include "../lib/report.h"
#include "../lib/restore.h"
#include "../lib/timer_list.h"
#include "../lib/wake.h"
#include "afterwards.h"
#include "alive.h"
#include "deaths.h"
#include "lateness.h"
#include "log.h"
#include "story.h"
#include "switch.h"
#include "tick.h"

/* Shared with the processes of the cases. */
static struct state {
	bool last_round;		/* no CPU could be unbound in the last one: EBUSY is final */
	unsigned int turn;		/* successful unbinds so far; chooses the load */
	unsigned int refused;		/* EBUSY while another CPU's turn was still to come */
	unsigned int refused_changed;	/* of these, how many changed something */
} *state;

static struct platform platform;

static void baseline(int cpu)
{
	struct cpu_story *c = story_of(cpu);
	char device[CE_NAME_LEN];
	int observer = deaths_observer(cpu);
	int64_t irqs, late;

	story_need_root();
	ck_assert_int_eq(ce_current(cpu, device), 0);
	alive_sample(cpu, observer, device, device, &c->baseline);
	if (c->baseline.dead)
		deaths_add(cpu);
	alive_judge(&c->baseline, NULL, cpu, device);
	irqs = tick_idle_second(cpu, observer, device, &late);
	if (irqs < 0) {
		report_note("DEAD cpu=%d device=%s: idle, it never woke from a sleep of a second", cpu, device);
		deaths_add(cpu);
		report_fail("DEAD: CPU %d, idle on %s, never woke from a sleep of a second", cpu, device);
	}
	c->idle_irqs = irqs;
	c->tick = tick_read(cpu);
	c->has_baseline = true;
	alive_metrics(&c->baseline.late[WAKE_ABS]);
	report_metric("idle_irqs", irqs, "interrupts/s");
	lateness_judge_idle(irqs, late, device);
	lateness_judge(cpu, observer, device);
	if (!c->baseline.new_row[0])
		report_note("no row in /proc/interrupts is known for %s", device);
	else if (c->baseline.new_irqs < c->baseline.wakeups / 2)
		report_fail("%u sleeps ended, but %s rose by %llu only: they don't ride on %s",
			    c->baseline.wakeups, c->baseline.new_row,
			    (unsigned long long)c->baseline.new_irqs, device);
}

static struct fallback predict(int cpu)
{
	static struct ce_names now;
	bool hpet_taken = false;
	int other;

	if (ce_snapshot(&now))
		report_fail("reading " CE_DIR " failed");
	cpus_for_each(other, &now.cpus)
		hpet_taken |= !strcmp(now.cpu[other], "hpet");
	return platform_fallback(&platform, cpu, now.cpu[cpu], now.broadcast, hpet_taken);
}

static void unbind(int cpu)
{
	struct cpu_story *c = story_of(cpu);
	const struct switched *s = &c->s;
	char fact[32], path[64];
	int err;

	story_need_root();
	if (deaths_first() >= 0)
		report_skip("CPU %d is dead: nothing more is tried on this system", deaths_first());
	c->expected = predict(cpu);
	err = switch_away(cpu, deaths_observer(cpu), state->turn % 3, state->last_round, &c->s);
	if (err)
		report_fail("setting up the switch failed: %s", strerror(-err));
	if (s->written == -EBUSY && !state->last_round) {
		state->refused++;
		state->refused_changed += !s->only_this || strcmp(s->before, s->after);
		report_defer();
	}
	c->tried = true;
	if (s->fresh.dead)
		deaths_add(cpu);
	snprintf(fact, sizeof(fact), "cpu%d.device_before", cpu);
	report_fact(fact, "%s", s->before);
	snprintf(fact, sizeof(fact), "cpu%d.device_after", cpu);
	report_fact(fact, "%s", s->after);
	report_note("%s, %s: %s", s->before, switch_load_name[state->turn % 3], c->expected.why);
	report_metric("write", s->write_ns, "ns");
	report_metric("late_max", s->fresh.late[WAKE_ABS].max, "ns");
	if (s->written >= 0) {
		state->turn++;
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
		if (!s->fresh.dead && cpu_can_offline(cpu)) {
			restore_need(path, "1");
			restore_need(path, "0");
		} else if (!s->fresh.dead) {
			report_note("CPU %d can't be taken offline: it keeps %s until a reboot", cpu, s->after);
		}
	}

	if (s->written < 0 && s->written != -EBUSY)
		report_fail("unbinding %s gave %s", s->before, strerrorname_np(-s->written));
	if (!s->only_this)
		report_fail("unbinding CPU %d's device changed another CPU's, or the broadcast device", cpu);
	if (s->write_ns > NSEC_PER_SEC)
		report_fail("the write took %.3f s, more than a second", s->write_ns / 1e9);
	if (s->written == -EBUSY) {
		if (strcmp(s->before, s->after))
			report_fail("EBUSY, but the device changed from %s to %s", s->before, s->after);
		if (c->expected.kind == FALLBACK_DEVICE)
			report_fail("EBUSY, though %s should take over: %s", c->expected.name, c->expected.why);
		return;
	}
	if (!strcmp(s->before, s->after))
		report_fail("the write succeeded, but %s is still in use", s->after);
	if (c->expected.kind == FALLBACK_NONE)
		report_fail("the kernel fell back to %s, though EBUSY was expected: %s", s->after,
			    c->expected.why);
	if (c->expected.kind == FALLBACK_DEVICE && strcmp(s->after, c->expected.name))
		report_fail("the kernel fell back to %s instead of %s: %s", s->after, c->expected.name,
			    c->expected.why);
}

static void report_verdict(int cpu, const char *interrupts, const char *verdict)
{
	char fact[32];

	snprintf(fact, sizeof(fact), "cpu%d.interrupts", cpu);
	report_fact(fact, "%s", interrupts);
	snprintf(fact, sizeof(fact), "cpu%d.verdict", cpu);
	report_fact(fact, "%s", verdict);
}

static void alive(int cpu)
{
	struct cpu_story *c = story_of(cpu);
	struct alive *a = &c->after;

	if (!c->s.fresh.dead) {
		story_need_switched(cpu);
		alive_sample(cpu, deaths_observer(cpu), c->s.before, c->s.after, a);
		if (a->dead)
			deaths_add(cpu);
	} else {
		*a = c->s.fresh;
	}
	if (a->dead) {
		report_verdict(cpu, alive_interrupts(a), "DEAD");
	} else {
		report_verdict(cpu, alive_interrupts(a),
			       c->s.written < 0 ? "alive (EBUSY: no replacement)" : "alive");
		alive_metrics(&a->late[WAKE_ABS]);
	}
	alive_judge(a, &c->baseline, cpu, c->s.after);
}

static void functional(int cpu)
{
	struct cpu_story *c = story_of(cpu);
	struct timer_list tl;
	bool broadcast;

	story_need_root();
	if (!c->tried)
		report_skip("unbind.cpu%d has no result", cpu);
	if (!platform_functional(c->s.after))
		report_fail("CPU %d fell back to %s, which can't raise an interrupt", cpu, c->s.after);
	if (timer_list_read(&tl))
		report_skip("/proc/timer_list can't be read");
	broadcast = tl.has_broadcast_mask && cpus_has(&tl.broadcast_mask, cpu);
	timer_list_free(&tl);
	if (broadcast)
		report_fail("CPU %d depends on the broadcast device (tick_broadcast_mask)", cpu);
}

static void order(int unused)
{
	(void)unused;
	story_need_root();
	report_metric("refused", state->refused, "writes");
	if (state->refused_changed)
		report_fail("%u of %u writes that ended in EBUSY changed a device all the same",
			    state->refused_changed, state->refused);
	if (!state->refused)
		report_skip("no CPU was refused while another one's turn was to come");
}

/* Timers on every CPU while all are busy, on whatever devices they ended up with. */
static void load(int unused)
{
	enum { PER_CPU = 4 };
	int n = cpus_count(report_cpus()), cpu, i = 0, j = 0;
	struct wake *storm = calloc(n * PER_CPU, sizeof(*storm));
	struct wake **all = calloc(n * PER_CPU, sizeof(*all));
	struct spinner *spinners = calloc(n, sizeof(*spinners));
	struct wake_death death;
	unsigned int early = 0;

	(void)unused;
	story_need_root();
	if (deaths_first() >= 0)
		report_skip("CPU %d is dead: nothing more is tried on this system", deaths_first());
	ck_assert(storm && all && spinners);
	cpus_for_each(cpu, report_cpus()) {
		spinners[j].cpu = cpu;
		ck_assert_int_eq(spinner_start(&spinners[j++]), 0);
		for (int k = 0; k < PER_CPU; k++, i++) {
			storm[i] = (struct wake){ .cpu = cpu, .kind = k % 3, .count = 100,
						  .interval_ns = NSEC_PER_MSEC + k * 300 * NSEC_PER_USEC };
			all[i] = &storm[i];
			ck_assert_int_eq(wake_start(all[i]), 0);
		}
	}
	if (alive_watch(all, i, &death)) {
		report_note("DEAD cpu=%d: under load, %.2f s past its deadline", death.wake->cpu,
			    death.waited_ns / 1e9);
		deaths_add(death.wake->cpu);
		report_fail("DEAD: CPU %d's timers stopped under load on every CPU", death.wake->cpu);
	}
	for (j = 0; j < n; j++)
		spinner_stop(&spinners[j]);
	for (int k = 0; k < i; k++) {
		early += storm[k].early;
		wake_join(&storm[k]);
	}
	report_metric("wakeups", (double)i * 100, "wake-ups");
	if (early)
		report_fail("%u sleeps ended before their deadline", early);
}

static void log_clean(int unused)
{
	(void)unused;
	if (deaths_first() >= 0)
		report_skip("CPU %d is dead: stalls are its consequence", deaths_first());
	log_judge();
}

static const struct report_case cases[] = {
	{ "baseline", "before anything is unbound, each CPU's timers fire on the interrupt of its current device, not all of them late, and without a storm", baseline, true },
	{ "unbind", "B2, B3, B16, B17, B21: the predicted device takes over, on this CPU only, within a second; EBUSY only where nothing can", unbind, true },
	{ "alive", "B5: pinned sleeps and timerfds on the CPU end, never early, their median within the printed bound", alive, true },
	{ "functional", "B4: the fallback can raise interrupts itself: no dummy device, no dependence on broadcast", functional, true },
	{ "interrupts", "B6: the new device's interrupt row rises with the sleeps, the old one's stops", afterwards_interrupts, true },
	{ "armed", "B8: timers armed before the switch fire once, never early (next_event is carried over)", afterwards_armed, true },
	{ "periodic", "B9: a periodic timerfd loses no period across the switch", afterwards_periodic, true },
	{ "others", "B7: the other CPUs' sleeps go on undisturbed", afterwards_others, true },
	{ "gone", "B18: the same name again is ENODEV or EBUSY, never a second success", afterwards_gone, true },
	{ "tick_mode", "B11: high resolution and nohz mode stay as they were", afterwards_tick_mode, true },
	{ "idle", "B12: the tick still stops in idle, and the CPU wakes at its deadline", afterwards_idle, true },
	{ "preempt", "B14: the tick still preempts a busy CPU", afterwards_preempt, true },
	{ "cputime", "B15: the tick still accounts CPU time (ITIMER_PROF)", afterwards_cputime, true },
	{ "load", "B20: with every CPU busy and switched, timers fire on all of them", load, false },
	{ "order", "B1: an unbind that isn't this CPU's turn is EBUSY and changes nothing (the name is looked up in a global list)", order, false },
	{ "log", "B13: no stall, lockup, warning or timer complaint in the kernel's log", log_clean, false },
};

/*
 * The kernel looks the name up in one list for all CPUs, first match wins, so
 * only one CPU at a time can be unbound. Which one is found by trying, until a
 * whole round gets nowhere; what is refused even then has no replacement.
 */
static void schedule(void)
{
	static const char *const after[] = {
		"alive", "functional", "interrupts", "armed", "periodic", "others", "gone",
		"tick_mode", "idle", "preempt", "cputime",
	};
	struct cpus waiting = *report_cpus();
	int cpu;

	cpus_for_each(cpu, report_cpus())
		report_run("baseline", cpu);
	while (cpus_count(&waiting)) {
		unsigned int turn = state->turn;

		cpus_for_each(cpu, &waiting) {
			if (report_run("unbind", cpu) == REPORT_DEFERRED)
				continue;
			cpus_remove(&waiting, cpu);
			for (size_t i = 0; i < sizeof(after) / sizeof(*after); i++)
				report_run(after[i], cpu);
		}
		state->last_round = state->turn == turn;
	}
	report_run("load", NO_CPU);
	report_run("order", NO_CPU);
	report_run("log", NO_CPU);
}

static void setup(void)
{
	state = shared_memory(sizeof(*state));
	story_init();
	deaths_init();
	platform_read(&platform);
	platform_facts(&platform);
}

int main(int argc, char **argv)
{
	static const struct report_program program = {
		.surface = "clockevents", .program = "unbind_fallback",
		.cases = cases, .nr_cases = sizeof(cases) / sizeof(*cases),
		.setup = setup, .schedule = schedule,
	};

	return report_main(argc, argv, &program);
}
