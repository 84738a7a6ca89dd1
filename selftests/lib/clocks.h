/* SPDX-License-Identifier: GPL-2.0-only */
/* Three ways to read time: vDSO, system call, raw counter. */
#ifndef TICKPROOF_CLOCKS_H
#define TICKPROOF_CLOCKS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define NSEC_PER_USEC 1000ll
#define NSEC_PER_MSEC 1000000ll
#define NSEC_PER_SEC  1000000000ll

/* For tables of lengths. */
#define MS NSEC_PER_MSEC
#define US NSEC_PER_USEC

/* timer_create(2), SIGEV_THREAD_ID: glibc has no name for it before 2.38. */
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static inline int64_t timespec_ns(const struct timespec *ts)
{
	return ts->tv_sec * NSEC_PER_SEC + ts->tv_nsec;
}

static inline struct timespec ns_timespec(int64_t ns)
{
	return (struct timespec){ ns / NSEC_PER_SEC, ns % NSEC_PER_SEC };
}

/* Whether somebody may set the clock meanwhile, also back (clock_settime(2)). */
static inline bool clock_settable(clockid_t clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_TAI || clock == CLOCK_REALTIME_COARSE;
}

/* Clock in ns as libc reads it (the vDSO where the clocksource allows); -errno. */
int64_t clock_ns(clockid_t clock);

/* Sleeps for ns on CLOCK_MONOTONIC; less, if a signal is handled meanwhile. */
void clock_nap(int64_t ns);

/* Clock in ns by system call, past the vDSO; -errno. */
int64_t clock_ns_syscall(clockid_t clock);

/*
 * The CPU's raw counter in ticks (TSC; CNTVCT_EL0), read in program order:
 * after a load fence or an ISB, so that it can't be read ahead of an earlier
 * load (arch/x86/include/asm/msr.h rdtsc_ordered, arch_timer.h).
 */
static inline uint64_t counter_read(void)
{
#if defined(__x86_64__)
	uint32_t lo, hi;

	__asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi)::"memory");
	return (uint64_t)hi << 32 | lo;
#elif defined(__aarch64__)
	uint64_t v;

	__asm__ volatile("isb; mrs %0, cntvct_el0" : "=r"(v)::"memory");
	return v;
#else
#error "tickproof knows the raw counter of x86-64 and arm64"
#endif
}

/*
 * Ticks of the raw counter per second: CNTFRQ_EL0 on arm64, on x86 measured
 * against CLOCK_MONOTONIC for about 10 ms, busy, at the first call.
 */
uint64_t counter_hz(void);

/* So many ticks of the raw counter in ns. */
int64_t counter_ticks_ns(uint64_t ticks);

/* Nanoseconds since a counter_read() value, measured by the raw counter alone. */
int64_t counter_since_ns(uint64_t start);

#endif
