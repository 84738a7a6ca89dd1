#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The arm64 monitor: how it is built and put on a guest's command line, and its own test (hypervisor/tests), a guest of
# a few kilobytes that takes two seconds.

bats_require_minimum_version 1.5.0

setup() {
	export TICKPROOF_CACHE=$BATS_TEST_TMPDIR/cache NO_COLOR=1
	unset GUEST KERNEL CPUS MODULES EXTRA_DIR MAKEFLAGS
	HERE=$BATS_TEST_DIRNAME
	SOURCE=$HERE/../hypervisor
	cd "$BATS_TEST_TMPDIR" || return
	mkdir run
}

# guest LINE... : a guest's file, guest.conf, that the monitor would take, with further lines
guest() {
	printf '%s\n' 'description = mine' 'arch = arm64' 'machine = virt,gic-version=3,virtualization=on' \
		'cpu = cortex-a57' 'hypervisor = dead' "$@" >guest.conf
}

# command : the command line that guest.conf leads to
command_line() {
	# shellcheck disable=SC2016
	bash -c 'set -euo pipefail; source "$0/../lib/common.sh"; source "$HARNESS/prepare/guest.sh"
		guest_conf ./guest.conf
		GUEST_ARCH=arm64 GUEST_ACCEL=tcg GUEST_CPUS=2 GUEST_CHANNEL=ttyS0 GUEST_DIR=$PWD/run KERNEL_RELEASE=6.12.1-test
		guest_command kernel
		echo "${GUEST_CMD[*]}"
		hypervisor_description' "$HERE"
}

# build -> monitor.bin and tests.bin, once for all tests here
build() {
	local dir=$BATS_FILE_TMPDIR/build
	[[ -f $dir/tests.bin ]] || make -s -C "$SOURCE" OUTPUT="$dir" all tests >&2
	cp "$dir/monitor.bin" "$dir/tests.bin" .
}

# boot MODE CPU [OPTION...] : the monitor's own test in a virtual machine with the mode as a number
boot() {
	build
	timeout 60 qemu-system-aarch64 -no-user-config -nodefaults -display none -nic none -no-reboot \
		-M virt,gic-version=3,virtualization=on -cpu "$2" -accel tcg,thread=multi -smp 2 -m 512 -serial stdio \
		-kernel tests.bin -device loader,file=monitor.bin,addr=0x5fe00000,force-raw=on \
		-device loader,addr=0x5fe00000,cpu-num=0 -device "loader,addr=0x5ffff000,data=$1,data-len=8" "${@:3}" </dev/null
}

# passes MODE CPU BEFORE AFTER : all rules hold; the arch timer is BEFORE until STIMER was used, and then AFTER
passes() {
	run boot "$1" "$2"
	[ "$status" -eq 0 ]
	if grep -v '^ok \|^# arch timer: \|^TAP version\|^1\.\.[1-9]' <<<"${output//$'\r'/}"; then
		return 1
	fi
	[ "$(grep -c '^ok ' <<<"$output")" -eq "$(sed -n 's/^1\.\.//p' <<<"${output//$'\r'/}")" ]
	[ "$(sed -n 's/^# arch timer: //p' <<<"${output//$'\r'/}")" = "$3
$4" ]
}

works=interrupt
dead='expired, no interrupt'

@test "mistakes in a guest's file: one line, exit 2" {
	while read -r line words; do
		guest "${line//_/ }"
		run command_line
		[ "$status" -eq 2 ]
		[ "${#lines[@]}" -eq 1 ]
		[[ $output == *"$words"* ]]
	done <<-'LIST'
		hypervisor_=_sleepy hypervisor = sleepy; known: functional dead unexpired uninjected
		firmware_=_bios firmware = bios; known: dt uefi
		machine_=_virt,gic-version=3 needs machine = virt,gic-version=3,virtualization=on
		machine_=_virt,virtualization=on needs machine = virt,gic-version=3,virtualization=on
		accel_=_kvm needs arch = arm64 and accel = tcg
		arch_=_amd64 needs arch = arm64 and accel = tcg
		memory_=_1G needs memory = a number of MiB
	LIST
	guest 'hypervisor =' 'arch = amd64' 'firmware = uefi'
	run command_line
	[[ $output == *"firmware = uefi is for arch = arm64 only"* ]]
}

@test "the monitor is built once, and lies at the end of RAM" {
	guest 'memory = 1024'
	run --separate-stderr command_line
	[ "$status" -eq 0 ]
	[[ $stderr == *'building the arm64 monitor'* ]]
	[[ ${lines[0]} == *" -device loader,file=monitor.bin,addr=$((0x7fe00000)),force-raw=on "* ]]
	[[ ${lines[0]} == *" -device loader,addr=$((0x7fe00000)),cpu-num=0 "* ]]
	[[ ${lines[0]} == *" -device loader,addr=$((0x7ffff000)),data=0x64616564,data-len=8" ]]
	[[ ${lines[0]} != *-bios* ]]
	[ "${lines[1]}" = "tickproof's Hyper-V on TCG, devicetree, the arch timer is dead" ]
	[ -s run/monitor.bin ]
	guest 'hypervisor = functional' 'firmware = uefi'
	run --separate-stderr command_line
	[ -z "$stderr" ]
	[[ ${lines[0]} == *" -bios "*QEMU_EFI.fd* ]]
	[ "${lines[1]}" = "tickproof's Hyper-V on TCG, UEFI, the arch timer works" ]
}

@test "a monitor that does not build: one line, exit 2, nothing half-made" {
	mkdir bin
	printf '#!/bin/sh\necho "main.c:1: error: no such luck" >&2\nexit 1\n' >bin/aarch64-linux-gnu-gcc
	chmod +x bin/aarch64-linux-gnu-gcc
	guest
	PATH=$PWD/bin:$PATH run command_line
	[ "$status" -eq 2 ]
	[[ ${lines[-1]} == *'the monitor does not build (main.c:1: error: no such luck): see '*/monitor/log ]]
	[ -z "$(find cache/monitor -name 'monitor.*' -o -name '.tmp*')" ]
}

@test "Hyper-V's rules, the arch timer working" { passes 0x636e7566 cortex-a57 "$works" "$works"; }
@test "Hyper-V's rules, the arch timer dead" { passes 0x64616564 neoverse-n1 "$dead" "$dead"; }
@test "Hyper-V's rules, on the newest CPU that QEMU has" { passes 0x636e7566 max "$works" "$works"; }

@test "without a mode, or not where it belongs: said on the console, and off" {
	run boot 0 cortex-a57
	[ "$status" -eq 0 ]
	[[ $output == *'tickproof monitor: no mode was given: func, dead, unexp or uninj is expected'* ]]
	run boot 0x64616564 cortex-a57 -m 1024
	[ "$status" -eq 0 ]
	[[ $output == *"tickproof monitor: the devicetree's memory does not end with the monitor's"* ]]
}
