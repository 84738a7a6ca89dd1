# SPDX-License-Identifier: GPL-2.0-only
# The lines of the guest, by the protocol of docs/journal.md. Part of judge.awk.

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

# hist ID NAME UNIT PER BIN:COUNT ...: few bins, in their order
function a_hist(text,    n, word, k, bin, last) {
	n = split(text, word, " ")
	if (n < 5 || n > 4 + MAX_BINS || !ours(word[1]) || word[2] !~ /^[a-z0-9_]+$/ || length(word[2]) > 50 || \
		word[3] !~ /^[A-Za-z%\/]+$/ || length(word[3]) > 20 || word[4] !~ /^[1248]$/)
		return broken("a histogram that can't be read in " cur)
	last = -1
	for (k = 5; k <= n; k++) {
		if (word[k] !~ /^[0-9]+:[1-9][0-9]*$/ || length(word[k]) > 14)
			return broken("a histogram that can't be read in " cur)
		bin = word[k]
		sub(/:.*/, "", bin)
		if (bin + 0 <= last || bin + 0 >= 64 * word[4])
			return broken("a histogram that can't be read in " cur)
		last = bin + 0
	}
	sub(/^[^ ]+ +[^ ]+ +[^ ]+ +[^ ]+ +/, "", text)
	gsub(/ +/, " ", text)
	sub(/ $/, "", text)
	hist[++hists] = word[1] OFS word[2] OFS word[3] OFS word[4] OFS text
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
		else {
			ended = 1
			boot_end[boot] = "done"
		}
	} else if (line ~ /^(not )?ok([^A-Za-z0-9_]|$)/) {
		a_result(line)
	} else if (cur == "") {
		if (line ~ /^1\.\.[0-9]/ || line ~ /^# (BEGIN|DEAD|HOST|fact|metric|hist) /)
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
	} else if (line ~ /^# hist /) {
		a_hist(substr(line, 8))
	} else if (line ~ /^# stamp /) {
		a_stamp(word[3], word[4])
	} else if (line !~ /^(KTAP version|# HOST )/) {
		sub(/^# ?/, "", line)
		add_diag(cur, line)
	}
}
