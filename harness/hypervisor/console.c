// SPDX-License-Identifier: GPL-2.0-only
/* Last words, on the guest's console: the monitor is silent as long as all goes well. */
#include "monitor.h"

/* Write text to the first serial port (a PL011 whose FIFO QEMU never lets run full). */
void print(const char *text)
{
	for (; *text; text++) {
		if (*text == '\n')
			mmio_write32(VIRT_UART, '\r');
		mmio_write32(VIRT_UART, *text);
	}
}

void print_hex(u64 value)
{
	print(" 0x");
	for (int shift = 60; shift >= 0; shift -= 4)
		if (value >> shift || !shift)
			mmio_write32(VIRT_UART, "0123456789abcdef"[value >> shift & 15]);
}

/*
 * Say why, and switch the machine off: a harness sees the end at once, and would see a hang late.
 */
void die(const char *why)
{
	print("\ntickproof monitor: ");
	print(why);
	print("\n");
	smc(0x84000008, 0, 0, 0); /* PSCI SYSTEM_OFF */
	for (;;)
		asm volatile("wfi");
}
