# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# From a journal to reports, the table and the exit code. Needs common.sh, jq and LC_ALL=C.
# Everything is computed from journal.log by judge.awk (with stamps.awk), once: no two formats can disagree.

# expected_check FILE : die unless each line is "id outcome expires=YYYY-MM-DD [kernels=A-B] reason"; no file expects nothing
expected_check() {
	[[ -e $1 ]] || return 0
	[[ -f $1 && -r $1 ]] || die 2 "$1: not a readable file"
	local complaint
	complaint=$(awk '
		/^[ \t]*(#|$)/ { next }
		{ why = "" }
		$1 !~ /^[a-z0-9_.*?]+$/ { why = "\"" $1 "\" is neither an id nor a pattern of ids" }
		why == "" && $2 !~ /^(FAIL|DEAD|HANG|PANIC|RESET|FLOOD|ERROR)$/ {
			why = "the outcome must be FAIL, DEAD, HANG, PANIC, RESET, FLOOD or ERROR" }
		why == "" && $3 !~ /^expires=[0-9][0-9][0-9][0-9]-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$/ {
			why = "expires=YYYY-MM-DD must follow the outcome" }
		why == "" && $4 ~ /^kernels=/ && $4 !~ /^kernels=[0-9]+[.][0-9]+-[0-9]+[.][0-9]+$/ {
			why = "kernels= must be a range like 6.1-6.12, both included" }
		why == "" && NF < ($4 ~ /^kernels=/ ? 5 : 4) { why = "the reason is missing" }
		why == "" && ($1, $2) in seen { why = "listed twice" }
		why != "" { print FNR ": " why; exit }
		{ seen[$1, $2] = 1 }' "$1")
	[[ -z $complaint ]] || die 2 "$1:$complaint (a line is: id outcome expires=YYYY-MM-DD [kernels=A-B] reason)"
}

# judge EXPECTED : what $RUN/journal.log proves, as $RUN/records.tsv
judge() {
	local expected=$1 today
	[[ -e $expected ]] || expected=/dev/null
	TZ=UTC printf -v today "%(%Y-%m-%d)T" -1
	awk -v today="$today" -f "$HARNESS/lib/stamps.awk" -f "$HARNESS/lib/judge.awk" "$expected" "$RUN/journal.log" >"$RUN/records.tsv"
}

# report : report.ktap, facts.json and metrics.tsv from the records
# shellcheck disable=SC2016
report() {
	awk -f "$HARNESS/lib/report.awk" "$RUN/records.tsv" >"$RUN/report.ktap"
	awk -F '\t' 'BEGIN { OFS = FS; print "id", "name", "value", "unit" }
		$1 == "metric" { print $2, $3, $4, $5 }' "$RUN/records.tsv" >"$RUN/metrics.tsv"
	jq -R -n '
		[inputs | split("\t")] as $records |
		def object(kind): $records | map(select(.[0] == kind) | {(.[1]): .[2]}) | add // {};
		{gate: object("gate"), guest: object("fact"),
		 verdict: ($records[] | select(.[0] == "verdict") | {words: .[2], exit: (.[1] | tonumber), sentence: .[3]})}
		' "$RUN/records.tsv" >"$RUN/facts.json"
}
