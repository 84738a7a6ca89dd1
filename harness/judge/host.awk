# SPDX-License-Identifier: GPL-2.0-only
# The events of the host, by docs/journal.md: boots, and what it let run in them. Part of judge.awk.

# The boot before this line ended with the guest's "done", or the host says how; and what it let run is over.
function boot_closed() {
	if (boot_now != "0" && (!ended || !off[boot_now] || asked != ""))
		damaged("boot " boot_now " has no end" (asked == "" ? "" : ", nor has " asked))
	cur = asked = ""
}

function a_boot() {
	boot_closed()
	if (boot in boot_at)
		damaged("boot " boot " a second time")
	boot_now = boot
	boot_of[++boots] = boot
	boot_at[boot] = stamp
	ready = host_ready = ended = deaf = 0
	last_asked = ""
}

function host_gate(text,    at, key) {
	at = index(text, "=")
	key = substr(text, 1, at - 1)
	if (!(key in gate))
		gate_key[++gates] = key
	gate[key] = substr(text, at + 1)
}

function host_plan(program) {
	if (boots || program in is_planned || program !~ /^[a-z0-9_]+\.[a-z0-9_]+$/)
		return damaged("plan " program)
	is_planned[program] = 1
	planned[++plans] = program
}

function host_run(program, its_token) {
	if (!host_ready || ended || asked != "" || !(program in is_planned) || program in tried || its_token == "")
		return damaged("run " program)
	asked = last_asked = program
	token = its_token
	before_events = events
	before_metrics = metrics
	before_hists = hists
	before_facts = facts
	asked_at = stamp
	tried[asked] = 1
	ran_at[asked] = sprintf("%.3f", stamp - first)
	ran_in[asked] = boot
}

# Does the hypervisor bear out what a program of the guest recorded of a CPU's timer interrupts? The program's name is the recording's, the guest's word.
function host_witness(program, cpu, outcome, words) {
	if (cpu !~ /^[0-9]+$/ || outcome !~ /^(pass|fail)$/)
		return damaged("perf witness " program)
	if (!(program in tried) || (program, cpu) in witnessed)
		return
	witnessed[program, cpu] = 1
	add_case(program, program ".hypervisor.cpu" cpu, toupper(outcome), words, 0)
}

# In which stage a CPU's wake-ups lost most, on average; slack is what they allowed for.
function lost_in(key, stage, mean) {
	if (stage == "slack")
		return
	lost[key, stage] += mean
	lost_all[key] += mean
	if (!(key in lost_most) || lost[key, stage] > lost[key, lost_most[key]])
		lost_most[key] = stage
}

# What watch/stages.awk and hypervisor.awk say of the recording: the last field, as the device, is the rest of its line.
function host_perf(word, n, rest,    fields, k, text) {
	if (word[2] == "witness")
		return host_witness(word[3], word[4], word[5], substr(rest, length(word[3] word[4] word[5]) + 12))
	fields = word[2] == "wakes" ? 8 : word[2] == "stage" ? 7 : word[2] == "worst" ? 12 : word[2] == "timeline" ? 8 : word[2] == "kvm" ? 4 : 0
	text = word[2]
	if (word[2] !~ /^(wakes|stage|worst|timeline|kvm|note)$/ || n < fields + 3)
		return damaged("perf " rest)
	if (!fields) {
		perf[++perfs] = "note" OFS substr(rest, 6)
		return
	}
	for (k = 3; k <= fields + 2; k++)
		text = text OFS word[k]
	for (; k <= n; k++)
		text = text (k == fields + 3 ? OFS : " ") word[k]
	perf[++perfs] = text
	if (word[2] == "stage")
		lost_in(word[3] SUBSEP word[4] SUBSEP word[5], word[6], word[9])
}

# An event of the host.
function host(line,    word, n, rest) {
	n = split(line, word, " ")
	for (; n < 3; n++)
		word[n + 1] = ""
	rest = substr(line, length(word[1]) + 2)
	if (word[1] ~ /^(HANG|PANIC|RESET|FLOOD|again|NOBOOT|SETUP|interrupted|ended)$/)
		boot_end[boot] = line
	if (word[1] == "gate") {
		host_gate(rest)
	} else if (word[1] == "plan") {
		host_plan(rest)
	} else if (word[1] == "left-out") {
		left_out[rest] = 1
	} else if (word[1] == "boot") {
		a_boot()
	} else if (word[1] == "end") {
		boot_closed()
		the_end = rest
	} else if (word[1] == "interrupted") {
		ended = 1
		interrupted = rest
		if (interrupted_in == "")
			interrupted_in = open != "" ? open : asked
		interrupted_programs[asked] = 1
		settle_deaths()
		program_over()
	} else if (boot_now == "0") {
		damaged(word[1] " before any boot")
	} else if (word[1] == "ready") {
		if (!ready || host_ready)
			damaged("ready")
		host_ready = 1
		ready_at[boot] = stamp
	} else if (word[1] == "run") {
		host_run(word[2], word[3])
	} else if (word[1] ~ /^(HANG|PANIC|RESET|FLOOD)$/) {
		ended = 1
		boot_over(word[1], substr(rest, length(word[2]) + 2))
	} else if (word[1] == "again") {
		ended = 1
		take_back(rest)
	} else if (word[1] == "unrun") {
		ended = 1
		unrun[word[2]] = substr(rest, length(word[2]) + 2)
		if (asked == word[2]) {
			delete tried[asked]
			program_over()
			deaf = 1
		}
	} else if (word[1] == "NOBOOT") {
		ended = 1
		noboot = rest
	} else if (word[1] == "SETUP") {
		ended = 1
		setup = rest
		if (asked != "")
			boot_over("NOBOOT", "not judged: " rest)
	} else if (line == "ended after DEAD") {
		ended = 1
		settle_deaths()
		if (cur != "" && !died)
			damaged(line ", and no line says DEAD")
		program_over()
	} else if (word[1] == "perf") {
		host_perf(word, n, rest)
	} else if (word[1] ~ /^(console|appliance|connection|held)$/) {
		if (word[1] == "appliance" && word[2] == "vcpu")
			kvm_said[boot, word[3]] = substr(rest, length(word[3]) + 7)
		add_diag(last_asked == "" ? planned[1] : last_asked, word[1] ": " rest)
	} else if (word[1] == "off") {
		off[boot] = 1
		off_at[boot] = stamp
	} else
		damaged("no event of ours: " word[1])
}
