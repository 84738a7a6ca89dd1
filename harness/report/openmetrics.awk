# SPDX-License-Identifier: GPL-2.0-only
# judge.awk's records -> OpenMetrics, which node_exporter's textfile collector reads as well: gauges only, base units in their names.
# After cpus.awk. What has no unit of time or of ratio is tickproof_measured_items, with its unit as a label.

function label(text) {
	gsub(/[^ -~]/, "?", text)
	gsub(/\\/, "\\\\\\\\", text)
	gsub(/"/, "\\\"", text)
	return text
}

function family(name, unit, help) {
	print "# TYPE " name " gauge"
	if (unit != "")
		print "# UNIT " name " " unit
	print "# HELP " name " " help
}

# Where a value is too large to be written it is infinite.
function value(v) { return v > 1e300 ? "+Inf" : v < -1e300 ? "-Inf" : sprintf("%.9g", v) }

$1 == "start" { started = $2 }
$1 == "gate" && !seen_gate[$2]++ && $2 ~ /^[a-z_][a-z0-9_]*$/ && $2 != "guest" { about = about ",gate_" $2 "=\"" label(substr($3, 1, 300)) "\"" }

$1 == "metric" {
	unit = $5
	scale = unit == "ns" ? 1e-9 : unit == "us" ? 1e-6 : unit == "ms" ? 1e-3 : unit == "s" ? 1 : 0
	kind = "seconds"
	if (!scale) {
		kind = "ratio"
		scale = unit == "ppm" ? 1e-6 : unit == "%" ? 1e-2 : unit == "ratio" || unit == "x" ? 1 : 0
	}
	if (!scale) {
		kind = "items"
		scale = 1
	}
	series = "case=\"" label($2) "\",name=\"" label($3) "\"" (kind == "items" ? ",unit=\"" label(unit) "\"" : "")
	# The last word counts: two of one name are no valid file.
	if (!((kind, series) in at))
		at[kind, series] = ++count[kind]
	named[kind, at[kind, series]] = series
	measured[kind, at[kind, series]] = $4 * scale
}

$1 == "case" && $5 == "fail" && !bad_id[$3]++ { bad[++bads] = "case=\"" label($3) "\",outcome=\"" label($4) "\"" }

function measured_family(kind, unit, help,    i) {
	if (!count[kind])
		return
	family("tickproof_measured_" kind, unit, help)
	for (i = 1; i <= count[kind]; i++)
		print "tickproof_measured_" kind "{guest=\"" guest "\"," named[kind, i] "} " value(measured[kind, i])
}

END {
	guest = label(gate["guest"])
	family("tickproof_run_info", "", "What was judged.")
	print "tickproof_run_info{guest=\"" guest "\"" about "} 1"
	family("tickproof_run_start_timestamp_seconds", "seconds", "When the run began.")
	print "tickproof_run_start_timestamp_seconds{guest=\"" guest "\"} " (started ~ /^[0-9]+(\.[0-9]*)?$/ ? sprintf("%.3f", started) : 0)
	family("tickproof_verdict_exit_code", "", "0 conforms, 1 does not conform, 2 could not be judged, 130 and 143 interrupted.")
	print "tickproof_verdict_exit_code{guest=\"" guest "\",words=\"" label(words) "\"} " code
	family("tickproof_cases", "", "Cases by what became of them; xfail: failed as expected.")
	print "tickproof_cases{guest=\"" guest "\",status=\"pass\"} " passed + 0
	print "tickproof_cases{guest=\"" guest "\",status=\"xfail\"} " xfailed + 0
	print "tickproof_cases{guest=\"" guest "\",status=\"fail\"} " failed + 0
	print "tickproof_cases{guest=\"" guest "\",status=\"skip\"} " skipped + 0
	family("tickproof_phase_seconds", "seconds", "Wall time of the run's parts.")
	n = split("prepare boot tests", name, " ")
	for (i = 1; i <= n; i++)
		print "tickproof_phase_seconds{guest=\"" guest "\",phase=\"" name[i] "\"} " value(phase[name[i]])
	if (bads) {
		family("tickproof_case_failed", "", "1 for each case that failed, and was not expected to.")
		for (i = 1; i <= bads; i++)
			print "tickproof_case_failed{guest=\"" guest "\"," bad[i] "} 1"
	}
	measured_family("seconds", "seconds", "Times that cases measured.")
	measured_family("ratio", "ratio", "Ratios that cases measured.")
	measured_family("items", "items", "What else cases measured, by its unit.")
	print "# EOF"
}
