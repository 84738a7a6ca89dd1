# SPDX-License-Identifier: GPL-2.0-only
# What a journal proves. awk -v today=YYYY-MM-DD -f stamps.awk -f judge.awk EXPECTED JOURNAL -> records, tab-separated:
#   gate KEY VALUE                                          what the gate was asked to judge
#   phase NAME SECONDS                                      prepare, boot, tests
#   fact NAME VALUE        metric ID NAME VALUE UNIT        as the guest gave them
#   diag PROGRAM TEXT                                       in their order among the cases
#   case PROGRAM ID OUTCOME STATUS SECONDS MESSAGE REASON   STATUS: pass, skip, fail, xfail (fail, but expected)
#   program NAME STATUS SECONDS
# A program that says "# stamp RAW MONOTONIC" has one case more, the host's own: PROGRAM.host, its clock against ours.
#   count PASS XFAIL FAIL SKIP      verdict EXIT-CODE WORDS SENTENCE
# The guest is not trusted: a result counts only inside the program that the host let run, for a case that was begun
# and has no result yet, with the next number of the plan. What breaks a rule is not counted but named, and the gate
# can't be green.

BEGIN { FS = "\n"; OFS = "\t"; expected_file = ARGV[1] }

function id_ok(id) { return id ~ /^[a-z0-9_]+\.[a-z0-9_]+\.[a-z0-9_]+(\.cpu[0-9]+)?$/ }
function ours(id) { return id_ok(id) && cur != "" && index(id, cur ".") == 1 }

function glob(pattern) {
	gsub(/\./, "[.]", pattern)
	gsub(/\*/, ".*", pattern)
	gsub(/\?/, ".", pattern)
	return "^" pattern "$"
}

# What the guest did against the rules, and where to read it.
function broken(why) {
	protocol[++protocols] = why " (journal.log line " FNR ")"
}

function add_diag(program, text) { event[++events] = "diag" OFS program OFS text }

function add_case(program, id, outcome, message, seconds) {
	event[++events] = "case"
	case_program[events] = program
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
	} else
		add_case(program, program ".end", outcome, why, 0)
	result[open] = 1
	open = ""
}

# The observer said DEAD, and no result does: the word stands.
function settle_dead() {
	if (dead == "" || deads || cur == "")
		return
	deads = 1
	if (dead_case == open)
		blame(cur, "DEAD", dead)
	else
		add_case(cur, cur ".end", "DEAD", dead, 0)
}

# The program that the host let run is over; what it planned and did not get to is no result.
function program_over(    missed) {
	missed = plan - results - blamed
	if (cur != "" && missed > 0)
		add_diag(cur, missed " of " plan " cases not reached")
	plan = ""
	results = blamed = 0
	if (asked != "")
		seconds[asked] = stamp - asked_at
	cur = asked = open = dead = ""
}

# The emulation failed, not the guest: what it said of the running program in this boot is taken back, for the program runs again.
function take_back(why,    id) {
	if (asked != "") {
		events = before_events
		metrics = before_metrics
		for (id in begun)
			if (index(id, asked ".") == 1) {
				delete begun[id]
				delete result[id]
			}
		delete ran[asked]
		delete tried[asked]
	}
	add_diag(asked != "" ? asked : planned[1], "booted again: " why)
	plan = results = blamed = 0
	program_over()
	deaf = 1
}

# The boot ended in the middle of something: HANG, PANIC, RESET, FLOOD.
function boot_over(outcome, why) {
	if (asked == "")
		asked = last_asked
	tried[asked] = 1
	settle_dead()
	blame(asked, outcome, why)
	program_over()
	deaf = 1
}

function exited(code,    want) {
	settle_dead()
	judge_stamps()
	if (code != 0 && code != 1 && code != 4)
		blame(cur, "ERROR", (plan > results ? "ended" : "exited") " with status " code \
			(code > 128 ? " (signal " code - 128 ")" : ""))
	else if (plan == "")
		blame(cur, "ERROR", "no plan, no results")
	else if (open != "" || plan > results)
		blame(cur, "ERROR", "no result, " plan - results " of " plan " are missing; the program exited with status " code)
	else {
		want = bad ? 1 : good || known ? 0 : 4
		if (code != want)
			broken(cur " exited with status " code ", its results say " want)
	}
	program_over()
}

# ok|not ok NUMBER ID [# MESSAGE]
function a_result(line,    ok, number, id, message, at, outcome) {
	ok = line !~ /^not /
	sub(/^(not )?ok */, "", line)
	number = line
	sub(/ .*/, "", number)
	sub(/^[^ ]* */, "", line)
	at = index(line, " # ")
	message = at ? substr(line, at + 3) : ""
	id = at ? substr(line, 1, at - 1) : line
	if (cur == "")
		return broken("a result outside any program: " id)
	if (!id_ok(id))
		return broken("a result without a proper id in " cur)
	if (!ours(id))
		return broken("a result of another program in " cur ": " id)
	if (!(id in begun))
		return broken("a result before its case began: " id)
	if (id in result)
		return broken("a second result for " id)
	if (plan == "" || number !~ /^[0-9]+$/ || number + 0 != results + 1 || number + 0 > plan)
		return broken("result " number " of " id " is not number " results + 1 " of a plan of " (plan == "" ? "none" : plan))
	results++
	outcome = ok ? "PASS" : "FAIL"
	if (ok && message ~ /^XFAIL/) {
		# The program says that the kernel is known for it: a guest's word, which excuses nothing by itself.
		outcome = "FAIL"
		known++
		sub(/^XFAIL:? */, "", message)
	} else if (message ~ /^SKIP/) {
		outcome = "SKIP"
		sub(/^SKIP:? */, "", message)
	} else if (!ok && message ~ /^DEAD/) {
		outcome = "DEAD"
		sub(/^DEAD:? */, "", message)
	}
	deads += outcome == "DEAD"
	good += outcome == "PASS"
	bad += !ok && outcome != "SKIP"
	result[id] = 1
	if (open == id)
		open = ""
	add_case(cur, id, outcome, message, stamp - begun[id])
}

# fact NAME=VALUE
function a_fact(text,    at, name) {
	at = index(text, "=")
	name = substr(text, 1, at - 1)
	if (name !~ /^[A-Za-z0-9_.-]+$/)
		return broken("a fact without a name in " cur)
	if (!(name in fact))
		fact_name[++facts] = name
	fact[name] = substr(text, at + 1)
}

# metric ID NAME=VALUE UNIT
function a_metric(text,    n, word, at, value) {
	n = split(text, word, " ")
	at = index(word[2], "=")
	value = substr(word[2], at + 1)
	if (n < 2 || n > 3 || !ours(word[1]) || at < 2 || value !~ /^[-+]?[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?$/)
		return broken("a metric that can't be read in " cur)
	metric[++metrics] = word[1] OFS substr(word[2], 1, at - 1) OFS value OFS word[3]
}

function guest(line,    word, n) {
	n = split(line, word, " ")
	if (deaf)
		return
	if (line == "# guest ready") {
		if (ready)
			broken("the guest became ready twice in one boot")
		ready = 1
	} else if (!ready) {
		# Whatever firmware and kernel say, but no results.
		if (line ~ /^(not )?ok [0-9]/ || line ~ /^# (RUN|BEGIN|EXIT|DEAD|fact|metric) /)
			broken("a line of a test before the guest was ready")
	} else if (line ~ /^# RUN /) {
		if (cur != "" || word[3] != asked || ran[word[3]]++)
			return broken("RUN " word[3] ", but the host let " (asked == "" ? "nothing" : asked) " run")
		cur = asked
		plan = open = dead = dead_case = ""
		results = good = bad = known = deads = stamps = 0
	} else if (line ~ /^# EXIT /) {
		if (cur == "" || word[3] != cur || word[4] !~ /^[0-9]+$/ || word[5] != token)
			return broken("EXIT " word[3] (word[3] == cur ? " without the host's token" : ", but " (cur == "" ? "nothing" : cur) " runs"))
		exited(word[4] + 0)
	} else if (line == "# guest done") {
		if (cur != "" || asked != "")
			broken("the guest is done, but " asked " has not exited")
	} else if (line ~ /^(not )?ok([^A-Za-z0-9_]|$)/) {
		a_result(line)
	} else if (cur == "") {
		if (line ~ /^1\.\.[0-9]/ || line ~ /^# (BEGIN|DEAD|fact|metric) /)
			broken("a line of a test outside any program")
	} else if (line ~ /^1\.\.[0-9]+ *$/ || line ~ /^1\.\.0 +# SKIP/) {
		if (plan != "")
			return broken("a second plan in " cur)
		plan = substr(word[1], 4) + 0
		if (plan == 0) {
			sub(/^1\.\.0 *(# SKIP:? *)?/, "", line)
			add_case(cur, cur, "SKIP", line, 0)
		}
	} else if (line ~ /^# BEGIN /) {
		if (!ours(word[3]) || word[3] in result || word[3] == cur ".host")
			return broken("BEGIN " word[3] " in " cur)
		open = word[3]
		begun[open] = stamp
	} else if (line ~ /^# DEAD /) {
		dead = substr(line, 8)
		dead_case = open
		if (dead ~ /cpu=[0-9]/)
			add_diag(cur, "DEAD " dead)
	} else if (line ~ /^# fact /) {
		a_fact(substr(line, 8))
	} else if (line ~ /^# metric /) {
		a_metric(substr(line, 10))
	} else if (line ~ /^# stamp /) {
		a_stamp(word[3], word[4])
	} else if (line !~ /^KTAP version/) {
		sub(/^# ?/, "", line)
		add_diag(cur, line)
	}
}

function host(line,    word, n, rest, key) {
	n = split(line, word, " ")
	rest = substr(line, length(word[1]) + 2)
	if (word[1] == "gate") {
		n = index(rest, "=")
		key = substr(rest, 1, n - 1)
		if (!(key in gate))
			gate_key[++gates] = key
		gate[key] = substr(rest, n + 1)
	} else if (word[1] == "plan") {
		planned[++plans] = rest
	} else if (word[1] == "left-out") {
		left_out[rest] = 1
	} else if (word[1] == "boot") {
		if (!boots++)
			phase_prepare = stamp - first
		mark = stamp
		ready = deaf = 0
	} else if (word[1] == "ready") {
		phase_boot += stamp - mark
		mark = stamp
	} else if (word[1] == "run") {
		asked = last_asked = word[2]
		token = word[3]
		before_events = events
		before_metrics = metrics
		asked_at = stamp
		tried[asked] = 1
	} else if (word[1] ~ /^(HANG|PANIC|RESET|FLOOD)$/) {
		boot_over(word[1], substr(rest, length(word[2]) + 2))
	} else if (word[1] == "again") {
		take_back(rest)
	} else if (word[1] == "NOBOOT") {
		noboot = rest
	} else if (word[1] == "SETUP") {
		setup = rest
		if (asked != "")
			boot_over("NOBOOT", "not judged: " rest)
	} else if (rest == "after DEAD") {
		settle_dead()
		program_over()
	} else if (word[1] == "console" || word[1] == "appliance") {
		add_diag(last_asked == "" ? planned[1] : last_asked, word[1] ": " rest)
	} else if (word[1] == "interrupted") {
		interrupted = rest
		interrupted_in = open != "" ? open : asked
		settle_dead()
		program_over()
	} else if (word[1] == "off") {
		if (ready)
			phase_tests += stamp - mark
		else
			phase_boot += stamp - mark
	}
}

FILENAME == expected_file {
	if ($0 !~ /^[ \t]*(#|$)/) {
		split($0, word, /[ \t]+/)
		want_id[++wants] = word[1]
		want_outcome[wants] = word[2]
		want_expires[wants] = substr(word[3], 9)
		want_reason[wants] = $0
		sub(/^[^ \t]+[ \t]+[^ \t]+[ \t]+[^ \t]+[ \t]+/, "", want_reason[wants])
		if (word[4] ~ /^kernels=/) {
			want_kernels[wants] = substr(word[4], 9)
			sub(/^[^ \t]+[ \t]+/, "", want_reason[wants])
		}
	}
	next
}

{
	match($0, /^[0-9.]+ [0-9.]+ [0-9]+ [0-9]+ [<>] ?/)
	split($0, head, " ")
	stamp = host_time(head[1], head[2])
	if (!first)
		first = stamp
	if (head[5] == "<")
		guest(substr($0, RLENGTH + 1))
	else
		host(substr($0, RLENGTH + 1))
}

# Is this expectation about something that was chosen to run, and did the run get that far?
function demanded(w,    part, n, pattern, p, known) {
	n = split(want_id[w], part, ".")
	pattern = glob(n > 1 ? part[1] "." part[2] : part[1])
	known = 0
	for (p = 1; p <= plans; p++)
		if (planned[p] ~ pattern) {
			known = 1
			if (tried[planned[p]] && interrupted_in != planned[p] && index(interrupted_in, planned[p] ".") != 1)
				return 1
		}
	for (p in left_out)
		if (p ~ pattern)
			known = 1
	return known ? 0 : 2
}

# 6.12.117 as 6012; 0 for what is no version.
function version(release,    part) {
	return split(release, part, ".") > 1 ? part[1] * 1000 + int(part[2]) : 0
}

# Whether the guest's kernel is one that the expectation holds for.
function holds(w,    range, kernel) {
	if (!(w in want_kernels))
		return 1
	split(want_kernels[w], range, "-")
	kernel = version(gate["kernel"])
	return kernel >= version(range[1]) && kernel <= version(range[2])
}

# Excuses what was expected, and turns what was expected in vain into failures.
function expectations(    w, e, about, hit, valid) {
	for (w = 1; w <= wants; w++) {
		hit = 0
		valid = holds(w)
		for (e = 1; e <= events; e++)
			if (event[e] == "case" && valid && case_outcome[e] == want_outcome[w] && case_id[e] ~ glob(want_id[w])) {
				hit = 1
				if (want_expires[w] >= today) {
					status[e] = "xfail"
					reason[e] = want_reason[w]
				}
			}
		about = demanded(w)
		if (about == 2)
			vain("the expected " want_outcome[w] " of " want_id[w] " names no test")
		else if (!valid)
			continue
		else if (about && want_expires[w] < today)
			vain("the expected " want_outcome[w] " of " want_id[w] " expired on " want_expires[w])
		else if (about && !hit)
			vain("the expected " want_outcome[w] " of " want_id[w] " did not happen")
	}
}

function vain(why) {
	add_case("expected", "expected.entry" ++vains, "UNMET", why, 0)
}

# The failure that matters most: the first of the worst kind.
function worst(    kinds, n, k, e, more) {
	n = split("DEAD PANIC HANG RESET FLOOD ERROR FAIL UNMET", kinds, " ")
	for (k = 1; k <= n; k++)
		for (e = 1; e <= events; e++)
			if (event[e] == "case" && status[e] == "fail" && case_outcome[e] == kinds[k]) {
				more = failed > 1 ? " (and " failed - 1 " more)" : ""
				if (kinds[k] == "UNMET")
					return case_message[e] more
				return case_id[e] ": " (kinds[k] == "FAIL" ? "" : kinds[k] ": ") case_message[e] more
			}
}

function verdict(code, sentence) {
	print "verdict", code, code == 0 ? "CONFORMS" : code == 1 ? "DOES NOT CONFORM" : "COULD NOT BE JUDGED", sentence
}

END {
	for (e = 1; e <= plans; e++)
		if (!(planned[e] in tried) && interrupted == "") {
			if (setup != "" || noboot != "") {
				# One reason for all of them is one case, not one for each.
				if (!not_run++)
					add_case(first_not_run = planned[e], planned[e] ".end", "NOBOOT", "not run: " (setup != "" ? setup : noboot), 0)
			} else
				add_case(planned[e], planned[e] ".end", "ERROR", "never ran", 0)
		}
	expectations()
	for (e = 1; e <= protocols; e++)
		add_case("protocol", "protocol.error" e, "PROTOCOL", protocol[e], 0)

	for (e = 1; e <= events; e++) {
		if (event[e] != "case")
			continue
		p = case_program[e]
		s = status[e]
		n[s]++
		if (s == "fail" && case_outcome[e] !~ /^(NOBOOT|PROTOCOL)$/)
			failed++
		if (!(p in worst_of) || s == "fail" || (s != "skip" && worst_of[p] == "skip"))
			worst_of[p] = s
		if (s == "skip" && !first_skip)
			first_skip = case_message[e]
	}
	if (not_run > 1)
		add_diag(first_not_run, "nor did " not_run - 1 " more programs")
	for (e = 1; e <= gates; e++)
		print "gate", gate_key[e], gate[gate_key[e]]
	print "phase", "prepare", sprintf("%.3f", phase_prepare)
	print "phase", "boot", sprintf("%.3f", phase_boot)
	print "phase", "tests", sprintf("%.3f", phase_tests)
	for (e = 1; e <= facts; e++)
		print "fact", fact_name[e], fact[fact_name[e]]
	for (e = 1; e <= metrics; e++)
		print "metric", metric[e]
	planned[++plans] = "expected"
	planned[++plans] = "protocol"
	for (k = 1; k <= plans; k++) {
		p = planned[k]
		if (!(p in worst_of) && (!(p in tried)))
			continue
		for (e = 1; e <= events; e++)
			if (event[e] == "case" && case_program[e] == p)
				print "case", p, case_id[e], case_outcome[e], status[e], sprintf("%.3f", case_seconds[e]), \
					case_message[e], reason[e]
			else if (index(event[e], "diag" OFS p OFS) == 1)
				print event[e]
		s = worst_of[p]
		print "program", p, s == "fail" || s == "skip" ? s : s == "" ? "none" : "pass", sprintf("%.3f", seconds[p])
	}
	print "count", n["pass"] + 0, n["xfail"] + 0, n["fail"] + 0, n["skip"] + 0

	if (interrupted != "")
		verdict(interrupted == "INT" ? 130 : 143, "interrupted" (interrupted_in == "" ? " before any test began" : " in " interrupted_in) \
			(failed ? ", after " failed " failed" : "") "; a partial result is in")
	else if (failed)
		verdict(1, worst())
	else if (setup != "")
		verdict(2, setup)
	else if (noboot != "")
		verdict(2, "NO BOOT: " noboot)
	else if (protocols)
		verdict(2, "the guest broke the protocol: " protocol[1] (protocols > 1 ? " and " protocols - 1 " more" : ""))
	else if (!n["pass"] && !n["xfail"])
		verdict(2, n["skip"] ? "every case was skipped: " first_skip : "no case ran")
	else
		verdict(0, "")
}
