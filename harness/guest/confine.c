// SPDX-License-Identifier: GPL-2.0-only
/*
 * confine PROGRAM [ARG]... - run a test program, still as root, but without the capabilities by
 * which it could reach init, whose memory holds the token that only init may know: CAP_SYS_PTRACE
 * (ptrace, /proc/1/mem, /proc/1/fd: the kernel allows these only to who has all that init has) and
 * CAP_MKNOD (a device node of its own: the memory, the channel).
 *
 * And in a session of its own, which has no controlling terminal. A serial port that an image's
 * agent opens becomes its session's terminal, and a process that reads the host's answers there in
 * a process group of its own, as libcheck's tests do, is stopped (SIGTTIN;
 * drivers/tty/tty_jobctrl.c, __tty_check_change()).
 */
#include <err.h>
#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static const int dropped[] = { CAP_SYS_PTRACE, CAP_MKNOD };

	if (argc < 2)
		errx(127, "which program?");
	for (unsigned int i = 0; i < sizeof(dropped) / sizeof(*dropped); i++)
		if (prctl(PR_CAPBSET_DROP, dropped[i], 0, 0, 0))
			err(127, "capability %d can't be dropped", dropped[i]);
	/* EPERM: a leader already. */
	if (setsid() < 0 && errno != EPERM)
		err(127, "setsid");
	execv(argv[1], argv + 1);
	err(127, "%s", argv[1]);
}
