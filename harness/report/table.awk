# SPDX-License-Identifier: GPL-2.0-only
# judge.awk's records -> what a person sees at the end of a gate; exits by the verdict. After cpus.awk and perf.awk.
# -v now=S -v started=S -v reporting=S (of the host's uptime; none of them: the gate was long ago) -v colour=0|1, and in the environment
# shown=PATH of the results

BEGIN {
	FS = "\t"
	max_shown = 15
	max_rows = 64
	results = ENVIRON["shown"]
	gsub(/[\001-\037\177]/, "?", results)
}

function paint(code, text) { return colour ? "\033[" code "m" text "\033[0m" : text }

function short(text, limit) { return length(text) > limit ? substr(text, 1, limit - 3) "..." : text }

function cell(row, column, text) {
	text = short(text, 48)
	table[row, column] = text
	if (length(text) > width[column])
		width[column] = length(text)
}

# Row r as far as this column, and then last. The CPU's number is the one column set flush right.
function say_row(r, columns, last,    c, line, text) {
	for (c = 1; c < columns; c++) {
		text = sprintf("%" (c == 1 ? "" : "-") width[c] "s", table[r, c])
		line = line (r ? text : paint(2, text)) "  "
	}
	line = line last
	sub(/ +$/, "", line)
	print line
}

function say_table(    r) {
	for (r = 0; r <= rows; r++)
		say_row(r, 7, paint(r == 0 ? 2 : table[r, 7] ~ /^alive/ ? 32 : 31, table[r, 7]))
}

# Where late wake-ups lost their time. Stages that took less than 1 % everywhere are left out.
function say_perf(    n, k, c, column, limit, checked, added) {
	split("", table)
	split("", width)
	limit = perf_rows < max_rows ? perf_rows : max_rows
	cell(0, 1, "cpu"); cell(0, 2, "device"); cell(0, 3, "wake-ups"); cell(0, c = 4, "late p50/p99")
	for (k = 1; k <= perf_stages; k++)
		for (n = 1; n <= limit; n++)
			if (perf_share(n, k) >= 1 && !(k in column))
				cell(0, column[k] = ++c, perf_stage[k])
	for (n = 1; n <= limit; n++) {
		checked += perf_checked[n]
		added += perf_added[n]
		cell(n, 1, perf_cpu[n]); cell(n, 2, perf_device[n]); cell(n, 3, perf_wakes[n]); cell(n, 4, perf_ms(perf_p50[n], perf_p99[n]))
		for (k in column)
			cell(n, column[k], sprintf("%2.0f %% %s", perf_share(n, k), perf_ms(stage_p50[n, k], stage_p99[n, k])))
	}
	if (limit)
		print "where late wake-ups lost their time: each stage's share, and its p50/p99 in ms"
	for (n = 0; n <= limit && limit; n++) {
		if (n && perf_program[n] != perf_program[n - 1])
			print paint(2, perf_program[n])
		say_row(n, c, n ? table[n, c] : paint(2, table[n, c]))
	}
	if (checked)
		printf "of %d wake-ups whose program reported when it was awake, the stages of %d (%.1f %%) add up to that within 5 us\n", checked, added, 100 * added / checked
	if (kvm_rows)
		print "of the interrupts of the guest's timers, by what the hypervisor recorded: p50/p99 in ms"
	for (n = 1; n <= kvm_rows; n++) {
		printf "%*s", width[1], kvm_cpu[n]
		for (k = 1; k <= kvm_parts; k++)
			printf "  %s %s", kvm_part[k], perf_ms(kvm_p50[kvm_cpu[n], kvm_part[k]], kvm_p99[kvm_cpu[n], kvm_part[k]])
		print "  (" kvm_number[kvm_cpu[n]] " interrupts)"
	}
	for (n = 1; n <= perf_notes; n++)
		print paint(33, "NOTE"), short(perf_note[n], 200)
}

# The console's last lines, but for what the verdict says anyway.
function say_console(text,    n, lines, i) {
	n = split(text, lines, "\n")
	for (i = 1; i < n; i++)
		if (index(sentence, lines[i]) == 0)
			print "      " short(lines[i], 160)
}

$1 == "diag" && $3 ~ /^console: / && index(console[$2], substr($3, 10) "\n") == 0 { console[$2] = console[$2] substr($3, 10) "\n" }
$1 == "diag" && $3 ~ /^booted again: / { again[++agains] = $2 ": " $3 }
$1 == "case" && $4 == "UNRUN" { unruns++; unrun = $7; next }
$1 == "case" && $5 == "fail" && ++failures <= max_shown { failure[failures] = $0 }
$1 == "case" && $5 == "xfail" && ++excuses <= max_shown { excused[excuses] = $0 }
$1 == "case" && $5 == "skip" {
	if (!($7 in skips))
		skip_reason[++skip_reasons] = $7
	if (++skips[$7] <= 3)
		skip_ids[$7] = skip_ids[$7] (skip_ids[$7] == "" ? "" : ", ") $3
}

END {
	printf "\n%s  %s  %.0f s (prepare %.0f, boot %.0f, tests %.0f%s)\n", paint(1, gate["guest"]), gate["how"], \
		now == "" ? phase["prepare"] + phase["boot"] + phase["tests"] : now - started, \
		phase["prepare"], phase["boot"], phase["tests"], now == "" ? "" : sprintf(", report %.1f", now - reporting)
	more_rows = rows > max_rows ? rows - max_rows : 0
	rows -= more_rows
	if (rows) {
		cell(0, 1, "cpu"); cell(0, 2, "before"); cell(0, 3, "wake p50/p99"); cell(0, 4, "after unbind")
		cell(0, 5, "wake p50/p99"); cell(0, 6, "interrupts"); cell(0, 7, "verdict")
		for (r = 1; r <= rows; r++) {
			cell(r, 1, cpu[r])
			for (c = 2; c <= 7; c++)
				cell(r, c, cpu_cell(r, c))
		}
		say_table()
		if (more_rows)
			print "... and " more_rows " more CPUs in facts.json"
	}
	say_perf()
	for (i = 1; i <= failures && i <= max_shown; i++) {
		split(failure[i], f, "\t")
		# What kept everything from running is the verdict's to say, once.
		if (f[4] != "NOBOOT" || f[7] !~ /^not run: /)
			printf "%s %s: %s\n", paint(31, f[4] ~ /^(UNMET|PROTOCOL)$/ ? "FAIL" : f[4]), f[3], short(f[7], 300)
		if (f[4] ~ /^(HANG|PANIC|RESET|NOBOOT)$/ && console[f[2]] != "") {
			say_console(console[f[2]])
			console[f[2]] = ""
		}
	}
	if (failures > max_shown)
		print "... and " failures - max_shown " more failures in report.ktap"
	if (unruns)
		printf "%s %d program%s: %s\n", paint(31, "UNRUN"), unruns, unruns == 1 ? "" : "s", short(unrun, 200)
	for (i = 1; i <= excuses && i <= max_shown; i++) {
		split(excused[i], f, "\t")
		printf "%s %s: %s (expected: %s)\n", paint(33, f[4]), f[3], short(f[7], 200), short(f[8], 300)
	}
	if (excuses > max_shown)
		print "... and " excuses - max_shown " more expected failures in report.ktap"
	for (i = 1; i <= agains; i++)
		print paint(33, "NOTE"), short(again[i], 200)
	for (i = 1; i <= skip_reasons && i <= max_shown; i++)
		printf "%s %s: %s\n", paint(33, "SKIP"), (skips[skip_reason[i]] > 3 ? skips[skip_reason[i]] " cases" : \
			skip_ids[skip_reason[i]]), short(skip_reason[i], 200)
	if (skip_reasons > max_shown)
		print "... and skips for " skip_reasons - max_shown " more reasons in report.ktap"
	printf "%d passed%s, %d failed, %d skipped\n", passed + xfailed, \
		xfailed ? " (" xfailed " of them failed as expected)" : "", failed, skipped
	printf "%s%s  %s\n", paint(code == 0 ? 32 : code == 1 ? 31 : 33, words), (sentence == "" ? "" : ": " short(sentence, 400)), results
	exit code
}
