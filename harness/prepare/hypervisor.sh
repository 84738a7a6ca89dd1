# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# The monitor (harness/hypervisor): arm64 guests on a Hyper-V of our own, and on UEFI. Needs common.sh and guest.sh.
# What a guest's file says of it:
#   hypervisor = functional|dead         run the guest under the monitor; what its architected timer is like
#     unexpired|uninjected              as functional, and for the harness's tests a fault: Hyper-V's timer of CPU 1 never expires, or expires and interrupts nobody
#   firmware = dt|uefi                   how the guest is booted: by QEMU with a devicetree, or by UEFI with ACPI

# As in hypervisor/monitor.h: the monitor lives in the last 2 MiB of RAM, and reads its mode in the last 4 KiB. Below that is the ring
# in which it records.
MONITOR_SIZE=$((0x200000))
MONITOR_CONFIG=$((0x1ff000))
MONITOR_RING=$((0xff000)) MONITOR_RING_SIZE=$((0x100000))
VIRT_RAM=$((0x40000000))
UEFI=/usr/share/qemu-efi-aarch64/QEMU_EFI.fd

# hypervisor_check FILE : die if what the guest's FILE (now in GUEST_CONF) says of hypervisor and firmware cannot be
hypervisor_check() {
	local value=${GUEST_CONF[hypervisor]} word
	case ${GUEST_CONF[firmware]} in
	dt | uefi) ;;
	*) die 2 "$1: firmware = ${GUEST_CONF[firmware]}; known: dt uefi" ;;
	esac
	[[ ${GUEST_CONF[firmware]} == dt || ${GUEST_CONF[arch]} == arm64 ]] ||
		die 2 "$1: firmware = uefi is for arch = arm64 only"
	case $value in
	'') return ;;
	functional | dead | unexpired | uninjected) ;;
	*) die 2 "$1: hypervisor = $value; known: functional dead unexpired uninjected" ;;
	esac
	[[ ${GUEST_CONF[arch]} == arm64 && ${GUEST_CONF[accel]} == tcg ]] ||
		die 2 "$1: hypervisor = $value needs arch = arm64 and accel = tcg: the monitor wants EL2 for itself"
	for word in virt gic-version=3 virtualization=on; do
		[[ ,${GUEST_CONF[machine]}, == *,$word,* ]] ||
			die 2 "$1: hypervisor = $value needs machine = virt,gic-version=3,virtualization=on"
	done
	[[ ${GUEST_CONF[memory]} =~ ^[1-9][0-9]{2,6}$ ]] ||
		die 2 "$1: hypervisor = $value needs memory = a number of MiB, 100 or more"
}

# monitor_build -> the path of monitor.bin, built from its sources unless that was done
monitor_build() {
	local source=$HARNESS/hypervisor dir tmp
	dir=$CACHE/monitor/$(cat "$source"/{Makefile,*.[chS],*.lds} | cksum | tr ' ' -)
	if [[ ! -f $dir/monitor.bin ]]; then
		say 'building the arm64 monitor'
		mkdir -p "$CACHE/monitor"
		tmp=$(mktemp -d "$CACHE/monitor/.tmp.XXXXXX")
		(
			trap 'rm -rf "$tmp"' EXIT
			trap 'exit 130' INT TERM HUP
			make -s -C "$source" CROSS_COMPILE=aarch64-linux-gnu- OUTPUT="$tmp" >"$CACHE/monitor/log" 2>&1 ||
				die 2 "the monitor does not build ($(grep -m 1 -iE 'error|not found' "$CACHE/monitor/log" || tail -n 1 "$CACHE/monitor/log")): see $CACHE/monitor/log"
			mkdir -p "$dir"
			mv "$tmp/monitor.elf" "$tmp/monitor.bin" "$dir/"
		) || exit
	fi
	echo "$dir/monitor.bin"
}

# hypervisor_mode -> the monitor's name of its mode (hypervisor/monitor.h), as a little-endian number
hypervisor_mode() {
	local -A name=([functional]=func [dead]=dead [unexpired]=unexp [uninjected]=uninj)
	printf '0x%x' "0x$(printf %s "${name[${GUEST_CONF[hypervisor]}]}" | od -A n -t x8 | tr -d ' ')"
}

# hypervisor_command : add to GUEST_CMD what boots the guest by firmware and under the monitor, if its file says so.
# QEMU's loader puts the monitor, and its mode's name as a number, into RAM, and lets CPU 0 begin there.
hypervisor_command() {
	local base monitor
	if [[ ${GUEST_CONF[firmware]} == uefi ]]; then
		GUEST_CMD+=(-bios "$UEFI")
	fi
	[[ -n ${GUEST_CONF[hypervisor]} ]] || return 0
	monitor=$(monitor_build)
	cp "$monitor" "$GUEST_DIR/monitor.bin"
	base=$((VIRT_RAM + GUEST_CONF[memory] * 1048576 - MONITOR_SIZE))
	GUEST_CMD+=(-device "loader,file=monitor.bin,addr=$base,force-raw=on" -device "loader,addr=$base,cpu-num=0"
		-device "loader,addr=$((base + MONITOR_CONFIG)),data=$(hypervisor_mode),data-len=8")
}

# hypervisor_description -> what is said of the guest's machine, for its verdict
hypervisor_description() {
	local -A timer=([functional]=works [dead]='is dead' [unexpired]="works, Hyper-V's timer of CPU 1 never expires"
		[uninjected]="works, Hyper-V's timer of CPU 1 expires and interrupts nobody")
	echo "tickproof's Hyper-V on TCG, $([[ ${GUEST_CONF[firmware]} == uefi ]] && echo UEFI || echo devicetree), the arch timer ${timer[${GUEST_CONF[hypervisor]}]}"
}

# hypervisor_ring -> where in the guest's memory the monitor under it records, as QMP's pmemsave wants to know it; nothing if there is no monitor
hypervisor_ring() {
	[[ -z ${MACHINE_DIR:-} && -n ${GUEST_CONF[hypervisor]:-} ]] || return 0
	printf '"val": %d, "size": %d' $((VIRT_RAM + GUEST_CONF[memory] * 1048576 - MONITOR_SIZE + MONITOR_RING)) "$MONITOR_RING_SIZE"
}
