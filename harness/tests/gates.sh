# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Those tests of harness/check that boot guests: whole gates that must conform, and others that must find what is wrong. For each, NAME is its
# name and LOGS the directory of its results.

# gate_exits CODE VARIABLE=value... : run a gate with results of its own and demand its exit code
gate_exits() {
	local want=$1 got=0
	shift
	# Tests run side by side already.
	"$HARNESS/gate" RESULTS="$LOGS/$NAME" BOOTS=1 "$@" || got=$?
	((got == want)) || {
		echo "the gate's exit code is $got, not $want"
		return 1
	}
}

# reported TEXT : the report of this test's gate holds it
reported() {
	grep -F -- "$1" "$LOGS/$NAME/latest/report.ktap" || {
		echo "not in the report: $1"
		return 1
	}
}

# conforms VARIABLE=value... : a gate that must end in CONFORMS; a value of several words is given as they are
conforms() {
	local word
	local -a given=()
	for word; do
		if [[ $word == *=* ]]; then given+=("$word"); else given[-1]+=" $word"; fi
	done
	gate_exits 0 "${given[@]}"
}

# healthy : the console of this test's gate shows nothing that the kernel calls a mistake
healthy() { ! grep -E 'WARNING:|BUG:|Oops' "$LOGS/$NAME/latest/console.log"; }

# extra NAME COMMAND : a directory with a test program that begins a case and then does COMMAND, and a good one after it
extra() {
	mkdir -p "$LOGS/$NAME.extra"
	printf '#!/bin/bash\nprintf "%%s\\n" "KTAP version 1" 1..1 "# BEGIN extra.%s.bad"\n%s\n' "$1" "$2" \
		>"$LOGS/$NAME.extra/$1"
	printf '#!/bin/bash\nprintf "%%s\\n" "KTAP version 1" 1..1 "# BEGIN extra.zlater.good" "ok 1 extra.zlater.good"\n' \
		>"$LOGS/$NAME.extra/zlater"
	chmod +x "$LOGS/$NAME.extra"/*
}

# A program that never returns is a HANG by name, and what comes later still runs, in a fresh boot.
hang_is_named() {
	extra hang "while :; do :; done"
	gate_exits 1 GUEST=x86 EXTRA_DIR="$LOGS/$NAME.extra" TESTS='extra.*' SILENCE_TIMEOUT=8
	reported 'extra.hang.bad # TIMEOUT HANG' && reported 'ok 1 extra.zlater.good'
}

panic_is_named() {
	extra panic 'echo c >/proc/sysrq-trigger'
	gate_exits 1 GUEST=x86 EXTRA_DIR="$LOGS/$NAME.extra" TESTS='extra.*'
	reported 'extra.panic.bad # ERROR PANIC' && reported 'ok 1 extra.zlater.good'
}

# Without its expected entries the arm64 guest does not conform: the death is found, not assumed.
dead_is_named() {
	: >"$LOGS/$NAME.expected"
	gate_exits 1 GUEST=arm64 TESTS='*.unbind_fallback' EXPECTED="$LOGS/$NAME.expected"
	reported "DEAD: CPU 1's timers stopped on dummy_timer"
}

# The mail thread: the timer that Hyper-V advertises is warned of, and unbinding what hides it is death.
thread_is_retold() {
	gate_exits 1 GUEST=arm64-hyperv-dead TESTS='arm64.timer_tables *.unbind_fallback'
	reported 'WARNING: arch_sys_timer stands by for Hyper-V clockevent, advertised, and never delivered an interrupt'
	reported "DEAD: CPU 1's timers stopped on arch_sys_timer" &&
		reported 'arch_sys_timer is advertised and never delivered an interrupt (0 since boot on every CPU)'
}

# A root program learns no token, and does not speak in the next one's time; what it says in its own is its own affair.
hostile_is_harmless() {
	local case
	install -D -t "$LOGS/$NAME.extra" "$HARNESS/tests/hostile"
	printf '#!/bin/bash\nprintf "%%s\\n" "KTAP version 1" 1..1 "# BEGIN extra.victim.case"\nbusybox usleep 200000\necho ok 1 extra.victim.case\n' \
		>"$LOGS/$NAME.extra/victim"
	chmod +x "$LOGS/$NAME.extra/victim"
	gate_exits 2 GUEST=x86 EXTRA_DIR="$LOGS/$NAME.extra" TESTS='extra.*'
	for case in heap fds mem_node channel_node kcore replace dev_mem held_up; do
		reported " extra.hostile.$case" | grep -E '^ *ok '
	done
	reported 'ok 1 extra.victim.case'
}

# A guest without high resolution timers conforms. One that is told to keep time by jiffies has none, though its other clocksources would give it them.
jiffies_are_named() {
	local conf=$LOGS/$NAME.conf tests='clocksource.sysfs_contract clocksource.watchdog clocksource.again clocksource.select'
	sed 's/^cmdline = .*/& highres=off nohz=off/' "$HARNESS/guests/x86.conf" >"$conf"
	gate_exits 0 GUEST="$conf" TESTS="$tests"
	sed 's/^cmdline = .*/& clocksource=jiffies/' "$HARNESS/guests/x86.conf" >"$conf"
	gate_exits 1 GUEST="$conf" TESTS="$tests"
	reported 'clocksource.sysfs_contract.jiffies_hidden # jiffies is in use although'
}

# An expected failure that doesn't happen is a failure.
made_up_expectation() {
	mkdir -p "$LOGS/$NAME.extra"
	echo 'clockevents.sysfs_contract.modes FAIL expires=2999-12-31 made up' >"$LOGS/$NAME.extra/expected"
	gate_exits 1 GUEST=x86 TESTS='clockevents.sysfs_contract' EXPECTED="$LOGS/$NAME.extra/expected"
}

# The detectors find what they are for, or at least the quick part of them.
mutants_quick() { JOBS=1 SUBSET=quick RESULTS=$LOGS/$NAME "$HARNESS/mutants"; }

# A module where it doesn't belong, or with a parameter that it doesn't know, refuses with a reason, and the kernel is none the worse.
modules_refuse() {
	local guest module words out=$LOGS/$NAME.out
	while IFS='|' read -r guest module words; do
		gate_exits 2 GUEST="$guest" MODULES="$module" TESTS=clockevents.sysfs_contract >"$out" 2>&1 || {
			cat "$out"
			return 1
		}
		grep -F -- "$words" "$out" || {
			echo "not said: $words"
			cat "$out"
			return 1
		}
		healthy || return
	done <<'EOF'
arm64|hv_stimer|module hv_stimer.ko: No such device
x86|hv_regs|module hv_regs.ko: No such device
x86|timer_fault fault=nosuch|module timer_fault.ko: Invalid argument
x86|hv_stimer|module hv_stimer is not for amd64
x86|nosuch|MODULES: nosuch is neither a file nor one of our modules
EOF
}

# In use, a module stays; out of use, it goes and comes back, and the kernel is none the worse.
modules_reload() {
	install -D -t "$LOGS/$NAME.extra" "$HARNESS/tests/reload"
	gate_exits 0 GUEST=arm64-hyperv EXTRA_DIR="$LOGS/$NAME.extra" TESTS='extra.*'
	healthy
}

# perf_blames VARIABLE=value... : sleeps that are late by up to 50 ms at one place, ten for each: most of them are latest in that stage, whatever a busy
# host does
perf_blames() {
	local fault
	for fault in misprogrammed held slow_interrupt slow_callback hog; do
		install -D "$HARNESS/tests/blamed" "$LOGS/$NAME.extra/$fault"
	done
	gate_exits 0 "$@" MODULES=timer_fault EXTRA_DIR="$LOGS/$NAME.extra" TESTS='extra.*' PERF='extra.*' BOOTS=1
	awk -v want='extra.misprogrammed programmed extra.held interrupt extra.slow_interrupt callback extra.slow_callback wake extra.hog run' \
		-f "$HARNESS/tests/blamed.awk" "$LOGS/$NAME"/latest/perf/boot*.tsv
}

# lost_by_hypervisor : on arm64, where the monitor is the hypervisor, and CPU 1's Hyper-V timer never expires, or expires and interrupts nobody: CPU 1 is DEAD, and
# by the monitor's record the interrupt was lost there
lost_by_hypervisor() {
	local mode words
	while IFS='|' read -r mode words; do
		sed "s/^hypervisor = .*/hypervisor = $mode/" "$HARNESS/guests/arm64-hyperv.conf" >"$LOGS/$NAME.$mode.conf"
		gate_exits 1 GUEST="$LOGS/$NAME.$mode.conf" TESTS=clockevents.unbind_fallback
		grep -E "^ *not ok .*DEAD: .*; by the hypervisor's record its Hyper-V timer was armed [0-9.]+ s ago, $words: the hypervisor lost it" "$LOGS/$NAME/latest/report.ktap" || {
			grep DEAD "$LOGS/$NAME/latest/report.ktap"
			return 1
		}
	done <<'EOF'
unexpired|was due [0-9.]+ s ago and did not expire
uninjected|expired [0-9.]+ s ago and was not injected
EOF
}

# fault_of_appliance FAULT -> a command for TICKPROOF_APPLIANCE_FAULT that puts our module timer_fault with FAULT into the appliance's own kernel
fault_of_appliance() {
	local module
	module=$(
		# shellcheck source=/dev/null
		. "$HARNESS/prepare/guest.sh"
		cache_lock
		kernel_fetch amd64 "$APPLIANCE_KERNEL"
		# shellcheck disable=SC2034  # of our_module
		GUEST_ARCH=amd64
		our_module timer_fault
	)
	strip --strip-debug -o "$LOGS/$NAME.ko" "$module"
	# As text, for which an environment has room.
	printf 'echo %s | busybox base64 -d | busybox gunzip >/tmp/timer_fault.ko; busybox insmod /tmp/timer_fault.ko %s 2>/dev/console' \
		"$(gzip -9c "$LOGS/$NAME.ko" | base64 -w 0)" "$1"
}

# hypervisor_is_blamed : where the timers of the appliance's own kernel come 5 ms late, and KVM's are among them (but for those that an earlier one's interrupt takes
# along: half of 5 ms at the median is demanded), that is the part in which most is lost. All
# the same KVM's record bears out what the guest took, and the guest conforms.
hypervisor_is_blamed() {
	TICKPROOF_APPLIANCE_FAULT=$(fault_of_appliance 'fault=late size=5000000') gate_exits 0 ACCEL=nested TESTS=sleep.nanosleep PERF=1
	awk -F '\t' '
		$1 == "perf" && $2 == "wakes" { checked += $7; added += $8 }
		$1 == "perf" && $2 == "kvm" && $6 > most[$3] + 0 { most[$3] = $6; where[$3] = $4 }
		$1 == "case" && $3 ~ /[.]hypervisor[.]cpu/ && $4 == "PASS" { borne++ }
		END {
			printf "%d of %d wake-ups add up; most is lost in %s and %s; KVM bears out %d CPUs\n", added, checked, where[0], where[1], borne
			exit checked < 100 || added < 0.95 * checked || where[0] != "expiry" || where[1] != "expiry" || most[0] < 2.5e6 || most[1] < 2.5e6 || borne != 2
		}' "$LOGS/$NAME/latest/records.tsv"
}

# What the appliance under a nested guest does wrong is never the guest's: its clock; a QEMU that stopped.
appliance_is_named() {
	TICKPROOF_APPLIANCE_CLOCK=40 gate_exits 2 ACCEL=nested TESTS=counter.reference
	reported "the appliance's clock ran 2.50 times as fast as the host's"
	TICKPROOF_APPLIANCE_FAULT='busybox sleep 12; busybox killall -STOP qemu-system-x86_64' \
		gate_exits 2 ACCEL=nested TESTS=clockevents.unbind_fallback SILENCE_TIMEOUT=8 BOOT_TIMEOUT=60
	reported "the appliance's thread of vcpu 1 is stopped (state T)"
}

# A real matrix: one emulated guest after the other, by GNU parallel.
matrix_conforms() {
	"$HARNESS/matrix" GUESTS="x86 arm64" TESTS=clockevents.sysfs_contract JOBS=1 RESULTS="$LOGS/$NAME"
	jq -e '.counts == {combinations: 2, conform: 2, do_not: 0, not_judged: 0}' "$LOGS/$NAME/matrix/results.json"
}

# outcomes RUN -> each case of a run, and what became of it, but for what the host adds
outcomes() { awk -F '\t' '$1 == "case" && $3 !~ /[.](host|rest)$/ { print $3, $4 }' "$1/records.tsv" | sort; }

# The same by LAVA, without a server, and by the gate: cases that pass, one that fails, a program that hangs. The last: a job of LAVA boots once.
lava_agrees() {
	local dir=$LOGS/$NAME got=0
	extra zhang "while :; do :; done"
	rm "$dir.extra/zlater"
	printf '#!/bin/bash\nprintf "%%s\\n" "KTAP version 1" 1..1 "# BEGIN extra.bad.x" "not ok 1 extra.bad.x # it was late"\nexit 1\n' >"$dir.extra/bad"
	chmod +x "$dir.extra/bad"
	"$HARNESS/lava" jobs GUESTS=x86 TESTS='clockevents.sysfs_contract extra.*' EXTRA_DIR="$dir.extra" TIMEOUT=40 RESULTS="$dir/lava"
	"$HARNESS/lava" run RESULTS="$dir/lava" || got=$?
	((got == 1))
	gate_exits 1 GUEST=x86 TESTS='clockevents.sysfs_contract extra.*' EXTRA_DIR="$dir.extra" SILENCE_TIMEOUT=8
	diff <(outcomes "$dir/lava/latest") <(outcomes "$dir/latest")
	outcomes "$dir/latest" | grep -x 'extra.zhang.bad HANG'
}

# modules_build_for ARCHIVE... : our modules build for the newest kernel of each, with Debian's headers and the compiler that these name
modules_build_for() {
	local archive release dir want
	for archive; do
		dir=$(
			# shellcheck source=/dev/null
			. "$HARNESS/prepare/guest.sh"
			cache_lock
			release=$(headers_newest "$archive")
			# shellcheck disable=SC2034  # of modules_build
			KERNEL_BUILD='' KERNEL_ARCHIVE=$archive
			modules_build "${archive%%:*}" "$release"
		)
		echo "$archive: $dir"
		for want in hv_regs timer_probe timer_fault hv_stimer; do
			[[ $archive != amd64:* || $want != hv_stimer ]] || continue
			grep -a -o -m 1 'vermagic=[^ ]*' "$dir/$want.ko"
		done
	done
}

# debian_image_for ARCH KIND [SERIES] -> a Debian 12 image (tests/debian_image), of Debian 12's first kernel or the cloud kernel of that series, built
# once for each version of what builds it
debian_image_for() {
	local file building package='' dir=$CACHE/disks stem=debian-$1-$2-kernel${3:-}
	mkdir -p "$dir"
	file=$dir/$stem-$(cksum <"$HARNESS/tests/debian_image" | cut -d " " -f 1).qcow2
	# Another test may be building it.
	exec {building}<>"$dir/.lock"
	flock "$building"
	if [[ ! -e $file ]]; then
		[[ -z ${3:-} ]] || package=$(apt-cache pkgnames "linux-image-$3" | grep -- "-cloud-$1\$" | sort -V | tail -n 1)
		rm -f "$dir/$stem"-*
		"$HARNESS/tests/debian_image" "$file.new" "$1" "$2" ${package:+"$package"} >&2 &&
			mv "$file.new" "$file"
	fi
	exec {building}>&-
	echo "$file"
}

# image_passes ARCH GUEST [SERIES] : such an image conforms there, in all tests, and its bytes are what they were
image_passes() {
	local image sum
	image=$(debian_image_for "$1" cloud "${3:-}")
	sum=$(sha256sum "$image")
	gate_exits 0 GUEST="$2" IMAGE="$image" BOOTS=
	[[ $(sha256sum "$image") == "$sum" ]]
}

# An image as clouds boot it conforms, and is not written to; no driver is loaded meanwhile. With a fault, by its kernel's command line, the right case says so.
image_conforms() {
	local image faulty=$SCRATCH/faulty.qcow2
	image=$(debian_image_for amd64 cloud)
	gate_exits 0 GUEST=x86 IMAGE="$image" TESTS="clockevents.unbind_fallback continuity.pause"
	grep -F "> gate udev=quiet" "$LOGS/$NAME/latest/journal.log"
	"$HARNESS/tests/edit_image" "$image" "$faulty" +nolapic_timer
	gate_exits 1 GUEST=x86 IMAGE="$faulty" IMAGE_EXTERNAL=yes TESTS=clockevents.sysfs_contract
	reported "clockevents.sysfs_contract.since_boot # before this program the kernel logged trouble" && reported "Could not switch to high resolution mode"
}

# A domain of somebody's own libvirt (nobody's, if root runs this): its disk conforms in a machine as libvirt would make it, and the domain stays as it was.
domain_conforms() {
	local image before dir=$SCRATCH/libvirt
	local -a as=()
	need domain libvirt
	image=$(debian_image_for amd64 cloud)
	mkdir -p "$dir"/{home,run}
	if ((EUID == 0)); then
		chmod 755 "$SCRATCH"
		chown -R 65534:65534 "$dir"
		as=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	fi
	printf '#!/bin/sh\nexec env -C / -u XDG_CONFIG_HOME -u XDG_CACHE_HOME -u XDG_DATA_HOME HOME=%s XDG_RUNTIME_DIR=%s %s "$@"\n' "$dir/home" "$dir/run" "${as[*]}" >"$dir/own"
	printf '#!/bin/sh\nexec %s virsh -c qemu:///session "$@"\n' "$dir/own" >"$dir/virsh"
	chmod +x "$dir"/{own,virsh}
	"$dir/own" /usr/sbin/libvirtd &
	# shellcheck disable=SC2064
	trap "kill $!; wait $! || :" EXIT
	until [[ -S $dir/run/libvirt/libvirt-sock ]]; do
		kill -0 $!
		sleep 0.2
	done
	printf '%s\n' "<domain type='qemu'><name>mine</name><memory unit='MiB'>1024</memory><vcpu>2</vcpu><os><type arch='x86_64' machine='q35'>hvm</type></os>" \
		"<features><acpi/><apic/></features><cpu mode='maximum'/><devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='$image'/>" \
		"<target dev='vda' bus='virtio'/></disk></devices></domain>" >"$dir/xml"
	"$dir/virsh" define "$dir/xml"
	before=$("$dir/virsh" dumpxml mine)
	gate_exits 0 DOMAIN=mine VIRSH_CMD="$dir/virsh" TESTS=clockevents.unbind_fallback
	grep -F '> gate domain=mine' "$LOGS/$NAME/latest/journal.log"
	[[ $("$dir/virsh" domstate mine) == 'shut off'* && $("$dir/virsh" dumpxml mine) == "$before" ]]
}

# A kernel and an initrd with a system of its own, of busybox.
initrd_conforms() {
	local root=$SCRATCH/initrd
	mkdir -p "$root"/{bin,etc,proc,sys,dev}
	cp "$(command -v busybox)" "$root/bin/"
	ln -s bin/busybox "$root/init"
	printf '%s\n' '::sysinit:/bin/busybox mount -t proc proc /proc' '::sysinit:/bin/busybox mount -t sysfs sysfs /sys' \
		'::sysinit:/bin/busybox mount -t devtmpfs devtmpfs /dev' '::once:/bin/busybox touch /booted' >"$root/etc/inittab"
	(cd "$root" && find . | cpio -o -H newc --quiet -R 0:0 | gzip -1 >"$SCRATCH/initrd.gz")
	gate_exits 0 GUEST=x86 KERNEL=6.1 INITRD="$SCRATCH/initrd.gz" TESTS=clockevents.unbind_fallback
}
