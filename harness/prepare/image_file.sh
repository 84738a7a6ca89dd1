# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# IMAGE=: the file itself: whether it is compressed, its format, whether it is whole, its partition table. Part of image.sh.

IMAGE_FORMATS=' raw qcow2 vpc vhdx vmdk vdi '
IMAGE_LIMIT=300 # s, for one step with the image: a huge or a hostile one

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

# image_else FILE -> what the file is instead, where a few bytes show it
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
	timeout "$IMAGE_LIMIT" qemu-img dd -f "$2" -O raw bs=1M count=32 "if=$1" "of=$GUEST_DIR/head" 2>/dev/null ||
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
