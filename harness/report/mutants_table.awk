# SPDX-License-Identifier: GPL-2.0-only
# The table for people from table.tsv: awk -v seconds=N -f mutants_table.awk table.tsv. Exits 1 if a mutant isn't as it should
# be, 2 if one was not judged.

BEGIN { FS = "\t" }

NR == 1 { next }

{
	rows++
	count[$1]++
	for (i = 1; i <= 9; i++)
		cell[rows, i] = $i
	sub(/^[a-z]+[.]/, "", cell[rows, 6])
	width_name = length($2) > width_name ? length($2) : width_name
	width_guest = length($3) > width_guest ? length($3) : width_guest
	width_case = length(cell[rows, 6]) > width_case ? length(cell[rows, 6]) : width_case
}

END {
	layout = "%-11s %-" width_name "s %-" width_guest "s %8s  %-" width_case "s %5s  %s\n"
	printf layout, "", "mutant", "guest", "strikes", "caught by", "s", "in these words"
	for (r = 1; r <= rows; r++)
		printf layout, cell[r, 1], cell[r, 2], cell[r, 3], cell[r, 5], cell[r, 6], cell[r, 7], substr(cell[r, 8], 1, 110)
	for (verdict in count)
		if (verdict !~ /^(caught|masked|quiet|not judged)$/)
			bad += count[verdict]
	printf "%d caught, %d masked by the kernel, %d with no fault quiet, %d not as they should be, %d not judged; %d s\n", \
		count["caught"], count["masked"], count["quiet"], bad, count["not judged"], seconds
	exit bad ? 1 : count["not judged"] ? 2 : 0
}
