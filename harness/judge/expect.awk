# SPDX-License-Identifier: GPL-2.0-only
# The failures that were expected, and what they excuse. Part of judge.awk.

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

# A line of the list: ID OUTCOME expires=DATE [kernels=A-B] REASON
function expect(line,    word) {
	if (line ~ /^ *(#|$)/)
		return
	split(line, word, / +/)
	want_id[++wants] = word[1]
	want_pattern[wants] = glob(word[1])
	want_outcome[wants] = word[2]
	want_expires[wants] = substr(word[3], 9)
	want_reason[wants] = line
	sub(/^[^ ]+ +[^ ]+ +[^ ]+ +/, "", want_reason[wants])
	if (word[4] ~ /^kernels=/) {
		want_kernels[wants] = substr(word[4], 9)
		sub(/^[^ ]+ +/, "", want_reason[wants])
	}
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
						expires[e] = want_expires[w]
					}
				}
}

# Excuses what was expected, but not what it kept from running; what was expected and did not happen is a failure.
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
				" cases were not reached after what was expected", 0)
	excuse(e + 1)
	for (w = 1; w <= wants; w++) {
		about = demanded(w)
		if (about == 2)
			unmet("the expected " want_outcome[w] " of " want_id[w] " names no test")
		else if (!valid[w])
			continue
		else if (about && want_expires[w] < today)
			unmet("the expected " want_outcome[w] " of " want_id[w] " expired on " want_expires[w])
		else if (about && !hit[w])
			unmet("the expected " want_outcome[w] " of " want_id[w] " did not happen")
	}
}

# What was expected, and what became of it, as records.
function expected_records(    w) {
	for (w = 1; w <= wants; w++)
		print "expected", want_id[w], want_outcome[w], want_expires[w], want_kernels[w], \
			!valid[w] ? "other-kernel" : demanded(w) != 1 && !hit[w] ? "not-run" : want_expires[w] < today ? "expired" : \
			hit[w] ? "happened" : "unmet", want_reason[w]
}

function unmet(why) {
	add_case("expected", "expected.entry" ++unmets, "UNMET", why, 0)
}
