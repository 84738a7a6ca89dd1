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
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../lib/clocks.h"
#include "../lib/cpus.h"
#include "../lib/report.h"
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
		report_skip("no " PATH ": the module timer_probe is not loaded (selftests/test_modules)");
	report_skip(PATH ": %s", strerror(errno));
}

/*
 * On arm64 the counter's rate is known, and a delay is counted by that very
 * counter: what is missing is a tick at most. On x86 it is calibrated, and the
 * delay with it (include/linux/delay.h warns of it); so is what we compare with.
 */
#if defined(__aarch64__)
#define SHORT_BY 0
#else
#define SHORT_BY 0.01
#endif

static void delay(int cpu, uint32_t kind, const char *name, int64_t unit_ns, uint32_t amount, uint32_t rounds)
{
	struct probe_delay_request r = { .kind = kind, .amount = amount, .rounds = rounds };
	double tick_ns, asked = amount * unit_ns, shortest, median;
	int fd = probe();
	char metric[32];

	ck_assert_int_eq(cpu_pin(cpu), 0);
	tick_ns = 1e9 / counter_hz();
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
	if (shortest + tick_ns < asked * (1 - SHORT_BY))
		report_fail("%s(%u) took %.0f ns on CPU %d, the shortest of %u: %.0f ns too few", name, amount,
			    shortest, cpu, rounds, asked - shortest);
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
	{ "ndelay", "I2: ndelay() is not short on any CPU (arch/arm64/lib/delay.c, arch/x86/lib/delay.c)", ndelays, true },
	{ "udelay", "I2: udelay() is not short on any CPU, with or without the event stream (arch/arm64/lib/delay.c)", udelays, true },
	{ "mdelay", "I2: mdelay() is not short on any CPU (include/linux/delay.h)", mdelays, true },
};

static void setup(void)
{
#if defined(__aarch64__)
	report_fact("arm64.event_stream", "%s", getauxval(AT_HWCAP) & 4 ? "on" : "off");	/* HWCAP_EVTSTRM */
#endif
}

int main(int argc, char **argv)
{
	static const struct report_program program = {
		.surface = "sleep", .program = "kernel_delay",
		.cases = cases, .nr_cases = sizeof(cases) / sizeof(*cases),
		.setup = setup,
	};

	return report_main(argc, argv, &program);
}
