// SPDX-License-Identifier: GPL-2.0-only
/*
 * What became of STIMER0 of each CPU, for whoever looks into the monitor's memory after the run
 * (harness/watch/monitor.awk): a ring that keeps the newest.
 */
#include "monitor.h"

struct entry {
	u64 when;   /* reference time */
	u64 what;   /* enum recorded, and the CPU's index from bit 8 on */
	u64 expiry; /* of a timer that is armed, reference time */
};

struct ring {
	u64 next; /* how many have been written */
	u64 reserved[2];
	struct entry entries[MONITOR_RING_SIZE / sizeof(struct entry) - 1];
};

#define ENTRIES (sizeof(((struct ring *)0)->entries) / sizeof(struct entry))

void record(struct cpu *cpu, enum recorded what, u64 expiry)
{
	struct ring *ring = (struct ring *)(monitor_base + MONITOR_RING);
	u64 n = __atomic_fetch_add(&ring->next, 1, __ATOMIC_RELAXED);

	ring->entries[n % ENTRIES] =
		(struct entry){ reftime_now(), what | (u64)cpu->index << 8, expiry };
}
