# shellcheck shell=bash disable=SC2154,SC2034  # what one part sets, another reads
# SPDX-License-Identifier: GPL-2.0-only
# What is particular to watching a machine by ssh (prepare/machine.sh, bridge): a connection that is lost is no verdict. Part of supervise.sh.

MACHINE_CUTS=20 # lost and restored connections of one boot

# machine_events : what the bridge has to say, into the journal
machine_events() {
	local line
	[[ -s $GUEST_DIR/connection ]] || return 0
	mv "$GUEST_DIR/connection" "$GUEST_DIR/connection.read"
	while IFS= read -r line; do
		printable line
		journal "> connection $line"
		say "$HOST: $line"
	done <"$GUEST_DIR/connection.read"
	rm -f "$GUEST_DIR/connection.read"
	# What was said meanwhile is on its way. Not for ever, to one that comes and goes.
	((cuts++ > MACHINE_CUTS)) || machine_patience "$SILENCE_TIMEOUT"
}

# machine_patience SECONDS : so much longer is awaited what the machine says
machine_patience() {
	[[ -n $ready ]] || return 0
	deadline=$((now + $1 * 100))
	((program_deadline == 0 || program_deadline > deadline)) || program_deadline=$deadline
}

# machine_overdue WHY : a silent machine is asked by another connection. One that doesn't answer gets as much time again, and then hangs; one
# that does hangs in this program, unless our own connection is not there, or was not a moment ago.
machine_overdue() {
	local answers=no had=$cuts
	! machine_answers || answers=yes
	uptime
	machine_events
	if ((cuts > had)); then
		:
	elif [[ $answers == yes && ! -e $GUEST_DIR/lost ]]; then
		# By then ssh has noticed if the connection is dead.
		if ((now >= deadline && patience-- > 0)); then
			machine_patience $((SILENCE_TIMEOUT < MACHINE_WAIT ? SILENCE_TIMEOUT : MACHINE_WAIT))
		else
			verdict="HANG $(at) $1, though the machine answers another connection"
		fi
	elif ((patience-- > 0)); then
		machine_patience "$SILENCE_TIMEOUT"
	elif [[ $answers == yes ]]; then
		verdict="HANG $(at) $1, and the connection did not come back"
	else
		verdict="HANG $(at) $1, and the machine answers no other connection"
	fi
}

# machine_over : after a boot of a machine. What a guest has by booting again, a machine has only if somebody restarts it
machine_over() {
	case $verdict in
	HANG* | PANIC* | FLOOD* | dead) : >"$GUEST_DIR/restart" ;;
	esac
	if [[ $verdict == dead && -z ${REBOOT_CMD:-} ]]; then
		echo "$dead's timers are dead (see $dead_in), and nobody restarts this machine: give REBOOT_CMD=" >"$queue/given_up"
		give_up "$(<"$queue/given_up")"
	fi
}
