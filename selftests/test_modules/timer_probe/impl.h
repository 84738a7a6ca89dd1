/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TICKPROOF_TIMER_PROBE_IMPL_H
#define TICKPROOF_TIMER_PROBE_IMPL_H

#include <linux/compiler.h>

long probe_arch_timer(void __user *arg);

#endif
