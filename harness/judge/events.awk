# SPDX-License-Identifier: GPL-2.0-only
# What happened: cases and diagnostics in their order, and how a program or a boot ends. Part of judge.awk.

function id_ok(id) { return length(id) <= 200 && id ~ /^[a-z0-9_]+\.[a-z0-9_]+\.[a-z0-9_]+(\.cpu[0-9]+)?$/ }
function ours(id) { return id_ok(id) && cur != "" && index(id, cur ".") == 1 }
# What the host says of a program, beside its own cases: the guest may not.
function reserved(id) { return id == cur ".host" || id == cur ".end" || id == cur ".rest" || index(id, cur ".hypervisor.cpu") == 1 }

# What the guest did against the rules, and where to read it.
function broken(why) {
	if (++protocols <= MAX_ERRORS) {
		protocol[protocols] = why " (journal.log line " FNR ")"
		keep_line(0)
	}
}

# What no host writes: the journal lost a line, or was changed.
function damaged(why) {
	if (++damages <= MAX_ERRORS)
		damage[damages] = why " (journal.log line " FNR ")"
}

function add_event(program, what) {
	event[++events] = what
	event_program[events] = program
}

function add_diag(program, text) {
	add_event(program, "diag")
	diag[events] = text
}

# Keeps this line of the journal, and some before it, for people who look at what went wrong.
function keep_line(before,    k) {
	for (k = FNR - (kept_lines < MAX_LINES / 2 ? before : 0); k <= FNR && kept_lines < MAX_LINES; k++)
		if (k in last_line && !(k in kept_line)) {
			kept_line[k] = last_line[k]
			kept_lines++
		}
}

# Where the event that was just added is: since the run began, the boot, the line. What came from no line is nowhere.
function locate(seconds, outcome) {
	delete event_start[events]
	delete event_boot[events]
	delete event_line[events]
	if (all_read)
		return
	event_start[events] = sprintf("%.3f", stamp - first - seconds)
	event_boot[events] = boot_now
	event_line[events] = FNR
	if (outcome != "PASS")
		keep_line(outcome == "SKIP" ? 0 : LINES_BEFORE)
}

function add_case(program, id, outcome, message, seconds) {
	add_event(program, "case")
	locate(seconds, outcome)
	case_id[events] = id
	case_outcome[events] = outcome
	case_message[events] = message
	case_seconds[events] = seconds
	status[events] = outcome == "PASS" ? "pass" : outcome == "SKIP" ? "skip" : "fail"
}

# The running case ends in a way it did not report itself.
function blame(program, outcome, why) {
	if (open != "") {
		blamed = 1
		add_case(program, open, outcome, why, stamp - begun[open])
		result[open] = 1
		open = ""
	} else
		add_case(program, program ".end", outcome, why, 0)
}

# A case's result is DEAD: that answers for what was said in it, and for what was said of its CPU.
function death_told(id,    k, kept) {
	for (k = 1; k <= deaths; k++)
		if (death_case[k] != id && !(death_cpu[k] != "" && id ~ "[.]cpu" death_cpu[k] "$")) {
			death[++kept] = death[k]
			death_case[kept] = death_case[k]
			death_cpu[kept] = death_cpu[k]
		}
	deaths = kept + 0
}

# The observer said DEAD, and no result does: the word stands.
function settle_deaths(    k, words, more) {
	for (k = 1; k <= deaths; k++)
		if (open != "" && death_case[k] == open)
			blame(cur, "DEAD", death[k])
		else if (words == "")
			words = death[k]
		else
			more++
	if (words != "")
		add_case(cur, cur ".end", "DEAD", words (more ? " (and " more " more)" : ""), 0)
	died += deaths
	deaths = 0
}

# Cases of the running program that were begun and have no result yet; with why, they are errors.
function unanswered(why,    k, n) {
	for (k = 1; k <= begins; k++)
		if (!(begin_id[k] in result)) {
			n++
			if (why != "")
				add_case(cur, begin_id[k], "ERROR", why, stamp - begun[begin_id[k]])
		}
	return n + 0
}

# The program that the host let run is over; what it planned and did not get to is no result.
function program_over(    missed, n) {
	if (cur != "") {
		missed = plan - results - blamed
		n = unanswered("")
		missed = n > missed ? n : missed
		if (missed > 0) {
			add_diag(cur, missed " of " plan + 0 " cases not reached")
			not_reached[cur] = missed " of " plan + 0
		}
	}
	if (asked != "")
		seconds[asked] = stamp - asked_at
	plan = cur = asked = open = ""
	results = blamed = begins = deaths = died = 0
}

# The emulation failed, not the guest: what it said of the running program in this boot is taken back, for the program runs again.
function take_back(why,    id, program) {
	program = asked
	if (program != "") {
		events = before_events
		metrics = before_metrics
		hists = before_hists
		for (; facts > before_facts; facts--)
			delete fact[fact_key[facts]]
		for (id in begun)
			if (index(id, program ".") == 1) {
				delete begun[id]
				delete result[id]
			}
		delete ran[program]
		delete tried[program]
	}
	cur = ""
	program_over()
	add_diag(program != "" ? program : planned[1], "booted again: " why)
	deaf = 1
}

# The boot ended in the middle of something: HANG, PANIC, RESET, FLOOD.
function boot_over(outcome, why) {
	if (asked == "")
		asked = last_asked
	if (asked == "")
		return damaged(outcome ", and no program ran")
	settle_deaths()
	blame(asked, outcome, why)
	program_over()
	deaf = 1
}

function exited(code,    want, n) {
	settle_deaths()
	judge_stamps()
	if (code != 0 && code != 1 && code != 4)
		blame(cur, "ERROR", (plan > results ? "ended" : "exited") " with status " code \
			(code > 128 ? " (signal " code - 128 ")" : ""))
	else if (plan == "")
		blame(cur, "ERROR", "no plan, no results")
	else if (open != "" || plan > results)
		blame(cur, "ERROR", "no result" (plan > results ? ", " plan - results " of " plan " are missing" : "") \
			"; the program exited with status " code)
	else if (!unanswered("begun, and no result; the program exited with status " code)) {
		want = bad ? 1 : good || known ? 0 : 4
		if (code != want)
			broken(cur " exited with status " code ", its results say " want)
	}
	program_over()
}
