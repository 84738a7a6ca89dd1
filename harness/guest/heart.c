// SPDX-License-Identifier: GPL-2.0-only
/*
 * heart - the heartbeat of each CPU of the hypervisor appliance, and its clock
 * A thread on each CPU, above all others, sleeps until the next tenth of a second on its own CPU's
 * timer. Once a second a line on stdout says how they fare, and the host, which reads it, compares
 * the clock with its own:
 *   clock NANOSECONDS cpu0 AGE GAP POKES cpu1 AGE GAP POKES ...
 * AGE is the time since the CPU's last beat and GAP the longest between two beats since the last
 * line, both in ms. POKES counts how often a neighbour found the CPU 3 beats late and woke it: that
 * sends it an interrupt which needs no timer. QEMU's emulation can lose an interrupt
 * (helper_vmrun() changes interrupt_request without a lock), which is delivered with the next one:
 * if the lost one was the timer's, there is no next one until a neighbour sends it. Where that
 * doesn't help within 2 s (seen once: a CPU that ran a guest's CPU took no interrupt any more), an
 * NMI may; it also makes the kernel say where that CPU is, on the console (sysrq l).
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BEAT  100000000LL /* ns */
#define LATE  (3 * BEAT)
#define STUCK (20 * BEAT)
#define AGAIN (100 * BEAT) /* from one NMI to the next */
#define LINE  1000000000LL
#define CPUS  16

static struct heart {
	atomic_int poked;  /* the futex that the thread sleeps on */
	atomic_llong last; /* beat, CLOCK_MONOTONIC */
	atomic_llong gap;  /* the longest since the last line */
	long long shaken;  /* the last NMI, by the neighbour */
} hearts[CPUS];

static int cpus, sysrq;
static atomic_llong next_line;

static long long now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void futex(atomic_int *word, int op, int value, const struct timespec *until)
{
	syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, value, until, NULL,
		FUTEX_BITSET_MATCH_ANY);
}

/* One line, by whoever comes first; written at once, so that lines of two threads don't mix. */
static void tell(long long t)
{
	long long due = next_line;
	char line[64 * (CPUS + 1)];
	int cpu, length;

	if (t < due || !atomic_compare_exchange_strong(&next_line, &due, t + LINE))
		return;
	length = sprintf(line, "clock %lld", now(CLOCK_MONOTONIC_RAW));
	for (cpu = 0; cpu < cpus; cpu++)
		length += sprintf(line + length, " cpu%d %lld %lld %d", cpu,
				  (t - hearts[cpu].last) / 1000000,
				  atomic_exchange(&hearts[cpu].gap, 0) / 1000000,
				  hearts[cpu].poked);
	line[length++] = '\n';
	if (write(STDOUT_FILENO, line, length) != length)
		exit(1);
}

/* The kernel sends every CPU an NMI. */
static void shake(struct heart *h, long long t)
{
	if (t - h->shaken < AGAIN)
		return;
	h->shaken = t;
	/* 9: to be seen in spite of "quiet". */
	if (write(sysrq, "9", 1) != 1 || write(sysrq, "l", 1) != 1)
		warn("sysrq");
}

static void *beat(void *heart)
{
	struct heart *self = heart, *next = &hearts[(self - hearts + 1) % cpus];
	long long t, due = now(CLOCK_MONOTONIC);
	struct timespec until;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(self - hearts, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(1, "CPU %d", (int)(self - hearts));
	for (;;) {
		due += BEAT;
		until = (struct timespec){ due / 1000000000, due % 1000000000 };
		futex(&self->poked, FUTEX_WAIT_BITSET, self->poked, &until);
		t = now(CLOCK_MONOTONIC);
		if (t - self->last > self->gap)
			self->gap = t - self->last;
		self->last = t;
		if (due < t - BEAT)
			due = t;
		if (t - next->last > LATE) {
			atomic_fetch_add(&next->poked, 1);
			futex(&next->poked, FUTEX_WAKE_BITSET, 1, NULL);
		}
		if (t - next->last > STUCK)
			shake(next, t);
		tell(t);
	}
	return NULL;
}

int main(void)
{
	struct sched_param param = { .sched_priority = 1 };
	pthread_t thread;
	int cpu;

	cpus = sysconf(_SC_NPROCESSORS_ONLN);
	if (cpus > CPUS)
		errx(1, "%d CPUs, and room for %d", cpus, CPUS);
	if (mlockall(MCL_CURRENT | MCL_FUTURE) || sched_setscheduler(0, SCHED_FIFO, &param))
		err(1, "memory or priority");
	sysrq = open("/proc/sysrq-trigger", O_WRONLY);
	next_line = now(CLOCK_MONOTONIC);
	for (cpu = 0; cpu < cpus; cpu++)
		hearts[cpu].last = next_line;
	for (cpu = 1; cpu < cpus; cpu++)
		if (pthread_create(&thread, NULL, beat, &hearts[cpu]))
			err(1, "thread");
	beat(&hearts[0]);
	return 0;
}
