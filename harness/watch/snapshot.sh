# shellcheck shell=bash disable=SC2154,SC2034  # what one part sets, another reads
# SPDX-License-Identifier: GPL-2.0-only
# An emulated image boots once: as it is ready for its first program its machine is saved, and every further boot begins there, with the disk of that
# moment under a throw-away overlay. Part of supervise.sh; GUEST_SNAPSHOT=yes (image_boot) asks for it,
# "tried" is what it is after a failure.
#
# In GUEST_DIR: first.qcow2 (what the image has written until then), state (the machine), later.qcow2 (what the saved one goes on to write).

: "${SNAPSHOT_WAIT:=60}" # s, for QEMU to save the machine

# snapshot_open : before a boot: from the state, if there is one; else from the image as it is, with a line to QEMU's monitor
snapshot_open() {
	local i
	control=''
	[[ ${GUEST_SNAPSHOT:-no} != no ]] || return 0
	if [[ -e $GUEST_DIR/state ]]; then
		for i in "${!GUEST_CMD[@]}"; do
			[[ ${GUEST_CMD[i]} != *,file=first.qcow2,format=qcow2 ]] || GUEST_CMD[i]+=,snapshot=on
		done
		[[ ${GUEST_CMD[-2]} == -incoming ]] || GUEST_CMD+=(-incoming 'exec:cat state')
	else
		# Not what another series of boots has open under this name.
		rm -f "$GUEST_DIR"/{first,later}.qcow2
		(cd "$GUEST_DIR" && qemu-img create -q -f qcow2 -F qcow2 -b disk.qcow2 first.qcow2 >/dev/null)
	fi
	rm -f "$GUEST_DIR"/control.*
	mkfifo "$GUEST_DIR"/control.{in,out}
	exec {control}<>"$GUEST_DIR/control.in" {control_says}<>"$GUEST_DIR/control.out"
}

# snapshot_close : after a boot
snapshot_close() {
	[[ -n ${control:-} ]] || return 0
	exec {control}>&- {control_says}<&-
	control=''
	rm -f "$GUEST_DIR"/control.*
}

# snapshot_take : the machine, which waits for the host, is saved and goes on. One that doesn't go on has lost its boot, and there is no second try.
snapshot_take() {
	local line said='' end=$((SECONDS + SNAPSHOT_WAIT))
	[[ ${GUEST_SNAPSHOT:-no} == yes && ! -e $GUEST_DIR/state ]] || return 0
	printf '%s\n' stop 'snapshot_blkdev disk later.qcow2 qcow2' 'migrate_set_parameter max-bandwidth 4G' 'migrate "exec:cat >state.new"' \
		'info migrate' cont 'info status' >&"$control"
	while ((SECONDS < end)) && [[ $said != *'VM status: '* ]]; do
		! IFS= read -r -t 1 -u "$control_says" line || said+=$line$'\n'
	done
	if [[ $said == *'Migration status: completed'* && $said == *'VM status: running'* ]]; then
		mv "$GUEST_DIR/state.new" "$GUEST_DIR/state"
	else
		GUEST_SNAPSHOT=tried
		rm -f "$GUEST_DIR/state.new"
		[[ $said == *'VM status: running'* ]] || void 'it could not save the machine'
	fi
	uptime
}

# snapshot_wake : to a machine that comes out of the state, stopped as it was saved, until it answers: what is sent while it is loaded is lost
snapshot_wake() {
	[[ -z $ready && -n ${control:-} && -e $GUEST_DIR/state ]] || return 0
	echo cont >&"$control"
	answer "again $EPOCHSECONDS"
}
