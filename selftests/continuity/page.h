/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The page by which an x86 hypervisor tells the time, as the vDSO reads it: kvm-clock's of CPU 0
 * (Documentation/virt/kvm/x86/msr.rst) or Hyper-V's reference TSC page (TLFS).
 */
#ifndef TICKPROOF_PAGE_H
#define TICKPROOF_PAGE_H

#include <stdbool.h>
#include <stdint.h>

struct page {
	uint32_t version; /* KVM: even; Hyper-V: the sequence, 0: don't use the page */
	bool stable;   /* the same on all CPUs, so that the vDSO may use it; Hyper-V's always is */
	uint64_t from; /* KVM: the TSC at system_time; Hyper-V: the offset */
	uint64_t time; /* KVM: system_time; Hyper-V: the scale */
};

/* Reads the page that this clocksource depends on; false where there is none, or it can't be read.
 */
bool page_read(const char *clocksource, struct page *p);

#endif
