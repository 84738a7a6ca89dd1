# SPDX-License-Identifier: GPL-2.0-only
# The failures that were expected, and what they excuse. Part of judge.awk. entry.awk reads a line of their lists.

# A line of a list that entry_read finds nothing wrong with.
function expect(line, file) {
	if (entry_read(line) != "")
		return
	want_id[++wants] = entry["id"]
	want_pattern[wants] = glob(entry["id"])
	want_outcome[wants] = entry["outcome"]
	want_expires[wants] = entry["expires"]
	want_kernel[wants] = entry["kernel"]
	want_arch[wants] = entry["arch"]
	want_seen[wants] = entry["seen"]
	want_reason[wants] = entry["reason"] (entry["link"] == "" ? "" : ", see " entry["link"])
	sub(/.*\//, "", file)
	want_file[wants] = file
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

# Excuses events from first on that were expected: exactly what an expectation names.
function excuse(first,    w, e) {
	for (e = first; e <= events; e++)
		if (event[e] == "case" && status[e] == "fail")
			for (w = 1; w <= wants; w++)
				if (want_elsewhere[w] == "" && case_outcome[e] == want_outcome[w] && case_id[e] ~ want_pattern[w]) {
					hit[w] = 1
					if (want_expires[w] >= today) {
						status[e] = "xfail"
						reason[e] = want_reason[w]
						expires[e] = want_expires[w]
					}
				}
}

# Excuses what was expected, but not what it kept from running; what was expected and did not happen is a failure.
# The kernel and its architecture are those that the host booted: the guest has no say in what excuses it.
function expectations(    w, e, k, about, unexcused, release) {
	release = "kernel_version" in gate ? gate["kernel_version"] : gate["kernel"]
	for (w = 1; w <= wants; w++)
		want_elsewhere[w] = entry_elsewhere(want_kernel[w], want_arch[w], release, gate["arch"])
	excuse(1)
	for (e = 1; e <= events; e++)
		if (event[e] == "case" && status[e] == "fail")
			unexcused[event_program[e]] = 1
	e = events
	for (k = 1; k <= plans; k++)
		if (planned[k] in not_reached && !(planned[k] in unexcused) && !(planned[k] in interrupted_programs))
			add_case(planned[k], planned[k] ".rest", "ERROR", not_reached[planned[k]] \
				" cases were not reached after what was expected", 0)
	excuse(e + 1)
	for (w = 1; w <= wants; w++) {
		about = demanded(w)
		want_state[w] = "met"
		if (about == 2) {
			want_state[w] = "no-test"
			unmet("the expected " want_outcome[w] " of " want_id[w] " names no test")
		} else if (want_elsewhere[w] != "")
			want_state[w] = "elsewhere"
		else if (about && want_expires[w] < today) {
			want_state[w] = "expired"
			unmet("the expected " want_outcome[w] " of " want_id[w] " expired on " want_expires[w])
		} else if (about && !hit[w] && want_seen[w] == "sometimes")
			want_state[w] = "unseen"
		else if (about && !hit[w]) {
			want_state[w] = "unmet"
			unmet("the expected " want_outcome[w] " of " want_id[w] " did not happen")
		} else if (!hit[w])
			want_state[w] = "untried"
	}
}

function unmet(why) {
	add_case("expected", "expected.entry" ++unmets, "UNMET", why, 0)
}

# What became of each expectation (docs/records.md).
function expectation_records(    w) {
	for (w = 1; w <= wants; w++)
		print "expectation", want_file[w], want_id[w], want_outcome[w], want_kernel[w], want_arch[w], want_expires[w], want_state[w], \
			want_elsewhere[w], want_reason[w]
}
