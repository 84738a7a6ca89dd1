// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "pm_timer.h"

#if defined(__x86_64__)
#include <sys/io.h>

/* ACPI 6.5, table 5.9: PM_TMR_BLK, PM_TMR_LEN and the flag HW_REDUCED_ACPI of the FADT */
enum { TMR_BLK = 76, TMR_LEN = 91, FLAGS = 112, FADT_MIN = 116, HW_REDUCED = 1 << 20 };

static uint32_t port;

static sigjmp_buf denied;

static void on_fault(int sig)
{
	siglongjmp(denied, sig);
}

/* Does a read of the port come back, or end in a SIGSEGV? */
static bool readable(void)
{
	struct sigaction fault = { .sa_handler = on_fault }, old;
	volatile bool ok = false;

	sigaction(SIGSEGV, &fault, &old);
	if (!sigsetjmp(denied, 1)) {
		inl(port);
		ok = true;
	}
	sigaction(SIGSEGV, &old, NULL);
	return ok;
}

const char *pm_timer_open(void)
{
	unsigned char fadt[FADT_MIN];
	uint32_t flags;
	int fd = open("/sys/firmware/acpi/tables/FACP", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return errno == EACCES ? "reading ACPI's tables needs root" : "there is no ACPI";
	n = read(fd, fadt, sizeof(fadt));
	close(fd);
	if (n != sizeof(fadt))
		return "the FADT is too short";
	memcpy(&port, fadt + TMR_BLK, sizeof(port));
	memcpy(&flags, fadt + FLAGS, sizeof(flags));
	if (flags & HW_REDUCED || fadt[TMR_LEN] != 4 || !port || port > 0xffff)
		return "this machine has none (FADT)";
	if (ioperm(port, 4, 1))
		return "reading I/O ports needs root, and a kernel that isn't locked down";
	/* Seen on KVM in QEMU's emulation of SVM. */
	if (!readable())
		return "the CPU denies the port that ioperm() has granted";
	return NULL;
}

uint32_t pm_timer_read(void)
{
	uint32_t a, b, c;

	/*
	 * Some chipsets give a wrong value now and then (drivers/clocksource/acpi_pm.c reads it
	 * so).
	 */
	do {
		a = inl(port) & PM_TIMER_MASK;
		b = inl(port) & PM_TIMER_MASK;
		c = inl(port) & PM_TIMER_MASK;
	} while ((a > b && a < c) || (b > c && b < a) || (c > a && c < b));
	return b;
}
#else
const char *pm_timer_open(void)
{
	return "it belongs to PCs";
}

uint32_t pm_timer_read(void)
{
	return 0;
}
#endif
