# SPDX-License-Identifier: GPL-2.0-only
# judge.awk's records -> Markdown of at most 60 lines, such as GitHub's step summary shows. After cpus.awk.
# What the guest wrote stands in code spans: Markdown and HTML mean nothing there, nor does @name or #1.

BEGIN { max_cpus = 16; max_failures = 15; max_excuses = 5; max_skips = 5 }

function short(text, limit) { return length(text) > limit ? substr(text, 1, limit - 3) "..." : text }

# A code span that is whole, also in a table.
function code_span(text) {
	gsub(/[^ -~]/, "?", text)
	gsub(/`/, "'", text)
	gsub(/\|/, "/", text)
	sub(/^ +/, "", text)
	sub(/ +$/, "", text)
	return text == "" ? "-" : "`" text "`"
}

$1 == "case" && $5 == "fail" && ++failures <= max_failures {
	failure[failures] = "- **" $4 "** " code_span($3) (($7 == "") ? "" : ": " code_span(short($7, 300)))
}
$1 == "case" && $5 == "xfail" && ++excuses <= max_excuses {
	excuse[excuses] = "- " code_span($3) ", expected until " $9 ": " code_span(short($8, 200))
}
$1 == "case" && $5 == "skip" {
	if (!($7 in skips))
		skip_reason[++skip_reasons] = $7
	skips[$7]++
}

# A heading and its lines, which are n, or the first of them.
function section(heading, text, n, most,    i) {
	if (!n)
		return
	print "\n### " heading "\n"
	for (i = 1; i <= n && i <= most; i++)
		print text[i]
	if (n > most)
		print "- and " n - most " more in report.html"
}

END {
	print "## " (words == "" ? "NO VERDICT" : words) ": " code_span(gate["guest"])
	print ""
	if (sentence != "")
		print code_span(short(sentence, 500)) "\n"
	print code_span(gate["how"]) ", tickproof " code_span(gate["version"]) "\n"
	print "| passed | failed as expected | failed | skipped |\n|---:|---:|---:|---:|"
	print "| " passed + 0 " | " xfailed + 0 " | " failed + 0 " | " skipped + 0 " |"
	if (rows) {
		print "\n| CPU | before | wake p50/p99 | after unbind | wake p50/p99 | interrupts | verdict |\n|---:|---|---|---|---|---|---|"
		for (r = 1; r <= rows && r <= max_cpus; r++) {
			line = "| " cpu[r]
			for (c = 2; c <= 7; c++)
				line = line " | " code_span(short(cpu_cell(r, c), 48))
			print line " |"
		}
		if (rows > max_cpus)
			print "\n" rows - max_cpus " more CPUs are in report.html."
	}
	section("Failed", failure, failures, max_failures)
	section("Failed as expected", excuse, excuses, max_excuses)
	if (skip_reasons) {
		print "\n### Skipped, and why\n"
		for (i = 1; i <= skip_reasons && i <= max_skips; i++)
			print "- " skips[skip_reason[i]] ": " code_span(short(skip_reason[i], 200))
		if (skip_reasons > max_skips)
			print "- and for " skip_reasons - max_skips " more reasons in report.html"
	}
}
