/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What Hyper-V promises a guest (TLFS; include/asm-generic/hyperv-tlfs.h): CPUID
 * leaves, synthetic MSRs, and what Linux makes of them.
 */
#ifndef TICKPROOF_HYPERV_H
#define TICKPROOF_HYPERV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HV_CLOCKEVENT "Hyper-V clockevent"
#define HV_TSC_PAGE   "hyperv_clocksource_tsc_page"
#define HV_MSR_SOURCE "hyperv_clocksource_msr"

/* Ticks of the partition reference counter per second: 100 ns each. */
#define HV_REFERENCE_HZ 10000000ll

#define HV_MSR_TIME_REF_COUNT 0x40000020
#define HV_MSR_STIMER0_CONFIG 0x400000b0
#define HV_MSR_STIMER0_COUNT  0x400000b1

/* HYPERV_STIMER0_VECTOR, arch/x86/include/asm/irq_vectors.h; on arm64 an INTID, our hv_stimer's */
#if defined(__aarch64__)
#define HV_STIMER0_VECTOR 31
#else
#define HV_STIMER0_VECTOR 0xed
#endif

enum { HYPERV_LOW = 1, HYPERV_HIGH = 2, HYPERV_EXT = 4, HYPERV_HINTS = 8, HYPERV_MISC = 16 };

/* CPUID 0x40000003 and 0x40000004; on arm64 registers 0x200 and 0x201 */
struct hyperv {
	uint32_t low, high; /* partition privileges: EAX, EBX */
	uint32_t misc;	    /* EDX; on arm64 the third word */
	uint32_t ext;	    /* ECX */
	uint32_t hints;	    /* 0x40000004 EAX */
	unsigned int known; /* which of them are known */
};

/* Reads the leaves by platform_cpuid(), which must be there. */
void hyperv_leaves(struct hyperv *h);

/* What the leaves say: */
bool hyperv_has_reference_counter(const struct hyperv *h); /* MSR 0x40000020 */
bool hyperv_has_reference_tsc(const struct hyperv *h);	   /* the reference TSC page */
bool hyperv_is_root(const struct hyperv *h); /* the root partition: rules of its own */

/*
 * Parses the kernel's line "Hyper-V: privilege flags low 0x.., high 0x.., ext 0x.., hints 0x..,
 * misc 0x.." (mshyperv.c of x86 and arm64; ext since 6.15 on x86, and what is unknown to us is
 * passed over; "Hyper-V: features 0x.., hints 0x.., misc 0x.." before 5.12). False if text is
 * another, or breaks off.
 */
bool hyperv_parse_privileges(const char *text, struct hyperv *h);

/*
 * The rating with which a kernel (major * 1000 + minor) registers a clocksource: Hyper-V's by
 * drivers/clocksource/hyperv_timer.c, the others by their own drivers. 0 where no rule of ours
 * says. invariant: the TSC is offered as invariant.
 */
int hyperv_rating(const char *clocksource, int version, bool invariant);

/*
 * Whether names (as available_clocksource has them, "a b c ") go by falling
 * rating, as the kernel sorts them; names without a rule may stand anywhere.
 * Otherwise the two that are out of order are left in *first and *second, to be
 * freed by nobody: they point to static storage.
 */
bool hyperv_ordered(const char *names, int version, bool invariant, const char **first,
		    const char **second);

/* HV_X64_MSR_STIMER0_CONFIG */
struct stimer_config {
	bool enable, periodic, lazy, auto_enable, direct;
	unsigned int vector, sint;
	uint64_t reserved; /* bits that must be zero */
};

/* The fields of a CONFIG register (TLFS, timers). */
struct stimer_config stimer_config(uint64_t value);

/*
 * What is wrong with the CONFIG of a timer that Linux uses in direct mode, for
 * people; NULL if nothing is. Enable is not looked at: it falls at each expiry.
 */
const char *stimer_config_wrong(uint64_t value);

/* Opens cpu's MSRs (/dev/cpu/N/msr, the module msr); a descriptor or -errno. */
int msr_open(int cpu);

/* Reads an MSR; 0 or -errno (-EIO: the CPU has none of that number). */
int msr_read(int fd, uint32_t msr, uint64_t *value);

/* A way to the register of the partition reference counter. */
struct reference_way {
	int cpu, fd;
};

/*
 * Opens it on one CPU: by the module msr, on arm64 by our hv_regs. 0 or -errno (-EBUSY: somebody
 * else has hv_regs open).
 */
int reference_open(struct reference_way *way, int cpu);
void reference_close(struct reference_way *way);

/* Reads the counter, in units of 100 ns; 0 or -errno. */
int reference_read(const struct reference_way *way, uint64_t *ticks);

#endif
