# SPDX-License-Identifier: GPL-2.0-only
# judge.awk's records -> what all reports for people say of a run: gate[], phase[], the counts, the verdict, and a row for each CPU in the
# order in which the kernel let them go. To be read before the report that is made of it.

BEGIN { FS = "\t" }

# "p50 / p99" in ms of what the case of this name measured on this CPU
function wake(name, cpu,    id, p50, p99, form) {
	id = "clockevents.unbind_fallback." name ".cpu" cpu
	if (!((id, "late_p50") in metric))
		return "-"
	p50 = metric[id, "late_p50"] / 1e6
	p99 = metric[id, "late_p99"] / 1e6
	form = p99 < 1 ? "%.2f / %.2f ms" : "%.1f / %.1f ms"
	return sprintf(form, p50, p99)
}

# What stands in column c (2 to 7) of row r of the table by CPU.
function cpu_cell(r, c,    key) {
	key = "cpu" cpu[r] "."
	return c == 2 ? fact[owner, key "device_before"] : c == 3 ? wake("baseline", cpu[r]) : c == 4 ? fact[owner, key "device_after"] : \
		c == 5 ? ((owner, cpu[r]) in waited ? waited[owner, cpu[r]] : wake("alive", cpu[r])) : \
		c == 6 ? fact[owner, key "interrupts"] : fact[owner, key "verdict"]
}

$1 == "gate" { gate[$2] = $3 }
$1 == "phase" { phase[$2] = $3 }
$1 == "fact" {
	fact[$4, $2] = $3
	if ($2 ~ /^cpu[0-9]+\.device_before$/) {
		split(substr($2, 4), part, ".")
		# The rows are of one program: the one that unbinds, or else the first that reports on CPUs.
		if (owner == "" || ($4 == "clockevents.unbind_fallback" && owner != $4)) {
			owner = $4
			rows = 0
		}
		if (owner == $4)
			cpu[++rows] = part[1]
	}
}
$1 == "metric" { metric[$2, $3] = $4 }
$1 == "diag" && $3 ~ /^DEAD / && match($3, /cpu=[0-9]+/) {
	n = substr($3, RSTART + 4, RLENGTH - 4)
	waited[$2, n] = match($3, /[0-9.]+ s past/) ? "none in " substr($3, RSTART, RLENGTH - 5) : "none"
}
$1 == "count" { passed = $2; xfailed = $3; failed = $4; skipped = $5 }
$1 == "verdict" { code = $2; words = $3; sentence = $4 }
