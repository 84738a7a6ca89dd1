# shellcheck shell=bash disable=SC2034  # what is set here is for those who source it
# SPDX-License-Identifier: GPL-2.0-only
# Guests: from the name of one to the command line that boots it. Needs common.sh.
#
#   guest_conf NAME|PATH     reads a guest's file into the array GUEST_CONF
#   accel_choose NAME        what it runs on here (accel.sh)
#   guest_prepare            KERNEL CPUS MODULES TESTS_DIR EXTRA_DIR GUEST_DIR -> GUEST_CMD ..., for any number of boots
#   guest_fall_back          the same guest, nested, where KVM boots nothing
#
# What runs GUEST_CMD (an array) does so in GUEST_DIR, where two FIFOs wait: console.in and console.out; two more, qmp.in and qmp.out, are the
# way to its monitor. The command's stdin and stdout are the channel; its end of file is the end of the guest. On the channel, guest and host in turn:
#     # guest ready                                 go TOKEN clockevents/sysfs_contract [ARG...]
#     # RUN clockevents.sysfs_contract
#     (what the program prints, verbatim)
#     # EXIT clockevents.sysfs_contract 0 TOKEN     go TOKEN ..., or end
#     # guest done                                  (any line)
# EXIT repeats the token of this run, which only init knows: see supervise.sh.
# A host that has seen "# guest done", or a DEAD that it believes, may as well end the guest.
# On the console, byte 1 and "b" written to console.in make a serial BREAK; a sysrq key may follow.

# shellcheck source=kernel.sh
source "$HARNESS/prepare/kernel.sh"
# shellcheck source=modules.sh
source "$HARNESS/prepare/modules.sh"
# shellcheck source=accel.sh
source "$HARNESS/prepare/accel.sh"
# shellcheck source=appliance.sh
source "$HARNESS/prepare/appliance.sh"
# shellcheck source=hypervisor.sh
source "$HARNESS/prepare/hypervisor.sh"
# shellcheck source=image.sh
source "$HARNESS/prepare/image.sh"
# shellcheck source=export.sh
source "$HARNESS/prepare/export.sh"

# Whether programs are recorded (guest_recorder).
GUEST_RECORDED=no RECORDED=()
GUEST_KEYS=' description arch machine cpu accel nested cpus memory kernel config cmdline modules tests check hypervisor firmware '

# guest_conf NAME|PATH : set GUEST_CONF from guests/NAME.conf or from a file of the user's own
guest_conf() {
	local name=$1 file key value number=0
	file=$HARNESS/guests/$name.conf
	[[ $name != */* ]] || file=$name
	[[ -f $file && -r $file ]] ||
		die 2 "GUEST=$name: no such guest; known: $(cd "$HARNESS/guests" && printf '%s ' *.conf | sed 's/\.conf / /g; s/ $//') (or the path of a .conf file)"
	declare -gA GUEST_CONF=([cpus]=2 [memory]=512 [kernel]=6.12 [accel]=tcg [nested]=no [cmdline]='' [modules]='' [tests]='*'
		[hypervisor]='' [firmware]=dt)
	while IFS= read -r line || [[ -n $line ]]; do
		number=$((number + 1))
		[[ -n ${line//[[:space:]]/} && $line != \#* ]] || continue
		key=${line%%=*} value=${line#*=}
		key=${key//[[:space:]]/}
		[[ $line == *=* && $GUEST_KEYS == *" $key "* ]] ||
			die 2 "$file:$number: not a setting; known:$GUEST_KEYS"
		value=${value#"${value%%[![:space:]]*}"}
		GUEST_CONF[$key]=${value%"${value##*[![:space:]]}"}
	done <"$file"
	for key in description arch machine cpu; do
		[[ -n ${GUEST_CONF[$key]:-} ]] || die 2 "$file: \"$key\" is missing"
	done
	case ${GUEST_CONF[arch]} in
	amd64 | arm64) ;;
	*) die 2 "$file: arch = ${GUEST_CONF[arch]}; known: amd64 arm64" ;;
	esac
	GUEST_CONF[config]=${GUEST_CONF[config]:-${GUEST_CONF[arch]}}
	GUEST_FRAGMENT=$HARNESS/guests/${GUEST_CONF[config]}.config
	[[ -f $GUEST_FRAGMENT ]] ||
		die 2 "$file: config = ${GUEST_CONF[config]}; known: $(cd "$HARNESS/guests" && printf '%s ' *.config | sed 's/\.config / /g; s/ $//')"
	[[ ${GUEST_CONF[accel]} =~ ^(kvm|tcg)$ ]] || die 2 "$file: accel = ${GUEST_CONF[accel]}; known: kvm tcg"
	[[ ${GUEST_CONF[nested]} =~ ^(auto|no)$ ]] || die 2 "$file: nested = ${GUEST_CONF[nested]}; known: auto no"
	hypervisor_check "$file"
}

# archive DIR : the files in DIR as an initramfs (a cpio archive owned by root) on stdout: the same files are the same archive
archive() {
	(cd "$1" && find . -mindepth 1 -exec touch -h -d @0 {} + && find . -mindepth 1 | LC_ALL=C sort | cpio -o -H newc --quiet --reproducible -R 0:0)
}

# image NAME BUILDER ARGS... -> the path of the cached file NAME; when it is missing, BUILDER fills a
# directory (its first argument) with what becomes the initramfs of that name
image() {
	local file=$CACHE/images/$1.cpio builder=$2 tmp name
	shift 2
	if [[ ! -f $file ]]; then
		mkdir -p "$CACHE/images"
		tmp=$(mktemp -d "$CACHE/images/.tmp.XXXXXX")
		(
			trap 'rm -rf "$tmp"' EXIT
			trap 'exit 130' INT TERM HUP
			mkdir "$tmp/root"
			"$builder" "$tmp/root" "$@"
			archive "$tmp/root" >"$tmp/cpio" || die 2 "cannot write to $CACHE/images: is the disk full?"
			mv "$tmp/cpio" "$file"
			# what an earlier version of the harness made, but not what another checkout may be using now
			name=${file##*/}
			find "$CACHE/images" -name "${name%-*}-*" ! -name "$name" -mmin +600 -delete
		) || exit
	fi
	echo "$file"
}

# fingerprint INIT FILE... -> a short name that changes when the script INIT, or one of the (larger) files, does
fingerprint() {
	{
		cat "$1"
		stat -L -c '%n %s %Y' "$@" | sed 1d
	} | cksum | cut -d " " -f 1
}

# build_userland DIR ARCH INIT : what every guest has: bash, busybox, confine and its init
build_userland() {
	mkdir -p "$1"/{proc,sys,dev,tmp,payload}
	userland_programs "$1/bin" "$2"
	ln -s busybox "$1/bin/sh"
	cp "$3" "$1/init"
	cp "$HARNESS"/guest/{session,signals} "$1/bin/"
}

# userland_programs DIR ARCH : bash, busybox and confine, which need nothing else
userland_programs() {
	local tools cc=gcc
	[[ $2 != arm64 ]] || cc=aarch64-linux-gnu-gcc
	tools=$(static_tools "$2")
	mkdir -p "$1"
	cp "$tools/bin/bash-static" "$1/bash"
	cp "$tools/bin/busybox" "$1/busybox"
	"$cc" -O2 -Wall -Werror -static -o "$1/confine" "$HARNESS/guest/confine.c" || die 2 "cannot build the guest's userland: $cc fails"
}

# agent_files DIR : what the agent is made of, and the chosen test programs, without what only a debugger reads
agent_files() {
	local strip=strip
	[[ $GUEST_ARCH != arm64 ]] || strip=aarch64-linux-gnu-strip
	userland_programs "$1/bin" "$GUEST_ARCH"
	cp "$HARNESS"/guest/{agent,session,signals} "$1/"
	cp -R "$TESTS_DIR" "$1/tests"
	find "$1/tests" -type f -exec "$strip" {} + 2>/dev/null || :
	extra_programs "$1/tests/extra"
	guest_recorder "$1"
}

# guest_modules DIR : the guest's own modules and then MODULES ("name|path.ko param=value; ...") into DIR, each checked
# against the guest's kernel. A bare name is one of ours, built for that kernel. What MODULES names takes the place of a guest's own
# module of that name, and has its parameters where it is given none.
guest_modules() {
	local whose entry path words name
	local -a order=()
	local -A owner=() from=() params=()
	for whose in guest person; do
		while IFS= read -r -d ';' entry; do
			read -r path words <<<"$entry"
			[[ -n $path ]] || continue
			name=$(module_name "$path")
			if [[ -z ${owner[$name]:-} ]]; then
				order+=("$name")
			else
				[[ ${owner[$name]} == guest && $whose == person ]] || die 2 "MODULES: two modules are called $name.ko"
				words=${words:-${params[$name]}}
			fi
			owner[$name]=$whose from[$name]=$path params[$name]=$words
		done < <([[ $whose == guest ]] && printf '%s;' "${GUEST_CONF[modules]}" || printf '%s;' "${MODULES:-}")
	done
	for name in "${order[@]}"; do
		path=${from[$name]}
		if [[ $path =~ ^[a-z0-9_]+$ && ! -e $path ]]; then
			path=$(our_module "$path") || exit
		fi
		[[ ! -e $path ]] || as_path path
		module_check "$path" "$GUEST_ARCH" "$KERNEL_RELEASE"
		[[ $path == *.ko ]] || die 2 "MODULES: $path: the name of a module's file ends in .ko"
		cp "$path" "$1/$name.ko"
		printf '%s %s\n' "$name.ko" "${params[$name]}" >>"$1/modules"
	done
}

# module_name PATH|NAME -> the name of that module
module_name() {
	local name=${1##*/}
	echo "${name%.ko}"
}

# module_given NAME : does MODULES name a module that is to be taken for this one?
module_given() {
	local entry path words
	while IFS= read -r -d ';' entry; do
		read -r path words <<<"$entry"
		[[ $(module_name "$path") != "$1" ]] || return 0
	done < <(printf '%s;' "${MODULES:-}")
	return 1
}

# our_module NAME -> the file of one of our modules, built for the guest's kernel
our_module() {
	local dir known
	known=$(cd "$TOP/selftests/test_modules" && printf '%s ' */ | tr -d /)
	[[ " $known" == *" $1 "* ]] || die 2 "MODULES: $1 is neither a file nor one of our modules (${known% })"
	dir=$(modules_build "$GUEST_ARCH" "$KERNEL_RELEASE") || exit
	[[ -n $dir ]] ||
		die 2 "module $1, which GUEST=$(guest_called) needs, can't be built for Linux $KERNEL_RELEASE: $KERNEL_REMEDY; or build it yourself and give MODULES=path/$1.ko"
	[[ -e $dir/$1.ko ]] || die 2 "module $1 is not for $GUEST_ARCH"
	echo "$dir/$1.ko"
}

# guest_called -> the guest's name, for a message
guest_called() {
	local name=${GUEST:-hyperv}
	name=${name##*/}
	echo "${name%.conf}"
}

# guest_channel DIR : choose the guest's channel (GUEST_CHANNEL, its device in the guest). A serial port needs nothing
# of a kernel, but under KVM each byte is an exit, and when nested that is 0.1 s and more for a kilobyte: there a
# virtio port is taken if the kernel has the drivers, which go into DIR.
guest_channel() {
	GUEST_CHANNEL=ttyS1
	[[ $GUEST_ARCH == amd64 ]] || GUEST_CHANNEL=ttyS0
	[[ $GUEST_ACCEL != tcg && -n $KERNEL_MODULES ]] || return 0
	if virtio_drivers "$1"; then
		GUEST_CHANNEL=vport0p1
	else
		say "Linux $KERNEL_RELEASE has no module $virtio_lacks: the tests' words come by a serial port, which is slower"
	fi
}

# virtio_drivers DIR : what a virtio port needs, into DIR; false, with $virtio_lacks set, where the kernel doesn't have all of it
virtio_drivers() {
	local name number=0
	for name in virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_console; do
		number=$((number + 1))
		kernel_module "$KERNEL_MODULES" "$name" "$1/$number-$name.ko" || {
			# Before 5.18 or so virtio_pci had these in itself.
			[[ $name != virtio_pci_*_dev ]] || continue
			virtio_lacks=$name
			rm -f "$1"/*.ko
			return 1
		}
	done
}

# guest_recorder DIR [DRIVERS] : where programs are RECORDED, what the guest needs for that into DIR, and the drivers of the port by which it comes into
# DRIVERS; sets GUEST_RECORDED
guest_recorder() {
	GUEST_RECORDED=no
	((${#RECORDED[@]})) || return 0
	if [[ -n ${2:-} && $GUEST_CHANNEL != vport* ]] && { [[ -z $KERNEL_MODULES ]] || ! virtio_drivers "$2"; }; then
		note "PERF=: Linux $KERNEL_RELEASE comes without virtio's modules, by which a recording leaves the guest: nothing is recorded"
		return 0
	fi
	GUEST_RECORDED=yes
	printf '%s\n' "${RECORDED[@]}" >"$1/recorded"
	cp "$HARNESS"/guest/{recorder,perf_recorder} "$1/"
}

# guest_drivers DIR : what the tests of a guest need and it may have as modules, into DIR: the MSRs and our hv_regs on
# Hyper-V, our timer_probe there, on arm64, and on a PC whose chosen programs use it. A kernel that can't have one is tested without, and that is said.
guest_drivers() {
	local dir name kind=plain
	local -a ours=() lacking=()
	if [[ ${GUEST_CONF[cpu]} == *hv-* || -n ${GUEST_CONF[hypervisor]} ]]; then
		kind=hyperv
		ours+=(hv_regs timer_probe)
	elif [[ $GUEST_ARCH == arm64 || " ${PROGRAMS[*]:-} " == *' sleep/kernel_delay '* ]]; then
		ours+=(timer_probe)
	fi
	if [[ ${GUEST_CONF[cpu]} == *hv-* ]] && ! module_given msr; then
		[[ -n $KERNEL_MODULES ]] && kernel_module "$KERNEL_MODULES" msr "$1/msr.ko" || lacking+=(msr)
	fi
	((${#ours[@]} == 0)) || dir=$(modules_build "$GUEST_ARCH" "$KERNEL_RELEASE") || exit
	for name in "${ours[@]}"; do
		if module_given "$name"; then
			continue
		elif [[ -n $dir ]]; then
			cp "$dir/$name.ko" "$1/"
		else
			lacking+=("$name")
		fi
	done
	((${#lacking[@]} == 0)) || guest_lacks "$GUEST_ARCH-$kind" "${lacking[@]}"
}

# guest_lacks KIND MODULE... : say how many of the chosen cases will be skipped for want of these modules, and what would change that
guest_lacks() {
	local kind=$1 number
	shift
	[[ -n ${PROGRAMS[*]:-} ]] || return 0
	number=$(printf '%s\n' "${PROGRAMS[@]//\//.}" | awk -v kind="$kind" -v cpus="$GUEST_CPUS" -v lacking=" $* " '
		NR == FNR { chosen[$2]; next }
		/^[^#]/ && $2 == kind && $3 in chosen && index(lacking, " " $1 " ") { n += $4 + $5 * cpus }
		END { print n + 0 }' - "$TOP/selftests/test_modules/needed_by")
	((number == 0)) ||
		note "$number cases will be skipped: Linux $KERNEL_RELEASE comes without the module$([[ $# == 1 ]] || echo s) $*; to run them, $KERNEL_REMEDY"
}

# What no emulated x86 CPU has here: QEMU 7.2's CMPXCHG16B takes the flags before it from a stale state, so that the rest of an operand stands in
# EFLAGS after it (helper_cmpxchg16b() calls cpu_cc_compute_all() with a cc_op that was never stored; QEMU 8.0 has it right). An interrupt that comes
# there saves that and restores it: direction, trap, nested task. The kernel's allocator uses the instruction all the time, where the CPU has it:
# the silent triple faults, and oopses of any kind.
EMULATION_WITHOUT=-cx16

# kernel_cmdline -> what more a kernel of this release is told on this guest
kernel_cmdline() {
	local version
	[[ $KERNEL_RELEASE =~ ^([0-9]+)\.([0-9]+) ]] || return 0
	version=$((BASH_REMATCH[1] * 1000 + BASH_REMATCH[2]))
	# Since 7.1 or so (CLOCK_SOURCE_CAN_INLINE_READ) x86 patches its code wherever it reads a clock, each time that the clocksource becomes the TSC or ceases
	# to be it, and an emulated CPU may keep the breakpoint of that moment (ending.sh): with several CPUs clocksource.switch died of it in 4 boots of 4.
	# Kernels before have found such TSCs unsynchronised, and not used them, by themselves.
	[[ $GUEST_ACCEL != tcg || $GUEST_ARCH != amd64 ]] || ((GUEST_CPUS == 1 || version < 7000)) || echo ' tsc=unstable'
	# Before 6.9 ("modules: wait do_free_init correctly") mark_readonly() waits for RCU, which waits for a timer, and until hv_stimer is loaded there is none.
	[[ ${GUEST_CONF[hypervisor]} != dead ]] || ((version >= 6009)) || echo ' rodata=off'
}

# guest_command KERNEL : set GUEST_CMD to the QEMU that boots the guest from KERNEL and ./initrd
guest_command() {
	local qemu=qemu-system-x86_64 console=ttyS0 accel=kvm cpu=${GUEST_CONF[cpu]} type=${GUEST_CONF[machine]}
	local -a memory=()
	[[ $GUEST_ARCH == amd64 ]] || qemu=qemu-system-aarch64 console=ttyAMA0
	[[ $GUEST_ACCEL != tcg ]] || accel=tcg,thread=multi
	[[ $GUEST_ACCEL != tcg || $GUEST_ARCH != amd64 || $cpu == *cx16* ]] || cpu+=,$EMULATION_WITHOUT
	# In an appliance a file, which stays where another QEMU goes on with the guest (watch/hold.sh): to save it takes an emulated machine long.
	[[ ${GUEST_NESTED:-no} != yes ]] || type+=,memory-backend=ram memory=(-object
		"memory-backend-file,id=ram,size=${GUEST_CONF[memory]}M,mem-path=ram/guest,share=on")
	GUEST_CMD=("$qemu" -no-user-config -nodefaults -display none -nic none -no-reboot
		-M "$type" -cpu "$cpu" -accel "$accel"
		-smp "$GUEST_CPUS" -m "${GUEST_CONF[memory]}" "${memory[@]}"
		-chardev "pipe,id=qmp,path=qmp" -mon "chardev=qmp,mode=control"
		-chardev "pipe,id=con,path=console,mux=on" -serial chardev:con
		-chardev "stdio,id=ktap,signal=off")
	case $GUEST_CHANNEL in
	vport*) GUEST_CMD+=(-device virtio-serial-pci -device "virtserialport,chardev=ktap,nr=1,name=tickproof") ;;
	ttyS1) GUEST_CMD+=(-serial chardev:ktap) ;;
	*) GUEST_CMD+=(-device "pci-serial,chardev=ktap") ;;
	esac
	if [[ $GUEST_RECORDED == yes ]]; then
		[[ $GUEST_CHANNEL == vport* ]] || GUEST_CMD+=(-device virtio-serial-pci)
		GUEST_CMD+=(-chardev "pipe,id=record,path=record" -device "virtserialport,chardev=record,nr=2,name=tickproof.record")
	fi
	if [[ -n ${IMAGE:-} ]]; then
		image_boot "$GUEST_NESTED"
		return
	fi
	GUEST_CMD+=(-kernel "$1" -initrd initrd -append
		"console=$console channel=$GUEST_CHANNEL quiet panic=-1 sysrq_always_enabled${GUEST_CONF[cmdline]:+ ${GUEST_CONF[cmdline]}}$(kernel_cmdline)")
	hypervisor_command
}

# extra_programs DIR : what is in EXTRA_DIR, if it is given, into DIR; where links lead to, not the links
extra_programs() {
	local why
	[[ -n ${EXTRA_DIR:-} ]] || return 0
	mkdir -p "$1"
	why=$(cp -RL "$EXTRA_DIR/." "$1" 2>&1) || die 2 "EXTRA_DIR=$EXTRA_DIR cannot be copied: ${why%%$'\n'*}"
}

# guest_prepare : from GUEST_CONF and GUEST_ACCEL, KERNEL CPUS MODULES (any may be empty), TESTS_DIR, EXTRA_DIR (may be empty;
# executables that become the surface "extra") and GUEST_DIR (the guest's own scratch directory) make everything the guest
# needs, and set GUEST_CMD GUEST_ARCH GUEST_NESTED GUEST_EMULATED GUEST_CPUS GUEST_DESCRIPTION KERNEL_RELEASE
guest_prepare() {
	local files=$GUEST_DIR/files
	GUEST_ARCH=${GUEST_CONF[arch]}
	GUEST_CPUS=${CPUS:-${GUEST_CONF[cpus]}}
	[[ $GUEST_CPUS =~ ^[1-9][0-9]?$ ]] || die 2 "CPUS=$GUEST_CPUS: give a number of CPUs, 1 to 99"
	kernel_fetch "$GUEST_ARCH" "${KERNEL:-${GUEST_CONF[kernel]}}"
	config_check "$(guest_called)" "$GUEST_FRAGMENT"

	mkdir -p "$files/payload/tests" "$files/payload/channel" "$files/payload/drivers"
	guest_channel "$files/payload/channel"
	guest_recorder "$files/payload" "$files/payload/channel"
	guest_drivers "$files/payload/drivers"
	cp -R "$TESTS_DIR/." "$files/payload/tests/"
	extra_programs "$files/payload/tests/extra"
	guest_modules "$files/payload"
	[[ -z ${EXPORT:-} ]] || export_list >"$files/payload/alone"
	archive "$files" >"$files.cpio" || die 2 "cannot write to $GUEST_DIR: is the disk full?"
	GUEST_BASE=$(image "userland-$GUEST_ARCH-$(fingerprint "$HARNESS"/guest/{init,session,signals,confine.c})" build_userland "$GUEST_ARCH" "$HARNESS/guest/init")
	# The same for all boots: userland, then what is this guest's own.
	cat "$GUEST_BASE" "$files.cpio" >"$GUEST_DIR/initrd" || die 2 "cannot write to $GUEST_DIR: is the disk full?"
	guest_machine
}

# guest_machine : the machine around what guest_prepare has made, by GUEST_ACCEL
guest_machine() {
	local how
	GUEST_NESTED=no GUEST_EMULATED=no
	[[ $GUEST_ACCEL != nested ]] || GUEST_NESTED=yes
	[[ $GUEST_ARCH != amd64 || $GUEST_ACCEL == kvm ]] || GUEST_EMULATED=yes
	case $GUEST_ACCEL in
	kvm) how=KVM ;;
	nested) how='nested KVM on TCG' ;;
	tcg) how="QEMU's emulation (TCG)" ;;
	esac
	[[ -z ${GUEST_CONF[hypervisor]} ]] || how=$(hypervisor_description)
	GUEST_DESCRIPTION="${GUEST_SYSTEM:-Linux $KERNEL_RELEASE}, $GUEST_CPUS CPU$([[ $GUEST_CPUS == 1 ]] || echo s), $how"
	if [[ $GUEST_NESTED == yes ]]; then
		appliance_command
	else
		guest_command "$KERNEL_IMAGE"
		GUEST_CMD=("$HARNESS/guest/again" setpriv --pdeathsig KILL "${GUEST_CMD[@]}")
	fi
}

# guest_fall_back WHY : the same guest in an emulated machine, where a KVM that promised everything boots nothing
guest_fall_back() {
	GUEST_ACCEL=nested GUEST_ACCEL_WHY=$1 GUEST_FALLBACK=no
	cache_lock
	guest_machine
	cache_unlock
}
