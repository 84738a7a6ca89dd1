// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine moves to another QEMU (live migration, precopy): its memory first, while it runs on
 * KVM, then, while it stands still, what has changed since, and its devices.
 */
#include "held.h"

int main(int argc, char **argv)
{
	return held_main(argc, argv, HELD_MIGRATE);
}
