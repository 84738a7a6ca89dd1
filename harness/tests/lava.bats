#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# harness/lava: what a job's log becomes, by the log of a real one (lava/hang.log.xz: GUEST=x86, cases that pass, one that fails, a program that hangs; its
# guest's journal is beside it), and what a guest says to LAVA. harness/check lava runs a job.
# shellcheck disable=SC2016

load helpers

setup() {
	fake_setup
	unset GUEST TICKPROOF_FAKE
	mkdir -p "$RESULTS/lava/x86"
	cp "$BATS_TEST_DIRNAME/lava/journal.log" "$RESULTS/lava/x86/"
	LOG=$BATS_TEST_TMPDIR/log
	xz -dc "$BATS_TEST_DIRNAME/lava/hang.log.xz" >"$LOG"
}

# lava ARG... : run it; $status, $output
lava() { run "$HARNESS/lava" "$@"; }

# refuses TEXT ARG... : exit code 2 and one line that holds TEXT
refuses() {
	lava "${@:2}"
	exits 2
	((${#lines[@]} == 1))
	assert_output --partial -- "$1"
}

# outcome ID -> what became of that case in the last run
outcome() { awk -F '\t' -v id="$1" '$1 == "case" && $3 == id { print $4 }' "$RESULTS/latest/records.tsv"; }

@test "what isn't understood is refused in one line" {
	refuses 'say what to do'
	refuses 'submit: no such command' submit
	refuses 'which guests?' jobs
	refuses 'URL=ftp://x: give a URL' jobs URL=ftp://x GUESTS=x86
	refuses 'TIMEOUT=x: give a number of seconds' jobs TIMEOUT=x GUESTS=x86
	refuses 'give the name of a job and its log' results x86
	refuses 'no such log' results x86 /nowhere
	refuses 'results are those of a job' results nosuch "$LOG"
	refuses 'no jobs in' run
	echo '[]' >"$LOG"
	refuses 'is no log of a LAVA job' results x86 "$LOG"
	[[ -z $(compgen -G "$RESULTS/run-*") ]]
}

@test "a job's log becomes a run, judged, that has LAVA's results" {
	lava results x86 "$LOG"
	exits 1
	assert_output --partial 'HANG extra.zhang.bad: without a word until LAVA ended the job (timed out after 40 seconds)'
	assert_output --partial 'LAVA has the same results: 21 cases, and 3 measurements'
	[[ $(outcome clockevents.sysfs_contract.modes) == PASS && $(outcome extra.bad.x) == FAIL && $(outcome extra.zhang.bad) == HANG ]]
	agree "$RESULTS/latest"
	# As lavacli prints it.
	sed -i 's/^/- /' "$LOG"
	lava results x86 "$LOG"
	exits 1
	assert_output --partial 'LAVA has the same results: 21 cases'
}

@test "a result that LAVA has not, or has otherwise, is no verdict" {
	sed -i '/"results".*sysfs_contract\.modes/d' "$LOG"
	lava results x86 "$LOG"
	exits 2
	assert_output --partial 'LAVA and the judge disagree on 1 cases (a line lost on the console?): clockevents.sysfs_contract.modes: LAVA has nothing, the judge pass'
	sed -i '/"results".*extra\.bad\.x/s/"result": "fail"/"result": "pass"/' "$LOG"
	lava results x86 "$LOG"
	exits 2
	assert_output --partial 'disagree on 2 cases'
}

@test "a job that did not boot was not judged; a panic and a dead CPU are what they are" {
	local ready
	ready=$(grep -n '"target".*# guest ready' "$LOG" | cut -d : -f 1)
	head -n "$((ready - 1))" "$LOG" >"$LOG.cut"
	lava results x86 "$LOG.cut"
	exits 2
	assert_output --partial 'LAVA ended the job before the guest was ready'
	sed '/"target".*BEGIN extra.zhang/s/$/\n{"dt": "2026-11-29T21:48:00.0", "lvl": "target", "msg": "[   40.1] Kernel panic - not syncing: on purpose"}/' "$LOG" >"$LOG.panic"
	lava results x86 "$LOG.panic"
	exits 1
	[[ $(outcome extra.zhang.bad) == PANIC ]]
	sed '/"target".*not ok 1 extra.bad.x/s/^.*$/{"dt": "2026-11-29T21:47:59.0", "lvl": "target", "msg": "# DEAD cpu=1 device=hpet: no interrupt"}\n&/; s/# it was late/# DEAD: no interrupt/' "$LOG" >"$LOG.dead"
	lava results x86 "$LOG.dead"
	exits 1
	[[ $(outcome extra.bad.x) == DEAD && $(outcome extra.zhang.end) == UNRUN ]]
}

@test "what a guest says to LAVA: each result and measurement once more; after a death nothing more is begun" {
	cat >"$BATS_TEST_TMPDIR/said" <<'END'
KTAP version 1
1..3
# BEGIN a.b.c
# metric a.b.c late_p50=12.5 ns
# metric a.b.c tiny=1e-5 s
ok 1 a.b.c
# ok 2 a.b.d.cpu0 # SKIP none here
# # metric a.b.d.cpu0 drift=-3 ppm
not ok 3 a.b.e # DEAD: no interrupt
ok 1 selftests: tickproof/a: b
# EXIT a.b 1 7
# RUN a.c
END
	for shell in "busybox sh" bash dash; do
		run $shell "$HARNESS/guest/signals" <"$BATS_TEST_TMPDIR/said"
		exits 0
		assert_line '<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=a.b.c.late_p50 RESULT=pass UNITS=ns MEASUREMENT=12.5>'
		assert_line --regexp '^<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=a\.b\.c RESULT=pass UNITS=seconds MEASUREMENT=[0-9]+\.[0-9][0-9]>$'
		assert_line --partial 'TEST_CASE_ID=a.b.d.cpu0 RESULT=skip'
		assert_line '<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=a.b.d.cpu0.drift RESULT=pass UNITS=ppm MEASUREMENT=-3>'
		assert_line --partial 'TEST_CASE_ID=a.b.e RESULT=fail'
		[[ $(grep -c LAVA_SIGNAL <<<"$output") == 5 && ${lines[-1]} == '# guest done' && $output != *a.c* ]]
	done
}
