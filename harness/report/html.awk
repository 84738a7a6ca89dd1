# SPDX-License-Identifier: GPL-2.0-only
# judge.awk's records -> report.html, for people. After cpus.awk, perf.awk, markup.awk and page.awk; perf_html.awk has a section of it. -v css=FILE -v plots=DIR (of plots.awk's SVGs)
# Sizes are bounded: 64 CPUs and 3,000 cases make a page of at most 3 MB.

BEGIN {
	MAX_ROWS = 128
	MAX_FAILURES = 200
	MAX_LINES = 3000
	MAX_SAID = 60
	MAX_CASES = 4000
	MAX_LANES = 24
	MAX_FACTS = 400
	MAX_PAIR_CPUS = 64
}

# "journal.log line N", as a link to that line where it stands on this page.
function journal_link(number) {
	if (number !~ /^[0-9]+$/)
		return ""
	return number in text_of ? "<a href=\"#L" number "\">journal.log line " number "</a>" : "journal.log line " number
}

function console_link(program) { return program in console ? " <a href=\"#console-" number_of[program] "\">console</a>" : "" }

function badge(outcome, status) {
	return "<strong class=\"" (status == "fail" ? "bad" : status == "pass" ? "good" : "warn") "\">" (outcome == "" ? "none" : xml(outcome)) "</strong>"
}

function seconds(s) { return s < 10 ? sprintf("%.2f s", s) : sprintf("%.0f s", s) }

function percent(t) { return sprintf("%.2f", span > 0 ? (t < 0 ? 0 : t > span ? span : t) * 1000 / span : 0) }

$1 == "gate" && !($2 in seen_key) { seen_key[$2] = 1; key[++keys] = $2 }
$1 == "start" { started = $2 }
$1 == "boot" && ++boots <= MAX_LANES {
	boot[boots] = $2; boot_start[boots] = $3; boot_ready[boots] = $4; boot_off[boots] = $5; boot_end[boots] = $6
}
$1 == "boot" { for (k = 3; k <= 5; k++) if ($k + 0 > span) span = $k + 0 }
$1 == "expectation" { expected[++expectations] = $0 }
$1 == "fact" && !(("", $2) in fact_told) && ++facts <= MAX_FACTS { fact_told["", $2] = 1; fact_name[facts] = $2; fact_text[facts] = $3 }
$1 == "line" && ++lines <= MAX_LINES { line_number[lines] = $2; text_of[$2] = $3 }
$1 == "metric" && $3 ~ /^offset_cpu[0-9]+_cpu[0-9]+$/ {
	split($3, part, /_?cpu/)
	if (!($2 in clock_seen)) {
		clock_seen[$2] = 1
		clock[++clocks] = $2
	}
	if (pair_cpus < MAX_PAIR_CPUS || ((part[2] in is_pair_cpu) && (part[3] in is_pair_cpu)))
		for (k = 2; k <= 3; k++)
			if (!(part[k] in is_pair_cpu)) {
				is_pair_cpu[part[k]] = 1
				pair_cpu[++pair_cpus] = part[k]
			}
	offset[$2, part[2], part[3]] = $4
	offset[$2, part[3], part[2]] = -$4
	size = $4 < 0 ? -$4 : $4 + 0
	if (size > worst[$2])
		worst[$2] = size
}
$1 == "diag" && $3 ~ /^console: / { console[$2] = console[$2] xml(short(substr($3, 10), 300)) "\n" }
$1 == "diag" && $3 !~ /^console: / && ++said_lines[$2] <= MAX_SAID { said[$2] = said[$2] xml(short($3, 300)) "\n" }

$1 == "case" {
	cases_of[$2]++
	if (++cases <= MAX_CASES) {
		c_program[cases] = $2
		row[cases] = $0
	}
	if ($5 == "fail")
		failure[++failures] = $0
	else if ($5 == "xfail")
		excuse[++excuses] = $0
	else if ($5 == "skip") {
		if (!($7 in skips))
			skip_reason[++skip_reasons] = $7
		skips[$7]++
		skip_cases[$7] = skip_cases[$7] "<li><code>" xml($3) "</code> <span class=\"dim\">" journal_link($12) "</span></li>\n"
	}
	if ($11 != "" && ($4 ~ /^(DEAD|HANG|PANIC|RESET|FLOOD)$/ || $3 ~ /\.unbind\.cpu[0-9]+$/)) {
		m_kind[++marks] = $4 ~ /^(DEAD|HANG|PANIC|RESET|FLOOD)$/ ? $4 : "unbind"
		m_at[marks] = m_kind[marks] == "unbind" ? $10 : $10 + $6
		m_boot[marks] = $11
		m_id[marks] = $3
	}
}
$1 == "program" {
	number_of[$2] = ++programs
	program[programs] = $2; p_status[programs] = $3; p_seconds[programs] = $4; p_start[programs] = $5; p_boot[programs] = $6
}

function verdict_box(    counts) {
	counts = passed + xfailed " passed" (xfailed ? " (" xfailed " of them failed as expected)" : "") ", " failed + 0 " failed, " skipped + 0 " skipped"
	print "<header><h1>tickproof: " xml(gate["guest"]) "</h1><p class=\"dim\">Do this guest's clocks and timers keep what Linux promises, " \
		"and does it live on when a CPU loses its timer?</p></header>\n<main>"
	print "<section class=\"verdict " class_of_code(code) "\" aria-label=\"Verdict\">"
	print "<p class=\"words\">" xml(words == "" ? "NO VERDICT" : words) "</p>"
	print "<p>" (sentence != "" ? xml(short(sentence, 600)) : "Every case that could run has passed" (xfailed ? ", or failed as expected" : "") ".") "</p>"
	print "<p id=\"counts\">" counts ".</p>\n</section>"
	print "<p class=\"dim\">" (gate["how"] == "" ? "" : xml(gate["how"]) ". ") "Began " iso_time(started) ", took " seconds(phase["prepare"] + phase["boot"] + phase["tests"]) \
		" (prepare " seconds(phase["prepare"] + 0) ", boot " seconds(phase["boot"] + 0) ", tests " seconds(phase["tests"] + 0) \
		")." (gate["version"] == "" ? "" : " tickproof " xml(gate["version"]) ".") "</p>"
}

function navigation(    n, i, id, name) {
	print "<nav aria-label=\"On this page\"><ul>"
	if (failures) print "<li><a href=\"#failed\">Failed (" failures ")</a></li>"
	if (rows) print "<li><a href=\"#cpus\">CPUs</a></li>"
	if (perf_rows || perf_notes) print "<li><a href=\"#perf\">Late wake-ups</a></li>"
	if (boots) print "<li><a href=\"#timeline\">Timeline</a></li>"
	if (clocks) print "<li><a href=\"#pairs\">CPU pairs</a></li>"
	if (excuses || expectations) print "<li><a href=\"#expected\">Expected</a></li>"
	if (skip_reasons) print "<li><a href=\"#skipped\">Skipped</a></li>"
	print "<li><a href=\"#cases\">All cases</a></li><li><a href=\"#facts\">Facts</a></li>"
	if (lines) print "<li><a href=\"#journal\">Journal</a></li>"
	print "</ul></nav>"
}

function cpu_table(    r, c, cell) {
	if (!rows)
		return
	print "<section aria-labelledby=\"cpus\"><h2 id=\"cpus\">Each CPU, before and after its timer was taken away</h2>"
	stack_begin("In the order in which the kernel let them go. Wake: how late pinned sleeps woke, median / 99th percentile. Alive: the CPU's timers fire; DEAD: they don't.", \
		"CPU|before|wake before|after unbind|wake after|interrupts|verdict")
	for (r = 1; r <= rows && r <= MAX_ROWS; r++) {
		cell[1] = xml(cpu[r])
		for (c = 2; c <= 6; c++)
			cell[c] = xml(short(cpu_cell(r, c), 80))
		cell[7] = cpu_cell(r, 7) == "" ? "" : "<strong class=\"" (cpu_cell(r, 7) ~ /^alive/ ? "good" : "bad") "\">" xml(short(cpu_cell(r, 7), 80)) "</strong>"
		stack_row(cell)
	}
	stack_end()
	if (rows > MAX_ROWS)
		print "<p>" rows - MAX_ROWS " more CPUs are in facts.json.</p>"
	print "</section>"
}

# gnuplot's SVG without what several on one page would have in common.
function plot(file, label,    line, inside, defs) {
	while ((getline line <file) > 0) {
		if (line ~ /<svg/) {
			inside = 1
			print "<svg viewBox=\"0 0 360 210\" role=\"img\" aria-label=\"" label "\">"
			while ((getline line <file) > 0 && line !~ />/)
				continue
			continue
		}
		if (line ~ /<defs>/)
			defs = 1
		if (inside && !defs && line !~ /^<(title|desc)/ && line != "") {
			gsub(/<title>[^<]*<\/title>/, "", line)
			gsub(/ id="[^"]*"/, "", line)
			print line
		}
		if (line ~ /<\/defs>/)
			defs = 0
	}
	close(file)
	return inside
}

function lateness(    r, file, line, any, label) {
	if (plots == "")
		return
	for (r = 1; r <= rows && r <= MAX_ROWS; r++) {
		if (cpu[r] !~ /^[0-9][0-9]?[0-9]?[0-9]?$/)
			continue
		file = plots "/" cpu[r] ".svg"
		if ((getline line <file) < 0)
			continue
		close(file)
		if (!any++) {
			print "<section aria-labelledby=\"lateness\"><h2 id=\"lateness\">How late sleeps woke</h2>"
			print "<p>The share of sleeps that had woken so late after their deadline, on a logarithmic scale: " \
				"<span class=\"key\" style=\"color:var(--before)\">&nbsp;</span> before the CPU's timer was unbound, " \
				"<span class=\"key\" style=\"color:var(--after);border-top-style:dashed\">&nbsp;</span> after.</p><div class=\"figures\">"
		}
		label = "CPU " cpu[r] ": median / 99th percentile " xml(wake("baseline", cpu[r])) " before, " xml(wake("alive", cpu[r])) " after"
		print "<figure>"
		plot(file, label)
		print "<figcaption>" label "</figcaption></figure>"
	}
	if (any)
		print "</div></section>"
}

function rect(x, width, y, height, style, title) {
	return "<rect x=\"" x "\" width=\"" (width < 1.5 ? 1.5 : width) "\" y=\"" y "\" height=\"" height "\" " style "><title>" title "</title></rect>"
}

function timeline(    b, i, k, from, to, label, colour) {
	if (!boots)
		return
	print "<section aria-labelledby=\"timeline\"><h2 id=\"timeline\">Timeline</h2>"
	print "<p>By the host's clock, in seconds since the run began. Each bar is a program: <span class=\"good\">green</span> passed, " \
		"<span class=\"bad\">red</span> failed, <span class=\"warn\">yellow</span> skipped. Lines: blue, a clockevent is unbound; red, DEAD, HANG, PANIC or RESET.</p>"
	for (b = 1; b <= boots && b <= MAX_LANES; b++) {
		from = percent(boot_start[b])
		to = percent(boot_off[b] == "" ? span : boot_off[b])
		label = "Boot " xml(boot[b]) ": " (boot_ready[b] == "" ? "never ready" : "ready after " seconds(boot_ready[b] - boot_start[b])) ", " \
			(boot_off[b] == "" ? "no end" : "gone at " seconds(boot_off[b] + 0)) \
			(boot_end[b] == "done" ? "" : boot_end[b] == "" ? "; nobody said how it ended" : boot_end[b] ~ /^again/ ? "; <strong class=\"warn\">void</strong>: " xml(short(substr(boot_end[b], 7), 200)) : \
			"; <strong class=\"bad\">" xml(short(boot_end[b], 200)) "</strong>")
		print "<div class=\"lane\"><p>" label "</p>"
		print "<svg viewBox=\"0 0 1000 30\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"Programs of boot " xml(boot[b]) " in time\">"
		print rect(from, to - from, 2, 26, "fill=\"currentColor\" fill-opacity=\"" (boot_end[b] ~ /^again/ ? "0.05" : "0.14") \
			"\" stroke=\"currentColor\" stroke-opacity=\"0.4\" vector-effect=\"non-scaling-stroke\"" (boot_end[b] ~ /^again/ ? " stroke-dasharray=\"6 4\"" : ""), \
			"boot " xml(boot[b]))
		for (i = 1; i <= programs; i++)
			if (p_boot[i] == boot[b] && p_start[i] != "") {
				colour = p_status[i] == "fail" ? "bad" : p_status[i] == "pass" ? "good" : "warn"
				print rect(percent(p_start[i]), percent(p_seconds[i]), 8, 14, "fill=\"var(--" colour ")\" fill-opacity=\"0.75\"" \
					" stroke=\"var(--bg)\" vector-effect=\"non-scaling-stroke\"", xml(program[i]) ": " xml(p_status[i]) ", " seconds(p_seconds[i]))
			}
		for (k = 1; k <= marks; k++)
			if (m_boot[k] == boot[b])
				print rect(percent(m_at[k]), 2, 2, 26, "fill=\"var(--" (m_kind[k] == "unbind" ? "before" : "bad") ")\"", \
					xml(m_kind[k]) " at " seconds(m_at[k]) ": " xml(m_id[k]))
		print "</svg></div>"
	}
	print "<div class=\"axis\" aria-hidden=\"true\"><span>0</span><span>" seconds(span / 2) "</span><span>" seconds(span + 0) "</span></div>"
	if (boots > MAX_LANES)
		print "<p>" boots - MAX_LANES " more boots are in results.json.</p>"
	if (marks) {
		print "<details><summary>" marks " events: unbinds, deaths and ends of boots</summary><ol>"
		for (k = 1; k <= marks && k <= 500; k++)
			print "<li>" seconds(m_at[k] + 0) ", boot " xml(m_boot[k]) ": " xml(m_kind[k]) " <code>" xml(m_id[k]) "</code></li>"
		print "</ol></details>"
	}
	print "</section>"
}

function sort_numbers(a, n,    i, k, v) {
	for (i = 2; i <= n; i++) {
		v = a[i]
		for (k = i - 1; k > 0 && a[k] + 0 > v + 0; k--)
			a[k + 1] = a[k]
		a[k + 1] = v
	}
}

# A metric of the guest's may be anything, as 1e999.
function ns(v) { return v > 1e15 || v < -1e15 ? "beyond reason" : sprintf("%.0f ns", v) }

function heat_map(    k, i, j, v, n, share, unit) {
	if (!clocks)
		return
	print "<section aria-labelledby=\"pairs\"><h2 id=\"pairs\">Offsets between CPUs</h2>"
	print "<p>How far the column's CPU is ahead of the row's by each clock: <span style=\"color:var(--before)\">blue</span> ahead, " \
		"<span style=\"color:var(--after)\">orange</span> behind; the deeper, the nearer to the largest.</p><div class=\"figures\">"
	sort_numbers(pair_cpu, pair_cpus)
	for (k = 1; k <= clocks && k <= 8; k++) {
		n = pair_cpus
		unit = worst[clock[k]]
		print "<figure class=\"heat\"><svg style=\"max-width:" 4 + 2 * n "rem\" viewBox=\"0 0 " n " " n "\" role=\"img\" aria-label=\"" xml(clock[k]) ": offsets of " n " CPUs, at most " ns(unit) "\">"
		for (i = 1; i <= n; i++)
			for (j = 1; j <= n; j++) {
				if (i == j || !((clock[k], pair_cpu[i], pair_cpu[j]) in offset)) {
					if (n <= 16)
						print "<rect x=\"" j - 1 "\" y=\"" i - 1 "\" width=\"1\" height=\"1\" fill=\"currentColor\" fill-opacity=\"0.06\"/>"
					continue
				}
				v = offset[clock[k], pair_cpu[i], pair_cpu[j]]
				share = unit > 0 ? (v < 0 ? -v : v) / unit : 0
				print "<rect x=\"" j - 1 "\" y=\"" i - 1 "\" width=\"1\" height=\"1\" fill=\"var(--" (v < 0 ? "after" : "before") ")\" fill-opacity=\"" \
					sprintf("%.2f", share > 1 ? 1 : 0.08 + 0.92 * share) "\">" (n <= 16 || share > 0.5 ? "<title>CPU " pair_cpu[j] " to CPU " pair_cpu[i] ": " ns(v) "</title>" : "") "</rect>"
			}
		print "</svg><figcaption><code>" xml(clock[k]) "</code>: CPUs " xml(pair_cpu[1]) " to " xml(pair_cpu[n]) ", at most " ns(unit) "</figcaption></figure>"
	}
	print "</div></section>"
}

function interrupts(    r, n, i, part, name, names, at, columns_used, cell, head, any) {
	for (r = 1; r <= rows && r <= MAX_ROWS; r++) {
		n = split(cpu_cell(r, 6), part, /, */)
		for (i = 1; i <= n && i <= 8; i++) {
			if (part[i] == "")
				continue
			name = part[i]
			# What isn't a row and what became of it are words.
			if (!sub(/ (stop|[+]?[0-9]+)$/, "", name))
				name = "other"
			if (!(name in at) && columns_used < 12) {
				at[name] = ++columns_used
				names[columns_used] = name
			}
			if (name in at) {
				any[r, at[name]] = name == "other" ? part[i] : substr(part[i], length(name) + 2)
			}
		}
	}
	if (!columns_used)
		return
	print "<section aria-labelledby=\"interrupts\"><h2 id=\"interrupts\">Interrupts meanwhile</h2>"
	scroll_begin("Interrupts by row and CPU")
	print "<table><caption>Rows of /proc/interrupts, by CPU: stop, it rose no more once its device was unbound; +N, it rose by N.</caption><thead><tr><th scope=\"col\">CPU</th>"
	for (i = 1; i <= columns_used; i++)
		print "<th scope=\"col\">" xml(short(names[i], 40)) "</th>"
	print "</tr></thead><tbody>"
	for (r = 1; r <= rows && r <= MAX_ROWS; r++) {
		head = "<tr><th scope=\"row\">" xml(cpu[r]) "</th>"
		for (i = 1; i <= columns_used; i++)
			head = head "<td>" ((r, i) in any ? xml(short(any[r, i], 40)) : "") "</td>"
		print head "</tr>"
	}
	print "</tbody></table></div></section>"
}

function failed_section(    i, f, shown) {
	if (!failures)
		return
	print "<section aria-labelledby=\"failed\"><h2 id=\"failed\">Failed</h2>"
	for (i = 1; i <= failures && i <= MAX_FAILURES; i++) {
		split(failure[i], f, "\t")
		print "<article><h3>" badge(f[4], "fail") " <code>" xml(f[3]) "</code></h3><p>" (f[7] ~ /[^ ]/ ? xml(short(f[7], 600)) : "No reason was given.") "</p>"
		print "<p class=\"dim\">" journal_link(f[12]) console_link(f[2]) "</p>"
		if (!(f[2] in shown) && (f[2] in said)) {
			print "<details><summary>What " xml(f[2]) " said</summary><pre>" said[f[2]] "</pre></details>"
			shown[f[2]] = 1
		}
		print "</article>"
	}
	if (failures > MAX_FAILURES)
		print "<p>" failures - MAX_FAILURES " more are in report.ktap and results.json.</p>"
	print "</section>"
}

function expected_section(    i, f, cell) {
	if (!excuses && !expectations)
		return
	print "<section aria-labelledby=\"expected\"><h2 id=\"expected\">What was expected to fail</h2>"
	if (expectations) {
		stack_begin("What is known to fail is excused until it expires. This time: met, it did fail; unseen, it fails now and then, and did not; untried, its test came to no end of its own; " \
			"elsewhere, it is for other kernels; anything else is a failure.", "case|outcome|expires|kernels|this time|reason")
		for (i = 1; i <= expectations && i <= 300; i++) {
			split(expected[i], f, "\t")
			cell[1] = "<code>" xml(f[3]) "</code>"
			cell[2] = xml(f[4])
			cell[3] = xml(f[7])
			cell[4] = f[5] == "" ? "all" : xml(f[5])
			cell[5] = f[8] ~ /^(expired|unmet|no-test)$/ ? "<strong class=\"bad\">" xml(f[8]) "</strong>" : xml(f[8])
			cell[6] = xml(short(f[10] (f[9] == "" ? "" : " (" f[9] ")"), 400))
			stack_row(cell)
		}
		stack_end()
	}
	if (excuses) {
		print "<ul>"
		for (i = 1; i <= excuses && i <= 300; i++) {
			split(excuse[i], f, "\t")
			print "<li>" badge(f[4], "xfail") " <code>" xml(f[3]) "</code>: " xml(short(f[7], 400)) " <span class=\"dim\">(" journal_link(f[12]) ")</span></li>"
		}
		print "</ul>"
	}
	print "</section>"
}

function skipped_section(    i) {
	if (!skip_reasons)
		return
	print "<section aria-labelledby=\"skipped\"><h2 id=\"skipped\">Skipped, and why</h2>"
	for (i = 1; i <= skip_reasons; i++)
		print "<details><summary>" skips[skip_reason[i]] (skips[skip_reason[i]] == 1 ? " case: " : " cases: ") xml(short(skip_reason[i] == "" ? "no reason given" : skip_reason[i], 300)) "</summary><ul>\n" \
			skip_cases[skip_reason[i]] "</ul></details>"
	print "</section>"
}

function cases_section(    i, k, f) {
	print "<section aria-labelledby=\"cases\"><h2 id=\"cases\">All cases</h2>"
	k = 1
	for (i = 1; i <= programs; i++) {
		if (!cases_of[program[i]])
			continue
		print "<details><summary>" badge(p_status[i], p_status[i]) " <code>" xml(program[i]) "</code> " cases_of[program[i]] " case" \
			(cases_of[program[i]] == 1 ? "" : "s") ", " seconds(p_seconds[i]) "</summary><ul>"
		for (; k <= cases && k <= MAX_CASES && c_program[k] == program[i]; k++) {
			split(row[k], f, "\t")
			print "<li>" badge(f[4], f[5]) " <code>" xml(index(f[3], program[i] ".") == 1 ? substr(f[3], length(program[i]) + 2) : f[3]) "</code> " seconds(f[6] + 0) "</li>"
		}
		print "</ul></details>"
	}
	if (cases > MAX_CASES)
		print "<p>" cases - MAX_CASES " more are in results.json.</p>"
	print "</section>"
}

function facts_section(    i) {
	print "<section aria-labelledby=\"facts\"><h2 id=\"facts\">Facts</h2><h3>What was judged</h3><dl>"
	for (i = 1; i <= keys; i++)
		print "<dt>" xml(short(key[i], 60)) "</dt><dd>" xml(short(gate[key[i]], 400)) "</dd>"
	print "</dl>"
	if (facts) {
		print "<details><summary>What the guest said of itself: " facts " facts</summary><dl>"
		for (i = 1; i <= facts && i <= MAX_FACTS; i++)
			print "<dt>" xml(fact_name[i]) "</dt><dd>" xml(short(fact_text[i], 200)) "</dd>"
		print "</dl></details>"
	}
	print "</section>"
}

function journal_section(    i, k, last, p) {
	for (k = 1; k <= programs; k++) {
		p = program[k]
		if (!(p in console))
			continue
		if (!last++)
			print "<section aria-labelledby=\"console\"><h2 id=\"console\">The console's last words</h2>" \
				"<p>Of boots that didn't end by themselves. Those of a void boot (see the timeline) say nothing against the guest.</p>"
		print "<h3 id=\"console-" k "\">" xml(p) "</h3><pre>" console[p] "</pre>"
	}
	if (last)
		print "</section>"
	if (!lines)
		return
	print "<section aria-labelledby=\"journal\"><h2 id=\"journal\">From the journal</h2>"
	print "<p>The lines that failures and skips point to, and what came before failures: time of day, the host's uptime, boot, number, who speaks " \
		"(&lt; the guest, &gt; the host). All of them are in <a href=\"journal.log\">journal.log</a>.</p><pre>"
	last = 0
	for (i = 1; i <= lines && i <= MAX_LINES; i++) {
		if (last && line_number[i] != last + 1)
			print "<span class=\"dim\">...</span>"
		last = line_number[i]
		print "<span id=\"L" last "\">" last " " xml(short(text_of[last], 240)) "</span>"
	}
	print "</pre></section>"
}

END {
	page_begin("tickproof: " gate["guest"] ": " words)
	verdict_box()
	navigation()
	cpu_table()
	failed_section()
	lateness()
	perf_section()
	timeline()
	interrupts()
	heat_map()
	expected_section()
	skipped_section()
	cases_section()
	facts_section()
	journal_section()
	page_end()
}
