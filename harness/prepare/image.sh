# shellcheck shell=bash disable=SC2034,SC2154  # what is set here is for those who source it
# SPDX-License-Identifier: GPL-2.0-only
# IMAGE=: a disk image boots by its own loader, kernel, initrd and userland, in the machine of a guest's file. It is only read: each boot
# writes into a throw-away overlay of QEMU's (snapshot=on). A second disk of ours brings the agent and the test programs. Needs guest.sh.
#
# What is made in GUEST_DIR: disk.qcow2 (an overlay of the image, with our unit in it where that is the way in), agent.iso, vars.fd.
# IMAGE_* of one run: FORMAT (qemu-img's name), SUM (sha256), FILE (what the overlay reads), BOOTS_BY (bios, uefi), WAY (how the agent is started).

IMAGE_MEMORY=1024 # MiB, at least
OVMF_CODE=/usr/share/OVMF/OVMF_CODE_4M.fd
OVMF_VARS=/usr/share/OVMF/OVMF_VARS_4M.fd
AAVMF_CODE=/usr/share/AAVMF/AAVMF_CODE.fd
AAVMF_VARS=/usr/share/AAVMF/AAVMF_VARS.fd

# shellcheck source=image_file.sh
source "$HARNESS/prepare/image_file.sh"
# shellcheck source=image_view.sh
source "$HARNESS/prepare/image_view.sh"
# shellcheck source=image_way.sh
source "$HARNESS/prepare/image_way.sh"

# image_check : die if what is asked for with IMAGE= can't be, whatever is in it
image_check() {
	[[ -e $IMAGE ]] || die 2 "IMAGE=$IMAGE: no such file"
	[[ -f $IMAGE && -r $IMAGE ]] || die 2 "IMAGE=$IMAGE: not a readable file"
	[[ -s $IMAGE ]] || die 2 "IMAGE=$IMAGE: the file is empty"
	[[ -z ${KERNEL:-} ]] || die 2 "KERNEL= and IMAGE=: an image boots its own kernel: leave one of the two out"
	[[ ${FIRMWARE:-} =~ ^(bios|uefi|)$ ]] || die 2 "FIRMWARE=$FIRMWARE: known: bios uefi"
	[[ ${WAY_IN:-} =~ ^(overlay|cloud-init|credential|)$ ]] || die 2 "WAY_IN=$WAY_IN: known: overlay cloud-init credential"
	[[ -z ${GUEST_CONF[hypervisor]} ]] || die 2 "IMAGE= and GUEST=$GUEST: the monitor under that guest boots no disk; take GUEST=arm64"
	[[ ${GUEST_CONF[arch]}.${FIRMWARE:-} != arm64.bios ]] || die 2 "FIRMWARE=bios: an arm64 machine has none: leave it out"
	[[ ${MODULES:-}${GUEST_CONF[modules]} != *[![:space:]]* || $(printf '%s;%s;' "${GUEST_CONF[modules]}" "${MODULES:-}" | tr ';' '\n' | awk 'NF && $1 !~ /\.ko$/') == '' ]] ||
		die 2 "MODULES= with IMAGE=: only files (path.ko), built for the image's kernel"
}

# image_firmware : BIOS or UEFI, in IMAGE_BOOTS_BY, by FIRMWARE or by what was seen (BIOS where both will do: it boots in a third of the time)
image_firmware() {
	IMAGE_BOOTS_BY=${FIRMWARE:-}
	[[ -n $IMAGE_BOOTS_BY || $GUEST_ARCH != arm64 ]] || IMAGE_BOOTS_BY=uefi
	if [[ -z $IMAGE_BOOTS_BY ]]; then
		IMAGE_BOOTS_BY=bios
		[[ -n ${seen[bios]:-} || -z ${seen[uefi]:-} ]] || IMAGE_BOOTS_BY=uefi
	fi
	[[ $IMAGE_BOOTS_BY == bios ]] || [[ $GUEST_ACCEL != nested ]] ||
		image_die "it boots by UEFI, and UEFI does not run in KVM on an emulated machine: take GUEST=x86, a host with KVM, or $([[ -n ${seen[bios]:-} ]] && echo FIRMWARE=bios || echo "an image that boots by BIOS too")"
}

# image_boot INSIDE : what GUEST_CMD needs to boot the image; INSIDE (yes) the appliance, which has the disks as block devices
image_boot() {
	local disk='file=disk.qcow2,format=qcow2,snapshot=on' agent='file=agent.iso,format=raw,read-only=on' firmware=$OVMF_CODE
	local -a credential=()
	GUEST_SNAPSHOT=no
	# Who boots what is exported boots it once.
	if [[ $GUEST_ACCEL == tcg && -z ${EXPORT:-} ]]; then
		# watch/snapshot.sh
		GUEST_SNAPSHOT=yes disk='file=first.qcow2,format=qcow2'
	fi
	[[ $1 != yes ]] || disk='file=/dev/vdd,format=raw' agent='file=/dev/vde,format=raw,read-only=on'
	GUEST_CMD+=(-drive "if=none,id=disk,cache=unsafe,$disk" -device "virtio-blk-pci,drive=disk,bootindex=1"
		-drive "if=none,id=agent,$agent" -device "virtio-blk-pci,drive=agent")
	if [[ $IMAGE_WAY == credential || $IMAGE_WAY == offered ]]; then
		mapfile -t credential < <(image_credential)
		GUEST_CMD+=("${credential[@]}")
	fi
	if [[ $IMAGE_BOOTS_BY == uefi ]]; then
		[[ $GUEST_ARCH != arm64 ]] || firmware=$AAVMF_CODE
		# By their numbers: LAVA names an exported guest's files in an order of its own.
		GUEST_CMD+=(-drive "if=pflash,unit=0,format=raw,read-only=on,file=$firmware" -drive "if=pflash,unit=1,format=raw,file=vars.fd,snapshot=on")
	fi
	# The overlay's file has no name, and lies here.
	[[ $1 == yes ]] || GUEST_CMD=(env TMPDIR=. "${GUEST_CMD[@]}")
}

# image_prepare : from IMAGE to GUEST_CMD, in place of guest_prepare
image_prepare() {
	local partitions line why_not='' status=0
	local -A seen=()
	GUEST_ARCH=${GUEST_CONF[arch]}
	GUEST_CPUS=${CPUS:-${GUEST_CONF[cpus]}}
	((GUEST_CONF[memory] >= IMAGE_MEMORY)) || GUEST_CONF[memory]=$IMAGE_MEMORY
	# Not known before it has booted.
	KERNEL_RELEASE=unknown KERNEL_MODULES='' KERNEL_IMAGE=/dev/null
	IMAGE_FILE=$(image_unpack "$(realpath "$IMAGE")") || exit
	IMAGE_FORMAT=$(image_format "$IMAGE_FILE") || exit
	image_sound "$IMAGE_FILE" "$IMAGE_FORMAT"
	partitions=$(image_partitions "$IMAGE_FILE" "$IMAGE_FORMAT") || exit
	rm -f "$GUEST_DIR/head"
	say "image $IMAGE: $IMAGE_FORMAT; its checksum first"
	IMAGE_SUM=$(image_sum)
	qemu-img create -q -f qcow2 -F "$IMAGE_FORMAT" -b "$IMAGE_FILE" "$GUEST_DIR/disk.qcow2" >/dev/null 2>"$GUEST_DIR/info.err" ||
		image_die "qemu-img can't make an overlay of it: $(sed -n '1s/^qemu-img: //p' "$GUEST_DIR/info.err" | cut -c -200)"
	image_with_view image_look "$partitions" >"$GUEST_DIR/seen" || status=$?
	((status != 3)) || why_not="this machine has no FUSE to look into it ($(tail -n 1 "$GUEST_DIR/view.err" | cut -c -100))"
	while IFS='=' read -r line value; do
		seen[$line]=$value
	done <"$GUEST_DIR/seen"
	[[ -z ${seen[arch]:-} || ${seen[arch]} == "$GUEST_ARCH" ]] ||
		image_die "it is for ${seen[arch]}, and GUEST=$GUEST is $GUEST_ARCH: take GUEST=$([[ ${seen[arch]} == arm64 ]] && echo arm64 || echo hyperv)"
	[[ -z ${seen[luks]:-} || -n ${seen[root]:-} ]] || image_die "its disk is encrypted (LUKS): nobody could type the passphrase"
	image_firmware
	GUEST_CHANNEL=vport
	[[ $GUEST_ACCEL.$GUEST_ARCH != tcg.amd64 ]] || GUEST_CHANNEL=ttyS1
	image_way
	say "image $IMAGE: boots by ${IMAGE_BOOTS_BY^^}; way in: $IMAGE_WAY ($IMAGE_WHY)"
	image_agent "$GUEST_DIR/agent.iso"
	case $IMAGE_BOOTS_BY.$GUEST_ARCH in
	uefi.amd64) cp "$OVMF_VARS" "$GUEST_DIR/vars.fd" ;;
	uefi.arm64) cp "$AAVMF_VARS" "$GUEST_DIR/vars.fd" ;;
	esac
	# The appliance wants something in their places.
	truncate -s 512 "$GUEST_DIR/initrd"
	GUEST_SYSTEM=${IMAGE##*/}
	guest_machine
	rm -f "$GUEST_DIR"/{view,view.err,seen,unit,inittab,begin,init.elf,info.err,xorriso.log,debugfs.log,unpack.err}
}

# image_sum -> the sha256 of the image; openssl takes a fifth of the time that sha256sum takes (it uses the instructions that CPUs have for it)
image_sum() { openssl dgst -sha256 -r <"$IMAGE" | cut -d " " -f 1; }

# image_unchanged : die if the image is not what it was
image_unchanged() {
	[[ $(image_sum) == "$IMAGE_SUM" ]] ||
		image_die "its checksum is not what it was before: somebody wrote to it meanwhile; nothing was judged"
}
