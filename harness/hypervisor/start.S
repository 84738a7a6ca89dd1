/* SPDX-License-Identifier: GPL-2.0-only */
/* Entries, exits and the vectors of EL2. */
#include "monitor.h"
#include "pairs.h"

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
	pairs	stp, sp, 0, 29
	stp	x30, xzr, [sp, #240]
	mov	x0, sp
	.endm

restore_and_return:
	ldr	x30, [sp, #240]
	pairs	ldp, sp, 0, 29
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
