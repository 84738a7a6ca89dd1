# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# What the hypervisor appliance under a nested guest has to say: its console (appliance.log), and its own line to the host, by
# which its heartbeat and clock come, stamped into eyes.log, and a look at KVM when it is asked for one. Only these words, which no
# guest can write, may prove that the emulation was at fault. Needs common.sh, GUEST_DIR, GUEST_NESTED, and supervise.sh's
# printable and uptime. eyes.awk draws the conclusions.

: "${LOOK_WAIT:=5}" # s, for the appliance's answer
STALL=5             # s: a silent guest whose appliance has a CPU that stands still for so long is not waited for any more

# eyes_open : before a boot, the line to the appliance, if there is one. QEMU inherits $eyes_out, so that the reader sees its end;
# guest_start closes it then.
eyes_open() {
	[[ ${GUEST_NESTED:-no} == yes ]] || return 0
	rm -f "$GUEST_DIR"/{eyes,monitor}.*
	mkfifo "$GUEST_DIR"/{eyes,monitor}.{in,out}
	exec {eyes}<>"$GUEST_DIR/eyes.in" {eyes_out}<>"$GUEST_DIR/eyes.out"
	exec {monitor}<>"$GUEST_DIR/monitor.in" {monitor_says}<>"$GUEST_DIR/monitor.out"
	# shellcheck disable=SC2154  # the caller's lock
	eyes_keep <"$GUEST_DIR/eyes.out" >>"$GUEST_DIR/eyes.log" 2>/dev/null {lock}>&- {eyes}>&- {eyes_out}>&- &
	eyes_pid=$!
}

# eyes_keep : stdin with the host's uptime before each line
eyes_keep() {
	local line up
	while IFS= read -r line; do
		read -r up _ </proc/uptime
		printf '%s %s\n' "$up" "$line"
	done
}

# eyes_close : after a boot; what was seen goes to the end of appliance.log
eyes_close() {
	[[ -n ${eyes:-} ]] || return 0
	wait "$eyes_pid" 2>/dev/null || :
	exec {eyes}>&- {monitor}>&- {monitor_says}<&-
	eyes=''
	cat "$GUEST_DIR/eyes.log" >>"$GUEST_DIR/appliance.log"
	[[ ! -e $GUEST_DIR/monitor.log ]] || cat "$GUEST_DIR/monitor.log" >>"$GUEST_DIR/appliance.log"
	rm -f "$GUEST_DIR"/{eyes,monitor}.*
}

# appliance_asked ORDER ANSWER : tell the appliance so, and wait a bounded time until it says that
appliance_asked() {
	local before i
	before=$(grep -c " $2\$" "$GUEST_DIR/eyes.log") || :
	echo "$1" >&"$eyes"
	for ((i = 0; i < LOOK_WAIT * 10; i++)); do
		sleep 0.1
		(($(grep -c " $2\$" "$GUEST_DIR/eyes.log" || :) == before)) || return 0
	done
	return 1
}

# eyes_look : ask the appliance for a look at KVM; or look at what the arm64 monitor has recorded
eyes_look() {
	if [[ -n ${eyes:-} ]]; then
		appliance_asked look 'look end' || :
	else
		monitor_look
	fi
}

# eyes_registers : where the appliance's own CPUs are and what their local APICs wait for, by the monitor of its QEMU, which answers even when
# they don't; to the end of appliance.log
eyes_registers() {
	local line
	[[ -n ${eyes:-} ]] || return 0
	printf '%s\n' 'info registers -a' 'info lapic 0' 'info lapic 1' >&"$monitor"
	while IFS= read -r -t 1 -u "$monitor_says" line; do
		printable line
		echo "monitor $line"
	done >"$GUEST_DIR/monitor.log"
}

# eyes_stalled -> nothing, or a word if a CPU of the appliance stood still for some seconds when it was last heard
eyes_stalled() {
	tail -n 1 "$GUEST_DIR/eyes.log" | awk -v limit="$((STALL * 1000))" '
		$2 == "clock" { for (i = 4; i + 3 <= NF; i += 4) if ($(i + 1) > limit) { print "stalled"; exit } }'
}

# eyes_say [SECONDS] -> eyes.awk's conclusions of all that was seen in the last SECONDS, or since the running case began
eyes_say() {
	local seconds=${1:-0} now since cpu=${dead:-}
	[[ -n ${eyes:-} ]] || {
		monitor_say
		return 0
	}
	uptime
	since=${case_began:-0}
	((seconds == 0)) || since=$((now - seconds * 100))
	awk -v since="${since}e-2" -v now="${now}e-2" -v dead="${cpu#CPU }" -f "$HARNESS/lib/least_delay.awk" -f "$HARNESS/watch/eyes.awk" "$GUEST_DIR/eyes.log"
}

# appliance_fault [SECONDS] -> why the appliance, not the guest, is at fault, if its words of that time prove it
appliance_fault() { eyes_say "${1:-0}" | sed -n 's/^fault //p' | sed -n 1p; }

# eyes_words -> how far the timer of each of the guest's CPUs got, of the first four
eyes_words() { eyes_say | sed -n 's/^\(vcpu [0-9]*\) /\1: /p' | sed -n '1,4p' | paste -s -d ';' | sed 's/;/; /g'; }

# eyes_journal : the conclusions of the last look, into the journal
eyes_journal() {
	local line
	while IFS= read -r line; do
		printable line
		journal "> appliance $line"
	done < <(eyes_say)
}

# appliance_text -> what the hypervisor appliance under the guest has said on its console, if there is one
appliance_text() { [[ ! -e $GUEST_DIR/appliance.log ]] || tr -d '\0\r' <"$GUEST_DIR/appliance.log"; }

# appliance_death -> why the hypervisor appliance under the guest died, if it did: not the guest's fault
appliance_death() {
	local why
	why=$(appliance_text | grep -m 1 -oE '(Oops|BUG|Kernel panic).*' | cut -c -200) || :
	printable why
	echo "$why"
}

# triple_fault -> where a CPU of the guest shut down, if the appliance saw one do so
triple_fault() {
	local at
	at=$(appliance_text | sed -n 's/.*appliance: triple fault: \(vcpu [0-9]*\).*\(rip 0x[0-9a-f]*\).*/triple fault: \1, \2/p' | head -n 1) || :
	printable at
	echo "$at"
}
