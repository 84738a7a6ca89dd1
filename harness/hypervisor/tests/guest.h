/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef GUEST_H
#define GUEST_H

#include "../arm64.h"

#pragma GCC visibility push(hidden)

#define STIMER_CONFIG(n) (0xb0000 + 2 * (n))
#define STIMER_COUNT(n)	 (0xb0001 + 2 * (n))
#define ENABLE		 BIT(0)
#define PERIODIC	 BIT(1)
#define AUTO		 BIT(3)
#define DIRECT		 BIT(12)
#define INTID(n)	 ((u64)(n) << 4)

#define OS_ID	      0x90002
#define VP_INDEX      0x90003
#define TIME_REF      0x90004
#define REFERENCE_TSC 0x90017
#define TSC_SEQUENCE  0x9001a
#define PRIVILEGES    0x200

#define GET(count) (0x10050ull | (u64)(count) << 32)
#define SET(count) (0x10051ull | (u64)(count) << 32)
#define SLOW	   0x10000ull /* to be taken off */
#define SELF	   ~0ull
#define VP_SELF	   0xfffffffeull

/* start.S */
void call0(u64 x[18]);
void call1(u64 x[18]);
void call7(u64 x[18]);
void smc_call(u64 x[18]);
void secondary(void);

/* guest.c: the console, interrupts, and registers of this CPU by the fast calls */
void put(const char *s);
void off(void) __attribute__((noreturn));
void check(_Bool good, const char *name, u64 seen);
void interrupts_on(void);
u32 cpu_number(void);
u64 get_status(u32 name, u64 *value);
u64 get(u32 name);
u64 set(u32 name, u64 value);
u64 psci(u64 function, u64 a, u64 b, u64 c);
void pause(u64 units);

extern volatile u32 interrupts[2][32];	   /* by CPU and INTID */
extern volatile u64 interrupted_at[2][32]; /* reference time */

/* abi.c, timers.c, cpus.c */
void abi(void);
void timers(void);
void arch_timer(void);
void cpus(void);
#endif
