#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Guests: their files, the images and payloads made for them, the command line. Nothing is booted.

bats_require_minimum_version 1.5.0
load kernels

setup() {
	export TICKPROOF_CACHE=$BATS_TEST_TMPDIR/cache NO_COLOR=1
	unset GUEST KERNEL ACCEL CPUS MODULES EXTRA_DIR
	HERE=$BATS_TEST_DIRNAME
	cd "$BATS_TEST_TMPDIR" || return
	# What would come out of packages: two tools, and a kernel with KVM's modules but no virtio.
	mkdir -p cache/tools/{amd64,arm64}/bin cache/kernels/{amd64,arm64}/6.12.1-test/{boot,lib/modules/6.12.1-test}
	touch cache/tools/{amd64,arm64}/bin/{bash-static,busybox}
	for arch in amd64 arm64; do
		touch "cache/kernels/$arch/6.12.1-test/lib/modules/6.12.1-test/modules.order"
		ln -s 6.12.1-test cache/kernels/$arch/6.12
	done
	bzimage cache/kernels/amd64/6.12.1-test/boot/vmlinuz-6.12.1-test 6.12.1-test
	arm64_image cache/kernels/arm64/6.12.1-test/boot/vmlinuz-6.12.1-test 6.12.1-test
	mkdir -p tests/clockevents run modules
	touch modules/{hv_regs,timer_probe}.ko
	echo program >tests/clockevents/sysfs_contract
}

# prepare SETTING... : guest_prepare with those settings; prints the command and what was set
prepare() {
	# shellcheck disable=SC2016
	env "$@" bash -c 'set -euo pipefail; source "$0/../lib/common.sh"; source "$HARNESS/prepare/guest.sh"
		[[ ${FAKE_MODULES:-yes} == no ]] || modules_build() { echo "$PWD/modules"; }
		PROGRAMS=(${FAKE_CHOSEN:+"safe $FAKE_CHOSEN"})
		TESTS_DIR=tests GUEST_DIR=$PWD/run
		guest_conf "${GUEST:-hyperv}"
		accel_choose "${GUEST:-hyperv}"
		guest_prepare
		echo "${GUEST_CMD[*]}"
		echo "$GUEST_DESCRIPTION / $GUEST_ARCH $GUEST_CPUS $GUEST_NESTED $KERNEL_RELEASE"' "$HERE"
}

# contents FILE -> the names in all the archives of an initrd
contents() { while cpio -t --quiet 2>/dev/null; do :; done <"$1"; }

@test "every guest's file is well formed" {
	for conf in "$HERE"/../guests/*.conf; do
		bash -c 'set -eu; source "$0/../lib/common.sh"; source "$HARNESS/prepare/guest.sh"; guest_conf "$1"' "$HERE" "$conf"
	done
}

@test "an unknown guest: one line with the known ones, exit 2" {
	run prepare GUEST=vax
	[ "$status" -eq 2 ]
	[ "${#lines[@]}" -eq 1 ]
	local guest
	[[ $output == *"GUEST=vax: no such guest; known: "*"(or the path"* ]]
	for guest in "$HERE"/../guests/*.conf; do
		guest=${guest##*/}
		[[ $output == *" ${guest%.conf} "* ]]
	done
}

@test "a guest's file of one's own, and its mistakes" {
	printf '# mine\ndescription = mine\narch = amd64\nmachine = pc\ncpu = max\nmemory=300\n' >my.conf
	run prepare GUEST=./my.conf
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == *"-M pc -cpu max,-cx16 -accel tcg,thread=multi -smp 2 -m 300 "* ]]
	while read -r line words; do
		{
			cat my.conf
			echo "${line//_/ }"
		} >bad.conf
		run prepare GUEST=./bad.conf
		[ "$status" -eq 2 ]
		[ "${#lines[@]}" -eq 1 ]
		[[ $output == *"$words"* ]]
	done <<-'LIST'
		colour_=_red bad.conf:7: not a setting; known: description arch
		nonsense bad.conf:7: not a setting
		arch_=_vax arch = vax; known: amd64 arm64
	LIST
	echo 'description = none' >bad.conf
	run prepare GUEST=./bad.conf
	[[ $output == *'"arch" is missing'* ]]
}

@test "the command line of an x86 guest" {
	run prepare GUEST=x86 CPUS=4
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == *"/guest/again setpriv --pdeathsig KILL qemu-system-x86_64 "*"-no-reboot"*"-smp 4 "* ]]
	[[ ${lines[0]} == *"-serial chardev:con -chardev stdio,id=ktap,signal=off -serial chardev:ktap"*"channel=ttyS1"* ]]
	[ "${lines[1]}" = "Linux 6.12.1-test, 4 CPUs, QEMU's emulation (TCG) / amd64 4 no 6.12.1-test" ]
}

@test "another QEMU goes on with a guest: one that was saved, or, beside the first, one that moves; all have its channel" {
	cat >qemu <<-'END'
		#!/bin/bash
		IFS= read -r word
		echo "$word: $*"
		case $word in
		save) sleep 0.1 && : >state ;;
		move) kill -USR1 $PPID && sleep 0.2 ;;
		last) sleep 0.6 ;;
		esac
		exit "${#word}"
	END
	chmod +x qemu
	mkfifo channel
	exec 7<>channel
	printf '%s\n' save move last >&7
	run "$HERE/../guest/again" ./qemu -x <channel
	[ "$status" -eq 4 ]
	[ "$output" = 'save: -x
move: -x -incoming defer
last: -x -S -incoming defer' ]
}

@test "an emulated x86 kernel that patches its code for the TSC as a clocksource is told not to use it, with several CPUs" {
	while read -r release cpus told; do
		bzimage "bz-$release" "$release"
		run prepare GUEST=x86 KERNEL="bz-$release" CPUS="$cpus"
		[ "$status" -eq 0 ]
		[ "$told" = "$([[ ${output} == *' tsc=unstable'* ]] && echo yes || echo no)" ]
	done <<-'LIST'
		7.3.4+deb13-amd64 2 yes
		10.1.0 4 yes
		7.3.4+deb13-amd64 1 no
		6.12.1-test 2 no
	LIST
	run prepare GUEST=hyperv ACCEL=nested KERNEL=bz-7.3.4+deb13-amd64
	[[ $output != *tsc=unstable* ]]
}

@test "a kernel that waits for RCU before any module can be loaded is told not to, where its only timer is dead until then" {
	while read -r hypervisor release told; do
		run bash -c 'source "$0/../lib/common.sh"; source "$HARNESS/prepare/guest.sh"
			declare -A GUEST_CONF=([hypervisor]=$2)
			GUEST_ACCEL=tcg GUEST_ARCH=arm64 GUEST_CPUS=2 KERNEL_RELEASE=$1
			kernel_cmdline' "$HERE" "$release" "$hypervisor"
		[ "$status" -eq 0 ]
		[ "$told" = "$([[ ${output} == *' rodata=off'* ]] && echo yes || echo no)" ]
	done <<-'LIST'
		dead 5.10.0-32-arm64 yes
		dead 6.1.0-57-arm64 yes
		dead 6.12.117+deb12-arm64 no
		functional 5.10.0-32-arm64 no
	LIST
}

@test "the command line of an arm64 guest" {
	run prepare GUEST=arm64 CPUS=1
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == *" qemu-system-aarch64 "*"-device pci-serial,chardev=ktap"*"console=ttyAMA0 channel=ttyS0"* ]]
	[ "${lines[1]}" = "Linux 6.12.1-test, 1 CPU, QEMU's emulation (TCG) / arm64 1 no 6.12.1-test" ]
}

@test "an initrd holds the userland and the programs" {
	mkdir more
	touch more/mine
	prepare GUEST=x86 EXTRA_DIR="$PWD/more"
	contents run/initrd >names
	for name in init bin/bash bin/busybox payload/tests/clockevents/sysfs_contract bin/confine payload/tests/extra/mine; do
		grep -qx "$name" names
	done
}

@test "EXTRA_DIR and what is in it may be links; what can't be copied is one line, exit 2" {
	mkdir more
	touch mine data
	ln -s ../mine more/mine
	ln -s more link
	prepare GUEST=x86 EXTRA_DIR=link
	[ -f run/files/payload/tests/extra/mine ]
	[ ! -L run/files/payload/tests/extra/mine ]
	rm -r run/*
	ln -s nowhere more/dangling
	run prepare GUEST=x86 EXTRA_DIR=link
	[ "$status" -eq 2 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ $output == *'EXTRA_DIR=link cannot be copied: '*dangling* ]]
}

@test "the userland is made once, and anew when its init has changed" {
	prepare GUEST=x86
	[ "$(find cache/images -type f | wc -l)" -eq 1 ]
	prepare GUEST=x86
	[ "$(find cache/images -type f | wc -l)" -eq 1 ]
	[ -z "$(find cache -name '.tmp*')" ]
}

@test "CPUS that is no number of CPUs" {
	for cpus in 0 -1 two 1000; do
		run prepare GUEST=x86 CPUS=$cpus
		[ "$status" -eq 2 ]
		[ "${#lines[@]}" -eq 1 ]
		[[ $output == *"CPUS=$cpus: "* ]]
	done
}

@test "a module that is none stops the guest before it is made" {
	run prepare GUEST=x86 MODULES='missing.ko a=1; other.ko'
	[ "$status" -eq 2 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ $output == *"MODULES: missing.ko: no such file"* ]]
}

@test "modules whose names look like options or assignments, are there twice, or take another file's place" {
	mkdir more
	for name in ./-m=1.ko ./a=b.ko more/a=b.ko programs; do
		module "$name" '\076' 6.12.1-test
	done
	run prepare GUEST=x86 MODULES='-m=1.ko x=1; a=b.ko'
	[ "$status" -eq 0 ]
	[ "$(cat run/files/payload/modules)" = "$(printf '%s\n' '-m=1.ko x=1' 'a=b.ko ')" ]
	[ -e run/files/payload/-m=1.ko ]
	rm -r run/*
	run prepare GUEST=x86 MODULES='a=b.ko; more/a=b.ko'
	[ "$status" -eq 2 ]
	[[ $output == *'MODULES: two modules are called a=b.ko'* ]]
	rm -r run/*
	run prepare GUEST=x86 MODULES=./programs
	[ "$status" -eq 2 ]
	[[ $output == *'./programs: the name of a module'*' ends in .ko'* ]]
}

@test "a module by its name: an unknown one, and one for a kernel without headers, one line, exit 2" {
	run prepare GUEST=x86 MODULES=nosuch
	[ "$status" -eq 2 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ $output == *"MODULES: nosuch is neither a file nor one of our modules (hv_regs hv_stimer timer_fault"* ]]
	run prepare GUEST=x86 MODULES="timer_fault fault=none"
	[ "$status" -eq 2 ]
	[[ $output == *"module timer_fault is not for amd64"* ]]
}

@test "a module that MODULES names takes the place of the guest's own, with its parameters where it is given none" {
	printf '%s\n' 'description = mine' 'arch = arm64' 'machine = virt' 'cpu = max' 'modules = hv_stimer standby=1; timer_fault fault=none' >my.conf
	arm64_image ./Image 6.9.2-arm
	mkdir more
	module more/hv_stimer.ko '\267' 6.9.2-arm
	module more/timer_fault.ko '\267' 6.9.2-arm
	module more/timer_probe.ko '\267' 6.9.2-arm
	# An image has nothing to build modules with: the advice that is given is followed.
	run prepare GUEST=./my.conf KERNEL=./Image FAKE_MODULES=no
	[ "$status" -eq 2 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ $output == *"module hv_stimer, which GUEST=my needs, can't be built for Linux 6.9.2-arm: give KERNEL= the build tree"*'give MODULES=path/hv_stimer.ko' ]]
	run prepare GUEST=./my.conf KERNEL=./Image FAKE_MODULES=no MODULES='more/hv_stimer.ko; more/timer_fault.ko fault=late; more/timer_probe.ko' FAKE_CHOSEN=sleep/kernel_delay
	[ "$status" -eq 0 ]
	[[ $output != *'will be skipped'* ]]
	[ "$(cat run/files/payload/modules)" = "$(printf '%s\n' 'hv_stimer.ko standby=1' 'timer_fault.ko fault=late' 'timer_probe.ko ')" ]
	cmp more/hv_stimer.ko run/files/payload/hv_stimer.ko
	[ ! -e run/files/payload/drivers/timer_probe.ko ]
	run prepare GUEST=./my.conf KERNEL=./Image FAKE_MODULES=no MODULES='more/hv_stimer.ko; ./more/hv_stimer.ko'
	[ "$status" -eq 2 ]
	[[ $output == *'two modules are called hv_stimer.ko'* ]]
}

@test "what a kernel comes without is said before the boot, with the number of cases and the remedy" {
	bzimage bz 6.9.2-pc
	arm64_image ./Image 6.9.2-arm
	run prepare GUEST=arm64 KERNEL=./Image FAKE_MODULES=no CPUS=4 FAKE_CHOSEN='sleep/kernel_delay'
	[ "$status" -eq 0 ]
	[[ $output == *'note: 12 cases will be skipped: Linux 6.9.2-arm comes without the module timer_probe; to run them, give KERNEL= the build tree'* ]]
	rm -r run/*
	run prepare GUEST=x86 KERNEL=./bz FAKE_MODULES=no CPUS=2 FAKE_CHOSEN='sleep/kernel_delay'
	[ "$status" -eq 0 ]
	[[ $output == *'note: 6 cases will be skipped: Linux 6.9.2-pc comes without the module timer_probe; '* ]]
	rm -r run/*
	# Nothing is said of what isn't run.
	run prepare GUEST=arm64 KERNEL=./Image FAKE_MODULES=no FAKE_CHOSEN='clockevents/wakes'
	[ "$status" -eq 0 ]
	[[ $output != *'will be skipped'* ]]
}

@test "each case that is said to need a module is in docs/contracts.md" {
	local program
	while read -r program; do
		[ -f "$HERE/../../selftests/${program/.//}.c" ]
		grep -q "${program//./\\.}" "$HERE/../../docs/contracts.md"
	done < <(sed '/^#/d' "$HERE/../../selftests/test_modules/needed_by" | awk '{ print $3 }')
	# 52 as measured: Linux 6.12 as an image alone, 2 CPUs; and the four of continuity.
	[ "$(awk '$2 == "amd64-hyperv" { n += $4 + 2 * $5 } END { print n }' "$HERE/../../selftests/test_modules/needed_by")" -eq 56 ]
}
