# SPDX-License-Identifier: GPL-2.0-only
# compare.awk's lines -> a page. After markup.awk and page.awk. -v css=FILE; in the environment: from and to, the names of both.

BEGIN { FS = "\t" }

function shown(kind, unit, value) {
	return value == "" ? "-" : (kind == "samples" || kind == "metric") && unit == "ns" ? sprintf("%.3f ms", value / 1e6) : value (unit == "" ? "" : " " unit)
}

NR > 1 {
	count[$7]++
	if ($7 != "same" && $7 != "untested")
		row[$7, ++rows[$7]] = $0
}

# The rows of one judgement.
function section(judgement, title,    i, f, cell) {
	if (!rows[judgement])
		return
	print "<section aria-labelledby=\"" judgement "\"><h2 id=\"" judgement "\">" title "</h2>"
	stack_begin(rows[judgement] " of them", "what|measured|before|after|why")
	for (i = 1; i <= rows[judgement] && i <= 2000; i++) {
		split(row[judgement, i], f, "\t")
		cell[1] = "<code>" xml(f[2] == "" ? "verdict" : f[2]) "</code>"
		cell[2] = xml(f[3])
		cell[3] = xml(shown(f[1], f[4], f[5]))
		cell[4] = xml(shown(f[1], f[4], f[6]))
		cell[5] = xml(f[8])
		stack_row(cell)
	}
	stack_end()
	if (rows[judgement] > 2000)
		print "<p>" rows[judgement] - 2000 " more are in the TSV.</p>"
	print "</section>"
}

END {
	page_begin("tickproof: " ENVIRON["from"] " and " ENVIRON["to"])
	print "<header><h1>tickproof: two runs compared</h1></header><main>"
	print "<section class=\"verdict " (count["worse"] ? "bad" : "good") "\" aria-label=\"Outcome\"><p class=\"words\">" \
		(count["worse"] ? count["worse"] " worse" : "nothing got worse") "</p>"
	printf "<p id=\"counts\">%d worse, %d better, %d changed, %d the same, %d untested.</p></section>\n", count["worse"], count["better"], count["changed"], \
		count["same"], count["untested"]
	print "<p>Before: <code>" xml(ENVIRON["from"]) "</code>. After: <code>" xml(ENVIRON["to"]) "</code>. Of samples the 10th percentile is shown.</p>"
	section("worse", "Worse")
	section("better", "Better")
	section("changed", "Changed")
	page_end()
}
