// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arming.h"
#include "cpus.h"
#include "files.h"
#include "kmsg.h"
#include "report.h"
#include "stuck.h"
#include "wake.h"

/* kselftest.h; usage errors are not results */
enum { EXIT_PASS = 0, EXIT_FAIL = 1, EXIT_USAGE = 2, EXIT_SKIP = 4 };

struct entry {
	char id[128];
	const struct report_case *c;
	int cpu;
	bool chosen, ended;
};

/* Written by the process of a case, read by the parent when it has ended. */
struct shared {
	enum report_outcome outcome;
	char reason[512];
	struct stuck stuck;
};

static struct shared *shared;

static const struct report_program *program;
static struct entry *entries;
static size_t nr_entries, nr_chosen, nr_ended, nr_passed, nr_failed, nr_skipped, nr_known;
static const struct entry *running;
static SRunner *runner;
static struct cpus cpus;

/*
 * The kernel's log from the program's start on. All processes read on where the last one stopped.
 */
/* clockevents.c, before the device is left alone until the next event */
#define GAVE_UP "CE: Reprogramming failure"

/* What the kernel has logged. */
struct logged {
	unsigned int trouble, min_delta, slow;
	char first[256]; /* of the trouble */
};

static struct kmsg kernel_log;
static int log_error;

const struct cpus *report_cpus(void)
{
	return &cpus;
}

/* One line, one write: whole lines even from several processes, and nothing left in a buffer. */
static void emit(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void emit(const char *format, ...)
{
	/* A histogram of large counts has about 1200 bytes. */
	char line[2048];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	if (n < 0)
		return;
	if ((size_t)n > sizeof(line) - 2)
		n = sizeof(line) - 2;
	for (int i = 0; i < n; i++)
		if (line[i] == '\n' || line[i] == '\r')
			line[i] = ' ';
	line[n++] = '\n';
	for (const char *p = line; n > 0;) {
		ssize_t put = write(STDOUT_FILENO, p, n);

		if (put < 0 && errno != EINTR)
			return;
		if (put > 0) {
			p += put;
			n -= put;
		}
	}
}

/* For a case that would pass: on what it saw. */
static void judge_pauses(void)
{
	int64_t paused = observer_paused();

	if (paused)
		report_metric("observer_paused", paused, "ns");
	if (paused > OBSERVER_PAUSED_MAX)
		report_skip("the observer was kept from running for %.1f s, so that dead timers can't be distinguished from living ones",
			    paused / 1e9);
}

/*
 * The kernel gives up when a device has refused ten times in a row a time that is a tick ahead
 * (clockevents_program_min_delta()). One that is emulated slowly refuses what has passed while it
 * was programmed, and is not at fault; how long that takes is measured, on this machine and now.
 */
static bool is_slowness(const char *text)
{
	static int64_t cost;
	static int cpu = -1;

	if (strncmp(text, GAVE_UP, strlen(GAVE_UP)))
		return false;
	/* Once in a process: a slow device takes 0.1 s for it, and may log often. */
	if (!cost)
		cost = arming_cost(report_cpus(), &cpu);
	if (cost < ARMING_SLOW_NS)
		return false;
	report_note("kernel: %s: not judged, arming a timer on CPU %d takes %.0f us: a time a tick ahead can pass meanwhile",
		    text, cpu, cost / 1e3);
	return true;
}

/* Prints all trouble logged since the last call. */
static struct logged trouble(void)
{
	struct logged l = { 0 };
	char text[256];

	while (!log_error && kmsg_next(&kernel_log, text, sizeof(text))) {
		enum kmsg_kind kind = kmsg_classify(text);

		l.min_delta += kind == KMSG_MIN_DELTA;
		if (kind != KMSG_TROUBLE)
			continue;
		if (is_slowness(text)) {
			l.slow++;
			continue;
		}
		report_note("kernel: %s", text);
		if (!l.trouble++)
			snprintf(l.first, sizeof(l.first), "%s", text);
	}
	return l;
}

void report_log(void)
{
	struct logged l = trouble();

	if (l.min_delta)
		report_note("kernel: raised a clockevent's min_delta_ns %u times (clockevents_increase_min_delta())",
			    l.min_delta);
}

void report_need_log(int err)
{
	if (err == -EPERM || err == -EACCES)
		report_skip("reading the kernel's log needs root here (kernel.dmesg_restrict)");
	if (err)
		report_skip("the kernel's log can't be read: %s", strerror(-err));
}

static void judge_log(int unused)
{
	const char *excuse = program->excuse ? program->excuse() : NULL;
	struct logged l;

	(void)unused;
	report_need_log(log_error);
	l = trouble();
	if (l.min_delta)
		report_metric("min_delta_raised", l.min_delta, "messages");
	if (l.slow)
		report_metric("gave_up_slow", l.slow, "messages");
	if (excuse)
		report_skip("%s", excuse);
	if (l.trouble)
		report_fail("the kernel logged trouble %u times while this program ran, first: %s",
			    l.trouble, l.first);
	/* It says something only beside a case that did something. */
	if (!nr_passed && !nr_failed && !nr_known)
		report_skip("no other case came to a result");
}

static const struct report_case log_case = {
	"log",
	"B13: while the program runs, the kernel logs no stall, lockup, warning, Oops or timer complaint",
	judge_log,
	false,
};

START_TEST(trampoline)
{
	const struct entry *e = &entries[_i];

	atomic_store(&shared->stuck.pid, getpid());
	e->c->run(e->cpu);
	judge_pauses();
	/* Only a case that came to its end has passed: exit(0) somewhere inside is no pass. */
	shared->outcome = REPORT_PASS;
}
END_TEST

static void add_entry(const struct report_case *c, int cpu)
{
	struct entry *e;

	entries = realloc(entries, (nr_entries + 1) * sizeof(*entries));
	if (!entries)
		abort();
	e = &entries[nr_entries++];
	*e = (struct entry){ .c = c, .cpu = cpu };
	snprintf(e->id, sizeof(e->id), "%s.%s.%s", program->surface, program->program, c->name);
	if (cpu != NO_CPU)
		snprintf(e->id + strlen(e->id), sizeof(e->id) - strlen(e->id), ".cpu%d", cpu);
}

static void add_entries(void)
{
	for (size_t i = 0; i < program->nr_cases; i++) {
		const struct report_case *c = &program->cases[i];
		int cpu;

		if (!c->per_cpu) {
			add_entry(c, NO_CPU);
			continue;
		}
		cpus_for_each(cpu, &cpus)
			add_entry(c, cpu);
	}
	add_entry(&log_case, NO_CPU);
}

/* Chooses what pattern (an id, the part of one after the program, or a glob) names. */
static size_t choose(const char *pattern)
{
	size_t prefix = strlen(program->surface) + strlen(program->program) + 2, hits = 0;

	for (size_t i = 0; i < nr_entries; i++) {
		struct entry *e = &entries[i];

		if (!fnmatch(pattern, e->id, 0) || !fnmatch(pattern, e->id + prefix, 0)) {
			e->chosen = true;
			hits++;
		}
	}
	return hits;
}

/* libcheck would read these and run, fork or log otherwise than we need. */
static void shield_from_environment(void)
{
	static const char *const names[] = {
		"CK_RUN_SUITE",
		"CK_RUN_CASE",
		"CK_INCLUDE_TAGS",
		"CK_EXCLUDE_TAGS",
		"CK_FORK",
		"CK_VERBOSITY",
		"CK_DEFAULT_TIMEOUT",
		"CK_TIMEOUT_MULTIPLIER",
		"CK_LOG_FILE_NAME",
		"CK_XML_LOG_FILE_NAME",
		"CK_TAP_LOG_FILE_NAME",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		unsetenv(names[i]);
}

static void build_runner(void)
{
	Suite *suite = suite_create(program->program);

	for (size_t i = 0; i < nr_entries; i++) {
		TCase *tc = tcase_create(entries[i].id);

		/*
		 * No timeout: libcheck's is a timer of the system under test, which
		 * may be the one that is dead. The observer and the host decide.
		 */
		tcase_set_timeout(tc, 0);
		tcase_add_loop_test(tc, trampoline, i, i + 1);
		suite_add_tcase(suite, tc);
	}
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_FORK);
}

static enum report_outcome end_case(struct entry *e, TestResult *result)
{
	enum report_outcome outcome = shared->outcome;
	const char *message = !result			  ? "was never run" :
			      tr_rtype(result) != CK_PASS ? tr_msg(result) :
							    "its process ended before the case did";

	atomic_store(&shared->stuck.pid, 0);
	if (shared->stuck.text[0])
		message = shared->stuck.text;
	if (!result || tr_rtype(result) != CK_PASS)
		outcome = REPORT_FAIL;
	if (outcome == REPORT_DEFERRED)
		return outcome;
	e->ended = true;
	nr_ended++;
	switch (outcome) {
	case REPORT_SKIP:
		nr_skipped++;
		emit("ok %zu %s # SKIP %s", nr_ended, e->id, shared->reason);
		break;
	case REPORT_KNOWN:
		nr_known++;
		emit("# rule: %s", e->c->rule);
		emit("ok %zu %s # XFAIL %s", nr_ended, e->id, shared->reason);
		break;
	case REPORT_PASS:
		nr_passed++;
		emit("ok %zu %s", nr_ended, e->id);
		break;
	default:
		nr_failed++;
		emit("# rule: %s", e->c->rule);
		if (result && tr_rtype(result) != CK_PASS && tr_lfile(result))
			emit("# at: %s:%d", tr_lfile(result), tr_lno(result));
		emit("not ok %zu %s # %s", nr_ended, e->id, message);
	}
	return outcome;
}

static enum report_outcome run_entry(struct entry *e)
{
	enum report_outcome outcome;
	TestResult **results;
	int count;

	emit("# BEGIN %s", e->id);
	running = e;
	shared->outcome = REPORT_FAIL;
	shared->reason[0] = '\0';
	shared->stuck.text[0] = '\0';
	srunner_run(runner, NULL, e->id, CK_SILENT);
	count = srunner_ntests_run(runner);
	results = srunner_results(runner);
	outcome = end_case(e, results && count ? results[count - 1] : NULL);
	free(results);
	running = NULL;
	return outcome;
}

enum report_outcome report_run(const char *name, int cpu)
{
	for (size_t i = 0; i < nr_entries; i++) {
		struct entry *e = &entries[i];

		if (!strcmp(e->c->name, name) && e->cpu == cpu)
			return e->chosen && !e->ended ? run_entry(e) : REPORT_NOT_CHOSEN;
	}
	return REPORT_NOT_CHOSEN;
}

static void usage(FILE *to, const char *argv0)
{
	fprintf(to,
		"usage: %s [-l|-r] [ID|PATTERN]...\n"
		"  -l  list the cases' ids and exit\n"
		"  -r  the same, each with its rule: what must hold, and who says so\n"
		"An id may be cut down to its part after %s.%s., and may be a glob pattern.\n",
		argv0, program->surface, program->program);
}

/* Reads the command line: -1 to go on, otherwise the exit code. */
static int parse(int argc, char **argv)
{
	bool list = false, rules = false;
	int c;

	while ((c = getopt(argc, argv, "lrh")) != -1) {
		switch (c) {
		case 'l':
			list = true;
			break;
		case 'r':
			list = rules = true;
			break;
		case 'h':
			usage(stdout, argv[0]);
			return EXIT_PASS;
		default:
			usage(stderr, argv[0]);
			return EXIT_USAGE;
		}
	}
	if (optind == argc)
		choose("*");
	for (; optind < argc; optind++) {
		if (choose(argv[optind]))
			continue;
		fprintf(stderr, "%s: no case matches '%s'; -l lists them\n", argv[0], argv[optind]);
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < nr_entries; i++) {
		if (!entries[i].chosen)
			continue;
		nr_chosen++;
		if (list)
			emit("%s%s%s", entries[i].id, rules ? "\t" : "",
			     rules ? entries[i].c->rule : "");
	}
	return list ? EXIT_PASS : -1;
}

/*
 * A system whose CPUs can't be read is no reason to say nothing: whoever reads the stream reads why
 * in it.
 */
static int without_cpus(int err)
{
	emit("KTAP version 1");
	if (!err)
		emit("1..0 # SKIP no CPU of /sys/devices/system/cpu/online is one that this process may run on");
	else if (err == -EOVERFLOW)
		emit("1..0 # SKIP this system has a CPU of a number above %d, the largest that these tests know",
		     CPUS_MAX - 1);
	else
		emit("1..0 # SKIP the CPUs to run on can't be read (/sys/devices/system/cpu/online, sched_getaffinity()): %s",
		     strerror(-err));
	return EXIT_SKIP;
}

int report_main(int argc, char **argv, const struct report_program *p)
{
	pid_t watcher;
	int code;

	program = p;
	code = cpus_usable(&cpus);
	if (code || !cpus_count(&cpus))
		return without_cpus(code);
	add_entries();
	code = parse(argc, argv);
	if (code >= 0)
		return code;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED) {
		perror("mmap");
		return EXIT_FAIL;
	}
	shield_from_environment();
	build_runner();
	watcher = stuck_watch(&shared->stuck, STUCK_LOOKS);
	emit("KTAP version 1");
	emit("1..%zu", nr_chosen);
	log_error = kmsg_open(&kernel_log);
	if (program->setup)
		program->setup();
	if (program->schedule)
		program->schedule();
	else
		for (size_t i = 0; i < nr_entries - 1; i++)
			if (entries[i].chosen)
				run_entry(&entries[i]);
	/* What was announced and never ran is no pass. */
	for (size_t i = 0; i < nr_entries - 1; i++)
		if (entries[i].chosen && !entries[i].ended)
			end_case(&entries[i], NULL);
	report_run(log_case.name, NO_CPU);
	emit("# Totals: pass:%zu fail:%zu xfail:%zu xpass:0 skip:%zu error:0", nr_passed, nr_failed,
	     nr_known, nr_skipped);
	stuck_end(watcher);
	srunner_free(runner);
	free(entries);
	if (nr_failed)
		return EXIT_FAIL;
	return nr_passed || nr_known ? EXIT_PASS : EXIT_SKIP;
}

void report_skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(shared->reason, sizeof(shared->reason), format, args);
	va_end(args);
	shared->outcome = REPORT_SKIP;
	exit(0);
}

/* The running kernel's version, 6.12 as 6012; 0 where it can't be read. */
static int kernel_version(void)
{
	char release[72];
	int major, minor;

	if (file_read_line("/proc/sys/kernel/osrelease", release, sizeof(release)) < 0 ||
	    sscanf(release, "%d.%d", &major, &minor) != 2)
		return 0;
	return major * 1000 + minor;
}

void report_known(int since, int fixed, const char *format, ...)
{
	int version = kernel_version();
	char text[400], range[64];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	snprintf(range, sizeof(range),
		 fixed ? "Linux %d.%d and later, fixed in %d.%d" : "Linux %d.%d and later",
		 since / 1000, since % 1000, fixed / 1000, fixed % 1000);
	if (version < since || (fixed && version >= fixed))
		report_fail("%s (known of %s; this is %d.%d)", text, range, version / 1000,
			    version % 1000);
	snprintf(shared->reason, sizeof(shared->reason), "%s (known of %s)", text, range);
	shared->outcome = REPORT_KNOWN;
	exit(0);
}

void report_defer(void)
{
	shared->outcome = REPORT_DEFERRED;
	exit(0);
}

void report_fact(const char *name, const char *format, ...)
{
	char value[512];
	va_list args;

	va_start(args, format);
	vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	emit("# fact %s=%s", name, value);
}

void report_metric(const char *name, double value, const char *unit)
{
	emit("# metric %s %s=%.15g %s", running ? running->id : program->program, name, value,
	     unit);
}

void report_histogram(const char *name, const struct histogram *h, const char *unit)
{
	char text[HISTOGRAM_BINS * 20];
	size_t at = 0;

	if (!h->bins)
		return;
	for (unsigned int i = 0; i < h->bins; i++)
		at += snprintf(text + at, sizeof(text) - at, " %u:%u", h->bin[i], h->count[i]);
	emit("# hist %s %s %s %u%s", running ? running->id : program->program, name, unit, h->per,
	     text);
}

void report_note(const char *format, ...)
{
	char text[900];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	emit("# %s", text);
}
