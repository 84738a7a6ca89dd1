// SPDX-License-Identifier: GPL-2.0-only
/* STIMER0-3, by the rules of the TLFS, and the architected timer beside them. */
#include "guest.h"

#define MS  10000ull
#define PPI 31

static u32 seen(u32 intid)
{
	return interrupts[cpu_number()][intid];
}

/* Wait up to two seconds for count interrupts. */
static _Bool came(u32 intid, u32 count)
{
	for (u32 i = 0; i < 2000 && seen(intid) < count; i++)
		pause(MS);
	return seen(intid) >= count;
}

static void forget(void)
{
	for (u32 i = 0; i < 32; i++)
		interrupts[cpu_number()][i] = 0;
}

static void settings(void)
{
	u64 config = DIRECT | INTID(PPI) | AUTO | PERIODIC | 0x4 | 3 << 16;

	check(set(STIMER_CONFIG(1), config) == 0 && get(STIMER_CONFIG(1)) == config,
	      "CONFIG is read back", get(STIMER_CONFIG(1)));
	check(set(STIMER_CONFIG(1), config | BIT(13)) == 0x50, "undefined bit 13", 0);
	check(set(STIMER_CONFIG(1), config | BIT(20)) == 0x50, "undefined bit 20", 0);
	check(set(STIMER_CONFIG(1), config | BIT(63)) == 0x50, "undefined bit 63", 0);
	check(get(STIMER_CONFIG(1)) == config, "what was rejected changed nothing",
	      get(STIMER_CONFIG(1)));
	check(set(STIMER_CONFIG(1), DIRECT | INTID(PPI_OWN_TIMER)) == 0x50,
	      "the monitor's own interrupt", 0);
	check(set(STIMER_CONFIG(1), DIRECT | INTID(40)) == 0x50,
	      "an interrupt that is not a CPU's own", 0);
	set(STIMER_CONFIG(1), ENABLE);
	check(get(STIMER_CONFIG(1)) == 0, "SINTx 0 without direct mode is not enabled",
	      get(STIMER_CONFIG(1)));
	set(STIMER_CONFIG(1), AUTO | DIRECT | INTID(PPI));
	set(STIMER_COUNT(1), get(TIME_REF) + 3600000 * MS);
	check(get(STIMER_CONFIG(1)) & ENABLE, "a count enables by auto-enable",
	      get(STIMER_CONFIG(1)));
	set(STIMER_COUNT(1), 0);
	check(!(get(STIMER_CONFIG(1)) & ENABLE), "count 0 disables in spite of auto-enable",
	      get(STIMER_CONFIG(1)));
	set(STIMER_CONFIG(1), DIRECT | INTID(PPI));
	set(STIMER_COUNT(1), ~0ull);
	check(!(get(STIMER_CONFIG(1)) & ENABLE) && get(STIMER_COUNT(1)) == ~0ull,
	      "without it nothing enables", 0);
	set(STIMER_CONFIG(1), ENABLE | DIRECT | INTID(PPI));
	check(get(STIMER_CONFIG(1)) & ENABLE, "the end of time is not past", get(STIMER_CONFIG(1)));
	set(STIMER_CONFIG(1), 0);
	check(!seen(PPI), "no interrupt so far", seen(PPI));
}

static void one_shot(void)
{
	u64 early = 0, when;

	set(STIMER_CONFIG(0), AUTO | DIRECT | INTID(PPI));
	for (u32 i = 1; i <= 50; i++) {
		when = get(TIME_REF) + i * 3000;
		set(STIMER_COUNT(0), when);
		if (!came(PPI, i))
			break;
		early += interrupted_at[0][PPI] < when;
	}
	check(seen(PPI) == 50, "50 one-shots, 50 interrupts", seen(PPI));
	check(!early, "none is early", early);
	check(!(get(STIMER_CONFIG(0)) & ENABLE), "after that it is disabled",
	      get(STIMER_CONFIG(0)));
	set(STIMER_COUNT(0), 1);
	check(!(get(STIMER_CONFIG(0)) & ENABLE) && came(PPI, 51), "a past count expires at once",
	      seen(PPI));
	set(STIMER_COUNT(0), get(TIME_REF) + 20 * MS);
	set(STIMER_COUNT(0), 0);
	pause(50 * MS);
	check(seen(PPI) == 51, "a stopped timer does not expire", seen(PPI));
	set(STIMER_CONFIG(0), 0);
}

static void periodic(void)
{
	u64 period = 10 * MS, start, late = 15, phase;

	forget();
	start = get(TIME_REF);
	set(STIMER_CONFIG(2), PERIODIC | AUTO | DIRECT | INTID(29));
	set(STIMER_COUNT(2), period);
	check(came(29, 10), "ten periods", seen(29));
	check(interrupted_at[0][29] >= start + 10 * period, "none is early",
	      interrupted_at[0][29] - start);
	check(get(STIMER_CONFIG(2)) & ENABLE && get(STIMER_COUNT(2)) == period, "it goes on",
	      get(STIMER_CONFIG(2)));
	/* a busy host may be late for a while; a timer that drifts is so half of the time */
	for (u32 first = 11; late >= 15 && first < 11 + 6 * 30; first += 30) {
		late = 0;
		for (u32 i = first; i < first + 30; i++) {
			came(29, i);
			phase = (interrupted_at[0][29] - start) % period;
			late += phase > period / 2;
		}
	}
	check(late < 15, "the phase is kept", late);
	set(STIMER_COUNT(2), 0);
}

/* Four at once on one hardware timer, each with an interrupt of its own. */
static void together(void)
{
	static const u32 intids[4] = { 28, 31, 29, 24 };
	u64 base, early = 0;

	forget();
	base = get(TIME_REF);
	for (u32 i = 0; i < 4; i++) {
		set(STIMER_CONFIG(i), DIRECT | INTID(intids[i]));
		set(STIMER_COUNT(i), base + (8 - i) * 10 * MS);
	}
	for (u32 i = 0; i < 4; i++)
		set(STIMER_CONFIG(i), ENABLE | DIRECT | INTID(intids[i]));
	came(intids[0], 1);
	for (u32 i = 0; i < 4; i++)
		early += interrupted_at[0][intids[i]] < base + (8 - i) * 10 * MS;
	check(seen(28) == 1 && seen(31) == 1 && seen(29) == 1 && seen(24) == 1,
	      "four timers, four interrupts", 0);
	check(!early, "none is early", early);
}

void timers(void)
{
	settings();
	forget();
	one_shot();
	periodic();
	together();
}

/* Armed, does it say that it has expired, and does its interrupt come? */
void arch_timer(void)
{
	_Bool interrupt;

	forget();
	write_sysreg(read_sysreg(cntfrq_el0) / 1000, cntv_tval_el0);
	write_sysreg(1, cntv_ctl_el0);
	isb();
	interrupt = came(PPI_VIRT_TIMER, 1);
	put(interrupt			  ? "# arch timer: interrupt" :
	    read_sysreg(cntv_ctl_el0) & 4 ? "# arch timer: expired, no interrupt" :
					    "# arch timer: nothing");
	put("\n");
	write_sysreg(0, cntv_ctl_el0);
}
