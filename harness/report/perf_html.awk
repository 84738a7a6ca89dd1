# SPDX-License-Identifier: GPL-2.0-only
# The section of report.html on late wake-ups (PERF=). After perf.awk, markup.awk, page.awk and html.awk.

# The stages of one bar, as lengths in length_of[1..], from 0 on; from low to high is as wide as the page.
function stage_bar(length_of, label, low, high,    k, from) {
	bar_begin(label, low, high)
	for (k = 1; k <= perf_stages; k++) {
		bar_part(from, from + length_of[k], "--stage" k, perf_stage[k])
		from += length_of[k]
	}
	print "</svg>"
}

function bar_begin(label, low, high) {
	bar_low = low
	bar_scale = high > low ? 1000 / (high - low) : 0
	print "<svg viewBox=\"0 0 1000 30\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"" xml(label) "\">"
}

function bar_part(from, until, colour, name,    width) {
	width = (until - from) * bar_scale
	if (width >= 0.5)
		print "<rect x=\"" sprintf("%.1f", (from - bar_low) * bar_scale) "\" width=\"" sprintf("%.1f", width) "\" y=\"3\" height=\"24\" fill=\"var(" colour ")\"><title>" \
			xml(name) ": " ms(until - from) "</title></rect>"
}

function whole(length_of,    k, sum) {
	for (k = 1; k <= perf_stages; k++)
		sum += length_of[k]
	return sum
}

function ms(ns) { return sprintf("%.3f ms", ns / 1e6) }

function stage_words(length_of,    k, words) {
	for (k = 1; k <= perf_stages; k++)
		if (length_of[k] >= 500)
			words = words (words == "" ? "" : ", ") perf_stage[k] " " ms(length_of[k])
	return words
}

# The latest wake-up of row n, whose stages are in lengths, as the guest has it and as the hypervisor has it, on one axis.
function both_sides(n, lengths, label,    k, low, high, t, words) {
	high = whole(lengths)
	split("", t)
	for (k = 1; k <= 5; k++)
		if (timeline_at[n, k] != "-")
			t[k] = timeline_at[n, k] + 0
	# What was armed long before is cut off at the left.
	low = 0
	for (k = 1; k <= 5; k++)
		if (k in t && t[k] < low)
			low = t[k]
	if (low < -high / 4)
		low = -high / 4
	print "<p class=\"dim\">the guest</p>"
	stage_bar(lengths, label ", the latest wake-up, by the guest: " stage_words(lengths), low, high)
	if (1 in t)
		words = "armed at " ms(t[1]) " for " ms(t[2]) ", expired at " ms(t[3]) ", "
	words = words "injected at " ms(t[4]) ", taken at " ms(t[5])
	print "<p class=\"dim\">the hypervisor</p>"
	bar_begin(label ", the latest wake-up, by the hypervisor: " words, low, high)
	for (k = 1; k < 5; k++)
		if (k in t)
			bar_part(t[k] < low ? low : t[k], t[k + 1], side_colour[k], side_part[k])
	print "</svg><div class=\"axis\">"
	for (k = 0; k <= 4; k++)
		print "<span>" ms(low + (high - low) * k / 4) "</span>"
	print "</div><p>The hypervisor, after what the sleep had asked for: " xml(words) "."
	for (k = 1; k < 5; k++)
		if (k in t)
			print "<span class=\"stage\" style=\"border-color:var(" side_colour[k] ")\">" side_part[k] "</span>"
	print "</p>"
}

BEGIN {
	split("armed expiry injection taking", side_part, " ")
	split("--stage1 --stage2 --stage4 --stage5", side_colour, " ")
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
		stage_bar(lengths, label ", on average: " stage_words(lengths), 0, whole(lengths))
		for (k = 1; k <= perf_stages; k++)
			lengths[k] = worst_stage[n, k]
		print "<p>The latest, by " ms(worst_late[n]) (worst_held[n] == "-" ? "" : "; " xml(worst_held[n]) " ran there until then") ": " xml(stage_words(lengths)) "</p>"
		if (n in has_timeline)
			both_sides(n, lengths, label)
		else
			stage_bar(lengths, label ", the latest wake-up: " stage_words(lengths), 0, whole(lengths))
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
