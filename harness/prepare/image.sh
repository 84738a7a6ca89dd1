# shellcheck shell=bash disable=SC2034,SC2154  # what is set here is for those who source it
# SPDX-License-Identifier: GPL-2.0-only
# IMAGE=: a disk image boots by its own loader, kernel, initrd and userland, in the machine of a guest's file. It is only read: each boot
# writes into a throw-away overlay of QEMU's (snapshot=on). A second disk of ours brings the agent and the test programs. Needs guest.sh.
#
# What is made in GUEST_DIR: disk.qcow2 (an overlay of the image, with our unit in it where that is the way in), agent.iso, vars.fd.
# IMAGE_* of one run: FORMAT (qemu-img's name), SUM (sha256), FILE (what the overlay reads), BOOTS_BY (bios, uefi), WAY (how the agent is started).

IMAGE_FORMATS=' raw qcow2 vpc vhdx vmdk vdi '
IMAGE_MEMORY=1024 # MiB, at least
IMAGE_LABEL=TICKPROOF
OVMF_CODE=/usr/share/OVMF/OVMF_CODE_4M.fd
OVMF_VARS=/usr/share/OVMF/OVMF_VARS_4M.fd
AAVMF_CODE=/usr/share/AAVMF/AAVMF_CODE.fd
AAVMF_VARS=/usr/share/AAVMF/AAVMF_VARS.fd
IMAGE_LIMIT=300 # s, for one step with the image: a huge or a hostile one

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

# image_die WHY : the image can't be used
image_die() { die 2 "IMAGE=$IMAGE: $*"; }

# image_unpack FILE -> the file itself, or GUEST_DIR/unpacked if it is compressed, as its first bytes say
image_unpack() {
	local tool='' magic free status=0 job
	magic=$(bytes_at "$1" 0 6 -tx1)
	case $magic in
	fd377a585a00) tool=xz ;;
	28b52ffd*) tool=zstd ;;
	1f8b*) tool=gzip ;;
	*)
		echo "$1"
		return
		;;
	esac
	say "unpacking $1"
	set -m
	("$tool" -dcq <"$1" 2>"$GUEST_DIR/unpack.err" | dd of="$GUEST_DIR/unpacked" bs=1M iflag=fullblock conv=sparse status=none 2>>"$GUEST_DIR/unpack.err") &
	job=$!
	set +m
	# Nobody knows how large it will be: the disk's last room is not for it.
	while kill -0 "$job" 2>/dev/null; do
		free=$(df -Pm "$GUEST_DIR" | awk 'NR > 1 { print $4 }')
		if ((free < MIN_FREE_MB)); then
			kill -KILL -- "-$job" 2>/dev/null || :
			wait "$job" 2>/dev/null || :
			image_die "unpacked it does not fit: less than $MIN_FREE_MB MB would be left below $RESULTS; make room, or choose another RESULTS="
		fi
		sleep 0.2
	done
	wait "$job" || status=$?
	((status == 0)) || image_die "$tool can't unpack it: $(tail -n 1 "$GUEST_DIR/unpack.err" | cut -c -200); is the file whole?"
	[[ -s $GUEST_DIR/unpacked ]] || image_die "nothing is in it"
	echo "$GUEST_DIR/unpacked"
}

# image_format FILE -> qemu-img's name of its format, by its content; die if it isn't one that can be booted or if it needs other files
image_format() {
	local info format others last
	# A VHD of fixed size says so at its end only, as clouds want them.
	if [[ $(tail -c 512 "$1" | head -c 8 | tr -d '\0') == conectix ]]; then
		info=$(timeout "$IMAGE_LIMIT" qemu-img info -f vpc --output=json "$1" 2>"$GUEST_DIR/info.err") || info=''
	else
		info=$(timeout "$IMAGE_LIMIT" qemu-img info --output=json "$1" 2>"$GUEST_DIR/info.err") || info=''
	fi
	[[ -n $info ]] || image_die "qemu-img can't read it: $(sed -n '1s/^qemu-img: //p' "$GUEST_DIR/info.err" | cut -c -200)"
	format=$(jq -r .format <<<"$info")
	[[ $IMAGE_FORMATS == *" $format "* ]] || image_die "its format is $format; known:$IMAGE_FORMATS"
	[[ $(jq -r '.encrypted // false' <<<"$info") == false ]] || image_die "it is encrypted: decrypt it first (qemu-img convert)"
	others=$(jq -r --arg self "$1" '[.["backing-filename"], .["format-specific"].data["data-file"],
		(.["format-specific"].data.extents? // [] | .[].filename | select(. != $self))] | map(select(. != null)) | join(", ")' <<<"$info")
	[[ -z $others || ${IMAGE_EXTERNAL:-} == yes ]] ||
		image_die "it is not whole, but names other files ($others): join them by qemu-img convert, or trust it with IMAGE_EXTERNAL=yes"
	if [[ $format == raw ]]; then
		last=$(bytes_at "$1" 510 2 -tx1)
		[[ $last == 55aa || $(bytes_at "$1" 512 8) == 'EFIPART' ]] ||
			image_die "not a disk image: neither a format that qemu-img knows, nor a boot sector or partition table$(image_else "$1")"
	fi
	echo "$format"
}

# image_else FILE -> what the file is instead, if that is easily told
image_else() {
	local kind
	kind=$(kernel_kind "$1")
	[[ $kind != amd64 && $kind != arm64 ]] || echo " (it is a kernel: give it as KERNEL=)"
	[[ $(bytes_at "$1" 257 5) != ustar ]] || echo " (it is a tar archive)"
}

# image_sound FILE FORMAT : die if qemu-img finds damage, or more is promised than is there
image_sound() {
	local status=0 out beyond
	case $2 in
	qcow2 | vhdx | vmdk | vdi)
		out=$(timeout "$IMAGE_LIMIT" qemu-img check -f "$2" --output=json "$1" 2>"$GUEST_DIR/info.err") || status=$?
		case $status in
		# 3: clusters that nobody uses; 63: this format can't be checked
		0 | 3 | 63) ;;
		124) image_die "qemu-img check took longer than $IMAGE_LIMIT s" ;;
		*) image_die "it is corrupt or truncated: qemu-img check finds $(jq -r '"\(.corruptions // 0) corruptions, \(.["check-errors"] // 0) errors"' <<<"$out" 2>/dev/null || sed -n 1p "$GUEST_DIR/info.err")" ;;
		esac
		;;
	esac
	[[ $2 != raw && ${IMAGE_EXTERNAL:-} != yes ]] || return 0
	# Clusters that lie behind the file's end are read as zeros, and nobody complains.
	beyond=$(timeout "$IMAGE_LIMIT" qemu-img map -f "$2" --output=json "$1" 2>/dev/null |
		jq --argjson size "$(stat -c %s "$1")" '[.[] | select(.depth == 0 and .data and .offset != null and .offset + .length > $size + 65536)] | length') || :
	[[ ${beyond:-0} == 0 ]] || image_die "it is truncated: $beyond of its extents lie behind the file's end"
}

# image_partitions FILE -> lines "START SIZE TYPE" of its partition table, in bytes, the largest first, by its first sectors in $GUEST_DIR/head;
# die if one of them ends behind the disk
image_partitions() {
	local virtual list worst whole
	virtual=$(qemu-img info -f "$2" --output=json "$1" | jq '.["virtual-size"]')
	timeout "$IMAGE_LIMIT" qemu-img dd -f "$2" -O raw bs=512 count=$((virtual < 33554432 ? virtual / 512 : 65536)) "if=$1" "of=$GUEST_DIR/head" 2>/dev/null ||
		image_die "qemu-img can't read its first sectors"
	# sfdisk believes no table whose copy would lie behind the end.
	whole=$virtual
	[[ $(bytes_at "$GUEST_DIR/head" 512 8) != EFIPART ]] || whole=$(bytes_at "$GUEST_DIR/head" 544 8 -tu8)
	[[ $whole == "$virtual" ]] || whole=$((whole > 0 && whole < 1 << 40 && whole * 512 + 512 > virtual ? whole * 512 + 512 : virtual))
	truncate -s "$whole" "$GUEST_DIR/head"
	list=$(sfdisk -J "$GUEST_DIR/head" 2>/dev/null | jq -r '.partitiontable | (.sectorsize // 512) as $s | .partitions // [] | sort_by(-.size)[] |
		"\(.start * $s) \(.size * $s) \(.type)"') || list=''
	worst=$(awk -v size="$virtual" '$1 + $2 > size { print; exit }' <<<"$list")
	[[ -z $worst ]] || image_die "it is truncated: its disk has $virtual bytes, and a partition of it ends at $(awk '{ printf "%.0f", $1 + $2 }' <<<"$worst")"
	echo "$list"
}

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

# image_begin WAY -> the command that starts the agent from our disk
image_begin() {
	echo "mkdir -p /run/tickproof && { mountpoint -q /run/tickproof || mount -o ro,exec LABEL=$IMAGE_LABEL /run/tickproof; } && exec /bin/sh /run/tickproof/start $1"
}

# image_unit WAY -> the unit that starts the agent when the rest of the boot is over
image_unit() {
	cat <<END
[Unit]
Description=tickproof's agent
After=multi-user.target cloud-final.service
[Service]
ExecStart=/bin/sh -c '$(image_begin "$1")'
StandardInput=null
END
}

# image_inject ROOT-OFFSET INIT : what starts the agent into the overlay's root file system (ext4), by debugfs; fails if that can't be
image_inject() {
	local fs="$GUEST_DIR/view?offset=$1"
	# A journal that the kernel would replay over what is written here.
	! dumpe2fs -h "$fs" 2>/dev/null | grep -q needs_recovery || e2fsck -p -E journal_only "$fs" >/dev/null 2>&1 || return 1
	image_inject_"$2" "$fs"
}

# image_write FILESYSTEM : debugfs, with the commands on stdin
image_write() { debugfs -w -f - "$1" >"$GUEST_DIR/debugfs.log" 2>&1; }

# image_inject_systemd FILESYSTEM : our unit, wanted by multi-user.target
image_inject_systemd() {
	image_unit overlay >"$GUEST_DIR/unit"
	image_write "$1" <<END || return 1
mkdir /etc/systemd/system/multi-user.target.wants
write $GUEST_DIR/unit /etc/systemd/system/tickproof.service
sif /etc/systemd/system/tickproof.service mode 0100644
sif /etc/systemd/system/tickproof.service uid 0
sif /etc/systemd/system/tickproof.service gid 0
symlink /etc/systemd/system/multi-user.target.wants/tickproof.service /etc/systemd/system/tickproof.service
END
	image_has "$1" /etc/systemd/system/tickproof.service && image_has "$1" /etc/systemd/system/multi-user.target.wants/tickproof.service
}

# image_inject_inittab FILESYSTEM : a last line in inittab, for when the rest of the boot is over
image_inject_inittab() {
	local entry='tp:2345'
	image_get "$1" /etc/inittab "$GUEST_DIR/inittab"
	# Busybox's has no run levels, and takes the first field for a terminal.
	! grep -q '^::sysinit:' "$GUEST_DIR/inittab" || entry=':'
	echo "$entry:once:/bin/sh /etc/tickproof" >>"$GUEST_DIR/inittab"
	image_begin overlay >"$GUEST_DIR/begin"
	image_write "$1" <<END || return 1
rm /etc/inittab
write $GUEST_DIR/inittab /etc/inittab
sif /etc/inittab mode 0100644
sif /etc/inittab uid 0
sif /etc/inittab gid 0
write $GUEST_DIR/begin /etc/tickproof
END
	image_has "$1" /etc/inittab && image_has "$1" /etc/tickproof
}

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

# image_firmware : BIOS or UEFI, in IMAGE_BOOTS_BY, by FIRMWARE or by what was seen (BIOS where both will do: it boots in a third of the time)
image_firmware() {
	IMAGE_BOOTS_BY=${FIRMWARE:-}
	[[ -n $IMAGE_BOOTS_BY || $GUEST_ARCH != arm64 ]] || IMAGE_BOOTS_BY=uefi
	if [[ -z $IMAGE_BOOTS_BY ]]; then
		IMAGE_BOOTS_BY=bios
		[[ -n ${seen[bios]:-} || -z ${seen[uefi]:-} ]] || IMAGE_BOOTS_BY=uefi
	fi
	[[ $IMAGE_BOOTS_BY == bios ]] || [[ $GUEST_ACCEL != nested ]] ||
		image_die "it boots by UEFI, and UEFI does not run in KVM on an emulated machine: take GUEST=x86, a host with KVM, or an image that boots by BIOS too"
}

# image_way : how the agent is started, in IMAGE_WAY, and why, in IMAGE_WHY; makes it so in the overlay where that is the way
image_way() {
	local injected=no known=no
	[[ -z ${seen[root]:-} || ${seen[init]:-} == unknown ]] || known=yes
	IMAGE_WAY=${WAY_IN:-} IMAGE_WHY=${WAY_IN:+WAY_IN=$WAY_IN}
	if [[ $IMAGE_WAY == overlay && $known == no ]]; then
		image_die "WAY_IN=overlay: ${why_not:-no ext4 root file system with systemd or an inittab was found in it}"
	fi
	if [[ $IMAGE_WAY == overlay || -z $IMAGE_WAY ]] && [[ $known == yes ]]; then
		! image_with_view image_inject "${seen[root]}" "${seen[init]}" || injected=yes
		if [[ $injected == yes ]]; then
			IMAGE_WAY=overlay IMAGE_WHY=${IMAGE_WHY:-an ext4 root with ${seen[init]/inittab/an inittab}: a $([[ ${seen[init]} == systemd ]] && echo unit || echo line) was put into the throw-away overlay}
			return
		fi
		[[ -z $IMAGE_WAY ]] || image_die "WAY_IN=overlay: debugfs can't write into its root file system: $(tail -n 1 "$GUEST_DIR/debugfs.log" | cut -c -200)"
		why_not="nothing could be written into its root file system"
	fi
	if [[ -z $IMAGE_WAY ]]; then
		# What is in it isn't known: what it has takes what it knows.
		IMAGE_WAY=offered IMAGE_WHY="${why_not:-no ext4 root with systemd or an inittab was found in it}: cloud-init's seed and systemd's credentials were offered"
	fi
}

# image_agent FILE : our disk: the agent, what it runs on, the chosen test programs, and cloud-init's seed where that is the way in
image_agent() {
	local root=$GUEST_DIR/agent
	mkdir -p "$root/bin" "$root/modules"
	agent_files "$root"
	printf '%s\n' '#!/bin/sh' "d=\$(cd \"\$(dirname \"\$0\")\" && pwd) && exec \"\$d/bin/bash\" \"\$d/agent\" image \"\$1\"" >"$root/start"
	[[ $GUEST_CHANNEL == vport* ]] || echo "$GUEST_CHANNEL" >"$root/serial"
	image_modules "$root/modules"
	[[ -z ${EXPORT:-} ]] || export_list >"$root/alone"
	if [[ $IMAGE_WAY == cloud-init || $IMAGE_WAY == offered ]]; then
		# cloud-init looks for this name, and reads nothing else of the disk.
		IMAGE_LABEL=CIDATA
		image_seed "$root"
	fi
	xorriso -as mkisofs -quiet -V "$IMAGE_LABEL" -R -o "$1" "$root" >"$GUEST_DIR/xorriso.log" 2>&1 ||
		die 2 "cannot write the agent's disk to $GUEST_DIR: $(tail -n 1 "$GUEST_DIR/xorriso.log")"
	rm -rf "$root"
}

# image_modules DIR : MODULES, all of them files, for the agent to load; whether they fit the image's kernel is that kernel's to say
image_modules() {
	local entry file params
	while IFS= read -r -d ';' entry; do
		read -r file params <<<"$entry"
		[[ -n $file ]] || continue
		as_path file
		[[ -f $file && -r $file ]] || die 2 "MODULES: $file: no such file"
		cp "$file" "$1/"
		printf '%s %s\n' "${file##*/}" "$params" >>"$1/list"
	done < <(printf '%s;' "${MODULES:-}")
}

# image_seed DIR : cloud-init's NoCloud seed, with which it does nothing but start the agent
image_seed() {
	printf 'instance-id: tickproof-%s\n' "$SRANDOM" >"$1/meta-data"
	printf 'version: 2\nethernets: {}\n' >"$1/network-config"
	image_unit cloud-init >"$1/tickproof.service"
	cat >"$1/begin" <<'END'
#!/bin/sh
# by cloud-init, early: the agent starts when the rest of the boot is over
if [ -d /run/systemd/system ]; then
	cp /run/tickproof/tickproof.service /run/systemd/system/
	systemctl daemon-reload
	systemctl start --no-block tickproof
else
	sh /run/tickproof/start cloud-init </dev/null >/dev/null 2>&1 &
fi
END
	cat >"$1/user-data" <<END
#cloud-config
cloud_init_modules: [bootcmd]
cloud_config_modules: []
cloud_final_modules: []
bootcmd:
  - [sh, -c, 'mkdir -p /run/tickproof; mount -o ro,exec LABEL=$IMAGE_LABEL /run/tickproof; sh /run/tickproof/begin']
END
}

# image_credential -> what QEMU tells systemd by SMBIOS: before 256 a unit and a udev rule, planted in /run by tmpfiles; from 256 on the unit itself
image_credential() {
	local unit tmpfiles
	unit=$(image_unit credential)
	tmpfiles=$(printf '%s\n' 'd /run/udev/rules.d 0755 - - -' 'd /run/systemd/system 0755 - - -' \
		"f+ /run/systemd/system/tickproof.service 0644 - - - ${unit//$'\n'/\\n}\\n" \
		"f+ /run/udev/rules.d/99-tickproof.rules 0644 - - - ACTION!=\"remove\", SUBSYSTEM==\"block\", ENV{ID_FS_LABEL}==\"$IMAGE_LABEL\", TAG+=\"systemd\", ENV{SYSTEMD_WANTS}+=\"tickproof.service\"\\n" \
		'w /sys/block/vd*/uevent - - - - change')
	printf '%s\n' -smbios "type=11,value=io.systemd.credential.binary:tmpfiles.extra=$(base64 -w0 <<<"$tmpfiles")" \
		-smbios "type=11,value=io.systemd.credential.binary:systemd.extra-unit.tickproof.service=$(base64 -w0 <<<"$unit")" \
		-smbios "type=11,value=io.systemd.credential.binary:systemd.unit-dropin.multi-user.target=$(printf '[Unit]\nWants=tickproof.service\n' | base64 -w0)"
}

# image_boot INSIDE : what GUEST_CMD needs to boot the image; INSIDE (yes) the appliance, which has the disks as block devices
image_boot() {
	local disk='file=disk.qcow2,format=qcow2,snapshot=on' agent='file=agent.iso,format=raw,read-only=on'
	local -a credential=()
	GUEST_SNAPSHOT=no
	if [[ $GUEST_ACCEL == tcg ]]; then
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
	case $IMAGE_BOOTS_BY.$GUEST_ARCH in
	uefi.amd64) GUEST_CMD+=(-drive "if=pflash,format=raw,read-only=on,file=$OVMF_CODE" -drive "if=pflash,format=raw,file=vars.fd,snapshot=on") ;;
	uefi.arm64) GUEST_CMD+=(-drive "if=pflash,format=raw,read-only=on,file=$AAVMF_CODE" -drive "if=pflash,format=raw,file=vars.fd,snapshot=on") ;;
	esac
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
	IMAGE_SUM=$(sha256sum <"$IMAGE" | cut -d ' ' -f 1)
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

# image_unchanged : die if the image is not what it was
image_unchanged() {
	[[ $(sha256sum <"$IMAGE" | cut -d ' ' -f 1) == "$IMAGE_SUM" ]] ||
		image_die "its checksum is not what it was before: somebody wrote to it meanwhile; nothing was judged"
}
