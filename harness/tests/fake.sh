# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# What the gate's own tests put in place of building and booting a real guest: see TICKPROOF_FAKE in gate.
# shellcheck disable=SC2034

# A fake guest has none of the suite's programs, and so none of their failures.
EXPECTED_DIR=${FAKE_EXPECTED_DIR:-/nonexistent}

need() { :; }

guest_conf() { declare -gA GUEST_CONF=([arch]=fake [tests]="${FAKE_TESTS:-*}"); }

accel_check() { :; }

accel_choose() { GUEST_ACCEL=kvm GUEST_ACCEL_WHY='' GUEST_FALLBACK=${FAKE_FALLBACK:-no}; }

# The scripts that a test wrote are the programs, in the order of their names, safe unless their first line says ": disruptive"; those called
# extra.* come from EXTRA_DIR.
list_tests() {
	local program tier
	for program in "$FAKE_SCRIPTS"/*.*; do
		tier=$(sed -n "1s/^: disruptive\$/disruptive/p" "$program")
		program=${program##*/}
		[[ $program == extra.* ]] || echo "${tier:-safe} ${program/.//}"
	done
}

build_tests() {
	if [[ -e $FAKE_SCRIPTS/slow_build ]]; then
		: >"$FAKE_SCRIPTS/building"
		sleep 1
	fi
	local program
	for program in "$FAKE_SCRIPTS"/*.*; do
		program=${program##*/}
		install -D /dev/null "$(built "$1")/${program/.//}"
	done
}

timeout_of() { echo "${FAKE_PROGRAM_TIMEOUT:-45}"; }

# From then on there is no firmware: it played the KVM that boots nothing.
guest_fall_back() {
	GUEST_ACCEL=nested GUEST_ACCEL_WHY=$1 GUEST_FALLBACK=no GUEST_DESCRIPTION='Linux 0.0, 2 CPUs, nested make-believe'
	rm -f "$FAKE_SCRIPTS/firmware"
}

guest_prepare() {
	GUEST_DESCRIPTION='Linux 0.0, 2 CPUs, make-believe' KERNEL_RELEASE=0.0 GUEST_CPUS=2 GUEST_ARCH=fake GUEST_NESTED=${FAKE_NESTED:-no} GUEST_EMULATED=yes
	GUEST_RECORDED=$( ((${#RECORDED[@]})) && echo yes || echo no)
	GUEST_CMD=("$HARNESS/tests/fake-qemu")
	if [[ -n ${FAKE_SNAPSHOT:-} ]]; then
		touch "$GUEST_DIR"/{kernel,initrd,command}
		mkdir -p "$CACHE/images"
		appliance_guest images/appliance-state-1
	fi
}

# This machine's other work, which a test makes up: none, or nothing else.
others_work() {
	local now
	uptime
	others=$((${FAKE_BUSY:-0} ? now : 0))
}
