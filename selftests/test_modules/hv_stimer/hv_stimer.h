/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TICKPROOF_HV_STIMER_H
#define TICKPROOF_HV_STIMER_H

#include <linux/interrupt.h>

#include "../hv_arm64.h"

#define HV_CLOCK_HZ	10000000	/* the reference counter: 100 ns a tick */

/* irq.c: PPI intid as a per-CPU interrupt, edge, active high. 0 or -errno, with a line in the log. */
int hv_irq_request(unsigned int intid, irq_handler_t handler, void __percpu *dev);
void hv_irq_free(void __percpu *dev);
void hv_irq_enable(void);	/* on this CPU */
void hv_irq_disable(void);

/* clocksource.c: the reference counter now, by the page if that is valid */
u64 hv_reference(void);
/* features: HVR_FEATURES' first word. 0 or -errno, with a line in the log. */
int hv_clocksources_register(u32 features);
void hv_clocksources_unregister(void);

#endif
