# SPDX-License-Identifier: GPL-2.0-only
# matrix.tsv (docs/matrix.md) -> the index page. After markup.awk and page.awk. -v css=FILE

BEGIN { FS = "\t" }

function base(path) {
	sub(/.*\//, "", path)
	return path == "-" ? "" : path
}

{
	count[$6]++
	row[NR] = $0
}

# The rows whose exit code is among these.
function table(caption, codes,    i, f, c, cell) {
	stack_begin(caption, "combination|verdict|why|cases|system|took|reports")
	for (i = 1; i <= NR; i++) {
		split(row[i], f, "\t")
		if (!index(codes, f[6]))
			continue
		cell[1] = "<code>" xml(f[1]) "</code>"
		cell[2] = "<strong class=\"" class_of_code(f[6]) "\">" xml(f[7]) "</strong>"
		cell[3] = xml(short(f[12], 300))
		split(f[8], c, " ")
		cell[4] = f[8] == "-" ? "" : c[1] + c[2] " passed (" c[2] " failed as expected), " c[3] " failed, " c[4] " skipped"
		cell[5] = f[11] == "-" ? "" : xml(f[11])
		cell[6] = f[10] > 0 ? sprintf("%.0f s on %s", f[10], f[9] == ":" ? "this machine" : xml(f[9])) : ""
		cell[7] = f[8] == "-" ? "" : "<a href=\"" xml(f[1]) "/run/report.html\">page</a>, <a href=\"" xml(f[1]) "/run/report.ktap\">KTAP</a>, "
		cell[7] = cell[7] (f[9] == "-" ? "" : "<a href=\"" xml(f[1]) "/gate.log\">log</a>")
		stack_row(cell)
	}
	stack_end()
}

END {
	page_begin("tickproof: matrix of " NR)
	print "<header><h1>tickproof: " NR " combinations</h1></header><main>"
	code = count[1] ? 1 : count[2] ? 2 : 0
	print "<section class=\"verdict " class_of_code(code) "\" aria-label=\"Verdict\"><p class=\"words\">" \
		(code == 1 ? "DOES NOT CONFORM" : code ? "COULD NOT BE JUDGED" : "CONFORMS") "</p>"
	printf "<p id=\"counts\">%d conform, %d do not, %d could not be judged.</p></section>\n", count[0], count[1], count[2]
	if (code) {
		print "<section aria-labelledby=\"bad\"><h2 id=\"bad\">Not green</h2>"
		table(count[1] + count[2] " of them", "12")
		print "</section>"
	}
	print "<section aria-labelledby=\"all\"><h2 id=\"all\">All</h2>"
	table("in the order of the plan", "012")
	print "</section>"
	page_end()
}
