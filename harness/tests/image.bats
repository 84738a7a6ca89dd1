#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# IMAGE=: what goes in, how it is looked into and prepared. Small images, made here; fake-qemu boots them.

load helpers
bats_require_minimum_version 1.5.0

# make_disk DIR : $DISK, a raw disk with a partition table, code in its first sector, and an ext4 root made of DIR
make_disk() {
	truncate -s 20M "$DISK"
	sfdisk -q "$DISK" <<<$'label: gpt\nstart=1MiB, size=18MiB, type=linux'
	printf '\xeb\x63' | dd of="$DISK" conv=notrunc status=none
	rm -f "$DISK.root"
	mke2fs -q -t ext4 -d "$1" "$DISK.root" 18M >/dev/null
	dd if="$DISK.root" of="$DISK" bs=1M seek=1 conv=notrunc,sparse status=none
	rm "$DISK.root"
}

# elf MACHINE -> the beginning of a program for that machine (62: x86-64, 183: arm64)
elf() { printf '\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0%b\0' "\\x$(printf %02x "$1")"; }

# make_root [MACHINE] : $ROOT, what is looked for in a root directory with systemd
make_root() {
	ROOT=$BATS_TEST_TMPDIR/root
	mkdir -p "$ROOT"/{usr/lib/systemd,etc/systemd/system}
	elf "${1:-62}" >"$ROOT/usr/lib/systemd/systemd"
}

setup() {
	fake_setup
	unset HOST
	export TICKPROOF_FAKE=$HARNESS/tests/fake_image.sh DISK=$BATS_TEST_TMPDIR/disk.raw
	export GUEST=x86
	expect
	program clockevents.one 'plan 1' 'pass a'
}

# refuses IMAGE WORDS : that image is one line with these words, exit 2, and nothing is left
refuses() {
	gate IMAGE="$1"
	exits 2
	assert_output --partial "$2"
	[[ $(grep -c '^tickproof: ' <<<"$output") == 1 ]]
	[[ -z $(compgen -G "$RESULTS/run-*") ]]
	no_scratch
}

# in_overlay REQUEST -> what debugfs answers of the image's root, as the boot would find it
in_overlay() {
	# The overlay's image is where it was, and the overlay has been kept.
	qemu-img convert -O raw "$FAKE_SCRIPTS/disk_qcow2" "$BATS_TEST_TMPDIR/seen.raw"
	debugfs -R "$1" "$BATS_TEST_TMPDIR/seen.raw?offset=1048576" 2>/dev/null
}

@test "image: a unit in the overlay starts the agent; the image stays as it is" {
	local before
	[[ -e /dev/fuse ]] || skip 'no FUSE here'
	make_root
	make_disk "$ROOT"
	qemu-img convert -O qcow2 "$DISK" "$DISK.qcow2"
	before=$(sha256sum <"$DISK.qcow2")
	gate IMAGE="$DISK.qcow2"
	exits 0
	assert_output --partial 'boots by BIOS; way in: overlay'
	[[ $(sha256sum <"$DISK.qcow2") == "$before" ]]
	lines_in journal.log '> gate image_sha256=[0-9a-f]\{64\}$'
	# Of no kernel, since nothing is known of it yet.
	[[ $(lines_in journal.log "> gate kernel_sha256=") == 0 ]]
	in_overlay 'cat /etc/systemd/system/tickproof.service' | grep 'LABEL=TICKPROOF /run/tickproof'
	in_overlay 'stat /etc/systemd/system/multi-user.target.wants/tickproof.service' | grep 'link dest: "/etc/systemd/system/tickproof.service"'
	debugfs -R 'stat /etc/systemd/system/tickproof.service' "$DISK?offset=1048576" 2>&1 | grep 'not found'
	# Nothing but the chosen programs and what runs them; no seed that would wake cloud-init.
	xorriso -indev "$FAKE_SCRIPTS/agent_iso" -find / 2>/dev/null >"$BATS_TEST_TMPDIR/files"
	grep "'/tests/clockevents/one'" "$BATS_TEST_TMPDIR/files"
	grep "'/agent'" "$BATS_TEST_TMPDIR/files"
	run ! grep "'/user-data'" "$BATS_TEST_TMPDIR/files"
	no_scratch
}

@test "image: cloud-init, which would wait for a cloud, is switched off in the overlay where it is there" {
	[[ -e /dev/fuse ]] || skip 'no FUSE here'
	make_root
	make_disk "$ROOT"
	gate IMAGE="$DISK"
	exits 0
	refute_output --partial cloud-init
	[[ -z $(in_overlay 'stat /etc/cloud/cloud-init.disabled') ]]
	mkdir -p "$ROOT"/{usr/bin,etc/cloud}
	touch "$ROOT/usr/bin/cloud-init"
	make_disk "$ROOT"
	gate IMAGE="$DISK"
	exits 0
	assert_output --partial 'way in: overlay (an ext4 root with systemd: a unit was put into the throw-away overlay, and cloud-init, for which there is no cloud, switched off there)'
	in_overlay 'stat /etc/cloud/cloud-init.disabled' | grep 'Size: 0$'
}

@test "image: without systemd a last line in its inittab starts the agent" {
	[[ -e /dev/fuse ]] || skip 'no FUSE here'
	local root=$BATS_TEST_TMPDIR/root
	mkdir -p "$root"/{sbin,etc,bin}
	elf 62 >"$root/sbin/init"
	echo 'id:2:initdefault:' >"$root/etc/inittab"
	make_disk "$root"
	gate IMAGE="$DISK"
	exits 0
	assert_output --partial 'way in: overlay (an ext4 root with an inittab'
	[[ $(in_overlay 'cat /etc/inittab') == $'id:2:initdefault:\ntp:2345:once:/bin/sh /etc/tickproof' ]]
	in_overlay 'cat /etc/tickproof' | grep 'LABEL=TICKPROOF /run/tickproof'
	# Busybox, which is all programs at once, as in Alpine.
	mv "$root/sbin/init" "$root/bin/busybox"
	ln -s /bin/busybox "$root/sbin/init"
	echo '::sysinit:/sbin/openrc sysinit' >"$root/etc/inittab"
	make_disk "$root"
	gate IMAGE="$DISK"
	exits 0
	in_overlay 'cat /etc/inittab' | grep -x '::once:/bin/sh /etc/tickproof'
}

@test "image: each format is found by its content, compressed ones too" {
	local format
	mkdir "$BATS_TEST_TMPDIR/root"
	make_disk "$BATS_TEST_TMPDIR/root"
	for format in raw qcow2 vpc vhdx vmdk; do
		qemu-img convert -O "$format" "$DISK" "$BATS_TEST_TMPDIR/image"
		gate IMAGE="$BATS_TEST_TMPDIR/image"
		exits 0
		lines_in journal.log "> gate image_format=$format"
	done
	qemu-img convert -O vpc -o subformat=fixed "$DISK" "$BATS_TEST_TMPDIR/image"
	gate IMAGE="$BATS_TEST_TMPDIR/image"
	exits 0
	lines_in journal.log "> gate image_format=vpc"
	for format in xz zstd gzip; do
		"$format" -qc <"$DISK" >"$BATS_TEST_TMPDIR/image"
		gate IMAGE="$BATS_TEST_TMPDIR/image"
		exits 0
		lines_in journal.log "> gate image_format=raw"
	done
}

@test "image: where nobody can say what is in it, cloud-init and systemd are offered a way" {
	mkdir "$BATS_TEST_TMPDIR/root"
	make_disk "$BATS_TEST_TMPDIR/root"
	gate IMAGE="$DISK"
	exits 0
	assert_output --partial 'way in: offered (no ext4 root with systemd or an inittab was found in it'
	grep -q '^type=11,value=io.systemd.credential.binary:tmpfiles.extra=' "$FAKE_SCRIPTS/command"
	xorriso -indev "$FAKE_SCRIPTS/agent_iso" -find / 2>/dev/null | grep "'/user-data'"
	xorriso -indev "$FAKE_SCRIPTS/agent_iso" -pvd_info 2>/dev/null | grep -i 'volume id.*CIDATA'
	gate IMAGE="$DISK" WAY_IN=cloud-init
	exits 0
	run ! grep -q '^type=11' "$FAKE_SCRIPTS/command"
	gate IMAGE="$DISK" WAY_IN=overlay
	exits 2
	assert_output --partial 'WAY_IN=overlay: no ext4 root file system with systemd or an inittab was found in it'
}

@test "image: what says nothing can be judged" {
	mkdir "$BATS_TEST_TMPDIR/root"
	make_disk "$BATS_TEST_TMPDIR/root"
	printf '%s\n' 'console "localhost login: "' 'hang' >"$FAKE_SCRIPTS/firmware"
	gate IMAGE="$DISK" BOOT_TIMEOUT=2
	exits 2
	assert_output --partial 'NO BOOT: guest not ready after 2 s (it booted to its login prompt, and did not start the agent'
	printf '%s\n' 'console "Please enter passphrase for disk root:"' 'hang' >"$FAKE_SCRIPTS/firmware"
	gate IMAGE="$DISK" BOOT_TIMEOUT=2
	exits 2
	assert_output --partial "it asks for a disk's passphrase"
	PROMPT_WAIT=1 gate IMAGE="$DISK" BOOT_TIMEOUT=60
	exits 2
	assert_output --partial 'guest not ready, and its console silent for 1 s (it asks for'
	no_scratch
}

@test "image: the kernel is the guest's word, before any program ran" {
	mkdir "$BATS_TEST_TMPDIR/root"
	make_disk "$BATS_TEST_TMPDIR/root"
	printf '%s\n' 'say "# guest kernel=6.1.0-9-cloud-amd64"' 'say "# guest clock_daemon=chronyd"' 'say "# guest udev=busy"' >"$FAKE_SCRIPTS/firmware"
	gate IMAGE="$DISK"
	exits 0
	assert_output --partial 'Linux 6.1.0-9-cloud-amd64 of disk.raw'
	assert_output --partial 'udev still loads drivers there'
	[[ $(jq -r '.gate.kernel + " " + .gate.clock_daemon' "$RESULTS/latest/facts.json") == '6.1.0-9-cloud-amd64 chronyd' ]]
}

@test "image: broken and strange ones" {
	local image=$BATS_TEST_TMPDIR/image
	mkdir "$BATS_TEST_TMPDIR/root"
	make_disk "$BATS_TEST_TMPDIR/root"
	refuses /nonexistent 'no such file'
	refuses "$BATS_TEST_TMPDIR" 'not a readable file'
	: >"$image"
	refuses "$image" 'the file is empty'
	head -c 100000 /dev/urandom >"$image"
	refuses "$image" 'not a disk image'
	# Truncated, in whatever way
	head -c 5M "$DISK" >"$image"
	refuses "$image" 'it is truncated: its disk has 5242880 bytes, and a partition of it ends at 19922944'
	head -c 3M /dev/urandom | dd of="$DISK" bs=1M seek=10 conv=notrunc status=none
	qemu-img convert -O qcow2 "$DISK" "$image"
	truncate -s -2M "$image"
	refuses "$image" 'truncated'
	xz -0c "$DISK" | head -c 1M >"$image"
	refuses "$image" "xz can't unpack it"
	# Corrupt
	qemu-img convert -O qcow2 "$DISK" "$image"
	dd if=/dev/zero of="$image" bs=64k seek=1 count=1 conv=notrunc status=none
	refuses "$image" 'corrupt'
	# Files elsewhere, named by the image
	qemu-img create -q -f qcow2 -F raw -b "$DISK" "$image"
	refuses "$image" 'names other files'
	rm "$image"
	qemu-img create -q -f qcow2 -o "data_file=$DISK.data,data_file_raw=on" "$image" 20M
	refuses "$image" 'names other files'
	rm "$image"
	qemu-img convert -O vmdk -o subformat=monolithicFlat "$DISK" "$BATS_TEST_TMPDIR/flat.vmdk"
	refuses "$BATS_TEST_TMPDIR/flat.vmdk" 'names other files'
	gate IMAGE="$BATS_TEST_TMPDIR/flat.vmdk" IMAGE_EXTERNAL=yes
	exits 0
}

@test "image: one of another architecture, an encrypted one" {
	[[ -e /dev/fuse ]] || skip 'no FUSE here'
	make_root 183
	make_disk "$ROOT"
	refuses "$DISK" 'it is for arm64, and GUEST=x86 is amd64: take GUEST=arm64'
	printf 'LUKS\xba\xbe\0\2' | dd of="$DISK" bs=1M seek=1 conv=notrunc status=none
	refuses "$DISK" 'its disk is encrypted (LUKS)'
}

@test "image: UEFI where it does not run" {
	[[ -e /dev/fuse ]] || skip 'no FUSE here'
	make_root
	make_disk "$ROOT"
	FAKE_ACCEL=nested gate IMAGE="$DISK" FIRMWARE=uefi
	exits 2
	assert_output --partial 'UEFI does not run in KVM on an emulated machine: take GUEST=x86, a host with KVM, or FIRMWARE=bios'
	no_scratch
}

@test "image: variables that can't be" {
	: >"$DISK"
	gate IMAGE="$DISK" HOST=root@fake
	exits 2
	truncate -s 1M "$DISK"
	gate IMAGE="$DISK" KERNEL=6.1
	exits 2
	assert_output --partial 'an image boots its own kernel'
	gate IMAGE="$DISK" FIRMWARE=coreboot
	exits 2
	assert_output --partial 'known: bios uefi'
	gate IMAGE="$DISK" WAY_IN=door
	exits 2
	assert_output --partial 'known: overlay cloud-init credential'
	gate IMAGE="$DISK" MODULES=timer_fault
	exits 2
	assert_output --partial 'only files (path.ko)'
}

@test "image: an initrd that can't be" {
	: >"$DISK"
	gate INITRD="$DISK"
	exits 2
	assert_output --partial 'INITRD= without KERNEL='
	gate INITRD="$DISK" KERNEL=6.1
	exits 2
	assert_output --partial 'is no initrd: neither a cpio archive (newc) nor one that the kernel can decompress'
	gate INITRD=/nonexistent KERNEL=6.1
	exits 2
	assert_output --partial 'no such file'
	gate INITRD="$DISK" IMAGE="$DISK" KERNEL=6.1
	exits 2
	no_scratch
}

# virsh_of DISK STATE [XML] : $VIRSH_CMD, a virsh that knows one domain, "mine", as libvirt 9.0 describes it; XML is part of how it boots
virsh_of() {
	export VIRSH_CMD=$BATS_TEST_TMPDIR/virsh
	cat >"$VIRSH_CMD" <<END
#!/bin/sh
case "\$*" in
'domstate mine') echo '$2' ;;
'dumpxml mine') echo "<domain type='kvm'><name>mine</name><memory unit='KiB'>2097152</memory><vcpu placement='static'>4</vcpu>
	<os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type>${3:-}</os>
	<devices><disk type='file' device='cdrom'/><disk type='file' device='disk'><source file='$1'/></disk></devices></domain>" ;;
'domxml-to-native qemu-argv --domain mine') echo "LC_ALL=C /usr/bin/qemu-system-x86_64 -name guest=mine -machine pc-q35-7.2,usb=off,memory-backend=pc.ram -accel kvm" \\
	"-cpu host,migratable=on,hv-time=on,hv-stimer=on -m 2048 -no-hpet -no-shutdown" ;;
*) echo "error: failed to get domain '\$2'" >&2; exit 1 ;;
esac
END
	chmod +x "$VIRSH_CMD"
	unset GUEST
}

@test "image: a domain of libvirt's is its disk, in a machine as libvirt would make it" {
	[[ -n $(command -v xmllint) ]] || skip 'no xmllint here'
	mkdir "$BATS_TEST_TMPDIR/root"
	make_disk "$BATS_TEST_TMPDIR/root"
	virsh_of "$DISK" 'shut off'
	gate DOMAIN=mine
	exits 0
	assert_output --partial 'domain mine: -M pc-q35-7.2,hpet=off -cpu host,migratable=on,hv-time=on,hv-stimer=on'
	lines_in journal.log '> gate domain=mine'
	lines_in journal.log "> gate image=$DISK"
	gate DOMAIN=other
	exits 2
	assert_output --partial "DOMAIN=other: virsh domstate: failed to get domain 'other'"
	virsh_of "$DISK" running
	gate DOMAIN=mine
	exits 2
	assert_output --partial 'DOMAIN=mine is running, and writes to its disk: shut it down first'
	virsh_of '' 'shut off'
	gate DOMAIN=mine
	exits 2
	assert_output --partial 'its first disk is neither a file nor a device of this machine'
	virsh_of "$DISK" 'shut off' '<kernel>/boot/vmlinuz</kernel>'
	gate DOMAIN=mine
	exits 2
	assert_output --partial 'DOMAIN=mine boots a kernel that libvirt is given beside its disk: give that as KERNEL=, with INITRD='
	gate DOMAIN=mine GUEST=x86
	exits 2
	no_scratch
}

@test "image: it boots once; later boots begin where it was ready" {
	mkdir "$BATS_TEST_TMPDIR/root"
	make_disk "$BATS_TEST_TMPDIR/root"
	program clockevents.one 'plan 1' 'begin a' 'hang deaf'
	program clockevents.two 'plan 1' 'pass a'
	program clockevents.three ': disruptive' 'plan 1' 'pass a'
	FAKE_SNAPSHOT=completed gate IMAGE="$DISK" SILENCE_TIMEOUT=2
	exits 1
	assert_output --partial '2 passed, 1 failed'
	[[ $(lines_in journal.log '> boot ') == 3 && $(lines_in journal.log '> boot .*file=first.qcow2,format=qcow2,snapshot=on .*-incoming exec:cat snapshot$') == 2 ]]
	# Where it can't be had each boot is a whole one.
	FAKE_SNAPSHOT=failed gate IMAGE="$DISK" SILENCE_TIMEOUT=2
	exits 1
	assert_output --partial '2 passed, 1 failed'
	[[ $(lines_in journal.log '> boot .*-incoming') == 0 ]]
	no_scratch
}

@test "image: exported, each file that the machine has goes along, and the disk stands alone" {
	local out=$BATS_TEST_TMPDIR/export
	mkdir "$BATS_TEST_TMPDIR/root"
	make_disk "$BATS_TEST_TMPDIR/root"
	gate IMAGE="$DISK" EXPORT="$out"
	exits 0
	[[ $(jq -r '.args[] | match("file=([^,]*)").captures[0].string' "$out/command.json" | sort) == $'{agent}\n{disk}' ]]
	[[ $(jq -r '.files[]' "$out/command.json" | sort) == $'agent.iso\ndisk.qcow2' ]]
	# As LAVA's job has it: there is time to boot a whole system.
	run -0 jq -r --arg name x --arg url file:///x --argjson seconds 60 -f "$HARNESS/prepare/lava_job.jq" "$out/command.json"
	assert_line --partial 'image_arg: "-drive if=none,id=disk,cache=unsafe,file={disk},format=qcow2,snapshot=on"'
	assert_line --partial 'timeout: {minutes: 20}'
	# LAVA names the files in any order.
	gate IMAGE="$DISK" EXPORT="$out.uefi" FIRMWARE=uefi
	exits 0
	[[ $(jq -r '.args[] | match("if=pflash,unit=(.).*file=.([A-Za-z0-9]+)").captures | map(.string) | join(" ")' "$out.uefi/command.json" | sort) == $'0 OVMFCODE4M\n1 vars' ]]
	cp -r "$out" "$BATS_TEST_TMPDIR/elsewhere"
	rm -r "$out" "$DISK"
	qemu-img check -q "$BATS_TEST_TMPDIR/elsewhere/disk.qcow2"
	[[ $(qemu-img info "$BATS_TEST_TMPDIR/elsewhere/disk.qcow2") != *'backing file'* ]]
	no_scratch
}
