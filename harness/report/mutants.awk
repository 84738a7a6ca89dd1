# SPDX-License-Identifier: GPL-2.0-only
# One mutant's row from the records of its gate (judge.awk):
# awk -v name= -v guest= -v fault= -v want= -v status= -v note= -v strikes= -v complaint= -f mutants.awk records
#   -> verdict name guest fault strikes case seconds words others, tab-separated
# want: patterns of case ids, of which one must have failed (where all were skipped nothing is judged); "nothing": no case
# may; "masked: rule": neither, but the fault must have struck. note: put before the words. seconds: from the start of the case's program to its result.

BEGIN { FS = OFS = "\t"; n = split(want, pattern, " ") }

function matches(id,    i, p) {
	for (i = 1; i <= n; i++) {
		p = pattern[i]
		gsub(/\./, "[.]", p)
		gsub(/\*/, ".*", p)
		gsub(/\?/, ".", p)
		if (id ~ "^" p "$")
			return 1
	}
	return 0
}

# A wish of the list of expected failures that wasn't met is no finding.
$1 == "case" && $2 != "expected" {
	elapsed[$2] += $6
	cases++
	if (matches($3) && $5 != "fail") {
		if ($4 != "SKIP")
			passed++
		else if (skipped == "")
			skipped = $3 ": " $7
	}
	if ($5 == "fail") {
		failed++
		if (first == "")
			first = $3
		if (found == "" && matches($3)) {
			found = $3
			seconds = sprintf("%.1f", elapsed[$2])
			words = ($4 == "FAIL" ? "" : $4 ": ") $7
		} else
			others = others (others == "" ? "" : " ") $3
	}
}

$1 == "verdict" { judged = $2 != 2 }

END {
	struck = strikes > 0
	quiet = want == "nothing" || want ~ /^masked:/
	if (!judged || !cases)
		verdict = "not judged"
	else if (want != "nothing" && !struck)
		verdict = "NO STRIKE"
	else if (quiet && failed)
		verdict = want == "nothing" ? "FALSE ALARM" : "NOT MASKED"
	else if (quiet)
		verdict = want == "nothing" ? "quiet" : "masked"
	else if (found != "")
		verdict = "caught"
	else if (!failed && skipped != "" && !passed)
		verdict = "not judged"
	else
		verdict = failed ? "WRONG CASE" : "MISSED"
	if (verdict == "not judged")
		words = judged && cases ? "SKIP " skipped : complaint
	else if (verdict == "masked")
		words = substr(want, 9)
	else if (verdict == "quiet")
		words = cases " cases, none failed"
	else if (found == "" && failed)
		words = "failed: " first (failed > 1 ? " and " failed - 1 " more" : "")
	else if (verdict == "MISSED")
		words = cases " cases, none failed"
	words = note words
	gsub(/\t/, " ", words)
	sub(/^ +/, "", words)
	print verdict, name, guest, fault, strikes, found, found == "" ? "" : seconds, words, others
}
