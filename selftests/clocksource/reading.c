// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "../lib/clocks.h"
#include "../lib/clocksource.h"
#include "../lib/report.h"
#include "reading.h"
#include "sources.h"

#define CALLS 50

static const struct {
	clockid_t id;
	const char *name;
	bool coarse;
} clocks[] = {
	{ CLOCK_MONOTONIC, "MONOTONIC", false },
	{ CLOCK_MONOTONIC_RAW, "MONOTONIC_RAW", false },
	{ CLOCK_REALTIME, "REALTIME", false },
	{ CLOCK_BOOTTIME, "BOOTTIME", false },
	{ CLOCK_TAI, "TAI", false },
	{ CLOCK_MONOTONIC_COARSE, "MONOTONIC_COARSE", true },
	{ CLOCK_REALTIME_COARSE, "REALTIME_COARSE", true },
};

#define NR_CLOCKS (sizeof(clocks) / sizeof(*clocks))

/* All by the vDSO (false) or all by system call (true); ends the case on anything between. */
static bool by_syscall(const char *source, size_t clock)
{
	int n = cs_syscalls(clocks[clock].id, CALLS);

	/* What the hypervisor says may change in the middle, but not often. */
	for (int again = 0; again < 3 && n > 0 && n < CALLS; again++)
		n = cs_syscalls(clocks[clock].id, CALLS);
	if (n == -ENOSYS || n == -EACCES || n == -EINVAL)
		report_skip("no seccomp filters here: %s", strerror(-n));
	if (n < 0)
		report_fail("counting system calls: %s", strerror(-n));
	if (n && n < CALLS)
		sources_ask(source);
	if (n && n < CALLS)
		report_fail("on %s, %d of %d readings of %s were system calls, not all or none",
			    source, n, CALLS, clocks[clock].name);
	return n;
}

void reading_judge_vdso(const char *source)
{
	const char *why;
	enum cs_vdso table = cs_vdso(source, &why);
	bool first = false;

	if (!getauxval(AT_SYSINFO_EHDR))
		report_skip("the kernel gives processes no vDSO here");
	for (size_t i = 0; i < NR_CLOCKS; i++) {
		bool slow = by_syscall(source, i), expected = first;

		if (!i)
			first = expected = slow;
		if (clocks[i].coarse || table == CS_VDSO_ALWAYS)
			expected = false;
		else if (table == CS_VDSO_NEVER)
			expected = true;
		if (slow != expected)
			sources_ask(source);
		if (slow != expected)
			report_fail("on %s, %s is read by %s, not by %s (%s)", source,
				    clocks[i].name, slow ? "system call" : "the vDSO",
				    expected ? "system call" : "the vDSO",
				    clocks[i].coarse ?
					    "coarse clocks need no counter: lib/vdso/gettimeofday.c" :
				    !i || table != CS_VDSO_DEPENDS ?
					    why :
					    "one source serves all clocks alike");
	}
	report_note("%s: read by %s (%s)", source, first ? "system call" : "the vDSO", why);
}

/* A timerfd that shows whether somebody has set the clock since; -1 without. */
static int watch_sets(void)
{
	struct itimerspec far = {
		.it_value.tv_sec = clock_ns(CLOCK_REALTIME) / NSEC_PER_SEC + 86400,
	};
	int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);

	if (fd >= 0)
		timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far, NULL);
	return fd;
}

static bool was_set(int fd)
{
	uint64_t expirations;

	return fd >= 0 && read(fd, &expirations, sizeof(expirations)) < 0 && errno == ECANCELED;
}

unsigned long reading_judge_sandwich(const char *source, int times, int64_t limit_ns)
{
	unsigned long made = 0;
	int fd = watch_sets();

	for (size_t i = 0; i < NR_CLOCKS; i++) {
		uint64_t start = counter_read();
		clockid_t id = clocks[i].id;

		for (int n = 0; n < times && counter_since_ns(start) < limit_ns; n++, made++) {
			int64_t before = clock_ns_syscall(id), mid = clock_ns(id);
			int64_t after = clock_ns_syscall(id);

			if (before <= mid && mid <= after)
				continue;
			if (was_set(fd))
				report_skip("somebody set the clock meanwhile");
			report_fail("on %s, libc's %s lies outside two system calls around it: %lld ns behind the first, %lld ns ahead of the second (negative: in order)",
				    source, clocks[i].name, (long long)(before - mid),
				    (long long)(mid - after));
		}
	}
	if (fd >= 0)
		close(fd);
	return made;
}
