// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine is paused: its CPUs stop, and all that the hypervisor emulates with them, and go on
 * (QEMU's stop and cont, which a suspended host, a backup or a full disk do as well).
 */
#include "held.h"

int main(int argc, char **argv)
{
	static const struct held_way way = {
		.question = "pause 3",
	};

	return held_main(argc, argv, "pause", &way);
}
