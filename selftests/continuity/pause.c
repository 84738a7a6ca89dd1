// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine is paused: its CPUs stop, and all that the hypervisor emulates with them, and go on
 * (QEMU's stop and cont, which a full disk or a backup do as well).
 */
#include "held.h"

int main(int argc, char **argv)
{
	return held_main(argc, argv, HELD_PAUSE);
}
