// SPDX-License-Identifier: GPL-2.0-only
/*
 * The virtual timer, armed behind the kernel's back while another clockevent is in
 * use: its handler masks it and calls a handler that does nothing
 * (arch_timer_handler_virt(), clockevents_handle_noop()).
 */
#include <linux/errno.h>
#include <linux/irqflags.h>
#include <linux/smp.h>
#include <linux/uaccess.h>
#include <asm/arch_timer.h>
#include <asm/barrier.h>

#include "impl.h"
#include "timer_probe.h"

#define ENABLE 1

struct question {
	struct probe_arch_timer_request request;
	int err;
};

static void ask(void *info)
{
	struct question *q = info;
	u64 control = read_sysreg(cntv_ctl_el0);

	switch (q->request.what) {
	case PROBE_ARM:
		if (control & ENABLE) {
			q->err = -EBUSY;
			break;
		}
		write_sysreg(__arch_counter_get_cntvct() + q->request.ticks, cntv_cval_el0);
		isb();
		write_sysreg(ENABLE, cntv_ctl_el0);
		break;
	case PROBE_DISARM:
		write_sysreg(0, cntv_ctl_el0);
		break;
	}
	isb();
	q->request.control = read_sysreg(cntv_ctl_el0);
}

long probe_arch_timer(void __user *arg)
{
	struct question q = { 0 };
	long err;

	if (copy_from_user(&q.request, arg, sizeof(q.request)))
		return -EFAULT;
	if (q.request.what >= PROBE_ARCH_TIMERS)
		return -EINVAL;
	if (q.request.cpu >= nr_cpu_ids)
		return -ENXIO;
	err = smp_call_function_single(q.request.cpu, ask, &q, true) ?: q.err;
	if (copy_to_user(arg, &q.request, sizeof(q.request)))
		return -EFAULT;
	return err;
}
