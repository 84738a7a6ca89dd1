# SPDX-License-Identifier: GPL-2.0-only
# matrix.tsv (docs/matrix.md) -> Markdown: what is not green first, with its reason, then all. Neither times nor machines: the same
# verdicts make the same page.

BEGIN { FS = "\t" }

function span(text) {
	gsub(/[^ -~]/, "?", text)
	gsub(/`/, "'", text)
	gsub(/\|/, "/", text)
	return text == "-" || text == "" ? "" : "`" text "`"
}

function base(path) {
	sub(/.*\//, "", path)
	return path
}

{
	count[$6]++
	row[NR] = "| [" $1 "](" $1 "/run/report.html) | " span(base($2)) " | " span(base($3)) " | " span(base($4)) " | " ($5 == "-" ? "" : $5) " | " $7 " | " \
		($8 == "-" ? "" : $8) " |"
	if ($6 != 0)
		reason[++reasons] = "- **" $7 "** " span($1) ": " span(substr($12, 1, 300))
}

END {
	print "# " (count[1] ? "DOES NOT CONFORM" : count[2] ? "COULD NOT BE JUDGED" : "CONFORMS")
	printf "\n**%d combinations: %d conform, %d do not, %d could not be judged**\n", NR, count[0], count[1], count[2]
	if (reasons)
		print ""
	for (i = 1; i <= reasons; i++)
		print reason[i]
	print "\n| combination | guest | kernel | image | CPUs | verdict | passed, as expected failed, failed, skipped |\n|---|---|---|---|---:|---|---|"
	for (i = 1; i <= NR; i++)
		print row[i]
}
