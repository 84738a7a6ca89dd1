// SPDX-License-Identifier: GPL-2.0-only
/*
 * No CPU reads less than another CPU has read before: every pair of CPUs hands a
 * cache line to and fro, and each hand-off orders two readings (lib/handoff.h).
 * The kernel's own check at boot is arch/x86/kernel/tsc_sync.c; MONOTONIC and its
 * kin must hold even where the counter doesn't, since the vDSO and the timekeeper
 * cut off what is behind the last update (lib/vdso, timekeeping_cycles_to_ns).
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/handoff.h"
#include "../lib/report.h"
#include "clockset.h"
#include "tsc.h"

#define BOX_NS (60 * NSEC_PER_MSEC)
/* How long a case may take on a guest that is short of CPUs: for all rounds together. */
#define CASE_NS (6 * NSEC_PER_SEC)

static int cpus[CPUS_MAX], nr_cpus;

/* Result of every pair, in the order of play. */
struct played {
	struct handoff_pair *pairs;
	int nr_pairs;
	int starved;	/* pairs with fewer than HANDOFF_ENOUGH observations */
	uint64_t least; /* observations of any pair */
	uint64_t observations, backwards;
	double seconds; /* all rounds */
	double unit;	/* ns of one unit of the readings */
};

/* How long a round may take in need. */
static int64_t patience(int64_t box_ns)
{
	int64_t share = CASE_NS / handoff_rounds(nr_cpus);

	return share > 2 * box_ns ? share : 2 * box_ns;
}

static void need_two_cpus(void)
{
	int cpu;

	nr_cpus = 0;
	cpus_for_each(cpu, report_cpus())
		cpus[nr_cpus++] = cpu;
	if (nr_cpus < 2)
		report_skip("there is only one CPU, online and allowed");
}

static struct played play(const struct handoff_source *source, int64_t box_ns)
{
	struct played p = { .unit = source->kind == HANDOFF_COUNTER ? 1e9 / counter_hz() : 1 };
	int most = (nr_cpus + 1) / 2;
	uint64_t begun = counter_read();

	p.pairs = calloc((size_t)handoff_rounds(nr_cpus) * most, sizeof(*p.pairs));
	ck_assert_ptr_nonnull(p.pairs);
	for (int round = 0; round < handoff_rounds(nr_cpus); round++) {
		struct handoff_pair *first = p.pairs + p.nr_pairs;
		int n = 0;

		for (int index = 0; index < most; index++) {
			int a, b;

			if (handoff_match(nr_cpus, round, index, &a, &b))
				first[n++] = (struct handoff_pair){ .cpu = { cpus[a], cpus[b] } };
		}
		handoff_round(first, n, source, box_ns, patience(box_ns));
		p.nr_pairs += n;
	}
	p.seconds = counter_since_ns(begun) / 1e9;
	p.starved = handoff_starved(p.pairs, p.nr_pairs, &p.least);
	for (int i = 0; i < p.nr_pairs; i++) {
		if (p.pairs[i].error)
			report_fail("CPUs %d and %d: %s", p.pairs[i].cpu[0], p.pairs[i].cpu[1],
				    strerror(-p.pairs[i].error));
		p.observations += handoff_observations(&p.pairs[i]);
		p.backwards += p.pairs[i].side[0].backwards + p.pairs[i].side[1].backwards;
	}
	return p;
}

/* Hand-offs per second of all pairs together. */
static double per_second(const struct played *p)
{
	double ns = 0;

	for (int i = 0; i < p->nr_pairs; i++)
		ns += p->pairs[i].ns;
	return ns > 0 ? p->observations * 1e9 / ns : 0;
}

static const struct handoff_pair *find(const struct played *p, int a, int b)
{
	for (int i = 0; i < p->nr_pairs; i++)
		if ((p->pairs[i].cpu[0] == a && p->pairs[i].cpu[1] == b) ||
		    (p->pairs[i].cpu[0] == b && p->pairs[i].cpu[1] == a))
			return &p->pairs[i];
	return NULL;
}

/* Middle and half width, in ns, of what cpu b's clock may be ahead of cpu a's; false if unseen. */
static bool offset(const struct played *p, int a, int b, double *ns, double *uncertainty)
{
	const struct handoff_pair *pair = find(p, a, b);
	int64_t low, high;

	if (!pair || !handoff_offset(pair, &low, &high))
		return false;
	*ns = (low + high) / 2.0 * p->unit * (pair->cpu[0] == a ? 1 : -1);
	*uncertainty = (high - low) / 2.0 * p->unit;
	return true;
}

static void report_pairs(const struct played *p)
{
	char line[900], name[64];
	double ns, uncertainty;

	report_note("offset of the column's CPU to the row's, ns:");
	for (int row = 0; row < nr_cpus; row++) {
		size_t at = snprintf(line, sizeof(line), "cpu%-3d", cpus[row]);

		for (int column = 0; column < nr_cpus && at < sizeof(line) - 32; column++) {
			if (row == column)
				at += snprintf(line + at, sizeof(line) - at, " %12s", "-");
			else if (offset(p, cpus[row], cpus[column], &ns, &uncertainty))
				at += snprintf(line + at, sizeof(line) - at, " %5.0f +-%4.0f", ns,
					       uncertainty);
			else
				at += snprintf(line + at, sizeof(line) - at, " %12s", "unseen");
			if (row >= column || !offset(p, cpus[row], cpus[column], &ns, &uncertainty))
				continue;
			snprintf(name, sizeof(name), "offset_cpu%d_cpu%d", cpus[row], cpus[column]);
			report_metric(name, ns, "ns");
			snprintf(name, sizeof(name), "uncertainty_cpu%d_cpu%d", cpus[row],
				 cpus[column]);
			report_metric(name, uncertainty, "ns");
		}
		report_note("%s", line);
	}
}

static void report_totals(const struct played *p)
{
	double widest = 0, round_trip = 0;
	int64_t low, high;

	for (int i = 0; i < p->nr_pairs; i++) {
		const struct handoff_pair *pair = &p->pairs[i];

		if (!handoff_offset(pair, &low, &high))
			continue;
		if ((high - low) / 2.0 * p->unit > widest)
			widest = (high - low) / 2.0 * p->unit;
		if (pair->round_trip != INT64_MAX && pair->round_trip * p->unit > round_trip)
			round_trip = pair->round_trip * p->unit;
	}
	report_metric("observations", p->observations, "observations");
	report_metric("observations_per_second", per_second(p), "1/s");
	report_metric("pairs", p->nr_pairs, "pairs");
	report_metric("rounds", handoff_rounds(nr_cpus), "rounds");
	report_metric("seconds_per_round", p->seconds / handoff_rounds(nr_cpus), "s");
	report_metric("observations_min", p->least, "observations");
	report_metric("uncertainty_max", widest, "ns");
	report_metric("round_trip_max", round_trip, "ns");
}

/* What a step back looked like: the worst one. */
static const char *step_back(const struct played *p)
{
	static char text[200];
	const struct handoff_pair *worst = NULL;
	int reader = 0;

	for (int i = 0; i < p->nr_pairs; i++)
		for (int side = 0; side < 2; side++)
			if (!worst || p->pairs[i].side[side].ahead < worst->side[reader].ahead) {
				worst = &p->pairs[i];
				reader = side;
			}
	snprintf(text, sizeof(text),
		 "CPU %d read %.0f ns less than CPU %d had read before (%llu of %llu observations of all pairs went back)",
		 worst->cpu[reader], -worst->side[reader].ahead * p->unit, worst->cpu[!reader],
		 (unsigned long long)p->backwards, (unsigned long long)p->observations);
	return text;
}

/*
 * Fails the case if a reading was less than one before it, however busy the host; skips it if there
 * were too few readings.
 */
static void judge(const struct played *p, int64_t box_ns)
{
	if (p->backwards)
		report_fail("%s", step_back(p));
	if (p->starved)
		report_skip("the host was too busy to run both CPUs of a pair: %d of %d pairs made fewer than %d ordered observations in %.1f s, the least %llu",
			    p->starved, p->nr_pairs, HANDOFF_ENOUGH, patience(box_ns) / 1e9,
			    (unsigned long long)p->least);
}

static void counter(int unused)
{
	const struct handoff_source source = { .kind = HANDOFF_COUNTER };
	double handoff_ns = 0, observation_ns = 0, reading_ns = 0;
	struct played p;
	int n = 0;

	(void)unused;
	need_two_cpus();
	p = play(&source, 3 * BOX_NS);
	report_totals(&p);
	report_pairs(&p);
	for (int i = 0; i < p.nr_pairs; i++) {
		if (!(p.pairs[i].bare_ns > 0) || !(p.pairs[i].typical_ns > 0))
			continue;
		handoff_ns += p.pairs[i].bare_ns;
		observation_ns += p.pairs[i].typical_ns;
		reading_ns += p.pairs[i].reading_ns;
		n++;
	}
	if (n) {
		report_metric("handoff_ns", handoff_ns / n, "ns");
		report_metric("observation_ns", observation_ns / n, "ns");
		report_metric("reading_ns", reading_ns / n, "ns");
		report_metric("observations_per_handoff", handoff_ns / observation_ns, "ratio");
		/* An observation can't take less than the line's journey and a reading after it. */
		report_metric("of_possible", (handoff_ns + reading_ns) / observation_ns, "ratio");
	}
	/*
	 * The kernel itself has rejected this TSC, so nothing promises that it agrees between CPUs.
	 */
	if (p.backwards && tsc_rejected())
		report_skip("the kernel doesn't trust this TSC (it isn't among the clocksources), and %s",
			    step_back(&p));
	judge(&p, 3 * BOX_NS);
}

static void clock_case(enum handoff_kind kind, clockid_t clock)
{
	const struct handoff_source source = { .kind = kind, .clock = clock };
	struct played p;
	int fd;

	need_two_cpus();
	clockset_need(clock);
	fd = clockset_watch(clock);
	p = play(&source, BOX_NS);
	report_totals(&p);
	if (clock == CLOCK_MONOTONIC)
		report_pairs(&p);
	if (clockset_happened(fd))
		report_skip("the clock was set meanwhile (TFD_TIMER_CANCEL_ON_SET says so)");
	judge(&p, BOX_NS);
}

static void monotonic(int unused)
{
	(void)unused;
	clock_case(HANDOFF_CLOCK, CLOCK_MONOTONIC);
}

static void monotonic_syscall(int unused)
{
	(void)unused;
	clock_case(HANDOFF_SYSCALL, CLOCK_MONOTONIC);
}

static void raw(int unused)
{
	(void)unused;
	clock_case(HANDOFF_CLOCK, CLOCK_MONOTONIC_RAW);
}

static void boottime(int unused)
{
	(void)unused;
	clock_case(HANDOFF_CLOCK, CLOCK_BOOTTIME);
}

static void realtime(int unused)
{
	(void)unused;
	clock_case(HANDOFF_CLOCK, CLOCK_REALTIME);
}

static void tai(int unused)
{
	(void)unused;
	clock_case(HANDOFF_CLOCK, CLOCK_TAI);
}

static void monotonic_coarse(int unused)
{
	(void)unused;
	clock_case(HANDOFF_CLOCK, CLOCK_MONOTONIC_COARSE);
}

#define RULE "no CPU reads less than another CPU has read before, with no tolerance (E2, D2): "

static const struct report_case cases[] = {
	{ "counter",
	  RULE
	  "the raw counter, where the kernel trusts it (arch/x86/kernel/tsc_sync.c; Arm ARM, system counter)",
	  counter, false },
	{ "monotonic", RULE "CLOCK_MONOTONIC by the vDSO (lib/vdso/gettimeofday.c)", monotonic,
	  false },
	{ "monotonic_syscall", RULE "CLOCK_MONOTONIC by system call (kernel/time/timekeeping.c)",
	  monotonic_syscall, false },
	{ "raw", RULE "CLOCK_MONOTONIC_RAW by the vDSO", raw, false },
	{ "boottime", RULE "CLOCK_BOOTTIME by the vDSO", boottime, false },
	{ "realtime", RULE "CLOCK_REALTIME, unless somebody sets it", realtime, false },
	{ "tai", RULE "CLOCK_TAI, unless somebody sets it", tai, false },
	{ "monotonic_coarse", RULE "CLOCK_MONOTONIC_COARSE", monotonic_coarse, false },
};

REPORT_MAIN("counter", "cross_cpu")
