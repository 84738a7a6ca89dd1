// SPDX-License-Identifier: GPL-2.0-only
/* Runs small programs built on report.h (itself, by another name) and reads what they print. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../arming.h"
#include "../clocks.h"
#include "../cpus.h"
#include "../files.h"
#include "../report.h"
#include "testing.h"

/* ---- The programs run: each case does what its name says. ---- */

static void passes(int cpu)
{
	static const int64_t sorted[] = { -3, 1, 9, 9, 1000000 };
	struct histogram late = histogram_of(sorted, 5), empty = { .per = 8 };

	ck_assert_int_eq(cpu, NO_CPU);
	report_note("a note with 100%% of\ntwo lines");
	report_fact("colour", "deep %s", "blue");
	report_metric("late_p50", 412000, "ns");
	report_metric("ratio", 0.125, "x");
	report_histogram("late", &late, "ns");
	report_histogram("nothing", &empty, "ns");
}

static void fails(int cpu)
{
	report_fail("%d of %s # not a SKIP\nand more", 7, "100%");
	report_note("not reached by cpu %d", cpu);
}

static void asserts(int cpu)
{
	ck_assert_int_eq(cpu, 77);
}

static void skips(int cpu)
{
	report_skip("needs root, cpu %d", cpu);
}

static void crashes(int cpu)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	report_note("before the crash, cpu %d", cpu);
	raise(SIGSEGV);
}

static void is_killed(int cpu)
{
	(void)cpu;
	kill(getpid(), SIGKILL);
}

static void leaves(int cpu)
{
	(void)cpu;
	report_note("before leaving");
	exit(3);
}

static void leaves_quietly(int cpu)
{
	/* As a library's error path may: no verdict was reached, whatever the exit code says. */
	exit(cpu == NO_CPU ? 0 : 1);
}

static void skips_and_crashes(int cpu)
{
	/* The page says SKIP; the process didn't end so. */
	(void)cpu;
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	atexit(abort);
	report_skip("not to be believed");
}

static void runs_on_cpu(int cpu)
{
	ck_assert_int_ge(cpu, 0);
	ck_assert(cpus_has(report_cpus(), cpu));
}

static int attempts; /* counted in the parent: each case has a process of its own */

static void defers_twice(int cpu)
{
	(void)cpu;
	if (attempts < 2)
		report_defer();
}

static void defers_for_ever(int cpu)
{
	(void)cpu;
	report_defer();
}

static void waits_for_host(int cpu)
{
	char byte;

	(void)cpu;
	ck_assert_int_eq(read(0, &byte, 1), 1);
}

static void schedule(void)
{
	if (report_run("no_such_case", NO_CPU) != REPORT_NOT_CHOSEN ||
	    report_run("passes", 5) != REPORT_NOT_CHOSEN)
		abort();
	for (attempts = 0; attempts < 5; attempts++)
		if (report_run("defers_twice", NO_CPU) != REPORT_DEFERRED)
			break;
	report_note("after %d deferrals", attempts);
	/* It has its result: not run again. */
	report_run("defers_twice", NO_CPU);
	report_run("defers_for_ever", NO_CPU);
	report_run("passes", NO_CPU);
}

static void setup(void)
{
	report_fact("kernel.release", "6.12");
}

/* Lines that hold what would be one more, and some that are longer than any may be. */
static void scrubs(int cpu)
{
	char text[3000];

	(void)cpu;
	report_note("one\rtwo\nthree");
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	report_note("%s", text);
	report_fact("long", "%s", text);
	report_fail("failed\r%s", text);
}

static void is_known(int cpu)
{
	report_known(5006, 7003, "seen %d time", -cpu);
}

static void is_not_fixed(int cpu)
{
	report_known(6001, 0, "seen %d time", -cpu);
}

/*
 * The kernel logs text while a case runs: the file below files_root gives it to the next reader as
 * one record.
 */
static void kernel_logs(const char *text)
{
	char path[4096];
	FILE *f;

	ck_assert_int_eq(file_path(path, sizeof(path), "/dev/kmsg"), 0);
	f = fopen(path, "a");
	ck_assert_ptr_nonnull(f);
	fprintf(f, "4,1,1,-;%s\n", text);
	fclose(f);
}

static void warns(int cpu)
{
	(void)cpu;
	kernel_logs("WARNING: CPU: 1 PID: 0 at kernel/time/clockevents.c:38 x+0x1/0x2");
}

static void raises_min_delta(int cpu)
{
	(void)cpu;
	kernel_logs("CE: hpet increased min_delta_ns to 5000 nsec");
}

static void gives_up(int cpu)
{
	(void)cpu;
	kernel_logs("CE: Reprogramming failure. Giving up");
}

/* In libc's place: a device that is emulated slowly. */
int timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old)
{
	uint64_t start = counter_read();

	while (getenv("SLOW_TO_ARM") && counter_since_ns(start) < 2 * ARMING_SLOW_NS)
		;
	return syscall(SYS_timerfd_settime, fd, flags, new, old);
}

static void explains(int cpu)
{
	warns(cpu);
	report_log();
}

static const char *excuse(void)
{
	return "CPU 1 is dead";
}

#define CASE(NAME)                                                   \
	{                                                            \
		.name = #NAME, .rule = "rule of " #NAME, .run = NAME \
	}

static const struct report_case mixed_cases[] = {
	CASE(passes),
	CASE(fails),
	CASE(asserts),
	CASE(skips),
	CASE(crashes),
	CASE(is_killed),
	CASE(leaves),
	CASE(skips_and_crashes),
	CASE(leaves_quietly),
	{ .name = "on_cpu", .rule = "rule", .run = runs_on_cpu, .per_cpu = true },
};

static const struct report_case good_cases[] = {
	CASE(skips),
	{ .name = "first", .rule = "", .run = runs_on_cpu, .per_cpu = true },
	CASE(waits_for_host),
};

static const struct report_case scrubbing_cases[] = { CASE(scrubs) };

static const struct report_case known_cases[] = { CASE(is_known), CASE(is_not_fixed) };
static const struct report_case logging_cases[] = { CASE(passes),   CASE(skips),
						    CASE(warns),    CASE(raises_min_delta),
						    CASE(gives_up), CASE(explains) };

static const struct report_case excused_cases[] = { CASE(warns), CASE(skips) };

static const struct report_case idle_cases[] = { CASE(passes), CASE(skips) };

static void nothing(void)
{
}

static const struct report_case deferring_cases[] = {
	CASE(defers_twice),
	CASE(defers_for_ever),
	CASE(passes),
};

#define PROGRAM(NAME, ...)                                                            \
	{                                                                             \
		.surface = "demo", .program = #NAME, .cases = NAME##_cases,           \
		.nr_cases = sizeof(NAME##_cases) / sizeof(*NAME##_cases), __VA_ARGS__ \
	}

static const struct report_program programs[] = {
	PROGRAM(mixed, .setup = setup),
	PROGRAM(good, ),
	PROGRAM(scrubbing, ),
	PROGRAM(known, ),
	PROGRAM(logging, ),
	PROGRAM(excused, .excuse = excuse),
	PROGRAM(idle, .schedule = nothing),
	PROGRAM(deferring, .schedule = schedule),
};

/* ---- The tests. ---- */

static int the_cpu;	 /* the only one the programs may run on */
static const char *self; /* this program; /proc/self/exe would be valgrind */

struct run {
	pid_t pid;
	FILE *out;
	int in;
	int code;
	int places;	  /* "# at:" lines, which name lines of this file */
	char text[16384]; /* without them */
};

static void start(struct run *r, const char *program, const char *const *args)
{
	int in[2], out[2];
	char *argv[16] = { (char *)program };

	for (int i = 0; args && args[i]; i++)
		argv[i + 1] = (char *)args[i];
	ck_assert(!pipe2(in, O_CLOEXEC) && !pipe2(out, O_CLOEXEC));
	r->pid = fork();
	if (!r->pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(out[1], 2);
		cpu_pin(the_cpu);
		execv(self, argv);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	r->in = in[1];
	r->out = fdopen(out[0], "r");
	r->text[0] = '\0';
	r->places = 0;
}

static void finish(struct run *r)
{
	char line[2048];
	int status;

	while (fgets(line, sizeof(line), r->out))
		if (!strncmp(line, "# at: ", 6))
			r->places += !strncmp(line, "# at: test_report.c:", 20);
		else
			strncat(r->text, line, sizeof(r->text) - strlen(r->text) - 1);
	fclose(r->out);
	close(r->in);
	ck_assert_int_eq(waitpid(r->pid, &status, 0), r->pid);
	ck_assert(WIFEXITED(status));
	r->code = WEXITSTATUS(status);
}

#define RUN(R, PROGRAM, ...)                                                                 \
	do {                                                                                 \
		start(R, PROGRAM, (const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL }); \
		finish(R);                                                                   \
	} while (0)

/* Expected text with @ for the CPU's number. */
static void expect(const struct run *r, int code, const char *text)
{
	char want[16384], *w = want;

	for (; *text; text++) {
		if (*text == '@')
			w += sprintf(w, "%d", the_cpu);
		else
			*w++ = *text;
	}
	*w = '\0';
	ck_assert_str_eq(r->text, want);
	ck_assert_int_eq(r->code, code);
}

START_TEST(mixed)
{
	struct run r;

	RUN(&r, "mixed");
	expect(&r, 1,
	       "KTAP version 1\n"
	       "1..11\n"
	       "# fact kernel.release=6.12\n"
	       "# BEGIN demo.mixed.passes\n"
	       "# a note with 100% of two lines\n"
	       "# fact colour=deep blue\n"
	       "# metric demo.mixed.passes late_p50=412000 ns\n"
	       "# metric demo.mixed.passes ratio=0.125 x\n"
	       "# hist demo.mixed.passes late ns 8 0:2 25:2 159:1\n"
	       "ok 1 demo.mixed.passes\n"
	       "# BEGIN demo.mixed.fails\n"
	       "# rule: rule of fails\n"
	       "not ok 2 demo.mixed.fails # 7 of 100% # not a SKIP and more\n"
	       "# BEGIN demo.mixed.asserts\n"
	       "# rule: rule of asserts\n"
	       "not ok 3 demo.mixed.asserts # Assertion 'cpu == 77' failed: cpu == -1, 77 == 77\n"
	       "# BEGIN demo.mixed.skips\n"
	       "ok 4 demo.mixed.skips # SKIP needs root, cpu -1\n"
	       "# BEGIN demo.mixed.crashes\n"
	       "# before the crash, cpu -1\n"
	       "# rule: rule of crashes\n"
	       "not ok 5 demo.mixed.crashes # Received signal 11 (Segmentation fault)\n"
	       "# BEGIN demo.mixed.is_killed\n"
	       "# rule: rule of is_killed\n"
	       "not ok 6 demo.mixed.is_killed # Received signal 9 (Killed)\n"
	       "# BEGIN demo.mixed.leaves\n"
	       "# before leaving\n"
	       "# rule: rule of leaves\n"
	       "not ok 7 demo.mixed.leaves # Early exit with return value 3\n"
	       "# BEGIN demo.mixed.skips_and_crashes\n"
	       "# rule: rule of skips_and_crashes\n"
	       "not ok 8 demo.mixed.skips_and_crashes # Received signal 6 (Aborted)\n"
	       "# BEGIN demo.mixed.leaves_quietly\n"
	       "# rule: rule of leaves_quietly\n"
	       "not ok 9 demo.mixed.leaves_quietly # its process ended before the case did\n"
	       "# BEGIN demo.mixed.on_cpu.cpu@\n"
	       "ok 10 demo.mixed.on_cpu.cpu@\n"
	       "# BEGIN demo.mixed.log\n"
	       "ok 11 demo.mixed.log\n"
	       "# Totals: pass:3 fail:7 xfail:0 xpass:0 skip:1 error:0\n");
}
END_TEST

START_TEST(list)
{
	struct run r;

	RUN(&r, "mixed", "-l");
	expect(&r, 0,
	       "demo.mixed.passes\ndemo.mixed.fails\ndemo.mixed.asserts\ndemo.mixed.skips\n"
	       "demo.mixed.crashes\ndemo.mixed.is_killed\ndemo.mixed.leaves\n"
	       "demo.mixed.skips_and_crashes\ndemo.mixed.leaves_quietly\n"
	       "demo.mixed.on_cpu.cpu@\ndemo.mixed.log\n");
	RUN(&r, "mixed", "-l", "*s");
	expect(&r, 0,
	       "demo.mixed.passes\ndemo.mixed.fails\ndemo.mixed.asserts\ndemo.mixed.skips\n"
	       "demo.mixed.crashes\ndemo.mixed.leaves\ndemo.mixed.skips_and_crashes\n");
}
END_TEST

START_TEST(chosen)
{
	struct run r;

	RUN(&r, "mixed", "demo.mixed.on_cpu.*", "passes");
	ck_assert_int_eq(r.code, 0);
	ck_assert_ptr_nonnull(strstr(r.text, "1..2\n"));
	ck_assert_ptr_nonnull(strstr(r.text, "\nok 1 demo.mixed.passes\n"));
	ck_assert_ptr_nonnull(strstr(r.text, "\nok 2 demo.mixed.on_cpu.cpu"));
	/* Chosen twice is once; and a whole name is not a prefix. */
	RUN(&r, "mixed", "skips", "ski?s", "demo.*.skips");
	expect(&r, 4,
	       "KTAP version 1\n1..1\n# fact kernel.release=6.12\n# BEGIN demo.mixed.skips\n"
	       "ok 1 demo.mixed.skips # SKIP needs root, cpu -1\n"
	       "# Totals: pass:0 fail:0 xfail:0 xpass:0 skip:1 error:0\n");
}
END_TEST

START_TEST(exit_codes)
{
	struct run r;

	RUN(&r, "mixed", "passes");
	ck_assert_int_eq(r.code, 0);
	RUN(&r, "mixed", "passes", "skips");
	ck_assert_int_eq(r.code, 0);
	RUN(&r, "mixed", "skips");
	ck_assert_int_eq(r.code, 4);
	RUN(&r, "mixed", "passes", "fails");
	ck_assert_int_eq(r.code, 1);
	RUN(&r, "mixed", "skips", "crashes");
	ck_assert_int_eq(r.code, 1);
}
END_TEST

START_TEST(usage)
{
	static const char *const bad[] = { "no_such_case", "skip", "demo.mixed", "", "-x" };
	struct run r;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		RUN(&r, "mixed", "passes", bad[i]);
		ck_assert_int_eq(r.code, 2);
		/* Nothing ran. */
		ck_assert_ptr_null(strstr(r.text, "KTAP"));
	}
	RUN(&r, "mixed", "no_such_case");
	ck_assert_str_eq(r.text, "mixed: no case matches 'no_such_case'; -l lists them\n");
	RUN(&r, "mixed", "-h");
	ck_assert_int_eq(r.code, 0);
	ck_assert_ptr_nonnull(strstr(r.text, "usage: "));
}
END_TEST

START_TEST(deferred)
{
	struct run r;

	RUN(&r, "deferring");
	expect(&r, 1,
	       "KTAP version 1\n"
	       "1..4\n"
	       "# BEGIN demo.deferring.defers_twice\n"
	       "# BEGIN demo.deferring.defers_twice\n"
	       "# BEGIN demo.deferring.defers_twice\n"
	       "ok 1 demo.deferring.defers_twice\n"
	       "# after 2 deferrals\n"
	       "# BEGIN demo.deferring.defers_for_ever\n"
	       "# BEGIN demo.deferring.passes\n"
	       "# a note with 100% of two lines\n"
	       "# fact colour=deep blue\n"
	       "# metric demo.deferring.passes late_p50=412000 ns\n"
	       "# metric demo.deferring.passes ratio=0.125 x\n"
	       "# hist demo.deferring.passes late ns 8 0:2 25:2 159:1\n"
	       "ok 2 demo.deferring.passes\n"
	       "# rule: rule of defers_for_ever\n"
	       "not ok 3 demo.deferring.defers_for_ever # was never run\n"
	       "# BEGIN demo.deferring.log\n"
	       "ok 4 demo.deferring.log\n"
	       "# Totals: pass:3 fail:1 xfail:0 xpass:0 skip:0 error:0\n");
}
END_TEST

/* Each line is out as soon as it's true: the program waits for us to have read them. */
START_TEST(streamed)
{
	char line[256];
	struct run r;

	start(&r, "good", NULL);
	do
		ck_assert_ptr_nonnull(fgets(line, sizeof(line), r.out));
	while (strcmp(line, "# BEGIN demo.good.waits_for_host\n"));
	ck_assert_int_eq(write(r.in, "x", 1), 1);
	finish(&r);
	ck_assert_str_eq(r.text, "ok 3 demo.good.waits_for_host\n"
				 "# BEGIN demo.good.log\nok 4 demo.good.log\n"
				 "# Totals: pass:3 fail:0 xfail:0 xpass:0 skip:1 error:0\n");
	ck_assert_int_eq(r.code, 0);
}
END_TEST

/* libcheck obeys its environment; a program's results must not. */
START_TEST(environment)
{
	static const char *const settings[] = {
		"CK_RUN_CASE=none",	"CK_RUN_SUITE=none",
		"CK_FORK=no",		"CK_INCLUDE_TAGS=none",
		"CK_DEFAULT_TIMEOUT=1", "CK_TAP_LOG_FILE_NAME=/nonexistent/file",
		"CK_VERBOSITY=verbose",
	};
	char saved[8] = "";
	struct run r;

	if (getenv("CK_FORK"))
		snprintf(saved, sizeof(saved), "%s", getenv("CK_FORK"));
	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
		char *setting = strdup(settings[i]), *equals = strchr(setting, '=');

		*equals = '\0';
		setenv(setting, equals + 1, 1);
		RUN(&r, "mixed", "passes", "crashes");
		unsetenv(setting);
		free(setting);
		ck_assert_int_eq(r.code, 1);
		ck_assert_ptr_nonnull(strstr(r.text, "\nok 1 demo.mixed.passes\n"));
		ck_assert_ptr_nonnull(strstr(r.text, "\nnot ok 2 demo.mixed.crashes # Received"));
	}
	if (*saved)
		setenv("CK_FORK", saved, 1);
}
END_TEST

#define ONLINE "/sys/devices/system/cpu/online"

/* This system's CPUs, and a log where nothing happens. */
static void make_root(void)
{
	fake_make();
	fake_link(ONLINE, ONLINE);
	fake_write("/dev/kmsg", "");
	setenv("TEST_ROOT", files_root, 1);
}

static void remove_root(void)
{
	fake_remove();
	unsetenv("TEST_ROOT");
}

/* What the programs print where the online CPUs are as given: "" for a system without the file. */
static void run_below(struct run *r, const char *online)
{
	char path[4096];

	/* The link; nothing is written through it. */
	ck_assert_int_eq(file_path(path, sizeof(path), ONLINE), 0);
	unlink(path);
	if (*online)
		fake_write(ONLINE, online);
	RUN(r, "good", "skips", "first.*");
}

/* How the kernel's log of the program's time ends it. */
START_TEST(log_judged)
{
	static const struct {
		const char *args[3];
		int code;
		const char *end;
	} runs[] = {
		{ { "passes", "log" }, 0, "ok 2 demo.logging.log\n" },
		{ { "warns", "log" },
		  1,
		  "# kernel: WARNING: CPU: 1 PID: 0 at kernel/time/clockevents.c:38 x+0x1/0x2\n"
		  "# rule: B13: while the program runs, the kernel logs no stall, lockup, warning, Oops or timer complaint\n"
		  "not ok 2 demo.logging.log # the kernel logged trouble 1 times while this program ran, first: "
		  "WARNING: CPU: 1 PID: 0 at kernel/time/clockevents.c:38 x+0x1/0x2\n" },
		{ { "raises_min_delta", "log" },
		  0,
		  "# metric demo.logging.log min_delta_raised=1 messages\nok 2 demo.logging.log\n" },
		/* What was reported already is not reported again. */
		{ { "explains", "log" }, 0, "ok 2 demo.logging.log\n" },
		/* Without any other result it says nothing. */
		{ { "skips", "log" },
		  4,
		  "ok 2 demo.logging.log # SKIP no other case came to a result\n" },
		{ { "log" }, 4, "ok 1 demo.logging.log # SKIP no other case came to a result\n" },
	};
	struct run r;

	for (size_t i = 0; i < sizeof(runs) / sizeof(*runs); i++) {
		const char *end;

		fake_write("/dev/kmsg", "4,0,0,-;WARNING: CPU: 0 PID: 0 at before.c:1 x+0x1/0x2\n");
		start(&r, "logging", runs[i].args);
		finish(&r);
		end = strstr(r.text, "# BEGIN demo.logging.log\n");
		ck_assert_msg(end && !strncmp(end + 25, runs[i].end, strlen(runs[i].end)), "%s",
			      r.text);
		ck_assert_int_eq(r.code, runs[i].code);
	}
	for (int slow = 0; slow < 2; slow++) {
		if (slow)
			setenv("SLOW_TO_ARM", "1", 1);
		start(&r, "logging", (const char *[]){ "gives_up", "log", NULL });
		finish(&r);
		ck_assert_int_eq(r.code, !slow);
		ck_assert_msg(slow == !!strstr(r.text,
					       "\n# metric demo.logging.log gave_up_slow=1 messages\n") &&
				      !slow ==
					      !!strstr(r.text,
						       "\nnot ok 2 demo.logging.log # the kernel logged trouble 1 times"),
			      "%s", r.text);
	}
	unsetenv("SLOW_TO_ARM");
	RUN(&r, "excused");
	ck_assert_int_eq(r.code, 0);
	ck_assert_ptr_nonnull(strstr(r.text, "\n# kernel: WARNING: CPU"));
	ck_assert_ptr_nonnull(strstr(r.text, "\nok 3 demo.excused.log # SKIP CPU 1 is dead\n"));
}
END_TEST

START_TEST(no_cpus)
{
	struct run r;

	run_below(&r, "");
	expect(&r, 4,
	       "KTAP version 1\n1..0 # SKIP the CPUs to run on can't be read"
	       " (/sys/devices/system/cpu/online, sched_getaffinity()): No such file or directory\n");
	run_below(&r, "0-8192\n");
	expect(&r, 4,
	       "KTAP version 1\n1..0 # SKIP this system has a CPU of a number above 8191,"
	       " the largest that these tests know\n");
	run_below(&r, "8191\n");
	expect(&r, 4,
	       "KTAP version 1\n1..0 # SKIP no CPU of /sys/devices/system/cpu/online"
	       " is one that this process may run on\n");
	/* More than the C library's cpu_set_t holds. */
	run_below(&r, "0-1499,8191\n");
	ck_assert_int_eq(r.code, 0);
	ck_assert_ptr_nonnull(strstr(r.text, "1..2\n"));
}
END_TEST

/*
 * A fault that the kernel is known for is reported as such where it is that kernel, and as a
 * failure elsewhere.
 */
START_TEST(known)
{
	static const struct {
		const char *release;
		bool known, not_fixed;
	} kernels[] = {
		{ "4.19.0", false, false },
		{ "5.5.99", false, false },
		{ "5.6.0", true, false },
		{ "6.0.1", true, false },
		{ "6.1.0-56-amd64", true, true },
		{ "6.12.117+deb12", true, true },
		{ "7.2.9", true, true },
		{ "7.3.0-rc1", false, true },
		{ "10.1", false, true },
		{ "next", false, false },
		{ "", false, false },
	};

	for (size_t i = 0; i < sizeof(kernels) / sizeof(*kernels); i++) {
		struct run r;

		fake_write("/proc/sys/kernel/osrelease", kernels[i].release);
		RUN(&r, "known");
		ck_assert_int_eq(r.code, !kernels[i].known || !kernels[i].not_fixed);
		ck_assert_msg(!kernels[i].known ==
				      !strstr(r.text,
					      "\n# rule: rule of is_known\nok 1 demo.known.is_known"
					      " # XFAIL seen 1 time (known of Linux 5.6 and later, fixed in 7.3)\n"),
			      "%s", r.text);
		ck_assert_msg(kernels[i].known ==
				      !strstr(r.text,
					      "\nnot ok 1 demo.known.is_known # seen 1 time (known of"
					      " Linux 5.6 and later, fixed in 7.3; this is "),
			      "%s", r.text);
		ck_assert_msg(!kernels[i].not_fixed ==
				      !strstr(r.text,
					      "\nok 2 demo.known.is_not_fixed"
					      " # XFAIL seen 1 time (known of Linux 6.1 and later)\n"),
			      "%s", r.text);
		ck_assert_msg(kernels[i].not_fixed ==
				      !strstr(r.text,
					      "\nnot ok 2 demo.known.is_not_fixed # seen 1 time "),
			      "%s", r.text);
		if (kernels[i].known && kernels[i].not_fixed)
			ck_assert_ptr_nonnull(
				strstr(r.text,
				       "\n# Totals: pass:1 fail:0 xfail:2 xpass:0 skip:0 error:0\n"));
	}
}
END_TEST

/*
 * Nothing that a text holds makes a line of its own, and each line ends, however long what it says.
 */
START_TEST(scrubbed)
{
	char *line, *rest;
	struct run r;
	int lines = 0;

	RUN(&r, "scrubbing");
	ck_assert_int_eq(r.code, 1);
	ck_assert_ptr_null(strchr(r.text, '\r'));
	ck_assert_ptr_nonnull(strstr(r.text, "\n# one two three\n"));
	ck_assert_ptr_nonnull(strstr(r.text, "\nnot ok 1 demo.scrubbing.scrubs # failed x"));
	ck_assert_ptr_nonnull(
		strstr(r.text,
		       "x\n# BEGIN demo.scrubbing.log\nok 2 demo.scrubbing.log\n# Totals: pass:1 fail:1 "));
	for (rest = r.text; (line = strsep(&rest, "\n")); lines++)
		ck_assert_uint_le(strlen(line), 2047);
	ck_assert_int_eq(lines, 12);
}
END_TEST

/* Out through a pipe that takes a few bytes at a time, and calls that a signal interrupts. */
ssize_t write(int fd, const void *buffer, size_t size)
{
	static unsigned int calls;

	if (!getenv("TEST_SHORT_WRITES"))
		return syscall(SYS_write, fd, buffer, size);
	errno = EINTR;
	return ++calls % 3 ? syscall(SYS_write, fd, buffer, size < 7 ? size : 7) : -1;
}

START_TEST(short_writes)
{
	struct run whole, parts;

	RUN(&whole, "mixed", "passes", "fails", "skips");
	setenv("TEST_SHORT_WRITES", "1", 1);
	RUN(&parts, "mixed", "passes", "fails", "skips");
	unsetenv("TEST_SHORT_WRITES");
	ck_assert_str_eq(whole.text, parts.text);
	ck_assert_int_eq(whole.code, parts.code);
	/* Only a failure says where. */
	ck_assert_int_eq(whole.places, 1);
	ck_assert_int_eq(parts.places, 1);
	RUN(&whole, "mixed", "passes", "skips");
	ck_assert_int_eq(whole.places, 0);
}
END_TEST

/* What a schedule forgets has not passed. */
START_TEST(never_run)
{
	struct run r;

	RUN(&r, "idle");
	expect(&r, 1,
	       "KTAP version 1\n"
	       "1..3\n"
	       "# rule: rule of passes\n"
	       "not ok 1 demo.idle.passes # was never run\n"
	       "# rule: rule of skips\n"
	       "not ok 2 demo.idle.skips # was never run\n"
	       "# BEGIN demo.idle.log\n"
	       "ok 3 demo.idle.log\n"
	       "# Totals: pass:1 fail:2 xfail:0 xpass:0 skip:0 error:0\n");
}
END_TEST

static bool is_program; /* built on report.h, not the test of it */

/* libcheck's timeout is a timer of the system under test, which may be dead: none is ever armed. */
int timer_settime(timer_t timer, int flags, const struct itimerspec *new, struct itimerspec *old)
{
	int (*real)(timer_t timer, int flags, const struct itimerspec *new, struct itimerspec *old);

	if (is_program && (new->it_value.tv_sec || new->it_value.tv_nsec))
		dprintf(1, "a timer was armed\n");
	real = dlsym(RTLD_NEXT, "timer_settime");
	return real(timer, flags, new, old);
}

START_TEST(no_timeout)
{
	struct run r;

	RUN(&r, "mixed", "passes", "skips");
	ck_assert_int_eq(r.code, 0);
	ck_assert_ptr_null(strstr(r.text, "a timer was armed"));
}
END_TEST

int main(int argc, char **argv)
{
	TCase *tc;

	if (getenv("TEST_ROOT"))
		files_root = getenv("TEST_ROOT");
	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
		if (!strcmp(argv[0], programs[i].program)) {
			is_program = true;
			return report_main(argc, argv, &programs[i]);
		}
	}
	self = argv[0];
	the_cpu = sched_getcpu();
	tc = tcase_create("report");
	tcase_add_checked_fixture(tc, make_root, remove_root);
	tcase_add_test(tc, mixed);
	tcase_add_test(tc, list);
	tcase_add_test(tc, chosen);
	tcase_add_test(tc, exit_codes);
	tcase_add_test(tc, usage);
	tcase_add_test(tc, deferred);
	tcase_add_test(tc, streamed);
	tcase_add_test(tc, environment);
	tcase_add_test(tc, log_judged);
	tcase_add_test(tc, no_cpus);
	tcase_add_test(tc, known);
	tcase_add_test(tc, scrubbed);
	tcase_add_test(tc, no_timeout);
	tcase_add_test(tc, short_writes);
	tcase_add_test(tc, never_run);
	return run_cases("report", tc);
}
