// SPDX-License-Identifier: GPL-2.0-only
/* One CPU doesn't run for a while, and the others do, as where the host has too few. */
#include "held.h"

int main(int argc, char **argv)
{
	return held_main(argc, argv, HELD_VCPU);
}
