#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Journals of real guests, one of each kind of verdict, and more than a thousand mutants of them: none of a red one may turn green, none of
# a green one may have more passes than the guest gave. They were made by journals/record, and mutated by mutate.awk, always alike.
# shellcheck disable=SC2030,SC2031

load helpers

setup() {
	judge_setup
	journals=$BATS_TEST_DIRNAME/journals
	none=$BATS_TEST_TMPDIR/none
	: >"$none"
}

# kinds -> the red journals
kinds() {
	local file
	for file in "$journals"/*.log.xz; do
		file=${file##*/}
		[[ $file == conforms.* ]] || echo "${file%.log.xz}"
	done
}

# expected_for KIND -> its file of expected failures
expected_for() {
	if [[ $1 == unmet ]]; then
		echo 'extra.good.one FAIL expires=2999-12-31 it does not' >"$none.unmet"
		echo "$none.unmet"
	else
		echo "$none"
	fi
}

# mutants KIND COUNT WHOLE SEED -> a directory with that many mutants of its journal, 1/journal.log and so on
mutants() {
	local dir=$BATS_TEST_TMPDIR/$1.$3 i
	mkdir "$dir"
	for ((i = 1; i <= $2; i++)); do
		mkdir "$dir/$i"
	done
	xz -dc "$journals/$1.log.xz" >"$dir/journal.log"
	(cd "$dir" && awk -v seed="$4" -v count="$2" -v whole="$3" -f "$BATS_TEST_DIRNAME/mutate.awk" journal.log)
	echo "$dir"
}

# judge_all DIR EXPECTED : judge every mutant there, as many at a time as there are cores
judge_all() {
	export -f judge judge_awk operand make_report
	export HARNESS
	# shellcheck disable=SC2016
	printf '%s\n' "$1"/*/ | xargs -P "$(nproc)" -n 25 bash -c 'set -e; for RUN in "${@:2}"; do RUN=${RUN%/}; judge "$1"; done' judge "$2"
}

# judge_whole_all DIR EXPECTED : the same by judge.awk alone, without the sum of the lines
judge_whole_all() {
	export -f judge_awk
	export HARNESS
	# shellcheck disable=SC2016
	printf '%s\n' "$1"/*/ | xargs -P "$(nproc)" -n 25 bash -c 'set -e; for run in "${@:2}"; do
		judge_awk -v today=2026-01-01 "$1" "${run}journal.log" >"${run}records.tsv"; done' judge "$2"
}

# none_green DIR COUNT : each mutant has a verdict, and none is 0
none_green() {
	local green
	[[ $(cat "$1"/*/records.tsv | grep -c '^verdict') == "$2" ]]
	green=$(grep -l $'^verdict\t0\t' "$1"/*/records.tsv || :)
	[[ -z $green ]] || {
		for green in $green; do
			echo "green: $green"
			diff "$1/journal.log" "${green%/*}/journal.log" | grep -v '> end ' | head -n 8
		done
		return 1
	}
}

@test "the journals themselves: each is judged as its gate was" {
	local kind code
	for kind in conforms $(kinds); do
		case $kind in
		conforms) code=0 ;;
		protocol | noboot | setup) code=2 ;;
		interrupted) code=143 ;;
		*) code=1 ;;
		esac
		RUN=$BATS_TEST_TMPDIR/$kind
		mkdir "$RUN"
		xz -dc "$journals/$kind.log.xz" >"$RUN/journal.log"
		judge "$(expected_for "$kind")"
		echo "$kind: $(grep ^verdict "$RUN/records.tsv")"
		[[ $(verdict_code) == "$code" ]]
		case $kind in
		fail | dead | hang | panic | reset | flood | error | unmet | protocol | noboot)
			grep -q $'^case\t.*\t'"${kind^^}"$'\tfail\t' "$RUN/records.tsv"
			;;
		esac
	done
	(($(kinds | wc -l) == 12))
}

@test "no mutant of a red journal is green: its bytes were changed" {
	local kind dir seed=1
	for kind in $(kinds); do
		dir=$(mutants "$kind" 120 0 $seed)
		seed=$((seed + 1))
		judge_all "$dir" "$(expected_for "$kind")"
		none_green "$dir" 120
	done
}

@test "no mutant of a red journal is green: the guest, or the host, wrote it so" {
	local kind dir seed=1000
	for kind in $(kinds); do
		# Where a line against the protocol is all that is wrong, the guest may as well not have written it.
		[[ $kind != protocol ]] || continue
		dir=$(mutants "$kind" 120 1 $seed)
		seed=$((seed + 1))
		judge_whole_all "$dir" "$(expected_for "$kind")"
		none_green "$dir" 120
	done
}

@test "no mutant of a conforming journal passes more than the guest did, and each report is sound" {
	local whole dir passes i most
	for whole in 0 1; do
		dir=$(mutants conforms 150 $whole $((2000 + whole)))
		most=$(grep -c '< ok ' "$dir/journal.log")
		if ((whole)); then judge_whole_all "$dir" "$none"; else judge_all "$dir" "$none"; fi
		for ((i = 1; i <= 150; i++)); do
			RUN=$dir/$i
			passes=$(awk -F '\t' '$1 == "case" && ($5 == "pass" || $5 == "xfail") && $3 != $2 ".host" { n++ } END { print n + 0 }' "$RUN/records.tsv")
			((passes <= most))
			ktap_sound
		done
	done
}

# report_all DIR COUNT : all reports of the first COUNT mutants there, as many at a time as there are cores
report_all() {
	# shellcheck disable=SC2016
	seq 1 "$2" | xargs -P "$(nproc)" -n 20 bash -c 'set -e; . "$1/lib/common.sh"; . "$1/judge/judge.sh"
		for m in "${@:3}"; do RUN=$2/$m; report; done' report "$HARNESS" "$1"
}

# exit_codes_agree DIR RUN... : the exit code of each, in DIR/codes, in the one word or number that each format has for it
exit_codes_agree() {
	local dir=$1
	shift
	awk -F '\t' '$1 == "verdict" { print $2 }' "${@/%//records.tsv}" >"$dir/codes"
	[[ $(wc -l <"$dir/codes") == "$#" ]]
	jq .verdict.exit "${@/%//results.json}" | diff "$dir/codes" -
	jq .verdict.exit "${@/%//facts.json}" | diff "$dir/codes" -
	sed -n 's/^tickproof_verdict_exit_code.* //p' "${@/%//metrics.prom}" | diff "$dir/codes" -
	sed -n 's/.*<property name="exit" value="\(.*\)".*/\1/p' "${@/%//junit.xml}" | diff "$dir/codes" -
	sed 's/^0$/CONFORMS/; s/^1$/DOES NOT CONFORM/; s/^[0-9]*$/COULD NOT BE JUDGED/' "$dir/codes" >"$dir/words"
	sed -s -n '1{s/^## //;s/: .*//;p;}' "${@/%//summary.md}" | diff "$dir/words" -
	sed -n 's/.*<p class="words">\(.*\)<.p>/\1/p' "${@/%//report.html}" | diff "$dir/words" -
	# And who counts failures sees one wherever the verdict isn't green.
	xmllint --xpath 'count(//failure | //error) > 0' "${@/%//junit.xml}" >"$dir/red"
	[[ $(paste -d ' ' "$dir/codes" "$dir/red" | grep -Ecv '^0 |^[1-9][0-9]* true$') == 0 ]]
}

# Of each kind so many; BATS_REPORT_MUTANTS=80 makes more than 1,000, in some minutes.
@test "mutants through every report: none fails, each is valid, and none of a red one is green in any" {
	local kind whole dir count=$((${BATS_REPORT_MUTANTS:-12} / 2)) seed=3000 i all=0
	local -a runs
	for kind in conforms $(kinds); do
		for whole in 0 1; do
			seed=$((seed + 1))
			dir=$(mutants "$kind" "$count" $whole $seed)
			if ((whole)); then judge_whole_all "$dir" "$(expected_for "$kind")"; else judge_all "$dir" "$(expected_for "$kind")"; fi
			# Whole journals of "protocol" may be green: see above.
			[[ $kind == conforms || $kind == protocol && $whole == 1 ]] || none_green "$dir" "$count"
			report_all "$dir" "$count"
			runs=()
			for ((i = 1; i <= count; i++)); do
				runs+=("$dir/$i")
			done
			valid "${runs[@]}"
			agree "${runs[@]}"
			exit_codes_agree "$dir" "${runs[@]}"
			all=$((all + count))
			((count <= 6)) || echo "# $kind: $count mutants, $(grep -cx 0 "$dir/codes" || :) of them green; $all in all" >&3
			rm -rf "$dir"
		done
	done
}
