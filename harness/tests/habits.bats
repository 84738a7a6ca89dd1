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
	local header name
	for header in selftests/lib/*.h; do
		awk '/^[a-z][a-z0-9_ *]*[ *][a-z_0-9]+\(/ && !/^(static|extern|typedef)/ {
			sub(/\(.*/, "")
			sub(/.*[ *]/, "")
			print
		}' "$header" | while read -r name; do
			grep -lw "$name" selftests/*/*.c selftests/lib/tests/*.c | grep -qvx "${header%.h}.c" || echo "$header: $name() has no user"
		done
	done >"$BATS_TEST_TMPDIR/unused"
	run cat "$BATS_TEST_TMPDIR/unused"
	refute_output
}

@test "no line of C is longer than 100 columns, but for a message's or a rule's" {
	run bash -c 'git ls-files "selftests/*.[ch]" "harness/*.[ch]" | while read -r file; do
		expand -t 8 "$file" | awk -v file="$file" "length(\$0) > 100 && !/\"/ { print file \":\" NR \": \" length(\$0) \" columns\" }"
	done'
	assert_success
	refute_output
}

@test "no two headers include each other, and no folder of tests includes another's" {
	# Each header, and what it includes, by its path; tsort says which of them lie on a circle.
	git ls-files 'selftests/*.[ch]' 'harness/hypervisor/*.[ch]' | while read -r file; do
		sed -n 's/^#include "\(.*\)"$/\1/p' "$file" | while read -r header; do
			echo "$file $(realpath -m --relative-to=. "${file%/*}/$header")"
		done
	done >"$BATS_TEST_TMPDIR/includes"
	(($(wc -l <"$BATS_TEST_TMPDIR/includes") > 500))
	run tsort "$BATS_TEST_TMPDIR/includes"
	assert_success
	refute_output --partial loop
	run awk '{ from = $1; to = $2; sub("/[^/]*$", "", from); sub("/[^/]*$", "", to) }
		from != to && to != "selftests/lib" && to !~ /test_modules/ && from !~ "/test(s|_modules)(/|$)" { print $1 " includes " $2 }' "$BATS_TEST_TMPDIR/includes"
	refute_output
}

@test "in lib and hypervisor, what a file includes does not include it, by whatever way" {
	# By what they include, a file of C stands for itself and its header.
	git ls-files 'selftests/lib/*.[ch]' 'harness/hypervisor/*.[ch]' | while read -r file; do
		sed -n 's/^#include "\([^/]*\)\.h"$/\1/p' "$file" | while read -r part; do
			[[ ${file%.[ch]} == "${file%/*}/$part" ]] || echo "${file%.[ch]} ${file%/*}/$part"
		done
	done | sort -u >"$BATS_TEST_TMPDIR/parts"
	run tsort "$BATS_TEST_TMPDIR/parts"
	assert_success
}
