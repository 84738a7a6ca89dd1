# shellcheck shell=bash disable=SC2034  # what is set here is for those who source it
# SPDX-License-Identifier: GPL-2.0-only
# The hypervisor appliance: KVM in an emulated machine (TCG emulates AMD's SVM with nested paging), for hosts
# without a usable /dev/kvm. Needs guest.sh. The guest cannot tell the difference; the host sees one QEMU either way.

# The appliance's own kernel; it has nothing to do with the kernel under test.
APPLIANCE_KERNEL=6.12

# copy_program DIR FILE : a program and the libraries it is linked with
copy_program() {
	local library
	cp --parents -L "$2" "$1"
	ldd "$2" | grep -o '/[^ )]*' | while read -r library; do
		cp --parents -L "$library" "$1"
	done
}

# build_appliance DIR KERNEL_ROOT : the appliance's initramfs: this host's QEMU, its firmware, KVM's modules
build_appliance() {
	local dir=$1 name file
	build_userland "$dir" amd64 "$HARNESS/guest/appliance"
	mkdir "$dir/modules" "$dir/guest"
	gcc -O2 -Wall -Werror -static -o "$dir/bin/hold_lapic" "$HARNESS/guest/hold_lapic.c" || die 2 "cannot build the appliance: gcc fails"
	copy_program "$dir" "$(command -v qemu-system-x86_64)"
	for name in bios-256k.bin kvmvapic.bin linuxboot_dma.bin; do
		file=$(find /usr/share/qemu /usr/share/seabios -name "$name" -print -quit)
		[[ -n $file ]] || die 2 "QEMU's firmware file $name is missing: install seabios and qemu-system-data"
		cp --parents -L "$file" "$dir"
	done
	for name in irqbypass ccp kvm kvm-amd; do
		kernel_module "$2" "$name" "$dir/modules/$name.ko" || die 2 "the appliance's kernel has no module $name"
	done
}

# appliance_command : turn the guest's command into one for the appliance, and GUEST_CMD into the appliance's own
appliance_command() {
	local paths append="console=ttyS0 earlyprintk=serial,ttyS0,115200 quiet panic=-1 tsc=reliable clocksource=tsc no_timer_check nowatchdog"
	append+=" mitigations=off rodata=off nokaslr cryptomgr.notests"
	guest_command kernel
	printf '%q ' "${GUEST_CMD[@]}" >"$GUEST_DIR/command"
	cp "$KERNEL_IMAGE" "$GUEST_DIR/kernel"

	# kernel_fetch sets what is said of the kernel under test: in a subshell that stays as it is
	paths=$(kernel_fetch amd64 "$APPLIANCE_KERNEL" && printf '%s\n' "$KERNEL_IMAGE" "$KERNEL_MODULES")
	mapfile -t paths <<<"$paths"
	APPLIANCE_BASE=$(image "appliance-$(fingerprint "$HARNESS/guest/appliance" "$HARNESS/guest/hold_lapic.c" "${paths[0]}" "$(command -v qemu-system-x86_64)")" \
		build_appliance "${paths[1]}")
	# KVM needs a clock it trusts (tsc=reliable), else the guest has no reference TSC page. More than two CPUs gain
	# nothing. no_timer_check: a busy host fails the check by pausing us. The rest of the line saves boot time.
	# EPYC-Rome is what TCG can emulate SVM for.
	GUEST_CMD=(qemu-system-x86_64 -no-user-config -nodefaults -display none -nic none -no-reboot
		-M q35 -cpu "EPYC-Rome,+svm,+npt,+invtsc" -accel "tcg,thread=multi"
		-smp $((GUEST_CPUS < 2 ? 1 : 2)) -m $((GUEST_CONF[memory] + 1024))
		-chardev "file,id=log,path=appliance.log" -serial chardev:log -device virtio-serial-pci
		-chardev "pipe,id=con,path=console" -device "virtserialport,chardev=con,nr=1"
		-chardev "stdio,id=ktap,signal=off" -device "virtserialport,chardev=ktap,nr=2"
		-kernel "${paths[0]}" -initrd appliance.cpio
		-append "$append")
}

# appliance_initrd : the guest's kernel, initrd and command line as the payload of the appliance
appliance_initrd() {
	(cd "$GUEST_DIR" && mkdir -p nest/guest && ln -f kernel initrd command nest/guest/)
	archive "$GUEST_DIR/nest" | cat "$APPLIANCE_BASE" - >"$GUEST_DIR/appliance.cpio" ||
		die 2 "cannot write to $GUEST_DIR: is the disk full?"
}
