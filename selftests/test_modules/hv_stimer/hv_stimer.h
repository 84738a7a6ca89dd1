/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TICKPROOF_HV_STIMER_H
#define TICKPROOF_HV_STIMER_H

#include "../hv_arm64.h"

#define HV_CLOCK_HZ 10000000 /* the reference counter: 100 ns a tick */

/* The reference counter now, by the page if that is valid. */
u64 hv_reference(void);

/* features: HVR_FEATURES' first word. 0 or -errno, with a line in the log. */
int hv_clocksources_register(u32 features);
void hv_clocksources_unregister(void);

#endif
