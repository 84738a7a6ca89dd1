// SPDX-License-Identifier: GPL-2.0-only
/* When each interrupt of a synthetic timer was handled, and on which CPU. */
#include <linux/atomic.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/smp.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "hv_regs_impl.h"

static struct hv_event *events;
static atomic_t nr;
static unsigned long busy;
static u32 vector;

void hv_event_add(void)
{
	u32 status;
	u64 time = 0, high;
	int mine;

	hv_arch_get(HV_REG_TIME_REF_COUNT, &time, &high, &status);
	mine = atomic_inc_return(&nr) - 1;
	if (mine < HV_EVENTS_MAX)
		events[mine] = (struct hv_event){ .time = time, .cpu = smp_processor_id() };
}

int hv_events_open(void)
{
	int err;

	if (test_and_set_bit(0, &busy))
		return -EBUSY;
	events = vzalloc(HV_EVENTS_MAX * sizeof(*events));
	atomic_set(&nr, 0);
	err = events ? hv_arch_events_start(&vector) : -ENOMEM;
	if (err) {
		vfree(events);
		clear_bit(0, &busy);
	}
	return err;
}

void hv_events_close(void)
{
	hv_arch_events_stop();
	vfree(events);
	clear_bit(0, &busy);
}

/* One that comes meanwhile may be lost: the timers are quiet when this is asked. */
long hv_events_ioctl(void __user *arg)
{
	struct hv_events request;
	u32 there;

	if (copy_from_user(&request, arg, sizeof(request)))
		return -EFAULT;
	there = atomic_xchg(&nr, 0);
	request.nr = min3(request.nr, there, (u32)HV_EVENTS_MAX);
	if (copy_to_user(u64_to_user_ptr(request.events), events, request.nr * sizeof(*events)))
		return -EFAULT;
	request.nr = there;
	request.vector = vector;
	return copy_to_user(arg, &request, sizeof(request)) ? -EFAULT : 0;
}
