/* SPDX-License-Identifier: GPL-2.0-only */
/* A kernel Image for EL1, as Documentation/arch/arm64/booting.rst has it, with the little that C cannot say. */
#include "../arm64.h"
#include "../pairs.h"

	.section .text.start, "ax"
	.globl	header
header:
	b	start
	.word	0
	.quad	0			/* text_offset */
	.quad	0x20000			/* image_size */
	.quad	0xa
	.quad	0, 0, 0
	.ascii	"ARM\x64"
	.word	0

start:
	adr	x0, __bss_start
	adr	x1, __bss_end
1:	str	xzr, [x0], #8
	cmp	x0, x1
	b.lo	1b
	adr	x0, stack_0
	mov	sp, x0
	adr	x0, vectors
	msr	vbar_el1, x0
	isb
	b	main

	/* by PSCI CPU_ON: x0 is the context */
	.globl	secondary
secondary:
	adr	x1, stack_1
	mov	sp, x1
	adr	x1, vectors
	msr	vbar_el1, x1
	isb
	b	second_main

	/* call0(u64 x[18]), call1, call7: HVC with x0..x17 from there and back there; smc_call likewise */
	.macro	caller name, instruction:vararg
	.globl	\name
\name:
	stp	x29, x30, [sp, #-32]!
	str	x0, [sp, #16]
	mov	x18, x0
	pairs	ldp, x18, 0, 17
	\instruction
	ldr	x18, [sp, #16]
	pairs	stp, x18, 0, 17
	ldp	x29, x30, [sp], #32
	ret
	.endm
	caller	call0, hvc #0
	caller	call1, hvc #1
	caller	call7, hvc #7
	caller	smc_call, smc #0

irq:
	sub	sp, sp, #176
	pairs	stp, sp, 0, 17
	stp	x18, x30, [sp, #144]
	bl	interrupt
	pairs	ldp, sp, 0, 17
	ldp	x18, x30, [sp, #144]
	add	sp, sp, #176
	eret

	.balign	2048
vectors:
	.irp	target, fault,fault,fault,fault, fault,irq,fault,fault, fault,fault,fault,fault, fault,fault,fault,fault
	.balign	128
	b	\target
	.endr

	.bss
	.balign	16
	.skip	8192
stack_0:
	.skip	8192
stack_1:
