// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
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

/* Reads the interrupts of two clockevents on one CPU; names the rows. */
static void count_irqs(int cpu, const char *old_device, const char *new_device, struct alive *a)
{
	const struct irq_row *old_row, *new_row;
	struct irq_table table;

	if (irq_table_read(&table))
		return;
	old_row = irq_row_of_clockevent(&table, old_device);
	new_row = irq_row_of_clockevent(&table, new_device);
	a->old_irqs = irq_count(&table, old_row, cpu);
	a->new_irqs = irq_count(&table, new_row, cpu);
	a->new_irqs_ever = 0;
	for (size_t i = 0; i < table.nr_cpus; i++)
		a->new_irqs_ever += irq_count(&table, new_row, table.cpus[i]);
	name_row(a->old_row, sizeof(a->old_row), old_row);
	name_row(a->new_row, sizeof(a->new_row), new_row);
	irq_table_free(&table);
}

uint64_t alive_irqs(int cpu, const char *device)
{
	struct alive a = { 0 };

	count_irqs(cpu, device, device, &a);
	return a.new_irqs;
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
		n = snprintf(text, sizeof(text), "%s +%llu, ", a->old_row, (unsigned long long)a->old_irqs);
	if (a->new_row[0])
		snprintf(text + n, sizeof(text) - n, "%s +%llu", a->new_row, (unsigned long long)a->new_irqs);
	else
		snprintf(text + n, sizeof(text) - n, "none of its own");
	return text;
}

/* How a CPU was found dead, for people. */
static const char *death(const struct alive *a, const char *device)
{
	static char text[400];
	size_t n;

	n = snprintf(text, sizeof(text), "%sa sleep hadn't ended %.2f s past its deadline, after %u that had; interrupts: %s",
		     a->clock_frozen ? "CLOCK_MONOTONIC stands still, " : "",
		     (double)a->waited_ns / NSEC_PER_SEC, a->wakeups, alive_interrupts(a));
	if (a->new_row[0] && !a->new_irqs_ever)
		snprintf(text + n, sizeof(text) - n,
			 "; %s is advertised and never delivered an interrupt (0 since boot on every CPU)",
			 device);
	return text;
}

/* Whether the kernel still waits for an interrupt that is overdue, or has none programmed: for attribution. */
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
		report_note("timer_list cpu%d: events %llu, hangs %llu", cpu, (unsigned long long)c->nr_events,
			    (unsigned long long)c->nr_hangs);
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

/* Runs some sleeps on a CPU and watches them. */
static void sample(int cpu, enum wake_kind kind, unsigned int count, int64_t interval_ns,
		   struct alive *a)
{
	struct wake w = { .cpu = cpu, .kind = kind, .count = count, .interval_ns = interval_ns };
	struct wake *all[] = { &w };
	struct wake_death death;

	if (a->dead || a->error)
		return;
	a->error = wake_start(&w);
	if (a->error)
		return;
	if (alive_watch(all, 1, &death)) {
		a->dead = true;
		a->clock_frozen = death.clock_frozen;
		a->waited_ns = death.waited_ns;
		a->wakeups += atomic_load(&w.woken);
		return;
	}
	a->error = w.error;
	a->early += w.early;
	a->wakeups += w.woken;
	a->late[kind] = wake_join(&w);
}

void alive_sample(int cpu, int observer, const char *old_device, const char *new_device,
		  struct alive *a)
{
	struct alive before = { 0 };

	memset(a, 0, sizeof(*a));
	cpu_pin(observer);
	count_irqs(cpu, old_device, new_device, &before);
	sample(cpu, WAKE_ABS, 50, 10 * NSEC_PER_MSEC, a);
	sample(cpu, WAKE_REL, 20, 5 * NSEC_PER_MSEC, a);
	sample(cpu, WAKE_TIMERFD, 20, 5 * NSEC_PER_MSEC, a);
	count_irqs(cpu, old_device, new_device, a);
	/* The kernel counts in 32 bits. */
	a->old_irqs = (uint32_t)(a->old_irqs - before.old_irqs);
	a->new_irqs = (uint32_t)(a->new_irqs - before.new_irqs);
	if (!a->dead)
		return;
	report_note("DEAD cpu=%d device=%s: %s", cpu, new_device, death(a, new_device));
	note_timer_list(cpu);
}

int64_t alive_bound(const struct alive *baseline, int kind)
{
	int64_t bound = 10 * baseline->late[kind].p99;

	return bound > 20 * NSEC_PER_MSEC ? bound : 20 * NSEC_PER_MSEC;
}

void alive_judge(const struct alive *a, const struct alive *baseline, int cpu, const char *device)
{
	static const char *const kinds[] = { "absolute sleeps", "relative sleeps", "timerfd" };

	if (a->dead)
		report_fail("DEAD: CPU %d's timers stopped on %s: %s", cpu, device, death(a, device));
	if (a->error)
		report_fail("CPU %d, %s: a sleep failed: %s", cpu, device, sleep_error(a->error));
	if (a->early)
		report_fail("CPU %d, %s: %u of %u sleeps ended before their deadline", cpu, device, a->early, a->wakeups);
	for (int kind = WAKE_ABS; baseline && kind <= WAKE_TIMERFD; kind++)
		if (a->late[kind].p50 > alive_bound(baseline, kind))
			report_fail("CPU %d, %s: %s: median %.3f ms late, more than %.3f ms (p99 before: %.3f ms)",
				    cpu, device, kinds[kind], a->late[kind].p50 / 1e6, alive_bound(baseline, kind) / 1e6,
				    baseline->late[kind].p99 / 1e6);
}

void alive_metrics(const struct stats *late)
{
	report_metric("late_p50", late->p50, "ns");
	report_metric("late_p99", late->p99, "ns");
	report_metric("late_max", late->max, "ns");
	report_metric("samples", late->count, "wake-ups");
}
