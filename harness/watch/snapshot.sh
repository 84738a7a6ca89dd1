# shellcheck shell=bash disable=SC2154,SC2034  # what one part sets, another reads
# SPDX-License-Identifier: GPL-2.0-only
# An emulated image boots once: as it is ready for its first program its machine is saved, by QEMU's monitor (hold.sh), and every further boot
# begins there, with the disk of that moment under a throw-away overlay. Part of supervise.sh; GUEST_SNAPSHOT=yes (image_boot) asks for it,
# "tried" is what it is after a failure.
#
# In GUEST_DIR: first.qcow2 (what the image has written until then), snapshot (the machine), later.qcow2 (what the saved one goes on to write).

# snapshot_open : before a boot: from the snapshot, if there is one; else from the image as it is
snapshot_open() {
	local i
	[[ ${GUEST_SNAPSHOT:-no} != no ]] || return 0
	if [[ -e $GUEST_DIR/snapshot ]]; then
		for i in "${!GUEST_CMD[@]}"; do
			[[ ${GUEST_CMD[i]} != *,file=first.qcow2,format=qcow2 ]] || GUEST_CMD[i]+=,snapshot=on
		done
		[[ ${GUEST_CMD[-2]} == -incoming ]] || GUEST_CMD+=(-incoming 'exec:cat snapshot')
	else
		# Not what another series of boots has open under this name.
		rm -f "$GUEST_DIR"/{first,later}.qcow2
		(cd "$GUEST_DIR" && qemu-img create -q -f qcow2 -F qcow2 -b disk.qcow2 first.qcow2 >/dev/null)
	fi
}

# snapshot_take : the machine, which waits for the host, is saved and goes on. One that doesn't go on has lost its boot, and there is no second try.
snapshot_take() {
	local reply why_not=''
	[[ ${GUEST_SNAPSHOT:-no} == yes && ! -e $GUEST_DIR/snapshot ]] || return 0
	if hold_begin && qmp stop && qmp blockdev-snapshot-sync '{"device": "disk", "snapshot-file": "later.qcow2", "format": "qcow2"}' &&
		qmp_fast && qmp migrate '{"uri": "exec:cat >snapshot.new"}' &&
		qmp_status query-migrate completed; then
		mv "$GUEST_DIR/snapshot.new" "$GUEST_DIR/snapshot"
	else
		GUEST_SNAPSHOT=tried
		rm -f "$GUEST_DIR/snapshot.new"
		note "the machine was not saved, so each boot is a whole one: $why_not"
	fi
	qmp cont || verdict="void the machine could not go on after it was saved: $why_not"
	uptime
}

# snapshot_wake : once: to a machine that comes out of the snapshot, stopped as it was saved. What is sent while it is loaded is lost.
snapshot_wake() {
	local reply why_not=''
	[[ ${GUEST_SNAPSHOT:-no} != no && ${GUEST_CMD[-2]} == -incoming && $qmp_id == 0 ]] || return 0
	if hold_begin && qmp_status query-status paused && qmp cont; then
		answer "again $EPOCHSECONDS"
	else
		verdict="void the machine that was saved could not go on: $why_not"
	fi
	uptime
}
