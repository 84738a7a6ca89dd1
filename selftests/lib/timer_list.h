/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /proc/timer_list (kernel/time/timer_list.c), read by key: the layout moved
 * between its versions (v0.8 in 5.10, v0.9 in 6.1, v0.10 in 6.12, v0.11 in 7.2).
 */
#ifndef TICKPROOF_TIMER_LIST_H
#define TICKPROOF_TIMER_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cpus.h"

#define TL_NAME_LEN 64

/* enum clock_event_state as printed in a device's " mode:" */
enum tl_device_state { TL_DETACHED, TL_SHUTDOWN, TL_PERIODIC, TL_ONESHOT, TL_ONESHOT_STOPPED };

/* A "Tick Device" block. */
struct tl_device {
	int cpu;		/* -1: the broadcast device */
	int tick_mode;		/* 0 periodic, 1 oneshot; -1: the line is missing */
	char name[TL_NAME_LEN]; /* "" for <NULL> */
	uint64_t max_delta_ns, min_delta_ns, mult, shift, retries;
	int64_t next_event_ns;
	int state; /* enum tl_device_state; -1: no device */
	char event_handler[TL_NAME_LEN];
	char wakeup[TL_NAME_LEN]; /* "" for <NULL> and for kernels without the line */
};

/*
 * A "cpu: N" block: an online CPU's hrtimer and tick state. A kernel without CONFIG_HIGH_RES_TIMERS
 * has no .hres_active, .nr_events, .nr_retries and .nr_hangs, one without CONFIG_TICK_ONESHOT
 * nothing of what follows: absent, not 0.
 */
struct tl_cpu {
	int cpu;
	int hres_active; /* -1: absent */
	uint64_t nr_events, nr_retries, nr_hangs;
	int nohz;	  /* .nohz or .nohz_mode; -1: absent */
	int tick_stopped; /* -1: absent */
	uint64_t idle_calls, idle_sleeps;
	bool has_jiffies;
	uint64_t jiffies;
};

struct timer_list {
	char version[16]; /* "v0.10" */
	int64_t now_ns;
	size_t nr_cpus, nr_devices;
	struct tl_cpu *cpus;
	struct tl_device *devices; /* per CPU and broadcast */
	struct cpus broadcast_mask, broadcast_oneshot_mask;
	bool has_broadcast_mask;
};

/*
 * Parses text (the file's content). Returns 0, -EINVAL for text that is not a
 * timer list or breaks off, or -ENOMEM. Free with timer_list_free() on success.
 */
int timer_list_parse(const char *text, struct timer_list *tl);

/* Reads and parses /proc/timer_list (root only: 0400). Returns 0 or -errno. */
int timer_list_read(struct timer_list *tl);

/* Frees what reading or parsing has allocated. */
void timer_list_free(struct timer_list *tl);

/* The block of a CPU (or the broadcast device, cpu -1); NULL where there is none. */
const struct tl_cpu *timer_list_cpu(const struct timer_list *tl, int cpu);
const struct tl_device *timer_list_device(const struct timer_list *tl, int cpu);

#endif
