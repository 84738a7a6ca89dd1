# shellcheck shell=bash disable=SC2034  # what is set here is for those who source it
# SPDX-License-Identifier: GPL-2.0-only
# The hypervisor appliance: KVM in an emulated machine (TCG emulates AMD's SVM with nested paging), for hosts
# whose own KVM can't run the guest (accel.sh). Needs guest.sh. The guest cannot tell the difference; the host sees one QEMU either way.

# The appliance's own kernel; it has nothing to do with the kernel under test.
APPLIANCE_KERNEL=6.12
# What its CPU hasn't, nor the guest's, whatever the guest's cpu line says: XSAVE and what depends on it. QEMU's emulation runs a
# guest's XSETBV without the exit that KVM asked for (helper_xsetbv() looks for no intercept), so KVM doesn't learn the guest's
# XCR0: it tells a guest that has enabled AVX the size without it ("XSAVE consistency problem: size 832 != kernel_size 576"; Linux
# 5.10 and some newer ones panic), and puts its own idea of XCR0 back at the next entry.
APPLIANCE_WITHOUT=-xsave,-avx,-avx2,-fma,-f16c
# Seconds without a word after which it is given up, when it boots to have its state saved.
APPLIANCE_TIMEOUT=60

# copy_program DIR FILE : a program and the libraries it is linked with
copy_program() {
	local library
	cp --parents -L "$2" "$1"
	ldd "$2" | grep -o '/[^ )]*' | while read -r library; do
		cp --parents -L "$library" "$1"
	done
}

# build_appliance DIR : the appliance's initramfs: this host's QEMU, its firmware, KVM's modules and ours that looks at it
build_appliance() {
	local dir=$1 name file eyes
	build_userland "$dir" amd64 "$HARNESS/guest/appliance"
	cp "$HARNESS/guest/again" "$dir/bin/again"
	mkdir "$dir/modules" "$dir/guest"
	for name in guest/hold_lapic guest/heart prepare/hold_thread; do
		gcc -O2 -Wall -Werror -static -pthread -o "$dir/bin/${name#*/}" "$HARNESS/$name.c" ||
			die 2 "cannot build the appliance: gcc fails"
	done
	copy_program "$dir" "$(command -v qemu-system-x86_64)"
	for name in bios-256k.bin kvmvapic.bin linuxboot_dma.bin; do
		file=$(find /usr/share/qemu /usr/share/seabios -name "$name" -print -quit)
		[[ -n $file ]] || die 2 "QEMU's firmware file $name is missing: install seabios and qemu-system-data"
		cp --parents -L "$file" "$dir"
	done
	for name in irqbypass ccp kvm kvm-amd virtio_blk; do
		kernel_module "$KERNEL_MODULES" "$name" "$dir/modules/$name.ko" || die 2 "the appliance's kernel has no module $name"
	done
	eyes=$(modules_build amd64 "$KERNEL_RELEASE" "$HARNESS/guest/kvm_eyes") || exit
	[[ -n $eyes ]] || die 2 "module kvm_eyes can't be built for the appliance's Linux $KERNEL_RELEASE: Debian has no headers of it any more"
	cp "$eyes/kvm_eyes.ko" "$dir/modules/"
}

# appliance_clock -> the arguments of the appliance's kernel for its time stamp counter, which is this host's: its rate. Left to find out,
# by a timer chip that a busy host stops in the middle of it, it may be wrong by any factor, and all clocks of the guest with it.
# The figure is kept while it holds (to 50 ppm), for the appliance's saved state is of one rate.
appliance_clock() {
	local khz kept
	khz=$("$(host_program tsc_khz)") || return 0
	kept=$(cat "$CACHE/tsc_khz" 2>/dev/null) || :
	if [[ ! $kept =~ ^[1-9][0-9]{4,8}$ ]] || ((khz - kept > kept / 20000 || kept - khz > kept / 20000)); then
		kept=$khz
		echo "$kept" >"$CACHE/tsc_khz"
	fi
	# TICKPROOF_APPLIANCE_CLOCK=percent is for the harness's own tests: a wrong clock, on purpose.
	echo " tsc_early_khz=$((kept * ${TICKPROOF_APPLIANCE_CLOCK:-100} / 100))"
}

# appliance_command : turn the guest's command into one for the appliance, and GUEST_CMD into the appliance's own
appliance_command() {
	local paths state append="console=ttyS0 earlyprintk=serial,ttyS0,115200 quiet panic=-1 tsc=reliable clocksource=tsc no_timer_check nowatchdog"
	local -a machine
	append+=" mitigations=off rodata=off nokaslr cryptomgr.notests"
	append+=$(appliance_clock)
	guest_command kernel
	# Where the appliance asks for the registers (see its look()); the guest can't tell.
	GUEST_CMD+=(-monitor pipe:monitor)
	# TICKPROOF_APPLIANCE_FAULT is for the harness's own tests as well: a shell command that the appliance runs beside the guest.
	{
		[[ -z ${TICKPROOF_APPLIANCE_FAULT:-} ]] || printf '{ %s; } </dev/null &\n' "$TICKPROOF_APPLIANCE_FAULT"
		printf '%q ' again "${GUEST_CMD[@]}"
	} >"$GUEST_DIR/command"
	cp "$KERNEL_IMAGE" "$GUEST_DIR/kernel"

	# kernel_fetch sets what is said of the kernel under test: in a subshell that stays as it is
	paths=$(kernel_fetch amd64 "$APPLIANCE_KERNEL" && echo "$KERNEL_IMAGE" &&
		image "appliance-$(fingerprint "$HARNESS/guest/appliance" "$HARNESS"/{guest/{again,hold_lapic.c,heart.c,kvm_eyes/kvm_eyes.c},prepare/hold_thread.c} "$KERNEL_IMAGE" "$(command -v qemu-system-x86_64)")" build_appliance) || exit
	mapfile -t paths <<<"$paths"
	# KVM needs a clock it trusts (tsc=reliable), else the guest has no reference TSC page. More than two CPUs gain
	# nothing. no_timer_check: a busy host fails the check by pausing us. The rest of the line saves boot time.
	# EPYC-Rome is what TCG can emulate SVM for. The disks are the guest's kernel, initrd and command line. The saved state doesn't say that it stood
	# still (store-global-state), so whoever loads it goes on.
	machine=(qemu-system-x86_64 -no-user-config -nodefaults -display none -nic none -no-reboot
		-M q35 -cpu "EPYC-Rome,+svm,+npt,+invtsc,$APPLIANCE_WITHOUT,$EMULATION_WITHOUT" -accel "tcg,thread=multi"
		-smp $((GUEST_CPUS < 2 ? 1 : 2)) -m $((GUEST_CONF[memory] + 1024)) -global migration.store-global-state=off
		-chardev "file,id=log,path=appliance.log" -serial chardev:log -device virtio-serial-pci
		-device "virtserialport,chardev=con,nr=1" -device "virtserialport,chardev=ktap,nr=2"
		-device "virtserialport,chardev=eyes,nr=3" -device "virtserialport,chardev=qmp,nr=4"
		-device "virtserialport,chardev=qmp2,nr=7"
		-kernel "${paths[0]}" -initrd "${paths[1]}" -append "$append")
	for disk in kernel initrd command; do
		machine+=(-drive "if=none,id=$disk,format=raw,read-only=on,file=$disk" -device "virtio-blk-pci,drive=$disk")
	done
	[[ $GUEST_RECORDED != yes ]] || machine+=(-device "virtserialport,chardev=record,nr=5" -device "virtserialport,chardev=rings,nr=6")
	# The guest's QEMU opens these two where they are, as block devices.
	[[ -z ${IMAGE:-} ]] || machine=(env TMPDIR=. "${machine[@]}" -drive "if=none,id=disk,format=qcow2,snapshot=on,file=disk.qcow2"
		-device "virtio-blk-pci,drive=disk" -drive "if=none,id=agent,format=raw,read-only=on,file=agent.iso" -device "virtio-blk-pci,drive=agent")
	GUEST_CMD=("${machine[@]}" -chardev "pipe,id=con,path=console" -chardev "stdio,id=ktap,signal=off"
		-chardev "pipe,id=eyes,path=eyes" -chardev "pipe,id=qmp,path=qmp" -chardev "pipe,id=qmp2,path=qmp2" -monitor pipe:monitor -d cpu_reset -D resets.log)
	[[ $GUEST_RECORDED != yes ]] || GUEST_CMD+=(-chardev "pipe,id=record,path=record" -chardev "pipe,id=rings,path=rings")
	if [[ -z ${TICKPROOF_APPLIANCE_CLOCK:-} ]] && state=$(appliance_state "${machine[@]}"); then
		ln -sfn "$state" "$GUEST_DIR/appliance.state"
		GUEST_CMD+=(-incoming "exec:cat appliance.state")
		# One program of a guest with somebody's modules is hardly run twice.
		[[ -n ${IMAGE:-}${TICKPROOF_APPLIANCE_FAULT:-} || (-n ${MODULES:-} && ${#PROGRAMS[@]} == 1) ]] || appliance_guest "$state"
	fi
}

# appliance_guest STATE : the same with the guest in it, as it waits for its first program (watch/snapshot.sh): where an earlier gate has kept that of this
# guest, it is taken. GUEST_SAVED is the place in the cache.
appliance_guest() {
	local key name
	key=$(cd "$GUEST_DIR" && cat kernel initrd command | sha256sum | cut -c -16)
	GUEST_SNAPSHOT=yes GUEST_SAVED=$CACHE/images/guest-${1##*/appliance-}-$key
	[[ -e $GUEST_SAVED && -e $GUEST_SAVED.console ]] || return 0
	touch "$GUEST_SAVED"
	# By a name of our own, for somebody else may throw it away.
	for name in '' .console; do
		ln "$GUEST_SAVED$name" "$GUEST_DIR/snapshot$name" 2>/dev/null || ln -s "$GUEST_SAVED$name" "$GUEST_DIR/snapshot$name"
	done
}

# appliance_state QEMU... -> the file with the state of the appliance that this command boots, saved when it waits for a guest:
# that is the same every time, so it is booted once. False where it can't be had; then each boot is a whole one.
appliance_state() {
	local state tmp
	state=$CACHE/images/appliance-state-$(printf "%s\n" "$@" | cksum | tr " " -)
	if [[ ! -f $state ]]; then
		say 'booting the hypervisor appliance, for its state'
		tmp=$(mktemp -d "$CACHE/images/.tmp.XXXXXX")
		(
			trap 'rm -rf "$tmp"' EXIT
			trap 'exit 130' INT TERM HUP
			cd "$tmp"
			# The disks of the moment: each guest has its own.
			for disk in kernel initrd command agent.iso; do truncate -s 512 "$disk"; done
			[[ -z ${IMAGE:-} ]] || qemu-img create -q -f qcow2 disk.qcow2 1M >/dev/null
			appliance_save "$@" && mv state "$state"
		) || {
			note 'the state of the hypervisor appliance could not be saved: it will boot each time'
			return 1
		}
	fi
	echo "$state"
}

# appliance_save QEMU... : boot it here, and save its state as the file "state" when it says that it waits for a guest
appliance_save() {
	local -a appliance
	local log pid line='' status=0
	mkfifo appliance.log
	exec {log}<>appliance.log
	coproc appliance { exec setpriv --pdeathsig KILL "$@" -chardev ringbuf,id=con -chardev ringbuf,id=ktap -chardev ringbuf,id=eyes -chardev ringbuf,id=qmp -chardev ringbuf,id=qmp2 -chardev ringbuf,id=record -chardev ringbuf,id=rings -monitor stdio 2>&1; }
	# shellcheck disable=SC2154  # coproc sets it, and unsets it when QEMU ends
	pid=$appliance_PID
	until [[ $line == *'appliance: waiting'* ]]; do
		IFS= read -r -t "$APPLIANCE_TIMEOUT" -u "$log" line || {
			kill -KILL "$pid" 2>/dev/null || :
			return 1
		}
	done
	# Emulation loses pages that are written while they are saved (docs/findings.md): it stands still.
	printf '%s\n' stop 'migrate_set_parameter max-bandwidth 4g' 'migrate "exec:cat >state"' 'info migrate' quit >&"${appliance[1]}"
	cat <&"${appliance[0]}" >monitor || :
	wait "$pid" || status=$?
	((status == 0)) && grep -q 'Migration status: completed' monitor
}
