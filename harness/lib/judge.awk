# SPDX-License-Identifier: GPL-2.0-only
# What a journal proves. awk -v today=YYYY-MM-DD [-v sum="CRC BYTES"] -f least_delay.awk -f stamps.awk -f judge.awk EXPECTED JOURNAL -> records,
# tab-separated; sum is what cksum says of the journal without its last line:
#   gate KEY VALUE                                          what the gate was asked to judge
#   phase NAME SECONDS                                      prepare, boot, tests
#   fact NAME VALUE PROGRAM       metric ID NAME VALUE UNIT        as the guest gave them
#   diag PROGRAM TEXT                                       in their order among the cases
#   case PROGRAM ID OUTCOME STATUS SECONDS MESSAGE REASON   STATUS: pass, skip, fail, xfail (fail, but expected)
#   program NAME STATUS SECONDS
#   count PASS XFAIL FAIL SKIP      verdict EXIT-CODE WORDS SENTENCE
# Cases that are the harness's own: PROGRAM.host, the clock of a program that says "# stamp RAW MONOTONIC" against ours;
# PROGRAM.end, a program that ended in no case of its own; PROGRAM.rest, what was not reached behind an expected end;
# expected.entryN, protocol.errorN, journal.errorN.
#
# The guest is not trusted: a result counts only inside the program that the host let run, for a case that was begun
# and has no result yet, with the next number of the plan. What breaks a rule is not counted but named, and the gate
# can't be green. Nor is the journal: it has every line, in the order of its numbers, and its end; each program that the host
# let run has exited or was ended. Else nothing is proved either way.

BEGIN {
	FS = "\n"
	OFS = "\t"
	expected_file = ARGV[1]
	# What is beyond these says nothing new.
	MAX_ERRORS = 50
	MAX_FACTS = 5000
	MAX_VALUE = 500
	boot_now = "0"
}

function id_ok(id) { return length(id) <= 200 && id ~ /^[a-z0-9_]+\.[a-z0-9_]+\.[a-z0-9_]+(\.cpu[0-9]+)?$/ }
function ours(id) { return id_ok(id) && cur != "" && index(id, cur ".") == 1 }
function reserved(id) { return id == cur ".host" || id == cur ".end" || id == cur ".rest" }

function glob(pattern) {
	gsub(/\./, "[.]", pattern)
	gsub(/\*/, ".*", pattern)
	gsub(/\?/, ".", pattern)
	return "^" pattern "$"
}

# Can the pattern name anything that begins with this?
function names_some(pattern, prefix,    c) {
	c = substr(pattern, 1, 1)
	if (prefix == "" || c == "")
		return prefix == "" && c != ""
	if (c == "*")
		return names_some(substr(pattern, 2), prefix) || names_some(pattern, substr(prefix, 2))
	return (c == "?" || c == substr(prefix, 1, 1)) && names_some(substr(pattern, 2), substr(prefix, 2))
}

# What the guest did against the rules, and where to read it.
function broken(why) {
	if (++protocols <= MAX_ERRORS)
		protocol[protocols] = why " (journal.log line " FNR ")"
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

function add_case(program, id, outcome, message, seconds) {
	add_event(program, "case")
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
		return broken("a result outside any program: " substr(id, 1, 100))
	if (!id_ok(id))
		return broken("a result without a proper id in " cur)
	if (!ours(id))
		return broken("a result of another program in " cur ": " id)
	if (!(id in begun))
		return broken("a result before its case began: " id)
	if (id in result)
		return broken("a second result for " id)
	if (plan == "" || number !~ /^[0-9]+$/ || number + 0 != results + 1 || number + 0 > plan)
		return broken("result " substr(number, 1, 20) " of " id " is not number " results + 1 " of a plan of " (plan == "" ? "none" : plan))
	results++
	outcome = ok ? "PASS" : "FAIL"
	if (ok && message ~ /^XFAIL/) {
		# The program says that the kernel is known for it: a guest's word, which excuses nothing by itself.
		outcome = "FAIL"
		known++
		sub(/^XFAIL:? */, "", message)
	} else if (ok && message ~ /^SKIP/) {
		outcome = "SKIP"
		sub(/^SKIP:? */, "", message)
	} else if (!ok && message ~ /^DEAD/) {
		outcome = "DEAD"
		sub(/^DEAD:? */, "", message)
		death_told(id)
		died++
	}
	good += outcome == "PASS"
	bad += !ok
	result[id] = 1
	if (open == id)
		open = ""
	add_case(cur, id, outcome, message, stamp - begun[id])
}

# fact NAME=VALUE: each program's are its own
function a_fact(text,    at, name, key) {
	at = index(text, "=")
	name = substr(text, 1, at - 1)
	if (name !~ /^[A-Za-z0-9_.-]+$/ || length(name) > 100)
		return broken("a fact without a name in " cur)
	key = name OFS cur
	if (!(key in fact)) {
		if (facts >= MAX_FACTS)
			return
		fact_key[++facts] = key
		fact_name[facts] = name
		fact_program[facts] = cur
	}
	fact[key] = substr(text, at + 1, MAX_VALUE)
}

# metric ID NAME=VALUE UNIT
function a_metric(text,    n, word, at, value) {
	n = split(text, word, " ")
	if (n < 2 || n > 3)
		return broken("a metric that can't be read in " cur)
	at = index(word[2], "=")
	value = substr(word[2], at + 1)
	if (!ours(word[1]) || at < 2 || length(word[2]) > 100 || value !~ /^[-+]?[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?$/)
		return broken("a metric that can't be read in " cur)
	metric[++metrics] = word[1] OFS substr(word[2], 1, at - 1) OFS value OFS (n < 3 ? "" : word[3])
}

function a_begin(id) {
	if (!ours(id) || id in result || reserved(id))
		return broken("BEGIN " substr(id, 1, 100) " in " cur)
	if (!(id in begun))
		begin_id[++begins] = id
	open = id
	begun[id] = stamp
}

function a_death(words) {
	death[++deaths] = words ~ /^ *$/ ? "DEAD, and not of what" : words
	death_case[deaths] = open
	death_cpu[deaths] = match(words, /cpu=[0-9]+/) ? substr(words, RSTART + 4, RLENGTH - 4) : ""
	if (death_cpu[deaths] != "")
		add_diag(cur, "DEAD " words)
}

function a_plan(line) {
	if (plan != "")
		return broken("a second plan in " cur)
	if (line !~ /^1\.\.[0-9][0-9]?[0-9]?[0-9]?[0-9]?( |$)/)
		return broken("a plan of too many in " cur)
	plan = substr(line, 4) + 0
	if (plan == 0) {
		sub(/^1\.\.0 *(# SKIP:? *)?/, "", line)
		add_case(cur, cur, "SKIP", line, 0)
	}
}

function a_run(program) {
	if (cur != "" || program != asked || ran[program]++)
		return broken("RUN " substr(program, 1, 100) ", but the host let " (asked == "" ? "nothing" : asked) " run")
	cur = asked
	plan = open = ""
	results = good = bad = known = begins = deaths = died = stamps = 0
}

function an_exit(program, code, repeated) {
	if (cur == "" || program != cur || code !~ /^[0-9]+$/ || length(code) > 3 || repeated != token)
		return broken("EXIT " substr(program, 1, 100) (program == cur ? " without the host's token" : \
			", but " (cur == "" ? "nothing" : cur) " runs"))
	exited(code + 0)
}

# A line of the guest.
function guest(line,    word, n) {
	if (deaf)
		return
	n = split(line, word, " ")
	# What isn't there is empty, and not only unset: gawk tells the two apart.
	for (; n < 5; n++)
		word[n + 1] = ""
	if (line == "# guest ready") {
		if (ready)
			broken("the guest became ready twice in one boot")
		ready = 1
	} else if (!ready) {
		# Whatever firmware and kernel say, but no results.
		if (line ~ /^(not )?ok [0-9]/ || line ~ /^# (RUN|BEGIN|EXIT|DEAD|fact|metric) /)
			broken("a line of a test before the guest was ready")
	} else if (line ~ /^# RUN /) {
		a_run(word[3])
	} else if (line ~ /^# EXIT /) {
		an_exit(word[3], word[4], word[5])
	} else if (line == "# guest done") {
		if (cur != "" || asked != "")
			broken("the guest is done, but " asked " has not exited")
		else
			ended = 1
	} else if (line ~ /^(not )?ok([^A-Za-z0-9_]|$)/) {
		a_result(line)
	} else if (cur == "") {
		if (line ~ /^1\.\.[0-9]/ || line ~ /^# (BEGIN|DEAD|fact|metric) /)
			broken("a line of a test outside any program")
	} else if (line ~ /^1\.\.[0-9]+ *$/ || line ~ /^1\.\.0 +# SKIP/) {
		a_plan(line)
	} else if (line ~ /^# BEGIN /) {
		a_begin(word[3])
	} else if (line ~ /^# DEAD /) {
		a_death(substr(line, 8))
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
	before_facts = facts
	asked_at = stamp
	tried[asked] = 1
}

# An event of the host.
function host(line,    word, n, rest) {
	n = split(line, word, " ")
	for (; n < 3; n++)
		word[n + 1] = ""
	rest = substr(line, length(word[1]) + 2)
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
	} else if (word[1] == "console" || word[1] == "appliance") {
		add_diag(last_asked == "" ? planned[1] : last_asked, word[1] ": " rest)
	} else if (word[1] == "interrupted") {
		ended = 1
		interrupted = rest
		if (interrupted_in == "")
			interrupted_in = open != "" ? open : asked
		interrupted_programs[asked] = 1
		settle_deaths()
		program_over()
	} else if (word[1] == "off") {
		off[boot] = 1
		off_at[boot] = stamp
	} else
		damaged("no event of ours: " word[1])
}

# No control byte, and no tab, comes from here into a record.
{
	bytes += length($0) + 1
	gsub(/\t/, " ")
	gsub(/[^ -~]/, "?")
}

FILENAME == expected_file {
	bytes = 0
	if ($0 !~ /^ *(#|$)/) {
		split($0, word, / +/)
		want_id[++wants] = word[1]
		want_pattern[wants] = glob(word[1])
		want_outcome[wants] = word[2]
		want_expires[wants] = substr(word[3], 9)
		want_reason[wants] = $0
		sub(/^[^ ]+ +[^ ]+ +[^ ]+ +/, "", want_reason[wants])
		if (word[4] ~ /^kernels=/) {
			want_kernels[wants] = substr(word[4], 9)
			sub(/^[^ ]+ +/, "", want_reason[wants])
		}
	}
	next
}

the_end != "" { damaged("a line after the end") }

!match($0, /^[0-9]+\.[0-9]+ [0-9]+\.[0-9]+ [0-9]+ [0-9]+ [<>] /) {
	damaged("a line without stamps")
	next
}

{
	text = substr($0, RLENGTH + 1)
	split($0, head, " ")
	boot = head[3]
	if (head[4] != lines[boot] + 1)
		damaged("line " head[4] " of boot " boot " comes after its line " lines[boot] + 0)
	lines[boot] = head[4] + 0
	stamp = host_time(head[1], head[2])
	if (!seen++)
		first = stamp
	if (head[5] == ">" && text ~ /^end( |$)/)
		bytes_before = bytes - length($0) - 1
	else if (boot != boot_now && !(head[5] == ">" && text ~ /^boot /))
		damaged("a line of boot " boot " in boot " boot_now)
	if (head[5] == ">")
		host(text)
	else if (boot_now == "0" || boot_now in off)
		damaged("a line of the guest without a boot")
	else
		guest(text)
}

# Was an expectation's program run to an end that is its own? 2: there is no such program.
function demanded(w,    k, p, known) {
	for (k = 1; k <= plans; k++)
		if (names_some(want_id[w], planned[k] ".")) {
			known = 1
			if (planned[k] in tried && !(planned[k] in interrupted_programs))
				return 1
		}
	for (p in left_out)
		if (names_some(want_id[w], p "."))
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

# Excuses events from first on that were expected: exactly what an expectation names.
function excuse(first,    w, e) {
	for (e = first; e <= events; e++)
		if (event[e] == "case" && status[e] == "fail")
			for (w = 1; w <= wants; w++)
				if (valid[w] && case_outcome[e] == want_outcome[w] && case_id[e] ~ want_pattern[w]) {
					hit[w] = 1
					if (want_expires[w] >= today) {
						status[e] = "xfail"
						reason[e] = want_reason[w]
					}
				}
}

# Excuses what was expected, but not what it kept from running; what was expected in vain is a failure.
function expectations(    w, e, k, about, unexcused) {
	for (w = 1; w <= wants; w++)
		valid[w] = holds(w)
	excuse(1)
	for (e = 1; e <= events; e++)
		if (event[e] == "case" && status[e] == "fail")
			unexcused[event_program[e]] = 1
	e = events
	for (k = 1; k <= plans; k++)
		if (planned[k] in not_reached && !(planned[k] in unexcused) && !(planned[k] in interrupted_programs))
			add_case(planned[k], planned[k] ".rest", "ERROR", not_reached[planned[k]] \
				" cases were not reached behind what was expected", 0)
	excuse(e + 1)
	for (w = 1; w <= wants; w++) {
		about = demanded(w)
		if (about == 2)
			vain("the expected " want_outcome[w] " of " want_id[w] " names no test")
		else if (!valid[w])
			continue
		else if (about && want_expires[w] < today)
			vain("the expected " want_outcome[w] " of " want_id[w] " expired on " want_expires[w])
		else if (about && !hit[w])
			vain("the expected " want_outcome[w] " of " want_id[w] " did not happen")
	}
}

function vain(why) {
	add_case("expected", "expected.entry" ++vains, "UNMET", why, 0)
}

# The cases of a pseudo-program for errors of one kind.
function errors(program, error, n,    k) {
	for (k = 1; k <= n && k <= MAX_ERRORS; k++)
		add_case(program, program ".error" k, "PROTOCOL", error[k], 0)
	if (n > MAX_ERRORS)
		add_case(program, program ".error" k, "PROTOCOL", "and " n - MAX_ERRORS " more", 0)
}

function and_more(n) { return n > 1 ? " and " n - 1 " more" : "" }

# The failure that matters most: the first of the worst kind.
function worst(    kinds, n, k, e, more) {
	n = split("DEAD PANIC HANG RESET FLOOD ERROR FAIL UNMET UNRUN", kinds, " ")
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
	print "verdict", code, (code == 0 ? "CONFORMS" : code == 1 ? "DOES NOT CONFORM" : "COULD NOT BE JUDGED"), substr(sentence, 1, 1000)
}

# The wall time before the first boot, in which programs ran in some boot, and the rest; boots may go side by side.
function phases(    k, n, i, from, until, start, end, sum, begin, over) {
	for (k = 1; k <= boots; k++) {
		begin = k == 1 || boot_at[boot_of[k]] < begin ? boot_at[boot_of[k]] : begin
		if (!(boot_of[k] in off_at))
			continue
		over = off_at[boot_of[k]] > over ? off_at[boot_of[k]] : over
		if (!(boot_of[k] in ready_at))
			continue
		# Sorted by when they began.
		for (i = ++n; i > 1 && from[i - 1] > ready_at[boot_of[k]]; i--) {
			from[i] = from[i - 1]
			until[i] = until[i - 1]
		}
		from[i] = ready_at[boot_of[k]]
		until[i] = off_at[boot_of[k]]
	}
	for (i = 1; i <= n; i++) {
		start = i == 1 || from[i] > end ? from[i] : end
		end = i == 1 || until[i] > end ? until[i] : end
		sum += end > start ? end - start : 0
	}
	print "phase", "prepare", sprintf("%.3f", boots ? begin - first : 0)
	print "phase", "boot", sprintf("%.3f", over > begin ? over - begin - sum : 0)
	print "phase", "tests", sprintf("%.3f", sum)
}

# Each program's events in their order, then its status.
function programs(    k, e, p, s, first_event, last_event, next_event) {
	for (e = 1; e <= events; e++) {
		p = event_program[e]
		if (p in last_event)
			next_event[last_event[p]] = e
		else
			first_event[p] = e
		last_event[p] = e
	}
	planned[++plans] = "expected"
	planned[++plans] = "protocol"
	planned[++plans] = "journal"
	for (k = 1; k <= plans; k++) {
		p = planned[k]
		if (!(p in worst_of) && !(p in tried))
			continue
		for (e = first_event[p]; e; e = next_event[e])
			if (event[e] == "diag")
				print "diag", p, diag[e]
			else
				print "case", p, case_id[e], case_outcome[e], status[e], sprintf("%.3f", case_seconds[e]), \
					case_message[e], reason[e]
		s = worst_of[p]
		print "program", p, (s == "fail" || s == "skip" ? s : s == "" ? "none" : "pass"), sprintf("%.3f", seconds[p])
	}
}

END {
	if (the_end == "")
		damaged("no end")
	else if ((sum != "" && the_end != sum) || the_end !~ /^[0-9]+ [0-9]+$/ || the_end !~ (" " bytes_before "$"))
		damaged("the sum at its end is not that of its lines")
	for (e = 1; e <= plans; e++)
		if (!(planned[e] in tried) && interrupted == "") {
			if (setup != "" || noboot != "") {
				# One reason for all of them is one case, not one for each.
				if (!not_run++)
					add_case(first_not_run = planned[e], planned[e] ".end", "NOBOOT", "not run: " (setup != "" ? setup : noboot), 0)
			} else if (planned[e] in unrun) {
				unruns++
				add_case(planned[e], planned[e] ".end", "UNRUN", "not run: " unrun[planned[e]], 0)
			} else
				add_case(planned[e], planned[e] ".end", "ERROR", "never ran", 0)
		}
	expectations()
	errors("protocol", protocol, protocols)
	errors("journal", damage, damages)

	for (e = 1; e <= events; e++) {
		if (event[e] != "case")
			continue
		p = event_program[e]
		s = status[e]
		n[s]++
		if (s == "fail" && case_outcome[e] !~ /^(NOBOOT|PROTOCOL|UNRUN)$/)
			failed++
		# The host's own pass proves nothing of what the guest skipped.
		if (s == "xfail" || (s == "pass" && case_id[e] != p ".host"))
			proved++
		if (!(p in worst_of) || s == "fail" || (s != "skip" && worst_of[p] == "skip"))
			worst_of[p] = s
		if (s == "skip" && !first_skip)
			first_skip = case_message[e]
	}
	if (not_run > 1)
		add_diag(first_not_run, "nor did " not_run - 1 " more programs")
	for (e = 1; e <= gates; e++)
		print "gate", gate_key[e], gate[gate_key[e]]
	phases()
	for (e = 1; e <= facts; e++)
		print "fact", fact_name[e], fact[fact_key[e]], fact_program[e]
	for (e = 1; e <= metrics; e++)
		print "metric", metric[e]
	programs()
	print "count", n["pass"] + 0, n["xfail"] + 0, n["fail"] + 0, n["skip"] + 0

	if (interrupted != "")
		verdict(interrupted == "INT" ? 130 : 143, "interrupted" (interrupted_in == "" ? " before any test began" : " in " interrupted_in) \
			(failed ? ", after " failed " failed" : "") "; a partial result is in")
	else if (damages)
		verdict(2, "journal.log is not whole, so it proves nothing: " damage[1] and_more(damages) "; run the gate again")
	else if (failed || unruns)
		verdict(1, worst())
	else if (setup != "")
		verdict(2, setup)
	else if (noboot != "")
		verdict(2, "NO BOOT: " noboot)
	else if (protocols)
		verdict(2, "the guest broke the protocol: " protocol[1] and_more(protocols))
	else if (!proved)
		verdict(2, n["skip"] ? "every case was skipped: " first_skip : "no case ran")
	else
		verdict(0, "")
}
