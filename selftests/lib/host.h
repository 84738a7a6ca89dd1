/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Asking the harness outside, which alone can hold this machine up and knows the true time. A
 * question is a line on the channel, "# HOST ...", the answer a line on the standard input: waiting
 * for it needs no timer of this machine. harness/watch/hold.sh has what can be asked.
 */
#ifndef TICKPROOF_HOST_H
#define TICKPROOF_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "offset.h"

/* The host tells its time in these: what it says was so then, or up to this much later. */
#define HOST_TICK_NS 10000000ll

/*
 * Asks, and waits for the answer, without its first word "host". 0 or -errno: -ENOENT, no harness
 * runs this program; -EPIPE, the answer never came.
 */
int host_ask(const char *question, char *answer, size_t len);

/* The answer's text after "no ", which says why it can't be; NULL where it is another answer. */
const char *host_refuses(const char *answer);

/*
 * Parses n times of the host's behind the word (as in "held 1 2 3 4") into ns. False if that isn't
 * what the answer says.
 */
bool host_times(const char *answer, const char *word, int64_t *ns, size_t n);

/*
 * What so many questions for the time say about how far the host's clock is ahead of one of this
 * machine, read by now(arg) in ns: the narrowest. 0 or -errno, as host_ask() has it; -EPROTO, the
 * host doesn't tell.
 */
int host_offset(int64_t (*now)(void *arg), void *arg, int tries, struct offset *o);

#endif
