#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# HOST=: the real agent, attach and bridge, on this machine, by an ssh of our own.

load helpers

setup() {
	fake_setup
	export TICKPROOF_FAKE=$HARNESS/tests/fake_machine.sh SSH_CMD=$HARNESS/tests/fake-ssh HOST=root@fake
	unset GUEST
	export SILENCE_TIMEOUT=4 BOOT_TIMEOUT=20
	echo 00000000-1111-2222-3333-444444444444 >"$FAKE_SCRIPTS/boot_id"
	export FAKE_UNSHARE=-m
	((EUID == 0)) || FAKE_UNSHARE=-rm
	unshare "$FAKE_UNSHARE" true 2>/dev/null || skip 'no mount namespaces here, which play the machine'
}

# no_trace : nothing of ours is left on "the machine"
no_trace() {
	local dir
	dir=$(grep -o -m 1 '/[^ ]*/tickproof\.[A-Za-z0-9]*' "$FAKE_SCRIPTS/ssh_log")
	[[ -n $dir && ! -e $dir ]] && ! pgrep -f "$dir"
}

@test "machine: programs that change nothing run, once each, and nothing stays behind" {
	program clockevents.one 'plan 2' 'pass a' 'pass b'
	program sleep.two 'plan 1' 'pass a'
	program time.three ': disruptive' 'plan 1' 'pass a'
	gate
	exits 0
	assert_output --partial '3 passed, 0 failed, 0 skipped'
	[[ $(<"$FAKE_SCRIPTS/ran") == $'clockevents.one\nsleep.two' ]]
	lines_in journal.log '> left-out time.three'
	lines_in journal.log '> gate host=root@fake'
	no_trace
}

@test "machine: what changes it is run with the user's word only" {
	program time.three ': disruptive' 'plan 1' 'pass a'
	gate
	exits 2
	assert_output --partial 'chooses no program that changes nothing (I_KNOW_THIS_MAY_HANG_THE_MACHINE=yes allows the others)'
	((EUID == 0)) || skip 'the rest wants root'
	gate I_KNOW_THIS_MAY_HANG_THE_MACHINE=yes
	exits 0
	no_trace
}

@test "machine: a connection that is cut is made again: no line is lost, nothing runs twice, and it is no verdict" {
	program clockevents.one 'plan 3' 'pass a' 'cut' 'pass b' 'sleep 1' 'pass c'
	program sleep.two 'plan 1' 'cut' 'pass a'
	gate
	exits 0
	assert_output --partial '4 passed, 0 failed, 0 skipped'
	[[ $(<"$FAKE_SCRIPTS/ran") == $'clockevents.one\nsleep.two' ]]
	[[ $(lines_in journal.log '> connection the connection was lost') == 2 ]]
	[[ $(lines_in journal.log '> connection the connection is there again') == 2 ]]
	[[ $(lines_in journal.log '> boot ') == 1 ]]
	no_trace
}

@test "machine: what was silent because its connection was cut has its time again" {
	program clockevents.one 'plan 1' 'begin a' 'sleep 2' 'cut' 'sleep 4' 'result ok a'
	gate
	exits 0
	[[ $(<"$FAKE_SCRIPTS/ran") == clockevents.one ]]
	lines_in journal.log '> connection the connection is there again'
	no_trace
}

@test "machine: a line to it that comes in pieces is one line" {
	program clockevents.one 'plan 1' 'pass a'
	FAKE_PIECES=yes gate
	exits 0
	[[ $(<"$FAKE_SCRIPTS/ran") == clockevents.one ]]
	no_trace
}

@test "machine: a program that hangs on a machine that answers is a HANG, is ended, and the rest goes on" {
	program clockevents.one 'plan 1' 'begin a' 'sleep 1000'
	program sleep.two 'plan 1' 'pass a'
	gate
	exits 1
	assert_output --partial 'HANG clockevents.one.a: no line for 4 s, though the machine answers another connection'
	assert_output --partial '1 passed, 1 failed'
	[[ $(<"$FAKE_SCRIPTS/ran") == $'clockevents.one\nsleep.two' ]]
	no_trace
}

@test "machine: one that answers no second connection hangs; REBOOT_CMD brings it back, and the rest goes on" {
	program clockevents.one 'plan 1' 'begin a' 'sleep 0.5' 'vanish' 'sleep 1000'
	program sleep.two 'plan 1' 'pass a'
	gate REBOOT_CMD="rm -f $FAKE_SCRIPTS/down; echo 99999999-2222-3333-4444-555555555555 >$FAKE_SCRIPTS/boot_id; echo powered"
	exits 1
	assert_output --partial 'HANG clockevents.one.a: no line for 4 s, and the machine answers no other connection'
	assert_output --partial '1 passed, 1 failed'
	lines_in journal.log '> connection REBOOT_CMD was run (status 0): powered'
	[[ $(<"$FAKE_SCRIPTS/ran") == $'clockevents.one\nsleep.two' ]]
	no_trace
}

@test "machine: one that doesn't come back after a HANG: the HANG stands, the rest is named, and its directory too" {
	program clockevents.one 'plan 1' 'begin a' 'sleep 0.5' 'vanish' 'sleep 1000'
	program sleep.two 'plan 1' 'pass a'
	gate BOOT_TIMEOUT=3
	exits 1
	assert_output --partial 'HANG clockevents.one.a'
	lines_in journal.log 'NOBOOT guest not ready after 3 s (is the machine back?'
	assert_output --regexp 'root@fake does not answer: /[^ ]*/tickproof\.[A-Za-z0-9]+ is still there'
	rm -f "$FAKE_SCRIPTS/down"
	dir=$(grep -o -m 1 '/[^ ]*/tickproof\.[A-Za-z0-9]*' "$FAKE_SCRIPTS/ssh_log")
	"$dir/attach" stop
	no_trace
}

@test "machine: a restart is a RESET, and the rest goes on" {
	program clockevents.one 'plan 1' 'begin a' 'restart'
	program sleep.two 'plan 1' 'pass a'
	gate
	exits 1
	assert_output --partial 'RESET clockevents.one.a: the machine has restarted'
	assert_output --partial '1 passed, 1 failed'
	[[ $(<"$FAKE_SCRIPTS/ran") == $'clockevents.one\nsleep.two' ]]
	no_trace
}

@test "machine: after DEAD nothing more is run, as nobody restarts it" {
	program clockevents.one 'plan 1' 'begin a.cpu1' 'echo "# DEAD cpu=1 device=x: late"' 'result "not ok" a.cpu1 "DEAD late"'
	program sleep.two 'plan 1' 'pass a'
	gate
	exits 1
	lines_in journal.log '> unrun sleep.two CPU 1'
	[[ $(<"$FAKE_SCRIPTS/ran") == clockevents.one ]]
	no_trace
}

@test "machine: its console is kept" {
	program clockevents.one 'plan 1' 'sleep 1' 'pass a'
	gate CONSOLE_CMD='echo words of the console'
	exits 0
	lines_in console.log 'words of the console'
}

@test "machine: what can't be is one line, and exit 2" {
	program clockevents.one 'plan 1' 'pass a'
	local words arguments
	while IFS='|' read -r arguments words; do
		# shellcheck disable=SC2086
		gate $arguments
		exits 2
		assert_output --partial "$words"
		[[ ${#lines[@]} -le 2 ]]
		[[ ! -e $RESULTS/latest ]]
	done <<-'END'
		HOST=fake|give user@machine
		HOST=-oProxyCommand=x@y|give user@machine
		HOST=root@fake KERNEL=6.1|a machine is tested as it is
		HOST=root@fake GUEST=x86|a machine already runs
		HOST=root@fake SSH_CMD=/nonexistent|no such command
		HOST=root@fake SKIP_MAX=many|give a number of percent
	END
	: >"$FAKE_SCRIPTS/down"
	gate
	exits 2
	assert_output --partial 'HOST=root@fake: ssh: connect to host fake port 22: Connection timed out'
}

@test "machine: more skips than SKIP_MAX are no verdict" {
	program clockevents.one 'plan 2' 'pass a' 'begin b' 'result ok b "SKIP no such device"'
	gate SKIP_MAX=40
	exits 2
	assert_output --partial '1 of 2 cases were skipped, more than SKIP_MAX=40 %, most often: no such device'
	gate SKIP_MAX=50
	exits 0
}
