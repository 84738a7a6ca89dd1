/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tick's length and whether timers have high resolution, measured: what clock_getres() says is
 * itself under test, and no tolerance may rest on it.
 */
#ifndef TICKPROOF_RESOLUTION_H
#define TICKPROOF_RESOLUTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A tick's length is between these: HZ is 100 to 1000 (kernel/Kconfig.hz). */
#define TICK_MIN_NS 1000000
#define TICK_MAX_NS 10000000

/*
 * The tick's length in ns (TICK_NSEC), measured at the first call: the smallest of some steps of
 * CLOCK_MONOTONIC_COARSE, rounded to a whole HZ. Busy until a step is as long as clock_getres()
 * says, or for 100 steps if none is. TICK_MAX_NS if that clock doesn't move.
 */
int64_t tick_ns(void);

/* The same from given steps, ns; steps of 0 or less don't count. */
int64_t tick_of_steps(const int64_t *steps, size_t n);

/*
 * The smallest of so many steps forward of CLOCK_MONOTONIC_COARSE, ns. It is never less than a
 * tick, but for what NTP slews (0.05 %). 0 if the clock hardly moves.
 */
int64_t coarse_step(size_t steps);

/*
 * Whether short sleeps end before the next tick: then high resolution timers are active. Also false
 * where the host delays three quarters of them by half a tick, and where hres_denied():
 * a busy host lets ticks come in bunches, and sleeps end with them.
 */
bool hres_active(void);

/* Whether /proc/timer_list can be read, and says that high resolution timers are not active. */
bool hres_denied(void);

/*
 * How many ticks of the TSC x86 makes of a microsecond's delay on a CPU with these "BogoMIPS":
 * __const_udelay() multiplies by HZ / 4, an integer, and takes the low 32 bits of the product, so
 * that with Debian's HZ = 250 each delay is 0.8 % short, and a calibration at boot that came out at
 * some 17 GHz or more, which a busy host brings about, wraps (arch/x86/lib/delay.c).
 */
double x86_delay_ticks(double bogomips, int hz);

#endif
