#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Kernels and modules: told apart by their first bytes, cached whole or not at all. apt is a fake here.

bats_require_minimum_version 1.5.0
load kernels

setup() {
	export TICKPROOF_CACHE=$BATS_TEST_TMPDIR/cache NO_COLOR=1 LC_ALL=C
	HERE=$BATS_TEST_DIRNAME
	cd "$BATS_TEST_TMPDIR" || return
	mkdir bin cache
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

# lib COMMAND... : run a function of kernel.sh as the harness would
lib() {
	bash -c 'set -euo pipefail; source "$0/../lib/common.sh"; source "$HARNESS/prepare/guest.sh"; "$@"' "$HERE" "$@"
}

fetch() { lib eval "kernel_fetch $1 $2; echo \$KERNEL_RELEASE \$KERNEL_IMAGE \$KERNEL_MODULES"; }

# fake_apt RELEASE : apt-cache and apt-get that know one package, and note each call in calls
fake_apt() {
	mkdir -p pkg/boot "pkg/lib/modules/$1/kernel/sound" pkg/DEBIAN
	bzimage "pkg/boot/vmlinuz-$1" "$1"
	printf 'Package: linux-image-%s\nVersion: 1\nArchitecture: all\nMaintainer: me\nDescription: x\n' "$1" >pkg/DEBIAN/control
	dpkg-deb -b pkg kernel.deb >/dev/null
	cat >bin/apt-cache <<-EOF2
		#!/bin/bash
		case \${!#} in
		linux-image-amd64) printf 'Package: linux-image-amd64\nDepends: linux-image-$1 (= 1)\n' ;;
		linux-image-$1) printf 'Package: linux-image-$1\nDepends: kmod\n' ;;
		esac
	EOF2
	cat >bin/apt-get <<-EOF2
		#!/bin/bash
		echo "\$*" >>$PWD/calls
		case "\$*" in
		*download*) \${FAKE_DOWNLOAD:-cp $PWD/kernel.deb .} ;;
		esac
	EOF2
	chmod +x bin/apt-cache bin/apt-get
}

@test "a series is fetched once and then needs no apt" {
	fake_apt 6.1.0-5-amd64
	run --separate-stderr fetch amd64 6.1
	[ "$status" -eq 0 ]
	[ "$output" = "6.1.0-5-amd64 $TICKPROOF_CACHE/kernels/amd64/6.1.0-5-amd64/boot/vmlinuz-6.1.0-5-amd64 $TICKPROOF_CACHE/kernels/amd64/6.1.0-5-amd64/lib/modules/6.1.0-5-amd64" ]
	rm calls
	run --separate-stderr fetch amd64 6.1
	[ "$status" -eq 0 ]
	run --separate-stderr fetch amd64 6.1.0-5-amd64
	[ "$status" -eq 0 ]
	[ ! -e calls ]
}

@test "what no guest has a device for is left out of the cache" {
	fake_apt 6.1.0-5-amd64
	fetch amd64 6.1 2>/dev/null
	[ -d "$TICKPROOF_CACHE/kernels/amd64/6.1/lib/modules/6.1.0-5-amd64/kernel" ]
	[ ! -e "$TICKPROOF_CACHE/kernels/amd64/6.1/lib/modules/6.1.0-5-amd64/kernel/sound" ]
}

@test "a failed download is one line, exit 2, and leaves no kernel behind" {
	fake_apt 6.1.0-5-amd64
	FAKE_DOWNLOAD=false run fetch amd64 6.1
	[ "$status" -eq 2 ]
	[[ ${lines[-1]} == *"cannot download linux-image-6.1.0-5-amd64"* ]]
	[ -z "$(ls -A "$TICKPROOF_CACHE/kernels/amd64")" ]
}

@test "a damaged package is one line, exit 2, and leaves no kernel behind" {
	fake_apt 6.1.0-5-amd64
	echo junk >kernel.deb
	run fetch amd64 6.1
	[ "$status" -eq 2 ]
	[[ ${lines[-1]} == *"cannot unpack"* ]]
	[ -z "$(ls -A "$TICKPROOF_CACHE/kernels/amd64")" ]
}

@test "an interrupted download leaves no kernel behind" {
	fake_apt 6.1.0-5-amd64
	# shellcheck disable=SC2016
	printf '#!/bin/bash\nkill -INT $(awk "/^PPid/ { print \$2 }" /proc/$PPID/status) $PPID; exit 1\n' >bin/interrupt
	chmod +x bin/interrupt
	FAKE_DOWNLOAD=interrupt run fetch amd64 6.1
	[ "$status" -ne 0 ]
	[ -z "$(ls -A "$TICKPROOF_CACHE/kernels/amd64")" ]
}

@test "an unknown kernel is named" {
	fake_apt 6.1.0-5-amd64
	for kernel in 6.7 6.1.0-6-amd64 6.1.0-5-arm64 6.1.99-1; do
		run fetch amd64 "$kernel"
		[ "$status" -eq 2 ]
		[[ ${lines[-1]} == *"KERNEL=$kernel: Debian's packages for amd64 hold no such kernel"* ]]
	done
	run fetch amd64 banana
	[ "$status" -eq 2 ]
	[[ $output == *"KERNEL=banana: give a series"* ]]
	[ "${#lines[@]}" -eq 1 ]
}

@test "a kernel by path names its own release" {
	bzimage ./bz
	arm64_image ./arm
	run fetch amd64 ./bz
	[ "$output" = "6.9.1-test $PWD/bz" ]
	run fetch arm64 ./arm
	[ "$output" = "6.9.2-arm $PWD/arm" ]
}

@test "a kernel's release is a stranger's text: nothing of it steers a terminal, and it is no longer than a release can be" {
	bzimage ./-b=z
	bytes ./-b=z $((0x140 + 0x200)) '6.9\033[31m\007-\302\233x '
	run fetch amd64 -b=z
	[ "$output" = "6.9??31m?-??x $PWD/-b=z" ]
	arm64_image ./a=rm
	bytes ./a=rm 100 "Linux version 6.9\033]0;x$(printf %0100d 1) "
	run fetch arm64 a=rm
	[ "$output" = "6.9??0?x$(printf %056d 0) $PWD/a=rm" ]
	# a file without any
	: >none
	bytes none 56 'ARM\144'
	run fetch arm64 none
	[ "$output" = "unknown $PWD/none" ]
	module evil.ko '\076' '6.9\033[31m'
	run lib module_check evil.ko amd64 6.9.1-test
	[ "$status" -eq 2 ]
	[[ $output == *'built for Linux 6.9?[31m, and'* ]]
}

@test "a path that is no kernel for this guest: one line, exit 2" {
	bzimage ./bz
	echo text >text
	: >empty
	echo x | gzip >gz
	printf '\177ELF' >vmlinux
	run fetch arm64 ./bz
	[ "$status" -eq 2 ]
	[[ $output == *"KERNEL=./bz is for amd64, and this guest is arm64"* ]]
	while read -r file words; do
		run fetch amd64 "./$file"
		[ "$status" -eq 2 ]
		[ "${#lines[@]}" -eq 1 ]
		[[ $output == *"$words"* ]]
	done <<-'LIST'
		text neither an x86 bzImage nor an arm64 Image
		empty neither an x86 bzImage nor an arm64 Image
		gz gunzip it first
		vmlinux take arch/x86/boot/bzImage
		absent no such file
		bin neither a build tree (no .config is there) nor a directory
	LIST
}

@test "modules are checked for architecture and release" {
	module good.ko '\076' 6.9.1-test
	module arm.ko '\267' 6.9.1-test
	module old.ko '\076' 6.8.0
	printf '\177ELF00000000000000\076\0' >program
	echo text >text.ko
	run lib module_check good.ko amd64 6.9.1-test
	[ "$status" -eq 0 ]
	while read -r file words; do
		run lib module_check "$file" amd64 6.9.1-test
		[ "$status" -eq 2 ]
		[ "${#lines[@]}" -eq 1 ]
		[[ $output == *"MODULES: $file"*"$words"* ]]
	done <<-'LIST'
		arm.ko is for arm64, and this guest is amd64
		old.ko was built for Linux 6.8.0, and this guest runs 6.9.1-test
		program has no vermagic
		text.ko is not a kernel module
		absent.ko no such file
	LIST
}
