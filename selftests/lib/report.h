/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KTAP (Documentation/dev-tools/ktap.rst) on libcheck: every case is a libcheck
 * test case in a process of its own, its result line is printed the moment it
 * ends, and SKIP, which libcheck lacks, goes through a page both share.
 *
 * Every program has one case more than it lists, its last, "log": it fails if
 * the kernel has logged trouble since the program began.
 */
#ifndef TICKPROOF_REPORT_H
#define TICKPROOF_REPORT_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cpus.h"
#include "stats.h"

/* In place of a CPU number, for a case that isn't about one CPU. */
#define NO_CPU (-1)

struct report_case {
	const char *name; /* [a-z0-9_]+, stable for ever: baselines are keyed on it */
	const char *rule; /* what must hold and who says so; printed when it doesn't */
	void (*run)(int cpu);
	bool per_cpu; /* once for each CPU the program was given, as <name>.cpuN */
};

struct report_program {
	const char *surface, *program;
	const struct report_case *cases;
	size_t nr_cases;
	/* Runs in the parent after the plan and before the first case; may be NULL. */
	void (*setup)(void);
	/* Calls report_run() for each case in an order of its own; NULL: as listed. */
	void (*schedule)(void);
	/*
	 * Why trouble in the kernel's log is the consequence of what a case has reported; NULL: it
	 * isn't. May be NULL.
	 */
	const char *(*excuse)(void);
};

enum report_outcome {
	REPORT_PASS,
	REPORT_FAIL,
	REPORT_SKIP,
	REPORT_KNOWN,
	REPORT_DEFERRED,
	REPORT_NOT_CHOSEN
};

/*
 * A program's main(): options -l (list the ids) and -h, and ids or glob
 * patterns that choose cases. Returns kselftest's exit codes: 0 pass, 1 fail,
 * 4 everything skipped; 2 for a usage error.
 */
int report_main(int argc, char **argv, const struct report_program *program);

/*
 * main() of a program with the table cases[]; what follows are further members of struct
 * report_program, as .setup = setup.
 */
#define REPORT_MAIN(the_surface, the_program, ...)                                         \
	int main(int argc, char **argv)                                                    \
	{                                                                                  \
		static const struct report_program program = { .surface = the_surface,     \
							       .program = the_program,     \
							       .cases = cases,             \
							       .nr_cases = sizeof(cases) / \
									   sizeof(*cases), \
							       __VA_ARGS__ };              \
		return report_main(argc, argv, &program);                                  \
	}

/* For a program's schedule(): runs one case now (cpu NO_CPU unless it is per CPU). */
enum report_outcome report_run(const char *name, int cpu);

/* The CPUs the per-CPU cases run for: online, and allowed to this process. */
const struct cpus *report_cpus(void);

/* Ends the case as skipped; the reason names what is missing. */
void report_skip(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/*
 * Ends the case with a fault for which the kernel is known, from version since (6.12 is 6012) to
 * before fixed (0: not fixed so far): "ok ... # XFAIL", reported in full, and no failure of the
 * program; the gate takes it for a FAIL, which results/expected must list. With any other kernel it
 * is a failure like any other.
 */
void report_known(int since, int fixed, const char *format, ...)
	__attribute__((noreturn, format(printf, 3, 4)));

/* Ends this attempt at the case without a result; the schedule will run it again. */
void report_defer(void) __attribute__((noreturn));

/* Ends the case as failed. (libcheck's own ck_assert_* do as well.) */
#define report_fail(...) ck_abort_msg(__VA_ARGS__)

/*
 * Prints the trouble that the kernel has logged since the program's start or the last call: "#
 * kernel: ...".
 */
void report_log(void);

/* "# fact name=value": the environment. */
void report_fact(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "# metric <id of the running case> name=value unit". */
void report_metric(const char *name, double value, const char *unit);

/* "# hist <id of the running case> name unit per bin:count ...": how samples were spread. */
void report_histogram(const char *name, const struct histogram *h, const char *unit);

/* Any other diagnostic line, "# ..."; one write(2), so it is out when this returns. */
void report_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Skips the case where the kernel's log can't be read; err is what kmsg_open() or kmsg_open_all()
 * returned.
 */
void report_need_log(int err);

#endif
