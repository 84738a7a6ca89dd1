#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# What a journal proves: judge.awk on journals written here, good, bad and forged.
# shellcheck disable=SC2016,SC2119,SC2120

load helpers

setup() {
	judge_setup
	RUN=$BATS_TEST_TMPDIR/run EXPECTED=$BATS_TEST_TMPDIR/expected.txt
	mkdir -p "$RUN"
}

# edit SED-SCRIPT : change the journal, and make it whole again
edit() {
	sed -i "$1" "$RUN/journal.log"
	cp "$RUN/journal.log" "$RUN/edited"
	seal <"$RUN/edited"
}

# judged CODE [TEXT] : the journal comes to this exit code, and the verdict's line holds TEXT
judged() {
	judge "$EXPECTED"
	records=$(<"$RUN/records.tsv")
	records=${records//$'\t'/ }
	[[ $records == *$'\n'"verdict $1 "*"${2:-}"* ]] || {
		printf 'wanted %s and: %s\n%s\n' "$1" "${2:-}" "$records"
		return 1
	}
}

# record REGEX : there is such a record (blanks stand for tabs)
record() {
	local line
	while read -r line; do
		[[ ! $line =~ $1 ]] || return 0
	done <<<"$records"
	printf 'no record: %s\n%s\n' "$1" "$records"
	return 1
}

A='# BEGIN a.one.a' B='# BEGIN a.one.b.cpu1'

@test "healthy: conforms, with facts, metrics and a sound report" {
	one 'KTAP version 1' 1..3 '# fact cpu1.device_before=Hyper-V "clock" \event' "$A" 'ok 1 a.one.a' "$B" \
		'# metric a.one.b.cpu1 late_p50=412000.5 ns' 'ok 2 a.one.b.cpu1' '# BEGIN a.one.c' 'ok 3 a.one.c # SKIP no hpet' 0
	judged 0
	ktap_sound
	record '^count 3 0 0 1$'
	report
	[[ $(jq -r '.guest["cpu1.device_before"]' "$RUN/facts.json") == 'Hyper-V "clock" \event' ]]
	[[ $(jq -r '.verdict.words' "$RUN/facts.json") == CONFORMS ]]
	[[ $(tail -n 1 "$RUN/metrics.tsv") == $'a.one.b.cpu1\tlate_p50\t412000.5\tns' ]]
}

@test "a guest that was held up: what the host did is for people, its question is no word of the test's" {
	one 1..1 "$A" '# HOST pause 2' '> held pause 2: held 1 2 3 4' 'ok 1 a.one.a' 0
	judged 0
	record '^diag a.one held: pause 2: held 1 2 3 4$'
	[[ $records != *HOST* ]]
	write '# HOST pause 2' '> run a.one' '# RUN a.one' 1..1 "$A" 'ok 1 a.one.a' '# EXIT a.one 0' '> run a.two' '# RUN a.two' 1..1 '# BEGIN a.two.x' 'ok 1 a.two.x' \
		'# EXIT a.two 0' '# guest done'
	judged 2 'a line of a test outside any program'
}

@test "a failure does not conform, and its message is the sentence" {
	one 1..2 "$A" 'not ok 1 a.one.a # woke 3 ms early' "$B" 'ok 2 a.one.b.cpu1' 1
	judged 1 'a.one.a: woke 3 ms early'
	ktap_sound
}

@test "a plan of more than nine" {
	local -a results=()
	local i
	for i in {1..12}; do
		results+=("# BEGIN a.one.c$i" "ok $i a.one.c$i")
	done
	one 1..12 "${results[@]}" 0
	judged 0
	record '^count 13 0 0 0$'
}

@test "a deferred attempt begins twice and is no error" {
	one 1..2 "$A" "$B" 'ok 1 a.one.b.cpu1' "$A" 'ok 2 a.one.a' 0
	judged 0
}

@test "a result before its case began is not counted" {
	one 1..1 'ok 1 a.one.a' 0
	judged 1 'missing'
	record 'PROTOCOL fail.*a result before its case began: a.one.a \(journal.log line 11\)'
	ktap_sound
}

@test "a result before RUN, before the guest was ready, or after the end is not counted" {
	write 'ok 1 a.one.a' '> run a.one' 'ok 1 a.one.a' '# RUN a.one' 1..1 "$A" 'ok 1 a.one.a' '# EXIT a.one 0' 'ok 1 a.one.a' \
		'> run a.two' '# RUN a.two' 1..1 '# BEGIN a.two.x' 'ok 1 a.two.x' '# EXIT a.two 0' '# guest done'
	judged 2 'broke the protocol: a result outside any program: a.one.a (journal.log line 8) and 2 more'
	edit 's/# guest ready/ok 1 a.one.a/'
	judged 2
	record 'before the guest was ready'
}

@test "a second result, a wrong number, one beyond the plan: none counts" {
	one 1..2 "$A" 'ok 1 a.one.a' 'ok 2 a.one.a' "$B" 'ok 2 a.one.b.cpu1' 0
	judged 2 'a second result for a.one.a'
	one 1..2 "$A" 'ok 2 a.one.a' "$B" 'ok 1 a.one.b.cpu1' 0
	judged 1 'missing'
	record 'result 2 of a.one.a is not number 1'
	one 1..1 "$A" 'ok 1 a.one.a' "$B" 'ok 2 a.one.b.cpu1' 0
	judged 1
	record 'plan of 1'
}

@test "a case of another program, or without a proper id, does not count" {
	one 1..1 '# BEGIN a.two.x' 'ok 1 a.two.x' "$A" 'ok 1 a.one.a' 0
	judged 2 'BEGIN a.two.x in a.one'
	record 'a result of another program in a.one: a.two.x'
	one 1..1 "$A" 'ok 1 a.one.a' 'ok 2 EVIL' 0
	judged 2 'without a proper id'
}

@test "a program that the host did not start does not count" {
	one 1..1 "$A" 'ok 1 a.one.a' '# EXIT a.one 0' '# RUN a.three' 1..1 '# BEGIN a.three.x' 'ok 1 a.three.x' 0
	judged 2 'RUN a.three, but the host let nothing run'
	record '^count 2 0'
}

@test "missing results, no plan, no results at all" {
	one 1..3 "$A" 'ok 1 a.one.a' 0
	judged 1 'a.one.end: ERROR: no result, 2 of 3 are missing'
	one 'hello' 0
	judged 1 'no plan'
	write '> run a.one' '# RUN a.one' 1..1 "$A" 'ok 1 a.one.a' '# EXIT a.one 0' '# guest done'
	judged 1 'a.two.end: ERROR: never ran'
	ktap_sound
}

@test "an exit code that disagrees with the results" {
	one 1..1 "$A" 'ok 1 a.one.a' 1
	judged 2 'a.one exited with status 1, its results say 0'
	one 1..1 "$A" 'not ok 1 a.one.a # broken' 0
	judged 1
	record 'its results say 1'
	one 1..1 "$A" 'ok 1 a.one.a # SKIP not here' 0
	judged 2 'its results say 4'
}

@test "a crash is blamed on the case that had begun" {
	one 1..2 "$A" 'ok 1 a.one.a' "$B" 139
	judged 1 'a.one.b.cpu1: ERROR: ended with status 139 (signal 11)'
	ktap_sound
}

@test "everything skipped can't be judged, and one skip among passes can" {
	write '> run a.one' '# RUN a.one' 1..1 "$A" 'ok 1 a.one.a # SKIP no such timer' '# EXIT a.one 4' \
		'> run a.two' '# RUN a.two' '1..0 # SKIP needs root' '# EXIT a.two 4' '# guest done'
	judged 2 'every case was skipped: no such timer'
	ktap_sound
	one '1..0 # SKIP needs root' 4
	judged 0
	ktap_sound
}

@test "DEAD: from the result, or from the observer's line when no result came" {
	one 1..1 "$A" '# DEAD cpu=1 device=dummy_timer waited=2.0' 'not ok 1 a.one.a # DEAD no interrupt in 2.0 s' 1
	judged 1 'a.one.a: DEAD: no interrupt in 2.0 s'
	record '^case a.one a.one.a DEAD fail'
	write '> run a.one' '# RUN a.one' 1..3 "$A" '# DEAD cpu=1 device=dummy_timer' '> ended after DEAD' '> off'
	judged 1 'a.one.a: DEAD: cpu=1 device=dummy_timer'
	ktap_sound
}

@test "DEAD can be said in one case and be the result of another, but not be taken back" {
	one 1..2 "$A" '# DEAD cpu=1 device=dummy_timer' 'ok 1 a.one.a' "$B" 'not ok 2 a.one.b.cpu1 # DEAD gone' 1
	judged 1 'a.one.b.cpu1: DEAD: gone'
	record '^count 2 0 1 0$'
	one 1..2 "$A" '# DEAD cpu=1 device=dummy_timer' 'ok 1 a.one.a' "$B" 'ok 2 a.one.b.cpu1' 0
	judged 1 'a.one.end: DEAD: cpu=1 device=dummy_timer'
	write '> run a.one' '# RUN a.one' 1..2 "$A" '# DEAD cpu=1 device=dummy_timer' 'ok 1 a.one.a' "$B" '> HANG a.one.b.cpu1 why'
	judged 1 'a.one.end: DEAD: cpu=1'
	record '^case a.one a.one.b.cpu1 HANG fail'
}

@test "HANG, PANIC, RESET and FLOOD are blamed on the case, or on the end of the program" {
	local kind
	for kind in HANG PANIC RESET FLOOD; do
		write '> run a.one' '# RUN a.one' 1..9 "$A" "> $kind a.one.a and why" 'ok 1 a.one.a' '> off' \
			'> boot qemu' '# guest ready' '> ready' '> run a.two' '# RUN a.two' 1..1 '# BEGIN a.two.x' 'ok 1 a.two.x' "> $kind a.two.end why"
		judged 1 "a.one.a: $kind: and why (and 1 more)"
		record "^case a.two a.two.end $kind fail"
		record '8 of 9 cases not reached'
		record '^count 1 0 2 0$'
		ktap_sound
	done
}

@test "no boot, a module that did not load, an interruption: not judged" {
	write '> NOBOOT guest not ready after 5 s'
	edit '/ready/{/NOBOOT/!d}'
	judged 2 'NO BOOT: guest not ready'
	ktap_sound
	write '> SETUP module x.ko: invalid parameters'
	judged 2 'module x.ko: invalid parameters'
	write '> run a.one' '# RUN a.one' 1..2 "$A" 'ok 1 a.one.a' "$B" '> interrupted INT' '> off'
	judged 130 'interrupted in a.one.b.cpu1'
	record '^count 1 0 0 0$'
	ktap_sound
	write '> run a.one' '# RUN a.one' 1..1 "$A" 'ok 1 a.one.a' '# EXIT a.one 0' '> interrupted INT' '> off'
	judged 130 'interrupted while no test ran; a partial result'
	write '> interrupted INT' '> off'
	judged 130 'interrupted before any test began;'
}

@test "an expected failure that happens is excused, by id or pattern" {
	local line
	one 1..2 "$A" 'not ok 1 a.one.a # DEAD gone' "$B" 'not ok 2 a.one.b.cpu1 # late' 1
	expect '# known' 'a.one.a DEAD expires=2999-01-01 dummy_timer is taken' 'a.one.b.cpu* FAIL expires=2999-01-01 a slow host'
	judged 0
	record '^count 1 2 0 0$'
	ktap_sound
	grep -q 'ok 1 a.one.a # XFAIL DEAD: gone (expected: dummy_timer is taken)' "$RUN/report.ktap"
}

@test "what is skipped because a CPU died as expected is not counted by SKIP_MAX; what else is skipped, is" {
	local -a words=('> gate skip_max=30' 1..3 "$A" '# DEAD cpu=1: gone' 'not ok 1 a.one.a # DEAD gone' "$B" 'ok 2 a.one.b.cpu1 # SKIP CPU 1 is dead' '# BEGIN a.one.c')
	one "${words[@]}" 'ok 3 a.one.c # SKIP CPU 1 is dead' 1
	judged 1
	expect 'a.one.a DEAD expires=2999-01-01 known'
	judged 0
	record '^count 1 1 0 2$'
	edit 's/ok 1 a.two.x$/& # SKIP no hpet/; s/EXIT a.two 0/EXIT a.two 4/'
	judged 2 '1 of 2 cases were skipped, more than SKIP_MAX=30 %, most often: no hpet'
	# Of another machine than the profile's, or not.
	one '> gate foreign=arm64 a' "${words[@]}" 'ok 3 a.one.c # SKIP CPU 1 is dead' 1
	edit 's/ok 1 a.two.x$/& # SKIP no hpet/; s/EXIT a.two 0/EXIT a.two 4/'
	judged 0
	edit 's/foreign=arm64 a$/foreign=arm64 aa/'
	judged 2 '1 of 2 cases were skipped'
	one '> gate skip_max=30' 1..2 "$A" 'not ok 1 a.one.a # late' "$B" 'ok 2 a.one.b.cpu1 # SKIP no hpet' 1
	expect 'a.one.a FAIL expires=2999-01-01 known'
	judged 2 '1 of 3 cases were skipped'
}

@test "what a program calls a known defect is a failure, excused only where it's expected" {
	one 1..2 "$A" 'ok 1 a.one.a # XFAIL early (known of Linux 5.6 and later)' "$B" 'ok 2 a.one.b.cpu1' 0
	judged 1 'a.one.a: early (known of Linux 5.6 and later)'
	record '^count 2 0 1 0$'
	expect 'a.one.a FAIL expires=2999-01-01 a defect'
	judged 0
	record '^count 2 1 0 0$'
	ktap_sound
	# All of a program's cases may be such; its exit code still says whether others failed.
	one 1..1 "$A" 'ok 1 a.one.a # XFAIL early' 0
	judged 0
	one 1..1 "$A" 'ok 1 a.one.a # XFAIL early' 1
	judged 2 'a.one exited with status 1, its results say 0'
}

@test "an expectation holds for the kernels it names" {
	local range
	one '> gate kernel=6.12.117+deb12-amd64' 1..1 "$A" 'not ok 1 a.one.a # late' 1
	for range in 6.12-6.12 5.6-7.2 6.1-6.12 6.12-10.0; do
		expect "a.one.a FAIL expires=2999-01-01 kernels=$range a defect"
		judged 0
	done
	for range in 6.13-7.2 5.6-6.11 7.0-9.9; do
		expect "a.one.a FAIL expires=2999-01-01 kernels=$range a defect"
		judged 1 'a.one.a: late'
		record '^count 1 0 1 0$'
	done
	# What it doesn't hold for isn't demanded either, though it must name a test.
	one '> gate kernel=6.12.117+deb12-amd64' 1..1 "$A" 'ok 1 a.one.a' 0
	judged 0
	expect "b.foo.a FAIL expires=2999-01-01 kernels=7.0-9.9 a defect"
	judged 1 'the expected FAIL of b.foo.a names no test'
	expect "a.one.a FAIL expires=2020-01-01 kernels=7.0-9.9 a defect"
	judged 0
	expect "a.one.a FAIL expires=2999-01-01 kernels=6.0-9.9 a defect"
	judged 1 'the expected FAIL of a.one.a did not happen'
}

@test "an expectation holds for the kernel and architecture that the host booted, whatever the guest says" {
	local what
	one '> gate kernel=6.1.0-57-arm64' '> gate kernel_version=6.1.192' '> gate arch=arm64' '# fact kernel_version=9.9' '# gate arch=amd64' 1..1 \
		"$A" 'not ok 1 a.one.a # late' 1
	for what in kernel=6.1.192 kernel=6.1.5.. kernel=..6.1 'arch=arm64 kernel=5.10..6.12' 'kernel=6.1-rc3..6.1.192 link=https://example.org'; do
		expect "a.one.a FAIL $what expires=2999-01-01 a defect"
		judged 0
		record "^expectation expected.txt a.one.a FAIL .* 2999-01-01 met"
	done
	record ' xfail .* late a defect, see https://example.org '
	for what in kernel=..6.1.191 kernel=6.2.. kernel=9.9 arch=amd64 'arch=amd64 kernel=6.1'; do
		expect "a.one.a FAIL expires=2999-01-01 $what a defect"
		judged 1 'a.one.a: late'
		record '^expectation expected.txt a.one.a FAIL .* elsewhere '
	done
	# A journal that doesn't say what it was is in no range.
	one 1..1 "$A" 'not ok 1 a.one.a # late' 1
	for what in kernel=..99.0 arch=amd64; do
		expect "a.one.a FAIL expires=2999-01-01 $what a defect"
		judged 1 'a.one.a: late'
	done
}

@test "what became of each expectation is recorded" {
	local what
	one 1..2 "$A" 'not ok 1 a.one.a # late' "$B" 'ok 2 a.one.b.cpu1' 1
	expect 'a.one.a FAIL expires=2999-01-01 x' 'a.one.b.* FAIL expires=2999-01-01 x' 'a.one.c FAIL expires=2001-01-01 x' \
		'a.three.x FAIL expires=2999-01-01 x' 'b.x.y FAIL expires=2999-01-01 x' 'a.one.d FAIL expires=2999-01-01 arch=arm64 x'
	judged 1
	for what in 'a.one.a FAIL   2999-01-01 met' 'a.one.b.\* FAIL   2999-01-01 unmet' 'a.one.c FAIL   2001-01-01 expired' \
		'a.three.x FAIL   2999-01-01 untried' 'b.x.y FAIL   2999-01-01 no-test' 'a.one.d FAIL  arm64 2999-01-01 elsewhere '; do
		record "^expectation expected.txt $what"
	done
}

@test "a race that is expected is excused when it happens, and not demanded" {
	expect 'a.one.a FAIL expires=2999-01-01 seen=sometimes a race'
	one 1..1 "$A" 'not ok 1 a.one.a # late' 1
	judged 0
	record '^expectation expected.txt a.one.a FAIL .* met '
	one 1..1 "$A" 'ok 1 a.one.a' 0
	judged 0
	record '^expectation expected.txt a.one.a FAIL .* unseen '
	expect 'a.one.a FAIL expires=2020-01-01 seen=sometimes a race'
	judged 1 'the expected FAIL of a.one.a expired on 2020-01-01'
	expect 'b.foo.a FAIL expires=2999-01-01 seen=sometimes a race'
	judged 1 'the expected FAIL of b.foo.a names no test'
}

@test "an expectation that was not met, names another outcome, names no test or is expired fails" {
	one 1..1 "$A" 'ok 1 a.one.a' 0
	expect 'a.one.a DEAD expires=2999-01-01 some reason'
	judged 1 'the expected DEAD of a.one.a did not happen'
	ktap_sound
	one 1..1 "$A" 'not ok 1 a.one.a # late' 1
	judged 1 'a.one.a: late (and 1 more)'
	expect 'a.one.a FAIL expires=2020-01-01 some reason'
	judged 1
	record 'the expected FAIL of a.one.a expired on 2020-01-01'
	expect 'a.one.a FAIL expires=2999-01-01 some reason' 'b.foo.* FAIL expires=2999-01-01 some reason'
	judged 1 'the expected FAIL of b.foo.* names no test'
}

@test "an expectation for a program that was left out, or not reached, is not demanded" {
	one 1..1 "$A" 'ok 1 a.one.a' 0
	expect 'a.three.x DEAD expires=2999-01-01 some reason' 'a.three.y DEAD expires=2020-01-01 some reason'
	judged 0
	write '> run a.one' '# RUN a.one' 1..2 "$A" '> interrupted TERM' '> off'
	expect 'a.one.a DEAD expires=2999-01-01 some reason' 'a.two.x DEAD expires=2999-01-01 some reason'
	judged 143 'interrupted in a.one.a;'
}

@test "what the guest writes can't become structure in the report" {
	one 1..2 '# Subtest: evil' '1..7 is no plan' '    ok 1 a.one.zzz' '# reboot: System halted' "$A" \
		'not ok 1 a.one.a # told you # SKIP so' "$B" 'ok 2 a.one.b.cpu1 # Kernel panic - not syncing: VFS: no' 1
	judged 1 'told you # SKIP so'
	ktap_sound
	[[ $(grep -c 'System halted' "$RUN/report.ktap") == 0 ]]
}

@test "noise among the lines is no result and no crash" {
	one '????' '' '%s %n $(reboot)' 1..1 '[]\*' "$A" 'ok' 'ok 1 a.one.a' '# metric a.one.a =1' '# fact =' 0
	judged 2 'a result without a proper id'
	record '^count 2 0 3 0$'
	ktap_sound
}

@test "a malformed expectation is named with its line" {
	expect 'a.one.a DEAD expires=2999-01-01 fine' '' 'a.one.b DEAD 2999-01-01 what'
	run expected_check "$EXPECTED"
	exits 2
	assert_output --partial -- 'expected.txt:3: expires=YYYY-MM-DD must follow'
	local line
	for line in 'A/b FAIL expires=2999-01-01 x' 'a.b.c PASS expires=2999-01-01 x' 'a.b.c FAIL expires=2999-13-01 x' \
		'a.b.c FAIL expires=2999-01-01 kernels=6.1-7.2' 'a.b.c FAIL expires=2999-01-01 kernels=6.1 x' \
		'a.b.c FAIL expires=2999-01-01' 'a.b.c'; do
		expect "$line"
		run expected_check "$EXPECTED"
		exits 2
		((${#lines[@]} == 1))
	done
	expect 'a.b.c FAIL expires=2999-01-01 x' 'a.b.c FAIL expires=2999-01-01 y'
	run expected_check "$EXPECTED"
	assert_output --partial -- 'listed twice'
}

# stamped RATE NOISE_MS STALL_MS [STEP] : as one, with 80 stamps in 4 s of a clock that goes at RATE of the host's; each arrives up to
# NOISE_MS late, and each tenth STALL_MS later than that; after the half of them somebody sets the host's clock by STEP s
stamped() {
	one '# stamps here' 1..1 "$A" 'ok 1 a.one.a' 0
	awk -v rate="$1" -v noise="$2" -v stall="$3" -v step="${4:-0}" '
		{ at += 0; $1 = sprintf("%.6f", $1 + shift + (shift ? step : 0)); $2 = sprintf("%.2f", $2 + shift) }
		!/# stamps here/ { print; next }
		{
			srand(7)
			for (i = 0; i < 80; i++) {
				at = i * 0.05
				late = rand() * noise + (i % 10 == 4) * stall
				late = ahead > at + late / 1000 ? (ahead - at) * 1000 : late
				ahead = at + late / 1000
				printf "%.6f %.2f 1 0 < # stamp %.0f %.0f\n", $1 + ahead + (i < 40 ? 0 : step), $2 + ahead - 0.005, 1e12 + at * rate * 1e9, 2e12 + at * rate * 1e9
			}
			shift = 6
		}' "$RUN/journal.log" >"$RUN/stamped"
	seal <"$RUN/stamped"
}

@test "the host's clock: a guest whose clocks are all 7 % fast, or slow, does not conform" {
	stamped 1.07 2 0
	judged 1 'a.one.host: CLOCK_MONOTONIC_RAW is 7.0 % fast by the host'
	record '^case a.one a.one.host FAIL fail '
	record '^count 2 0 1 0$'
	record '^metric a.one.host slope_monotonic [67][0-9]+\.'
	ktap_sound
	stamped 0.93 2 0
	judged 1 'RAW is 7.0 % slow'
	stamped 0 0 0
	judged 1 'RAW is 100.0 % slow'
}

@test "the host's clock: somebody sets it in the middle, and nothing is taken for drift by it, nor excused" {
	local step
	for step in -86400 -0.5 -0.02 0.02 0.5 86400; do
		stamped 1 2 0 "$step"
		judged 0
		record '^case a.one a.one.host PASS pass '
		stamped 1.07 2 0 "$step"
		judged 1 'a.one.host: CLOCK_MONOTONIC_RAW is '
	done
}

@test "the host's clock: 7 % is seen through noise and stalls" {
	stamped 1.07 30 0
	judged 1 '% fast'
	stamped 0.93 5 150
	judged 1 '% slow'
}

@test "the host's clock: noise and stalls alone are no drift, and too much of them is no statement" {
	local noise stall
	for noise in 0 1 5 20 40; do
		for stall in 0 50 150; do
			stamped 1 "$noise" "$stall"
			judged 0
			record '^case a.one a.one.host PASS pass '
			ktap_sound
		done
	done
	stamped 1 5 400
	judged 0
	stamped 1.01 5 0
	judged 0
	record '^metric a.one.host slope (9|10)[0-9]{3}\.[0-9]+ ppm$'
	stamped 1.07 800 0
	judged 0
	record '^case a.one a.one.host SKIP skip .*known to [0-9.]+ % only'
}

@test "the host's clock: few stamps tell nothing, odd ones break the protocol, and no guest gives this result itself" {
	one 1..1 "$A" '# stamp 1000000000 2000000000' 'ok 1 a.one.a' 0
	judged 0
	record '^case a.one a.one.host SKIP skip .*tell no rate'
	record '^count 2 0 0 1$'
	one 1..1 "$A" '# stamp -5 $(reboot)' '# stamp 1' '# stamp 99999999999999999999999999999999999999999 1' 'ok 1 a.one.a' 0
	judged 2 "a stamp that can't be read in a.one"
	one 1..2 "$A" 'ok 1 a.one.a' '# BEGIN a.one.host' 'ok 2 a.one.host' 0
	judged 1 missing
	record 'PROTOCOL fail.*BEGIN a.one.host in a.one'
}

# show_table : the table, as $RUN/table; it exits by the verdict
show_table() {
	local code=0
	awk -v now=1 -f "$HARNESS/report/cpus.awk" -f "$HARNESS/report/perf.awk" -f "$HARNESS/report/table.awk" <"$RUN/records.tsv" >"$RUN/table" || code=$?
	((code == $(verdict_code)))
}

# lacks FILE REGEX : no line of the file matches
lacks() {
	if LC_ALL=C grep -Ein -- "$2" "$1"; then
		return 1
	fi
}

# whole CODE SENTENCE : as judged, and the report is sound
whole() { judged "$@" && ktap_sound; }

GOOD=('# BEGIN a.two.x' 'ok 1 a.two.x' '# EXIT a.two 0')

@test "DEAD without a word is DEAD, and so is a boot that ended after DEAD" {
	write '> run a.one' '# RUN a.one' 1..50 "$A" '# DEAD ' '> ended after DEAD' '> off' '> boot qemu' '# guest ready' '> ready' \
		'> run a.two' '# RUN a.two' 1..1 "${GOOD[@]}" '# guest done'
	whole 1 'a.one.a: DEAD'
	edit '/# DEAD /d'
	whole 2 'ended after DEAD, and no line says DEAD'
	one 1..1 "$A" '# DEAD ' 'ok 1 a.one.a' 0
	whole 1 'a.one.end: DEAD'
}

@test "each DEAD wants an answer: after one that was expected none is swallowed" {
	one 1..2 "$A" '# DEAD cpu=0: gone' 'not ok 1 a.one.a # DEAD cpu 0 is gone' "$B" '# DEAD cpu=1: gone' 'ok 2 a.one.b.cpu1' 1
	expect 'a.one.a DEAD expires=2999-01-01 known'
	whole 1 'a.one.end: DEAD: cpu=1: gone'
	record '^count 2 1 1 0$'
	# Of one CPU it may be said before its case comes.
	one 1..2 "$A" '# DEAD cpu=1: gone' 'ok 1 a.one.a' "$B" '# DEAD cpu=1: gone' 'not ok 2 a.one.b.cpu1 # DEAD' 1
	expect 'a.one.b.cpu1 DEAD expires=2999-01-01 known'
	whole 0
	one 1..2 "$A" '# DEAD cpu=1: gone' '# DEAD cpu=10: gone' 'ok 1 a.one.a' "$B" 'not ok 2 a.one.b.cpu1 # DEAD' 1
	whole 1 'a.one.end: DEAD: cpu=10: gone'
}

@test "a case that began and never got a result is an error, whatever the plan counts" {
	one 1..1 "$A" "$B" 'ok 1 a.one.b.cpu1' 0
	whole 1 'a.one.a: ERROR: begun, and no result'
	one 1..1 "$B" 'ok 1 a.one.b.cpu1' "$A" 0
	whole 1 'a.one.a: ERROR: no result'
	one 1..2 "$A" '# BEGIN a.one.c' "$B" 'ok 1 a.one.b.cpu1' 'ok 2 a.one.c' 0
	whole 1 'a.one.a: ERROR: begun, and no result'
	write '> run a.one' '# RUN a.one' 1..1 "$A" "$B" 'ok 1 a.one.b.cpu1' '> HANG a.one.end silent' '> off' '> boot qemu' '# guest ready' \
		'> ready' '> run a.two' '# RUN a.two' 1..1 "${GOOD[@]}" '# guest done'
	expect 'a.one.end HANG expires=2999-01-01 known'
	whole 1 'a.one.rest: ERROR: 1 of 1 cases were not reached'
}

@test "an expectation excuses what it names, and not what was not reached after it" {
	local kind
	for kind in HANG PANIC RESET FLOOD; do
		write '> run a.one' '# RUN a.one' 1..3 "$A" "> $kind a.one.a why" '> off' '> boot qemu' '# guest ready' '> ready' \
			'> run a.two' '# RUN a.two' 1..1 "${GOOD[@]}" '# guest done'
		expect "a.one.a $kind expires=2999-01-01 known"
		whole 1 'a.one.rest: ERROR: 2 of 3 cases were not reached after what was expected'
		expect "a.one.a $kind expires=2999-01-01 known" 'a.one.rest ERROR expires=2999-01-01 known'
		whole 0
		expect "a.one.a $kind expires=2999-01-01 known" 'a.one.c FAIL expires=2999-01-01 known'
		whole 1
		record 'the expected FAIL of a.one.c did not happen'
	done
	one 1..3 "$A" 139
	expect 'a.one.a ERROR expires=2999-01-01 it crashes'
	whole 1 'a.one.rest: ERROR: 2 of 3'
	expect 'a.one.a HANG expires=2999-01-01 known'
	write '> run a.one' '# RUN a.one' 1..1 "$A" '> HANG a.one.a why' '> off' '> boot qemu' '# guest ready' '> ready' \
		'> run a.two' '# RUN a.two' 1..1 "${GOOD[@]}" '# guest done'
	whole 0
}

@test "no guest gives the harness's own results itself" {
	local own
	for own in host end rest; do
		one 1..1 "# BEGIN a.one.$own" "ok 1 a.one.$own" 0
		whole 1 missing
		record "PROTOCOL fail.*BEGIN a.one.$own in a.one"
	done
}

@test "an expectation may begin with a pattern, and names a test if it can" {
	write '> run a.one' '# RUN a.one' 1..2 "$A" 'ok 1 a.one.a' "$B" 'not ok 2 a.one.b.cpu1 # late' '# EXIT a.one 1' \
		'> run a.two' '# RUN a.two' 1..1 "${GOOD[@]}" '# guest done'
	local pattern
	for pattern in '*.b.cpu1' '*' '*.cpu1' '?.one.*' 'a.*.b.cpu?' '*b*'; do
		expect "$pattern FAIL expires=2999-01-01 known"
		whole 0
	done
	for pattern in '*.c.cpu1' 'a.one'; do
		expect "$pattern FAIL expires=2999-01-01 known"
		judged 1
	done
	record 'the expected FAIL of a.one names no test'
	one 1..1 "$A" 'ok 1 a.one.a' 0
	expect 'a.three.b FAIL expires=2999-01-01 left out' '*.three.b FAIL expires=2999-01-01 may be in any program'
	judged 1 'the expected FAIL of *.three.b did not happen'
	expect 'b*.b FAIL expires=2999-01-01 known'
	judged 1 'names no test'
}

@test "the host's own case is no proof where the guest skipped all" {
	local -a stamps=()
	local i
	for i in {1..20}; do
		stamps+=("# stamp $i""000000000 $i""000000000")
	done
	write '> run a.one' '# RUN a.one' "${stamps[@]}" '1..0 # SKIP no such timer' '# EXIT a.one 4' \
		'> run a.two' '# RUN a.two' '1..0 # SKIP needs root' '# EXIT a.two 4' '# guest done'
	whole 2 'every case was skipped: no such timer'
	record '^case a.one a.one.host PASS'
}

@test "what the journal lost, or says twice, proves nothing" {
	local script
	one 1..2 "$A" 'ok 1 a.one.a' "$B" 'ok 2 a.one.b.cpu1' 0
	judged 0
	cp "$RUN/journal.log" "$RUN/good"
	# As the file is, and with its numbers and its end put right after the damage.
	for script in '$d' '/ plan a.two/d' '/ plan a.two/p' '/ off$/d' '/ run a.one/d' '/ run a.two/p' '/ ready$/d' '/ boot /d' \
		'/ boot /p' '/> ready/p' '/EXIT a.two/d' '/RUN a.two/d' 's/> off/> of/' 's/ plan a.one/ plan b.one/' 's/> run a.one/> rum a.one/'; do
		sed "$script" "$RUN/good" >"$RUN/journal.log"
		whole 2 'journal.log is not whole'
		[[ $script != '$d' && $script != */p ]] || continue
		edit ''
		judge "$EXPECTED"
		(($(verdict_code) != 0))
	done
	# What only the numbers and the sum tell.
	for script in '/BEGIN a.one.a/d' 's/a.one.a$/a.one.z/' '/ left-out/d' '/ left-out/p' 's/^17/18/' 's/$/ /' '20,$d' '1d' '10{h;d};11G' 's/ 1 8 / 1 9 /' \
		'$p' '$s/.$//' '12s/ [<>] / /' '12s/^/x/' '12s/.*//' '12s/.*/\x00\xff\x1b/' '$s/[0-9]* [0-9]*$//'; do
		sed "$script" "$RUN/good" >"$RUN/journal.log"
		whole 2 'journal.log is not whole'
	done
	: >"$RUN/journal.log"
	whole 2 'journal.log is not whole'
}

@test "an end of a boot that nobody saw is no end: the last program's exit, and the guest's own end, or the host's word" {
	write '> run a.one' '# RUN a.one' 1..1 "$A" 'ok 1 a.one.a' '# EXIT a.one 0' '> run a.two' '# RUN a.two' 1..1 "${GOOD[@]}"
	whole 2 'boot 1 has no end'
	write '> run a.one' '# RUN a.one' 1..1 "$A" 'ok 1 a.one.a' '# EXIT a.one 0' '> run a.two' '# RUN a.two' 1..1 '# BEGIN a.two.x' 'ok 1 a.two.x'
	whole 2 'boot 1 has no end, nor has a.two'
	write '> run a.one' '# RUN a.one' 1..1 "$A" 'ok 1 a.one.a' '> off' '> boot qemu' '# guest ready' '> ready' \
		'> run a.two' '# RUN a.two' 1..1 "${GOOD[@]}" '# guest done'
	whole 2 'boot 1 has no end, nor has a.one'
}

@test "boots side by side: their lines follow each other, their times overlap and count once" {
	write '> run a.one' '# RUN a.one' 1..1 "$A" 'ok 1 a.one.a' '# EXIT a.one 0' '# guest done' '> off' \
		'> boot qemu' '# guest ready' '> ready' '> run a.two' '# RUN a.two' 1..1 "${GOOD[@]}" '# guest done'
	judged 0
	record '^phase boot 5.000$'
	record '^phase tests 16.000$'
	# The second one began when the first did.
	awk '$3 == 2 { $1 = sprintf("%.6f", $1 - 10); $2 = sprintf("%.2f", $2 - 10) } { print }' "$RUN/journal.log" >"$RUN/edited"
	seal <"$RUN/edited"
	whole 0
	record '^phase prepare 4.000$'
	record '^phase boot 2.000$'
	record '^phase tests 9.000$'
	record '^count 2 0 0 0$'
	# Numbers of boots need not be in a row, and the end may be the header's.
	awk '$3 == 2 { $3 = 101 } $5 == ">" && $6 == "end" { next } { print }' "$RUN/journal.log" >"$RUN/edited"
	seal <"$RUN/edited"
	whole 0
	sed -i '$s/ 101 [0-9]* / 0 5 /' "$RUN/journal.log"
	whole 0
	sed -n '$s/101 [0-9]* .*/0 0 > gate last=x/p' "$RUN/edited" >"$RUN/line"
	cat "$RUN/edited" "$RUN/line" | seal
	whole 2 'a line of boot 0 in boot 101'
}

@test "any line is survived, by any awk there is" {
	local awk dir=$BATS_TEST_TMPDIR/bin line tried=0
	local -a odd=('# BEGIN ' '# BEGIN' '# RUN ' '# EXIT ' '# DEAD' '# fact ' '# fact =' '# metric ' '# metric x' '# stamp ' '# stamp' 'ok ' 'not ok '
		'ok 1' 'not ok 1 ' '1..' '1..x' '1..99999999999999999999' '1..0 # SKIP' '# guest ready' '# guest done' '# ' '#' '' ' ' '# RUN a.one'
		"$(printf '%4096s' x)" "# BEGIN a.one.$(printf '%04000d' 7)" "ok 99999999999999999999999999 a.one.a" '\n %s %n $(x) `x`' '# EXIT a.one x token'
		'# BEGIN a.one.' '# BEGIN a.one.x.cpu99999999999999999999999' '# DEAD cpu=' '# DEAD cpu=999999999999999999999' '# metric a.one.a x=1e999 ns')
	mkdir "$dir"
	for awk in mawk gawk original-awk "busybox awk" awk; do
		command -v "${awk%% *}" >/dev/null || continue
		printf '#!/bin/sh\nexec %s "$@"\n' "$(command -v "${awk%% *}")${awk#"${awk%% *}"}" >"$dir/awk"
		chmod +x "$dir/awk"
		tried=$((tried + 1))
		for line in "${odd[@]}"; do
			one 1..1 "$line" "$A" "$line" 'ok 1 a.one.a' "$line" 0
			echo "$awk: $line"
			PATH=$dir:$PATH judge "$EXPECTED"
			[[ $(grep -c ^verdict "$RUN/records.tsv") == 1 && $(grep -c $'\ta.two.x\tPASS' "$RUN/records.tsv") == 1 ]]
			PATH=$dir:$PATH show_table
			grep -q passed "$RUN/table"
		done
		PATH=$dir:$PATH report
		one 1..2 "$A" 'not ok 1 a.one.a # DEAD gone' "$B" 'not ok 2 a.one.b.cpu1 # late' 1
		expect '# known' 'a.one.a DEAD expires=2999-01-01 dummy_timer is taken' '*.b.cpu* FAIL expires=2999-01-01 a slow host'
		PATH=$dir:$PATH judged 0
	done
	((tried >= 1))
}

@test "tens of thousands of bad results, of failures and of facts are judged in seconds, and shown in a few lines" {
	awk 'BEGIN { for (i = 1; i <= 66000; i++) print "not ok " i " a.one.none" i " # bad" }' >"$RUN/bad"
	one '# here' 1..1 "$A" 'ok 1 a.one.a' 0
	sed "/# here/{s/# here//;s/^/x/}" "$RUN/journal.log" >"$RUN/edited"
	awk -v bad="$RUN/bad" '/^x/ { sub(/^x/, ""); while ((getline line <bad) > 0) print $0 line; next } { print }' "$RUN/edited" >"$RUN/many"
	seal <"$RUN/many"
	SECONDS=0
	judge "$EXPECTED"
	report
	((SECONDS < 60))
	grep -q '^verdict.2.*a result before its case began' "$RUN/records.tsv"
	(($(stat -c %s "$RUN/report.ktap") < 20000))
	awk '/^x/ {
			sub(/^x/, "")
			print $0 "1..66000"
			for (i = 1; i <= 66000; i++)
				print $0 "# BEGIN a.one.c" i "\n" $0 "not ok " i " a.one.c" i " # bad\n" $0 "# fact cpu" i ".device_before=" i
			next
		}
		/1\.\.1$/ && !once++ || /a\.one\.a/ { next }
		{ sub(/EXIT a.one 0/, "EXIT a.one 1"); print }' "$RUN/edited" >"$RUN/many"
	seal <"$RUN/many"
	SECONDS=0
	judge "$EXPECTED"
	report
	((SECONDS < 60))
	grep -q '^verdict.1.*a.one.c1: bad (and 65999 more)' "$RUN/records.tsv"
	[[ $(grep -c '^    not ok ' "$RUN/report.ktap") == 66000 ]]
	show_table
	(($(stat -c %s "$RUN/table") < 20000 && $(wc -l <"$RUN/table") < 100))
	grep -q '66000 failed' "$RUN/table"
}

@test "facts are their program's own, and the rows of the table the unbinding program's" {
	write '> run a.one' '# RUN a.one' 1..1 '# fact cpu1.device_before=hpet' '# fact cpu1.verdict=alive' '# fact arch=x' "$A" 'ok 1 a.one.a' '# EXIT a.one 0' \
		'> run a.two' '# RUN a.two' 1..1 '# fact cpu1.verdict=splendid' '# fact arch=y' '# fact cpu2.device_before=z' "${GOOD[@]}" '# guest done'
	whole 0
	report
	[[ $(jq -r '.guest.arch' "$RUN/facts.json") == x && $(jq -r '.guest["cpu1.verdict"]' "$RUN/facts.json") == alive ]]
	show_table
	grep -Eq '^  1  hpet .*alive' "$RUN/table"
	lacks "$RUN/table" 'splendid|  2  z'
	edit 's/a\.two/clockevents.unbind_fallback/g'
	whole 0
	show_table
	grep -Eq '^  2  z' "$RUN/table"
	lacks "$RUN/table" hpet
}

@test "no message passes for a directive, and no control byte gets to report or terminal" {
	one 1..3 "$A" 'not ok 1 a.one.a # SKIP me' "$B" 'not ok 2 a.one.b.cpu1 # todo later' '# BEGIN a.one.c' 'ok 3 a.one.c # TODO more' 1
	whole 1
	record '^count 2 0 2 0$'
	lacks "$RUN/report.ktap" '# (skip|todo)'
	edit $'s/fake/\x1b[31mred\x07\\t\x9b5m/; s/a.three/\x1b[2J/; s/todo/\x1b[31m/'
	judge "$EXPECTED"
	report
	for file in records.tsv report.ktap facts.json metrics.tsv; do
		lacks "$RUN/$file" $'[^[:print:]\t]'
	done
	shown=$'\x1b[31m' show_table
	lacks "$RUN/table" '[^[:print:]]'
}

@test "an expected file may have any name" {
	local name
	cd "$BATS_TEST_TMPDIR"
	one 1..1 "$A" 'not ok 1 a.one.a # bad' 1
	for name in 'a=b.txt' '-x' '-f' 'wants=9' 'a b' $'new\nline'; do
		printf '%s\n' 'a.one.a FAIL expires=2999-01-01 known' >"./$name"
		EXPECTED=$name
		expected_check "$EXPECTED"
		judged 0
	done
	printf 'a.\e[31m FAIL\n' >bad
	run expected_check bad
	exits 2
	[[ $output != *$'\e'* ]]
}

# both_sides LINE EVENT... : a.one says LINE of its case a, a.two passes, and then the host says EVENTs
both_sides() {
	write '> run a.one' '# RUN a.one' 1..1 '# BEGIN a.one.a.cpu1' "$1" '# EXIT a.one '"$([[ $1 == not* ]] && echo 1 || echo 0)" \
		'> run a.two' '# RUN a.two' 1..1 '# BEGIN a.two.x' 'ok 1 a.two.x' '# EXIT a.two 0' '# guest done' "${@:2}"
}

@test "what the hypervisor contradicts is red, whatever the guest says" {
	both_sides 'ok 1 a.one.a.cpu1' '> perf witness a.one 1 fail the hypervisor contradicts the guest: lapic: 40 interrupts, of which the hypervisor injected 0'
	judged 1 'a.one.hypervisor.cpu1: the hypervisor contradicts the guest: lapic: 40 interrupts, of which the hypervisor injected 0'
	both_sides 'ok 1 a.one.a.cpu1' '> perf witness a.one 1 pass lapic: 40 interrupts, of which the hypervisor injected 40'
	judged 0
	record '^case a.one a.one.hypervisor.cpu1 PASS pass .* lapic: 40 interrupts, of which the hypervisor injected 40'
	# What a recording says of programs that nobody ran is the guest's word; what the host never writes is damage.
	both_sides 'ok 1 a.one.a.cpu1' '> perf witness a.three 1 fail x'
	judged 0
	both_sides 'ok 1 a.one.a.cpu1' '> perf witness a.one one fail x'
	judged 2 'journal.log is not whole'
	# A guest can't say it in the host's stead.
	one 1..1 '# BEGIN a.one.hypervisor.cpu1' 'ok 1 a.one.hypervisor.cpu1' 0
	judged 1
	record 'PROTOCOL fail .* BEGIN a.one.hypervisor.cpu1 in a.one'
}

@test "the sentence of a late CPU has the stage in which it lost most, that of a dead one how far its timer got by KVM" {
	both_sides 'not ok 1 a.one.a.cpu1 # CPU 1, lapic: median 5.1 ms late, more than 3 ms' '> perf stage a.one 1 before slack 1 1 900 lapic' \
		'> perf stage a.one 1 after slack 1 1 900 lapic' '> perf stage a.one 1 after interrupt 1 1 300 lapic' '> perf stage a.one 1 after run 1 1 100 lapic'
	judged 1 'a.one.a.cpu1: CPU 1, lapic: median 5.1 ms late, more than 3 ms; most of it was lost in "interrupt" (75 % by its recording)'
	both_sides 'not ok 1 a.one.a.cpu1 # DEAD: CPU 1 stopped' '> appliance vcpu 0 its timer works' '> appliance vcpu 1 its Hyper-V timer was never armed'
	judged 1 "a.one.a.cpu1: DEAD: CPU 1 stopped; by the hypervisor's record its Hyper-V timer was never armed"
	# In the case of another CPU.
	write '> run a.one' '# RUN a.one' 1..1 '# BEGIN a.one.a.cpu0' "# DEAD cpu=1 device=lapic: a sleep hadn't ended" '> appliance vcpu 0 its timer works' '> appliance vcpu 1 its Hyper-V timer was never armed' '> ended after DEAD'
	judged 1 "a.one.a.cpu0: DEAD: cpu=1 device=lapic: a sleep hadn't ended; by the hypervisor's record its Hyper-V timer was never armed"
}
