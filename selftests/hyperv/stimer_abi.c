// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the TLFS ("Timers") says of synthetic timers, rule by rule, on STIMER1 to 3
 * of each CPU (Linux uses STIMER0). What it leaves open is a fact, not a verdict.
 *
 * Disruptive: timers that nobody uses are set and cleared again.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/cpus.h"
#include "../lib/report.h"
#include "../lib/stats.h"
#include "guest.h"
#include "periodic.h"
#include "shots.h"

#define CONFIG(n) HV_REG_STIMER_CONFIG(n)
#define COUNT(n)  HV_REG_STIMER_COUNT(n)
#define FAR	  (10000 * HV_MSEC)
#define UNIT_NS	  100

#define RUN(cpu, steps)                                                         \
	do {                                                                    \
		REGS_RUN(cpu, steps);                                           \
		regs_all_well(cpu, steps, sizeof(steps) / sizeof(*(steps)), 0); \
	} while (0)

static void need_timers(int cpu)
{
	guest_need_hyperv();
	regs_need();
	guest_need_direct_mode();
	ck_assert_int_eq(cpu_pin(cpu), 0);
	regs_clear(cpu);
}

/* Enable of the CONFIG that a step has read must be as said. */
static void expect_enable(int cpu, int n, const struct hv_step *config, bool enabled,
			  const char *when)
{
	if (!(config->value & STIMER_ENABLE) == enabled)
		report_fail("STIMER%d of CPU %d is %s %s (CONFIG 0x%llx)", n, cpu,
			    enabled ? "not enabled" : "enabled", when,
			    (unsigned long long)config->value);
}

static void never_early(int cpu)
{
	static const uint64_t ahead[] = { 1,	   1 * HV_USEC, 30 * HV_USEC, 200 * HV_USEC,
					  HV_MSEC, 3 * HV_MSEC };
	static int64_t late[200], width[200];
	size_t shots = 0, bracketed = 0;
	struct stats s;

	need_timers(cpu);
	for (int round = 0; round < 4; round++)
		for (int n = 1; n <= 3; n++)
			for (size_t i = 0; i < sizeof(ahead) / sizeof(*ahead); i++) {
				struct shot shot = shot_fire(cpu, n, ahead[i]);

				if (shot.seen < shot.count)
					report_fail("STIMER%d of CPU %d was due at %llu and had expired by %llu, %llu units of 100 ns early",
						    n, cpu, (unsigned long long)shot.count,
						    (unsigned long long)shot.seen,
						    (unsigned long long)(shot.count - shot.seen));
				late[shots++] = (shot.seen - shot.count) * UNIT_NS;
				if (shot.before)
					width[bracketed++] = (shot.seen - shot.before) * UNIT_NS;
			}
	regs_clear(cpu);
	s = stats_of(late, shots);
	report_metric("shots", shots, "shots");
	report_metric("late_p50", s.p50, "ns");
	report_metric("late_max", s.max, "ns");
	/* Two looks apart: what is early by less than this may go unseen. */
	if (bracketed)
		report_metric("resolution_p50", stats_of(width, bracketed).p50, "ns");
}

static void oneshot_disables(int cpu)
{
	need_timers(cpu);
	for (int n = 1; n <= 3; n++) {
		struct shot shot = shot_fire(cpu, n, 100 * HV_USEC);

		if (shot.config_after != shot_config())
			report_fail("a one-shot of STIMER%d of CPU %d, CONFIG 0x%llx, left CONFIG 0x%llx",
				    n, cpu, (unsigned long long)shot_config(),
				    (unsigned long long)shot.config_after);
		/* It can be armed again as it is. */
		shot_fire(cpu, n, 100 * HV_USEC);
	}
	regs_clear(cpu);
}

/* Count in the past: the first look at Enable must find it clear. */
static void expect_at_once(int cpu, int n, struct hv_step *steps, size_t nr,
			   const struct hv_step *wait, const char *how)
{
	regs_run(cpu, steps, nr);
	regs_all_well(cpu, steps, nr, -ETIME);
	if (wait->error)
		report_fail("STIMER%d of CPU %d has a count in the past %s, and has not expired in 10 ms",
			    n, cpu, how);
}

static void past_count(int cpu)
{
	int64_t took[12];
	size_t nr = 0;

	need_timers(cpu);
	for (int n = 1; n <= 3; n++)
		for (int old = 0; old < 2; old++) {
			uint64_t now = regs_get(cpu, HV_REG_TIME_REF_COUNT),
				 past = old ? 1 : now - HV_USEC;
			struct hv_step automatic[] = {
				STEP_SET(CONFIG(n), shot_config()),
				STEP_GET(HV_REG_TIME_REF_COUNT),
				STEP_SET(COUNT(n), past),
				STEP_WAIT(CONFIG(n), 10 * HV_MSEC),
			};
			struct hv_step by_hand[] = {
				STEP_SET(CONFIG(n), shot_config() & ~STIMER_AUTO_ENABLE),
				STEP_SET(COUNT(n), past),
				STEP_GET(HV_REG_TIME_REF_COUNT),
				STEP_SET(CONFIG(n),
					 (shot_config() & ~STIMER_AUTO_ENABLE) | STIMER_ENABLE),
				STEP_WAIT(CONFIG(n), 10 * HV_MSEC),
			};

			expect_at_once(cpu, n, automatic, 4, &automatic[3], "by auto-enable");
			took[nr++] = (automatic[3].value - automatic[1].value) * UNIT_NS;
			expect_at_once(cpu, n, by_hand, 5, &by_hand[4], "when it is enabled");
			took[nr++] = (by_hand[4].value - by_hand[2].value) * UNIT_NS;
		}
	regs_clear(cpu);
	report_metric("took_p50", stats_of(took, nr).p50, "ns");
}

static void auto_enable(int cpu)
{
	need_timers(cpu);
	for (int n = 1; n <= 3; n++) {
		struct hv_step steps[] = {
			STEP_SET(CONFIG(n), shot_config()),
			STEP_GET(CONFIG(n)),
			STEP_AHEAD(COUNT(n), FAR),
			STEP_GET(CONFIG(n)),
			STEP_GET(COUNT(n)),
		};

		RUN(cpu, steps);
		expect_enable(cpu, n, &steps[1], false, "before its count is set");
		expect_enable(cpu, n, &steps[3], true,
			      "though AutoEnable is set and COUNT isn't 0");
		if (steps[4].value != steps[2].value)
			report_fail("COUNT of STIMER%d of CPU %d was set to %llu and reads %llu", n,
				    cpu, (unsigned long long)steps[2].value,
				    (unsigned long long)steps[4].value);
	}
	regs_clear(cpu);
}

/* Without AutoEnable a count alone does nothing, even when it is due. */
static void explicit_enable(int cpu)
{
	need_timers(cpu);
	for (int n = 1; n <= 3; n++) {
		uint64_t config = shot_config() & ~STIMER_AUTO_ENABLE;
		struct hv_step idle[] = {
			STEP_SET(CONFIG(n), config), STEP_AHEAD(COUNT(n), 100 * HV_USEC),
			STEP_GET(CONFIG(n)),	     STEP_PAUSE(300 * HV_USEC),
			STEP_GET(CONFIG(n)),
		};
		struct hv_step enabled[] = {
			STEP_AHEAD(COUNT(n), FAR),
			STEP_SET(CONFIG(n), config | STIMER_ENABLE),
			STEP_GET(CONFIG(n)),
		};

		if (shot_interrupted(cpu, idle, 5) == 1)
			report_fail("STIMER%d of CPU %d interrupted, and was never enabled", n,
				    cpu);
		RUN(cpu, idle);
		expect_enable(cpu, n, &idle[2], false, "without AutoEnable");
		expect_enable(cpu, n, &idle[4], false, "without AutoEnable");
		RUN(cpu, enabled);
		expect_enable(cpu, n, &enabled[2], true, "after Enable was set");
	}
	regs_clear(cpu);
}

/* Each shot interrupts once it is due; none that COUNT 0 has stopped does. */
static void interrupt(int cpu)
{
	unsigned int known = 0;

	need_timers(cpu);
	for (int i = 0; i < 60 && known < 30; i++) {
		int n = 1 + i % 3, came;
		struct hv_step steps[] = {
			STEP_SET(CONFIG(n), shot_config()),
			STEP_AHEAD(COUNT(n), 50 * HV_USEC),
			STEP_WAIT(CONFIG(n), HV_SPIN_MAX),
		};

		came = shot_interrupted(cpu, steps, 3);
		if (!came)
			report_fail("STIMER%d of CPU %d has expired, and no interrupt came", n,
				    cpu);
		known += came > 0;
	}
	regs_clear(cpu);
	report_metric("interrupts", known, "interrupts");
	if (known < 5)
		report_skip("Linux's own timer was due nearly every time");
}

static void count_zero(int cpu)
{
	unsigned int known = 0, interrupted = 0;
	bool cleared = true;

	need_timers(cpu);
	for (int i = 0; i < 60 && known < 30; i++) {
		int n = 1 + i % 3, came;
		struct hv_step steps[] = {
			STEP_SET(CONFIG(n), shot_config()),
			STEP_AHEAD(COUNT(n), 500 * HV_USEC),
			STEP_SET(COUNT(n), 0),
			STEP_GET(HV_REG_TIME_REF_COUNT),
			STEP_PAUSE(700 * HV_USEC),
		};

		came = shot_interrupted(cpu, steps, 5);
		cleared &= !(regs_get(cpu, CONFIG(n)) & STIMER_ENABLE);
		/* It may have expired before it was stopped. */
		if (came < 0 || steps[3].value >= steps[1].value)
			continue;
		known++;
		interrupted += came;
	}
	regs_clear(cpu);
	report_fact("stimer.count_zero", "Enable %s", cleared ? "cleared" : "left set");
	report_metric("stopped", known, "timers");
	report_metric("interrupted", interrupted, "timers");
	if (known < 5)
		report_skip("Linux's own timer was due nearly every time, or the host too slow");
	/* On x86 Linux may have set its own timer anew meanwhile, now and then. */
	if (interrupted > known / 3)
		report_fail("timers of CPU %d were stopped by COUNT 0 %u times, and interrupted %u times all the same",
			    cpu, known, interrupted);
}

/* Sets a register, called what of STIMERn, and demands the value back. */
static void keeps(int cpu, enum hv_reg reg, const char *what, int n, uint64_t set)
{
	uint64_t value;

	regs_set(cpu, reg, set);
	value = regs_get(cpu, reg);
	if (value != set)
		report_fail("%s of STIMER%d of CPU %d was set to 0x%llx and reads 0x%llx", what, n,
			    cpu, (unsigned long long)set, (unsigned long long)value);
}

static void readback(int cpu)
{
	static const uint64_t counts[] = { 1, 0x123456789abcdef0, 1ull << 63, UINT64_MAX, 0 };
	uint64_t vector, configs[6];

	need_timers(cpu);
	vector = STIMER_DIRECT | STIMER_VECTOR(regs_vector());
	configs[0] = vector;
	configs[1] = vector | STIMER_AUTO_ENABLE;
	configs[2] = vector | STIMER_PERIODIC | STIMER_AUTO_ENABLE;
	configs[3] = vector | STIMER_PERIODIC | STIMER_LAZY;
	configs[4] = STIMER_SINT(1);
	configs[5] = STIMER_SINT(15) | STIMER_AUTO_ENABLE;
	for (int n = 1; n <= 3; n++) {
		for (size_t i = 0; i < 6; i++)
			keeps(cpu, CONFIG(n), "CONFIG", n, configs[i]);
		regs_set(cpu, CONFIG(n), vector);
		for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
			keeps(cpu, COUNT(n), "COUNT", n, counts[i]);
	}
	regs_clear(cpu);
}

/* Clears the timers of all CPUs; skips where cpu is the only one. */
static void need_others_clear(int cpu)
{
	int other;

	need_timers(cpu);
	if (cpus_count(report_cpus()) < 2)
		report_skip("there is only one CPU");
	cpus_for_each(other, report_cpus())
		regs_clear(other);
}

/* What one CPU sets, another's timers don't show. */
static void own_registers(int cpu)
{
	int other;

	need_others_clear(cpu);
	for (int n = 1; n <= 3; n++) {
		regs_set(cpu, CONFIG(n), shot_config());
		regs_set(cpu, COUNT(n), UINT64_MAX / 4);
		cpus_for_each(other, report_cpus())
			if (other != cpu &&
			    (regs_get(other, CONFIG(n)) || regs_get(other, COUNT(n))))
				report_fail("STIMER%d of CPU %d was set, and CPU %d's shows it", n,
					    cpu, other);
	}
	regs_clear(cpu);
}

/* Interrupts seen on other CPUs, while this one's timers fire (or don't) so many times. */
static size_t elsewhere(int cpu, int shots, bool fire)
{
	static struct hv_event events[HV_EVENTS_MAX];
	size_t there, others = 0;

	regs_events(NULL, 0);
	for (int i = 0; i < shots; i++) {
		struct hv_step steps[] = {
			STEP_SET(CONFIG(1), shot_config()),
			STEP_AHEAD(COUNT(1), 100 * HV_USEC),
			STEP_PAUSE(200 * HV_USEC),
		};

		if (!fire)
			steps[1] = (struct hv_step)STEP_GET(COUNT(1));
		RUN(cpu, steps);
	}
	there = regs_events(events, HV_EVENTS_MAX);
	for (size_t i = 0; i < there && i < HV_EVENTS_MAX; i++)
		others += (int)events[i].cpu != cpu;
	return others;
}

#define SHOTS 60

static void own_vp(int cpu)
{
	size_t quiet, others;

	/* Each takes what comes only once it has done a step. */
	need_others_clear(cpu);
	quiet = elsewhere(cpu, SHOTS, false);
	others = elsewhere(cpu, SHOTS, true);
	regs_clear(cpu);
	report_metric("shots", SHOTS, "shots");
	report_metric("elsewhere", others, "interrupts");
	report_metric("elsewhere_quiet", quiet, "interrupts");
#if defined(__aarch64__)
	/* Nobody else has this interrupt. */
	if (others > quiet)
#else
	/* The other CPUs' own timers are counted too, as many as in the quiet run, more or less. */
	if (others >= quiet + SHOTS * 3 / 4)
#endif
		report_fail("%d shots on CPU %d, and %zu interrupts on other CPUs (%zu when it was quiet)",
			    SHOTS, cpu, others, quiet);
}

/*
 * A busy host may look like a drift once, hardly three times of six with never a run that keeps the
 * phase.
 */
static void periodic(int cpu)
{
	unsigned int drifts = 0;
	enum phase phase;

	need_timers(cpu);
	for (int run = 0; run < 6; run++) {
		phase = periodic_run(cpu);
		if (phase == PHASE_KEPT)
			return;
		drifts += phase == PHASE_DRIFTS;
		if (drifts == 3)
			report_fail("STIMER1 of CPU %d, periodic, falls behind its period, further and further: it doesn't keep its phase",
				    cpu);
	}
	report_skip("the host was too busy: in 6 runs STIMER1 of CPU %d was delayed too much for its phase to be known%s",
		    cpu, drifts ? ", though some looked like a drift" : "");
}

/*
 * Message mode wants a SINT: 0 is none. The write of one to a timer that is enabled, and of both at
 * once.
 */
static void sint_zero(int cpu)
{
	need_timers(cpu);
	for (int n = 1; n <= 3; n++) {
		struct hv_step steps[] = {
			STEP_SET(CONFIG(n), shot_config()),
			STEP_AHEAD(COUNT(n), FAR),
			STEP_SET(CONFIG(n), STIMER_ENABLE | STIMER_AUTO_ENABLE),
			STEP_GET(CONFIG(n)),
			STEP_SET(COUNT(n), 0),
			STEP_SET(CONFIG(n), 0),
			STEP_SET(CONFIG(n), STIMER_ENABLE),
			STEP_GET(CONFIG(n)),
		};

		RUN(cpu, steps);
		expect_enable(cpu, n, &steps[3], false, "with SINTx 0 and without direct mode");
		/*
		 * The TLFS speaks of "an enabled timer"; whether one that is being enabled is one,
		 * is read both ways.
		 */
		report_fact("stimer.sint_zero_at_enabling", "%s",
			    steps[7].value & STIMER_ENABLE ? "left enabled" : "disabled");
	}
	regs_clear(cpu);
}

static const struct report_case cases[] = {
	{ "never_early",
	  "I8: a one-shot expires when the reference counter has reached COUNT, never before (TLFS, timers)",
	  never_early, true },
	{ "oneshot_disables",
	  "I8: a one-shot that expires clears Enable and nothing else, and COUNT arms it again (TLFS, CONFIG)",
	  oneshot_disables, true },
	{ "past_count",
	  "I8: a one-shot whose COUNT is in the past when it is enabled expires immediately (TLFS, CONFIG)",
	  past_count, true },
	{ "auto_enable", "I8: with AutoEnable a COUNT that isn't 0 sets Enable (TLFS, CONFIG)",
	  auto_enable, true },
	{ "explicit_enable",
	  "I8: without AutoEnable a timer runs when Enable is set, not before (TLFS, CONFIG)",
	  explicit_enable, true },
	{ "interrupt",
	  "I8: in direct mode an expiry asserts the interrupt that CONFIG names (TLFS, CONFIG)",
	  interrupt, true },
	{ "count_zero", "I8: COUNT 0 stops a timer, whatever AutoEnable is (TLFS, COUNT)",
	  count_zero, true },
	{ "readback", "I8: CONFIG and COUNT read as they were written (TLFS, timers)", readback,
	  true },
	{ "own_registers", "I8: each virtual processor has timers of its own (TLFS, timers)",
	  own_registers, true },
	{ "own_vp",
	  "I8: a timer interrupts the virtual processor it belongs to, no other (TLFS, timers)",
	  own_vp, true },
	{ "periodic",
	  "I8: a periodic timer goes on until it is stopped, COUNT being its period (TLFS, timers)",
	  periodic, true },
	{ "sint_zero",
	  "I8: a timer without direct mode whose SINTx is 0 is disabled (TLFS, CONFIG)", sint_zero,
	  true },
};

static void setup(void)
{
	guest_setup();
	hv_regs_open();
}

REPORT_MAIN("hyperv", "stimer_abi", .setup = setup)
