#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# harness/mutants: its list, its verdicts, its table. Gates and guests are fake; a fake program's console says how often a
# fault struck.
# shellcheck disable=SC2119,SC2120

load helpers

setup() {
	fake_setup
	list=$BATS_TEST_TMPDIR/list
	program a.good 'plan 1' 'pass x'
	program a.caught 'console "[    1.0] timer_fault: dead struck 1"' 'console "[    2.0] timer_fault: dead struck 8"' \
		'plan 2' 'pass x' 'fail y "it was late"' 'status=1'
	program a.masked 'console "[    1.0] timer_fault: dead struck 3"' 'plan 1' 'pass x'
}

# mutants LINE... -- ARG... : run them on a list of these lines; $status, $output
mutants() {
	: >"$list"
	while (($#)) && [[ $1 != -- ]]; do
		printf '%s\n' "$1" >>"$list"
		shift
	done
	shift || :
	run "$HARNESS/mutants" -f "$list" "$@"
}

# refuses TEXT LINE... [-- ARG...] : exit code 2, one line that holds TEXT
refuses() {
	local text=$1
	shift
	mutants "$@"
	exits 2
	((${#lines[@]} == 1)) || {
		echo "$output"
		return 1
	}
	assert_output --partial -- "$text"
}

# row NAME -> its line of table.tsv
row() { awk -F '\t' -v name="$1" '$2 == name' "$RESULTS/mutants/table.tsv"; }

@test "a list that isn't understood is refused in one line" {
	refuses 'no mutants in it' '# nothing'
	refuses '1: 4 fields' 'x | fake | dead | a.good'
	refuses '2: 7 fields' '# first' 'x | fake | dead | a.good | a | quick | more'
	refuses '"X": a name' 'X | fake | dead | a.good | a.x'
	refuses 'x is there twice' 'x | fake | dead | a.good | a.x' 'x | fake | late | a.good | a.x'
	refuses '1: an empty field' 'x | fake | | a.good | a.x'
	refuses 'masked by which rule' 'x | fake | dead | a.good | masked:'
	refuses '"slow": known: quick' 'x | fake | dead | a.good | a.x | slow'
	run "$HARNESS/mutants" -f "$BATS_TEST_TMPDIR/none"
	exits 2
	assert_output --partial -- 'no such list'
}

@test "arguments that aren't understood are refused in one line" {
	local good='x | fake | dead | a.good | a.x'
	refuses '-z: no such option' "$good" -- -z
	refuses 'no mutant matches y' "$good" -- y
	refuses 'no mutant matches  in the quick part' "$good" -- -q
	JOBS=0 refuses 'JOBS=0' "$good"
	SUBSET=slow refuses 'SUBSET=slow: known: quick' "$good"
}

@test "a fault that its case catches is caught: by what, with which words, after how many strikes" {
	mutants 'm | fake | dead | a.caught | a.caught.y'
	exits 0
	[[ $(row m) == $'caught\tm\tfake\tdead\t8\ta.caught.y\t'*$'\tit was late\t' ]]
	assert_output --partial -- '1 caught, 0 masked by the kernel, 0 with no fault quiet, 0 not as they should be'
	cmp <(printf '%s\n' "$output" | grep -v '^1/1') "$RESULTS/mutants/table.txt"
	[[ $(tail -n 1 "$RESULTS/mutants/table.md") == "| dead |  |  | "[0-9]*" s | \`a.caught.y\` |" ]]
}

@test "patterns of cases" {
	mutants 'm | fake | dead | a.caught | a.other.* a.caught.?'
	exits 0
	mutants 'm | fake | dead | a.caught | a.caught.?? aXcaught.y'
	exits 1
	assert_output --partial -- 'WRONG CASE'
}

@test "a fault that no case catches fails" {
	mutants 'm | fake | dead | a.masked | a.masked.x'
	exits 1
	assert_output --partial -- 'MISSED'
	assert_output --partial -- '1 not as they should be'
}

@test "a fault that was missed beside other guests runs again, alone, and the table says so" {
	program a.shy 'console "[    1.0] timer_fault: dead struck 3"' 'plan 1' \
		"if mkdir $BATS_TEST_TMPDIR/seen 2>/dev/null; then pass x; else fail x \"it was late\" && status=1; fi"
	mutants 'm | fake | dead | a.shy | a.shy.x' 'n | fake | dead | a.caught | a.caught.y'
	exits 0
	assert_output --partial -- '2 caught'
	[ "$(row m | cut -f 1,6,8)" = "caught	a.shy.x	second run, alone: it was late" ]
	[[ $(row n) != *alone* ]]
}

@test "a fault that only another case catches fails" {
	mutants 'm | fake | dead | a.caught | a.caught.x'
	exits 1
	[[ $(row m) == $'WRONG CASE\tm\t'*'failed: a.caught.y'* ]]
}

@test "a fault that never struck fails, whatever was found" {
	program a.lucky 'plan 1' 'fail y' 'status=1'
	mutants 'm | fake | dead | a.lucky | a.lucky.y'
	exits 1
	[[ $(row m) == $'NO STRIKE\tm\tfake\tdead\t0\t'* ]]
}

@test "with no fault nothing may fail" {
	mutants 'm | fake | none | a.good | nothing'
	exits 0
	assert_output --partial -- '1 with no fault quiet'
	mutants 'm | fake | none | a.caught | nothing'
	exits 1
	assert_output --partial -- 'FALSE ALARM'
}

@test "what the kernel masks must strike and may not be found" {
	mutants 'm | fake | dead | a.masked | masked: a rule of the kernel'
	exits 0
	[[ $(row m) == $'masked\tm\t'*$'\ta rule of the kernel\t' ]]
	mutants 'm | fake | dead | a.good | masked: a rule'
	exits 1
	assert_output --partial -- 'NO STRIKE'
	mutants 'm | fake | dead | a.caught | masked: a rule'
	exits 1
	assert_output --partial -- 'NOT MASKED'
}

@test "an expected failure is not a finding, nor is one that didn't happen" {
	expect 'a.caught.y FAIL expires=2999-12-31 known' 'a.caught.x FAIL expires=2999-12-31 wished'
	mutants 'm | fake | dead | a.caught | a.caught.y'
	exits 1
	[[ $(row m) == $'MISSED\t'* ]]
}

@test "a fault whose cases were all skipped is not judged, and the table says why" {
	program a.skipped 'console "[    1.0] timer_fault: dead struck 8"' 'plan 2' 'pass x' 'skip y "the host is too busy"'
	mutants 'm | fake | dead | a.skipped | a.skipped.y'
	exits 2
	[[ $(row m) == $'not judged\t'*'SKIP a.skipped.y: the host is too busy'* ]]
	mutants 'm | fake | dead | a.skipped | a.skipped.*'
	exits 1
	[[ $(row m) == $'MISSED\t'* ]]
}

@test "a guest that doesn't boot is not judged" {
	printf 'exit 0\n' >"$FAKE_SCRIPTS/firmware"
	mutants 'm | fake | dead | a.caught | a.caught.y' 'n | fake | dead | b.none | a.x'
	exits 2
	assert_output --partial -- '2 not judged'
	[[ $(row n) == $'not judged\t'*'chooses no program'* ]]
}

@test "words for the kernel's command line make a guest of their own" {
	mutants 'm | x86+tsc=unstable+quiet | dead | a.caught | a.caught.y'
	exits 0
	grep -x 'cmdline = no_timer_check tsc=unstable quiet' "$RESULTS/mutants/m/x86.conf"
	grep -x 'arch = amd64' "$RESULTS/mutants/m/x86.conf"
}

@test "-q takes the quick part, patterns choose, -l lists and runs nothing" {
	local -a lines3=('a | fake | dead | a.caught | a.caught.y | quick' 'b | fake | dead | a.caught | a.caught.y')
	mutants "${lines3[@]}" -- -q
	exits 0
	assert_output --partial -- '1 caught'
	mutants "${lines3[@]}" -- b
	[[ -n $(row b) && -z $(row a) ]]
	rm -r "$RESULTS"
	mutants "${lines3[@]}" -- -l
	exits 0
	((${#lines[@]} == 2))
	[[ ! -e $RESULTS ]]
}

@test "the list that comes with it is understood" {
	run "$HARNESS/mutants" -l
	exits 0
	((${#lines[@]} > 20))
	SUBSET=quick run "$HARNESS/mutants" -l
	exits 0
}
