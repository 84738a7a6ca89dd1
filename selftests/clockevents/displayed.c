// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/clockevents.h"
#include "../lib/cpus.h"
#include "../lib/files.h"
#include "../lib/platform.h"
#include "../lib/report.h"
#include "../lib/timer_list.h"
#include "displayed.h"

struct ce_names *displayed_names(void)
{
	static struct ce_names now;
	int err = ce_snapshot(&now);

	if (err == -ENOENT)
		report_skip("no " CE_DIR ": this kernel has no clockevents in sysfs");
	if (err)
		report_fail("reading " CE_DIR ": %s", strerror(-err));
	return &now;
}

struct cpus displayed_online(void)
{
	struct cpus set;
	int err = cpus_read("online", &set);

	if (err)
		report_fail("reading the online CPUs: %s", strerror(-err));
	return set;
}

static struct timer_list *need_timer_list(void)
{
	static struct timer_list tl;
	int err;

	displayed_names();
	err = timer_list_read(&tl);
	if (err == -EACCES || err == -EPERM)
		report_skip("reading /proc/timer_list needs root");
	if (err == -ENOENT)
		report_skip("no /proc/timer_list: kernel without CONFIG_PROC_FS timer list");
	if (err)
		report_fail("reading /proc/timer_list: %s", strerror(-err));
	return &tl;
}

void displayed_directories(int cpu)
{
	struct ce_names *now = displayed_names();
	struct cpus possible;

	(void)cpu;
	ck_assert_int_eq(cpus_read("possible", &possible), 0);
	report_metric("directories", cpus_count(&now->cpus), "CPUs");
	if (!cpus_equal(&possible, &now->cpus))
		report_fail("%d possible CPUs, but %d clockevent directories",
			    cpus_count(&possible), cpus_count(&now->cpus));
}

static void expect_mode(int cpu, const char *attribute, mode_t mode)
{
	char path[96], full[4096];
	struct stat st;

	ce_path(cpu, attribute, path, sizeof(path));
	ck_assert_int_eq(file_path(full, sizeof(full), path), 0);
	if (stat(full, &st))
		report_fail("%s: %s", path, strerror(errno));
	if ((st.st_mode & 07777) != mode)
		report_fail("%s has mode %04o instead of %04o", path, st.st_mode & 07777, mode);
}

void displayed_modes(int unused)
{
	struct ce_names *now = displayed_names();
	char path[96];
	int cpu;

	(void)unused;
	cpus_for_each(cpu, &now->cpus) {
		expect_mode(cpu, "current_device", 0444);
		expect_mode(cpu, "unbind_device", 0200);
	}
	if (access(CE_DIR "/broadcast", F_OK))
		return;
	expect_mode(CE_BROADCAST, "current_device", 0444);
	ce_path(CE_BROADCAST, "unbind_device", path, sizeof(path));
	if (!access(path, F_OK))
		report_fail("the broadcast device has an unbind_device file");
}

void displayed_current_names(int unused)
{
	struct ce_names *now = displayed_names();
	struct cpus up = displayed_online();
	char path[96], *text;
	int cpu;

	(void)unused;
	cpus_for_each(cpu, &now->cpus) {
		ssize_t n;

		ce_path(cpu, "current_device", path, sizeof(path));
		n = file_read(path, &text);
		ck_assert_int_ge(n, 0);
		if (!cpus_has(&up, cpu)) {
			if (n)
				report_fail("offline CPU %d has a current device: %s", cpu, text);
		} else if (n < 2 || strchr(text, '\n') != text + n - 1) {
			report_fail("CPU %d: current_device isn't one line with a name: '%s'", cpu,
				    text);
		}
		free(text);
	}
}

const char *displayed_disagreement(void)
{
	static char text[256];
	struct ce_names *now = displayed_names();
	struct timer_list *tl = need_timer_list();
	const struct tl_device *d;
	struct cpus up = displayed_online();
	int cpu;

	cpus_for_each(cpu, &up) {
		d = timer_list_device(tl, cpu);
		if (d && !strcmp(d->name, now->cpu[cpu]))
			continue;
		snprintf(text, sizeof(text), "CPU %d: sysfs says '%s', /proc/timer_list '%s'", cpu,
			 now->cpu[cpu], d ? d->name : "(no such CPU)");
		return text;
	}
	d = timer_list_device(tl, CE_BROADCAST);
	if (d && strcmp(d->name, now->broadcast)) {
		snprintf(text, sizeof(text), "broadcast: sysfs says '%s', /proc/timer_list '%s'",
			 now->broadcast, d->name);
		return text;
	}
	return NULL;
}

void displayed_timer_list_agrees(int cpu)
{
	const char *what = displayed_disagreement();

	(void)cpu;
	/* The two files can't be read at one moment: once more. */
	if (what)
		what = displayed_disagreement();
	if (what)
		report_fail("%s", what);
}

void displayed_oneshot_mode(int unused)
{
	struct timer_list *tl = need_timer_list();
	struct cpus up = displayed_online();
	int cpu;

	(void)unused;
	cpus_for_each(cpu, &up) {
		const struct tl_device *d = timer_list_device(tl, cpu);
		const struct tl_cpu *c = timer_list_cpu(tl, cpu);

		if (!d || !c)
			report_fail("CPU %d isn't in /proc/timer_list", cpu);
		if (c->hres_active < 0)
			report_skip(
				"/proc/timer_list has no .hres_active: this kernel has no high resolution timers (CONFIG_HIGH_RES_TIMERS)");
		if (!c->hres_active)
			report_skip("high resolution timers aren't active (highres=off?)");
		if (d->tick_mode != 1)
			report_fail("CPU %d: tick mode %d instead of 1 (oneshot)", cpu,
				    d->tick_mode);
		if (strcmp(d->event_handler, "hrtimer_interrupt"))
			report_fail("CPU %d: event handler %s instead of hrtimer_interrupt", cpu,
				    d->event_handler);
		/* In deep idle the broadcast device stands in and the CPU's own is shut down. */
		if (d->state != TL_ONESHOT && d->state != TL_ONESHOT_STOPPED &&
		    !cpus_has(&tl->broadcast_oneshot_mask, cpu))
			report_fail("CPU %d: device in state %d instead of oneshot", cpu, d->state);
	}
}

void displayed_deltas(int unused)
{
	struct timer_list *tl = need_timer_list();
	size_t judged = 0;

	(void)unused;
	for (size_t i = 0; i < tl->nr_devices; i++) {
		const struct tl_device *d = &tl->devices[i];

		/* bc_hrtimer has no hardware behind it, the PIT only 16 bits. */
		if (d->cpu < 0 || !d->name[0] || !platform_functional(d->name) ||
		    !strcmp(d->name, "pit"))
			continue;
		/*
		 * A dummy of a device's name that nobody programs: the broadcast device serves its
		 * CPU (nolapic_timer).
		 */
		if (cpus_has(&tl->broadcast_mask, d->cpu) && d->state == TL_SHUTDOWN &&
		    !d->min_delta_ns)
			continue;
		judged++;
		if (!d->mult)
			report_fail("CPU %d: %s has mult 0", d->cpu, d->name);
		/*
		 * cev_delta2ns(): "Deltas less than 1usec are pointless noise"; one jiffy is 10 ms
		 * at most
		 */
		if (d->min_delta_ns < 1000 || d->min_delta_ns > 10000000)
			report_fail("CPU %d: %s has min_delta_ns %llu, not within 1 us and one jiffy",
				    d->cpu, d->name, (unsigned long long)d->min_delta_ns);
		if (d->max_delta_ns < 1000000000)
			report_fail("CPU %d: %s has max_delta_ns %llu, less than a second", d->cpu,
				    d->name, (unsigned long long)d->max_delta_ns);
	}
	if (!judged)
		report_skip("no CPU uses a hardware clockevent");
}

void displayed_hyperv_deltas(int unused)
{
	struct timer_list *tl = need_timer_list();
	size_t judged = 0;

	(void)unused;
	for (size_t i = 0; i < tl->nr_devices; i++) {
		const struct tl_device *d = &tl->devices[i];
		long long off;

		if (d->cpu < 0 || strcmp(d->name, "Hyper-V clockevent"))
			continue;
		judged++;
		/*
		 * 10 MHz; 1 to 0xffffffff ticks (HV_MIN_DELTA_TICKS, HV_MAX_MAX_DELTA_TICKS),
		 * rounded by mult
		 */
		off = (long long)d->max_delta_ns - 0xffffffffll * 100;
		if (d->min_delta_ns != 1000)
			report_fail("CPU %d: min_delta_ns %llu instead of 1000", d->cpu,
				    (unsigned long long)d->min_delta_ns);
		if (llabs(off) > 100000)
			report_fail("CPU %d: max_delta_ns is %lld ns off 2^32-1 ticks of 100 ns",
				    d->cpu, off);
	}
	if (!judged)
		report_skip("no CPU uses the Hyper-V clockevent");
}
