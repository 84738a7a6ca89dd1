/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Puts back what a program changed, when it ends and when a signal ends it.
 * The list is shared with the processes of the cases, so what a case changed is
 * restored even if the case crashes: by the process that called restore_init()
 * alone, never by the cases' processes, which inherit its hook and handlers.
 */
#ifndef TICKPROOF_RESTORE_H
#define TICKPROOF_RESTORE_H

/*
 * Before the first case: shares the list, installs handlers for HUP, INT, QUIT,
 * TERM, PIPE (those that aren't ignored) and exit. A handler restores, then
 * lets the signal take its default action.
 */
void restore_init(void);

/*
 * Remembers to write value to path at the end, last remembered first; a repetition takes no second
 * place. Returns 0, -ENOSPC (list full: a few entries for each CPU there can be, or value of 64
 * bytes or more), -ENAMETOOLONG (path of 256) or -EINVAL (restore_init() was not called).
 */
int restore_push(const char *path, const char *value);

/*
 * The same before a change that must not be made otherwise: ends the case as failed where it can't
 * be remembered.
 */
void restore_need(const char *path, const char *value);

/* Forgets one that was remembered: it has been done meanwhile. */
void restore_forget(const char *path, const char *value);

/* Forgets everything: after a CPU was found dead, writing may block for ever. */
void restore_abandon(void);

/*
 * Writes everything back now, whichever process calls; returns how many writes
 * failed. Async-signal-safe.
 */
int restore_now(void);

#endif
