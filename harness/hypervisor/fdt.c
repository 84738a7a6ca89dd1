// SPDX-License-Identifier: GPL-2.0-only
/* The devicetree: the monitor's memory is taken off the end of the guest's. */
#include "monitor.h"

#define FDT_MAGIC	0xd00dfeed
#define FDT_BEGIN_NODE	1
#define FDT_END_NODE	2
#define FDT_PROP	3
#define FDT_NOP		4

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

/*
 * In the devicetree at fdt let the memory that goes on behind end stop there. False when there is none such.
 * The format is the Devicetree Specification's, chapter 5.
 */
bool fdt_shrink_memory(u64 fdt, u64 end)
{
	u64 at = fdt + be32(fdt + 8), strings = fdt + be32(fdt + 12);
	u32 depth = 0, size;
	bool memory = false;

	if (be32(fdt) != FDT_MAGIC)
		return false;
	for (;;) {
		switch (be32(at)) {
		case FDT_BEGIN_NODE:
			at += 4;
			if (++depth == 2)
				memory = same((const char *)at, "memory@", 7);
			at += align4(string_size(at));
			break;
		case FDT_END_NODE:
			at += 4;
			if (--depth < 2)
				memory = false;
			break;
		case FDT_PROP:
			size = be32(at + 4);
			if (memory && depth == 2 && size == 16 &&
			    same((const char *)strings + be32(at + 8), "reg", 4) && shrink(at + 12, end))
				return true;
			at += 12 + align4(size);
			break;
		case FDT_NOP:
			at += 4;
			break;
		default:	/* FDT_END */
			return false;
		}
	}
}
