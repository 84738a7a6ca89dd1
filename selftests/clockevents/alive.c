// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/clockevents.h"
#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/interrupts.h"
#include "../lib/report.h"
#include "../lib/sleepers.h"
#include "../lib/timer_list.h"
#include "alive.h"

static void name_row(char *out, size_t len, const struct irq_row *row)
{
	if (!row)
		out[0] = '\0';
	else if (isdigit((unsigned char)row->name[0]))
		snprintf(out, len, "%.8s(%.48s)", row->name, row->devices);
	else
		snprintf(out, len, "%s", row->name);
}

/* Reads the interrupts of two clockevents on each CPU; names the rows. */
static void count_irqs(const struct alive_cpu *cpus, size_t n)
{
	char broadcast[CE_NAME_LEN] = "";
	struct irq_table table;

	if (irq_table_read(&table))
		return;
	ce_current(CE_BROADCAST, broadcast);
	for (size_t i = 0; i < n; i++) {
		const struct irq_row *old_row = irq_row_of_clockevent(&table, cpus[i].old_device);
		const struct irq_row *new_row = irq_row_of_clockevent(&table, cpus[i].new_device);
		struct alive *a = cpus[i].a;

		/* The kernel counts in 32 bits. */
		a->old_irqs = (uint32_t)(irq_count(&table, old_row, cpus[i].cpu) - a->old_irqs);
		a->new_irqs = (uint32_t)(irq_count(&table, new_row, cpus[i].cpu) - a->new_irqs);
		a->broadcast_irqs = (uint32_t)(irq_broadcasts(&table, cpus[i].new_device, broadcast,
							      cpus[i].cpu) -
					       a->broadcast_irqs);
		a->new_irqs_ever = 0;
		for (size_t k = 0; k < table.nr_cpus; k++)
			a->new_irqs_ever += irq_count(&table, new_row, table.cpus[k]);
		name_row(a->old_row, sizeof(a->old_row), old_row);
		name_row(a->new_row, sizeof(a->new_row), new_row);
	}
	irq_table_free(&table);
}

/*
 * Keeps those only of CPUs of which the kernel says that their timer stops in idle, or can't
 * interrupt.
 */
static void forget_broadcast(const struct alive_cpu *cpus, size_t n)
{
	struct timer_list tl;
	bool read = !timer_list_read(&tl);

	for (size_t i = 0; i < n; i++) {
		struct alive *a = cpus[i].a;

		a->broadcast = read && cpus_has(&tl.broadcast_mask, cpus[i].cpu);
		if (!a->broadcast)
			a->broadcast_irqs = 0;
	}
	if (read)
		timer_list_free(&tl);
}

bool alive_rode(const struct alive *a)
{
	return !a->new_row[0] || a->new_irqs + a->broadcast_irqs >= a->wakeups / 2;
}

bool alive_old_goes_on(const struct alive *a)
{
	if (a->broadcast && !strcmp(a->old_row, "LOC"))
		return false;
	return strcmp(a->old_row, a->new_row) && a->old_irqs > 2;
}

uint64_t alive_irqs(int cpu, const char *device)
{
	struct alive a = { 0 };
	struct alive_cpu one = { cpu, device, device, &a };

	count_irqs(&one, 1);
	forget_broadcast(&one, 1);
	return a.new_irqs + a.broadcast_irqs;
}

const char *alive_interrupts(const struct alive *a)
{
	static char text[200];
	size_t n = 0;

	if (!a->old_row[0])
		n = 0;
	else if (!a->old_irqs)
		n = snprintf(text, sizeof(text), "%s stop, ", a->old_row);
	else if (strcmp(a->old_row, a->new_row))
		n = snprintf(text, sizeof(text), "%s +%llu, ", a->old_row,
			     (unsigned long long)a->old_irqs);
	if (a->new_row[0])
		snprintf(text + n, sizeof(text) - n, "%s +%llu", a->new_row,
			 (unsigned long long)a->new_irqs);
	else
		snprintf(text + n, sizeof(text) - n, "none of its own");
	return text;
}

/* How a CPU was found dead, for people. */
static const char *death(const struct alive *a, const char *device)
{
	static char text[400];
	size_t n;

	n = snprintf(text, sizeof(text),
		     "%sa sleep hadn't ended %.2f s past its deadline, after %u that had; interrupts: %s",
		     a->clock_frozen ? "CLOCK_MONOTONIC stands still, " : "",
		     (double)a->waited_ns / NSEC_PER_SEC, a->wakeups, alive_interrupts(a));
	if (a->new_row[0] && !a->new_irqs_ever)
		snprintf(text + n, sizeof(text) - n,
			 "; %s is advertised and never delivered an interrupt (0 since boot on every CPU)",
			 device);
	return text;
}

/*
 * Whether the kernel still waits for an interrupt that is overdue, or has none programmed: for
 * attribution.
 */
static void note_timer_list(int cpu)
{
	const struct tl_device *d;
	const struct tl_cpu *c;
	struct timer_list tl;

	if (timer_list_read(&tl))
		return;
	d = timer_list_device(&tl, cpu);
	c = timer_list_cpu(&tl, cpu);
	if (d && c && d->next_event_ns == INT64_MAX)
		report_note("timer_list cpu%d: %s has no event programmed", cpu, d->name);
	else if (d && c)
		report_note("timer_list cpu%d: %s in state %d awaits an event due %.3f s ago; retries %llu, min_delta %llu ns",
			    cpu, d->name, d->state, (tl.now_ns - d->next_event_ns) / 1e9,
			    (unsigned long long)d->retries, (unsigned long long)d->min_delta_ns);
	if (d && c && c->hres_active >= 0)
		report_note("timer_list cpu%d: events %llu, hangs %llu", cpu,
			    (unsigned long long)c->nr_events, (unsigned long long)c->nr_hangs);
	timer_list_free(&tl);
}

/*
 * A CPU whose clockevent goes on interrupting isn't dead, however long a sleep
 * takes on a starved host. So a missed deadline is a death at once only if the
 * interrupts stopped as well, and otherwise after this many more.
 */
#define PATIENCE 4

static bool never(void *arg)
{
	(void)arg;
	return false;
}

static bool interrupts_go_on(int cpu)
{
	char device[CE_NAME_LEN];
	uint64_t before;

	if (ce_current(cpu, device))
		return false;
	before = alive_irqs(cpu, device);
	observe(never, NULL, 300 * NSEC_PER_MSEC);
	return alive_irqs(cpu, device) != before;
}

int alive_watch(struct wake *const wakes[], size_t n, struct wake_death *death)
{
	int64_t waited = 0;

	for (int missed = 0; wake_watch(wakes, n, death); missed++) {
		waited += death->waited_ns;
		if (missed == PATIENCE || !interrupts_go_on(death->wake->cpu)) {
			death->waited_ns = waited;
			return -ETIMEDOUT;
		}
		report_note("CPU %d: a sleep is %.1f s overdue, but the clockevent goes on interrupting: waiting on",
			    death->wake->cpu, waited / 1e9);
	}
	return 0;
}

/* Runs some sleeps on each CPU and watches them; the index of the dead one, or -1. */
static int sample(const struct alive_cpu *cpus, size_t n, enum wake_kind kind, unsigned int count,
		  int64_t interval_ns)
{
	struct wake *w = calloc(n, sizeof(*w)), **all = calloc(n, sizeof(*all));
	struct wake_death death;
	size_t started = 0;

	ck_assert(w && all);
	for (size_t i = 0; i < n; i++) {
		struct wake *one = &w[started];

		*one = (struct wake){
			.cpu = cpus[i].cpu, .kind = kind, .count = count, .interval_ns = interval_ns
		};
		if (!cpus[i].a->error)
			cpus[i].a->error = wake_start(one);
		if (!cpus[i].a->error)
			all[started++] = one;
	}
	if (alive_watch(all, started, &death)) {
		for (size_t i = 0; i < n; i++) {
			struct alive *a = cpus[i].a;

			if (cpus[i].cpu != death.wake->cpu)
				continue;
			a->dead = true;
			a->clock_frozen = death.clock_frozen;
			a->waited_ns = death.waited_ns;
			a->wakeups += atomic_load(&death.wake->woken);
			return i;
		}
	}
	for (size_t i = 0, k = 0; i < n; i++) {
		struct alive *a = cpus[i].a;

		if (k == started || w[k].cpu != cpus[i].cpu)
			continue;
		a->error = w[k].error;
		a->early += w[k].early;
		a->wakeups += w[k].woken;
		a->late[kind] = wake_join(&w[k++]);
	}
	free(w);
	free(all);
	return -1;
}

/*
 * More CPUs than this sleep in all as often as so many would, but each a fifth at least: emulated,
 * they share a few.
 */
#define MANY_CPUS 8

static unsigned int share(unsigned int count, size_t n)
{
	unsigned int some = n > MANY_CPUS ? count * MANY_CPUS / n : count;

	return some > count / 5 ? some : count / 5;
}

int alive_sample_all(const struct alive_cpu *cpus, size_t n, int observer, enum alive_depth depth)
{
	/* Long enough for each to be an event of its own on a slow guest. */
	static const struct {
		unsigned int count;
		int64_t interval_ns;
	} plans[][3] = {
		[ALIVE_FULL] = { { 50, 6 * NSEC_PER_MSEC },
				 { 20, 4 * NSEC_PER_MSEC },
				 { 20, 4 * NSEC_PER_MSEC } },
		[ALIVE_BRIEF] = { { 8, 4 * NSEC_PER_MSEC },
				  { 4, 2 * NSEC_PER_MSEC },
				  { 4, 2 * NSEC_PER_MSEC } },
	};
	int dead = -1;

	for (size_t i = 0; i < n; i++)
		memset(cpus[i].a, 0, sizeof(*cpus[i].a));
	cpu_pin(observer);
	count_irqs(cpus, n);
	for (int kind = WAKE_ABS; kind <= WAKE_TIMERFD && dead < 0; kind++)
		dead = sample(cpus, n, kind, share(plans[depth][kind].count, n),
			      plans[depth][kind].interval_ns);
	count_irqs(cpus, n);
	forget_broadcast(cpus, n);
	if (dead >= 0) {
		const struct alive_cpu *c = &cpus[dead];

		report_note("DEAD cpu=%d device=%s: %s", c->cpu, c->new_device,
			    death(c->a, c->new_device));
		note_timer_list(c->cpu);
		return c->cpu;
	}
	for (size_t i = 0; i < n; i++)
		cpus[i].a->whole = !cpus[i].a->error;
	return -1;
}

void alive_sample(int cpu, int observer, enum alive_depth depth, const char *old_device,
		  const char *new_device, struct alive *a)
{
	alive_sample_all(&(struct alive_cpu){ cpu, old_device, new_device, a }, 1, observer, depth);
}

void alive_judge_interrupts(const struct alive *a, const char *device)
{
	if (alive_rode(a))
		return;
	report_fail("%u sleeps ended, but %s rose by %llu only%s: they don't ride on %s",
		    a->wakeups, a->new_row, (unsigned long long)a->new_irqs,
		    a->broadcast ? ", and what broadcasts cause is too little as well" : "",
		    device);
}

/* Far more than any clockevent is late by itself. */
#define LATE_NS (20 * NSEC_PER_MSEC)

int64_t alive_bound(const struct alive *baseline, int kind)
{
	int64_t bound = 10 * baseline->late[kind].p99;

	return bound > LATE_NS ? bound : LATE_NS;
}

/* The most that a median of this kind may be late, in ns; without baseline, for it not to be
 * suspect. */
static int64_t bound_of(const struct alive *a, const struct alive *baseline, int kind)
{
	if (!baseline)
		return LATE_NS;
	return a->poke ? LATE_NS + 2 * a->poke : alive_bound(baseline, kind);
}

int alive_late(const struct alive *a, const struct alive *baseline)
{
	for (int kind = WAKE_ABS; kind <= WAKE_TIMERFD; kind++)
		if (a->late[kind].p50 > bound_of(a, baseline, kind))
			return kind;
	return -1;
}

void alive_judge(const struct alive *a, const struct alive *baseline, int cpu, const char *device)
{
	static const char *const kinds[] = { "absolute sleeps", "relative sleeps", "timerfd" };
	int kind;

	if (a->dead)
		report_fail("DEAD: CPU %d's timers stopped on %s: %s", cpu, device,
			    death(a, device));
	if (a->error)
		report_fail("CPU %d, %s: a sleep failed: %s", cpu, device, sleep_error(a->error));
	if (a->early)
		report_fail("CPU %d, %s: %u of %u sleeps ended before their deadline", cpu, device,
			    a->early, a->wakeups);
	kind = baseline ? alive_late(a, baseline) : -1;
	if (kind >= 0)
		report_fail("CPU %d, %s: %s: median %.3f ms late, more than %.3f ms (p99 before: %.3f ms; wake-ups without timer: %.3f ms), %u times out of %u",
			    cpu, device, kinds[kind], a->late[kind].p50 / 1e6,
			    bound_of(a, baseline, kind) / 1e6, baseline->late[kind].p99 / 1e6,
			    a->poke / 1e6, a->again + 1, a->again + 1);
}

void alive_metrics(const struct stats *late)
{
	report_metric("late_p50", late->p50, "ns");
	report_metric("late_p99", late->p99, "ns");
	report_metric("late_max", late->max, "ns");
	report_metric("samples", late->count, "wake-ups");
	report_histogram("late", &late->histogram, "ns");
}
