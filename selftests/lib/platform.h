/* SPDX-License-Identifier: GPL-2.0-only */
/* Facts about the system under test, and the expectations that follow from them. */
#ifndef TICKPROOF_PLATFORM_H
#define TICKPROOF_PLATFORM_H

#include <stdbool.h>
#include <stdint.h>

#include "clockevents.h"

struct platform {
	char release[72]; /* uname -r */
	int version;	  /* major * 1000 + minor: 6012 */
	bool x86, arm64;
	char hypervisor[16];   /* CPUID signature ("Microsoft Hv", on arm64 too); "" for none */
	bool hv_direct;	       /* STIMER in direct mode: 0x40000003 EAX 3 and EDX 19 */
	bool hv_tsc_invariant; /* EAX bit 15 */
	bool hv_tdx_bare;      /* TDX VM without paravisor: leaf 0x4000000C */
	/* arm64: our module hv_stimer is loaded; it only stands by; it has clocksources */
	bool hv_module, hv_standby, hv_sources;
	bool tsc_deadline, arat; /* x86 /proc/cpuinfo flags */
	bool hpet;		 /* listed as a clocksource, so it was found and enabled */
};

/*
 * Executes CPUID (EAX, EBX, ECX, EDX; sub-leaf 0); NULL on arm64. Unit tests put
 * seeded leaves here.
 */
extern void (*platform_cpuid)(uint32_t leaf, uint32_t regs[4]);

/* Reads the facts. What can't be read stays false or "". Returns 0 or -errno. */
int platform_read(struct platform *p);

/* Whether this is QEMU's emulation of x86 (CPUID 0x40000000, target/i386/cpu.c). */
bool platform_tcg(const struct platform *p);

/* The same as if this were that architecture: for unit tests. */
int platform_read_as(struct platform *p, bool x86, bool arm64);

/* Prints the facts, and the names in use, as "# fact" lines. */
void platform_facts(const struct platform *p);

/*
 * The clockevent a CPU of this platform should use, or NULL where no rule of
 * ours says (A18): the Hyper-V timer wins by its rating of 1000 where direct
 * mode is offered (drivers/clocksource/hyperv_timer.c), 90 in a TDX VM without
 * paravisor; otherwise the local APIC's or the architected timer. Linux has no
 * driver for the Hyper-V timer of arm64; our module hv_stimer is one.
 */
const char *platform_clockevent(const struct platform *p);

enum fallback_kind {
	FALLBACK_UNKNOWN, /* no rule of ours: whatever happens is only reported */
	FALLBACK_DEVICE,  /* the unbind succeeds and name takes over */
	FALLBACK_NONE,	  /* nothing can replace the device: EBUSY */
};

struct fallback {
	enum fallback_kind kind;
	char name[CE_NAME_LEN];
	const char *why; /* the rule, for people */
};

/*
 * What unbinding cpu's current device should lead to, when its turn on the
 * kernel's list has come (clockevents_replace(): the best DETACHED device
 * usable on that CPU). broadcast is the broadcast device's name: a device
 * grabbed for broadcast is no longer DETACHED on the CPU that owns it, which is
 * the first one. hpet_taken: hpet is another CPU's current device.
 */
struct fallback platform_fallback(const struct platform *p, int cpu, const char *current,
				  const char *broadcast, bool hpet_taken);

/* Whether a clockevent of this name can raise interrupts at all: dummy_timer can't. */
bool platform_functional(const char *clockevent);

#endif
