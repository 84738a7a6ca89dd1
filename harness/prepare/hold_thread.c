// SPDX-License-Identifier: GPL-2.0-only
/*
 * hold_thread TID SECONDS - stop one thread of another process for so long, as a host that has
 * something better to do stops one virtual CPU; the others go on. Says "stopped" and "goes on",
 * each when it is true. Ends with 1 and why, where that can't be done (ptrace(2): another user's,
 * or kernel.yama.ptrace_scope).
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

int main(int argc, char **argv)
{
	struct timespec hold = { .tv_sec = argc == 3 ? atoi(argv[2]) : 0 };
	pid_t tid = argc == 3 ? atoi(argv[1]) : 0;

	if (tid <= 0 || hold.tv_sec <= 0)
		errx(1, "which thread, for how many seconds?");
	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) || ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) ||
	    waitpid(tid, NULL, __WALL) != tid)
		err(1, "thread %d can't be stopped", tid);
	puts("stopped");
	fflush(stdout);
	nanosleep(&hold, NULL);
	puts("goes on");
	fflush(stdout);
	if (ptrace(PTRACE_DETACH, tid, NULL, NULL))
		err(1, "thread %d is gone", tid);
	return 0;
}
