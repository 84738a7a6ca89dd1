// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every call with a timeout waits at least as long as it was asked to, measured on the clock that
 * its timeout is on, and not much longer (F11, F12).
 */
#define _GNU_SOURCE
#include "../lib/clocks.h"
#include "../lib/report.h"
#include "judge.h"

/* From a request below the slack to one of several ticks; p50 is that of the whole mixture. */
static void wait_by(const char *sleeper)
{
	const struct plan plan = {
		.sleeper = sleeper,
		LENGTHS(1, 30 * US, 700 * US, 2 * MS + 300 * US, 5 * MS + 1, 11 * MS),
		.rounds = 3,
		/* select_estimate_accuracy(): 0.1 %, 0.5 % for the nice, or the slack */
		.allowance = 11 * MS / 200 + 50 * US,
	};

	judge_sleeps(&plan);
}

#define F11_RULE \
	"never early, and late by no more than its slack (F11): fs/select.c poll_select_set_timeout(), select_estimate_accuracy()"
#define F12_RULE \
	"never early on its timeout's clock, and late by no more than its slack (F12): kernel/futex/waitwake.c, ipc/mqueue.c, kernel/signal.c do_sigtimedwait(), io_uring/timeout.c"

#define CASES(F)                            \
	F(poll, F11_RULE)                   \
	F(ppoll, F11_RULE)                  \
	F(select, F11_RULE)                 \
	F(pselect, F11_RULE)                \
	F(epoll_wait, F11_RULE)             \
	F(epoll_pwait2, F11_RULE)           \
	F(futex_wait, F12_RULE)             \
	F(futex_bitset_monotonic, F12_RULE) \
	F(futex_bitset_realtime, F12_RULE)  \
	F(sem_timedwait, F12_RULE)          \
	F(sem_clockwait, F12_RULE)          \
	F(mq_timedreceive, F12_RULE)        \
	F(cond_timedwait, F12_RULE)         \
	F(cond_clockwait, F12_RULE)         \
	F(sigtimedwait, F12_RULE)           \
	F(io_uring_rel, F12_RULE)           \
	F(io_uring_abs, F12_RULE)

#define RUN(name, rule)                 \
	static void run_##name(int cpu) \
	{                               \
		(void)cpu;              \
		wait_by(#name);         \
	}
#define ROW(name, rule) { #name, rule, run_##name, false },

CASES(RUN)

static const struct report_case cases[] = { CASES(ROW) };

REPORT_MAIN("sleep", "timeouts")
