# SPDX-License-Identifier: GPL-2.0-only
# table.tsv once more, as the README's table: a line for each kind of fault, whatever its size, a column for each kind of guest,
# and in it how soon each fault was caught.

BEGIN { FS = "\t" }

NR == 1 { next }

{
	guest = $3 ~ /^x86/ ? 1 : $3 ~ /^hyperv/ ? 2 : 3
	kind = $4
	gsub(/ (size|every|period|device)=[^ ]*/, "", kind)
	if (!(kind in seen)) {
		seen[kind] = 1
		kinds[++n] = kind
	}
	outcome = $1 == "caught" ? $7 " s" : $1
	cell[kind, guest] = cell[kind, guest] (cell[kind, guest] == "" ? "" : ", ") outcome
	id = $6
	sub(/[.]cpu[0-9]+$/, "", id)
	if (id != "" && !index(by[kind], "`" id "`"))
		by[kind] = by[kind] (by[kind] == "" ? "" : ", ") "`" id "`"
}

END {
	print "| fault | x86 | Hyper-V | arm64 | caught by |"
	print "|---|---|---|---|---|"
	for (i = 1; i <= n; i++) {
		kind = kinds[i]
		printf "| %s | %s | %s | %s | %s |\n", kind, cell[kind, 1], cell[kind, 2], cell[kind, 3], by[kind]
	}
}
