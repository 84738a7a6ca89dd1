# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# From a journal to reports, the table and the exit code. Needs common.sh, jq and LC_ALL=C.
# Everything is computed from journal.log by judge.awk (with stamps.awk), once: no two formats can disagree.

# Where the lists of expected failures are: common.txt, and one for each guest that has its own.
EXPECTED_DIR=$TOP/results/expected

# expected_lists GUEST : set EXPECTED_LISTS to the files that apply to it: EXPECTED alone if it is given, else the common one and the guest's
expected_lists() {
	EXPECTED_LISTS=("$EXPECTED_DIR/common.txt")
	[[ $1 == common ]] || EXPECTED_LISTS+=("$EXPECTED_DIR/$1.txt")
	[[ -z ${EXPECTED:-} ]] || EXPECTED_LISTS=("$EXPECTED")
}

# expected_check FILE... : die unless each line is an entry (docs/expectations.md), and none is there twice; no file expects nothing
expected_check() {
	local file complaint
	local -a lists=()
	for file; do
		[[ -e $file ]] || continue
		[[ -f $file && -r $file ]] || die 2 "$file: not a readable file"
		lists+=("$(operand "$file")")
	done
	((${#lists[@]})) || return 0
	# The names of the files may hold anything; their numbers can't.
	complaint=$(entry_awk '
		FNR == 1 { while (ARGV[++file] != FILENAME) ; }
		{ why = entry_read($0) }
		why == "none" { next }
		why == "" && entry["key"] in seen { why = "listed twice (for the same kernels and architecture)" }
		why != "" { print file, FNR ": " substr(why, 1, 300); exit }
		{ seen[entry["key"]] = 1 }' "${lists[@]}")
	[[ -z $complaint ]] || die 2 "${lists[${complaint%% *} - 1]#./}:${complaint#* } \
(a line is: id outcome expires=YYYY-MM-DD [kernel=A..B] [arch=amd64|arm64] [link=URL] reason)"
}

# entry_awk TEXT ARG... : awk with the program TEXT and the parser of expected failures
entry_awk() { awk -f "$HARNESS/lib/release.awk" -f "$HARNESS/judge/entry.awk" -f <(printf '%s\n' "$1") "${@:2}"; }

# operand PATH -> the same path as awk takes for nothing but a file: not for an option, nor for an assignment
operand() {
	if [[ $1 == /* ]]; then
		printf '%s' "$1"
	else
		printf './%s' "$1"
	fi
}

# make_report NAME COMMAND... : what COMMAND prints as $RUN/NAME, all of it or nothing
make_report() {
	"${@:2}" >"$RUN/.part"
	mv -f "$RUN/.part" "$RUN/$1"
}

# judge_awk ARG... : judge.awk and its parts
judge_awk() {
	local part
	local -a parts=()
	for part in lib/{least_delay,release} judge/{stamps,events,guest,host,entry,expect,verdict,judge}; do
		parts+=(-f "$HARNESS/$part.awk")
	done
	awk "${parts[@]}" "$@"
}

# judge EXPECTED... : what $RUN/journal.log proves, as $RUN/records.tsv; an expected file that isn't there expects nothing
judge() {
	local file today sum
	local -a lists=()
	for file; do
		[[ ! -e $file ]] || lists+=("$(operand "$file")")
	done
	TZ=UTC printf -v today "%(%Y-%m-%d)T" -1
	sum=$(head -n -1 "$RUN/journal.log" | cksum)
	make_report records.tsv judge_awk -v today="$today" -v sum="$sum" "${lists[@]}" "$(operand "$RUN/journal.log")"
}

# verdict_code -> the exit code that the records come to
verdict_code() { awk -F '\t' '$1 == "verdict" { print $2 }' <"$RUN/records.tsv"; }

# report_awk PART... ARG... : awk with these parts of harness/report on the records; the first ARG is one with a "-" or a "="
report_awk() {
	local -a parts=()
	while [[ ${1:--} != *[-=]* ]]; do
		parts+=(-f "$HARNESS/report/$1.awk")
		shift
	done
	awk "${parts[@]}" "$@" <"$RUN/records.tsv"
}

# report_page : report.html, with gnuplot's pictures where there are histograms
report_page() {
	local plots=$RUN/.plots
	mkdir -p "$plots"
	report_awk bins plots -v dir="$plots" >"$plots/commands"
	# A page without pictures still says what was found.
	[[ ! -s $plots/commands ]] || gnuplot "$plots/commands" >"$plots/log" 2>&1 ||
		note "gnuplot has drawn nothing for report.html: $(head -n 1 "$plots/log")"
	make_report report.html report_awk cpus perf markup page perf_html html -v css="$HARNESS/report/page.css" -v plots="$plots"
	rm -rf "$plots"
}

# report : all that is made of the records: report.ktap, facts.json, metrics.tsv, junit.xml, results.json, summary.md, metrics.prom, report.html
# shellcheck disable=SC2016
report() {
	make_report report.ktap awk -f "$HARNESS/report/report.awk" <"$RUN/records.tsv"
	make_report metrics.tsv awk -F '\t' 'BEGIN { OFS = FS; print "id", "name", "value", "unit" }
		$1 == "metric" { print $2, $3, $4, $5 }' <"$RUN/records.tsv"
	# Where two programs give a fact of one name, the first is reported: a later one doesn't speak for it.
	make_report facts.json jq -R -n '
		reduce (inputs | split("\t")) as $r ({gate: {}, guest: {}};
			if $r[0] == "gate" then .gate[$r[1]] = $r[2]
			elif $r[0] == "fact" then .guest[$r[1]] //= $r[2]
			elif $r[0] == "verdict" then .verdict = {words: $r[2], exit: ($r[1] | tonumber), sentence: $r[3]}
			else . end)
		' < <(grep -E $'^(gate|fact|verdict)\t' "$RUN/records.tsv")
	make_report junit.xml report_awk cpus markup junit
	make_report results.json jq -R -n -f "$HARNESS/report/results.jq" <"$RUN/records.tsv"
	make_report summary.md report_awk cpus summary
	make_report metrics.prom report_awk cpus openmetrics
	report_page
}
