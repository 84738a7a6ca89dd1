// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include "hv_regs.h"

static int file = -ENOENT;

int hv_regs_open(void)
{
	if (file >= 0)
		return 0;
	file = open(HV_REGS_PATH, O_RDWR | O_CLOEXEC);
	if (file < 0)
		file = -errno;
	return file < 0 ? file : 0;
}

int hv_regs_try(int cpu, struct hv_step *steps, size_t nr)
{
	struct hv_run run = { .cpu = cpu, .nr = nr, .steps = (uintptr_t)steps };

	return ioctl(file, HV_REGS_RUN, &run) ? -errno : 0;
}

int hv_regs_events(struct hv_events *request)
{
	return ioctl(file, HV_REGS_EVENTS, request) ? -errno : 0;
}
