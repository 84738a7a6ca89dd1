// SPDX-License-Identifier: GPL-2.0-only
/*
 * The devicetree: the monitor's memory is taken off the end of the guest's, and the architected
 * timer is not said to be always on. Hyper-V's tables don't say so either; where it is said, CPU
 * 0's becomes the broadcast device, which is no fallback for CPU 0, and with which Linux (6.1
 * to 6.12) hangs when CPU 0 has been offline and another CPU goes.
 */
#include "monitor.h"

#define FDT_MAGIC      0xd00dfeed
#define FDT_BEGIN_NODE 1
#define FDT_END_NODE   2
#define FDT_PROP       3
#define FDT_NOP	       4

static u32 be32(u64 address)
{
	return __builtin_bswap32(*(const u32 *)address);
}

static u64 string_size(u64 s)
{
	u64 n = 1;

	while (*(const char *)s++)
		n++;
	return n;
}

static u64 align4(u64 n)
{
	return (n + 3) & ~3ull;
}

/* Of a "reg" of two cells each: if the range ends MONITOR_SIZE past end, let it end there. */
static bool shrink(u64 reg, u64 end)
{
	u64 base = (u64)be32(reg) << 32 | be32(reg + 4);
	u64 size = (u64)be32(reg + 8) << 32 | be32(reg + 12);

	if (base + size != end + MONITOR_SIZE)
		return false;
	size -= MONITOR_SIZE;
	*(u32 *)(reg + 8) = __builtin_bswap32(size >> 32);
	*(u32 *)(reg + 12) = __builtin_bswap32((u32)size);
	return true;
}

static bool is(const char *text, u64 address)
{
	return same(text, (const char *)address, string_size((u64)text));
}

/*
 * In the devicetree at fdt let the memory that goes on after end stop there, and the timer be one
 * that stops. False when there is no such memory. The format is the Devicetree Specification's,
 * chapter 5.
 */
bool fdt_prepare(u64 fdt, u64 end)
{
	u64 at = fdt + be32(fdt + 8), strings = fdt + be32(fdt + 12), name;
	bool memory = false, timer = false, shrunk = false;
	u32 depth = 0, size;

	if (be32(fdt) != FDT_MAGIC)
		return false;
	for (;;) {
		switch (be32(at)) {
		case FDT_BEGIN_NODE:
			at += 4;
			if (++depth == 2) {
				memory = same((const char *)at, "memory@", 7);
				timer = is("timer", at);
			}
			at += align4(string_size(at));
			break;
		case FDT_END_NODE:
			at += 4;
			if (--depth < 2)
				memory = timer = false;
			break;
		case FDT_PROP:
			size = be32(at + 4);
			name = strings + be32(at + 8);
			if (memory && depth == 2 && size == 16 && is("reg", name) &&
			    shrink(at + 12, end))
				shrunk = true;
			if (timer && depth == 2 && !size && is("always-on", name))
				for (u32 i = 0; i < 3; i++)
					((u32 *)at)[i] = __builtin_bswap32(FDT_NOP);
			else
				at += 12 + align4(size);
			break;
		case FDT_NOP:
			at += 4;
			break;
		default: /* FDT_END */
			return shrunk;
		}
	}
}
