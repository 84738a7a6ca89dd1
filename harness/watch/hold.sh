# shellcheck shell=bash disable=SC2154,SC2034  # what one part sets, another reads
# SPDX-License-Identifier: GPL-2.0-only
# Holding a guest up: what only the host can do to it, and whose true time only the host knows. Part of supervise.sh.
#
# A program of the surface "continuity" asks, and waits for the answer on the channel, which needs no timer of the guest:
#   # HOST time             host time NOW
#   # HOST pause SECONDS    host held ASKED STOPPED RESUMED RUNS             its CPUs, and all that QEMU emulates, stood still from somewhere
#                                                                          between the first two to somewhere between the last two
#   # HOST restore SECONDS  host held ASKED STOPPED RESUMED RUNS SAVED LEFT  so they did, and from SAVED to LEFT at least the guest was a file;
#                                                                          then another QEMU went on with it (guest/again)
#   # HOST migrate SECONDS  host held ASKED STOPPED RESUMED RUNS SENT SENT   another QEMU got its memory while it ran (an emulated guest stood still; a
#                                                                          nested one's is a file that both have), then, while it stood still, the
#                                                                          rest, all of it by SENT, and went on with it
#   # HOST freeze SECONDS   host held ASKED STOPPED RESUMED RUNS             QEMU itself stood still, and did not know: of a nested guest, the
#                                                                          whole machine under it
#   # HOST vcpu SECONDS     host held ASKED STOPPED RESUMED RUNS             its last CPU did, alone: QEMU's thread of it
#   whatever it was         host no WHY                                    it can't be done here
# Times are the host's uptime in 1/100 s, cut off. QEMU gets the order by its monitor (QMP), which no guest can reach; that of a nested guest
# has a virtio port of the appliance's for it. No guest gets more of this host's time than this:
HOLD_ASKS=100 # questions of one program; what is asked beyond is not answered, for nobody may read it, and the channel is of a limited length
HOLD_MAX=10   # s of one hold
# s for QEMU's answer, and for what it does in the background
: "${QMP_WAIT:=30}" "${QMP_PATIENCE:=120}"

# hold_open : before a boot, the way to QEMU's monitor
hold_open() {
	qmp_id=0
	mkfifo "$GUEST_DIR/moving"
	qmp_open
	qmp_next='' qmp_next_says=''
	[[ ${GUEST_NESTED:-no} != yes ]] || {
		mkfifo "$GUEST_DIR"/qmp2.{in,out}
		exec {qmp_next}<>"$GUEST_DIR/qmp2.in" {qmp_next_says}<>"$GUEST_DIR/qmp2.out"
	}
}

# qmp_open : the FIFOs at which the next QEMU that is started has its monitor
qmp_open() {
	rm -f "$GUEST_DIR"/qmp.{in,out}
	mkfifo "$GUEST_DIR"/qmp.{in,out}
	exec {qmp}<>"$GUEST_DIR/qmp.in" {qmp_says}<>"$GUEST_DIR/qmp.out"
}

# hold_begin : before the first command of a boot; false if the monitor does not answer
hold_begin() { ((qmp_id > 0)) || qmp qmp_capabilities; }

# hold_close : after a boot
hold_close() {
	qmp_close
	rm -f "$GUEST_DIR"/{qmp.{in,out},qmp2.{in,out},moving}
}

# qmp_close : this shell's ends of the FIFOs
qmp_close() {
	exec {qmp}>&- {qmp_says}<&-
	[[ -z $qmp_next ]] || exec {qmp_next}>&- {qmp_next_says}<&-
}

# qmp_line PATTERN SECONDS : QEMU's next line that is like this, in $reply; false if none comes
qmp_line() {
	local until now piece half='' status
	uptime
	until=$((now + $2 * 100))
	while ((now < until)) && [[ -z $interrupted ]]; do
		status=0
		IFS= read -r -t 1 -u "$qmp_says" piece || status=$?
		uptime
		half+=$piece
		((status == 0)) || continue
		reply=$half half=''
		# shellcheck disable=SC2053  # a pattern
		[[ $reply != $1 ]] || return 0
	done
	return 1
}

# qmp COMMAND [ARGUMENTS] : let QEMU do this, and wait until it has; its words are in $reply. False if it refuses or doesn't answer, with
# the reason in $why_not
qmp() {
	qmp_id=$((qmp_id + 1))
	(printf '{"execute": "%s", "id": %d%s}\n' "$1" "$qmp_id" "${2:+, \"arguments\": $2}" >&"$qmp") 2>/dev/null || :
	# Events and QEMU's greeting have no id.
	qmp_line '*"id": '"$qmp_id"'[,}]*' "$QMP_WAIT" || {
		why_not="QEMU's monitor did not answer $1 in $QMP_WAIT s"
		return 1
	}
	why_not="QEMU refuses $1: ${reply:0:200}"
	[[ $reply != *'"error": '* ]]
}

# qmp_status COMMAND WORD : ask until the answer says so; false if it says "failed", or says something else for too long
qmp_status() {
	local until now
	uptime
	until=$((now + QMP_PATIENCE * 100))
	while ((now < until)); do
		qmp "$1" || return
		[[ $reply != *'"status": "'"$2"'"'* ]] || return 0
		[[ $reply != *'"status": "failed"'* ]] || break
		hold_wait 10
		uptime
	done
	why_not="QEMU's $1 does not come to \"$2\": ${reply:0:200}"
	return 1
}

# hold_until UPTIME : let time pass, while QEMU's events are read and forgotten
hold_until() {
	local now
	uptime
	while ((now < $1)) && [[ -z $interrupted ]]; do
		IFS= read -r -t 0.05 -u "$qmp_says" _ || :
		uptime
	done
}

# hold_wait SECONDS/100 : so long
hold_wait() {
	local now
	uptime
	hold_until $((now + $1))
}

# qmp_fast : what is saved or sent of a guest that stands still goes as fast as it can. QEMU's own limit, 128 MiB/s, is for one that runs meanwhile
qmp_fast() { qmp migrate-set-parameters '{"max-bandwidth": 4294967296}'; }

# hold_pause SECONDS [MEANWHILE] : QEMU stops, and goes on; false if it does so without having been held up as it was to be, or doesn't ($lost)
hold_pause() {
	local now asked stopped resumed failed=''
	uptime
	asked=$now
	qmp stop || return
	uptime
	stopped=$now
	"${2:-hold_wait}" $(($1 * 100)) || failed=$why_not
	uptime
	resumed=$now
	if [[ -n $lost ]] || ! qmp cont; then
		lost=yes
		return 1
	fi
	why_not=$failed
	[[ -z $failed ]] || return 1
	uptime
	held="held $asked $stopped $resumed $now${held:+ $held}"
}

# hold_freeze SECONDS : QEMU doesn't run, and doesn't know; nobody puts a clock back
hold_freeze() {
	local now asked stopped resumed
	uptime
	asked=$now
	# A thread of its that runs stops at once, by an interrupt, and any other before it runs.
	kill -STOP -- "-$guest_pid"
	uptime
	stopped=$now
	hold_wait $(($1 * 100))
	uptime
	resumed=$now
	kill -CONT -- "-$guest_pid"
	uptime
	# That an appliance stood still meanwhile is no fault of its.
	case_began=$((now + 100))
	held="held $asked $stopped $resumed $now"
}

# hold_restore SECONDS : so it does, and another one goes on
hold_restore() { hold_pause "$1" save_and_restore; }

# hold_migrate SECONDS : another QEMU gets the guest from the first one while it runs, and goes on with it so long after it was sent. QEMU's emulation loses pages
# that the guest writes while they are copied (docs/findings.md); so there the guest stands still first
hold_migrate() {
	local now asked stopped sent resumed before=$qmp before_says=$qmp_says after=$qmp_next after_says=$qmp_next_says
	uptime
	asked=$now
	if [[ $GUEST_ACCEL == tcg ]]; then
		qmp_fast && qmp stop || return
		uptime
		stopped=$now lost=yes
	fi
	memory_stays && qmp migrate '{"uri": "exec:cat >moving"}' || return
	lost=yes
	if [[ -z $after ]]; then
		qmp_open
		after=$qmp after_says=$qmp_says
		kill -USR1 "$guest_pid"
	else
		echo move >&"$eyes"
		qmp=$after qmp_says=$after_says
	fi
	qmp qmp_capabilities && memory_stays && qmp migrate-incoming '{"uri": "exec:cat moving"}' || return
	qmp=$before qmp_says=$before_says
	if [[ $GUEST_ACCEL != tcg ]]; then
		qmp_line '*"event": "STOP"*' "$QMP_PATIENCE" || {
			why_not="the guest had not moved after $QMP_PATIENCE s"
			return 1
		}
		uptime
		stopped=$now
	fi
	qmp_status query-migrate completed || return
	uptime
	sent=$now
	qmp quit || return
	if [[ -z $qmp_next ]]; then
		exec {qmp}>&- {qmp_says}<&-
	else
		qmp_next=$before qmp_next_says=$before_says
	fi
	qmp=$after qmp_says=$after_says
	qmp_status query-status paused || return
	hold_until $((sent + $1 * 100))
	uptime
	resumed=$now
	qmp cont || return
	uptime
	lost='' held="held $asked $stopped $resumed $now $sent $sent"
}

# hold_vcpu SECONDS : one CPU doesn't run, and the others do
hold_vcpu() {
	local now asked stopped resumed thread said
	qmp query-cpus-fast || return
	thread=$(jq -r '.return[-1]["thread-id"]' <<<"$reply")
	uptime
	asked=$now
	exec {said}< <(vcpu_stop "$thread" "$1" 2>&1)
	hold_said stopped && {
		uptime
		stopped=$now
		hold_said 'goes on'
	} && {
		uptime
		resumed=$now
		IFS= read -r -t "$QMP_WAIT" -u "$said" _ || :
		uptime
		held="held $asked $stopped $resumed $now"
	}
	exec {said}<&-
	[[ -n $held ]]
}

# hold_said WORDS : wait until who stops a thread says so; what else is said is why it can't
hold_said() {
	why_not='nobody said that the CPU has stopped'
	IFS= read -r -t "$QMP_PATIENCE" -u "$said" why_not
	[[ $why_not == *"$1" ]]
}

# vcpu_stop THREAD SECONDS -> hold_thread's words. In an appliance the order goes by a line of its own, and the answer comes by its log.
vcpu_stop() {
	local program lines
	if [[ -z ${eyes:-} ]]; then
		program=$(host_program hold_thread) && exec "$program" "$1" "$2"
	else
		lines=$(wc -l <"$GUEST_DIR/eyes.log")
		echo "hold $1 $2" >&"$eyes"
		timeout $((QMP_PATIENCE + $2)) tail -n +$((lines + 1)) -F "$GUEST_DIR/eyes.log" | grep --line-buffered -m 3 -o ' hold .*'
	fi
}

# save_and_restore SECONDS/100 : QEMU, which has stopped, saves its state and ends; another one has it so long after $stopped, and half as long at
# least after the guest was saved, for which that one starts. When, in $held
save_and_restore() {
	local saved
	memory_stays && qmp_fast && qmp migrate '{"uri": "exec:cat >state"}' && qmp_status query-migrate completed || return
	uptime
	saved=$now
	lost=yes
	qmp quit || return
	# What is said to the first one now is lost with it.
	qmp_line '*"QMP": *' "$QMP_PATIENCE" || {
		why_not="no other QEMU came in $QMP_PATIENCE s"
		return 1
	}
	qmp qmp_capabilities && memory_stays || return
	hold_until $((stopped + $1))
	hold_until $((saved + $1 / 2))
	uptime
	held="$saved $now"
	qmp migrate-incoming '{"uri": "exec:cat state"}' && qmp_status query-status paused && lost=''
}

# memory_stays : in an appliance the guest's memory is a file, which the next QEMU has as well (prepare/guest.sh): to save or send it takes an emulated machine
# 20 s and more
memory_stays() {
	[[ ${GUEST_NESTED:-no} != yes ]] || qmp migrate-set-capabilities '{"capabilities": [{"capability": "x-ignore-shared", "state": true}]}'
}

# hold "WHAT [SECONDS]" : what the running program asks for is done, and its answer given. A guest that was stopped and does not go on is
# not at fault.
hold() {
	local what seconds rest why_not='' held='' lost='' reply begun
	[[ $program == continuity.* ]] && ((holds++ < HOLD_ASKS)) || return 0
	read -r what seconds rest <<<"$1"
	uptime
	begun=$now
	if [[ $what == time && -z $seconds ]]; then
		held="time $now"
	elif [[ -n ${MACHINE_DIR:-} ]]; then
		why_not="this machine is not the gate's to hold up"
	elif [[ ! $what =~ ^(pause|restore|migrate|freeze|vcpu)$ || ! $seconds =~ ^[1-9][0-9]?$ || -n $rest ]] || ((seconds > HOLD_MAX)); then
		why_not="nothing is known of that; known: time, and pause, restore, migrate, freeze or vcpu SECONDS (at most $HOLD_MAX)"
	elif [[ $what =~ ^(restore|migrate)$ && -n ${IMAGE:-} ]]; then
		why_not="what an image's guest has written would be gone with the QEMU that saved it"
	elif [[ $what == freeze ]] || hold_begin; then
		"hold_$what" "$seconds" || {
			held=''
			[[ -z $lost ]] || verdict="SETUP the guest was held up and could not go on: $why_not"
		}
	fi
	[[ -z $interrupted ]] || return 0
	[[ $what == time ]] || journal "> held $what ${seconds:-}: ${held:-no, $why_not}"
	answer "host ${held:-no $why_not}"
	uptime
	# It is no time of the guest's.
	((program_deadline == 0)) || program_deadline=$((program_deadline + now - begun))
}
