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
#include "../lib/hotplug.h"
#include "../lib/platform.h"
#include "../lib/report.h"
#include "../lib/restore.h"
#include "../lib/shared.h"
#include "../lib/timer_list.h"
#include "../lib/wake.h"
#include "afterwards.h"
#include "alive.h"
#include "deaths.h"
#include "lateness.h"
#include "result.h"
#include "switch.h"
#include "tick.h"

/*
 * Of the write to unbind_device. The kernel may ask the fallback 190 times for a time that is too
 * near for it (clockevents_program_min_delta()), and an emulated one takes some ms each time: up to
 * 1.7 s were seen.
 */
#define WRITE_MAX_NS (5 * NSEC_PER_SEC)

/* Shared with the processes of the cases. */
struct state {
	bool measured;		      /* the baselines were; a death may have ended it */
	bool looked;		      /* so were those that were switched */
	bool last_round;	      /* no CPU could be unbound in the last one: EBUSY is final */
	unsigned int turn;	      /* successful unbinds so far; chooses the load */
	unsigned int refused;	      /* EBUSY while another CPU's turn was still to come */
	unsigned int refused_changed; /* of these, how many changed something */
	int nr_tried;
	int tried[]; /* CPUs whose unbind has its result, in that order; room for report_cpus() */
};

static struct state *state;

static struct platform platform;

/* What is measured of several CPUs side by side: the rows of three tables, and whose they are. */
struct group {
	size_t n;
	struct alive_cpu *alive;
	struct idleness *idle;
	struct lateness *lateness;
};

static struct group group_new(void)
{
	size_t room = cpus_count(report_cpus());
	struct group g = { 0, calloc(room, sizeof(*g.alive)), calloc(room, sizeof(*g.idle)),
			   calloc(room, sizeof(*g.lateness)) };

	ck_assert(g.alive && g.idle && g.lateness);
	return g;
}

static void group_free(struct group *g)
{
	free(g->alive);
	free(g->idle);
	free(g->lateness);
}

/* The CPUs' blocks of /proc/timer_list as they are now. */
static void read_ticks(const struct group *g, enum moment moment)
{
	struct timer_list tl;
	int err = timer_list_read(&tl);

	for (size_t i = 0; i < g->n; i++) {
		const struct tl_cpu *found = err ? NULL : timer_list_cpu(&tl, g->alive[i].cpu);

		result_of(g->alive[i].cpu)->tick[moment] =
			found ? *found :
				(struct tl_cpu){ .hres_active = -1,
						 .nohz = -1,
						 .tick_stopped = -1 };
	}
	if (!err)
		timer_list_free(&tl);
}

/*
 * All CPUs of a set side by side but the first, which observes, and then that one: their sleeps, an
 * idle moment and, before anything is unbound, their lateness. The first to be found dead ends it.
 */
static void measure(const struct cpus *cpus, bool before)
{
	int first = cpus_next(-1, report_cpus()), cpu;

	for (int turn = 0; turn < 2; turn++) {
		struct group g = group_new();
		int observer = first, dead;

		cpus_for_each(cpu, cpus) {
			struct cpu_result *c = result_of(cpu);

			if ((cpu == first) != turn)
				continue;
			if (turn)
				observer = deaths_observer(cpu);
			g.alive[g.n] = before ? (struct alive_cpu){ cpu, c->device, c->device,
								    &c->baseline } :
						(struct alive_cpu){ cpu, c->s.before, c->s.after,
								    &c->after };
			g.idle[g.n] =
				(struct idleness){ .cpu = cpu, .device = g.alive[g.n].new_device };
			g.lateness[g.n++] = (struct lateness){ .cpu = cpu };
		}
		if (!g.n) {
			group_free(&g);
			continue;
		}
		dead = alive_sample_all(g.alive, g.n, observer, ALIVE_FULL);
		if (dead >= 0) {
			deaths_add(dead);
			return;
		}
		read_ticks(&g, before ? BEFORE : SWITCHED);
		dead = tick_idle(g.idle, g.n, observer);
		if (dead >= 0) {
			report_note("DEAD cpu=%d device=%s: idle, it never woke from a sleep of %lld ms",
				    dead,
				    before ? result_of(dead)->device : result_of(dead)->s.after,
				    TICK_IDLE_NS / NSEC_PER_MSEC);
			deaths_add(dead);
		}
		for (size_t i = 0; i < g.n; i++)
			*(before ? &result_of(g.idle[i].cpu)->idle :
				   &result_of(g.idle[i].cpu)->idle_after) = g.idle[i];
		if (dead >= 0)
			return;
		if (before)
			/* Who isn't whole then is sampled again, alone, by lateness_judge(). */
			lateness_sample(g.lateness, g.n, observer);
		else
			read_ticks(&g, IDLED);
		for (size_t i = 0; before && i < g.n; i++) {
			struct cpu_result *c = result_of(g.lateness[i].cpu);

			c->lateness = g.lateness[i];
			c->measured = true;
		}
		group_free(&g);
	}
}

static void measure_baselines(void)
{
	static struct ce_names now;
	int cpu;

	state->measured = true;
	ck_assert_int_eq(ce_snapshot(&now), 0);
	cpus_for_each(cpu, report_cpus())
		strcpy(result_of(cpu)->device, now.cpu[cpu]);
	measure(report_cpus(), true);
}

static void baseline(int cpu)
{
	struct cpu_result *c = result_of(cpu);
	const char *device = c->device;

	result_need_root();
	if (!state->measured)
		measure_baselines();
	if (c->idle.dead)
		report_fail("DEAD: CPU %d, idle on %s, never woke from a sleep of %lld ms", cpu,
			    device, TICK_IDLE_NS / NSEC_PER_MSEC);
	if (!c->measured && !c->baseline.dead)
		report_skip("CPU %d is dead: nothing more is tried on this system", deaths_first());
	alive_judge(&c->baseline, NULL, cpu, device);
	alive_metrics(&c->baseline.late[WAKE_ABS]);
	report_metric("idle_irqs", c->idle.irqs * (NSEC_PER_SEC / TICK_IDLE_NS), "interrupts/s");
	lateness_judge_idle(c->idle.irqs, c->idle.late, device);
	lateness_judge(c->lateness, cpu, deaths_observer(cpu), device);
	if (!c->baseline.new_row[0])
		report_note("no row in /proc/interrupts is known for %s", device);
	alive_judge_interrupts(&c->baseline, device);
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

/* A CPU that this process may not run on, with a clockevent of that name; -1: none. */
static int stranger(const char *device)
{
	static struct ce_names now;
	int cpu;

	ck_assert_int_eq(ce_snapshot(&now), 0);
	cpus_for_each(cpu, &now.cpus)
		if (!cpus_has(report_cpus(), cpu) && !strcmp(now.cpu[cpu], device))
			return cpu;
	return -1;
}

/*
 * Offline and online once: the clockevent registered last stands first on the kernel's list, and so
 * can be unbound though another CPU, which we have to leave alone, has one of that name. False
 * where cpu can't be taken offline.
 */
static bool to_front(int cpu)
{
	int err;

	if (!cpu_can_offline(cpu) || deaths_observer(cpu) == cpu)
		return false;
	cpu_pin(deaths_observer(cpu));
	if (hotplug_try(cpu, false))
		return false;
	err = hotplug_try(cpu, true);
	if (err)
		report_fail("CPU %d doesn't come back online: %s", cpu, strerror(-err));
	return true;
}

static void unbind(int cpu)
{
	struct cpu_result *c = result_of(cpu);
	const struct switched *s = &c->s;
	char fact[32], device[CE_NAME_LEN];
	int err, other = -1;

	result_need_root();
	if (deaths_first() >= 0)
		report_skip("CPU %d is dead: nothing more is tried on this system", deaths_first());
	c->expected = predict(cpu);
	ck_assert_int_eq(ce_current(cpu, device), 0);
	if (state->last_round && c->expected.kind != FALLBACK_NONE)
		other = stranger(device);
	if (other >= 0 && to_front(cpu)) {
		report_note("CPU %d, which this process may not run on, has a %s too: CPU %d's comes first on the kernel's list only after an offline and online",
			    other, device, cpu);
		other = -1;
	}
	err = switch_away(cpu, deaths_observer(cpu), state->turn % 3, state->last_round, &c->s);
	if (err)
		report_fail("setting up the switch failed: %s", strerror(-err));
	if (s->written == -EBUSY && !state->last_round) {
		state->refused++;
		state->refused_changed += !s->only_this || strcmp(s->before, s->after);
		report_defer();
	}
	if (s->written == -EBUSY && other >= 0)
		report_skip("EBUSY, which says nothing here: CPU %d, which this process may not run on (isolcpus, cpuset, taskset), has a %s as well, which may stand first on the kernel's list, and CPU %d can't be taken offline to change that",
			    other, device, cpu);
	c->tried = true;
	state->tried[state->nr_tried++] = cpu;
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
		if (!s->fresh.dead && cpu_can_offline(cpu))
			hotplug_at_end(cpu);
		else if (!s->fresh.dead)
			report_note("CPU %d can't be taken offline: it keeps %s until a reboot",
				    cpu, s->after);
	}

	if (s->written < 0 && s->written != -EBUSY)
		report_fail("unbinding %s gave %s", s->before, strerrorname_np(-s->written));
	if (!s->only_this)
		report_fail("unbinding CPU %d's device changed another CPU's, or the broadcast device",
			    cpu);
	if (s->write_ns > WRITE_MAX_NS)
		report_fail("the write took %.3f s, more than %.0f s", s->write_ns / 1e9,
			    WRITE_MAX_NS / 1e9);
	if (s->written == -EBUSY) {
		if (strcmp(s->before, s->after))
			report_fail("EBUSY, but the device changed from %s to %s", s->before,
				    s->after);
		/* A kernel that never takes a dummy says so where nothing else stands by. */
		if (c->expected.kind == FALLBACK_DEVICE && platform_functional(c->expected.name))
			report_fail("EBUSY, though %s should take over: %s", c->expected.name,
				    c->expected.why);
		return;
	}
	if (!strcmp(s->before, s->after))
		report_fail("the write succeeded, but %s is still in use", s->after);
	if (c->expected.kind == FALLBACK_NONE)
		report_fail("the kernel fell back to %s, though EBUSY was expected: %s", s->after,
			    c->expected.why);
	if (c->expected.kind == FALLBACK_DEVICE && strcmp(s->after, c->expected.name))
		report_fail("the kernel fell back to %s instead of %s: %s", s->after,
			    c->expected.name, c->expected.why);
}

static void report_verdict(int cpu, const char *interrupts, const char *verdict)
{
	char fact[32];

	snprintf(fact, sizeof(fact), "cpu%d.interrupts", cpu);
	report_fact(fact, "%s", interrupts);
	snprintf(fact, sizeof(fact), "cpu%d.verdict", cpu);
	report_fact(fact, "%s", verdict);
}

/* Once more, and for longer, when all are switched. */
static void look_after(void)
{
	struct cpus switched = { 0 };

	state->looked = true;
	for (int i = 0; i < state->nr_tried; i++)
		cpus_add(&switched, state->tried[i]);
	measure(&switched, false);
}

static void alive(int cpu)
{
	struct cpu_result *c = result_of(cpu);
	struct alive *a = &c->after;

	result_need_root();
	if (!c->tried)
		result_need_switched(cpu);
	if (!state->looked && deaths_first() < 0)
		look_after();
	/* Another CPU's death came between: what was seen at the switch is all there is. */
	if (!a->whole && !a->dead)
		*a = c->s.fresh;
	if (deaths_first() < 0) {
		lateness_again(&(struct alive_cpu){ cpu, c->s.before, c->s.after, a },
			       deaths_observer(cpu), ALIVE_FULL, &c->baseline);
		if (a->dead)
			deaths_add(cpu);
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
	struct cpu_result *c = result_of(cpu);
	const struct tl_device *d;
	struct timer_list tl;
	bool depends;

	result_need_root();
	if (!c->tried)
		result_need_switched(cpu);
	if (!platform_functional(c->s.after))
		report_fail("CPU %d fell back to %s, which can't raise an interrupt", cpu,
			    c->s.after);
	if (deaths_first() >= 0)
		report_skip("CPU %d is dead: nothing more is tried on this system", deaths_first());
	/*
	 * A timer that stops in deep idle (C3STOP) is in that mask as well, and works. So the CPU
	 * is kept running while it is looked at, by this very thread.
	 */
	cpu_pin(cpu);
	if (timer_list_read(&tl))
		report_skip("/proc/timer_list can't be read");
	d = timer_list_device(&tl, cpu);
	/* What was refused was as it is before (nolapic_timer). */
	depends = c->s.written >= 0 && cpus_has(&tl.broadcast_mask, cpu) && d &&
		  d->state == TL_SHUTDOWN;
	timer_list_free(&tl);
	if (depends)
		report_fail("CPU %d depends on the broadcast device (tick_broadcast_mask): %s is shut down, though the CPU is running",
			    cpu, c->s.after);
}

static void order(int unused)
{
	(void)unused;
	result_need_root();
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
	/* On a host with fewer cores each wake-up takes the longer the more CPUs are busy. */
	unsigned int count = n < 2 ? 100 : n < 40 ? 200 / n : 5;
	struct wake *storm = calloc(n * PER_CPU, sizeof(*storm));
	struct wake **all = calloc(n * PER_CPU, sizeof(*all));
	struct spinner *spinners = calloc(n, sizeof(*spinners));
	struct wake_death death;
	unsigned int early = 0;

	(void)unused;
	result_need_root();
	if (deaths_first() >= 0)
		report_skip("CPU %d is dead: nothing more is tried on this system", deaths_first());
	ck_assert(storm && all && spinners);
	cpus_for_each(cpu, report_cpus()) {
		spinners[j].cpu = cpu;
		ck_assert_int_eq(spinner_start(&spinners[j++]), 0);
		for (int k = 0; k < PER_CPU; k++, i++) {
			storm[i] = (struct wake){ .cpu = cpu,
						  .kind = k % 3,
						  .count = count,
						  .interval_ns =
							  NSEC_PER_MSEC + k * 300 * NSEC_PER_USEC };
			all[i] = &storm[i];
			ck_assert_int_eq(wake_start(all[i]), 0);
		}
	}
	if (alive_watch(all, i, &death)) {
		report_note("DEAD cpu=%d: under load, %.2f s past its deadline", death.wake->cpu,
			    death.waited_ns / 1e9);
		deaths_add(death.wake->cpu);
		report_fail("DEAD: CPU %d's timers stopped under load on every CPU",
			    death.wake->cpu);
	}
	for (j = 0; j < n; j++)
		spinner_stop(&spinners[j]);
	for (int k = 0; k < i; k++) {
		early += storm[k].early;
		wake_join(&storm[k]);
	}
	report_metric("wakeups", (double)i * count, "wake-ups");
	if (early)
		report_fail("%u sleeps ended before their deadline", early);
}

static const struct report_case cases[] = {
	{ "baseline",
	  "before anything is unbound, each CPU's timers fire on the interrupt of its current device, not all of them late, and without a storm",
	  baseline, true },
	{ "unbind",
	  "B2, B3, B16, B17, B21: the predicted device takes over, on this CPU only, within a second; EBUSY only where nothing can",
	  unbind, true },
	{ "alive",
	  "B5: pinned sleeps and timerfds on the CPU end, never early, their median within the printed bound",
	  alive, true },
	{ "functional",
	  "B4: the fallback can raise interrupts itself: no dummy device, no dependence on broadcast",
	  functional, true },
	{ "interrupts",
	  "B6: the new device's interrupt row rises with the sleeps, the old one's stops",
	  afterwards_interrupts, true },
	{ "armed",
	  "B8: timers armed before the switch fire once, never early (next_event is carried over)",
	  afterwards_armed, true },
	{ "periodic", "B9: a periodic timerfd loses no period across the switch",
	  afterwards_periodic, true },
	{ "others", "B7: the other CPUs' sleeps go on undisturbed", afterwards_others, true },
	{ "gone", "B18: the same name again is ENODEV or EBUSY, never a second success",
	  afterwards_gone, true },
	{ "tick_mode", "B11: high resolution and nohz mode stay as they were", afterwards_tick_mode,
	  true },
	{ "idle", "B12: the tick still stops in idle, and the CPU wakes at its deadline",
	  afterwards_idle, true },
	{ "preempt", "B14: the tick still preempts a busy CPU", afterwards_preempt, true },
	{ "cputime", "B15: the tick still accounts CPU time (ITIMER_PROF)", afterwards_cputime,
	  true },
	{ "load", "B20: with every CPU busy and switched, timers fire on all of them", load,
	  false },
	{ "order",
	  "B1: an unbind that isn't this CPU's turn is EBUSY and changes nothing (the name is looked up in a global list)",
	  order, false },
};

/*
 * The kernel looks the name up in one list for all CPUs, first match wins, so
 * only one CPU at a time can be unbound. Which one is found by trying, until a
 * whole round gets nowhere; what is refused even then has no replacement.
 */
static void schedule(void)
{
	static const char *const after[] = {
		"alive", "functional", "interrupts", "armed",	"periodic", "others",
		"gone",	 "tick_mode",  "idle",	     "preempt", "cputime",
	};
	int n = cpus_count(report_cpus()), i = n, cpu, *order = calloc(n, sizeof(*order));

	if (!order)
		abort();
	/*
	 * Most likely the CPU that came last is the first on the list, and so on downwards. But
	 * first the lowest: that what is refused changes nothing is to be seen as well.
	 */
	cpus_for_each(cpu, report_cpus())
		order[i-- % n] = cpu;
	cpus_for_each(cpu, report_cpus())
		report_run("baseline", cpu);
	for (int waiting = n; waiting;) {
		unsigned int turn = state->turn;

		for (i = 0; i < n; i++) {
			if (order[i] < 0 || report_run("unbind", order[i]) == REPORT_DEFERRED)
				continue;
			order[i] = -1;
			waiting--;
		}
		state->last_round = state->turn == turn;
	}
	/* As they were let go; and those that weren't. */
	for (i = 0; i < state->nr_tried; i++)
		for (size_t k = 0; k < sizeof(after) / sizeof(*after); k++)
			report_run(after[k], state->tried[i]);
	cpus_for_each(cpu, report_cpus())
		for (size_t k = 0; k < sizeof(after) / sizeof(*after); k++)
			report_run(after[k], cpu);
	report_run("load", NO_CPU);
	report_run("order", NO_CPU);
	free(order);
}

static void setup(void)
{
	state = shared_memory(sizeof(*state) + cpus_count(report_cpus()) * sizeof(*state->tried));
	result_init();
	deaths_init();
	platform_read(&platform);
	platform_facts(&platform);
}

REPORT_MAIN("clockevents", "unbind_fallback", .setup = setup, .schedule = schedule,
	    .excuse = deaths_excuse)
