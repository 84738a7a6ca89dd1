#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# What a guest runs on: kvm_probe against KVMs that lack something (fake_kvm.c) and this host's own, and the choice.

bats_require_minimum_version 1.5.0

HYPERV=host,kvm=off,hv-relaxed,hv-vapic,hv-vpindex,hv-runtime,hv-time,hv-synic,hv-stimer,hv-stimer-direct,hv-frequencies

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return
	gcc -Wall -Wextra -Werror -O2 -o probe "$BATS_TEST_DIRNAME/../prepare/kvm_probe.c"
	gcc -Wall -Wextra -Werror -O2 -shared -fPIC -o fake_kvm.so "$BATS_TEST_DIRNAME/fake_kvm.c"
}

setup() {
	export TICKPROOF_CACHE=$BATS_TEST_TMPDIR/cache NO_COLOR=1 LC_ALL=C
	unset ACCEL GUEST
	HERE=$BATS_TEST_DIRNAME PROBE=$BATS_FILE_TMPDIR/probe
	mkdir "$TICKPROOF_CACHE"
}

# fake CODE WORDS CPU [VARIABLE=value...] : the probe on a fake KVM ends with CODE and one line that holds WORDS
fake() {
	local code=$1 words=$2 cpu=$3
	shift 3
	run env "$@" LD_PRELOAD="$BATS_FILE_TMPDIR/fake_kvm.so" "$PROBE" "$cpu"
	[[ $status == "$code" && ${#lines[@]} == $((code != 0)) && $output == *"$words"* ]] || {
		printf '%s %s: status %d\n%s\n' "$cpu" "$*" "$status" "$output"
		return 1
	}
}

# choose CODE SETTING... : accel_choose for $GUEST with a probe that prints $WHY and ends with CODE
choose() {
	local code=$1
	shift
	printf '#!/bin/sh\n%s\nexit %d\n' "${WHY:+echo \"$WHY\"}" "$code" \
		>"$TICKPROOF_CACHE/kvm_probe-$(cksum <"$HERE/../prepare/kvm_probe.c" | cut -d ' ' -f 1)"
	chmod +x "$TICKPROOF_CACHE"/kvm_probe-*
	# shellcheck disable=SC2016
	run env "$@" bash -c 'set -euo pipefail; source "$0/../lib/common.sh"; source "$HARNESS/prepare/guest.sh"
		uname() { echo x86_64; }
		guest_conf "${GUEST:-hyperv}"
		accel_choose "${GUEST:-hyperv}"
		echo "$GUEST_ACCEL|$GUEST_FALLBACK|$GUEST_ACCEL_WHY"' "$HERE"
}

# refused WORDS... : in one line, exit code 2
refused() {
	[[ $status == 2 && ${#lines[@]} == 1 && $output == *"$1"* ]] || {
		printf 'status %d\n%s\n' "$status" "$output"
		return 1
	}
}

@test "a KVM with all of Hyper-V can, and one that lacks what a flag needs names it" {
	local flag leaf words
	fake 0 '' "$HYPERV"
	while IFS='|' read -r flag leaf words; do
		fake 1 "KVM has no Hyper-V $words (hv-$flag)" "max,hv-$flag" FAKE_KVM_LACKS="$leaf"
		# who doesn't ask misses nothing
		fake 0 '' max FAKE_KVM_LACKS="$leaf"
		fake 0 '' "max,hv-$flag=off" FAKE_KVM_LACKS="$leaf"
	done <<-'LIST'
		relaxed|40000004 0 20|relaxed timing
		vapic|40000003 0 10|APIC registers
		time|40000003 0 2|reference counter
		time|40000003 0 200|reference counter
		vpindex|40000003 0 40|VP_INDEX
		runtime|40000003 0 1|VP_RUNTIME
		synic|40000003 0 4|SynIC
		stimer|40000003 0 8|synthetic timers
		stimer-direct|40000003 3 80000|direct synthetic timers
		frequencies|40000003 0 800|frequency registers
		frequencies|40000003 3 100|frequency registers
		reset|40000003 0 80|reset register
		crash|40000003 3 400|crash registers
		reenlightenment|40000003 0 2000|reenlightenment
		tlbflush|40000004 0 4|TLB flush
		ipi|40000004 0 400|IPI hypercalls
		evmcs|40000004 0 4000|enlightened VMCS
	LIST
	fake 1 'KVM has no Hyper-V SynIC (hv-synic), synthetic timers (hv-stimer)' "$HYPERV" FAKE_KVM_LACKS='40000003 0 c'
}

@test "capabilities beside CPUID: KVM_CAP_HYPERV_VP_INDEX, SYNIC2, TIME; and a KVM without any of Hyper-V" {
	fake 1 'VP_INDEX (hv-vpindex)' "$HYPERV" FAKE_KVM_NO=149
	fake 1 'SynIC (hv-synic)' "$HYPERV" FAKE_KVM_NO=148
	fake 1 'reference counter (hv-time)' "$HYPERV" FAKE_KVM_NO=96
	fake 1 "KVM has no Hyper-V (CONFIG_KVM_HYPERV is off?), which this guest's hv-relaxed hv-vapic hv-time" "$HYPERV" FAKE_KVM_NO=167
	fake 1 "which this guest's hv-passthrough want" host,hv-passthrough FAKE_KVM_NO=167
	fake 0 '' max FAKE_KVM_NO=167
}

@test "flags as QEMU reads them: the last word holds, _ is -, + and - before them" {
	export FAKE_KVM_LACKS='40000003 0 8'
	local cpu
	for cpu in hv_stimer hv-stimer=on +hv-stimer hv-stimer=off,hv-stimer max,hv_stimer=yes; do
		fake 1 'synthetic timers (hv-stimer)' "$cpu"
	done
	for cpu in hv-stimer=off -hv-stimer hv-stimer,hv_stimer=off hv-stimer-direct xhv-stimer hv-stimers; do
		fake 0 '' "$cpu"
	done
}

@test "a KVM that makes no machine, no virtual CPU, or runs nothing" {
	fake 1 "can't be used: a virtual machine: Device or resource busy" max FAKE_KVM_NO=0xae01
	fake 1 "can't be used: a virtual CPU: Device or resource busy" max FAKE_KVM_NO=0xae41
	fake 1 "can't be used: running a virtual CPU: Device or resource busy" max FAKE_KVM_NO=0xae80
	fake 1 "first instruction ended in exit reason 9" max FAKE_KVM_EXIT=9
	fake 1 "/dev/kvm is not KVM's device" max FAKE_KVM_NO=0xae00
}

@test "a /dev/kvm that does not open: absent, forbidden, without a driver" {
	fake 1 'there is no /dev/kvm' max FAKE_KVM_OPEN=2
	fake 2 '/dev/kvm: permission denied' max FAKE_KVM_OPEN=13
	fake 1 '/dev/kvm: not permitted: a container has to be given the device' max FAKE_KVM_OPEN=1
	fake 1 '/dev/kvm cannot be opened: No such device' max FAKE_KVM_OPEN=19
}

@test "this host's own /dev/kvm: one answer, and one that QEMU agrees with" {
	local answer code=0
	answer=$("$PROBE" "$HYPERV") || code=$?
	[[ $code == 0 && -z $answer || $code == [12] && $(wc -l <<<"$answer") == 1 ]]
	((code == 0)) || skip "$answer"
	run timeout 20 qemu-system-x86_64 -nodefaults -display none -S -accel kvm -cpu "$HYPERV" -monitor stdio <<<quit
	[[ $status == 0 ]]
}

@test "a real file of no KVM, and a real one that may not be opened" {
	((EUID == 0)) || skip 'needs root, to put something in the place of /dev/kvm'
	[[ -e /dev/kvm ]] || skip 'needs a /dev/kvm to put something in its place'
	# where anybody may run it
	install -m 755 "$PROBE" /tmp/probe.$$
	: >"$BATS_TEST_TMPDIR/file"
	chmod 666 "$BATS_TEST_TMPDIR/file"
	# shellcheck disable=SC2016
	in_place() { unshare -m bash -c 'mount --make-rprivate / && mount --bind "$0" /dev/kvm && exec "$@"' "$BATS_TEST_TMPDIR/file" "$@"; }
	run in_place /tmp/probe.$$ max
	[[ $status == 1 && $output == "/dev/kvm is not KVM's device" ]]
	chmod 600 "$BATS_TEST_TMPDIR/file"
	run in_place setpriv --reuid 65534 --regid 65534 --clear-groups /tmp/probe.$$ max
	rm /tmp/probe.$$
	[[ $status == 2 && $output == '/dev/kvm: permission denied' ]]
}

@test "KVM where it has what the guest needs; else nested, with the reason; and the guest's file decides" {
	WHY='' choose 0
	[ "${lines[0]}" = 'running on KVM: it has what GUEST=hyperv needs' ]
	[ "${lines[1]}" = 'kvm|yes|KVM has what GUEST=hyperv needs' ]
	WHY='KVM has no Hyper-V synthetic timers (hv-stimer)' choose 1
	[ "${lines[0]}" = 'note: KVM has no Hyper-V synthetic timers (hv-stimer): running KVM in an emulated machine instead, which is slower' ]
	[ "${lines[1]}" = 'nested|no|KVM has no Hyper-V synthetic timers (hv-stimer)' ]
	WHY='' choose 142
	[[ ${lines[1]} == 'nested|no|KVM is here but a virtual CPU does not come to its first instruction (kvm_probe ended with status 142)' ]]
	WHY='' choose 126
	refused 'set TICKPROOF_CACHE'
	for guest in x86 arm64 arm64-hyperv; do
		choose 0 GUEST=$guest
		[ "$output" = 'tcg|no|' ]
	done
	printf 'description = mine\narch = amd64\nmachine = q35\ncpu = host\naccel = kvm\n' >"$BATS_TEST_TMPDIR/mine.conf"
	WHY='there is no /dev/kvm' choose 1 GUEST="$BATS_TEST_TMPDIR/mine.conf"
	refused 'mine.conf needs KVM: there is no /dev/kvm'
	WHY='' choose 0 GUEST="$BATS_TEST_TMPDIR/mine.conf"
	[[ ${lines[1]} == 'kvm|no|'* ]]
	sed 's/amd64/arm64/' "$BATS_TEST_TMPDIR/mine.conf" >"$BATS_TEST_TMPDIR/arm.conf"
	echo 'nested = auto' >>"$BATS_TEST_TMPDIR/arm.conf"
	WHY='' choose 0 GUEST="$BATS_TEST_TMPDIR/arm.conf"
	refused 'arm.conf needs KVM: the guest is arm64, and this host x86_64'
	for setting in 'accel = xen' 'nested = maybe'; do
		{
			cat "$BATS_TEST_TMPDIR/mine.conf"
			echo "$setting"
		} >"$BATS_TEST_TMPDIR/bad.conf"
		choose 0 GUEST="$BATS_TEST_TMPDIR/bad.conf"
		refused "$setting; known: "
	done
}

@test "a /dev/kvm that this user may not open is said, with the remedy" {
	WHY='/dev/kvm: permission denied' choose 2
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == 'note: /dev/kvm: permission denied (add yourself to group kvm: sudo usermod -aG kvm '*', then log in anew'*'): running KVM in an emulated machine instead, which is slower' ]]
	[[ ${lines[1]} == 'nested|no|/dev/kvm: permission denied (add yourself to group kvm: '* ]]
	WHY='/dev/kvm: permission denied' choose 2 ACCEL=kvm
	refused 'ACCEL=kvm: /dev/kvm: permission denied (add yourself to group kvm: sudo usermod -aG kvm '
}

@test "ACCEL forces a way, and one that can't be is refused" {
	WHY='' choose 0 ACCEL=kvm
	[[ ${lines[-1]} == 'kvm|no|ACCEL=kvm' ]]
	choose 0 ACCEL=nested
	[[ ${lines[-1]} == 'nested|no|ACCEL=nested' ]]
	choose 0 ACCEL=tcg GUEST=x86
	[[ ${lines[-1]} == 'tcg|no|ACCEL=tcg' ]]
	choose 0 ACCEL=nested GUEST=x86
	[[ ${lines[-1]} == 'nested|no|ACCEL=nested' ]]
	choose 0 ACCEL=tcg GUEST=arm64-hyperv
	[[ ${lines[-1]} == 'tcg|no|ACCEL=tcg' ]]
	WHY='there is no /dev/kvm' choose 1 ACCEL=kvm
	refused 'ACCEL=kvm: there is no /dev/kvm'
	choose 0 ACCEL=tcg
	refused "ACCEL=tcg: QEMU's emulation has no Hyper-V, which the hv- flags of GUEST=hyperv want"
	choose 0 ACCEL=nested GUEST=arm64
	refused 'ACCEL=nested is for amd64 guests'
	choose 0 ACCEL=kvm GUEST=arm64
	refused 'ACCEL=kvm: the guest is arm64, and this host x86_64'
	choose 0 ACCEL=kvm GUEST=arm64-hyperv
	refused 'ACCEL=kvm: the monitor under GUEST=arm64-hyperv wants EL2'
	choose 0 ACCEL=xen
	refused 'ACCEL=xen: known: kvm nested tcg'
	printf 'description = mine\narch = amd64\nmachine = q35\ncpu = host\n' >"$BATS_TEST_TMPDIR/mine.conf"
	choose 0 ACCEL=tcg GUEST="$BATS_TEST_TMPDIR/mine.conf"
	refused "wants cpu = host, which is KVM's"
	choose 0 GUEST="$BATS_TEST_TMPDIR/mine.conf"
	refused "mine.conf: accel = tcg: GUEST="
}
