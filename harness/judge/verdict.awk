# SPDX-License-Identifier: GPL-2.0-only
# The verdict, and the records that a report is made of (docs/records.md). Part of judge.awk.

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

# Cases that were skipped for reasons of their own, in skips: after an expected DEAD nothing more is tried in its program, and what is of another machine than
# the profile's has nothing to run. Why most often, in skips_why.
function count_skips(    e, k, n, why, of, over, foreign) {
	n = split(gate["foreign"], foreign, " ")
	for (e = 1; e <= plans; e++)
		for (k = 1; k <= n; k++)
			if (index(planned[e], foreign[k] ".") == 1)
				over[planned[e]]
	for (e = 1; e <= events; e++)
		if (event[e] == "case" && status[e] == "xfail" && case_outcome[e] == "DEAD")
			over[event_program[e]]
	skips = 0
	for (e = 1; e <= events; e++) {
		if (event[e] != "case" || status[e] != "skip" || event_program[e] in over)
			continue
		skips++
		if (++of[why = case_message[e]] > of[skips_why])
			skips_why = why
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

# The boots: when each began, was ready and was gone, in s since the run began, and how it ended.
function boot_records(    k, b) {
	for (k = 1; k <= boots; k++) {
		b = boot_of[k]
		print "boot", b, since_start(boot_at, b), since_start(ready_at, b), since_start(off_at, b), substr(boot_end[b], 1, MAX_VALUE)
	}
}

function since_start(at, b) { return b in at ? sprintf("%.3f", at[b] - first) : "" }

# The lines of the journal that cases point to, in their order.
function line_records(    k) {
	for (k = 1; k <= lines_read; k++)
		if (k in kept_line)
			print "line", k, kept_line[k]
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
					case_message[e], reason[e], expires[e], event_start[e], event_boot[e], event_line[e]
		s = worst_of[p]
		print "program", p, (s == "fail" || s == "skip" ? s : s == "" ? "none" : "pass"), sprintf("%.3f", seconds[p]), ran_at[p], ran_in[p]
	}
}

# The CPU that a case is about, by its id or its words; "" if none. A CPU may die in the case of another, and is named then.
function case_cpu(e) {
	if (match(case_message[e], /^(DEAD: )?cpu=[0-9]+ /))
		return substr(case_message[e], index(case_message[e], "=") + 1) + 0
	if (match(case_id[e], /[.]cpu[0-9]+$/))
		return substr(case_id[e], RSTART + 4) + 0
	return match(case_message[e], /CPU [0-9]+/) ? substr(case_message[e], RSTART + 4, RLENGTH - 4) + 0 : ""
}

# What others recorded of a CPU that is dead, or late: by the hypervisor how far its timer got, by a recording (PERF=) where its wake-ups lost most time.
function witnesses(    e, cpu, key) {
	for (e = 1; e <= events; e++) {
		if (event[e] != "case" || status[e] != "fail" || (cpu = case_cpu(e)) == "")
			continue
		if (case_outcome[e] == "DEAD" && (event_boot[e], cpu) in kvm_said)
			case_message[e] = case_message[e] "; by the hypervisor's record " kvm_said[event_boot[e], cpu]
		key = event_program[e] SUBSEP cpu SUBSEP (case_id[e] ~ /[.]baseline[.]/ ? "before" : "after")
		if (case_outcome[e] == "FAIL" && case_message[e] ~ / late/ && lost_all[key] > 0)
			case_message[e] = case_message[e] "; most of it was lost in \"" lost_most[key] "\" (" sprintf("%.0f", 100 * lost[key, lost_most[key]] / lost_all[key]) " % by its recording)"
	}
}
