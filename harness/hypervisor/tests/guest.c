// SPDX-License-Identifier: GPL-2.0-only
/*
 * The monitor's own test: a guest of a few kilobytes in the kernel's place. It prints TAP on the
 * console and switches off; a run takes a second. What Linux makes of the monitor is the gate's to
 * say.
 */
#include "guest.h"

volatile u32 interrupts[2][32];
volatile u64 interrupted_at[2][32];

static u32 number;

void put(const char *s)
{
	for (; *s; s++)
		mmio_write32(VIRT_UART, *s);
}

static void put_number(u64 n, u32 base)
{
	if (n >= base)
		put_number(n / base, base);
	mmio_write32(VIRT_UART, "0123456789abcdef"[n % base]);
}

/* For initializers, which the compiler makes calls of. */
void *memset(void *to, int c, u64 size)
{
	for (u8 *p = to; size--; p++)
		*p = c;
	return to;
}

void *memcpy(void *to, const void *from, u64 size)
{
	for (u64 i = 0; i < size; i++)
		((u8 *)to)[i] = ((const u8 *)from)[i];
	return to;
}

void off(void)
{
	psci(0x84000008, 0, 0, 0);
	for (;;)
		;
}

/* One line of TAP; seen is shown when it is not good. */
void check(_Bool good, const char *name, u64 seen)
{
	put(good ? "ok " : "not ok ");
	put_number(++number, 10);
	put(" ");
	put(name);
	if (!good) {
		put(" # 0x");
		put_number(seen, 16);
	}
	put("\n");
}

u32 cpu_number(void)
{
	return read_sysreg(mpidr_el1) & 1;
}

/* From start.S */
void fault(void)
{
	put("Bail out! exception: ESR 0x");
	put_number(read_sysreg(esr_el1), 16);
	put(" at 0x");
	put_number(read_sysreg(elr_el1), 16);
	put("\n");
	off();
}

/* From start.S */
void interrupt(void)
{
	u64 id = read_sysreg(ICC_IAR1_EL1) & 0xffffff;

	if (id >= 32)
		return;
	/* Of the arch timers, which go on until they are stopped. */
	write_sysreg(0, cntv_ctl_el0);
	interrupted_at[cpu_number()][id] = get(TIME_REF);
	interrupts[cpu_number()][id]++;
	write_sysreg(id, ICC_EOIR1_EL1);
	isb();
}

/* As Linux does it: everything into group 1, the PPIs 20 to 31 on, 28 to 31 by edge. */
void interrupts_on(void)
{
	u64 gicr = VIRT_GICR + cpu_number() * VIRT_GICR_SIZE;

	mmio_write32(VIRT_GICD + GICD_CTLR, 0x13);
	mmio_write32(gicr + 0x14, 0); /* awake */
	while (mmio_read32(gicr + 0x14) & 4)
		;
	mmio_write32(gicr + GICR_ISENABLER0 + 0x80, 0xffffffff);
	mmio_write32(gicr + GICR_IGROUPR0, 0xffffffff);
	for (u32 i = 0; i < 32; i++)
		mmio_write8(gicr + GICR_IPRIORITYR + i, 0xa0);
	mmio_write32(gicr + GICR_SGI + 0xc04, 0xaa000000);
	mmio_write32(gicr + GICR_ISENABLER0, 0xf9f00000 & ~BIT(PPI_OWN_TIMER));
	write_sysreg(0xf0, ICC_PMR_EL1);
	write_sysreg(1, ICC_IGRPEN1_EL1);
	isb();
	asm volatile("msr daifclr, #2");
}

u64 get_status(u32 name, u64 *value)
{
	u64 x[18] = { 0x46000001, GET(1), SELF, VP_SELF, name };

	call0(x);
	*value = x[6];
	return x[0] & 0xffff;
}

u64 get(u32 name)
{
	u64 value;

	return get_status(name, &value) ? ~0ull : value;
}

u64 set(u32 name, u64 value)
{
	u64 x[18] = { 0x46000001, SET(1), SELF, VP_SELF, name, 0, value };

	call0(x);
	return x[0] & 0xffff;
}

u64 psci(u64 function, u64 a, u64 b, u64 c)
{
	u64 x[18] = { function, a, b, c };

	smc_call(x);
	return x[0];
}

/* Wait for units of 100 ns, by the architected counter. */
void pause(u64 units)
{
	u64 end = read_sysreg(cntvct_el0) + units * read_sysreg(cntfrq_el0) / 10000000;

	while (read_sysreg(cntvct_el0) < end)
		;
}

/* From start.S */
void main(void)
{
	put("TAP version 13\n");
	abi();
	interrupts_on();
	arch_timer();
	timers();
	arch_timer();
	cpus();
	put("1..");
	put_number(number, 10);
	put("\n");
	off();
}
