# shellcheck shell=bash disable=SC2154,SC2034  # what one part sets, another reads
# SPDX-License-Identifier: GPL-2.0-only
# A guest that takes long to boot boots once: as it is ready for its first program its machine is saved, and every further boot begins there.
# Part of supervise.sh; GUEST_SNAPSHOT=yes asks for it (image_boot, appliance_guest), "tried" is what it is after a failure.
# An emulated image: by QEMU's monitor (hold.sh), with the disk of that moment under a throw-away overlay; for this run alone.
# A guest of ours in an appliance: the appliance with all that is in it, which notices nothing. A gate that conforms keeps it for others of the same guest,
# and one that doesn't throws it away: nothing that went wrong once, in a boot or as it was saved, is met a second time.
#
# In GUEST_DIR: snapshot (the machine), snapshot.console (what its console had said); first.qcow2 (what the image has written until then), later.qcow2
# (what the saved one goes on to write).

# How many are kept; each is as large as the memory that the guest and its appliance have used
SNAPSHOTS_KEPT=4

# snapshot_keep CODE : after a gate has come to this verdict
snapshot_keep() {
	local name old
	[[ -n ${GUEST_SAVED:-} ]] || return 0
	if (($1 != 0)); then
		rm -f "$GUEST_SAVED"{,.console}
	elif [[ -e $GUEST_DIR/snapshot && ! -e $GUEST_SAVED ]]; then
		# Whole, or not at all; the console's first, without which the machine isn't taken.
		for name in .console ''; do
			if ! mv "$GUEST_DIR/snapshot$name" "$GUEST_SAVED.new.$$" || ! mv "$GUEST_SAVED.new.$$" "$GUEST_SAVED$name"; then
				rm -f "$GUEST_SAVED"{.new.$$,,.console}
				return
			fi
		done
		while read -r old; do
			rm -f "$old"{,.console}
		done < <(find "$CACHE/images" -name 'guest-state-*' ! -name '*.console' -printf '%T@ %p\n' | sort -rn | sed "1,${SNAPSHOTS_KEPT}d; s/^[^ ]* //")
	fi
}

# snapshot_open : before a boot: from the snapshot, if there is one; else from the image as it is
snapshot_open() {
	local i
	[[ ${GUEST_SNAPSHOT:-no} != no ]] || return 0
	if [[ -e $GUEST_DIR/snapshot ]]; then
		for i in "${!GUEST_CMD[@]}"; do
			[[ ${GUEST_CMD[i]} != *,file=first.qcow2,format=qcow2 ]] || GUEST_CMD[i]+=,snapshot=on
		done
		[[ ${GUEST_CMD[*]: -2:1} == -incoming ]] || GUEST_CMD+=(-incoming '')
		GUEST_CMD[-1]='exec:cat snapshot'
	elif [[ -n ${IMAGE:-} ]]; then
		# Not what another series of boots has open under this name.
		rm -f "$GUEST_DIR"/{first,later}.qcow2
		(cd "$GUEST_DIR" && qemu-img create -q -f qcow2 -F qcow2 -b disk.qcow2 first.qcow2 >/dev/null)
	fi
}

# snapshot_used : does this boot begin in a snapshot?
snapshot_used() { [[ ${GUEST_SNAPSHOT:-no} != no && ${GUEST_CMD[-1]} == 'exec:cat snapshot' ]]; }

# snapshot_take : the machine, which waits for the host, is saved and goes on. One that doesn't go on has lost its boot, and there is no second try.
snapshot_take() {
	local reply why_not=''
	[[ ${GUEST_SNAPSHOT:-no} == yes && ! -e $GUEST_DIR/snapshot ]] || return 0
	if "snapshot_of_$([[ $GUEST_NESTED == yes ]] && echo appliance || echo image)"; then
		mv "$GUEST_DIR/snapshot.new" "$GUEST_DIR/snapshot"
	else
		GUEST_SNAPSHOT=tried
		rm -f "$GUEST_DIR/snapshot.new"
		note "the machine was not saved, so each boot is a whole one: $why_not"
	fi
	uptime
	case_began=$now
}

# snapshot_of_image : into snapshot.new
snapshot_of_image() {
	local saved=no why
	! { hold_begin && qmp stop && qmp blockdev-snapshot-sync '{"device": "disk", "snapshot-file": "later.qcow2", "format": "qcow2"}' &&
		qmp_fast && qmp migrate '{"uri": "exec:cat >snapshot.new"}' &&
		qmp_status query-migrate completed; } || saved=yes
	why=$why_not
	qmp cont || verdict="void the machine could not go on after it was saved: $why_not"
	why_not=$why
	[[ $saved == yes ]]
}

# snapshot_of_appliance : the same, by the other monitor of QEMU's, which does one after the other. The guest is in there with it, frozen for a moment; none of
# them sees time pass; what the appliance says of its clock begins anew (eyes.awk).
snapshot_of_appliance() {
	local line=''
	why_not='its QEMU did not stand still'
	appliance_asked freeze frozen || {
		echo thaw >&"$eyes"
		return 1
	}
	printf '%s\n' stop 'migrate_set_parameter max-bandwidth 4g' 'migrate "exec:cat >snapshot.new"' 'info migrate' cont >&"$monitor"
	until [[ $line == *'Migration status: '* ]]; do
		IFS= read -r -t "$QMP_PATIENCE" -u "$monitor_says" line || {
			verdict="void the machine could not go on after it was saved: QEMU's monitor did not answer in $QMP_PATIENCE s"
			return 1
		}
	done
	uptime
	printf '%d.%02d saved\n' $((now / 100)) $((now % 100)) >>"$GUEST_DIR/eyes.log"
	echo thaw >&"$eyes"
	console_text >"$GUEST_DIR/snapshot.console"
	printable line
	why_not="QEMU says: ${line:0:100}"
	[[ $line == *'Migration status: completed'* ]]
}

# snapshot_doubt : a boot that began in the snapshot did not come to its first program: the next one is a whole one
snapshot_doubt() {
	snapshot_used && [[ -z $ready && $GUEST_NESTED == yes ]] || return 0
	rm -f "$GUEST_DIR"/snapshot{,.console}
	GUEST_CMD[-1]='exec:cat appliance.state'
}

# snapshot_wake : once: to a machine that comes out of the snapshot, stopped as it was saved. What is sent while it is loaded is lost; but an appliance goes on
# by itself, and nothing is lost there (boot.sh).
snapshot_wake() {
	local reply why_not=''
	snapshot_used && [[ $GUEST_NESTED == no && $qmp_id == 0 ]] || return 0
	if hold_begin && qmp_status query-status paused && qmp cont; then
		answer "again $EPOCHSECONDS"
	else
		verdict="void the machine that was saved could not go on: $why_not"
	fi
	uptime
}
