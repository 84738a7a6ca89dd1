# shellcheck shell=bash disable=SC2034,SC2154  # what is set here is for those who source it
# SPDX-License-Identifier: GPL-2.0-only
# IMAGE=: the disk that brings the agent, and how the image starts it: a unit or a line of inittab in the overlay, cloud-init, or systemd's
# credentials. Part of image.sh.

IMAGE_LABEL=TICKPROOF

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
	image_inject_"$2" "$fs" || return 1
	! image_no_cloud "$fs" || cloudless=', and cloud-init, for which there is no cloud, switched off there'
}

# image_no_cloud FILESYSTEM : cloud-init is switched off, by the file that it looks for; fails where there is no cloud-init. With neither a network nor a
# cloud it could only wait for one, for minutes: on arm64 it does, and on x86 where its configuration names a cloud.
image_no_cloud() {
	[[ -n ${seen[cloud_init]:-} ]] && image_write "$1" <<<"write /dev/null /etc/cloud/cloud-init.disabled" && image_has "$1" /etc/cloud/cloud-init.disabled
}

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

# image_way : how the agent is started, in IMAGE_WAY, and why, in IMAGE_WHY; makes it so in the overlay where that is the way
image_way() {
	local injected=no known=no cloudless=''
	[[ -z ${seen[root]:-} || ${seen[init]:-} == unknown ]] || known=yes
	IMAGE_WAY=${WAY_IN:-} IMAGE_WHY=${WAY_IN:+WAY_IN=$WAY_IN}
	if [[ $IMAGE_WAY == overlay && $known == no ]]; then
		image_die "WAY_IN=overlay: ${why_not:-no ext4 root file system with systemd or an inittab was found in it}"
	fi
	if [[ $IMAGE_WAY == overlay || -z $IMAGE_WAY ]] && [[ $known == yes ]]; then
		! image_with_view image_inject "${seen[root]}" "${seen[init]}" || injected=yes
		if [[ $injected == yes ]]; then
			IMAGE_WAY=overlay IMAGE_WHY=${IMAGE_WHY:-an ext4 root with ${seen[init]/inittab/an inittab}: a $([[ ${seen[init]} == systemd ]] && echo unit || echo line) was put into the throw-away overlay}$cloudless
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

# image_credential -> QEMU's arguments that reach systemd by SMBIOS: before 256 a unit and a udev rule, planted in /run by tmpfiles; from 256 on the unit itself
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
