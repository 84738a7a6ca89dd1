# SPDX-License-Identifier: GPL-2.0-only
# judge.awk's perf records (PERF=, docs/perf.md) -> what reports say of where late wake-ups lost their time: a row for each program, CPU and device.
# To be read before the report that is made of it.

function perf_row(key) {
	if (!((key) in perf_number)) {
		perf_number[key] = ++perf_rows
		perf_key[perf_rows] = key
	}
	return perf_number[key]
}

$1 == "perf" && $2 == "wakes" && perf_rows < 128 {
	n = perf_row($3 SUBSEP $4 SUBSEP $5 SUBSEP $11)
	perf_program[n] = $3; perf_cpu[n] = $4; perf_when[n] = $5; perf_wakes[n] = $6; perf_checked[n] = $7; perf_added[n] = $8
	perf_p50[n] = $9; perf_p99[n] = $10; perf_device[n] = $11
}
$1 == "perf" && $2 == "stage" && ($3 SUBSEP $4 SUBSEP $5 SUBSEP $10) in perf_number {
	n = perf_row($3 SUBSEP $4 SUBSEP $5 SUBSEP $10)
	if (!($6 in perf_is_stage)) {
		perf_is_stage[$6] = ++perf_stages
		perf_stage[perf_stages] = $6
	}
	n = n SUBSEP perf_is_stage[$6]
	stage_p50[n] = $7; stage_p99[n] = $8; stage_mean[n] = $9
	perf_mean[perf_row($3 SUBSEP $4 SUBSEP $5 SUBSEP $10)] += $9
}
# slack programmed interrupt callback wake run return, from field 7 on
$1 == "perf" && $2 == "worst" && ($3 SUBSEP $4 SUBSEP $5 SUBSEP $15) in perf_number {
	n = perf_row($3 SUBSEP $4 SUBSEP $5 SUBSEP $15)
	worst_late[n] = $6; worst_held[n] = $14
	for (k = 1; k <= 7; k++)
		worst_stage[n, k] = $(k + 6)
}
# armed due expired injected taken, from field 6 on, after the sleep was to end
$1 == "perf" && $2 == "timeline" && ($3 SUBSEP $4 SUBSEP $5 SUBSEP $11) in perf_number {
	n = perf_row($3 SUBSEP $4 SUBSEP $5 SUBSEP $11)
	has_timeline[n] = 1
	for (k = 1; k <= 5; k++)
		timeline_at[n, k] = $(k + 5)
}
$1 == "perf" && $2 == "kvm" && $3 < 64 {
	if (!($3 in kvm_number))
		kvm_cpu[++kvm_rows] = $3
	kvm_number[$3] = $5
	kvm_p50[$3, $4] = $6; kvm_p99[$3, $4] = $7
}
$1 == "perf" && $2 == "note" { perf_note[++perf_notes] = $3 }

function perf_share(n, k) { return perf_mean[n] ? 100 * stage_mean[n, k] / perf_mean[n] : 0 }

BEGIN { kvm_parts = split("programming expiry injection taking", kvm_part, " ") }

# "0.30 / 17.1 ms", as wakes stand in the table by CPU
function perf_ms(p50, p99) { return sprintf(p99 < 1e6 ? "%.2f / %.2f" : "%.1f / %.1f", p50 / 1e6, p99 / 1e6) }
