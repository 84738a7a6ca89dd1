# SPDX-License-Identifier: GPL-2.0-only
# The section of report.html on late wake-ups (PERF=). After perf.awk, markup.awk, page.awk and html.awk.

# The stages of one bar, as lengths in length_of[1..], as wide as the whole.
function stage_bar(length_of, label,    k, whole, x, width) {
	for (k = 1; k <= perf_stages; k++)
		whole += length_of[k]
	print "<svg viewBox=\"0 0 1000 30\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"" xml(label) "\">"
	for (k = 1; k <= perf_stages && whole > 0; k++) {
		width = length_of[k] * 1000 / whole
		if (width >= 0.5)
			print "<rect x=\"" sprintf("%.1f", x) "\" width=\"" sprintf("%.1f", width) "\" y=\"3\" height=\"24\" fill=\"var(--stage" k ")\"><title>" \
				xml(perf_stage[k]) ": " ms(length_of[k]) "</title></rect>"
		x += width
	}
	print "</svg>"
}

function ms(ns) { return sprintf("%.3f ms", ns / 1e6) }

function stage_words(length_of,    k, words) {
	for (k = 1; k <= perf_stages; k++)
		if (length_of[k] >= 500)
			words = words (words == "" ? "" : ", ") perf_stage[k] " " ms(length_of[k])
	return words
}

function perf_section(    n, k, lengths, label, head, cell) {
	if (!perf_rows && !perf_notes)
		return
	print "<section aria-labelledby=\"perf\"><h2 id=\"perf\">Where late wake-ups lost their time</h2>"
	for (n = 1; n <= perf_notes; n++)
		print "<p class=\"warn\">" xml(perf_note[n]) "</p>"
	if (perf_rows) {
		print "<p>From what a sleep asked for until it was back in its program. The stages, in their order:"
		for (k = 1; k <= perf_stages; k++)
			print "<span class=\"stage\" style=\"border-color:var(--stage" k ")\">" xml(perf_stage[k]) "</span>"
		print "</p>"
		head = "CPU|device|wake-ups|add up|late"
		for (k = 1; k <= perf_stages; k++)
			head = head "|" xml(perf_stage[k])
	}
	for (n = 1; n <= perf_rows; n++) {
		if (perf_program[n] != perf_program[n - 1])
			print "<h3>" xml(perf_program[n]) "</h3>"
		label = "CPU " perf_cpu[n] " on " perf_device[n] (perf_when[n] == "after" ? ", after its first clockevent was gone" : "")
		print "<div class=\"lane\"><p>" xml(label) ": " xml(perf_wakes[n]) " wake-ups, late by " xml(perf_ms(perf_p50[n], perf_p99[n])) " ms (median / 99th percentile); on average " ms(perf_mean[n]) ":</p>"
		for (k = 1; k <= perf_stages; k++)
			lengths[k] = stage_mean[n, k]
		stage_bar(lengths, label ", on average: " stage_words(lengths))
		for (k = 1; k <= perf_stages; k++)
			lengths[k] = worst_stage[n, k]
		print "<p>The latest, by " ms(worst_late[n]) (worst_held[n] == "-" ? "" : "; " xml(worst_held[n]) " ran there until then") ": " xml(stage_words(lengths)) "</p>"
		stage_bar(lengths, label ", the latest wake-up: " stage_words(lengths))
		print "</div>"
	}
	if (perf_rows) {
		print "<details><summary>Figures</summary>"
		scroll_begin("Stages of late wake-ups")
		stack_begin("Of each stage: median / 99th percentile in ms, and its share. Add up: of the wake-ups whose program reported when it was awake, those whose stages come to that within 5 us.", head)
		for (n = 1; n <= perf_rows; n++) {
			cell[1] = xml(perf_cpu[n]); cell[2] = xml(perf_device[n]); cell[3] = xml(perf_wakes[n]); cell[4] = xml(perf_added[n] " of " perf_checked[n])
			cell[5] = xml(perf_ms(perf_p50[n], perf_p99[n]))
			for (k = 1; k <= perf_stages; k++)
				cell[5 + k] = xml(sprintf("%s, %.0f %%", perf_ms(stage_p50[n, k], stage_p99[n, k]), perf_share(n, k)))
			stack_row(cell)
		}
		stack_end()
		print "</div></details>"
	}
	if (kvm_rows)
		print "<p>Of the interrupts of the guest's timers, by what the hypervisor recorded (median / 99th percentile in ms):</p><ul>"
	for (n = 1; n <= kvm_rows; n++) {
		label = ""
		for (k = 1; k <= kvm_parts; k++)
			label = label (k == 1 ? "" : ", ") kvm_part[k] " " perf_ms(kvm_p50[kvm_cpu[n], kvm_part[k]], kvm_p99[kvm_cpu[n], kvm_part[k]])
		print "<li>CPU " xml(kvm_cpu[n] ", " kvm_number[kvm_cpu[n]] " interrupts: " label) "</li>"
	}
	if (kvm_rows)
		print "</ul>"
	print "</section>"
}
