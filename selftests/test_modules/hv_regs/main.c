// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hyper-V's registers of a chosen CPU, for programs that test what the TLFS says
 * of them: debugfs's hv_regs/run (see hv_regs.h). Linux's own timer is not touched.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/compat.h>
#include <linux/debugfs.h>
#include <linux/io.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/uaccess.h>

#include "hv_regs_impl.h"

#define ENABLE	     1
#define PAGE_ENABLE  1
#define HV_PAGE_SIZE 4096

/* TLFS, "Partition reference time enlightenment" */
struct reference_page {
	u32 sequence;
	u32 reserved;
	u64 scale;
	s64 offset;
};

struct list {
	struct hv_step *steps;
	u32 nr;
	const struct reference_page *page;
};

static struct dentry *dir;

/* The counter; 0 where it can't be read, which step then says. */
static u64 reference(struct hv_step *step)
{
	u64 now = 0, high;
	int err = hv_arch_get(HV_REG_TIME_REF_COUNT, &now, &high, &step->status);

	if (err)
		step->error = err;
	return now;
}

/* Against a counter that stands still: some seconds at most. */
#define LOOKS_MAX 1000000

static void wait(struct hv_step *step)
{
	unsigned int looks = 0;
	u64 start = reference(step), now = start, before, config, high, limit = step->value;

	step->high = 0;
	while (!step->error) {
		before = now;
		step->error = hv_arch_get(step->reg, &config, &high, &step->status);
		if (step->error)
			return;
		now = reference(step);
		step->value = now;
		if (!(config & ENABLE))
			return;
		step->high = before;
		if (now - start > limit || ++looks > LOOKS_MAX)
			step->error = -ETIME;
	}
}

static void pause(struct hv_step *step)
{
	unsigned int looks = 0;
	u64 start = reference(step);

	while (!step->error && reference(step) - start < step->value)
		if (++looks > LOOKS_MAX)
			step->error = -ETIME;
}

static void read_page(const struct reference_page *page, struct hv_step *step)
{
	u32 sequence;

	if (!page) {
		step->error = -ENODATA;
		return;
	}
	do {
		sequence = READ_ONCE(page->sequence);
		smp_rmb();
		step->value = mul_u64_u64_shr(hv_arch_counter(), READ_ONCE(page->scale), 64) +
			      READ_ONCE(page->offset);
		smp_rmb();
	} while (READ_ONCE(page->sequence) != sequence);
	step->high = sequence;
}

static void set(struct hv_step *step)
{
	if (step->reg == HV_REG_TIME_REF_COUNT || step->reg >= HV_REG_STIMER1_CONFIG)
		step->error = hv_arch_set(step->reg, step->value, &step->status);
	else
		step->error = -EPERM;
}

/* On the CPU itself, interrupts off. */
static void run(void *info)
{
	struct list *list = info;

	hv_arch_events_here();
	for (struct hv_step *step = list->steps; step < list->steps + list->nr; step++) {
		step->error = 0;
		step->status = 0;
		switch (step->kind) {
		case HV_STEP_GET:
			step->error =
				hv_arch_get(step->reg, &step->value, &step->high, &step->status);
			break;
		case HV_STEP_SET_AHEAD:
			step->value += reference(step);
			if (step->error)
				break;
			fallthrough;
		case HV_STEP_SET:
			set(step);
			break;
		case HV_STEP_WAIT:
			wait(step);
			break;
		case HV_STEP_PAUSE:
			pause(step);
			break;
		case HV_STEP_PAGE:
			read_page(list->page, step);
			break;
		}
	}
}

static int check(const struct hv_step *steps, u32 nr)
{
	u64 spins = 0;

	for (const struct hv_step *step = steps; step < steps + nr; step++) {
		if (step->kind >= HV_STEPS || step->reg >= HV_REGS)
			return -EINVAL;
		if (step->kind == HV_STEP_WAIT &&
		    (step->reg < HV_REG_STIMER0_CONFIG || (step->reg - HV_REG_STIMER0_CONFIG) % 2))
			return -EINVAL;
		if (step->kind != HV_STEP_WAIT && step->kind != HV_STEP_PAUSE)
			continue;
		if (step->value > HV_SPIN_MAX)
			return -EINVAL;
		spins += step->value;
	}
	return spins > 5 * HV_SPIN_MAX ? -EINVAL : 0;
}

struct enabled_page {
	u64 setting;
	int err;
};

static void get_page_setting(void *info)
{
	struct enabled_page *p = info;
	u64 high;
	u32 status;

	p->err = hv_arch_get(HV_REG_REFERENCE_TSC, &p->setting, &high, &status);
}

/* The page that Linux gave Hyper-V; NULL where it gave none. */
static void *map_page(u32 cpu)
{
	struct enabled_page p = { 0 };

	if (smp_call_function_single(cpu, get_page_setting, &p, true) || p.err ||
	    !(p.setting & PAGE_ENABLE))
		return NULL;
	return memremap(p.setting & ~(u64)(HV_PAGE_SIZE - 1), HV_PAGE_SIZE, MEMREMAP_WB);
}

static long run_list(void __user *arg)
{
	struct list list = { 0 };
	struct hv_run request;
	void *page = NULL;
	long err;

	if (copy_from_user(&request, arg, sizeof(request)))
		return -EFAULT;
	if (!request.nr || request.nr > HV_STEPS_MAX)
		return -EINVAL;
	if (request.cpu >= nr_cpu_ids)
		return -ENXIO;
	list.nr = request.nr;
	list.steps = memdup_user(u64_to_user_ptr(request.steps), list.nr * sizeof(*list.steps));
	if (IS_ERR(list.steps))
		return PTR_ERR(list.steps);
	err = check(list.steps, list.nr);
	if (err)
		goto free;
	for (u32 i = 0; i < list.nr && !page; i++)
		if (list.steps[i].kind == HV_STEP_PAGE)
			page = map_page(request.cpu);
	list.page = page;
	err = smp_call_function_single(request.cpu, run, &list, true);
	if (!err &&
	    copy_to_user(u64_to_user_ptr(request.steps), list.steps, list.nr * sizeof(*list.steps)))
		err = -EFAULT;
	if (page)
		memunmap(page);
free:
	kfree(list.steps);
	return err;
}

static long do_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case HV_REGS_RUN:
		return run_list((void __user *)arg);
	case HV_REGS_EVENTS:
		return hv_events_ioctl((void __user *)arg);
	default:
		return -ENOTTY;
	}
}

static int open_file(struct inode *inode, struct file *file)
{
	return hv_events_open();
}

static int release_file(struct inode *inode, struct file *file)
{
	hv_events_close();
	return 0;
}

static const struct file_operations fops = {
	.owner = THIS_MODULE,
	.open = open_file,
	.release = release_file,
	.unlocked_ioctl = do_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static int __init hv_regs_init(void)
{
	int err = hv_arch_init();

	if (err)
		return err;
	dir = debugfs_create_dir(KBUILD_MODNAME, NULL);
	if (IS_ERR(dir)) {
		pr_err("no debugfs, no interface: error %ld\n", PTR_ERR(dir));
		return PTR_ERR(dir);
	}
	debugfs_create_file("run", 0600, dir, NULL, &fops);
	return 0;
}

static void __exit hv_regs_exit(void)
{
	debugfs_remove_recursive(dir);
}

module_init(hv_regs_init);
module_exit(hv_regs_exit);
MODULE_DESCRIPTION("Hyper-V's registers of a CPU, for tickproof's tests");
MODULE_LICENSE("GPL");
