# SPDX-License-Identifier: GPL-2.0-only
# What the hypervisor appliance's own words prove: awk -v since=UPTIME -v now=UPTIME [-v dead=CPU] -f least_delay.awk -f eyes.awk EYES.LOG, both in seconds of
# the host's uptime: since the running program began, and until now, and the CPU whose timers have stopped, by the guest's word. Prints, most telling first,
#   fault WHY           the appliance, not the guest, is at fault; nothing here that a guest could bring about by running
#   vcpu N SENTENCE     where the last interrupt of that CPU's timer got to (Hyper-V's, the local APIC's), and, where that is certain, who lost it
# EYES.LOG has the lines of guest/appliance and guest/heart.c, each with the host's uptime in front of it. The last look counts.

# A CPU of the appliance, or one of its timers, that is late by less is what a busy host does. s
BEGIN { LATE = 1; GONE = 5; LOCAL_TIMER_VECTOR = 236 }

# "cpu0 AGE GAP POKES cpu1 ...", ms: the longest time without a beat since the program began
function beats(    i, cpu, gap) {
	last_heard = host
	for (i = 4; i + 3 <= NF; i += 4) {
		cpu = substr($i, 4)
		gap = ($(i + 1) > $(i + 2) ? $(i + 1) : $(i + 2)) / 1000
		if (host >= since && gap > longest[cpu])
			longest[cpu] = gap
	}
}

# The appliance's clock at each of its lines, and the host's
function clock() {
	arrived[++stamps] = host
	appliance_time[stamps] = $3 / 1e9
}

# Is the appliance's clock off against the host's, by more than the stamps' delays explain?
function judge_clock(    pass, i, j, third, slope, doubt, span) {
	if (stamps < 6)
		return
	third = int(stamps / 3)
	for (pass = 1; pass <= 3; pass++) {
		i = least_delay(appliance_time, slope, 1, third)
		doubt = spread
		j = least_delay(appliance_time, slope, stamps - third + 1, stamps)
		span = arrived[j] - arrived[i]
		# uptime has two digits
		doubt += spread + 0.02
		if (span <= 0)
			return
		slope = (appliance_time[j] - appliance_time[i]) / span - 1
	}
	if (slope > 0.01 + doubt / span || slope < -0.01 - doubt / span)
		fault(sprintf("the appliance's clock ran %.2f times as fast as the host's", 1 + slope))
}

function fault(why) { print "fault " why }

# What a look says is of the moment in which it began; ages are in the appliance's own seconds.
function look_begins() {
	split("", at)
	split("", field)
	split("", thread)
	split("", flags)
	split("", pending)
	at_look = $3
	part = ""
	overdue = whose = ""
	complete = 0
}

# "{ vcpu_id: 0, timer_index: 0 }", as hist triggers print it and kvm_eyes does: the key of what follows
function hist_key(line) {
	sub(/.*\{/, "", line)
	sub(/\}.*/, "", line)
	gsub(/[a-z_]+:/, "", line)
	gsub(/ /, "", line)
	key = part OFS line
}

# "max: MICROSECONDS count: 7897"
function hist_value(    i) {
	at[key] = $3 / 1e6
	for (i = 4; i < NF; i += 2)
		field[key, substr($i, 1, length($i) - 1)] = $(i + 1)
}

# " # expires at 54-54 nsecs [in -31000000000 to -31000000000 nsecs]": how long a timer of the appliance should have fired
function expires(    late) {
	if (timer == "apic_timer_fn")
		pending[substr($5, 1, index($5, "-") - 1)]
	sub(/.*\[in /, "")
	late = -$1 / 1e9
	if (late > LATE && late > overdue) {
		overdue = late
		whose = sprintf("CPU %s's timer (%s)", cpu, timer)
	}
}

{
	host = $1
	if ($2 == "clock") {
		beats()
		clock()
	} else if ($2 == "saved") {
		# It stood still, and did not know (watch/snapshot.sh).
		stamps = 0
		split("", longest)
	} else if ($2 == "look" && $3 == "end") {
		complete = 1
		part = ""
	} else if ($2 == "look")
		look_begins()
	else if ($2 == "event")
		part = $3
	else if ($2 == "timers" || $2 == "registers")
		part = $2
	else if ($2 == "vcpu") {
		thread[$3] = $4
		state[$3] = $5
	} else if (part == "timers" && $2 == "cpu:")
		cpu = $3
	else if (part == "timers" && $0 ~ /expires at/)
		expires()
	else if (part == "timers" && $2 ~ /^#[0-9]+:/) {
		timer = $4
		sub(/,$/, "", timer)
	} else if (part == "registers" && match($0, /CPU#[0-9]+/))
		cpu = substr($0, RSTART + 4, RLENGTH - 4)
	else if (part == "registers" && match($0, /RFL=[0-9a-f]+/))
		# bit 9: interrupts on
		flags[cpu] = index("2367abef", substr($0, RSTART + RLENGTH - 3, 1)) ? "on" : "off"
	else if (part ~ /_/ && $2 == "{")
		hist_key($0)
	else if (part ~ /_/ && $2 == "max:")
		hist_value()
}

function ago(t) { return sprintf("%.1f s ago", at_look - t) }

# How far did CPU v's last arming of STIMER0 get?
function stimer(v,    key, config) {
	key = v ",0"
	armed = at["kvm_hv_stimer_start_one_shot" OFS key]
	stopped = at["kvm_hv_stimer_set_count" OFS key]
	config = at["kvm_hv_stimer_set_config" OFS key]
	if (field["kvm_hv_stimer_set_config" OFS key, "config"] % 2 == 0 && config > stopped)
		stopped = config
	due = armed + (field["kvm_hv_stimer_start_one_shot" OFS key, "count"] - \
		field["kvm_hv_stimer_start_one_shot" OFS key, "time_now"]) / 1e7
	expired = at["kvm_hv_stimer_callback" OFS key]
	made = at["kvm_hv_stimer_expiration" OFS key]
	interrupt_of(v, int(field["kvm_hv_stimer_set_config" OFS key, "config"] / 16) % 256)
}

# The same of its local APIC's timer: one of the appliance's timers. That the guest stops it has no event; then it isn't pending any more.
function apic(v,    key, expiry) {
	key = "hrtimer_start" OFS thread[v]
	armed = at[key]
	expiry = field[key, "expires"]
	due = expiry / 1e9
	expired = made = at["hrtimer_expire_entry" OFS field[key, "hrtimer"]]
	interrupt_of(v, LOCAL_TIMER_VECTOR)
	# What is due when it is armed becomes an interrupt without such a timer.
	if (injected > made)
		expired = made = injected
	stopped = armed > made && !(expiry in pending) ? armed : ""
}

function interrupt_of(v, vector) {
	injected = at["kvm_inj_virq" OFS thread[v] "," vector]
	taken = at["kvm_eoi" OFS thread[v] "," vector]
}

BEGIN {
	ASKS_NOT = "it is the guest that asks for no interrupt"
	TAKES_NOT = "the guest does not take it"
	WAKES_NOT = "its interrupts come, and the guest wakes nobody"
	LOST = "the hypervisor lost it"
}

# words, and of a CPU that is dead by the guest's word whose fault it is
function blame(v, words, whose) { return words (dead != "" && v == dead && whose != "" ? ": " whose : "") }

# Where that got lost, in a sentence. certain: whether the appliance is to be blamed for what it lost
function lost_where(v, name, certain,    words) {
	if (stopped != "" && stopped >= armed && stopped > made)
		return blame(v, "the guest stopped its " name " " ago(stopped), ASKS_NOT)
	if (armed == "")
		return blame(v, "its " name " was never armed", ASKS_NOT)
	words = "its " name " was armed " ago(armed)
	if (made < armed && due > at_look)
		return words sprintf(" for %.1f s from now", due - at_look)
	if (made < armed && expired < armed) {
		if (certain && at_look - due > LATE)
			fault("vcpu " v "'s " name " was due " ago(due) " and did not expire in the appliance")
		return blame(v, words ", was due " ago(due) " and did not expire", LOST)
	}
	if (made < armed) {
		if (certain && at_look - expired > LATE)
			fault("vcpu " v "'s " name " expired " ago(expired) ", and KVM has made no interrupt of it")
		return blame(v, words ", expired " ago(expired) " and KVM has not made an interrupt of it", LOST)
	}
	if (injected >= made && taken >= injected && taken > at_look - LATE)
		# What is read later is newer: the guest may have armed it again meanwhile.
		return blame(v, "its " name " works: the guest took its interrupt in the last second", WAKES_NOT)
	words = words ", expired " ago(made)
	if (injected >= made && taken >= injected)
		return blame(v, words ", was injected, and the guest took it " ago(taken) " and has not armed it since", ASKS_NOT)
	if (injected >= made)
		return blame(v, words ", was injected " ago(injected) ", and the guest has not ended the interrupt", TAKES_NOT)
	if (certain && flags[v] == "on" && at_look - made > LATE)
		fault("vcpu " v "'s " name " expired " ago(made) ", the guest has interrupts on, and KVM did not inject it")
	return blame(v, words " and was not injected; the guest has interrupts " (v in flags ? flags[v] : "?"), flags[v] == "off" ? TAKES_NOT : flags[v] == "on" ? LOST : "")
}

# The timer that CPU v has used last.
function timers_of(v,    words, used) {
	stimer(v)
	used = armed > stopped ? armed : stopped
	words = lost_where(v, "Hyper-V timer", 1)
	apic(v)
	if (armed != "" && (used == "" || injected > used || armed > used))
		words = lost_where(v, "local APIC's timer", 0) (used == "" ? "" : "; " words)
	print "vcpu " v " " words
}

END {
	judge_clock()
	if (stamps && now - last_heard > GONE)
		fault(sprintf("the appliance has been silent for %.0f s", now - last_heard))
	for (cpu in longest)
		if (longest[cpu] > LATE)
			fault(sprintf("the appliance's CPU %d stood still for %.1f s", cpu, longest[cpu]))
	if (!complete)
		exit
	if (overdue)
		fault(sprintf("the appliance's %s is %.1f s overdue", whose, overdue))
	for (v in thread) {
		if (state[v] ~ /[TtZXx]/)
			fault("the appliance's thread of vcpu " v " is stopped (state " state[v] ")")
		timers_of(v)
	}
}
