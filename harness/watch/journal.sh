# shellcheck shell=bash disable=SC2154,SC2034  # what one part sets, another reads
# SPDX-License-Identifier: GPL-2.0-only
# The journal that judging reads (docs/journal.md), and the time by which everything here goes. Part of supervise.sh.

# journal TEXT... : a stamped and numbered line in journal.log; nothing in TEXT can begin another one. A line that is lost ends the run.
journal() {
	local up text=$*
	read -r up _ </proc/uptime
	{ printf '%s %s %d %d %s\n' "$EPOCHREALTIME" "$up" "$boots" "$((++journal_lines))" "${text//[^[:print:]]/?}" >>"$RUN/journal$lane.log"; } 2>/dev/null || {
		journal_lost=$((journal_lost + 1))
		guest_kill
	}
}

# journal_end : the journal's own end, with the sum of all before it
journal_end() { journal "> end $(cksum <"$RUN/journal.log")"; }

# uptime -> $now, in 1/100 s: the host's deadlines must not move when somebody sets its clock. Time in which we did not run (SIGSTOP, a
# suspended or overwhelmed host) is nobody's: by that much the deadlines move. No wait for the guest is longer than a second at once.
uptime() {
	local up gap
	read -r up _ </proc/uptime
	now=${up/./}
	gap=$((now - ${uptime_last:-$now}))
	uptime_last=$now
	((gap >= GAP)) || return 0
	deadline=$((${deadline:-0} + gap)) until=$((${until:-0} + gap))
	((${program_deadline:-0} == 0)) || program_deadline=$((program_deadline + gap))
}

# printable NAME : reduce the variable of that name to what is safe to store and show on one line
printable() {
	local -n text=$1
	text=${text:0:LINE_LIMIT}
	text=${text%$'\r'}
	text=${text//[$'\t\r']/ }
	text=${text//[^[:print:]]/?}
}
