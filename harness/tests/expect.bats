#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The lists of expected failures: releases compared, an entry read, and harness/expect.
# shellcheck disable=SC2016,SC2154

load helpers

setup() {
	fake_setup
	export LC_ALL=C
	LIST=$BATS_TEST_TMPDIR/list.txt
	DEFECT='time.settime.relative_tai FAIL expires=2999-01-01'
}

# release AWK-EXPRESSION -> what it comes to
release() { awk -f "$HARNESS/lib/release.awk" -f <(echo "BEGIN { print $1 }"); }

# list LINE... : the list of expected failures
list() { printf '%s\n' "$@" >"$LIST"; }

# expected ARG... : harness/expect on it
expected() { run env -u TICKPROOF_FAKE -u GUEST "$HARNESS/expect" "$1" EXPECTED="$LIST" "${@:2}"; }

@test "releases are in the order in which kernels are released, and a series has all that is of it" {
	local a='' b
	for b in 2.6.39 5.4 5.10-rc1 5.10-rc2 5.10.0 5.10.7 5.10.221-foo 6.1.192 6.2 6.12.9 6.12.117+deb12-amd64 6.15.0-rc3-00123-gabcdef0 6.15.0 7.2 10.0; do
		[[ -z $a || $(release "release_outside(\"$b\", \"$a..\")") == '' && $(release "release_outside(\"$a\", \"..$b\")") == '' ]]
		[[ -z $a || $(release "release_outside(\"$a\", \"$b..\")") == "Linux $a is older than $b" ]]
		[[ -z $a || $(release "release_outside(\"$b\", \"..$a\")") == "Linux $b is newer than "* ]]
		a=$b
	done
	while read -r a b; do
		[[ $(release "release_outside(\"$a\", \"$b\")") == '' ]] || {
			echo "$a is not in $b"
			return 1
		}
	done <<<'6.12.117+deb12-amd64 6.12
6.12-rc1 6.12
6.12.3 ..6.12
6.12.3 6.12..
6.15.0-rc3 6.15..
6.12.117 6.12.117
6.1.192 ..6.12.3
7.3-rc7 5.10..'
	while read -r a b; do
		[[ $(release "release_outside(\"$a\", \"$b\")") != '' ]] || {
			echo "$a is in $b"
			return 1
		}
	done <<<'6.1.192 6.12
6.12.117 6.1
6.12.118 ..6.12.117
6.15.0-rc3 6.15.0..
6.15.0-rc3 6.15-rc4..
unknown ..6.14
unknown 5.10..
? ..99.0'
	for a in .. '' 7.2..5.10 6.12.3..6.12.2 6 6..7 6.1...6.2 6.1.2.3.. x..; do
		[[ $(release "release_range_valid(\"$a\")") == 0 ]]
	done
}

@test "the version of a kernel that is called by its ABI is read from its image" {
	local image=$BATS_TEST_TMPDIR/image
	. "$HARNESS/lib/common.sh"
	. "$HARNESS/prepare/kernel.sh"
	printf 'x\0Linux version 6.1.0-57-arm64 (debian-kernel@x) (gcc-12 (Debian 12.2.0-14) 12.2.0) # SMP Debian 6.1.192-1 (2026-01-01)\n\0x' >"$image"
	[[ $(kernel_version 6.1.0-57-arm64 "$image") == 6.1.192 ]]
	[[ $(kernel_version 6.1.0-5-arm64 "$image") == 6.1.0-5-arm64 ]]
	[[ $(kernel_version 6.1.0-57-arm64 /nowhere) == 6.1.0-57-arm64 ]]
	[[ $(kernel_version 6.12.117+deb12-arm64 "$image") == 6.12.117+deb12-arm64 ]]
	# A banner that contradicts the release is not believed.
	sed -i 's/Debian 6[.]1[.]/Debian 6.2./' "$image"
	[[ $(kernel_version 6.1.0-57-arm64 "$image") == 6.1.0-57-arm64 ]]
}

@test "show: what applies to this guest and kernel, and why not" {
	list "$DEFECT kernel=6.1..6.12 one" 'time.adjust.* FAIL expires=2999-01-01 arch=arm64 link=https://example.org/x two' \
		'sleep.nosuch.x FAIL expires=2999-01-01 three' 'time.adjust.y FAIL expires=2001-01-01 four'
	expected show GUEST=x86 KERNEL=6.12.7-foo
	exits 0
	assert_output --partial -- 'x86, Linux 6.12.7-foo, amd64: 1 of 4 entries applies'
	assert_output --partial -- 'applies    FAIL   time.settime.relative_tai  (until 2999-01-01, list.txt:1)'
	assert_output --partial -- 'this guest is amd64, and the entry for arm64'
	assert_output --partial -- 'two, see https://example.org/x'
	assert_output --partial -- 'NO TEST    FAIL   sleep.nosuch.x'
	assert_output --partial -- 'EXPIRED    FAIL   time.adjust.y'
	expected show GUEST=arm64 KERNEL=sid:7.3-rc2
	exits 0
	assert_output --partial -- 'arm64, Linux 7.3-rc2, arm64: 1 of 4 entries applies'
	assert_output --partial -- 'Linux 7.3-rc2 is newer than 6.12'
}

@test "the lists of the project are in order, and each guest has the common ones" {
	local file guest
	for file in "$HARNESS"/guests/*.conf; do
		guest=$(basename "$file" .conf)
		run env -u TICKPROOF_FAKE -u GUEST "$HARNESS/expect" show GUEST="$guest" KERNEL=6.12.117
		exits 0
		assert_output --partial -- 'time.settime.relative_tai  (until'
		refute_output --partial -- 'NO TEST'
	done
	for file in "$HARNESS"/../results/expected/*.txt; do
		guest=$(basename "$file" .txt)
		[[ $guest == common || -e $HARNESS/guests/$guest.conf ]]
	done
}

@test "add: an entry at the end, with a reason and a date; nothing is written for a bad one" {
	list '# mine'
	expected add time.settime.relative_tai FAIL expires=2999-01-01 kernel=..6.14 a defect
	exits 0
	[[ $(<"$LIST") == $'# mine\n'"$DEFECT kernel=..6.14 a defect" ]]
	# Of other kernels it is another entry.
	expected add time.settime.relative_tai FAIL expires=2999-01-01 kernel=7.0.. again
	exits 0
	cp "$LIST" "$LIST.before"
	local entry why
	while IFS='|' read -r entry why; do
		# shellcheck disable=SC2086
		expected add $entry
		exits 2
		((${#lines[@]} == 1))
		assert_output --partial -- "$why"
		cmp "$LIST" "$LIST.before"
	done <<'END'
|the entry is missing
time.settime.x FAIL expires=2999-01-01|the reason is missing
time.settime.x FAIL some reason|expires=YYYY-MM-DD must follow
time.settime.x FAIL expires=2001-01-01 late|expires=2001-01-01 is over
time.settime.x FAIL expires=2999-01-01 kernel=7.2..5.10 x|kernel= must be a range
time.settime.x FAIL expires=2999-01-01 kernl=7.2.. x|kernl= is not known
time.settime.x FAIL expires=2999-01-01 arch=x86 x|arch= must be amd64 or arm64
time.settime.x FAIL expires=2999-01-01 expires=2999-01-01 x|expires= is there twice
time.settime FAIL expires=2999-01-01 x|names no test
time.nosuch.x FAIL expires=2999-01-01 x|time.nosuch.x names no test
time.settime.x LATE expires=2999-01-01 x|the outcome must be
time.settime.relative_tai FAIL expires=2999-02-02 kernel=7.0.. x|it is listed already, in list.txt:3
time.settime.x FAIL expires=2999-01-01 x GUEST=x86|both GUEST= and EXPECTED=
time.settime.x FAIL expires=2999-01-01 x CPUS=3|unknown variable CPUS
A.b FAIL expires=2999-01-01 x|neither an id
END
	[[ -z $(compgen -G "$LIST.??????") || -e $LIST.before ]]
}

@test "the gate: common entries and the guest's own, for the kernel and architecture that the harness booted" {
	unset EXPECTED
	export FAKE_EXPECTED_DIR=$BATS_TEST_TMPDIR/lists
	mkdir "$FAKE_EXPECTED_DIR"
	program a.one 'plan 2' 'fail x bad' 'fail y bad' 'say "# fact kernel=6.1.0"' 'status=1'
	echo 'a.one.x FAIL expires=2999-01-01 kernel=..0.0 link=https://example.org/7 one' >"$FAKE_EXPECTED_DIR/common.txt"
	gate
	exits 1
	assert_output --partial -- '1 failed'
	echo 'a.one.y FAIL expires=2999-01-01 two' >"$FAKE_EXPECTED_DIR/fake.txt"
	gate
	exits 0
	assert_output --partial -- '2 of them failed as expected'
	grep -F 'expected: one, see https://example.org/7' "$RESULTS/latest/report.ktap"
	run "$HARNESS/expect" show "$RESULTS/latest"
	exits 0
	assert_output --partial -- 'fake, Linux 0.0, fake: 2 of 2 expected failures happened'
	# The kernel is 0.0, whatever the guest says.
	echo 'a.one.x FAIL expires=2999-01-01 kernel=6.1 one' >"$FAKE_EXPECTED_DIR/common.txt"
	gate
	exits 1
	run "$HARNESS/expect" show "$RESULTS/latest"
	assert_output --partial -- 'Linux 0.0 is older than 6.1'
	# EXPECTED is alone.
	expect 'a.one.x FAIL expires=2999-01-01 one'
	gate
	exits 1
	assert_output --partial -- '1 failed'
	unset EXPECTED
	# Twice in two lists is twice.
	cp "$FAKE_EXPECTED_DIR/fake.txt" "$FAKE_EXPECTED_DIR/common.txt"
	gate
	exits 2
	assert_output --partial -- 'fake.txt:1: listed twice'
}

@test "prune: the expired, and what was demanded and never met" {
	program a.one 'plan 2' 'fail x bad' 'pass y' 'status=1'
	list '# mine' 'a.one.x FAIL expires=2999-01-01 met' 'a.one.y FAIL expires=2999-01-01 never met' 'a.one.z FAIL expires=2001-01-01 old' \
		'a.one.w FAIL expires=2999-01-01 kernel=6.1.. elsewhere'
	EXPECTED=$LIST gate
	exits 1
	cp "$LIST" "$LIST.before"
	expected prune -n
	exits 0
	assert_output --partial -- 'list.txt:3: never met in 1 run, on Linux 0.0: a.one.y FAIL'
	assert_output --partial -- 'list.txt:4: expired: a.one.z FAIL'
	assert_output --partial -- '2 entries would be taken out, by 1 runs below'
	cmp "$LIST" "$LIST.before"
	expected prune
	exits 0
	[[ $(<"$LIST") == $'# mine\na.one.x FAIL expires=2999-01-01 met\na.one.w FAIL expires=2999-01-01 kernel=6.1.. elsewhere' ]]
	expected prune
	assert_output --partial -- '0 entries taken out'
}

@test "bad input" {
	local words why
	while IFS='|' read -r words why; do
		# shellcheck disable=SC2086
		run env -u TICKPROOF_FAKE "$HARNESS/expect" $words
		exits 2
		((${#lines[@]} == 1))
		assert_output --partial -- "$why"
	done <<'END'
|show, add or prune?
nosuch|nosuch: known are show, add and prune
show GUEST=nosuch|GUEST=nosuch: no such guest
show GUEST=x86 KERNEL=newest|KERNEL=newest: give a release
show GUEST=x86 KERNEL=/nowhere|KERNEL=/nowhere: no such file
show /tmp|/tmp is not the directory of a run
show EXPECTED=/nowhere|EXPECTED=/nowhere: no such file
prune everything|everything: not understood
prune GUEST=hyperv-gen2|hyperv-gen2.txt: no such list
END
}
