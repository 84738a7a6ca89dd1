# SPDX-License-Identifier: GPL-2.0-only
# judge.awk's records -> gnuplot's commands for one SVG for each CPU (-v dir=DIR: DIR/CPU.svg): how late its sleeps woke before its
# clockevent was unbound, and after. After bins.awk. Nothing that the guest wrote but numbers gets in here. Prints nothing where there are no histograms.

BEGIN {
	FS = "\t"
	max_plots = 64
	begin_with("clockevents.unbind_fallback.baseline.cpu")
	begin_with("clockevents.unbind_fallback.alive.cpu")
}

function begin_with(prefix) { prefixes[++kinds] = prefix }

# The share of samples up to the end of each bin, by ms: "$name << E" and so on.
function block(name, per, text,    k, sum, total) {
	total = bins_read(text)
	print "$" name " << E"
	if (bins)
		printf "%.6g 0\n", bin_value(bin[1], per, 0) / 1e6
	for (k = 1; k <= bins; k++) {
		sum += count[k]
		printf "%.6g %.4f\n", bin_value(bin[k], per, 1) / 1e6, sum / total
	}
	print "E"
}

$1 == "hist" && $3 == "late" && $4 == "ns" {
	for (k = 1; k <= kinds; k++)
		if (index($2, prefixes[k]) == 1 && (id = substr($2, length(prefixes[k]) + 1)) ~ /^[0-9][0-9]?[0-9]?[0-9]?$/) {
			if (!((id, 1) in per) && !((id, 2) in per) && plots < max_plots)
				cpu[++plots] = id
			per[id, k] = $5
			text[id, k] = $6
		}
}

END {
	if (!plots)
		exit
	print "set logscale x"
	print "set xrange [0.01:*]"
	print "set yrange [0:1.02]"
	print "set ytics ('0' 0, '' 0.25, '50 %%' 0.5, '' 0.75, '100 %%' 1)"
	print "set xtics ('10 us' 0.01, '' 0.1, '1 ms' 1, '' 10, '100 ms' 100, '' 1000, '10 s' 10000)"
	print "set grid lc rgb '#808080' lw 0.5"
	print "set border 3 lc rgb '#808080'"
	print "set tics nomirror textcolor rgb '#808080'"
	print "unset key"
	for (i = 1; i <= plots; i++) {
		id = cpu[i]
		curves = ""
		for (k = 1; k <= kinds; k++)
			if ((id, k) in per) {
				block("p" k, per[id, k], text[id, k])
				curves = curves (curves == "" ? "" : ", ") "$p" k " with steps lw 2 lc rgb '" (k == 1 ? "#1f7fc4" : "#d9720f") "'" \
					(k == 1 ? "" : " dt 2")
			}
		print "set terminal svg size 360,210 dynamic font 'sans-serif,12' name 'cpu" id "'"
		print "set output '" dir "/" id ".svg'"
		print "plot " curves
	}
	print "unset output"
}
