#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# bench: what it refuses, and its table from a recorded run.

load helpers

setup() {
	HARNESS=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	export RESULTS=$BATS_TEST_TMPDIR/results NO_COLOR=1
	unset GUEST PEER PEER_LIMIT
}

# refuses TEXT ARG... : exit code 2, one line that holds TEXT, and nothing is made
refuses() {
	local text=$1
	shift
	run "$HARNESS/bench" "$@"
	exits 2
	((${#lines[@]} == 1)) || {
		echo "$output"
		return 1
	}
	assert_output --partial -- "$text"
	[[ ! -e $RESULTS ]]
}

# recorded : what a run on a 2-CPU machine left, in the form bench.awk reads
recorded() {
	cat >"$BATS_TEST_TMPDIR/live.log" <<-'EOF'
		# selftests: tickproof/counter: cross_cpu
		# # metric counter.cross_cpu.counter observations=257759 observations
		# # metric counter.cross_cpu.counter handoff_ns=190 ns
		# # metric counter.cross_cpu.counter reading_ns=20 ns
		# # metric counter.cross_cpu.counter observation_ns=200 ns
		# # metric counter.cross_cpu.counter of_possible=1.05 ratio
		# # Totals: pass:8 fail:1 xfail:0 xpass:0 skip:2 error:0
		# # metric counter.cost.reading counter=16.6 ns
		# # metric counter.cost.reading monotonic=25 ns
		# # metric counter.cost.reading monotonic_syscall=1046.9 ns
		# # metric counter.cost.reading raw=0 ns
		# # Totals: pass:1 fail:0 xfail:0 xpass:0 skip:0 error:0
	EOF
	printf '%s\t%s\t%s\n' gate guest arm64 gate how 'Linux 0.0, 2 CPUs' phase prepare 1.5 phase boot 5.25 phase tests 9.25 \
		diag a.b "DEAD cpu=1 device=dummy_timer: a sleep hadn't ended 2.01 s past its deadline, after 0 that had" \
		diag a.b 'DEAD cpu=0 device=dummy_timer: a sleep was 9.99 s past' verdict 0 CONFORMS >"$BATS_TEST_TMPDIR/dead.records.tsv"
	printf '%s\t%s\t%s\n' gate guest x86 gate how 'Linux 1.0' phase prepare 2 phase boot 6 phase tests 90 \
		verdict 1 'DOES NOT CONFORM' >"$BATS_TEST_TMPDIR/whole.records.tsv"
	printf '%s\t%s\t%s\n' nanosleep 0 8.2 threadtest 124 60.1 rtc 4 0.1 raw_skew 1 1.5 >"$BATS_TEST_TMPDIR/peers.tsv"
}

# table FILE... : what bench.awk prints of them
table() {
	run awk -v live=41.25 -v live_status=2 -v walls='16.5 100' -v limit=60 -f "$HARNESS/report/bench.awk" "${@/#/$BATS_TEST_TMPDIR/}"
	exits 0
}

# line PATTERN : a line of the table matches
line() {
	grep -qE -- "$1" <<<"$output" || {
		printf 'no line matches: %s\n%s\n' "$1" "$output"
		return 1
	}
}

@test "what isn't understood is refused in one line" {
	refuses 'unknown variable GEUST; known: GUEST' GEUST=x86
	refuses '"x86" is not VARIABLE=value' x86
	refuses 'GUEST=nowhere: no such guest' GUEST=nowhere
	refuses 'PEER=/nowhere: no tools/testing/selftests/timers there' PEER=/nowhere
	refuses 'PEER_LIMIT=0: give a number of seconds' PEER_LIMIT=0
	refuses 'PEER_LIMIT=long' PEER_LIMIT=long
}

@test "--help" {
	run "$HARNESS/bench" --help
	exits 0
	assert_output --partial -- 'usage: harness/bench'
}

@test "the table of a recorded run" {
	recorded
	table live.log dead.records.tsv whole.records.tsv peers.tsv
	line '^cross-CPU observations, of what can be +1\.05  200 ns an ordered observation; 190 ns a bare hand-off .* 20 ns the'
	line '^counter reads per monotonic +1\.51  40\.0 million/s, 25\.0 ns by the vDSO, 1047 ns by system call; .* 16\.6 ns$'
	line '^DEAD after the deadline +2\.01 s  arm64, CPU 1$'
	[[ $output != *9.99* ]]
	line '^safe tests, this machine +41\.2 s  9 passed, 1 failed, 2 skipped: exit code 2$'
	line '^gate arm64 +16\.5 s  prepare 1\.5, boot 5\.2, tests 9\.2, report 0\.5; Linux 0\.0, 2 CPUs; CONFORMS$'
	line '^gate x86 +100\.0 s  prepare 2\.0, boot 6\.0, tests 90\.0, report 2\.0; Linux 1\.0; DOES NOT CONFORM$'
	line '^peer nanosleep +8\.2 s  passed$'
	line '^peer threadtest +60\.1 s  ended at the limit of 60 s$'
	line '^peer rtc +0\.1 s  skipped$'
	line '^peer raw_skew +1\.5 s  exit code 1$'
	line '^peers, all +69\.9 s '
}

@test "what was not measured is a dash, never a number" {
	recorded
	: >"$BATS_TEST_TMPDIR/peers.tsv"
	table live.log peers.tsv
	line '^counter reads per raw +-  - million/s, 0\.0 ns'
	line '^counter reads per tai +-  - million/s, - ns by the vDSO, - ns by system call'
	[[ $output != *gate* && $output != *peer* && $output != *DEAD* ]]
	: >"$BATS_TEST_TMPDIR/live.log"
	table live.log
	line '^cross-CPU observations, of what can be +-  - ns an ordered'
	line '0 passed, 0 failed, 0 skipped'
}
