# shellcheck shell=bash disable=SC2034,SC2154  # what is set here is for those who source it
# SPDX-License-Identifier: GPL-2.0-only
# INITRD=: somebody's initrd, whose own init runs, with the kernel that KERNEL= names. The kernel unpacks several archives one after the other:
# ours, with the agent (guest/beside), comes after theirs. Needs guest.sh.

# initrd_check : die if what is asked for with INITRD= can't be
initrd_check() {
	[[ -n ${KERNEL:-} ]] || die 2 "INITRD= without KERNEL=: give the kernel that it is for"
	[[ -z ${IMAGE:-} ]] || die 2 "INITRD= and IMAGE=: an image boots its own initrd: leave one of the two out"
	[[ -f $INITRD && -r $INITRD ]] || die 2 "INITRD=$INITRD: $([[ -e $INITRD ]] && echo 'not a readable file' || echo 'no such file')"
	case $(bytes_at "$INITRD" 0 6 -tx1) in
	# cpio, as it is or by gzip, xz, zstd, lz4, bzip2, lzo, lzma
	30373037303[12] | 1f8b* | fd377a585a00 | 28b52ffd* | 02214c18* | 425a68* | 894c5a4f* | 5d0000*) ;;
	*) die 2 "INITRD=$INITRD is no initrd: neither a cpio archive (newc) nor one that the kernel can decompress" ;;
	esac
}

# initrd_prepare : from KERNEL and INITRD to GUEST_CMD, in place of guest_prepare
initrd_prepare() {
	local files=$GUEST_DIR/files ours
	GUEST_ARCH=${GUEST_CONF[arch]}
	GUEST_CPUS=${CPUS:-${GUEST_CONF[cpus]}}
	((GUEST_CONF[memory] >= IMAGE_MEMORY)) || GUEST_CONF[memory]=$IMAGE_MEMORY
	kernel_fetch "$GUEST_ARCH" "$KERNEL"
	config_check "$(guest_called)" "$GUEST_FRAGMENT"
	ours=$files/tickproof
	mkdir -p "$ours"/{modules,drivers}
	agent_files "$ours"
	cp "$HARNESS/guest/beside" "$ours/"
	guest_drivers "$ours/drivers"
	guest_modules "$ours/modules"
	[[ ! -e $ours/modules/modules ]] || mv "$ours/modules/modules" "$ours/modules/list"
	# Its drivers are its own affair; a serial port needs none.
	GUEST_CHANNEL=ttyS1
	[[ $GUEST_ARCH == amd64 ]] || GUEST_CHANNEL=ttyS0
	echo "$GUEST_CHANNEL" >"$ours/serial"
	{ archive "$files" >"$files.cpio" && cp "$INITRD" "$GUEST_DIR/initrd" && truncate -s %4 "$GUEST_DIR/initrd" && cat "$files.cpio" >>"$GUEST_DIR/initrd"; } ||
		die 2 "cannot write to $GUEST_DIR: is the disk full?"
	rm -rf "$files" "$files.cpio"
	GUEST_CONF[cmdline]+="${GUEST_CONF[cmdline]:+ }rdinit=/tickproof/beside"
	GUEST_SYSTEM="Linux $KERNEL_RELEASE, ${INITRD##*/}"
	guest_machine
}
