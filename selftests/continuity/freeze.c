// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hypervisor itself doesn't run for a while, as on a host that was suspended or overwhelmed:
 * nobody stops a clock or puts it back, and all timers are overdue at once.
 */
#include "held.h"

int main(int argc, char **argv)
{
	return held_main(argc, argv, HELD_FREEZE);
}
