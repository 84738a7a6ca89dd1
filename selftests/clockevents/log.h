/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel logs about its timers while a program runs. */
#ifndef TICKPROOF_LOG_H
#define TICKPROOF_LOG_H

/* In a program's setup(): from here on. */
void log_start(void);

/* Fails the case if the kernel logged a stall, lockup, warning or timer complaint since log_start(). */
void log_judge(void);

/* After a death: prints what the kernel says about it, as diagnostics. */
void log_explain(void);

#endif
