// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hyper-V's reference time: units of 100 ns since the monitor's start, from the architected
 *counter. CNTVOFF_EL2 is 0 on every CPU, so that the counter is the same one at EL1 and EL2. time =
 *((counter * scale) >> 64) + offset is what the guest computes from the reference TSC page, and
 *what the monitor computes, bit for bit.
 */
#include "monitor.h"

#define HZ_100NS 10000000ull
#define FAR	 (600 * HZ_100NS)

#define PAGE_ENABLE  BIT(0)
#define PAGE_ADDRESS (~0xffful)

/* TLFS, "Partition reference TSC page" */
struct tsc_page {
	u32 sequence;
	u32 reserved;
	u64 scale;
	s64 offset;
};

static u64 scale;
static s64 offset;
static u64 last; /* TIME_REF_COUNT as last read on any CPU */
static u64 page_register;
static struct tsc_page covered; /* what of the guest's own the page lies over */
static u32 sequence;
static u32 page_lock;

/* a / b for a < b, as a binary fraction of 64 digits: a * 2^64 / b rounded down */
static u64 fraction(u64 a, u64 b)
{
	u64 result = 0;

	for (int i = 0; i < 64; i++) {
		bool carry = a >> 63;

		a <<= 1;
		result <<= 1;
		if (carry || a >= b) {
			a -= b;
			result |= 1;
		}
	}
	return result;
}

static u64 counter(void)
{
	u64 value;

	isb();
	value = read_sysreg(cntpct_el0);
	isb();
	return value;
}

static u64 reference(u64 count)
{
	return (u64)((u128)count * scale >> 64) + offset;
}

void reftime_init(void)
{
	u64 frequency = read_sysreg(cntfrq_el0);

	if (frequency <= HZ_100NS)
		die("the counter is too slow for a reference time of 10 MHz");
	scale = fraction(HZ_100NS, frequency);
	offset = -(s64)((u128)counter() * scale >> 64);
}

/* -> the reference time */
u64 reftime_now(void)
{
	return reference(counter());
}

/* -> the same for TIME_REF_COUNT, which no two reads find equal: at worst one waits for 100 ns. */
u64 reftime_read(void)
{
	u64 before = __atomic_load_n(&last, __ATOMIC_ACQUIRE), now;

	do {
		while ((now = reftime_now()) <= before)
			before = __atomic_load_n(&last, __ATOMIC_ACQUIRE);
	} while (!__atomic_compare_exchange_n(&last, &before, now, false, __ATOMIC_ACQ_REL,
					      __ATOMIC_ACQUIRE));
	return now;
}

/*
 * -> the first value of the counter at which the reference time is at least when, or ten minutes
 * from now if that is later
 */
u64 reftime_counter(u64 when)
{
	u64 count = counter(), frequency = read_sysreg(cntfrq_el0), time = reference(count), ticks;

	if (when <= time)
		return count;
	if (when - time > FAR)
		return count + FAR / HZ_100NS * frequency;
	/* Rounding, here and in scale, is worth less than a unit: begin one below, and look. */
	ticks = (when - time) * frequency / HZ_100NS;
	if (ticks > frequency / HZ_100NS)
		count += ticks - frequency / HZ_100NS;
	while (reference(count) < when)
		count++;
	return count;
}

u64 reftime_page(void)
{
	return page_register;
}

u64 reftime_sequence(void)
{
	return sequence;
}

static struct tsc_page *page_of(u64 value)
{
	return (struct tsc_page *)(value & PAGE_ADDRESS);
}

/* The page at the register's address goes, and what it covered is back. */
static void uncover(void)
{
	if (page_register & PAGE_ENABLE)
		*page_of(page_register) = covered;
}

static void cover(u64 value)
{
	volatile struct tsc_page *page = page_of(value);

	covered = *page;
	/* 0 says "use TIME_REF_COUNT", and 0xffffffff is reserved. */
	if (++sequence == 0xffffffff)
		sequence = 1;
	page->sequence = 0;
	page->reserved = 0;
	dsb();
	page->scale = scale;
	page->offset = offset;
	dsb();
	page->sequence = sequence;
}

/* REFERENCE_TSC is written: the page appears at the guest's address, valid, or goes. -> status */
u32 reftime_page_set(u64 value)
{
	if (value & PAGE_ENABLE && !is_guest_ram(value & PAGE_ADDRESS, 4096))
		return HV_INVALID_REGISTER_VALUE;
	while (__atomic_exchange_n(&page_lock, 1, __ATOMIC_ACQUIRE))
		;
	uncover();
	page_register = value;
	if (value & PAGE_ENABLE)
		cover(value);
	__atomic_store_n(&page_lock, 0, __ATOMIC_RELEASE);
	return HV_SUCCESS;
}
