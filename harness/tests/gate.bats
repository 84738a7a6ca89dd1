#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The gate as a command: its arguments, its lock, its results, and being interrupted.
# shellcheck disable=SC2016,SC2030,SC2031,SC2119,SC2120

load helpers

setup() {
	fake_setup
	program a.one 'plan 1' 'pass x'
}

teardown() {
	[[ -z ${gate_pid:-} ]] || kill -KILL "$gate_pid" 2>/dev/null || :
}

# refuses TEXT ARG... : exit code 2, one line that holds TEXT, and no run left behind
refuses() {
	local text=$1
	shift
	gate "$@"
	exits 2
	((${#lines[@]} == 1)) || {
		echo "$output"
		return 1
	}
	assert_output --partial -- "$text"
	[[ -z $(ls "$RESULTS" 2>/dev/null) ]]
}

# gate_alone ARG... : a gate in the background, with the signals of an interactive one; sets gate_pid
gate_alone() {
	env --default-signal=INT "$HARNESS/gate" "$@" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
	gate_pid=$!
}

# ended : reap the gate; $status and $output are its own
ended() {
	status=0
	wait "$gate_pid" || status=$?
	gate_pid=
	output=$(<"$BATS_TEST_TMPDIR/out")
	mapfile -t lines <<<"$output"
}

# in_journal PATTERN : the run that goes on has such a line
in_journal() { grep -q -- "$1" "$RESULTS"/run-*/journal.log; }

# no_guest : none of the fake guests of this test is left
no_guest() {
	local pid
	[[ -e $FAKE_SCRIPTS/pids ]] || return 0
	while read -r pid; do
		! kill -0 "$pid" 2>/dev/null || return 1
	done <"$FAKE_SCRIPTS/pids"
}

@test "what isn't understood is refused in one line" {
	refuses 'unknown variable GEUST; known: GUEST' GEUST=x86
	refuses '"x86" is not VARIABLE=value' x86
	refuses 'CPUS=0: give a number from 1 to 64' CPUS=0
	refuses 'CPUS=65' CPUS=65
	refuses 'CPUS=two' CPUS=two
	refuses 'BOOT_TIMEOUT=soon' BOOT_TIMEOUT=soon
	refuses 'EXPECTED=/nowhere: no such file' EXPECTED=/nowhere
	refuses 'EXTRA_DIR=/nowhere: no such directory' EXTRA_DIR=/nowhere
	refuses 'TESTS=b.* chooses no program; there are: a.one' 'TESTS=b.*'
	refuses "GUEST=../x y: a guest's name" 'GUEST=../x y'
	expect 'a.one.x DEAD'
	refuses 'expected.txt:1: expires='
}

@test "a line break or an escape sequence in a variable is refused, and shown harmless" {
	local name
	for name in GUEST KERNEL ACCEL MODULES TESTS EXTRA_DIR EXPECTED RESULTS BOOTS; do
		RESULTS=$BATS_TEST_TMPDIR/results refuses "$name: a line break or another control character" "$name"=$'a\n1 1 > run a.one 7'
		RESULTS=$BATS_TEST_TMPDIR/results refuses "$name: a line break or another control character" "$name"=$'\e[31m'
	done
	refuses '"?[2J??"' $'\e[2J\a\302\233'
}

@test "no name that the harness uses is taken from the environment" {
	local victim=$BATS_TEST_TMPDIR/victim script
	local -a names
	mkdir "$victim"
	mapfile -t names < <(cat "$HARNESS"/{gate,soak,bench,mutants,check} "$HARNESS"/{lib,prepare,watch,judge}/*.sh | grep -oE '\b[A-Za-z_][A-Za-z0-9_]*' | sort -u |
		grep -vxE 'GUESTS?|KERNELS?|IMAGES|PERF|EXPORT|ACCEL|CPUS|MODULES|TESTS|EXTRA_DIR|EXPECTED|RESULTS|BOOTS|N|LOAD|JOBS|SUBSET|PEER|CC|IMAGE|INITRD|IMAGE_EXTERNAL|DOMAIN|VIRSH_CMD|FIRMWARE|WAY_IN|SKIP_MAX|HOST|SSH_CMD|REBOOT_CMD|CONSOLE_CMD|I_KNOW_THIS_MAY_HANG_THE_MACHINE|(TICKPROOF|FAKE|LD|LC|SUDO|BASH).*|.*_(LIMIT|TIMEOUT|GRACE|WAIT|proxy)|(PATH|HOME|TMPDIR|TERM|TZ|LANG|USER|SHELL|EUID|SHELLOPTS|_)')
	((${#names[@]} > 500))
	[[ " ${names[*]} " == *' GUEST_DIR '*' lock '* ]]
	names=("${names[@]/%/=$victim}")
	run env "${names[@]}" "$HARNESS/gate" CPUS=0
	exits 2
	((${#lines[@]} == 1))
	run env "${names[@]}" "$HARNESS/gate"
	exits 0
	assert_output --partial -- '1 passed, 0 failed'
	run env "${names[@]}" "$HARNESS/soak" N=1 LOAD=0
	exits 0
	for script in bench mutants check; do
		run env "${names[@]}" "$HARNESS/$script" --nonsense
		exits 2
		((${#lines[@]} == 1))
	done
	[[ -d $victim && -z $(ls -A "$victim") ]]
}

@test "file names that look like options or assignments" {
	local name
	cd "$BATS_TEST_TMPDIR"
	program extra.mine 'plan 1' 'fail x "as wanted"' 'status=1'
	for name in a=1 -v -x=y; do
		mkdir -- "./extra$name"
		install -m 755 /dev/null "./extra$name/mine"
		echo 'extra.mine.x FAIL expires=2999-01-01 wanted' >"./$name"
		mv "./extra$name" "./$name.d"
		gate EXPECTED="$name" RESULTS="$name.res" EXTRA_DIR="$name.d"
		exits 0
		assert_output --partial -- '2 passed (1 of them failed as expected), 0 failed'
		assert_output --partial -- "CONFORMS  $name.res/latest"
		[[ -e ./$name.res/latest/report.ktap ]]
	done
	gate RESULTS='back\tslash'
	assert_output --partial -- 'CONFORMS  back\tslash/latest'
}

@test "--help, and TESTS chooses" {
	gate --help
	exits 0
	assert_output --partial -- 'usage: harness/gate'
	program a.two 'plan 1' 'fail x broken' 'status=1'
	gate 'TESTS=b.* a.on?'
	exits 0
	assert_output --partial -- '1 passed, 0 failed'
	[[ $(lines_in journal.log 'left-out a.two') == 1 ]]
	FAKE_TESTS='a.one' gate
	exits 0
	assert_output --partial -- "tests of fake: a.one (TESTS='*' runs all)"
	FAKE_TESTS='a.one' gate 'TESTS=*'
	exits 1
}

@test "programs of the user's own come from EXTRA_DIR" {
	mkdir "$BATS_TEST_TMPDIR/extra"
	install -m 755 /dev/null "$BATS_TEST_TMPDIR/extra/mine"
	program extra.mine 'plan 1' 'fail x "as wanted"' 'status=1'
	gate EXTRA_DIR="$BATS_TEST_TMPDIR/extra" TESTS='extra.*'
	exits 1
	assert_output --partial -- 'DOES NOT CONFORM: extra.mine.x: as wanted'
}

@test "no room on the disk" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '%s\n' '#!/bin/sh' 'echo; echo "/dev/x 9000 8900 100 99% /"' >"$BATS_TEST_TMPDIR/bin/df"
	chmod +x "$BATS_TEST_TMPDIR/bin/df"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH refuses 'only 100 MB free in'
}

@test "results/latest moves only to whole runs, and every run keeps its own directory" {
	gate
	exits 0
	local first
	first=$(readlink "$RESULTS/latest")
	gate
	exits 0
	[[ $(readlink "$RESULTS/latest") != "$first" && -d $RESULTS/$first ]]
	[[ $first =~ ^run-[0-9]{8}T[0-9]{6}Z-fake\+*$ ]]
}

@test "two gates at once in one checkout: the second is refused, the first goes on" {
	program a.one 'plan 1' 'begin x' 'nap 2' 'result ok x'
	SILENCE_TIMEOUT=5 gate_alone
	wait_for in_journal 'BEGIN a.one.x'
	gate
	exits 2
	assert_output --partial -- 'another gate is running here'
	((${#lines[@]} == 1))
	ended
	exits 0
}

@test "interrupted in a test: no guest left, a readable partial result" {
	local signal code
	program a.one 'plan 2' 'pass x' 'begin y' 'hang deaf'
	for signal in INT TERM; do
		rm -rf "$RESULTS"
		SILENCE_TIMEOUT=30 gate_alone
		wait_for in_journal 'BEGIN a.one.y'
		kill -"$signal" "$gate_pid"
		ended
		code=130
		[[ $signal == INT ]] || code=143
		exits "$code"
		assert_output --partial -- "COULD NOT BE JUDGED: interrupted in a.one.y; a partial result is in  $RESULTS/latest"
		assert_output --partial -- '1 passed, 0 failed'
		grep -q '    ok 1 a.one.x' "$RESULTS/latest/report.ktap"
		no_guest
		no_scratch
	done
}

@test "interrupted while it boots, or before: one line, nothing left" {
	program firmware 'hang deaf'
	gate_alone
	wait_for in_journal '> boot'
	kill -INT "$gate_pid"
	ended
	exits 130
	assert_output --partial -- 'COULD NOT BE JUDGED: interrupted'
	no_guest
	rm -rf "$RESULTS"
	: >"$FAKE_SCRIPTS/slow_build"
	gate_alone
	wait_for test -e "$FAKE_SCRIPTS/building"
	kill -TERM "$gate_pid"
	ended
	exits 143
	assert_output --partial -- 'interrupted by TERM before the guest was booted: nothing was judged'
	((${#lines[@]} == 1))
	[[ -z $(ls "$RESULTS") ]]
	no_scratch
	rm -rf "$RESULTS"
	# Between the run's beginning and its first boot.
	printf '%s\n' '. "$HARNESS/tests/fake.sh"' 'take() { kill -TERM "$$"; return 1; }' >"$BATS_TEST_TMPDIR/fake.sh"
	TICKPROOF_FAKE=$BATS_TEST_TMPDIR/fake.sh gate
	exits 143
	assert_output --partial -- 'COULD NOT BE JUDGED: interrupted before any test began'
}

@test "interrupted while sysrq is asked: still a result" {
	program a.one 'plan 1' 'begin x' 'hang'
	SYSRQ_WAIT=5 gate_alone
	wait_for in_journal '> HANG a.one.x'
	kill -TERM "$gate_pid"
	ended
	exits 143
	assert_output --partial -- 'HANG a.one.x'
	no_guest
}

@test "killed outright it leaves no guest, and the next gate tidies up" {
	program a.one 'plan 1' 'begin x' 'hang deaf'
	SILENCE_TIMEOUT=30 gate_alone
	wait_for in_journal 'BEGIN a.one.x'
	kill -KILL "$gate_pid"
	wait "$gate_pid" || :
	gate_pid=
	wait_for no_guest
	program a.one 'plan 1' 'pass x'
	gate
	exits 0
	no_scratch
}

@test "only a verdict is exit code 1 or 0: closed or full outputs, a reader that leaves, a directory named latest" {
	local script code
	for script in 'pass x' 'fail x late'; do
		program a.one 'plan 1' "$script" 'status=$FAKE_STATUS'
		code=0
		[[ $script != fail* ]] || code=1
		export FAKE_STATUS=$code
		gate
		exits $code
		run bash -c '"$0" >&-' "$HARNESS/gate"
		exits 2
		run bash -c '"$0" 2>&-' "$HARNESS/gate"
		exits 2
		run bash -c '"$0" >/dev/full' "$HARNESS/gate"
		exits 2
		assert_output --partial -- 'cannot be written to the standard output'
		run bash -c '"$0" 2>/dev/full' "$HARNESS/gate"
		exits $code
		run bash -c '"$0" 2>&1 | true; exit ${PIPESTATUS[0]}' "$HARNESS/gate"
		exits $code
	done
	rm -rf "$RESULTS"
	mkdir -p "$RESULTS/latest/kept"
	gate
	exits 2
	assert_output --partial -- "$RESULTS/latest is not a link to a run"
	((${#lines[@]} == 1))
	[[ $(ls "$RESULTS") == latest && -d $RESULTS/latest/kept ]]
}

@test "killed outright before the kernel knows that the guest is to die with it: still no guest" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '%s\n' '#!/bin/bash' ': >"$FAKE_SCRIPTS/starting"' 'sleep 0.5' "exec $(command -v setpriv) \"\$@\"" >"$BATS_TEST_TMPDIR/bin/setpriv"
	chmod +x "$BATS_TEST_TMPDIR/bin/setpriv"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH gate_alone
	wait_for test -e "$FAKE_SCRIPTS/starting"
	kill -KILL "$gate_pid"
	wait "$gate_pid" || :
	gate_pid=
	sleep 1
	[[ ! -e $FAKE_SCRIPTS/pids ]]
}

@test "a host that is stopped for longer than a limit: nobody hung" {
	local guest
	program a.one 'plan 2' 'pass x' 'begin y' 'nap 2' 'result ok y'
	FAKE_PROGRAM_TIMEOUT=5 SILENCE_TIMEOUT=4 gate_alone
	wait_for in_journal 'BEGIN a.one.y'
	guest=$(<"$FAKE_SCRIPTS/pids")
	kill -STOP "$guest" "$gate_pid"
	sleep 6
	kill -CONT "$gate_pid" "$guest"
	ended
	exits 0
	assert_output --partial -- '2 passed'
}

@test "run by sudo, what it leaves belongs to the user" {
	((EUID == 0)) || skip 'needs root'
	mkdir -p "$RESULTS/theirs" "$TICKPROOF_CACHE"
	touch -d yesterday "$RESULTS/theirs/file" "$TICKPROOF_CACHE/theirs"
	read -r -t 1.1 <> <(:) || :
	SUDO_UID=12345 SUDO_GID=12345 gate
	exits 0
	[[ $(stat -c %u "$RESULTS/latest/report.ktap" "$RESULTS/latest" "$RESULTS/.lock" "$TICKPROOF_CACHE"/selftests-fake* | sort -u) == 12345 ]]
	# What it did not make stays whose it was.
	[[ $(stat -c %u "$RESULTS" "$RESULTS/theirs" "$RESULTS/theirs/file" "$TICKPROOF_CACHE/theirs" | sort -u) == 0 ]]
	rm -rf "$RESULTS"
	SUDO_UID=12345 SUDO_GID=12345 RESULTS=$RESULTS/new/deep gate
	exits 0
	[[ $(stat -c %u "$RESULTS" "$RESULTS/new" "$RESULTS/new/deep/latest/journal.log" | sort -u) == 12345 ]]
}

# side_by_side LINE... : a.first, which changes nothing, and b.second and b.third, which do; the first two meet, then do LINE...
side_by_side() {
	export BOOTS=2
	rm -f "$FAKE_SCRIPTS/a.one"
	program a.first 'plan 1' 'begin x' ': >$FAKE_SCRIPTS/first' 'until [[ -e $FAKE_SCRIPTS/second ]]; do nap 0.05; done' "$@" 'result ok x'
	program b.second ': disruptive' 'plan 1' 'begin x' ': >$FAKE_SCRIPTS/second' 'until [[ -e $FAKE_SCRIPTS/first ]]; do nap 0.05; done' "$@" \
		'result ok x'
	program b.third ': disruptive' 'plan 1' 'pass x'
}

@test "two boots side by side: what changes the system runs in the second, and one journal holds both" {
	side_by_side
	SILENCE_TIMEOUT=5 gate
	exits 0
	assert_output --partial -- '3 passed, 0 failed'
	[[ $(lines_in journal.log '> boot') == 2 && $(wc -l <"$FAKE_SCRIPTS/pids") == 2 ]]
	[[ $(lines_in journal.log ' 1 [0-9]* < # RUN a.first') == 1 && $(lines_in journal.log ' 2 [0-9]* < # RUN b.second') == 1 ]]
	[[ $(lines_in journal.log '< # RUN b.third') == 1 ]]
	[[ $(lines_in console.log 'Linux version 0') == 2 && ! -e $RESULTS/latest/journal2.log ]]
	rm "$FAKE_SCRIPTS"/{first,second}
	BOOTS=1 SILENCE_TIMEOUT=1 gate
	exits 1
	assert_output --partial -- 'HANG a.first.x'
}

@test "side by side, the second boot has a part of what changes nothing, and has it first" {
	export BOOTS=2
	rm -f "$FAKE_SCRIPTS/a.one"
	for name in a b c d e f g h i; do program "a.$name" 'plan 1' 'begin x' 'nap 0.2' 'result ok x'; done
	for name in a b c; do program "b.$name" ': disruptive' 'plan 1' 'pass x'; done
	gate
	exits 0
	assert_output --partial -- '12 passed, 0 failed'
	awk '$3 == 2 && / > run / { if (/ b\./) changed = 1; else { if (changed) exit 1; first++ } } END { exit !(changed && first >= 1 && first <= 4) }' \
		"$RESULTS/latest/journal.log"
}

@test "side by side, a hang in one boot leaves the other alone, and what is left runs in a fresh boot" {
	side_by_side '[[ $program == a/first ]] || hang'
	gate
	exits 1
	assert_output --partial -- 'HANG b.second.x'
	assert_output --partial -- '2 passed, 1 failed'
}

@test "side by side, interrupted or killed outright: no guest left" {
	local signal
	side_by_side 'hang deaf'
	for signal in INT TERM KILL; do
		rm -rf "$RESULTS" "$FAKE_SCRIPTS"/{first,second}
		SILENCE_TIMEOUT=30 gate_alone
		wait_for test -e "$FAKE_SCRIPTS/first"
		wait_for test -e "$FAKE_SCRIPTS/second"
		kill -"$signal" "$gate_pid"
		if [[ $signal == KILL ]]; then
			wait "$gate_pid" || :
			gate_pid=
			wait_for no_guest
			continue
		fi
		ended
		if [[ $signal == INT ]]; then exits 130; else exits 143; fi
		assert_output --partial -- 'COULD NOT BE JUDGED: interrupted in '
		no_guest
		no_scratch
	done
}

@test "soak: every gate's verdict, a summary, and the worst exit code" {
	run "$HARNESS/soak" N=2 LOAD=0
	exits 0
	assert_output --partial -- '2/2  '
	assert_output --partial -- '2 conform, 0 do not, 0 could not be judged'
	run bash -c '"$0" N=1 LOAD=0 | true; exit ${PIPESTATUS[0]}' "$HARNESS/soak"
	exits 0
	program a.one 'plan 1' 'fail x late' 'status=1'
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '%s\n' '#!/bin/sh' 'echo $$ >>"$FAKE_SCRIPTS/pids"' 'exec sleep 60' >"$BATS_TEST_TMPDIR/bin/stress-ng"
	chmod +x "$BATS_TEST_TMPDIR/bin/stress-ng"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH run "$HARNESS/soak" N=1 LOAD=1
	no_guest
	exits 1
	assert_output --partial -- 'DOES NOT CONFORM: a.one.x: late'
	assert_output --partial -- '0 conform, 1 do not, 0 could not be judged'
	run "$HARNESS/soak" N=0
	exits 2
}

@test "the time a program may take grows with the guest's CPUs" {
	local of=$BATS_TEST_TMPDIR/settings
	eval "$(sed -n '/^timeout_of() {/,/^}/p' "$HARNESS/gate")"
	# shellcheck disable=SC2034  # of timeout_of
	declare -A GUEST_CONF=([cpus]=2)
	[[ $(timeout_of "$BATS_TEST_TMPDIR/none") == 45 ]]
	printf '%s\n' timeout=60 '# a comment' timeout_per_cpu=5 'timeout=$((kselftest_timeout + 1))' >"$of"
	[[ $(timeout_of "$of") == 70 ]]
	[[ $(CPUS=64 timeout_of "$of") == 380 ]]
	echo timeout=120 >"$of"
	[[ $(CPUS=64 timeout_of "$of") == 120 ]]
}

@test "interrupted while the reports are made: at once, no half of one, and latest is what it was" {
	gate
	exits 0
	local latest signal code
	latest=$(readlink "$RESULTS/latest")
	mkdir "$BATS_TEST_TMPDIR/bin"
	# Half a report, and no end of it.
	printf '%s\n' '#!/bin/bash' 'echo "{"' 'echo $$ >>"$FAKE_SCRIPTS/pids"' ': >"$FAKE_SCRIPTS/reporting"' 'exec sleep 60' >"$BATS_TEST_TMPDIR/bin/jq"
	chmod +x "$BATS_TEST_TMPDIR/bin/jq"
	for signal in INT TERM; do
		rm -f "$FAKE_SCRIPTS/reporting"
		PATH=$BATS_TEST_TMPDIR/bin:$PATH gate_alone
		wait_for test -e "$FAKE_SCRIPTS/reporting"
		[[ -n $(find "$RESULTS" -name .part) ]]
		SECONDS=0
		kill -"$signal" "$gate_pid"
		ended
		code=130
		[[ $signal == INT ]] || code=143
		exits "$code"
		((SECONDS < 10))
		assert_output --partial -- "interrupted by $signal while the reports were made: nothing was judged"
		[[ $(readlink "$RESULTS/latest") == "$latest" && -z $(find "$RESULTS" -name .part) ]]
		wait_for no_guest
		no_scratch
	done
}

@test "a reader that goes away in the middle doesn't change the verdict" {
	local -a codes
	program a.one 'plan 1' 'fail x broken' 'status=1'
	"$HARNESS/gate" 2>/dev/null | true
	codes=("${PIPESTATUS[@]}")
	((codes[0] == 1))
	program a.one 'plan 1' 'pass x'
	"$HARNESS/gate" 2>/dev/null | head -n 1
	codes=("${PIPESTATUS[@]}")
	((codes[0] == 0))
}
