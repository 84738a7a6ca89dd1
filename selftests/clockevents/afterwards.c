// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "../lib/clockevents.h"
#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/report.h"
#include "../lib/resolution.h"
#include "../lib/timer_list.h"
#include "../lib/wake.h"
#include "afterwards.h"
#include "alive.h"
#include "deaths.h"
#include "result.h"
#include "tick.h"

void afterwards_interrupts(int cpu)
{
	struct cpu_result *c = result_need_switched(cpu);
	const struct alive *a = &c->after;

	if (!a->whole)
		report_skip("alive.cpu%d has no result", cpu);
	if (!a->new_row[0])
		report_skip("no row in /proc/interrupts is known for %s", c->s.after);
	report_metric("new_irqs", a->new_irqs, "interrupts");
	alive_judge_interrupts(a, c->s.after);
	if (alive_old_goes_on(a))
		report_fail("%s was unbound, but its interrupts (%s) go on: %llu", c->s.before,
			    a->old_row, (unsigned long long)a->old_irqs);
}

void afterwards_others(int cpu)
{
	struct cpu_result *c = result_need_switched(cpu);
	int64_t bound = alive_bound(&c->baseline, WAKE_ABS);

	if (cpus_count(report_cpus()) < 2)
		report_skip("there is only one CPU");
	if (!c->s.watched)
		report_skip("the switch of CPU %d was not watched", cpu);
	if (c->s.others_dead)
		report_fail("another CPU's sleeps never ended after CPU %d's switch", cpu);
	alive_metrics(&c->s.others_late);
	if (c->s.others_early)
		report_fail("%u sleeps on other CPUs ended early", c->s.others_early);
	if (!c->s.others_late.count)
		report_fail("no sleep on another CPU was seen to end");
	/* The switch comes once: half of the sleeps may meet a moment when the host is busy. */
	if (c->s.others_late.p25 > bound)
		report_fail("three quarters of the sleeps on the other CPUs are at least %.3f ms late, more than %.3f ms",
			    c->s.others_late.p25 / 1e6, bound / 1e6);
}

/*
 * How late they fire is reported only: that of CPUs under the load of a switch is the host's doing.
 */
void afterwards_armed(int cpu)
{
	struct cpu_result *c = result_need_switched(cpu);
	const struct armed *a = &c->s.armed;

	if (a->armed != a->fired)
		report_fail("%u of %u timers armed before the switch never fired",
			    a->armed - a->fired, a->armed);
	if (a->early)
		report_fail("%u timers armed before the switch fired early", a->early);
	if (a->repeated)
		report_fail("%u one-shot timers fired more than once", a->repeated);
	report_metric("late_p50", a->late.p50, "ns");
	report_metric("late_max", a->late.max, "ns");
}

void afterwards_periodic(int cpu)
{
	struct cpu_result *c = result_need_switched(cpu);
	const struct switched *s = &c->s;

	if (!s->periodic_done)
		report_fail("a periodic timerfd armed before the switch stopped after %llu expirations",
			    (unsigned long long)s->expirations);
	report_metric("expirations", s->expirations, "expirations");
	if (s->expirations < s->expected_min || s->expirations > s->expected_max)
		report_fail("%llu expirations of a %.0f ms timerfd across the switch; elapsed time says %llu to %llu",
			    (unsigned long long)s->expirations, s->period / 1e6,
			    (unsigned long long)s->expected_min,
			    (unsigned long long)s->expected_max);
}

/* What was unbound is gone from this CPU, and what was refused stays refused. */
void afterwards_gone(int cpu)
{
	struct cpu_result *c = result_need_switched(cpu);
	static struct ce_names before, after;
	ssize_t written;
	int other;

	ck_assert_int_eq(ce_snapshot(&before), 0);
	/* A detached device of that name elsewhere would be deleted by the write. */
	cpus_for_each(other, &before.cpus)
		if (before.cpu[other][0] && strcmp(before.cpu[other], c->s.before) &&
		    !result_of(other)->tried)
			report_skip("CPU %d may hold %s detached: the write could delete it", other,
				    c->s.before);
	written = ce_unbind(cpu, c->s.before, strlen(c->s.before));
	if (written != -ENODEV && written != -EBUSY)
		report_fail("unbinding %s once more gave %s", c->s.before,
			    written < 0 ? strerrorname_np(-written) : "success");
	ck_assert_int_eq(ce_snapshot(&after), 0);
	if (!ce_same(&before, &after, CE_BROADCAST))
		report_fail("the refused write changed a device");
}

void afterwards_tick_mode(int cpu)
{
	struct cpu_result *c = result_need_switched(cpu);
	struct timer_list tl;
	const struct tl_device *d;
	const struct tl_cpu *now;

	if (timer_list_read(&tl))
		report_skip("/proc/timer_list can't be read");
	d = timer_list_device(&tl, cpu);
	now = timer_list_cpu(&tl, cpu);
	if (!d || !now)
		report_fail("CPU %d is missing from /proc/timer_list", cpu);
	if (strcmp(d->name, c->s.after))
		report_fail("/proc/timer_list says %s, sysfs %s", d->name, c->s.after);
	if (now->hres_active < 0 || c->tick[BEFORE].hres_active < 0)
		report_skip(
			"/proc/timer_list says nothing of modes (kernel without CONFIG_HIGH_RES_TIMERS and TICK_ONESHOT)");
	if (now->hres_active != c->tick[BEFORE].hres_active)
		report_fail("high resolution mode went from %d to %d", c->tick[BEFORE].hres_active,
			    now->hres_active);
	if (now->nohz != c->tick[BEFORE].nohz)
		report_fail("nohz mode went from %d to %d", c->tick[BEFORE].nohz, now->nohz);
	if (c->tick[BEFORE].hres_active == 1 &&
	    (d->tick_mode != 1 || strcmp(d->event_handler, "hrtimer_interrupt")))
		report_fail("tick mode %d with handler %s instead of oneshot with hrtimer_interrupt",
			    d->tick_mode, d->event_handler);
	timer_list_free(&tl);
}

void afterwards_idle(int cpu)
{
	struct cpu_result *c = result_need_switched(cpu);
	const struct idleness *i = &c->idle_after;
	struct tl_cpu before, after;
	/* Half of the lowest HZ there is: a tick that never stops is far above it. */
	int64_t limit = 50 * TICK_IDLE_NS / NSEC_PER_SEC + 2 * (int64_t)c->idle.irqs;

	if (i->dead)
		report_fail("DEAD: CPU %d, idle on %s, never woke from a sleep of %lld ms", cpu,
			    c->s.after, TICK_IDLE_NS / NSEC_PER_MSEC);
	if (!i->whole)
		report_skip("alive.cpu%d has no result", cpu);
	before = c->tick[SWITCHED];
	after = c->tick[IDLED];
	report_metric("irqs", i->irqs * (NSEC_PER_SEC / TICK_IDLE_NS), "interrupts/s");
	report_metric("late", i->late, "ns");
	if (i->late < 0)
		report_fail("an idle CPU woke %lld ns early", (long long)-i->late);
	if (before.nohz <= 0)
		report_skip("nohz isn't active: the tick doesn't stop in idle");
	/* Fewer than half of what a tick that runs makes, and no idleness either. */
	if (after.idle_calls <= before.idle_calls &&
	    (int64_t)i->irqs < (TICK_IDLE_NS + i->late) / tick_ns() / 2)
		report_skip("CPU %d neither became idle nor ticked, with %llu interrupts in %lld ms: this machine, or other work, kept it from running",
			    cpu, (unsigned long long)i->irqs,
			    (long long)(TICK_IDLE_NS + i->late) / NSEC_PER_MSEC);
	if (after.idle_calls <= before.idle_calls || after.idle_sleeps <= before.idle_sleeps)
		report_fail("%lld ms of idleness, but idle_calls rose by %lld, idle_sleeps by %lld",
			    TICK_IDLE_NS / NSEC_PER_MSEC,
			    (long long)(after.idle_calls - before.idle_calls),
			    (long long)(after.idle_sleeps - before.idle_sleeps));
	if ((int64_t)i->irqs > limit)
		report_fail("%llu interrupts in %lld ms of idleness (limit %lld, before %llu): the tick doesn't stop",
			    (unsigned long long)i->irqs, TICK_IDLE_NS / NSEC_PER_MSEC,
			    (long long)limit, (unsigned long long)c->idle.irqs);
}

void afterwards_preempt(int cpu)
{
	result_need_switched(cpu);
	tick_judge_preemption(cpu, deaths_observer(cpu));
}

void afterwards_cputime(int cpu)
{
	result_need_switched(cpu);
	tick_judge_accounting(cpu);
}
