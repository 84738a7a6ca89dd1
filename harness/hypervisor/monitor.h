/* SPDX-License-Identifier: GPL-2.0-only */
/* What the monitor's parts know of each other. */
#ifndef MONITOR_H
#define MONITOR_H

#include "arm64.h"

#define MONITOR_SIZE	  0x200000ul /* of RAM that is kept from the guest: its last 2 MiB */
#define MONITOR_CONFIG	  0x1ff000ul /* where in there the harness writes the mode's name */
#define MONITOR_RING	  0xff000ul  /* where in there record.c writes, up to MONITOR_CONFIG */
#define MONITOR_RING_SIZE 0x100000ul
#define STACK_SIZE	  4096
#define CPUS_MAX	  64

#ifndef __ASSEMBLER__
/* No table of addresses (a GOT) is needed for what is in the same image. */
#pragma GCC visibility push(hidden)

#define true 1
#define false 0
typedef _Bool bool;

/* By name in MONITOR_CONFIG, eight bytes, padded with zeros. */
enum mode {
	MODE_FUNCTIONAL, /* "func": the arch timer's interrupts come, as on today's Hyper-V */
	MODE_DEAD,	 /* "dead": they never come to the kernel */
	MODE_UNEXPIRED,	 /* "unexp": as "func", and CPU 1's STIMERs never expire */
	MODE_UNINJECTED, /* "uninj": as "func", and they expire and interrupt nobody */
};

struct stimer {
	u64 config;
	u64 count;
	u64 expiry; /* reference time of the next expiration, when enabled */
};

#define STIMERS 4

struct cpu {
	u64 mpidr;
	u64 gicr;	    /* its redistributor */
	u32 index;	    /* Hyper-V's VP index */
	u32 on;		    /* taken while it is on, or coming up */
	u64 entry, context; /* where PSCI CPU_ON wants it, and x0 there */
	struct stimer stimers[STIMERS];
	u8 stack[STACK_SIZE] __attribute__((aligned(16)));
};

/* The guest's registers, as start.S saves them. */
struct frame {
	u64 x[32]; /* x[31] is padding */
};

extern struct cpu cpus[CPUS_MAX];
extern enum mode mode;
extern u64 monitor_base; /* and the end of the guest's RAM */
extern bool by_firmware; /* the kernel is booted by firmware */

static inline struct cpu *this_cpu(void)
{
	return (struct cpu *)read_sysreg(tpidr_el2);
}

/* Whether [gpa, gpa + size) is RAM of the guest. */
static inline bool is_guest_ram(u64 gpa, u64 size)
{
	return gpa >= VIRT_RAM && gpa <= monitor_base && size <= monitor_base - gpa;
}

/* start.S */
void enter_guest(u64 entry, u64 x0) __attribute__((noreturn));
void secondary_start(void);
u64 smc(u64 function, u64 a, u64 b, u64 c);

/* common.c */
struct cpu *cpu_of(u64 mpidr);
void copy(void *to, const void *from, u64 size);
bool same(const void *a, const void *b, u64 size);

/* main.c */
void cpu_init(struct cpu *cpu);

/* console.c */
void print(const char *text);
void print_hex(u64 value);
void die(const char *why) __attribute__((noreturn));

/* fdt.c */
bool fdt_prepare(u64 fdt, u64 end);

/* acpi.c */
void acpi_sign_fadt(void);

/* gic.c */
void gic_cpu_init(struct cpu *cpu);
void gic_own_timer(struct cpu *cpu);
void gic_inject(struct cpu *cpu, u32 intid);
bool gic_sysreg(u64 iss, u64 *value);

/* psci.c */
bool psci_call(struct frame *frame);

/* reftime.c */
void reftime_init(void);
u64 reftime_now(void);
u64 reftime_read(void);
u64 reftime_counter(u64 reference);
u32 reftime_page_set(u64 value);
u64 reftime_page(void);
u64 reftime_sequence(void);

/* record.c */
enum recorded {
	RECORD_ARMED = 1, /* the guest wrote to STIMER0, and it will expire */
	RECORD_STOPPED,	  /* ..., and it will not */
	RECORD_EXPIRED,	  /* the monitor has noticed that it is due */
	RECORD_PENDING,	  /* the interrupt is pending at the guest */
};
void record(struct cpu *cpu, enum recorded what, u64 expiry);

/* stimer.c */
u32 stimer_write_config(struct cpu *cpu, u32 n, u64 value);
void stimer_write_count(struct cpu *cpu, u32 n, u64 value);
void stimer_run(struct cpu *cpu);
void stimer_reset(struct cpu *cpu);

/* vpregs.c */
u32 vpreg_get(struct cpu *cpu, u32 name, u64 value[2]);
u32 vpreg_set(struct cpu *cpu, u32 name, const u64 value[2]);

/* hypercall.c */
void hypercall_smccc(struct cpu *cpu, struct frame *frame);
void hypercall_native(struct cpu *cpu, struct frame *frame);

/* Hyper-V's status codes */
#define HV_SUCCESS		   0
#define HV_INVALID_HYPERCALL_CODE  2
#define HV_INVALID_HYPERCALL_INPUT 3
#define HV_INVALID_ALIGNMENT	   4
#define HV_INVALID_PARAMETER	   5
#define HV_ACCESS_DENIED	   6
#define HV_INVALID_REGISTER_VALUE  0x50
#endif
#endif
