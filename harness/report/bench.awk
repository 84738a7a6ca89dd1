# SPDX-License-Identifier: GPL-2.0-only
# What bench ran -> its table. Input: one file "live.log" (what make run_tests printed, "# metric ID NAME=VALUE UNIT" after
# any number of "# "), the records.tsv of gates, and "peers.tsv" (PROGRAM, STATUS, SECONDS), known by their names.
# -v live=SECONDS -v live_status=CODE -v walls="SECONDS ..." (of the gates, in their order) -v limit=SECONDS (of a peer)

BEGIN { split(walls, wall, " ") }

function row(what, figure, how) { printf "%-38s %10s  %s\n", what, figure, how }

function number(value, form) { return value == "" ? "-" : sprintf(form, value) }

# The ratio a / b, or "-" where either wasn't measured.
function ratio(a, b) { return a > 0 && b > 0 ? sprintf("%.2f", a / b) : "-" }

function of(id, name) { return metric[id, name] }

FILENAME ~ /live\.log$/ && match($0, /# metric [a-z0-9_.]+ [a-z0-9_]+=[-+.e0-9]+ /) {
	split(substr($0, RSTART, RLENGTH), part, /[ =]/)
	metric[part[3], part[4]] = part[5]
}
FILENAME ~ /live\.log$/ && match($0, /Totals: pass:[0-9]+ fail:[0-9]+ xfail:[0-9]+ xpass:[0-9]+ skip:[0-9]+/) {
	split(substr($0, RSTART, RLENGTH), part, /[: ]+/)
	passed += part[3]
	failed += part[5]
	skipped += part[11]
}

FILENAME ~ /records\.tsv$/ {
	FS = "\t"
	split($0, f, "\t")
	if (FNR == 1)
		gates++
	if (f[1] == "gate")
		gate[gates, f[2]] = f[3]
	else if (f[1] == "phase")
		phase[gates, f[2]] = f[3]
	else if (f[1] == "verdict")
		words[gates] = f[3]
	else if (f[1] == "diag" && f[3] ~ /^DEAD / && match(f[3], /[0-9.]+ s past/) && !(gates in dead)) {
		dead[gates] = substr(f[3], RSTART, RLENGTH) + 0
		match(f[3], /cpu=[0-9]+/)
		who[gates] = "CPU " substr(f[3], RSTART + 4, RLENGTH - 4)
	}
}

FILENAME ~ /peers\.tsv$/ {
	split($0, f, "\t")
	peers++
	peer[peers] = f[1]
	peer_status[peers] = f[2]
	peer_seconds[peers] = f[3]
	peers_total += f[3]
}

END {
	id = "counter.cross_cpu.counter"
	row("cross-CPU observations, of what can be", number(of(id, "of_possible"), "%.2f"), \
		sprintf("%s ns an ordered observation; %s ns a bare hand-off of the same CPUs, in turn, and %s ns the ordered reading", \
		number(of(id, "observation_ns"), "%.0f"), number(of(id, "handoff_ns"), "%.0f"), number(of(id, "reading_ns"), "%.0f")))
	id = "counter.cost.reading"
	n = split("monotonic raw realtime boottime tai monotonic_coarse", clock, " ")
	for (i = 1; i <= n; i++) {
		ns = of(id, clock[i])
		row("counter reads per " clock[i], ratio(ns, of(id, "counter")), sprintf("%s million/s, %s ns by the vDSO, %s ns by system call; " \
			"the counter, ordered: %s ns", ns > 0 ? sprintf("%.1f", 1000 / ns) : "-", number(ns, "%.1f"), \
			number(of(id, clock[i] "_syscall"), "%.0f"), number(of(id, "counter"), "%.1f")))
	}
	for (g = 1; g <= gates; g++)
		if (g in dead)
			row("DEAD after the deadline", sprintf("%.2f s", dead[g]), gate[g, "guest"] ", " who[g])
	if (live != "")
		row("safe tests, this machine", sprintf("%.1f s", live), sprintf("%d passed, %d failed, %d skipped%s", passed, failed, \
			skipped, live_status == 0 ? "" : ": exit code " live_status))
	for (g = 1; g <= gates; g++)
		row("gate " gate[g, "guest"], sprintf("%.1f s", wall[g]), sprintf("prepare %.1f, boot %.1f, tests %.1f, report %.1f; %s; %s", \
			phase[g, "prepare"], phase[g, "boot"], phase[g, "tests"], \
			wall[g] - phase[g, "prepare"] - phase[g, "boot"] - phase[g, "tests"], gate[g, "how"], words[g]))
	for (i = 1; i <= peers; i++)
		row("peer " peer[i], sprintf("%.1f s", peer_seconds[i]), peer_status[i] == 124 ? "ended at the limit of " limit " s" : \
			peer_status[i] == 4 ? "skipped" : peer_status[i] == 0 ? "passed" : "exit code " peer_status[i])
	if (peers)
		row("peers, all", sprintf("%.1f s", peers_total), "the kernel's own selftests/timers, those that change nothing")
}
