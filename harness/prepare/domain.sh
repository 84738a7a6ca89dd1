# shellcheck shell=bash disable=SC2034,SC2154  # what is set here is for those who source it
# SPDX-License-Identifier: GPL-2.0-only
# DOMAIN=: the machine and the disk of a domain of libvirt's, as IMAGE= and a guest's file would give them. libvirt is asked, and never changed
# anything: the domain stays as it is, and shut off. Needs guest.sh.

# domain_check : die if what is asked for with DOMAIN= can't be
domain_check() {
	local name
	[[ $DOMAIN != -* ]] || die 2 "DOMAIN=$DOMAIN: not a domain's name"
	for name in IMAGE INITRD KERNEL HOST; do
		[[ -z ${!name:-} ]] || die 2 "DOMAIN= and $name=: a domain has a disk that it boots from: leave one of the two out"
	done
	[[ -z $guest_given ]] || die 2 "DOMAIN= and GUEST=: a domain has a machine of its own: leave one of the two out"
	read -ra DOMAIN_VIRSH <<<"${VIRSH_CMD:-virsh}"
	guest_name=${DOMAIN//[^A-Za-z0-9._-]/-} GUEST=${DOMAIN//[^A-Za-z0-9._-]/-}
}

# domain_ask COMMAND... -> what virsh answers; die with its complaint
domain_ask() {
	local answer
	answer=$(timeout 60 "${DOMAIN_VIRSH[@]}" "$@" 2>&1 </dev/null) || die 2 "DOMAIN=$DOMAIN: virsh $1: $(sed -n 's/^error: //p' <<<"$answer" | tail -n 1); another libvirt: VIRSH_CMD='virsh -c URI'"
	echo "$answer"
}

# domain_value XPATH -> that part of the domain's description
domain_value() { xmllint --nonet --xpath "string($1)" - <<<"$DOMAIN_XML" 2>/dev/null || :; }

# domain_flag NAME -> the value that libvirt's QEMU command line gives after -NAME, up to the first blank
domain_flag() { grep -oE -- " -$1 [^ ]+" <<<"$DOMAIN_ARGV" | sed -n "1s/^ -$1 //p"; }

# domain_conf : GUEST_CONF and IMAGE by the domain's description, and by QEMU's arguments that libvirt would give
domain_conf() {
	local state machine disk="/domain/devices/disk[@device='disk'][1]"
	state=$(domain_ask domstate "$DOMAIN") || exit
	[[ ${state%%$'\n'*} == 'shut off' ]] || die 2 "DOMAIN=$DOMAIN is ${state%%$'\n'*}, and writes to its disk: shut it down first"
	DOMAIN_XML=$(domain_ask dumpxml "$DOMAIN") || exit
	DOMAIN_ARGV=$(domain_ask domxml-to-native qemu-argv --domain "$DOMAIN") || exit
	IMAGE=$(domain_value "$disk/source/@file")
	[[ -n $IMAGE ]] || IMAGE=$(domain_value "$disk/source/@dev")
	[[ -n $IMAGE ]] || die 2 "DOMAIN=$DOMAIN: its first disk is neither a file nor a device of this machine: copy it (qemu-img convert), and give IMAGE="
	[[ -z $(domain_value /domain/os/kernel) ]] || die 2 "DOMAIN=$DOMAIN boots a kernel that libvirt is given beside its disk: give that as KERNEL=, with INITRD="
	machine=$(domain_flag machine)
	declare -gA GUEST_CONF=([description]="libvirt's domain $DOMAIN" [machine]=${machine%%,*} [cpu]=$(domain_flag cpu) [cpus]=$(domain_value /domain/vcpu)
	[memory]=$(($(domain_value /domain/memory) / 1024)) [accel]=kvm [nested]=auto [kernel]='' [cmdline]='' [modules]='' [tests]='*' [hypervisor]='' [firmware]=dt)
	case $(domain_value /domain/os/type/@arch) in
	x86_64) GUEST_CONF[arch]=amd64 ;;
	aarch64) GUEST_CONF[arch]=arm64 GUEST_CONF[machine]+=,gic-version=$(domain_value '/domain/features/gic/@version') ;;
	*) die 2 "DOMAIN=$DOMAIN: its architecture is $(domain_value /domain/os/type/@arch); known: x86_64 aarch64" ;;
	esac
	[[ $(domain_value /domain/@type) != qemu ]] || GUEST_CONF[accel]=tcg
	[[ " $DOMAIN_ARGV " != *' -no-hpet '* ]] || GUEST_CONF[machine]+=,hpet=off
	[[ ${GUEST_CONF[cpus]} =~ ^[1-9][0-9]?$ && -n ${GUEST_CONF[machine]} && -n ${GUEST_CONF[cpu]} ]] || die 2 "DOMAIN=$DOMAIN: libvirt names no machine, CPU or number of CPUs that is known here"
	[[ -n ${FIRMWARE:-} || ($(domain_value /domain/os/@firmware) != efi && -z $(domain_value /domain/os/loader)) ]] || FIRMWARE=uefi
	say "domain $DOMAIN: -M ${GUEST_CONF[machine]} -cpu ${GUEST_CONF[cpu]}"
}
