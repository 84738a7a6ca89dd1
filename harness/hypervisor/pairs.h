/* SPDX-License-Identifier: GPL-2.0-only */
/* For assembly: many registers to a frame and back. */
/* clang-format off */

	/* pairs stp|ldp, base, FIRST, LAST: xFIRST to xLAST, two by two;
	 * the frame at base keeps xN at N * 8 */
	.macro	pairs	op, base, first, last
	.altmacro
	.set	pairs_n, \first
	.rept	(\last - \first + 1) / 2
	pair	\op, \base, %pairs_n, %(pairs_n + 1)
	.set	pairs_n, pairs_n + 2
	.endr
	.noaltmacro
	.endm

	.macro	pair	op, base, a, b
	\op	x\a, x\b, [\base, #8 * \a]
	.endm
