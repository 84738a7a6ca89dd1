# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Those tests of harness/check that run on machines which are there already: this one, and one by ssh (with tests/gates.sh).
# shellcheck disable=SC2153  # NAME and LOGS, of harness/check

# On this machine, where it can be recorded: at least 95 in 100 wake-ups add up.
perf_here() {
	"$HARNESS/perf" RESULTS="$LOGS/$NAME"
	[[ ! -w /sys/kernel/tracing/instances ]] || perf_adds_up
}

# perf_adds_up : do at least 95 in 100 of this test's wake-ups?
perf_adds_up() { awk -F '\t' '$1 == "perf" && $2 == "wakes" { checked += $7; added += $8 } END { exit checked < 100 || added < 0.95 * checked }' "$LOGS/$NAME/latest/records.tsv"; }

# The same as somebody who is nobody, if root makes us that: without any right that is said, in one line; with the right to read the kernel's tracepoints by perf record.
perf_here_user() {
	local rights caps=+perfmon,+dac_read_search program=$SCRATCH/here
	((EUID == 0)) || return 0
	install -m 755 "$HARNESS/watch/here" "$program"
	chmod 755 "$SCRATCH"
	for rights in '' "--inh-caps $caps --ambient-caps $caps"; do
		gate_exits 0 HOST=nobody@this-machine SSH_CMD="setpriv --reuid 65534 --regid 65534 --clear-groups $rights $program" TESTS=sleep.nanosleep PERF=1
		if [[ -z $rights || ! -e /sys/kernel/tracing/events ]]; then
			grep -F 'nothing was recorded: there is no tracefs that we may use and ' "$LOGS/$NAME/latest/records.tsv"
		else
			perf_adds_up
		fi
	done
}

# of_this_machine : what the kernel logged since boot, before our tests came, makes a machine not conform; of this one that is not what is tested
of_this_machine() { echo 'clockevents.sysfs_contract.since_boot FAIL seen=sometimes expires=2999-12-31 what this machine logged before is not tested here'; }

# The safe tests on this machine, as the README says.
live() {
	local out=$SCRATCH/live failed
	make -s -C "$TOP" run_tests OUTPUT="$LOGS/$NAME.build" >"$out" 2>&1 && return
	cat "$out"
	# Of this machine alone.
	failed=$(sed -n 's/^# not ok [0-9]* \([a-z0-9_.]*\).*/\1/p' "$out")
	[[ $failed == clockevents.sysfs_contract.since_boot ]]
}

# The same as somebody who is nobody: what can be done is done, the rest skipped with a reason.
live_user() {
	make -s -C "$TOP/selftests" OUTPUT="$LOGS/$NAME.build"
	# From a place of its own: the checkout may be closed to others.
	install -D -m 755 "$LOGS/$NAME.build/clockevents/sysfs_contract" "$SCRATCH/sysfs_contract"
	chmod 755 "$SCRATCH"
	if ((EUID)); then
		"$SCRATCH/sysfs_contract"
	else
		setpriv --reuid 65534 --regid 65534 --clear-groups "$SCRATCH/sysfs_contract"
	fi
}

# A machine by ssh: this one, by an sshd of our own that has no port, and whose host key is checked.
host_conforms() {
	local dir=$SCRATCH/sshd name
	mkdir -p "$dir"
	((EUID)) || mkdir -p /run/sshd
	for name in machine user; do
		ssh-keygen -q -t ed25519 -N '' -f "$dir/$name"
	done
	printf '%s\n' "HostKey $dir/machine" "AuthorizedKeysFile $dir/user.pub" 'StrictModes no' 'UsePAM no' 'PermitRootLogin prohibit-password' 'PidFile none' >"$dir/sshd"
	echo "machine $(<"$dir/machine.pub")" >"$dir/known"
	printf '%s\n' "ProxyCommand $(PATH=$PATH:/usr/sbin command -v sshd) -i -f $dir/sshd" "IdentityFile $dir/user" 'IdentitiesOnly yes' \
		"UserKnownHostsFile $dir/known" 'GlobalKnownHostsFile none' >"$dir/ssh"
	of_this_machine >"$dir/expected"
	gate_exits 0 HOST="$(id -un)@machine" SSH_CMD="ssh -F $dir/ssh" TESTS='*.sysfs_contract' EXPECTED="$dir/expected" 2>"$dir/words"
	cat "$dir/words"
	! grep 'is still there' "$dir/words" || return 1
	# Another machine's key: not a word to it.
	echo "machine $(<"$dir/user.pub")" >"$dir/known"
	gate_exits 2 HOST="$(id -un)@machine" SSH_CMD="ssh -F $dir/ssh" TESTS='*.sysfs_contract' 2>"$dir/words"
	grep -F 'Host key verification failed' "$dir/words"
}

# machine_program NAME CASE COMMAND : a program in $extra for a machine that has a sh, and keeps account of what ran
machine_program() {
	printf '#!/bin/sh\necho %s >>/var/tmp/ran\nsync\nprintf "%%s\\n" "KTAP version 1" 1..1 "# BEGIN extra.%s.%s"\n%s\necho ok 1 extra.%s.%s\n' \
		"$1" "$1" "$2" "$3" "$1" "$2" >"$extra/$1"
	chmod +x "$extra/$1"
}

# A machine of its own, by ssh over a forwarded port: it conforms; and then its connection is cut off, a timer of its dies for good, and it restarts. Each is
# named, the rest goes on, and by the machine's own account nothing ran twice.
machine_is_watched() {
	local dir=$SCRATCH/machine extra=$LOGS/$NAME.extra name i
	"$HARNESS/tests/ssh_machine" "$dir" &
	# shellcheck disable=SC2064
	trap "kill $!; wait $! || :" EXIT
	for ((i = 0; i < 600; i++)); do
		[[ ! -e $dir/up ]] || break
		kill -0 $!
		sleep 0.2
	done
	gate_exits 0 HOST=root@machine SSH_CMD="ssh -F $dir/ssh" TESTS='*.sysfs_contract sleep.nanosleep'
	mkdir "$extra"
	machine_program a_cut whole 'killall sshd; sleep 3'
	machine_program b_dead sleep 'sleep 3; insmod /lib/timer_fault.ko fault=dead cpu=1; taskset 2 sleep 1'
	machine_program c_restart bad 'sleep 3; echo b >/proc/sysrq-trigger; sleep 100'
	machine_program d_last good :
	gate_exits 1 HOST=root@machine SSH_CMD="ssh -F $dir/ssh" I_KNOW_THIS_MAY_HANG_THE_MACHINE=yes EXTRA_DIR="$extra" TESTS='extra.*' SILENCE_TIMEOUT=15 \
		REBOOT_CMD="echo system_reset >$dir/monitor.in" CONSOLE_CMD="tail -n 0 -f $dir/console.log"
	for name in 'ok 1 extra.a_cut.whole' 'extra.b_dead.sleep # TIMEOUT HANG' 'extra.c_restart.bad # ERROR RESET' 'ok 1 extra.d_last.good'; do
		reported "$name"
	done
	for name in 'the connection was lost' 'the connection is there again' 'REBOOT_CMD was run (status 0)'; do
		grep -F "> connection $name" "$LOGS/$NAME/latest/journal.log"
	done
	grep 'Server listening on' "$LOGS/$NAME/latest/console.log"
	diff <(ssh -F "$dir/ssh" root@machine 'cat /var/tmp/ran; ls /var/tmp') <(printf '%s\n' a_cut b_dead c_restart d_last lost+found ran)
}
