# shellcheck shell=bash disable=SC2154,SC2034  # what one part sets, another reads
# SPDX-License-Identifier: GPL-2.0-only
# What is particular to watching a machine by ssh (prepare/machine.sh, bridge): a connection that is lost is no verdict. Part of supervise.sh.

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
}

# machine_overdue WHY : a silent machine is asked by another connection. One that doesn't answer gets as much time again, and then hangs; one
# that does hangs in this program, unless it is our connection that has yet to come back.
machine_overdue() {
	local answers=no
	! machine_answers || answers=yes
	uptime
	if [[ $answers == yes && ! -e $GUEST_DIR/lost ]]; then
		verdict="HANG $(at) $1, though the machine answers another connection"
	elif ((patience-- > 0)); then
		deadline=$((now + SILENCE_TIMEOUT * 100))
		((program_deadline == 0 || program_deadline > deadline)) || program_deadline=$deadline
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
