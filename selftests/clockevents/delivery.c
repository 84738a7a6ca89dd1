// SPDX-License-Identifier: GPL-2.0-only
/*
 * When a CPU's events are delivered, seen by a thread that is busy on that CPU: it needs no
 * wake-up, and notices by itself whenever the host stops the CPU. What is late beyond such pauses,
 * while other CPUs' events go on, is the device's doing. So it shows what sleeps of an idle CPU
 * can't show on a busy host.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/crew.h"
#include "../lib/grid.h"
#include "../lib/report.h"
#include "../lib/shared.h"
#include "../lib/resolution.h"
#include "../lib/timer_list.h"
#include "../lib/wake.h"
#include "busy.h"
#include "deaths.h"

#define SPAN_NS (NSEC_PER_SEC * 3 / 2)
#define EVENTS	4000

/* With less of the time the host hardly let the CPU run. */
#define RAN_PERCENT 10

/*
 * An event that comes so late is one of the tail, if it was waited for a quarter of that time at
 * least rather than paused, and another CPU's came meanwhile.
 */
#define TAIL_NS (20 * NSEC_PER_MSEC)
#define TAILS	64

/*
 * What is a fault: so many in a second, in each long sampling. One event in 100 that comes 100 ms
 * late gives 5, of which a busy host hides some. A host with six times as much to do as it has CPUs
 * gave 23 in three samplings once, but not so many in each of them.
 */
#define TAIL_PER_S 2

/*
 * Where a CPU can't run for more of the time than this, the host delays single CPUs' timers as
 * well. Nested, interrupts alone take 70.
 */
#define PAUSED_PERCENT 85

/* One late in 100 is three of so many events, of all samplings; fewer prove nothing. */
#define PROOF 300

/* So many late ones of a CPU that was kept from running for so much of the time prove nothing. */
#define UNSURE	       6
#define UNSURE_PERCENT 60

/* A device's events come on no grid so coarse: a tick with HZ=250. */
#define STEP_NS (4 * NSEC_PER_MSEC)

/*
 * In a short sampling the thread sleeps now and then (in a long one it would miss what comes late):
 * when a sleep ends the host lets the CPU run for a while.
 */
#define BUSY_NS (10 * NSEC_PER_MSEC)
#define NAP_NS	(2 * NSEC_PER_MSEC)

#define ROUNDS	9
#define IDLE_NS (30 * NSEC_PER_MSEC)

/* Samplings of a CPU: what each of them shows is the device's. */
#define SAMPLINGS 4
/* As often where a sampling shows too little: the host gave the CPU too short a time to run. */
#define CLEARINGS 9
/* With fewer deliveries a fine grid may not have shown. */
#define CLEAR 60

/* A late event: due, and delivered. CLOCK_MONOTONIC ns. */
struct span {
	int64_t from, to, ran; /* ran: how long of that the CPU was the thread's, waiting */
};

struct delivery {
	bool measured;
	const char *error;
	int64_t span;		  /* ns: sampled */
	int64_t paused, ran;	  /* of these: kept from the thread; not */
	int64_t spans, rans;	  /* of all samplings */
	struct stats late;	  /* of the first expiration of each reading, without pauses */
	unsigned int tail, tails; /* late ones while another CPU's went on; of all samplings */
	size_t events;		  /* of all samplings */
	int64_t longest;	  /* of them */
	struct grid grid;	  /* of all samplings */
	struct stats first,
		next; /* from the end of idleness to the first tick; from tick to tick */
};

/* The work on one CPU. */
struct work {
	struct delivery d;
	int64_t span; /* for how long to sample events, ns; 0: ticks alone */
	bool ticks;
	uint64_t began; /* by the raw counter: the sampling */
	struct span tail[TAILS];
	unsigned int nr_tail, nr_came;
	int64_t came[EVENTS]; /* when something came */
	int64_t late[EVENTS];
};

/* Shared with the processes of the cases, one for each CPU. */
static struct delivery *shared;

/*
 * Of the events, ns. Without high resolution mode the kernel makes a shorter one a tick long
 * (hrtimer_forward()).
 */
static int64_t period = NSEC_PER_MSEC;

/*
 * One reading of the timer, of which the first expiration was due when b says. The reading before,
 * which began at asked by the raw counter, saw nothing of it.
 */
static void add_events(struct work *w, int64_t due, int64_t now, uint64_t asked,
		       const struct busy *b, int64_t ran)
{
	int64_t late = busy_late(b);

	w->d.paused += b->paused;
	w->d.ran += ran;
	if (w->nr_came < EVENTS)
		w->came[w->nr_came++] = now;
	if (late > TAIL_NS && 4 * late > now - due && w->nr_tail < TAILS)
		w->tail[w->nr_tail++] = (struct span){ due, now, late };
	if (w->d.late.count < EVENTS)
		w->late[w->d.late.count++] = late;
	grid_delivery(&w->d.grid, counter_ticks_ns(asked - w->began),
		      counter_ticks_ns(b->last - w->began));
}

/* A periodic timer, asked again and again. False where nothing comes any more. */
static bool sample_events(struct work *w)
{
	const struct itimerspec every = { ns_timespec(period), ns_timespec(period) };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	int64_t due, now, end, nap, ran;
	uint64_t expirations, asked, before;
	struct busy b;

	w->d.late.count = 0;
	w->d.paused = w->d.ran = 0;
	grid_again(&w->d.grid);
	w->d.span = w->span;
	if (fd < 0 || timerfd_settime(fd, 0, &every, NULL))
		return false;
	/* Read after it, so that nothing is called late for what happened in between. */
	due = clock_ns(CLOCK_MONOTONIC) + period;
	end = due + w->span;
	nap = w->span < SPAN_NS ? due + BUSY_NS : INT64_MAX;
	b = busy_start(period);
	w->began = asked = b.start;
	do {
		for (;;) {
			before = asked;
			asked = b.last;
			if (read(fd, &expirations, sizeof(expirations)) > 0)
				break;
			if (busy_step(&b) > WAKE_DEAD_NS) {
				close(fd);
				return false;
			}
		}
		/* In this order: a pause in between makes nothing late. */
		now = clock_ns(CLOCK_MONOTONIC);
		ran = busy_step(&b);
		add_events(w, due, now, before, &b, ran);
		due += expirations * period;
		busy_again(&b, due - now);
		if (now > nap) {
			clock_nap(NAP_NS);
			if (read(fd, &expirations, sizeof(expirations)) > 0)
				due += expirations * period;
			now = clock_ns(CLOCK_MONOTONIC);
			b = busy_start(due - now);
			asked = b.start;
			grid_again(&w->d.grid);
			nap = now + BUSY_NS;
		}
		crew_progress();
	} while (now < end && w->d.late.count < EVENTS);
	close(fd);
	w->d.late = stats_of(w->late, w->d.late.count);
	w->d.spans += w->d.span;
	w->d.rans += w->d.ran;
	return true;
}

static bool sample_ticks(struct delivery *d)
{
	int64_t first[ROUNDS], next[ROUNDS];
	timer_t timer;

	if (busy_tick_open(&timer))
		return false;
	for (int i = 0; i < ROUNDS; i++) {
		clock_nap(IDLE_NS);
		first[i] = busy_tick(timer);
		next[i] = busy_tick(timer);
		crew_progress();
	}
	timer_delete(timer);
	d->first = stats_of(first, ROUNDS);
	d->next = stats_of(next, ROUNDS);
	return true;
}

static void sample(int cpu, void *arg)
{
	struct work *w = arg;

	(void)cpu;
	if (w->span && !sample_events(w))
		w->d.error = "a periodic timer of 1 ms stopped for 2 s, while the CPU was busy";
	else if (w->ticks && !sample_ticks(&w->d))
		w->d.error = "timer_create(CLOCK_THREAD_CPUTIME_ID) failed";
	w->d.measured = true;
}

/*
 * Whether events of w's CPU came within s, none half as long after the other as the CPU of s
 * waited.
 */
static bool went_on(const struct work *w, struct span s)
{
	int64_t last = s.from, gap = 0;

	for (unsigned int i = 0; i <= w->nr_came; i++) {
		int64_t came = i < w->nr_came && w->came[i] < s.to ? w->came[i] : s.to;

		if (came > last) {
			gap = came - last > gap ? came - last : gap;
			last = came;
		}
	}
	return 2 * gap < s.ran;
}

/* What delays the events of all CPUs at once is the host. */
static void count_tail(struct work *all, int n, struct work *w)
{
	w->d.tail = 0;
	for (unsigned int t = 0; t < w->nr_tail; t++) {
		bool meanwhile = false;

		for (int i = 0; i < n && !meanwhile; i++)
			meanwhile = &all[i] != w && went_on(&all[i], w->tail[t]);
		if (!meanwhile)
			continue;
		w->d.tail++;
		if (w->tail[t].to - w->tail[t].from > w->d.longest)
			w->d.longest = w->tail[t].to - w->tail[t].from;
	}
	w->d.tails += w->d.tail;
	w->d.events += w->d.late.count;
}

/*
 * Without high resolution mode all events come with the tick (/proc/timer_list says; else
 * clock_getres() has to).
 */
static bool high_resolution(int cpu)
{
	const struct tl_cpu *c;
	struct timer_list tl;
	struct timespec resolution;
	bool active;

	if (!timer_list_read(&tl)) {
		c = timer_list_cpu(&tl, cpu);
		active = c && c->hres_active == 1;
		timer_list_free(&tl);
		return active;
	}
	return !clock_getres(CLOCK_MONOTONIC, &resolution) && timespec_ns(&resolution) == 1;
}

/* Samples these CPUs side by side; into shared[] all of them, or the one that is in question. */
static void measure(const struct cpus *cpus, int only, int64_t span, bool ticks)
{
	int n = cpus_count(cpus), stuck = -1, cpu, i, err;
	struct work *all = calloc(n, sizeof(*all));

	ck_assert_ptr_nonnull(all);
	counter_hz();
	i = 0;
	cpus_for_each(cpu, cpus)
		all[i++] = (struct work){ .d = shared[cpu], .span = span, .ticks = ticks };
	err = crew_run(cpus, sample, all, sizeof(*all), &stuck);
	if (err == -ETIMEDOUT) {
		report_note("DEAD cpu=%d: a sleep of %lld ms hadn't ended 10 s later", stuck,
			    IDLE_NS / NSEC_PER_MSEC);
		deaths_add(stuck);
		report_fail("DEAD: CPU %d: a sleep hadn't ended %lld s later", stuck,
			    CREW_STUCK_NS / NSEC_PER_SEC);
	}
	if (err)
		report_fail("starting a thread on each CPU: %s", strerror(-err));
	i = 0;
	cpus_for_each(cpu, cpus) {
		struct work *w = &all[i++];

		if (only >= 0 && cpu != only) {
			shared[cpu].grid = w->d.grid;
			continue;
		}
		if (span)
			count_tail(all, n, w);
		shared[cpu] = w->d;
	}
	free(all);
}

/* Whether the host gave the CPU so little of that time that nothing is shown by it. */
static bool starved(int64_t ran, int64_t span)
{
	return ran * 100 < span * RAN_PERCENT;
}

static bool hardly_ran(const struct delivery *d)
{
	return starved(d->ran, d->span);
}

/*
 * The delivery on cpu. While wrong() says so of it, it is measured again, up to SAMPLINGS times in
 * a row, and while unclear() does, up to CLEARINGS times in all (either may be NULL): for so long
 * (ns; 0: the ticks; for a shorter time where it is only unclear), with one CPU beside it that
 * shows what the host does, since all of them busy would be a load themselves.
 */
static const struct delivery *judged(int cpu, bool (*wrong)(const struct delivery *d),
				     bool (*unclear)(const struct delivery *d), int64_t again)
{
	int other = cpus_next(cpu, report_cpus());
	struct delivery *d = &shared[cpu];
	struct cpus pair = { 0 };

	if (deaths_first() >= 0)
		report_skip("CPU %d is dead", deaths_first());
	cpus_add(&pair, cpu);
	cpus_add(&pair, other >= 0 ? other : cpus_next(-1, report_cpus()));
	if (!d->measured)
		measure(report_cpus(), -1, SPAN_NS, true);
	for (int bad = 0, unsure = 0; !d->error;) {
		bad = wrong && wrong(d) ? bad + 1 : 0;
		if (!bad && !(unclear && unclear(d)))
			break;
		if (bad ? bad >= SAMPLINGS : ++unsure >= CLEARINGS)
			break;
		measure(&pair, cpu, again && !bad ? SPAN_NS / 3 : again, !again);
	}
	if (d->error)
		report_fail("CPU %d: %s", cpu, d->error);
	return d;
}

static bool has_tail(const struct delivery *d)
{
	/* Short samplings only ask for long ones. */
	if (d->span <= SPAN_NS)
		return d->tails >= 2;
	return d->tail * NSEC_PER_SEC >= TAIL_PER_S * d->span;
}

static bool shows_little(const struct delivery *d)
{
	return hardly_ran(d) || d->events < PROOF;
}

static void tail(int cpu)
{
	const struct delivery *d = judged(cpu, has_tail, shows_little, 2 * SPAN_NS);

	report_metric("late_p50", d->late.p50, "ns");
	report_metric("late_p99", d->late.p99, "ns");
	report_metric("late_max", d->late.max, "ns");
	report_metric("paused", d->paused, "ns");
	report_metric("samples", d->late.count, "readings");
	if (hardly_ran(d))
		report_skip("CPU %d hardly ran: the host gave it %lld of %lld ms", cpu,
			    (long long)(d->ran / NSEC_PER_MSEC),
			    (long long)(d->span / NSEC_PER_MSEC));
	report_histogram("late", &d->late.histogram, "ns");
	report_metric("tail", d->tails, "events");
	if (cpus_count(report_cpus()) < 2)
		report_skip("there is only one CPU: nothing tells its device from its host");
	if (!has_tail(d)) {
		/* Some in each sampling would be a fault, and none in any the proof that there is
		 * none. */
		if (d->tails >= UNSURE && d->paused * 100 > d->span * UNSURE_PERCENT)
			report_skip("the host is too busy to tell: %u events in all came more than %lld ms late, though not %d a second each time, while CPU %d was kept from running for %lld %% of the time",
				    d->tails, TAIL_NS / NSEC_PER_MSEC, TAIL_PER_S, cpu,
				    (long long)(d->paused * 100 / d->span));
		if (d->events < PROOF)
			report_skip("the host is too busy to tell: CPU %d had %zu events, too few to show that one in 100 comes late",
				    cpu, d->events);
		return;
	}
	if (d->paused * 100 > d->span * PAUSED_PERCENT)
		report_skip("the host is too busy to tell: %u events came more than %lld ms late, but CPU %d was kept from running for %lld %% of the time",
			    d->tails, TAIL_NS / NSEC_PER_MSEC, cpu,
			    (long long)(d->paused * 100 / d->span));
	report_fail("%u events in %d samplings came more than %lld ms late, while CPU %d was running and other CPUs' events went on; of the last %zu %u, by up to %.1f ms",
		    d->tails, SAMPLINGS, TAIL_NS / NSEC_PER_MSEC, cpu, d->late.count, d->tail,
		    d->longest / 1e6);
}

static bool is_coarse(const struct delivery *d)
{
	return grid_step(&d->grid) > STEP_NS;
}

/*
 * Whether the host let the CPU run often enough for a fine grid to show: for most of the time, or
 * another CPU shows one. Each event of a starved CPU comes alone.
 */
static bool host_lets_show(int cpu, const struct delivery *d)
{
	int other;

	if (d->grid.deliveries < CLEAR || starved(d->rans, d->spans))
		return false;
	if (2 * d->rans >= d->spans)
		return true;
	cpus_for_each(other, report_cpus())
		if (other != cpu && !is_coarse(&shared[other]))
			return true;
	return false;
}

static void resolution(int cpu)
{
	const struct delivery *d;

	if (!high_resolution(cpu))
		report_skip("high resolution timers aren't active on CPU %d", cpu);
	d = judged(cpu, NULL, is_coarse, SPAN_NS / 3);
	report_metric("deliveries", d->grid.deliveries, "events");
	if (grid_step(&d->grid) < INT64_MAX)
		report_metric("grid_step", grid_step(&d->grid), "ns");
	report_metric("ran", d->rans, "ns");
	if (!is_coarse(d))
		return;
	if (!host_lets_show(cpu, d))
		report_skip("the host is too busy to tell: in %d samplings CPU %d ran for %lld of %lld ms and took %u interrupts, and no other CPU shows a finer grid than %lld ms",
			    CLEARINGS, cpu, (long long)(d->rans / NSEC_PER_MSEC),
			    (long long)(d->spans / NSEC_PER_MSEC), d->grid.deliveries,
			    STEP_NS / NSEC_PER_MSEC);
	report_fail("CPU %d: the device's events come on a grid of %lld ms or more: of %u events of a timer of %.1f ms no four in a row came within %lld ms (%d times would show a finer one)",
		    cpu, STEP_NS / NSEC_PER_MSEC, d->grid.deliveries, period / 1e6,
		    2 * STEP_NS / NSEC_PER_MSEC, GRID_PROOF);
}

static int64_t tick_bound(const struct delivery *d)
{
	return 2 * d->next.p50 + 2 * NSEC_PER_MSEC;
}

static bool starts_late(const struct delivery *d)
{
	return d->first.p50 > tick_bound(d);
}

static void tick_restart(int cpu)
{
	const struct delivery *d = judged(cpu, starts_late, NULL, 0);

	report_metric("first_p50", d->first.p50, "ns");
	report_metric("next_p50", d->next.p50, "ns");
	if (starts_late(d))
		report_fail("after idleness CPU %d's first tick came after %.1f ms (median of %d), more than %.1f ms; ticks of the busy CPU are %.1f ms apart",
			    cpu, d->first.p50 / 1e6, ROUNDS, tick_bound(d) / 1e6,
			    d->next.p50 / 1e6);
}

static const struct report_case cases[] = {
	{ "tail",
	  "no events come late, not one in a hundred, while the CPU is running and others' go on (clockevents_program_event())",
	  tail, true },
	{ "resolution",
	  "events come when they are due, not on a grid of 4 ms or more (high resolution mode: hrtimer_interrupt())",
	  resolution, true },
	{ "tick_restart",
	  "the tick goes on when idleness ends, at its next regular time (tick_nohz_restart())",
	  tick_restart, true },
};

static void setup(void)
{
	deaths_init();
	shared = shared_memory(CPUS_MAX * sizeof(*shared));
	if (!high_resolution(cpus_next(-1, report_cpus())))
		period = tick_ns();
}

REPORT_MAIN("clockevents", "delivery", .setup = setup, .excuse = deaths_excuse)
