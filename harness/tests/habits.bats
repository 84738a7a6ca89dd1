#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# What a reader of this tree may rely on: public functions have a comment and a user, and lines an end.
# shellcheck disable=SC2154  # of bats: status, output

bats_load_library bats-support
bats_load_library bats-assert

setup() { cd "$BATS_TEST_DIRNAME/../.." || return; }

@test "each public function has a comment, above it or above its group" {
	run awk '
		FNR == 1 { said = 0; comment = 0 }
		/^\/\*/ { comment = 1 }
		comment { if (/\*\//) { comment = 0; said = 1 } next }
		/^[a-z][a-z0-9_ *]*[ *][a-z_0-9]+\(/ && !/^(static|extern|typedef)/ {
			if (!said)
				print FILENAME ":" FNR ": " $0
			next
		}
		/^$/ { said = 0 }' selftests/*/*.h harness/hypervisor/*.h
	assert_success
	refute_output
}

@test "each public function of the library has a user outside its own file" {
	local build=$BATS_FILE_TMPDIR/build
	unset MAKEFLAGS MAKELEVEL MFLAGS OUTPUT O CROSS_COMPILE SYSROOT
	make -s -C selftests OUTPUT="$build"
	# A program's objects aren't kept: what it took from the library is in it.
	find "$build" -mindepth 2 -maxdepth 2 -type f -executable -exec nm {} + 2>/dev/null |
		awk '$2 == "T" { print $3 }' | sort -u >"$BATS_FILE_TMPDIR/linked"
	run awk '
		FILENAME ~ /linked$/ { linked[$1] = 1; next }
		match($0, /^[a-z][a-z0-9_ *]*[ *][a-z_0-9]+\(/) && !/^(static|extern|typedef)/ {
			name = substr($0, 1, RLENGTH - 1)
			sub(/.*[ *]/, "", name)
			if (!(name in linked))
				print FILENAME ": " name "() is in no program"
		}' "$BATS_FILE_TMPDIR/linked" selftests/lib/*.h
	assert_success
	refute_output
}

@test "no line of C is longer than 120 columns, but for a message's or a rule's" {
	run bash -c 'git ls-files "selftests/*.[ch]" "harness/*.[ch]" | while read -r file; do
		expand -t 8 "$file" | awk -v file="$file" "length(\$0) > 120 && !/\"/ { print file \":\" NR \": \" length(\$0) \" columns\" }"
	done'
	assert_success
	refute_output
}
