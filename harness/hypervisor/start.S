/* SPDX-License-Identifier: GPL-2.0-only */
/* Entries, exits and the vectors of EL2. */
#include "monitor.h"

	.section .text.start, "ax"
	/* CPU 0 begins here (QEMU's loader sets its pc), at EL2, with everything off. */
	.globl	_start
_start:
	msr	daifset, #0xf
	adr	x0, __bss_start
	adr	x1, __bss_end
1:	str	xzr, [x0], #8
	cmp	x0, x1
	b.lo	1b
	adr	x0, _start
	add	x1, x0, #MONITOR_CONFIG
	adr	x2, boot_stack_end
	mov	sp, x2
	b	monitor_main

	/* The others begin here, by PSCI CPU_ON from the monitor: x0 is their struct cpu. */
	.globl	secondary_start
secondary_start:
	msr	daifset, #0xf
	mov	x19, x0
	bl	cpu_stack_end
	mov	sp, x0
	mov	x0, x19
	b	secondary_main

	.text

	/* enter_guest(entry, x0): down to EL1, registers clean, this CPU's stack empty */
	.globl	enter_guest
enter_guest:
	msr	elr_el2, x0
	mov	x2, #SPSR_EL1H_DAIF
	msr	spsr_el2, x2
	mov	x19, x1
	mrs	x0, tpidr_el2
	bl	cpu_stack_end
	mov	sp, x0
	mov	x0, x19
	.irp	n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
	mov	x\n, xzr
	.endr
	eret

	/* u64 smc(function, a, b, c): of QEMU's PSCI */
	.globl	smc
smc:
	smc	#0
	ret

	.macro	save
	sub	sp, sp, #256
	stp	x0, x1, [sp]
	stp	x2, x3, [sp, #16]
	stp	x4, x5, [sp, #32]
	stp	x6, x7, [sp, #48]
	stp	x8, x9, [sp, #64]
	stp	x10, x11, [sp, #80]
	stp	x12, x13, [sp, #96]
	stp	x14, x15, [sp, #112]
	stp	x16, x17, [sp, #128]
	stp	x18, x19, [sp, #144]
	stp	x20, x21, [sp, #160]
	stp	x22, x23, [sp, #176]
	stp	x24, x25, [sp, #192]
	stp	x26, x27, [sp, #208]
	stp	x28, x29, [sp, #224]
	stp	x30, xzr, [sp, #240]
	mov	x0, sp
	.endm

restore_and_return:
	ldp	x2, x3, [sp, #16]
	ldp	x4, x5, [sp, #32]
	ldp	x6, x7, [sp, #48]
	ldp	x8, x9, [sp, #64]
	ldp	x10, x11, [sp, #80]
	ldp	x12, x13, [sp, #96]
	ldp	x14, x15, [sp, #112]
	ldp	x16, x17, [sp, #128]
	ldp	x18, x19, [sp, #144]
	ldp	x20, x21, [sp, #160]
	ldp	x22, x23, [sp, #176]
	ldp	x24, x25, [sp, #192]
	ldp	x26, x27, [sp, #208]
	ldp	x28, x29, [sp, #224]
	ldr	x30, [sp, #240]
	ldp	x0, x1, [sp]
	add	sp, sp, #256
	eret

guest_sync:
	save
	bl	handle_sync
	b	restore_and_return

guest_fiq:
	save
	bl	handle_fiq
	b	restore_and_return

	/* The monitor's own mistakes, and what it never asked for. */
bad:
	mrs	x0, esr_el2
	mrs	x1, elr_el2
	mrs	x2, far_el2
	adr	x3, boot_stack_end
	mov	sp, x3
	b	handle_bad

	.balign	2048
	.globl	vectors
vectors:
	.irp	target, bad,bad,bad,bad, bad,bad,bad,bad, guest_sync,bad,guest_fiq,bad, guest_sync,bad,guest_fiq,bad
	.balign	128
	b	\target
	.endr

	.bss
	.balign	16
	.skip	STACK_SIZE
boot_stack_end:
