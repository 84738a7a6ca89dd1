// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../timer_list.h"
#include "testing.h"

static void parse_data(const char *name, struct timer_list *tl)
{
	char *text = data_read(name);

	ck_assert_msg(timer_list_parse(text, tl) == 0, "%s does not parse", name);
	free(text);
}

/* What text parses to; frees it. */
static int parse(char *text)
{
	struct timer_list tl;
	int err = timer_list_parse(text, &tl);

	if (!err)
		timer_list_free(&tl);
	free(text);
	return err;
}

static const struct recording {
	const char *file, *version;
	size_t nr_cpus;
	const char *device, *broadcast;
	int64_t now_ns;
} recordings[] = {
	{ "timer_list-5.10-crafted", "v0.8", 2, "Hyper-V clockevent", "lapic-deadline", 0 },
	{ "timer_list-6.1-x86", "v0.9", 3, "lapic", "hpet", 0 },
	{ "timer_list-6.1-arm64", "v0.9", 3, "arch_sys_timer", "bc_hrtimer", 0 },
	{ "timer_list-6.12-x86", "v0.10", 3, "lapic", "hpet", 4392161385 },
	{ "timer_list-6.12-x86-cpu1-offline", "v0.10", 2, "lapic", "hpet", 0 },
	{ "timer_list-6.12-arm64", "v0.10", 3, "arch_sys_timer", "bc_hrtimer", 0 },
	{ "timer_list-6.18-x86-microvm", "v0.10", 2, "lapic-deadline", "", 0 },
	{ "timer_list-7.2-crafted", "v0.11", 2, "Hyper-V clockevent", "lapic-deadline", 0 },
	{ "timer_list-6.12-hyperv", "v0.10", 3, "Hyper-V clockevent", "lapic-deadline", 0 },
	{ "timer_list-6.1-hyperv-gen2", "v0.9", 3, "Hyper-V clockevent", "lapic-deadline", 0 },
};

START_TEST(recorded)
{
	const struct recording *r = &recordings[_i];
	struct timer_list tl;

	parse_data(r->file, &tl);
	ck_assert_str_eq(tl.version, r->version);
	ck_assert_uint_eq(tl.nr_cpus, r->nr_cpus);
	ck_assert_uint_eq(tl.nr_devices, r->nr_cpus + 1);
	ck_assert_int_gt(tl.now_ns, 1000000000);
	if (r->now_ns)
		ck_assert_int_eq(tl.now_ns, r->now_ns);
	for (size_t i = 0; i < tl.nr_cpus; i++) {
		const struct tl_cpu *cpu = &tl.cpus[i];
		const struct tl_device *d = timer_list_device(&tl, cpu->cpu);

		ck_assert_int_eq(cpu->hres_active, 1);
		ck_assert_int_gt(cpu->nohz, 0);
		ck_assert_int_ge(cpu->tick_stopped, 0);
		ck_assert_int_gt(cpu->nr_events, 0);
		ck_assert_int_gt(cpu->idle_calls, 0);
		ck_assert_uint_ge(cpu->idle_calls, cpu->idle_sleeps);
		ck_assert_uint_gt(cpu->jiffies, 4294000000);
		ck_assert_str_eq(d->name, r->device);
		ck_assert_int_eq(d->tick_mode, 1);
		ck_assert_int_eq(d->state, TL_ONESHOT);
		ck_assert_str_eq(d->event_handler, "hrtimer_interrupt");
		ck_assert_uint_ge(d->min_delta_ns, 1000);
		ck_assert_uint_gt(d->max_delta_ns, 1000000000);
		ck_assert_uint_gt(d->mult, 0);
		ck_assert_uint_gt(d->shift, 0);
		ck_assert_str_eq(d->wakeup, "");
	}
	ck_assert_str_eq(timer_list_device(&tl, -1)->name, r->broadcast);
	ck_assert(tl.has_broadcast_mask);
	ck_assert_int_eq(cpus_count(&tl.broadcast_mask), 0);
	ck_assert_int_eq(cpus_count(&tl.broadcast_oneshot_mask), 0);
	ck_assert_ptr_null(timer_list_cpu(&tl, 77));
	ck_assert_ptr_null(timer_list_cpu(&tl, -1));
	ck_assert_ptr_null(timer_list_device(&tl, 77));
	timer_list_free(&tl);
}
END_TEST

START_TEST(every_field)
{
	const struct tl_device *d;
	struct timer_list tl;

	parse_data("timer_list-6.12-x86", &tl);
	ck_assert_int_eq(tl.cpus[0].cpu, 0);
	ck_assert_uint_eq(tl.cpus[0].nr_events, 362);
	ck_assert_uint_eq(tl.cpus[0].nr_retries, 8);
	ck_assert_uint_eq(tl.cpus[0].nr_hangs, 0);
	ck_assert_int_eq(tl.cpus[0].nohz, 1);
	ck_assert_int_eq(tl.cpus[0].tick_stopped, 0);
	ck_assert_int_eq(tl.cpus[1].tick_stopped, 1);
	ck_assert_uint_eq(tl.cpus[0].idle_calls, 182);
	ck_assert_uint_eq(tl.cpus[0].idle_sleeps, 116);
	/* Not .last_jiffies, which is 4294893348. */
	ck_assert_uint_eq(tl.cpus[0].jiffies, 4294893349);
	d = timer_list_device(&tl, -1);
	ck_assert_uint_eq(d->max_delta_ns, 21474836451);
	ck_assert_uint_eq(d->min_delta_ns, 1920);
	ck_assert_uint_eq(d->mult, 429496730);
	ck_assert_uint_eq(d->shift, 32);
	ck_assert_int_eq(d->state, TL_SHUTDOWN);
	ck_assert_int_eq(d->next_event_ns, INT64_MAX);
	ck_assert_str_eq(d->event_handler, "tick_handle_oneshot_broadcast");
	ck_assert_int_eq(timer_list_device(&tl, 0)->next_event_ns, 4432000000);
	timer_list_free(&tl);
}
END_TEST

START_TEST(offline_cpu_is_a_gap)
{
	struct timer_list tl;

	parse_data("timer_list-6.12-x86-cpu1-offline", &tl);
	ck_assert_ptr_nonnull(timer_list_cpu(&tl, 0));
	ck_assert_ptr_null(timer_list_cpu(&tl, 1));
	ck_assert_ptr_null(timer_list_device(&tl, 1));
	ck_assert_int_eq(timer_list_cpu(&tl, 2)->cpu, 2);
	ck_assert_int_eq(timer_list_device(&tl, 2)->cpu, 2);
	timer_list_free(&tl);
}
END_TEST

START_TEST(dummy_and_masks)
{
	const struct tl_device *d;
	struct timer_list tl;

	parse_data("timer_list-6.12-arm64-unbound", &tl);
	ck_assert_str_eq(timer_list_device(&tl, 0)->name, "arch_sys_timer");
	d = timer_list_device(&tl, 2);
	ck_assert_str_eq(d->name, "dummy_timer");
	ck_assert_str_eq(d->event_handler, "tick_handle_periodic");
	ck_assert_int_eq(d->state, TL_SHUTDOWN);
	ck_assert_uint_eq(d->max_delta_ns, 0);
	ck_assert(!cpus_has(&tl.broadcast_mask, 0));
	ck_assert(cpus_has(&tl.broadcast_mask, 1));
	ck_assert(cpus_has(&tl.broadcast_mask, 2));
	ck_assert_int_eq(cpus_count(&tl.broadcast_mask), 2);
	ck_assert_int_eq(cpus_count(&tl.broadcast_oneshot_mask), 0);
	timer_list_free(&tl);
}
END_TEST

START_TEST(wide_mask)
{
	struct timer_list tl;
	char *text = data_replaced("timer_list-6.12-x86", "tick_broadcast_mask: 0",
				   "tick_broadcast_mask: 80,00000000,0000000A");

	ck_assert_int_eq(timer_list_parse(text, &tl), 0);
	ck_assert_int_eq(cpus_count(&tl.broadcast_mask), 3);
	ck_assert(cpus_has(&tl.broadcast_mask, 1));
	ck_assert(cpus_has(&tl.broadcast_mask, 3));
	ck_assert(cpus_has(&tl.broadcast_mask, 71));
	timer_list_free(&tl);
	free(text);
}
END_TEST

/* Every digit, in both cases: four CPUs each. */
START_TEST(mask_digits)
{
	static const char digits[] = "0123456789abcdefABCDEF";

	for (size_t i = 0; digits[i]; i++) {
		unsigned int bits = i < 16 ? i : i - 6;
		char line[] = "tick_broadcast_mask: 0,0000000?";
		struct timer_list tl;
		char *text;

		*strchr(line, '?') = digits[i];
		text = data_replaced("timer_list-6.12-x86", "tick_broadcast_mask: 0", line);
		ck_assert_int_eq(timer_list_parse(text, &tl), 0);
		for (int cpu = 0; cpu < 40; cpu++)
			ck_assert_int_eq(cpus_has(&tl.broadcast_mask, cpu),
					 cpu < 4 && bits >> cpu & 1);
		timer_list_free(&tl);
		free(text);
	}
}
END_TEST

START_TEST(mask_of_more_than_8192_cpus)
{
	static char line[4096] = "tick_broadcast_mask: 00000000";

	/* Zeroes beyond what struct cpus holds are no trouble; a CPU there would be. */
	for (int i = 0; i < 256; i++)
		strcat(line, ",00000000");
	ck_assert_int_eq(parse(data_replaced("timer_list-6.12-x86", "tick_broadcast_mask: 0",
					     line)),
			 0);
	line[strlen("tick_broadcast_mask: 00000000,")] = '8';
	ck_assert_int_eq(parse(data_replaced("timer_list-6.12-x86", "tick_broadcast_mask: 0",
					     line)),
			 0);
	line[strlen("tick_broadcast_mask: 0000000")] = '1';
	ck_assert_int_eq(parse(data_replaced("timer_list-6.12-x86", "tick_broadcast_mask: 0",
					     line)),
			 -EINVAL);
}
END_TEST

START_TEST(no_broadcast_support)
{
	struct timer_list tl;
	char *text = data_read("timer_list-6.18-x86-microvm"), *from, *to;

	/* CONFIG_GENERIC_CLOCKEVENTS_BROADCAST=n: neither block nor masks nor wakeup devices. */
	from = strstr(text, "Tick Device:");
	to = strstr(from + 1, "Tick Device:");
	memmove(from, to, strlen(to) + 1);
	ck_assert_int_eq(timer_list_parse(text, &tl), 0);
	ck_assert(!tl.has_broadcast_mask);
	ck_assert_ptr_null(timer_list_device(&tl, -1));
	timer_list_free(&tl);
	free(text);
}
END_TEST

START_TEST(missing_keys_are_told_from_zero)
{
	struct timer_list tl;
	char *text = data_replaced("timer_list-6.12-x86", ".nohz    ", ".hertz   ");

	ck_assert_int_eq(timer_list_parse(text, &tl), 0);
	ck_assert_int_eq(tl.cpus[0].nohz, -1);
	timer_list_free(&tl);
	free(text);
	text = data_replaced("timer_list-6.12-x86", "  .tick_stopped   : 0\n", "");
	ck_assert_int_eq(timer_list_parse(text, &tl), 0);
	ck_assert_int_eq(tl.cpus[0].tick_stopped, -1);
	ck_assert_int_eq(tl.cpus[1].tick_stopped, 1);
	timer_list_free(&tl);
	free(text);
	text = data_replaced("timer_list-6.12-x86", " mode:           3\n", "");
	ck_assert_int_eq(timer_list_parse(text, &tl), 0);
	ck_assert_int_eq(timer_list_device(&tl, 0)->state, -1);
	ck_assert_int_eq(timer_list_device(&tl, -1)->state, TL_SHUTDOWN);
	timer_list_free(&tl);
	free(text);
}
END_TEST

/* A kernel without HIGH_RES_TIMERS and TICK_ONESHOT. */
START_TEST(absent_is_not_zero)
{
	char *text = data_read("timer_list-no-oneshot");
	struct timer_list tl;

	ck_assert_int_eq(timer_list_parse(text, &tl), 0);
	ck_assert_str_eq(tl.version, "v0.7");
	ck_assert_uint_eq(tl.nr_cpus, 1);
	ck_assert_int_eq(tl.now_ns, 5000000000);
	ck_assert_int_eq(tl.cpus[0].hres_active, -1);
	ck_assert_int_eq(tl.cpus[0].nohz, -1);
	ck_assert_int_eq(tl.cpus[0].tick_stopped, -1);
	ck_assert(!tl.cpus[0].has_jiffies);
	ck_assert_int_eq(timer_list_device(&tl, 0)->tick_mode, 0);
	ck_assert_str_eq(timer_list_device(&tl, 0)->event_handler, "tick_handle_periodic");
	ck_assert(!tl.has_broadcast_mask);
	timer_list_free(&tl);
	free(text);
	text = data_read("timer_list-6.12-x86");
	ck_assert_int_eq(timer_list_parse(text, &tl), 0);
	ck_assert(tl.cpus[2].has_jiffies);
	timer_list_free(&tl);
	free(text);
}
END_TEST

/* Any byte of it in place of any other: refused or read, but never beyond its bounds. */
START_TEST(spoilt_anywhere)
{
	static const char *const files[] = { "timer_list-no-oneshot", "timer_list-5.10-crafted" };
	static const char bytes[] = "\0\n :9-~\377";
	struct timer_list tl;

	for (size_t f = 0; f < 2; f++) {
		char *text = data_read(files[f]);

		for (size_t i = 0; text[i]; i++) {
			char saved = text[i];

			for (size_t b = 0; b < sizeof(bytes) - 1; b++) {
				text[i] = bytes[b];
				if (!timer_list_parse(text, &tl))
					timer_list_free(&tl);
			}
			text[i] = saved;
		}
		free(text);
	}
}
END_TEST

START_TEST(wakeup_device_and_long_names)
{
	static const char name[] =
		"a_handler_whose_name_is_far_longer_than_any_that_fits_into_this_field_at_all [module]";
	char line[256];
	struct timer_list tl;
	char *text = data_replaced("timer_list-6.12-x86", "Wakeup Device: <NULL>",
				   "Wakeup Device: arch timer: mode: 4");

	ck_assert_int_eq(timer_list_parse(text, &tl), 0);
	ck_assert_str_eq(timer_list_device(&tl, 1)->wakeup, "arch timer: mode: 4");
	ck_assert_int_eq(timer_list_device(&tl, 1)->state, TL_ONESHOT);
	timer_list_free(&tl);
	free(text);
	snprintf(line, sizeof(line), " event_handler:  %s", name);
	text = data_replaced("timer_list-6.12-x86", " event_handler:  hrtimer_interrupt", line);
	ck_assert_int_eq(timer_list_parse(text, &tl), 0);
	ck_assert_int_eq(strncmp(timer_list_device(&tl, 0)->event_handler, name, TL_NAME_LEN - 1),
			 0);
	timer_list_free(&tl);
	free(text);
}
END_TEST

/* Names that hold what looks like a key, or another device's name. */
START_TEST(names_that_look_like_keys)
{
	static const char *const names[] = {
		"Hyper-V clockevent", "mode: 0", "Per CPU device: 9", "<NULL> ",
		"hpet hpet",	      "lapic:",
	};
	struct timer_list tl;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char line[128], *text;

		snprintf(line, sizeof(line), "Device: %s\n", names[i]);
		text = data_replaced("timer_list-6.12-x86", "Device: lapic\n", line);
		ck_assert_int_eq(timer_list_parse(text, &tl), 0);
		ck_assert_str_eq(timer_list_device(&tl, 2)->name, names[i]);
		ck_assert_str_eq(timer_list_device(&tl, -1)->name, "hpet");
		ck_assert_int_eq(timer_list_device(&tl, 2)->state, TL_ONESHOT);
		timer_list_free(&tl);
		free(text);
	}
}
END_TEST

START_TEST(timers_that_look_like_keys)
{
	struct timer_list tl;
	char *text = data_replaced("timer_list-6.12-x86", "dl_task_timer", "evil: mode: 7, cpu: 9");

	ck_assert_int_eq(timer_list_parse(text, &tl), 0);
	ck_assert_uint_eq(tl.nr_cpus, 3);
	timer_list_free(&tl);
	free(text);
}
END_TEST

/* Wherever the text breaks off, that is noticed. */
START_TEST(truncated_anywhere)
{
	static const char *const files[] = {
		"timer_list-5.10-crafted",
		"timer_list-6.12-x86",
		"timer_list-6.18-x86-microvm",
	};
	char *text = data_read(files[_i]);

	for (size_t len = strlen(text); len--;) {
		struct timer_list tl;
		char saved = text[len];

		text[len] = '\0';
		ck_assert_msg(timer_list_parse(text, &tl) == -EINVAL, "%zu bytes of %s parse", len,
			      files[_i]);
		text[len] = saved;
	}
	free(text);
}
END_TEST

static const struct {
	const char *from, *to;
} spoilt[] = {
	{ "Timer List Version: v0.10", "Timer List" },
	{ "Timer List Version", "\001\002\377Timer List Version" },
	{ "now at ", "now at x" },
	{ "cpu: 1\n", "cpu: 0\n" }, /* twice */
	{ "cpu: 1\n", "cpu: 99999999999\n" },
	{ "cpu: 1\n", "cpu: 4294967297\n" }, /* 1, if cut to 32 bits */
	{ "\n\ncpu: 1\n", "\ncpu: 1\n" },    /* no end of the block before */
	{ "\n\nTick Device: mode:     1\nPer CPU device: 1",
	  "\nTick Device: mode:     1\nPer CPU device: 1" },
	{ "cpu: 1\n", "cpu: -1\n" },
	{ "cpu: 1\n", "cpu:\n" },
	{ "cpu: 1\n", "cpu: 1 2\n" },
	{ "cpu: 1\n", "cpu: 5\n" },			  /* has no device */
	{ "Per CPU device: 1\n", "Per CPU device: 0\n" }, /* twice */
	{ "Per CPU device: 1\n", "Per CPU device: -1\n" },
	{ "Per CPU device: 1\n", "" },
	{ "Per CPU device: 1\n", "Per CPU device: 7\nPer CPU device: 1\n" },
	{ "Broadcast device\n", "" },
	{ "Broadcast device\n", "Broadcast device\nPer CPU device: 1\n" },
	{ "mode:     1", "mode:     x" },
	{ "Tick Device: mode:", "Tick Device: mood:" },
	{ "mult:           268432234", "mult:           -268432234" },
	{ "mult:           268432234", "mult:           99999999999999999999999" },
	{ "mult:           268432234", "mult:           0x10" },
	{ "mult:           268432234", "mult:           268432234k" },
	{ "mult:           268432234", "mult:" },
	{ "next_event:     9223372036854775807", "next_event:     9223372036854775808" },
	{ "next_event:     9223372036854775807", "next_event:     --1" },
	{ "Clock Event Device: lapic\n", "Clock Event Device: \n" },
	{ "Clock Event Device: lapic\n", "Clock Event Device: lapic\nClock Event Device: hpet\n" },
	{ "nr_events      : 362", "nr_events      : 3 6 2" },
	{ "hres_active    : 1", "hres_active    : yes" },
	{ "tick_broadcast_mask: 0", "tick_broadcast_mask: 0g" },
	{ "tick_broadcast_mask: 0", "tick_broadcast_mask: " },
	{ "tick_broadcast_mask: 0", "tick_broadcast_mask: -1" },
	{ "\n retries:        2\n", "\n" }, /* a block without its end */
};

START_TEST(spoilt_is_refused)
{
	char *text = data_replaced("timer_list-6.12-x86", spoilt[_i].from, spoilt[_i].to);
	int err = parse(text);

	ck_assert_msg(err == -EINVAL, "\"%s\" gives %d", spoilt[_i].to, err);
}
END_TEST

START_TEST(appended)
{
	char *text = data_read("timer_list-6.12-x86"), *last = NULL, *more;

	for (char *s = text; (s = strstr(s, "Tick Device:")); s++)
		last = s;
	ck_assert_int_gt(asprintf(&more, "%s%s", text, last), 0);
	ck_assert_int_eq(parse(more), -EINVAL); /* a CPU's device twice */
	ck_assert_int_gt(asprintf(&more, "%sTick", text), 0);
	ck_assert_int_eq(parse(more), -EINVAL);
	ck_assert_int_gt(asprintf(&more, "%sA line of a later version: 1\n", text), 0);
	ck_assert_int_eq(parse(more), 0);
	free(text);
}
END_TEST

START_TEST(not_a_timer_list)
{
	static const char *const texts[] = {
		"",
		"\n",
		"\n\n",
		"lapic\n",
		"Timer List Version: v0.10",
		"Timer List Version: v0.10\n",
		"Timer List Version: v0.10\nHRTIMER_MAX_CLOCK_BASES: 8\nnow at 1 nsecs\n\n",
		"Timer List Version: v0.10\nmode: 3\nretries: 1\nBroadcast device\n\n",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		ck_assert_int_eq(parse(strdup(texts[i])), -EINVAL);
	ck_assert_int_eq(parse(data_read("interrupts-6.12-x86")), -EINVAL);
}
END_TEST

START_TEST(read_from_proc)
{
	struct timer_list tl;
	char *text = data_read("timer_list-6.12-x86");

	fake_make();
	ck_assert_int_eq(timer_list_read(&tl), -ENOENT);
	fake_write("/proc/timer_list", "");
	ck_assert_int_eq(timer_list_read(&tl), -EINVAL);
	fake_write_bytes("/proc/timer_list", "Timer\0List\377\0", 12);
	ck_assert_int_eq(timer_list_read(&tl), -EINVAL);
	fake_write("/proc/timer_list", text);
	ck_assert_int_eq(timer_list_read(&tl), 0);
	ck_assert_uint_eq(tl.nr_cpus, 3);
	timer_list_free(&tl);
	fake_remove();
	free(text);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("timer_list");

	tcase_add_loop_test(tc, recorded, 0, sizeof(recordings) / sizeof(*recordings));
	tcase_add_test(tc, every_field);
	tcase_add_test(tc, offline_cpu_is_a_gap);
	tcase_add_test(tc, dummy_and_masks);
	tcase_add_test(tc, wide_mask);
	tcase_add_test(tc, mask_digits);
	tcase_add_test(tc, mask_of_more_than_8192_cpus);
	tcase_add_test(tc, no_broadcast_support);
	tcase_add_test(tc, missing_keys_are_told_from_zero);
	tcase_add_test(tc, absent_is_not_zero);
	tcase_add_test(tc, spoilt_anywhere);
	tcase_add_test(tc, wakeup_device_and_long_names);
	tcase_add_test(tc, names_that_look_like_keys);
	tcase_add_test(tc, timers_that_look_like_keys);
	tcase_add_loop_test(tc, truncated_anywhere, 0, 3);
	tcase_add_loop_test(tc, spoilt_is_refused, 0, sizeof(spoilt) / sizeof(*spoilt));
	tcase_add_test(tc, appended);
	tcase_add_test(tc, not_a_timer_list);
	tcase_add_test(tc, read_from_proc);
	return run_cases("timer_list", tc);
}
