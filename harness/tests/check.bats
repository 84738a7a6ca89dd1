#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# How harness/check counts.

load helpers

setup() {
	HARNESS=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
}

# counted STATUS LINE... : what count.awk makes of a log of these lines, of a test that ended with this status
counted() {
	local status=$1
	shift
	printf '%s\n' "$@" | awk -v status="$status" -f "$HARNESS/report/count.awk"
}

@test "a test that bats skipped is skipped, not passed" {
	[ "$(counted 0 1..3 'ok 1 a' 'ok 2 b # skip needs root' 'ok 3 c # skip')" = '1 0 2' ]
	[ "$(counted 0 1..1 'ok 1 b # skip needs root')" = '0 0 1' ]
	[ "$(counted 1 1..3 'ok 1 a' 'not ok 2 b' 'ok 3 c # SKIP x')" = '1 1 1' ]
	# A name may speak of it.
	[ "$(counted 0 'ok 1 what is skipped, and a skip among passes' 'ok 2 no #skip')" = '2 0 0' ]
}

@test "libcheck's programs are counted test by test, whatever else the log says" {
	[ "$(counted 0 '100%: Checks: 7, Failures: 0, Errors: 0' '100%: Checks: 5, Failures: 0, Errors: 0')" = '12 0 0' ]
	[ "$(counted 2 '50%: Checks: 4, Failures: 1, Errors: 1' 'ok 1 x # skip no')" = '2 2 0' ]
}

@test "what lists no tests counts as one, and a bad exit code is a failure" {
	[ "$(counted 0)" = '1 0 0' ]
	[ "$(counted 0 'CONFORMS')" = '1 0 0' ]
	[ "$(counted 1)" = '0 1 0' ]
	[ "$(counted 1 'ok 1 a' 'ok 2 b')" = '2 1 0' ]
	[ "$(counted 99 '100%: Checks: 7, Failures: 0, Errors: 0')" = '7 1 0' ]
}

@test "a test that takes too long for all runs is run where it is named, and only there" {
	run "$HARNESS/check" -l
	assert_line gate-host
	refute_line gate-machine
	run "$HARNESS/check" -l 'gate-*'
	assert_line gate-host
	refute_line gate-machine
	run "$HARNESS/check" -l gate-machine
	assert_output gate-machine
}
