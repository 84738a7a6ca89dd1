// SPDX-License-Identifier: GPL-2.0-only
/* Questions about timers that only the kernel can answer; see timer_probe.h. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/compat.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/sort.h>
#include <linux/uaccess.h>
#ifdef CONFIG_ARM64
#include <asm/arch_timer.h>
#else
#include <asm/msr.h>
#endif

#include "impl.h"
#include "timer_probe.h"

static struct dentry *dir;

static u64 counter(void)
{
#ifdef CONFIG_ARM64
	return __arch_counter_get_cntvct();
#else
	return rdtsc_ordered();
#endif
}

static void delay(u32 kind, u32 amount)
{
	switch (kind) {
	case PROBE_NDELAY:
		ndelay(amount);
		break;
	case PROBE_UDELAY:
		udelay(amount);
		break;
	case PROBE_MDELAY:
		mdelay(amount);
		break;
	}
}

static u64 measure(u32 kind, u32 amount)
{
	u64 begun;

	preempt_disable();
	begun = counter();
	delay(kind, amount);
	begun = counter() - begun;
	preempt_enable();
	return begun;
}

static int by_value(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static long probe_delay(void __user *arg)
{
	static const u32 unit[PROBE_DELAYS] = { 1, 1000, 1000000 };
	struct probe_delay_request r;
	u64 *took, one;

	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	if (r.kind >= PROBE_DELAYS || !r.rounds || r.rounds > PROBE_ROUNDS_MAX)
		return -EINVAL;
	one = (u64)r.amount * unit[r.kind];
	if (one > PROBE_DELAY_MAX || one * r.rounds > PROBE_TOTAL_MAX)
		return -EINVAL;
	took = kcalloc(r.rounds, sizeof(*took), GFP_KERNEL);
	if (!took)
		return -ENOMEM;
	r.cpu = raw_smp_processor_id();
	for (u32 i = 0; i < r.rounds; i++) {
		took[i] = measure(r.kind, r.amount);
		cond_resched();
	}
	sort(took, r.rounds, sizeof(*took), by_value, NULL);
	r.shortest = took[0];
	r.median = took[r.rounds / 2];
	r.longest = took[r.rounds - 1];
	kfree(took);
	return copy_to_user(arg, &r, sizeof(r)) ? -EFAULT : 0;
}

static long ask(struct file *file, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case PROBE_DELAY:
		return probe_delay((void __user *)arg);
	case PROBE_ARCH_TIMER:
#ifdef CONFIG_ARM64
		return probe_arch_timer((void __user *)arg);
#else
		return -EOPNOTSUPP;
#endif
	default:
		return -ENOTTY;
	}
}

static const struct file_operations fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.unlocked_ioctl = ask,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static int __init timer_probe_init(void)
{
	dir = debugfs_create_dir(KBUILD_MODNAME, NULL);
	if (IS_ERR(dir)) {
		pr_err("no debugfs, no interface: error %ld\n", PTR_ERR(dir));
		return PTR_ERR(dir);
	}
	debugfs_create_file("ask", 0600, dir, NULL, &fops);
	return 0;
}

static void __exit timer_probe_exit(void)
{
	debugfs_remove_recursive(dir);
}

module_init(timer_probe_init);
module_exit(timer_probe_exit);
MODULE_DESCRIPTION("The kernel's delays and the architected timer, for tickproof's tests");
MODULE_LICENSE("GPL");
