# shellcheck shell=bash disable=SC2034,SC2154  # a word of a line that nobody needs; lock, of those who source it
# SPDX-License-Identifier: GPL-2.0-only
# IMAGE=: what is in the image, by debugfs in a raw view of the overlay's disk. Part of image.sh.

# image_look PARTITIONS : what is in the image, by the raw view of it in $GUEST_DIR/view: lines arch=, bios=yes, uefi=yes, root=OFFSET, init=, cloud_init=yes
image_look() {
	local start size type name names fs init view=$GUEST_DIR/view
	[[ $(bytes_at "$view" 0 2 -tx1) == 0000 ]] || echo bios=yes
	while read -r start size type; do
		[[ ${type,,} =~ ^(c12a7328-f81f-11d2-ba4b-00a0c93ec93b|ef|0xef)$ ]] || continue
		names=$(MTOOLS_SKIP_CHECK=1 mdir -b -i "$view@@$start" ::/EFI/BOOT 2>/dev/null | tr '[:lower:]' '[:upper:]') || :
		[[ $names != *BOOTX64.EFI* ]] || printf '%s\n' uefi=yes arch=amd64
		[[ $names != *BOOTAA64.EFI* ]] || printf '%s\n' uefi=yes arch=arm64
	done <<<"$1"
	while read -r start size type; do
		[[ -n $start ]] || continue
		if [[ $(bytes_at "$view" "$start" 4) == LUKS ]]; then
			echo luks=yes
			continue
		fi
		fs="$view?offset=$start"
		[[ $(bytes_at "$view" $((start + 1080)) 2 -tx1) == 53ef ]] || continue
		init=$(image_init "$fs")
		[[ -n $init ]] || continue
		printf '%s\n' "root=$start" "init=$init"
		for name in /usr/lib/systemd/systemd /lib/systemd/systemd /sbin/init /bin/busybox; do
			image_get "$fs" "$name" "$GUEST_DIR/init.elf"
			case $(bytes_at "$GUEST_DIR/init.elf" 18 2 -tu2) in
			62) echo arch=amd64 && break ;;
			183) echo arch=arm64 && break ;;
			esac
		done
		! image_has "$fs" /usr/bin/cloud-init || echo cloud_init=yes
		return 0
	done <<<"$1"
}

# image_has FILESYSTEM PATH : is that file there?
image_has() { debugfs -R "stat $2" "$1" 2>/dev/null | grep -q '^Inode:'; }

# image_get FILESYSTEM PATH FILE : that file's content, or nothing
image_get() {
	: >"$3"
	debugfs -R "dump $2 $3" "$1" >/dev/null 2>&1 || :
}

# image_init FILESYSTEM -> what starts there: systemd, inittab (sysvinit, or busybox as in Alpine), unknown; nothing where no system is
image_init() {
	local first
	first=$(debugfs -R 'stat /sbin/init' "$1" 2>/dev/null) || :
	if [[ $first != *Inode:* || $first == *'link dest: "'*/systemd\"* ]] && { image_has "$1" /usr/lib/systemd/systemd || image_has "$1" /lib/systemd/systemd; }; then
		echo systemd
	elif [[ $first == *Inode:* ]] && image_has "$1" /etc/inittab; then
		echo inittab
	elif [[ $first == *Inode:* ]]; then
		echo unknown
	fi
}

# image_write FILESYSTEM : debugfs, with the commands on stdin
image_write() { debugfs -w -f - "$1" >"$GUEST_DIR/debugfs.log" 2>&1; }

# image_with_view COMMAND... : COMMAND while $GUEST_DIR/view is the overlay's disk as a raw file (by QEMU's FUSE export: no root, no mount, no
# loop device); 3 if that can't be had here
image_with_view() {
	local daemon status=0 i
	: >"$GUEST_DIR/view"
	# shellcheck disable=SC2094
	(cd "$GUEST_DIR" && exec qemu-storage-daemon --blockdev driver=file,filename=disk.qcow2,node-name=file --blockdev driver=qcow2,file=file,node-name=disk \
		--export "type=fuse,id=view,node-name=disk,mountpoint=$PWD/view,writable=on" >/dev/null 2>"$GUEST_DIR/view.err" {lock}>&- </dev/null) &
	daemon=$!
	for ((i = 0; i < 100; i++)); do
		[[ $(stat -c %s "$GUEST_DIR/view" 2>/dev/null) == 0 ]] || break
		kill -0 "$daemon" 2>/dev/null || break
		sleep 0.1
	done
	if [[ $(stat -c %s "$GUEST_DIR/view" 2>/dev/null || echo 0) != 0 ]]; then
		"$@" || status=$?
	else
		status=3
	fi
	kill "$daemon" 2>/dev/null || :
	wait "$daemon" 2>/dev/null || :
	return "$status"
}
