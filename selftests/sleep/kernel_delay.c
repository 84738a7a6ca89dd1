// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's own busy waits, on each CPU: ndelay(), udelay(), mdelay(), measured
 * where they are made by the module timer_probe. On arm64 they are WFEs that the
 * event stream ends; drivers rely on their not being short.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/files.h"
#include "../lib/report.h"
#include "../lib/resolution.h"
#include "../test_modules/timer_probe/timer_probe.h"

#define PATH "/sys/kernel/debug/" TIMER_PROBE_FILE

static int probe(void)
{
	int fd = open(PATH, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (geteuid())
		report_skip("the kernel's delays are measured by a module, for root");
	if (errno == ENOENT)
		report_skip("no " PATH
			    ": the module timer_probe is not loaded (selftests/test_modules)");
	report_skip(PATH ": %s", strerror(errno));
}

/*
 * What a delay of a microsecond is, in ticks of the raw counter. On arm64 the
 * counter's rate is known. x86 makes each CPU's delays of a calibration at boot,
 * which a busy host spoils (include/linux/delay.h warns of it): a delay is
 * judged by its CPU's own calibration, and the calibration is only reported.
 */
#if defined(__aarch64__)
static double ticks_per_us(int cpu)
{
	(void)cpu;
	return counter_hz() / 1e6;
}
#else
static double ticks_per_us(int cpu)
{
	char *data, *line, *rest;
	double bogomips = 0, hz = counter_hz() / 1e6, made;
	int hz_ticks = NSEC_PER_SEC / tick_ns(), n, at = -1;
	static bool noted;

	if (file_read("/proc/cpuinfo", &data) < 0)
		report_skip("/proc/cpuinfo can't be read");
	for (rest = data; !bogomips && (line = strsep(&rest, "\n"));) {
		if (sscanf(line, "processor : %d", &n) == 1)
			at = n;
		else if (at == cpu)
			sscanf(line, "bogomips : %lf", &bogomips);
	}
	free(data);
	if (!bogomips)
		report_skip("/proc/cpuinfo has no bogomips for CPU %d", cpu);
	if (hz_ticks % 4)
		report_note("finding: with HZ = %d all of x86's delays are %.1f %% short: __const_udelay() multiplies by HZ / 4, rounded down",
			    hz_ticks, 100.0 * (hz_ticks % 4) / hz_ticks);
	/* It is printed with two digits. */
	made = x86_delay_ticks(bogomips - 0.01, hz_ticks);
	if (made < hz * 0.95 && !noted)
		report_note("finding: CPU %d takes %.1f ticks for a microsecond, and the TSC makes %.1f: all its delays are short, by a calibration gone wrong at boot (%.2f BogoMIPS)",
			    cpu, made, hz, bogomips);
	noted = true;
	return made;
}
#endif

static void delay(int cpu, uint32_t kind, const char *name, int64_t unit_ns, uint32_t amount,
		  uint32_t rounds)
{
	struct probe_delay_request r = { .kind = kind, .amount = amount, .rounds = rounds };
	double tick_ns, asked = amount * unit_ns, due, shortest, median;
	int fd = probe();
	char metric[32];

	ck_assert_int_eq(cpu_pin(cpu), 0);
	tick_ns = 1e9 / counter_hz();
	/* Less a tick, which the reading leaves out. */
	due = asked / NSEC_PER_USEC * ticks_per_us(cpu) - 1;
	if (ioctl(fd, PROBE_DELAY, &r))
		report_fail("%s(%u) on CPU %d: %s", name, amount, cpu, strerror(errno));
	close(fd);
	if ((int)r.cpu != cpu)
		report_fail("%s(%u) ran on CPU %u, not on CPU %d", name, amount, r.cpu, cpu);
	shortest = r.shortest * tick_ns;
	median = r.median * tick_ns;
	snprintf(metric, sizeof(metric), "%s_%u_shortest", name, amount);
	report_metric(metric, shortest, "ns");
	snprintf(metric, sizeof(metric), "%s_%u_p50", name, amount);
	report_metric(metric, median, "ns");
	if (r.shortest < due)
		report_fail("%s(%u) took %llu ticks of the counter (%.0f ns) on CPU %d, the shortest of %u: at least %.0f are due",
			    name, amount, (unsigned long long)r.shortest, shortest, cpu, rounds,
			    due);
}

static void ndelays(int cpu)
{
	delay(cpu, PROBE_NDELAY, "ndelay", 1, 100, 200);
	delay(cpu, PROBE_NDELAY, "ndelay", 1, 900, 200);
}

static void udelays(int cpu)
{
	delay(cpu, PROBE_UDELAY, "udelay", NSEC_PER_USEC, 1, 200);
	delay(cpu, PROBE_UDELAY, "udelay", NSEC_PER_USEC, 10, 200);
	/* Longer than the event stream's period, which is 100 us. */
	delay(cpu, PROBE_UDELAY, "udelay", NSEC_PER_USEC, 150, 100);
	delay(cpu, PROBE_UDELAY, "udelay", NSEC_PER_USEC, 1000, 30);
}

static void mdelays(int cpu)
{
	delay(cpu, PROBE_MDELAY, "mdelay", NSEC_PER_MSEC, 1, 30);
	delay(cpu, PROBE_MDELAY, "mdelay", NSEC_PER_MSEC, 5, 10);
}

static const struct report_case cases[] = {
	{ "ndelay",
	  "I2: ndelay() is not short on any CPU (on x86: by that CPU's own calibration) (arch/arm64/lib/delay.c, arch/x86/lib/delay.c)",
	  ndelays, true },
	{ "udelay",
	  "I2: udelay() is not short on any CPU, with or without the event stream (arch/arm64/lib/delay.c)",
	  udelays, true },
	{ "mdelay", "I2: mdelay() is not short on any CPU (include/linux/delay.h)", mdelays, true },
};

static void setup(void)
{
#if defined(__aarch64__)
	report_fact("arm64.event_stream", "%s",
		    getauxval(AT_HWCAP) & 4 ? "on" : "off"); /* HWCAP_EVTSTRM */
#endif
}

REPORT_MAIN("sleep", "kernel_delay", .setup = setup)
