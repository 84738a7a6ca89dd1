// SPDX-License-Identifier: GPL-2.0-only
/*
 * tsc_khz - print how fast this host's time stamp counter runs, in kHz, by CLOCK_MONOTONIC_RAW
 *
 * For the hypervisor appliance: QEMU's emulation hands out the host's own counter, and a kernel
 * that finds out its rate by a timer chip can be wrong by any factor, because a busy host pauses it
 * in the middle of that. So it gets the figure.
 *
 * Each reading is the quickest of many, between two readings of the clock. Exits 1, silent, on a
 * CPU whose counter stops or changes its rate (no nonstop_tsc or constant_tsc), or where two
 * measurements differ by more than 100 ppm.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <x86intrin.h>

#define READINGS 1000
#define SPAN	 50000000LL /* ns */

struct reading {
	long long ns;
	long long tsc;
};

static long long raw(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static struct reading quickest(void)
{
	long long before, tsc, after, best = 0;
	struct reading reading = {};
	int i;

	for (i = 0; i < READINGS; i++) {
		before = raw();
		_mm_lfence();
		tsc = __rdtsc();
		_mm_lfence();
		after = raw();
		if (!i || after - before < best) {
			best = after - before;
			reading = (struct reading){ before + best / 2, tsc };
		}
	}
	return reading;
}

static int steady(void)
{
	char line[8192];
	FILE *file = fopen("/proc/cpuinfo", "r");
	int is = 0;

	while (file && !is && fgets(line, sizeof(line), file))
		is = strstr(line, " constant_tsc") && strstr(line, " nonstop_tsc");
	if (file)
		fclose(file);
	return is;
}

int main(void)
{
	struct timespec span = { 0, SPAN };
	struct reading reading[3];
	double khz[2];
	int i;

	if (!steady())
		return 1;
	for (i = 0; i < 3; i++) {
		if (i)
			nanosleep(&span, NULL);
		reading[i] = quickest();
		if (i)
			khz[i - 1] = 1e6 * (reading[i].tsc - reading[i - 1].tsc) /
				     (reading[i].ns - reading[i - 1].ns);
	}
	if (khz[0] / khz[1] > 1.0001 || khz[1] / khz[0] > 1.0001)
		return 1;
	printf("%.0f\n", 1e6 * (reading[2].tsc - reading[0].tsc) / (reading[2].ns - reading[0].ns));
	return 0;
}
