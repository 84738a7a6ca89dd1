# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# As fake.sh, for IMAGE=: the image is looked into and prepared for real, and fake-qemu plays the machine that boots it.
# shellcheck disable=SC2034
. "$HARNESS/tests/fake.sh"

guest_conf() { declare -gA GUEST_CONF=([arch]=amd64 [tests]='*' [cpus]=2 [memory]=512 [modules]='' [hypervisor]='' [cpu]=max); }

accel_choose() { GUEST_ACCEL=${FAKE_ACCEL:-tcg} GUEST_ACCEL_WHY='' GUEST_FALLBACK=no; }

userland_programs() {
	mkdir -p "$1"
	cp "$(command -v env)" "$1/confine"
}

guest_machine() {
	GUEST_DESCRIPTION="$GUEST_SYSTEM, 2 CPUs, make-believe" GUEST_NESTED=no GUEST_EMULATED=yes
	GUEST_CMD=() && image_boot no
	printf '%s\n' "${GUEST_CMD[@]}" >"$FAKE_SCRIPTS/command"
	cp "$GUEST_DIR/agent.iso" "$FAKE_SCRIPTS/agent_iso"
	cp "$GUEST_DIR/disk.qcow2" "$FAKE_SCRIPTS/disk_qcow2"
	[[ -n ${FAKE_SNAPSHOT:-} ]] || GUEST_SNAPSHOT=no
	if [[ -n ${EXPORT:-} ]]; then
		GUEST_CMD=(qemu-system-x86_64 -m 1024 -M q35 -cpu max "${GUEST_CMD[@]}")
	else
		GUEST_CMD=("$HARNESS/tests/fake-qemu" "${GUEST_CMD[@]}")
	fi
}
