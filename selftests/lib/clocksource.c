// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clocksource.h"
#include "files.h"

int cs_parse(const char *text, struct cs_list *list)
{
	list->nr = 0;
	while (*text && *text != '\n') {
		size_t len = strcspn(text, " \n");

		if (!len || text[len] != ' ')
			return -EPROTO;
		if (list->nr == CS_MAX || len >= CS_NAME_LEN)
			return -EOVERFLOW;
		memcpy(list->name[list->nr], text, len);
		list->name[list->nr++][len] = '\0';
		text += len + 1;
	}
	return list->nr && !strcmp(text, "\n") ? 0 : -EPROTO;
}

int cs_find(const struct cs_list *list, const char *name)
{
	for (size_t i = 0; i < list->nr; i++)
		if (!strcmp(list->name[i], name))
			return i;
	return -1;
}

int cs_current(char name[CS_NAME_LEN])
{
	ssize_t n = file_read_line(CS_CURRENT, name, CS_NAME_LEN);

	return n < 0 ? n : 0;
}

int cs_available(struct cs_list *list)
{
	char *text;
	ssize_t n = file_read(CS_AVAILABLE, &text);
	int err;

	if (n < 0)
		return n;
	err = cs_parse(text, list);
	free(text);
	return err;
}

ssize_t cs_select(const void *name, size_t len)
{
	return file_write(CS_CURRENT, name, len);
}

ssize_t cs_unbind(const void *name, size_t len)
{
	return file_write(CS_UNBIND, name, len);
}

static const struct {
	const char *name, *why;
	enum cs_vdso vdso;
} sources[] = {
	{ "tsc", "VDSO_CLOCKMODE_TSC (arch/x86/kernel/tsc.c)", CS_VDSO_ALWAYS },
	{ "tsc-early", "VDSO_CLOCKMODE_TSC (arch/x86/kernel/tsc.c)", CS_VDSO_ALWAYS },
	{ "kvm-clock", "VDSO_CLOCKMODE_PVCLOCK if the host says PVCLOCK_TSC_STABLE_BIT",
	  CS_VDSO_DEPENDS },
	{ "xen", "VDSO_CLOCKMODE_PVCLOCK if the host says PVCLOCK_TSC_STABLE_BIT",
	  CS_VDSO_DEPENDS },
	{ "hyperv_clocksource_tsc_page",
	  "VDSO_CLOCKMODE_HVCLOCK while the page's sequence isn't 0 (hyperv_timer.c)",
	  CS_VDSO_DEPENDS },
	{ "arch_sys_counter",
	  "VDSO_CLOCKMODE_ARCHTIMER unless the counter is trapped (arm_arch_timer.c)",
	  CS_VDSO_DEPENDS },
	{ "hyperv_clocksource_msr", "VDSO_CLOCKMODE_NONE (hyperv_timer.c)", CS_VDSO_NEVER },
	{ "hpet", "VDSO_CLOCKMODE_NONE (arch/x86/kernel/hpet.c)", CS_VDSO_NEVER },
	{ "acpi_pm", "VDSO_CLOCKMODE_NONE (drivers/clocksource/acpi_pm.c)", CS_VDSO_NEVER },
	{ "jiffies", "VDSO_CLOCKMODE_NONE (kernel/time/jiffies.c)", CS_VDSO_NEVER },
	{ "refined-jiffies", "VDSO_CLOCKMODE_NONE (kernel/time/jiffies.c)", CS_VDSO_NEVER },
};

enum cs_vdso cs_vdso(const char *source, const char **why)
{
#if defined(__aarch64__)
	if (!strcmp(source, "hyperv_clocksource_tsc_page")) {
		if (why)
			*why = "arm64's vDSO has no mode for it (asm/vdso/clocksource.h)";
		return CS_VDSO_NEVER;
	}
#endif
	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
		if (strcmp(source, sources[i].name))
			continue;
		if (why)
			*why = sources[i].why;
		return sources[i].vdso;
	}
	if (why)
		*why = "no rule for this source";
	return CS_VDSO_UNKNOWN;
}

/* What the filter answers: no errno that clock_gettime() could give. */
#define ANSWERED ENOTUNIQ

/* From now on, clock_gettime() as a system call fails with ANSWERED in this process. */
static int answer_syscalls(void)
{
	/*
	 * An errno, not a signal: it can be counted, and leaves nothing in the audit log. The
	 * architecture needn't be looked at: this process makes only native calls.
	 */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clock_gettime, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ANSWERED),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(*code), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		return -errno;
	return 0;
}

/* The child's part: the number of system calls, or -errno. */
static int count_syscalls(clockid_t clock, int calls)
{
	struct timespec ts;
	int count = 0, err;

	/* A clock that isn't there is reported before the filter would answer for it. */
	if (clock_gettime(clock, &ts))
		return -errno;
	err = answer_syscalls();
	if (err)
		return err;
	for (int i = 0; i < calls; i++) {
		if (!clock_gettime(clock, &ts))
			continue;
		if (errno != ANSWERED)
			return -errno;
		count++;
	}
	/* A filter that answers nothing would count nothing: it must answer this. */
	if (!syscall(SYS_clock_gettime, clock, &ts) || errno != ANSWERED)
		return -ENOSYS;
	return count;
}

int cs_syscalls(clockid_t clock, int calls)
{
	int fds[2], result = -EPROTO, status;
	ssize_t n;
	pid_t pid;

	if (pipe(fds))
		return -errno;
	pid = fork();
	if (!pid) {
		result = count_syscalls(clock, calls);
		n = write(fds[1], &result, sizeof(result));
		_exit(n != sizeof(result));
	}
	if (pid < 0)
		result = -errno;
	close(fds[1]);
	if (pid > 0) {
		n = read(fds[0], &result, sizeof(result));
		if (n != sizeof(result))
			result = -EPROTO;
		if (waitpid(pid, &status, 0) != pid || status)
			result = -EPROTO;
	}
	close(fds[0]);
	return result;
}
