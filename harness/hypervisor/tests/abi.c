// SPDX-License-Identifier: GPL-2.0-only
/* Calls, registers and their statuses; the reference time. */
#include "guest.h"

static u64 page[512] __attribute__((aligned(4096)));

static void smccc(void)
{
	u64 x[18] = { 0x8600ff01 };

	call0(x);
	check(x[0] == 0x4d32ba58 && x[1] == 0xcd244764 && x[2] == 0x8eef6c75 && x[3] == 0x16597024,
	      "the vendor's UID by HVC", x[0]);
	check(psci(0x8600ff01, 0, 0, 0) == 0x4d32ba58, "the vendor's UID by SMC", 0);
	check(psci(0x80000000, 0, 0, 0) == 0x10002, "SMCCC 1.2", 0);
	check(psci(0x8400000a, 0x80000000, 0, 0) == 0, "PSCI knows of SMCCC", 0);
	check(psci(0xc6001234, 0, 0, 0) == ~0ull, "an unknown SMCCC function", 0);
	x[0] = 0x46000002;
	call0(x);
	check(x[0] == ~0ull, "an unknown vendor function", x[0]);
	call7(x);
	check(x[0] == 2, "an unknown HVC", x[0]);
}

static void before_the_introduction(void)
{
	u64 v;

	check(get_status(STIMER_CONFIG(0), &v) == 6 && v == 0,
	      "no timer before GUEST_OS_ID: reading", v);
	check(set(STIMER_COUNT(0), 1) == 6, "no timer before GUEST_OS_ID: writing", 0);
	check(get_status(VP_INDEX, &v) == 6, "no VP_INDEX before GUEST_OS_ID", v);
	check(set(REFERENCE_TSC, (u64)page | 1) == 6, "no reference page before GUEST_OS_ID", 0);
	check(get_status(TIME_REF, &v) == 0, "TIME_REF_COUNT is early", v);
	check(get_status(PRIVILEGES, &v) == 0 && v == 0x24a, "privileges", v);
	check(set(OS_ID, 0x8100000000000000) == 0 && get(OS_ID) == 0x8100000000000000,
	      "GUEST_OS_ID", get(OS_ID));
	check(get(VP_INDEX) == 0, "VP_INDEX", get(VP_INDEX));
}

static u64 status_of(u64 control, u64 partition, u64 vp, u64 name)
{
	u64 x[18] = { 0x46000001, control, partition, vp, name };

	call0(x);
	return x[0];
}

static void rejected(void)
{
	u64 v;

	check(get_status(0x12345, &v) == 5, "an unknown register", v);
	check(get_status(0xb0008, &v) == 5, "a fifth timer", v);
	check(set(TIME_REF, 1) == 5, "TIME_REF_COUNT is not to be written", 0);
	check(set(VP_INDEX, 1) == 5, "VP_INDEX is not to be written", 0);
	check(status_of(GET(1), 1, VP_SELF, OS_ID) == 5, "another partition", 0);
	check(status_of(GET(1), SELF, 1, OS_ID) == 5, "another processor", 0);
	check(status_of(GET(1), SELF, 0, OS_ID) == BIT(32), "itself by number", 0);
	check(status_of(GET(1), SELF, VP_SELF | BIT(32), OS_ID) == 5, "another trust level", 0);
	check(status_of(GET(0), SELF, VP_SELF, OS_ID) == 3, "no repetitions", 0);
	check(status_of(GET(1) | BIT(48), SELF, VP_SELF, OS_ID) == 3, "beginning at the end", 0);
	check(status_of(GET(1) | BIT(17), SELF, VP_SELF, OS_ID) == 3, "a variable header", 0);
	check(status_of(GET(1) | BIT(63), SELF, VP_SELF, OS_ID) == 3, "a reserved bit", 0);
	check(status_of(GET(7), SELF, VP_SELF, OS_ID) == 3, "more than the registers hold", 0);
	check(status_of(0x10052 | BIT(32), SELF, VP_SELF, OS_ID) == 2, "an unknown call", 0);
}

static void several(void)
{
	u64 x[18] = { 0x46000001, GET(3), SELF, VP_SELF, OS_ID | (u64)PRIVILEGES << 32, VP_INDEX };
	u64 y[18] = { 0x46000001, GET(3), SELF, VP_SELF, OS_ID | 0x12345ull << 32,
		      VP_INDEX,	  1,	  1,	77,	 77 };

	x[17] = 99;
	call0(x);
	check(x[0] == 3ull << 32 && x[6] >> 56 == 0x81 && x[8] == 0x24a && x[10] == 0,
	      "three at once", x[0]);
	check(x[1] == GET(3) && x[2] == SELF && x[5] == VP_INDEX && x[17] == 99,
	      "other registers are as before", x[5]);
	call0(y);
	check(y[0] == (BIT(32) | 5), "what was done before the failure", y[0]);
}

static void native(void)
{
	u64 x[18] = { GET(1), SELF, VP_SELF, OS_ID };
	u64 y[18] = { SET(1), SELF, VP_SELF, OS_ID, 0, 0x8100000000000007, 0 };

	call1(y);
	check(y[0] == BIT(32), "native Set", y[0]);
	call1(x);
	check(x[0] == BIT(32) && x[15] == 0x8100000000000007 && x[16] == 0, "native Get", x[15]);
}

static u64 slow(u64 control, u64 in, u64 out)
{
	u64 x[18] = { 0x46000001, control & ~SLOW, in, out };

	call0(x);
	return x[0];
}

static void in_memory(void)
{
	u64 *in = page, *out = page + 64, result;

	in[0] = SELF;
	in[1] = VP_SELF;
	in[2] = OS_ID | (u64)PRIVILEGES << 32;
	result = slow(GET(2), (u64)in, (u64)out);
	check(result == 2ull << 32 && out[0] == 0x8100000000000007 && out[2] == 0x24a,
	      "Get in memory", result);
	in[2] = OS_ID;
	in[3] = 0;
	in[4] = 0x8100000000000008;
	in[5] = 0;
	check(slow(SET(1), (u64)in, 0) == BIT(32) && get(OS_ID) == in[4], "Set in memory",
	      get(OS_ID));
	check(slow(GET(1), (u64)in + 4, (u64)out) == 4, "input not aligned", 0);
	check(slow(GET(1), (u64)in, (u64)out + 1) == 4, "output not aligned", 0);
	check(slow(GET(1), (u64)page + 4080, (u64)out) == 4, "input across pages", 0);
	check(slow(GET(1), 0x1000, (u64)out) == 4, "input that is not RAM", 0);
	check(slow(GET(1), (u64)in, 0x40000000ull + (512 << 20) - 4096) == 4,
	      "output to the monitor", 0);
	check(slow(GET(1), (u64)in, ~7ull) == 4, "output past the end of the world", 0);
}

static u64 by_page(void)
{
	volatile u64 *p = page;

	return (u64)((u128)read_sysreg(cntvct_el0) * p[1] >> 64) + p[2];
}

static void reference(void)
{
	u64 last = get(TIME_REF), now, repeats = 0, misfits = 0, began, counter;
	u64 frequency = read_sysreg(cntfrq_el0);

	for (u32 i = 0; i < 1000; i++) {
		now = get(TIME_REF);
		repeats += now <= last;
		last = now;
	}
	check(!repeats, "TIME_REF_COUNT increases with each reading", repeats);
	check(last < 600000000, "it began at 0 when the guest did", last);
	began = get(TIME_REF);
	counter = read_sysreg(cntvct_el0);
	pause(1000000);
	now = (get(TIME_REF) - began) * (frequency / 1000000) / 10;
	counter = read_sysreg(cntvct_el0) - counter;
	check(now < counter + counter / 100 && counter < now + now / 20, "10 MHz", now);

	page[0] = 5;
	check(set(REFERENCE_TSC, 0x1000 | 1) == 0x50, "a reference page that is not RAM", 0);
	check(set(REFERENCE_TSC, (u64)page | 1) == 0 && get(REFERENCE_TSC) == ((u64)page | 1),
	      "the reference page", 0);
	check((u32)page[0] && (u32)page[0] == get(TSC_SEQUENCE), "it is valid", page[0]);
	for (u32 i = 0; i < 1000; i++) {
		began = by_page();
		now = get(TIME_REF);
		misfits += now < began || by_page() + 1 < now;
	}
	check(!misfits, "page and register tell the same time", misfits);
	check(set(REFERENCE_TSC, 0) == 0 && page[0] == 5, "the page goes and leaves what was there",
	      page[0]);
}

void abi(void)
{
	smccc();
	before_the_introduction();
	rejected();
	several();
	native();
	in_memory();
	reference();
}
