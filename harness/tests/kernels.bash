# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Files with the marks of kernels and modules, for tests that boot none.

# bytes FILE OFFSET TEXT : write TEXT (a printf format) at OFFSET
# shellcheck disable=SC2059  # a format is what it takes
bytes() { printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }

# bzimage FILE [RELEASE] : a file with the marks of a bzImage of that release
bzimage() {
	bytes "$1" 514 HdrS
	bytes "$1" 526 '\100\001'
	bytes "$1" $((0x140 + 0x200)) "${2:-6.9.1-test} (me@here) #1 SMP\0"
}

# arm64_image FILE [RELEASE] : a file with the marks of an arm64 Image of that release
arm64_image() {
	bytes "$1" 56 'ARM\144'
	bytes "$1" 100 "Linux version ${2:-6.9.2-arm} (me@here)\0"
}

# module FILE MACHINE RELEASE : a file with the marks of a kernel module
module() {
	bytes "$1" 0 '\177ELF'
	bytes "$1" 18 "$2\0"
	bytes "$1" 64 "license=GPL\0vermagic=$3 SMP mod_unload \0"
}
