# SPDX-License-Identifier: GPL-2.0-only
# compare.awk's lines -> what a person sees of them: what changed, the worst first. In the environment: from and to, the names of both.

BEGIN {
	FS = "\t"
	max_shown = 40
}

function shown(kind, unit, value) {
	return value == "" ? "-" : (kind == "samples" || kind == "metric") && unit == "ns" ? sprintf("%.3f ms", value / 1e6) : value (unit == "" ? "" : " " unit)
}

NR > 1 { count[$7]++ }

NR > 1 && $7 ~ /^(worse|better|changed)$/ {
	n = ++rows[$7]
	if (n <= max_shown)
		row[$7, n] = sprintf("%-8s %s%s: %s -> %s%s", $7, $2 == "" ? "verdict" : $2, $3 == "" ? "" : " " $3, shown($1, $4, $5), shown($1, $4, $6), \
			$8 == "" || $1 == "verdict" ? "" : " (" ($1 == "samples" ? "10th percentile" : $8) ")")
}

END {
	print ENVIRON["from"] " -> " ENVIRON["to"]
	n = split("worse better changed", name, " ")
	for (k = 1; k <= n; k++) {
		for (i = 1; i <= rows[name[k]] && i <= max_shown; i++)
			print row[name[k], i]
		if (rows[name[k]] > max_shown)
			print "... and " rows[name[k]] - max_shown " more " name[k] " (--tsv has all)"
	}
	printf "%d worse, %d better, %d changed, %d the same, %d untested\n", count["worse"], count["better"], count["changed"], count["same"], count["untested"]
}
