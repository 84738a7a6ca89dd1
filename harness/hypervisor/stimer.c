// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hyper-V's synthetic timers, as the TLFS describes them ("Timers") and KVM's hyperv.c does them. A
 * CPU's four share its one physical timer, which is always programmed for the earliest. Only a CPU
 * itself reaches its timers: no locks.
 */
#include "monitor.h"

#define CONFIG_ENABLE	   BIT(0)
#define CONFIG_PERIODIC	   BIT(1)
#define CONFIG_LAZY	   BIT(2)
#define CONFIG_AUTO_ENABLE BIT(3)
#define CONFIG_INTID(c)	   ((c) >> 4 & 0xff)
#define CONFIG_DIRECT	   BIT(12)
#define CONFIG_SINT(c)	   ((c) >> 16 & 0xf)
#define CONFIG_RESERVED	   (~0xfffffull | 7 << 13)

#define FIRST_PPI 16
#define LAST_PPI  31

#define CTL_ENABLE 1

/* Has it come to expire at some time? */
static bool runs(const struct stimer *timer)
{
	return timer->config & CONFIG_ENABLE && timer->count;
}

/* On purpose, for the harness's tests: does this CPU's timer go no further than that? */
static bool stops_at(const struct cpu *cpu, enum mode there)
{
	return mode == there && cpu->index == 1;
}

/*
 * It expires. A message (not direct) would go to the SynIC, which is not offered: nobody is there
 * to get it.
 */
static void expire(struct cpu *cpu, struct stimer *timer, u64 now)
{
	if (!(timer->config & CONFIG_PERIODIC))
		timer->config &= ~CONFIG_ENABLE;
	else
		/* Keeping the phase; periods that have passed meanwhile are skipped. */
		timer->expiry += ((now - timer->expiry) / timer->count + 1) * timer->count;
	if (timer == cpu->stimers)
		record(cpu, RECORD_EXPIRED, 0);
	if (!(timer->config & CONFIG_DIRECT) || stops_at(cpu, MODE_UNINJECTED))
		return;
	gic_inject(cpu, CONFIG_INTID(timer->config));
	if (timer == cpu->stimers)
		record(cpu, RECORD_PENDING, 0);
}

/* Let expire what is due, and program the physical timer for what is next. */
void stimer_run(struct cpu *cpu)
{
	struct stimer *timer;
	u64 now, next;

	if (stops_at(cpu, MODE_UNEXPIRED))
		return;
	do {
		next = ~0ull;
		now = reftime_now();
		for (timer = cpu->stimers; timer < cpu->stimers + STIMERS; timer++) {
			if (runs(timer) && now >= timer->expiry)
				expire(cpu, timer, now);
			if (runs(timer) && timer->expiry < next)
				next = timer->expiry;
		}
	} while (next <= reftime_now());
	if (next == ~0ull) {
		write_sysreg(0, cntp_ctl_el0);
	} else {
		write_sysreg(reftime_counter(next), cntp_cval_el0);
		write_sysreg(CTL_ENABLE, cntp_ctl_el0);
		gic_own_timer(cpu);
	}
	isb();
}

/* After a write: from when on it counts. */
static void start(struct cpu *cpu, struct stimer *timer)
{
	/* A timer that would send a message to SINT 0 is not to be enabled. */
	if (!(timer->config & CONFIG_DIRECT) && !CONFIG_SINT(timer->config))
		timer->config &= ~CONFIG_ENABLE;
	if (runs(timer)) {
		timer->expiry = timer->count;
		if (timer->config & CONFIG_PERIODIC) {
			timer->expiry += reftime_now();
			/* past the end of time */
			if (timer->expiry < timer->count)
				timer->expiry = ~0ull;
		}
	}
	if (timer == cpu->stimers)
		record(cpu, runs(timer) ? RECORD_ARMED : RECORD_STOPPED, timer->expiry);
	stimer_run(cpu);
}

/* -> status */
u32 stimer_write_config(struct cpu *cpu, u32 n, u64 value)
{
	struct stimer *timer = &cpu->stimers[n];
	u32 intid = CONFIG_INTID(value);

	if (value & CONFIG_RESERVED)
		return HV_INVALID_REGISTER_VALUE;
	/* Direct mode can only raise a private interrupt of this CPU, and not the monitor's. */
	if (value & CONFIG_DIRECT &&
	    (intid < FIRST_PPI || intid > LAST_PPI || intid == PPI_OWN_TIMER))
		return HV_INVALID_REGISTER_VALUE;
	timer->config = value;
	start(cpu, timer);
	return HV_SUCCESS;
}

void stimer_write_count(struct cpu *cpu, u32 n, u64 value)
{
	struct stimer *timer = &cpu->stimers[n];

	timer->count = value;
	if (!value)
		timer->config &= ~CONFIG_ENABLE;
	else if (timer->config & CONFIG_AUTO_ENABLE)
		timer->config |= CONFIG_ENABLE;
	start(cpu, timer);
}

/* As after power-on. */
void stimer_reset(struct cpu *cpu)
{
	for (u32 n = 0; n < STIMERS; n++)
		cpu->stimers[n] = (struct stimer){ 0 };
	write_sysreg(0, cntp_ctl_el0);
	isb();
}
