// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine is saved to a file, is nowhere for a while, and goes on elsewhere (QEMU's migration
 * to a file, and -incoming), as from a snapshot.
 */
#include "held.h"

int main(int argc, char **argv)
{
	return held_main(argc, argv, HELD_RESTORE);
}
