#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# bisect: on a small git tree whose "kernel" is a text, and a guest that does what the text says.
# shellcheck disable=SC2016,SC2154

load helpers

setup() {
	fake_setup
	TREE=$BATS_TEST_TMPDIR/tree FAKE_IMAGE=$RESULTS/bisect/objects-amd64/arch/x86/boot/bzImage
	export GUEST=x86 FAKE_IMAGE GIT_CONFIG_GLOBAL=/dev/null
	mkdir -p "$TREE/scripts/kconfig"
	git -C "$TREE" init -q -b master
	git -C "$TREE" config user.name nobody
	git -C "$TREE" config user.email nobody@example.org
	# tinyconfig, the fragment, olddefconfig and the image are made in that order, or there is none.
	printf '%s\n' 'tinyconfig:' '	@echo tiny >$(O)/.config' 'olddefconfig:' '	@grep -q CONFIG_HIGH_RES_TIMERS=y $(O)/.config && echo old >>$(O)/.config' \
		'bzImage:' '	@tail -n 1 $(O)/.config | grep -qx old' '	@grep -q builds text' '	@mkdir -p $(O)/arch/x86/boot && cp text $(O)/arch/x86/boot/bzImage' >"$TREE/Makefile"
	printf '%s\n' '#!/bin/sh' 'shift 3' 'cat "$@" >"$KCONFIG_CONFIG.new" && mv "$KCONFIG_CONFIG.new" "$KCONFIG_CONFIG"' >"$TREE/scripts/kconfig/merge_config.sh"
	chmod +x "$TREE/scripts/kconfig/merge_config.sh"
	program a.one 'read -r text <"$FAKE_IMAGE"' 'plan 2' \
		'if [[ $text == *broken* ]]; then fail x "as the text says"; status=1; else pass x; fi' \
		'if [[ $text == *other* ]]; then fail y "as the text says"; status=1; else pass y; fi'
}

# commit TEXT : one more commit, whose kernel is this text
commit() {
	echo "$1" >"$TREE/text"
	git -C "$TREE" add -A
	git -C "$TREE" commit -q --allow-empty -m "$1"
}

# bisect ARG...
bisect() { run "$HARNESS/bisect" TREE="$TREE" "$@"; }

@test "the first bad commit, and what is left" {
	local text
	for text in 'builds 1' 'builds 2' 'builds 3' 'builds broken 4' 'builds broken 5' 'builds broken 6'; do
		commit "$text"
	done
	bisect HEAD~5 HEAD
	exits 0
	assert_output --partial -- 'looking for the commit since which a.one.x fails'
	assert_output --partial -- 'a.one.x fails since '
	assert_output --partial -- '("builds broken 4")'
	[[ $(grep -c '^git bisect \(old\|new\)' "$RESULTS/bisect/bisect.log") -ge 2 ]]
	# The tree itself is as it was.
	[[ $(git -C "$TREE" status --porcelain --ignored) == '' && $(git -C "$TREE" rev-parse --abbrev-ref HEAD) == master ]]
	[[ ! -e $TREE/.git/BISECT_LOG && ! -e $TREE/.git/worktrees ]]
	# A second time, with another case of interest.
	commit 'builds broken other 7'
	bisect HEAD~6 HEAD CASE='*.y'
	exits 0
	assert_output --partial -- 'a.one.y fails since '
	assert_output --partial -- '("builds broken other 7")'
}

@test "a fix is found as well, expected failures or not; what does not build or can't be judged is left out" {
	local text
	for text in 'builds broken 1' 'builds broken 2' 'no 3' 'builds broken 4' 'builds 5' 'builds 6'; do
		commit "$text"
	done
	expect 'a.one.x FAIL expires=2999-01-01 known'
	bisect HEAD~5 HEAD
	exits 0
	assert_output --partial -- 'a.one.x no longer fails since '
	assert_output --partial -- '("builds 5")'
	commit 'no 7'
	commit 'builds broken 8'
	bisect HEAD~2 HEAD
	exits 1
	assert_output --partial -- "only 'skip'ped commits left"
	assert_output --partial -- 'does not build'
}

@test "git bisect run harness/bisect step" {
	local text
	for text in 'builds 1' 'builds 2' 'builds broken 3' 'no 4' 'builds broken 5'; do
		commit "$text"
	done
	cd "$TREE"
	git bisect start HEAD HEAD~4
	run git bisect run "$HARNESS/bisect" step CASE='a.one.*'
	exits 0
	assert_output --partial -- "$(git rev-parse master~2) is the first bad commit"
	git bisect reset
	git checkout -q master~1
	run "$HARNESS/bisect" step
	exits 125
}

@test "what is wrong is said in one line, before anything is built" {
	commit 'builds 1'
	commit 'builds 2'
	local line
	while IFS='|' read -r line text; do
		# shellcheck disable=SC2086
		run "$HARNESS/bisect" $line
		exits 2
		assert_output --partial -- "$text"
		((${#lines[@]} == 1))
	done <<END
HEAD~1|two commits are wanted
|two commits are wanted
HEAD~1 HEAD TREE=/nowhere|TREE=/nowhere: not a git tree
HEAD~1 nosuch TREE=$TREE|nosuch: TREE=$TREE has no such commit
HEAD HEAD TREE=$TREE|GOOD and BAD are the same commit
HEAD~1 HEAD TREE=$TREE GUEST=nosuch|GUEST=nosuch: no such guest
HEAD~1 HEAD TREE=$TREE CONFIG=/nowhere|CONFIG=/nowhere: not a readable file
HEAD~1 HEAD TREE=$TREE KERNEL=6.1|unknown variable KERNEL
END
	[[ ! -e $RESULTS/bisect/sources ]]
	bisect HEAD~1 HEAD
	exits 2
	assert_output --partial -- 'GOOD and BAD come to the same'
}
