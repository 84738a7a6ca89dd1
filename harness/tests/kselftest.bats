#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The selftests as a kselftest: on this machine, installed, packed, and inside a kernel tree. What runs here are safe
# cases only; of the destructive programs, only the refusal to run them.
# shellcheck disable=SC2030,SC2031,SC2154  # each test has its own environment, and bats sets output and status

bats_require_minimum_version 1.5.0
bats_load_library bats-support
bats_load_library bats-assert

TREE_PACKAGE=linux-source-6.12

setup_file() {
	HARNESS=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	# What an outer make passes on isn't meant for the ones below.
	unset MAKEFLAGS MAKELEVEL MFLAGS OUTPUT O CROSS_COMPILE SYSROOT INSTALL_PATH FORMAT summary SURFACES
	unset I_KNOW_THIS_MAY_HANG_THE_MACHINE
	export HARNESS LC_ALL=C
	export CHECKOUT=$BATS_FILE_TMPDIR/checkout
	mkdir -p "$CHECKOUT/harness/lib"
	cp -r "$HARNESS/../Makefile" "$HARNESS/../selftests" "$CHECKOUT"
	cp "$HARNESS/lib/variables" "$CHECKOUT/harness/lib/"
	rm -rf "$CHECKOUT/selftests/build"
	# It is the running that is under test, not what runs: one surface will do, and one safe program of it.
	sed -i "s/^SURFACES ?=.*/SURFACES ?= clockevents/" "$CHECKOUT/selftests/Makefile"
	sed -i "s/^TEST_GEN_PROGS := .*/TEST_GEN_PROGS := sysfs_contract/" "$CHECKOUT/selftests/clockevents/Makefile"
	make -s -C "$CHECKOUT/selftests"
}

setup() {
	cd "$CHECKOUT" || return
	# One case that holds wherever there is sysfs: it is the running that is under test.
	export KSELFTEST_SYSFS_CONTRACT_ARGS='*.directories'
}

# ran_one RUNNER-VERSION-LINE : $output is a run of sysfs_contract's chosen case that passed
ran_one() {
	assert_output --partial -- "$1"$'\n1..1\n'
	assert_output --partial -- '# selftests: tickproof/clockevents: sysfs_contract'
	assert_output --partial -- '# ok 1 clockevents.sysfs_contract.directories'
	assert_output --partial -- 'ok 1 selftests: tickproof/clockevents: sysfs_contract'
	[[ $output != *'not ok'* ]]
}

# settings_number NAME -> what the surface's settings say, a bare number
settings_number() { sed -n "s/^$1=\([0-9]*\)\$/\1/p" "$CHECKOUT/selftests/clockevents/settings"; }

# stubs : an installed tree of shell scripts in $BATS_TEST_TMPDIR/stubs, to run the runner on; becomes the directory
stubs() {
	mkdir -p "$BATS_TEST_TMPDIR/stubs/tickproof/a" "$BATS_TEST_TMPDIR/stubs/tickproof/b"
	cd "$BATS_TEST_TMPDIR/stubs" || return
	cp "$CHECKOUT/selftests/run_kselftest.sh" .
	: >kselftest-list.txt
	echo "hang-risk tickproof/b:risky can't be undone" >kselftest-destructive.txt
	stub b/risky 'touch ../../ran'
	: >kselftest-list.txt
}

# stub NAME COMMANDS : one more test program
stub() {
	printf '#!/bin/sh\n%s\n' "$2" >"tickproof/$1"
	chmod +x "tickproof/$1"
	echo "tickproof/${1/\//:}" >>kselftest-list.txt
}

# tree : a kernel tree of its own with tickproof in it, in $TREE; only what kselftest itself is made of, unpacked once
tree() {
	local tarball=/usr/src/$TREE_PACKAGE.tar.xz cache=${TICKPROOF_CACHE:-$HARNESS/.cache}/kselftest tmp
	if [[ ! -d $cache/$TREE_PACKAGE ]]; then
		[[ -r $tarball ]] || skip "no $tarball (apt-get install $TREE_PACKAGE)"
		mkdir -p "$cache"
		tmp=$(mktemp -d "$cache/.tmp.XXXXXX")
		(cd "$tmp" && tar -xJf "$tarball" "$TREE_PACKAGE"/{scripts/subarch.include,tools/testing/selftests/kselftest} \
			"$TREE_PACKAGE"/tools/testing/selftests/{Makefile,lib.mk,kselftest.h,kselftest_harness.h,run_kselftest.sh})
		mv -T "$tmp/$TREE_PACKAGE" "$cache/$TREE_PACKAGE" || [[ -d $cache/$TREE_PACKAGE ]]
		rm -rf "$tmp"
	fi
	TREE=$BATS_TEST_TMPDIR/linux
	cp -r "$cache/$TREE_PACKAGE" "$TREE"
	cp -r "$CHECKOUT/selftests" "$TREE/tools/testing/selftests/tickproof"
	rm -rf "$TREE/tools/testing/selftests/tickproof/build"
}

# in_tree ARG... : make in the tree's selftests, as its own documentation says
in_tree() { make -C "$TREE/tools/testing/selftests" TARGETS=tickproof "$@"; }

@test "list: tiers and programs in running order, and nothing else" {
	local list tiers
	list=$(make -s -C selftests list)
	[[ ${list%%$'\n'*} == "safe clockevents/sysfs_contract" ]]
	run -1 grep -vE '^(safe|disruptive|hang-risk) [a-z]+/[a-z0-9_]+$' <<<"$list"
	tiers=$(cut -d" " -f1 <<<"$list" | uniq)
	[[ $tiers == "$(printf '%s\n' safe disruptive hang-risk | grep -xF "$tiers")" ]]
}

@test "every program is statically linked, and each has its place in the list" {
	local program
	make -s -C selftests OUTPUT="$BATS_TEST_TMPDIR/out"
	while read -r _ program; do
		run -0 file "$BATS_TEST_TMPDIR/out/$program"
		assert_output --partial -- 'statically linked'
	done < <(make -s -C selftests list)
}

@test "a library that is missing is one clear line" {
	run -2 make -s -C selftests OUTPUT="$BATS_TEST_TMPDIR/out" LDLIBS=-lnot_there
	[[ $(grep -c '^tickproof: ' <<<"$output") == 1 ]]
	assert_output --partial -- 'apt-get install'
}

@test "run_tests: KTAP, and exit status 0" {
	run -0 make run_tests
	ran_one 'KTAP version 1'
	assert_output --partial -- '# Totals: pass:1 fail:0'
}

@test "run_tests of one surface alone" {
	run -0 make -C selftests/clockevents run_tests
	ran_one 'KTAP version 1'
}

@test "run_tests: a failing program makes make fail" {
	KSELFTEST_SYSFS_CONTRACT_ARGS='no.such.case' run -2 make run_tests
	assert_output --partial -- 'not ok 1 selftests: tickproof/clockevents: sysfs_contract # exit='
	assert_output --partial -- '# Totals: pass:0 fail:1'
}

@test "summary=1 shows the summary lines and keeps the rest" {
	run -0 --separate-stderr make run_tests summary=1
	assert_output --partial -- 'ok 1 selftests: tickproof/clockevents: sysfs_contract'
	[[ $output != *clockevents.sysfs_contract.directories* ]]
	grep -q '^# ok 1 clockevents.sysfs_contract.directories' selftests/build/*/logs/*sysfs_contract.log
}

@test "install: stripped programs, a runner and its list" {
	run -0 make install INSTALL_PATH=there
	assert_output --partial -- "Installed in $CHECKOUT/there"
	run -0 file there/tickproof/clockevents/sysfs_contract
	assert_output --partial -- ', stripped'
	run -0 there/run_kselftest.sh -l
	[[ ${lines[0]} == tickproof/clockevents:sysfs_contract ]]
	[[ $output != *unbind* ]]
	run -0 there/run_kselftest.sh -l --destructive
	assert_output --partial -- 'tickproof/clockevents:unbind_fallback # hang-risk: '
	run -0 there/run_kselftest.sh -t tickproof/clockevents:sysfs_contract
	ran_one 'KTAP version 1'
}

@test "KDIR: the kernel modules are built, installed and cleaned with the rest" {
	local kdir name
	kdir=$(
		# shellcheck source=/dev/null
		for name in lib/common lib/deps prepare/kernel prepare/modules; do . "$HARNESS/$name.sh"; done
		kernel_fetch amd64 6.12 && headers_fetch amd64 "$KERNEL_RELEASE"
	)
	run -0 make install INSTALL_PATH=there KDIR="$kdir" ARCH=x86_64
	for name in hv_regs timer_fault timer_probe; do
		grep -q 'vermagic=6\.12\.' "there/tickproof/test_modules/$name.ko"
	done
	make -s clean KDIR="$kdir" ARCH=x86_64
	[[ -z $(find selftests -name '*.ko' -o -name '*.mod.c') ]]
	make -s -C selftests
	run -2 make install INSTALL_PATH=there KDIR=/nowhere
	assert_output --partial -- 'no kernel headers in /nowhere'
}

@test "gen_tar: the tarball runs in a chroot with busybox alone, as an ordinary user" {
	local root=$BATS_TEST_TMPDIR/root
	[[ $EUID == 0 ]] || skip 'needs root for chroot'
	unshare -m true || skip 'no mount namespace to be had here'
	[[ $(file -bL "$(command -v busybox)") == *'statically linked'* ]] || skip 'no static busybox (apt-get install busybox-static)'
	run -0 make gen_tar FORMAT=.xz INSTALL_PATH="$BATS_TEST_TMPDIR/packed"
	assert_output --partial -- "Created $BATS_TEST_TMPDIR/packed/kselftest-packages/tickproof.tar.xz"
	mkdir -p "$root"/{bin,proc,sys,dev,tmp,tickproof}
	chmod 1777 "$root/tmp"
	tar -xJf "$BATS_TEST_TMPDIR/packed/kselftest-packages/tickproof.tar.xz" -C "$root/tickproof"
	cp "$(command -v busybox)" "$root/bin"
	ln -s busybox "$root/bin/sh"
	# shellcheck disable=SC2016  # expanded inside
	run -0 unshare -m bash -c 'for dir in proc sys dev; do mount --rbind "/$dir" "$0/$dir"; done
		exec chroot --userspec=65534:65534 "$0" /bin/busybox env -i \
		KSELFTEST_SYSFS_CONTRACT_ARGS="$1" sh /tickproof/run_kselftest.sh' "$root" "$KSELFTEST_SYSFS_CONTRACT_ARGS"
	ran_one 'KTAP version 1'
}

@test "gen_tar: the layout and the words that LISA and Linaro's test-definitions want" {
	local at=$BATS_TEST_TMPDIR/kselftest-packages
	run -0 make gen_tar INSTALL_PATH="$BATS_TEST_TMPDIR/packed"
	mkdir "$at"
	tar -xaf "$BATS_TEST_TMPDIR/packed/kselftest-packages/tickproof.tar.gz" -C "$at"
	cd "$at"
	# At the top; a list that they cut and write anew; tests one by one, with a bare name each.
	[[ -x run_kselftest.sh ]]
	run -0 ./run_kselftest.sh -l
	[[ $output == tickproof/clockevents:sysfs_contract ]]
	grep "^tickproof/clockevents:" kselftest-list.txt >some
	cp some kselftest-list.txt
	run -0 ./run_kselftest.sh -c tickproof/clockevents
	# LISA's regular expression for a result, and TAP 13 as test-definitions' parser reads it: no number but the plan's.
	grep -cE '^(not ok|ok)\s+[0-9]+\s+selftests:\s+\S+:\s+\S+\s*(# (exit=)?(SKIP|TIMEOUT[0-9]+).*)?(# exit=[0-9]+)?$' <<<"$output" | grep -x 1
	run -0 ./run_kselftest.sh -t tickproof/clockevents:sysfs_contract
	ran_one 'KTAP version 1'
}

@test "gen_tar: an unknown FORMAT is one clear line, and leaves nothing behind" {
	run -2 make gen_tar FORMAT=.rar INSTALL_PATH="$BATS_TEST_TMPDIR/packed"
	assert_output --partial -- 'unknown FORMAT .rar; known are'
	[[ ! -e $BATS_TEST_TMPDIR/packed/kselftest-packages ]]
}

@test "clean leaves the directory as it was" {
	local before out=$BATS_TEST_TMPDIR/out
	before=$(cd selftests && find . -path ./build -prune -o -print | sort)
	make -s run_tests OUTPUT="$out" >/dev/null
	make -s clean OUTPUT="$out"
	[[ ! -e $out ]]
	[[ $(cd selftests && find . -path ./build -prune -o -print | sort) == "$before" ]]
}

@test "an unknown variable is one clear line and exit status 2, in any target" {
	for target in gate run_tests ''; do
		# shellcheck disable=SC2086
		run -2 make $target GEUST=x
		((${#lines[@]} == 1))
		assert_output --partial -- 'unknown variable GEUST; known are GUEST KERNEL'
	done
}

@test "a path with spaces, which make cannot handle, is named as the mistake" {
	run -2 make install INSTALL_PATH="$BATS_TEST_TMPDIR/a b"
	assert_output --partial -- "make cannot handle a path with spaces"
	[[ ! -e $BATS_TEST_TMPDIR/a ]]
}

@test "variables reach the harness as they were written, also through its own make" {
	local value="a.ko p=1; b.ko q='x \"y\"'"
	# shellcheck disable=SC2016  # expanded in there
	printf '%s\n' '#!/bin/sh' 'printf "%s|%s\n" "$MODULES" "$GUEST"' 'make -s -C selftests list' >harness/gate
	chmod +x harness/gate
	run -0 make gate MODULES="$value" GUEST=x86
	rm harness/gate
	[[ ${lines[0]} == "$value|x86" ]]
	[[ ${lines[1]} == 'safe clockevents/sysfs_contract' ]]
}

@test "run_destructive_tests is refused without the confirmation, before anything is built" {
	run -2 make run_destructive_tests OUTPUT="$BATS_TEST_TMPDIR/out"
	[[ ${lines[0]} == *'refused: these tests change the machine and may hang it'* ]]
	[[ ! -e $BATS_TEST_TMPDIR/out ]]
	I_KNOW_THIS_MAY_HANG_THE_MACHINE=perhaps run -2 make run_destructive_tests
}

@test "destructive tests run only when named, confirmed and as root, and say first what they change" {
	stubs
	stub a/fine 'exit 0'
	run -0 ./run_kselftest.sh
	run -0 ./run_kselftest.sh -c tickproof/a
	run -2 ./run_kselftest.sh -c tickproof/b
	run -2 ./run_kselftest.sh -t 'tickproof/b.risky'
	run -2 ./run_kselftest.sh -t tickproof/b:risky
	assert_output --partial -- refused
	# Two lines are no name, though each is one: grep would find the first.
	stub a/fine 'exit 0'
	run -2 ./run_kselftest.sh -t $'tickproof/a:fine\ntickproof/b:risky'
	assert_output --partial -- 'no such name'
	((${#lines[@]} == 1))
	[[ ! -e ran ]]
	export I_KNOW_THIS_MAY_HANG_THE_MACHINE=yes
	run -0 ./run_kselftest.sh
	[[ ! -e ran ]]
	if [[ $EUID != 0 ]]; then
		run -2 ./run_kselftest.sh --destructive
		assert_output --partial -- 'need root'
		return
	fi
	run -0 ./run_kselftest.sh -t tickproof/b:risky
	assert_output --partial -- "tickproof/b:risky: hang-risk: can't be undone"
	[[ -e ran ]]
	[[ ${lines[2]} == '# These tests change this machine'* ]]
}

@test "the runner distinguishes pass, failure, skip, timeout and a missing program, whatever the shell" {
	stubs
	stub a/pass 'echo "args: $*"'
	stub a/fails 'printf "no newline"; exit 1'
	stub a/skips 'exit 4'
	stub b/slow 'echo begun; sleep 30'
	echo timeout=1 >tickproof/b/settings
	echo tickproof/b:missing >>kselftest-list.txt
	for shell in dash bash 'busybox sh'; do
		command -v "${shell%% *}" >/dev/null || continue
		# shellcheck disable=SC2086
		KSELFTEST_PASS_ARGS='one *' run -1 $shell ./run_kselftest.sh
		assert_output --partial -- '# args: one *'
		assert_output --partial -- 'ok 1 selftests: tickproof/a: pass'
		assert_output --partial -- $'# no newline\nnot ok 2 selftests: tickproof/a: fails # exit=1'
		assert_output --partial -- 'ok 3 selftests: tickproof/a: skips # SKIP'
		assert_output --partial -- '# begun'
		assert_output --partial -- 'not ok 4 selftests: tickproof/b: slow # TIMEOUT 1 seconds'
		assert_output --partial -- 'not ok 5 selftests: tickproof/b: missing # exit=127'
		assert_output --partial -- '# Totals: pass:1 fail:3 xfail:0 xpass:0 skip:1 error:0'
	done
}

@test "the runner: what a test leaves behind ends with it, in a session of its own or not, and keeps nobody waiting" {
	local shell
	stubs
	stub a/daemon 'setsid sleep 600 & echo $! >>../../left; exit 0'
	stub b/slow 'setsid sh -c "sleep 600; echo late" & echo $! >>../../left; sleep 600'
	echo timeout=1 >tickproof/b/settings
	for shell in dash bash 'busybox sh'; do
		command -v "${shell%% *}" >/dev/null || continue
		rm -f left
		# shellcheck disable=SC2086
		run -1 timeout 60 $shell ./run_kselftest.sh
		assert_output --partial -- 'ok 1 selftests: tickproof/a: daemon'
		assert_output --partial -- 'not ok 2 selftests: tickproof/b: slow # TIMEOUT 1 seconds'
		(($(wc -l <left) == 2))
		while read -r pid; do
			[[ ! -e /proc/$pid ]] || grep -q '^State:.*Z' "/proc/$pid/status"
		done <left
	done
}

@test "the runner: the time allowed grows with the CPUs" {
	stubs
	stub a/slow 'sleep 60'
	# shellcheck disable=SC2016  # as it stands in a settings file
	printf '%s\n' timeout=1 timeout_per_cpu=2 'timeout=$((kselftest_timeout + 1))' >tickproof/a/settings
	mkdir bin
	printf '%s\n' '#!/bin/sh' 'echo 1' >bin/nproc
	chmod +x bin/nproc
	PATH=$PWD/bin:$PATH run -1 ./run_kselftest.sh
	assert_output --partial -- 'not ok 1 selftests: tickproof/a: slow # TIMEOUT 3 seconds'
}

@test "the runner: a failure late on the clock is not a timeout" {
	stubs
	stub a/fails "exit 3"
	echo timeout=1 >tickproof/a/settings
	mkdir bin
	printf "%s\n" "#!/bin/sh" "echo tick >>ticks; wc -c <ticks" >bin/date # 5 s further at each call
	chmod +x bin/date
	PATH=$PWD/bin:$PATH run -1 ./run_kselftest.sh
	assert_output --partial -- "not ok 1 selftests: tickproof/a: fails # exit=3"
}

@test "the runner on bad input: one line, exit status 2" {
	stubs
	stub a/fine 'exit 0'
	for arguments in -x -t '-t a:none' '-c none' '-o soon' '-p /proc/none'; do
		# shellcheck disable=SC2086
		run -2 ./run_kselftest.sh $arguments
		((${#lines[@]} == 1))
	done
	run -2 "$CHECKOUT/selftests/run_kselftest.sh"
	assert_output --partial -- 'make install'
	run -0 ./run_kselftest.sh --help
}

@test "Ctrl-C ends the runner and what it ran" {
	stubs
	stub a/slow 'echo $$ >../../slow.pid; exec sleep 30'
	# A process group of its own, in which SIGINT is not ignored, as at a terminal.
	setsid -f env --default-signal=INT sh -c 'echo $$ >pid; exec ./run_kselftest.sh' >out 2>&1 3>&-
	for ((i = 0; i < 100; i++)); do
		[[ -s slow.pid ]] && break
		sleep 0.1
	done
	kill -INT -- "-$(<pid)"
	for ((i = 0; i < 100; i++)); do
		grep -q interrupted out && ! kill -0 "$(<slow.pid)" 2>/dev/null && return
		sleep 0.1
	done
	cat out
	false
}

@test "kernel tree: run_tests with the tree's own lib.mk and runner" {
	tree
	run -0 in_tree run_tests
	ran_one 'TAP version 13'
	assert_output --partial -- "# timeout set to $(($(settings_number timeout) + $(nproc --all) * $(settings_number timeout_per_cpu)))"
	in_tree clean
	[[ -z $(find "$TREE/tools/testing/selftests/tickproof" -name '*.[oa]' -o -type f -name sysfs_contract) ]]
}

@test "kernel tree: install and gen_tar with O=, run the installed; two surfaces may use one program name" {
	local other at=$BATS_TEST_TMPDIR/o/kselftest/kselftest_install
	tree
	command -v rsync >/dev/null || skip "the kernel's lib.mk installs with rsync (apt-get install rsync)"
	other=$TREE/tools/testing/selftests/tickproof/other
	mkdir "$other"
	echo "int main(void) { return 4; }" >"$other/sysfs_contract.c"
	printf "%s\n" "TEST_GEN_PROGS := sysfs_contract" "include ../lib.mk" >"$other/Makefile"
	export SURFACES="clockevents other"
	in_tree O="$BATS_TEST_TMPDIR/o" gen_tar
	[[ -z $(find "$TREE/tools/testing/selftests/tickproof" -name '*.[oa]' -o -type f -name sysfs_contract) ]]
	run -0 "$at/run_kselftest.sh" -l
	[[ $output == $'tickproof/clockevents:sysfs_contract\ntickproof/other:sysfs_contract' ]]
	[[ -x $at/tickproof/clockevents/unbind_fallback && -e $at/tickproof/clockevents/settings ]]
	run -0 tar -tf "$at/kselftest-packages/kselftest.tar.gz"
	assert_output --partial -- ./tickproof/clockevents/sysfs_contract
	run -0 "$at/run_kselftest.sh" -t tickproof/other:sysfs_contract
	assert_output --partial -- "ok 1 selftests: tickproof/other: sysfs_contract # SKIP"
	run -0 "$at/run_kselftest.sh" -c tickproof/clockevents
	ran_one 'TAP version 13'
}
