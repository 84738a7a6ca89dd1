// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reference TSC page is good only while its sequence isn't 0; else each
 * reading of a clock is a system call and an MSR. No file tells, so a child asks
 * seccomp to trap the system call and sees whether the vDSO makes it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/clocks.h"
#include "../lib/report.h"
#include "../lib/stats.h"
#include "guest.h"

/* 1: clock_gettime(clock) was served by the vDSO each of some times; 0: it made a system call; -errno. */
static int served_by_vdso(clockid_t clock)
{
	struct sock_filter trap[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clock_gettime, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(trap) / sizeof(*trap), trap };
	struct timespec ts;
	int status;
	pid_t pid;

	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid) {
		signal(SIGSYS, SIG_DFL);
		if (prctl(PR_SET_DUMPABLE, 0) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
			_exit(errno);
		for (int i = 0; i < 1000; i++)
			clock_gettime(clock, &ts);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGSYS ? 0 : -EPROTO;
	return WEXITSTATUS(status) ? -WEXITSTATUS(status) : 1;
}

static void served(int unused)
{
	static const struct {
		clockid_t clock;
		const char *name;
	} clocks[] = {
		{ CLOCK_MONOTONIC, "CLOCK_MONOTONIC" }, { CLOCK_MONOTONIC_RAW, "CLOCK_MONOTONIC_RAW" },
		{ CLOCK_REALTIME, "CLOCK_REALTIME" }, { CLOCK_BOOTTIME, "CLOCK_BOOTTIME" },
	};

	(void)unused;
	guest_need_hyperv();
	if (strcmp(guest_clocksource(), HV_TSC_PAGE))
		report_skip("the clocksource is %s, not " HV_TSC_PAGE, guest_clocksource());
	for (size_t i = 0; i < sizeof(clocks) / sizeof(*clocks); i++) {
		int vdso = served_by_vdso(clocks[i].clock);

		if (vdso < 0)
			report_skip("seccomp filters: %s", strerror(-vdso));
		if (!vdso)
			report_fail("%s on " HV_TSC_PAGE " makes a system call: the reference TSC page isn't valid (its sequence is 0: no stable TSC at the host?)",
				    clocks[i].name);
	}
}

/* Median cost of a reading, in ns. */
static double cost(int64_t (*read_clock)(clockid_t clock))
{
	int64_t each[101];

	for (size_t i = 0; i < sizeof(each) / sizeof(*each); i++) {
		uint64_t begun = counter_read();

		for (int n = 0; n < 20; n++)
			read_clock(CLOCK_MONOTONIC);
		each[i] = counter_since_ns(begun);
	}
	return stats_of(each, sizeof(each) / sizeof(*each)).p50 / 20.0;
}

/* Figures only: what the page spares. */
static void cost_of_reading(int unused)
{
	double by_libc, by_syscall;

	(void)unused;
	guest_need_hyperv();
	by_libc = cost(clock_ns);
	by_syscall = cost(clock_ns_syscall);
	report_metric("libc", by_libc, "ns");
	report_metric("syscall", by_syscall, "ns");
	if (by_syscall > 0)
		report_metric("libc_by_syscall", by_libc / by_syscall, "ratio");
}

static const struct report_case cases[] = {
	{ "served", "D10, E7: clock_gettime() on hyperv_clocksource_tsc_page is the vDSO's own: the page is valid (TLFS, reference TSC page; arch/x86/include/asm/vdso/gettimeofday.h)", served, false },
	{ "cost", "D10: a reading of the clock, in figures", cost_of_reading, false },
};

int main(int argc, char **argv)
{
	static const struct report_program program = {
		.surface = "hyperv", .program = "vdso",
		.cases = cases, .nr_cases = sizeof(cases) / sizeof(*cases),
		.setup = guest_setup,
	};

	return report_main(argc, argv, &program);
}
