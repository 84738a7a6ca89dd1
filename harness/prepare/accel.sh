# shellcheck shell=bash disable=SC2034  # what is set here is for those who source it
# SPDX-License-Identifier: GPL-2.0-only
# What a guest runs on: this host's KVM, KVM in an emulated machine (nested, appliance.sh), or QEMU's emulation (tcg).
# Needs common.sh, and GUEST_CONF of guest.sh.

# accel_check NAME : die if what ACCEL or the guest's file asks for can't be, whatever the host
accel_check() {
	local name=$1 accel=${ACCEL:-} asked
	[[ $accel =~ ^(kvm|nested|tcg|)$ ]] || die 2 "ACCEL=$accel: known: kvm nested tcg"
	asked=${accel:+ACCEL=$accel}
	if [[ ${accel:-${GUEST_CONF[accel]}} == tcg ]]; then
		asked=${asked:-GUEST=$name: accel = tcg}
		[[ ${GUEST_CONF[cpu]} != *hv[-_]* ]] ||
			die 2 "$asked: QEMU's emulation has no Hyper-V, which the hv- flags of GUEST=$name want: take ACCEL=nested, or another guest"
		[[ ,${GUEST_CONF[cpu]}, != *,host,* ]] ||
			die 2 "$asked: GUEST=$name wants cpu = host, which is KVM's: take ACCEL=nested, or another guest"
	fi
	[[ $accel != nested || ${GUEST_CONF[arch]} == amd64 ]] ||
		die 2 "ACCEL=nested is for amd64 guests: no emulated arm64 machine runs KVM here; GUEST=$name runs with ACCEL=tcg"
	[[ $accel != kvm || -z ${GUEST_CONF[hypervisor]} ]] ||
		die 2 "ACCEL=kvm: the monitor under GUEST=$name wants EL2 for itself: take ACCEL=tcg"
}

# host_program NAME -> the path of lib/NAME.c as a program for this host, built when it is missing
host_program() {
	local source=$HARNESS/prepare/$1.c program
	program=$CACHE/$1-$(cksum <"$source" | cut -d ' ' -f 1)
	if [[ ! -x $program ]]; then
		gcc -O2 -Wall -o "$program.$$" "$source" 2>"$program.log" ||
			die 2 "$1.c does not build ($(grep -m 1 -i error "$program.log" || tail -n 1 "$program.log")): see $program.log"
		mv "$program.$$" "$program"
	fi
	echo "$program"
}

# kvm_probe CPU -> nothing when this host's KVM can run a guest with "-cpu CPU", else why not in one line; see kvm_probe.c
kvm_probe() {
	local program why code=0
	program=$(host_program kvm_probe) || exit
	why=$("$program" "$1") || code=$?
	case $code in
	0) ;;
	1) echo "$why" ;;
	2) echo "$why (add yourself to group kvm: sudo usermod -aG kvm $(id -un), then log in anew$(kvm_group))" ;;
	126 | 127) die 2 "programs in $CACHE can't be run (is it mounted noexec?): set TICKPROOF_CACHE to another directory" ;;
	*) echo "KVM is here but a virtual CPU does not come to its first instruction (kvm_probe ended with status $code)" ;;
	esac
}

# kvm_group -> what else to do where /dev/kvm isn't group kvm's to use
kvm_group() {
	[[ $(stat -L -c '%G %A' /dev/kvm 2>/dev/null) == 'kvm '????rw* ]] ||
		echo ', after: sudo chgrp kvm /dev/kvm && sudo chmod g+rw /dev/kvm'
}

# accel_choose NAME : what guest NAME (in GUEST_CONF) runs on here, by ACCEL, its file and what KVM has: set GUEST_ACCEL
# (kvm, nested, tcg), GUEST_ACCEL_WHY (why not KVM, or who asked), GUEST_FALLBACK (yes: if KVM then boots nothing, go nested)
accel_choose() {
	local name=$1 want=${ACCEL:-} host why=''
	local -A on=([kvm]=KVM [nested]='KVM in an emulated machine' [tcg]="QEMU's emulation")
	accel_check "$name"
	GUEST_ACCEL=${want:-${GUEST_CONF[accel]}} GUEST_ACCEL_WHY=${want:+ACCEL=$want} GUEST_FALLBACK=no
	host=$(uname -m)
	if [[ $GUEST_ACCEL == kvm ]]; then
		case ${GUEST_CONF[arch]}.$host in
		amd64.x86_64 | arm64.aarch64) why=$(kvm_probe "${GUEST_CONF[cpu]}") || exit ;;
		*) why="the guest is ${GUEST_CONF[arch]}, and this host $host" ;;
		esac
		if [[ -n $why ]]; then
			[[ -z $want ]] || die 2 "ACCEL=kvm: $why"
			[[ ${GUEST_CONF[nested]}.${GUEST_CONF[arch]} == auto.amd64 ]] || die 2 "GUEST=$name needs KVM: $why"
			note "$why: running KVM in an emulated machine instead, which is slower"
			GUEST_ACCEL=nested GUEST_ACCEL_WHY=$why
		elif [[ -z $want ]]; then
			GUEST_ACCEL_WHY="KVM has what GUEST=$name needs"
			say "running on KVM: it has what GUEST=$name needs"
			[[ ${GUEST_CONF[nested]}.${GUEST_CONF[arch]} != auto.amd64 ]] || GUEST_FALLBACK=yes
		fi
	fi
	[[ $GUEST_ACCEL != nested || $host == x86_64 ]] ||
		die 2 "GUEST=$name: KVM in an emulated machine needs an x86-64 host, and this one is $host"
	[[ -z $want ]] || say "running on ${on[$want]}, as ACCEL=$want asks"
}
