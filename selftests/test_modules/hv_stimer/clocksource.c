// SPDX-License-Identifier: GPL-2.0-only
/*
 * The partition reference counter as a clocksource: by the reference TSC page,
 * and by its register. Names and ratings are drivers/clocksource/hyperv_timer.c's.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/clocksource.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/math64.h>
#include <asm/arch_timer.h>

#include "hv_stimer.h"

/* TLFS, "Partition reference time enlightenment" */
struct reference_page {
	u32 sequence; /* 0: not valid now */
	u32 reserved;
	u64 scale;
	s64 offset;
};

#define PAGE_ENABLE   1
#define HV_PAGE_SHIFT 12

static struct reference_page *page;
static bool page_source, register_source;
static u64 page_setting;

static u64 read_register(void)
{
	static u64 last;
	u64 now, high;
	u16 status = hvc_get(HVR_TIME_REF_COUNT, &now, &high);

	/* There is nobody to give an error to: time stands still, and says why. */
	if (status) {
		pr_err_once("the reference counter can't be read: status 0x%x\n", status);
		return READ_ONCE(last);
	}
	WRITE_ONCE(last, now);
	return now;
}

static bool read_page(u64 *now)
{
	u32 sequence;
	u64 scale;
	s64 offset;

	do {
		sequence = READ_ONCE(page->sequence);
		if (!sequence)
			return false;
		smp_rmb();
		scale = READ_ONCE(page->scale);
		offset = READ_ONCE(page->offset);
		*now = mul_u64_u64_shr(__arch_counter_get_cntvct(), scale, 64) + offset;
		smp_rmb();
	} while (READ_ONCE(page->sequence) != sequence);
	return true;
}

u64 hv_reference(void)
{
	u64 now;

	/* Both tell the same time (TLFS), so that one may stand in for the other. */
	return page && read_page(&now) ? now : read_register();
}

static u64 read_page_source(struct clocksource *cs)
{
	return hv_reference();
}

static u64 read_register_source(struct clocksource *cs)
{
	return read_register();
}

static void suspend_page(struct clocksource *cs)
{
	hvc_set(HVR_REFERENCE_TSC, 0);
}

static void resume_page(struct clocksource *cs)
{
	hvc_set(HVR_REFERENCE_TSC, page_setting);
}

static struct clocksource by_page = {
	.name = "hyperv_clocksource_tsc_page",
	.rating = 500,
	.read = read_page_source,
	.mask = CLOCKSOURCE_MASK(64),
	.flags = CLOCK_SOURCE_IS_CONTINUOUS,
	.suspend = suspend_page,
	.resume = resume_page,
	.owner = THIS_MODULE,
};

static struct clocksource by_register = {
	.name = "hyperv_clocksource_msr",
	.rating = 495,
	.read = read_register_source,
	.mask = CLOCKSOURCE_MASK(64),
	.flags = CLOCK_SOURCE_IS_CONTINUOUS,
	.owner = THIS_MODULE,
};

/* Gives Hyper-V a page to write to. */
static int page_enable(void)
{
	u16 status;

	page = (void *)get_zeroed_page(GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	page_setting = virt_to_phys(page) >> HV_PAGE_SHIFT << HV_PAGE_SHIFT | PAGE_ENABLE;
	status = hvc_set(HVR_REFERENCE_TSC, page_setting);
	if (status) {
		pr_err("Hyper-V refuses the reference TSC page: status 0x%x\n", status);
		free_page((unsigned long)page);
		page = NULL;
		return hvc_errno(status);
	}
	if (!READ_ONCE(page->sequence))
		pr_info("the reference TSC page isn't valid: the register is read instead\n");
	return 0;
}

static void page_disable(void)
{
	u16 status;

	if (!page)
		return;
	status = hvc_set(HVR_REFERENCE_TSC, 0);
	if (status) {
		/* Hyper-V may write to it yet. */
		pr_err("the reference TSC page can't be taken back (status 0x%x), and is left to Hyper-V\n",
		       status);
		return;
	}
	free_page((unsigned long)page);
	page = NULL;
}

void hv_clocksources_unregister(void)
{
	if (register_source)
		clocksource_unregister(&by_register);
	if (page_source)
		clocksource_unregister(&by_page);
	page_disable();
}

int hv_clocksources_register(u32 features)
{
	int err = 0;

	if (features & HVF_REFERENCE_TSC) {
		err = page_enable();
		if (!err)
			err = clocksource_register_hz(&by_page, HV_CLOCK_HZ);
		page_source = !err;
	}
	if (!err) {
		err = clocksource_register_hz(&by_register, HV_CLOCK_HZ);
		register_source = !err;
	}
	if (err) {
		pr_err("the clocksources can't be registered: error %d\n", err);
		hv_clocksources_unregister();
	}
	return err;
}
