/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's log (/dev/kmsg, Documentation/ABI/testing/dev-kmsg), watched from now on. */
#ifndef TICKPROOF_KMSG_H
#define TICKPROOF_KMSG_H

#include <stdbool.h>
#include <stddef.h>

struct kmsg {
	int fd;
};

/* What a message means to a timer test. */
enum kmsg_kind {
	KMSG_OTHER,
	/*
	 * RCU stall, "Possible timer handling issue", lockup, hung task, WARN(), BUG, Oops and
	 * their like on other architectures, panic, lockdep, KASAN, "nobody cared", "CE:
	 * Reprogramming failure", lost tick work
	 */
	KMSG_TROUBLE,
	KMSG_MIN_DELTA, /* "CE: NAME increased min_delta_ns to N nsec": reported, not judged */
	KMSG_UNSTABLE,	/* a clocksource is: by the watchdog, or by the TSC's own checks */
};

/* Starts watching: later messages alone are seen. 0 or -errno (-EPERM: dmesg_restrict). */
int kmsg_open(struct kmsg *k);

/*
 * The same with the messages so far that the kernel still has; *since_boot:
 * these are all since boot, none is overwritten yet.
 */
int kmsg_open_all(struct kmsg *k, bool *since_boot);

/*
 * The next message's text, without prefix and continuation lines. Returns true
 * while there are any; never blocks. Messages lost to a full ring are skipped,
 * and so is what user space wrote to /dev/kmsg: only the kernel's word counts.
 */
bool kmsg_next(struct kmsg *k, char *text, size_t len);

/* Closes /dev/kmsg. */
void kmsg_close(struct kmsg *k);

/* Cuts "prio,seq,usec,flags;text\n KEY=..." down to its text; false if it is no record. */
bool kmsg_text(char *record);

/* What kind of message the kernel's text is; kmsg.c names the sources. */
enum kmsg_kind kmsg_classify(const char *text);

/*
 * Whether trouble is of something that this suite doesn't judge, by the place or subject that the
 * message names: a driver that is none of clocks, interrupts or CPUs, a file system, a lock's
 * order, a task that waits. What names nothing (an Oops, say) may be of anything, and isn't.
 */
bool kmsg_elsewhere(const char *text);

/*
 * The source that a message takes out of service: true and its name, where the kernel marks one as
 * unstable and says which, for whatever reason.
 */
bool kmsg_marked(const char *text, char *source, size_t len);

/*
 * Whether the kernel has said so of source, as far back as its log reaches: true and its message.
 * False as well where the log can't be read.
 */
bool kmsg_has_marked(const char *source, char *text, size_t len);

#endif
