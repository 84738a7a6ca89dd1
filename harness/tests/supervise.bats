#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Watching from outside: gates whose guest is fake-qemu, which hangs, panics, floods and lies as the test says.
# shellcheck disable=SC2016,SC2030,SC2031,SC2119,SC2120

load helpers

setup() { fake_setup; }

@test "healthy: two programs in one boot, conforms" {
	program a.one 'plan 2' 'pass x' 'skip y "no hpet"' 'say "# fact arch=none"'
	program a.two 'plan 1' 'pass x.cpu1'
	gate
	exits 0
	assert_output --partial -- '2 passed, 0 failed, 1 skipped'
	assert_output --partial -- 'SKIP a.one.y: no hpet'
	assert_output --partial -- "CONFORMS  $RESULTS/latest"
	[[ $(lines_in journal.log '> boot ') == 1 ]]
	[[ $(cd "$RESULTS/latest/" && echo *) == 'console.log facts.json journal.log junit.xml metrics.prom metrics.tsv records.tsv report.html report.ktap results.json summary.md' ]]
	grep -q 'Linux version 0' "$RESULTS/latest/console.log"
	grep -Eq '^[0-9]+\.[0-9]{6} [0-9]+\.[0-9]{2} 1 [0-9]+ < # RUN a.two$' "$RESULTS/latest/journal.log"
	no_scratch
}

@test "a hang in a case and one after the last: named, sysrq asked, the rest in fresh boots" {
	program a.one 'plan 3' 'pass x' 'begin y.cpu1' 'hang'
	program a.three 'plan 1' 'pass x' 'hang deaf'
	program a.two 'plan 1' 'pass x'
	gate
	exits 1
	assert_output --partial -- 'HANG a.one.y.cpu1: no line for 1 s'
	assert_output --partial -- 'HANG a.three.end: no line for 1 s'
	assert_output --partial -- 'the answers to sysrq 9 l q w are in console.log'
	assert_output --partial -- '3 passed, 2 failed, 0 skipped'
	assert_output --partial -- 'DOES NOT CONFORM: a.one.y.cpu1: HANG: no line for 1 s (and 1 more)'
	grep -q 'sysrq: w: Show' "$RESULTS/latest/console.log"
	[[ $(lines_in journal.log '> boot ') == 3 && $(lines_in journal.log 'RUN a.one') == 1 ]]
}

@test "a program that talks for ever is a hang as well" {
	program a.one 'plan 1' 'begin x' 'while :; do say "# still here"; nap 0.2; done'
	FAKE_PROGRAM_TIMEOUT=1 gate
	exits 1
	assert_output --partial -- 'HANG a.one.x: not done within 1 s'
}

# nested LINE... : the guest is one of an appliance's, whose firmware does this once it has begun to start the guest
nested() {
	export FAKE_NESTED=yes
	program firmware 'read -r _' 'echo "appliance: starting the guest" >appliance.log' "$@"
}

# monitor_told -> the commands that QEMU's monitor was given
monitor_told() { sed 's/^{"execute": "\([^"]*\)".*/\1/' "$FAKE_SCRIPTS/monitor" | paste -s -d ' '; }

# asks QUESTION PATTERN... : the lines of a program that asks the host for that, and passes where the answer is as the patterns say
asks() { printf '%s\n' "ask '$1'" "begin '${1// /_}'" "[[ \$answer =~ ^host\\ ($2)\$ ]] && result ok '${1// /_}' || result 'not ok' '${1// /_}' \"\$answer\""; }

@test "a guest is held up for the program that asks: paused, saved and restored, or moved, and the answer says when" {
	program continuity.a 'plan 4' "$(asks time 'time [0-9]+')" "$(asks 'pause 1' 'held( [0-9]+){4}')" "$(asks 'restore 1' 'held( [0-9]+){6}')" \
		"$(asks 'migrate 1' 'held( [0-9]+){6}')"
	gate
	exits 0
	assert_output --partial -- '4 passed, 0 failed'
	[[ $(monitor_told) == 'qmp_capabilities stop cont stop migrate-set-parameters migrate query-migrate quit qmp_capabilities migrate-incoming query-status cont migrate qmp_capabilities migrate-incoming query-migrate quit query-status cont' ]]
	# It stood still for as long as it was to, and that was nobody's silence; it was a file for half of it.
	awk '/> held / { good += $11 >= $10 && $12 - $11 >= 100 && $13 - $12 < 300 && ($7 != "restore" || $15 - $14 >= 50) && ($7 != "migrate" || $12 - $15 >= 100) } END { exit good != 3 }' "$RESULTS/latest/journal.log"
}

@test "a nested guest boots once: what was saved of it is kept by a gate that conforms, and thrown away by one that doesn't" {
	local kept
	nested
	# They wait for each other.
	program a.one 'plan 1' 'until [[ -e $FAKE_SCRIPTS/two ]]; do nap 0.05; done' 'pass x'
	program a.three 'plan 1' 'pass x'
	program a.two ': disruptive' 'plan 1' ': >$FAKE_SCRIPTS/two' 'pass x'
	export FAKE_SNAPSHOT=completed
	gate BOOTS=2 SILENCE_TIMEOUT=9
	exits 0
	[[ $(lines_in journal.log '> boot ') == 2 && $(lines_in journal.log '> boot .*-incoming exec:cat snapshot$') == 1 ]]
	kept=$(compgen -G "$TICKPROOF_CACHE/images/guest-state-1-*.console")
	[[ $(cat "${kept%.console}" "$kept") == $'saved\nLinux version 0' ]]
	gate BOOTS=2 SILENCE_TIMEOUT=9
	exits 0
	[[ $(lines_in journal.log '> boot ') == 2 && $(lines_in journal.log '> boot .*-incoming exec:cat snapshot$') == 2 ]]
	[[ $(lines_in console.log 'Linux version 0') == 4 && $(lines_in console.log '=== since it was saved') == 2 && -e $kept ]]
	no_scratch
	program a.three 'plan 1' 'fail x'
	gate BOOTS=2 SILENCE_TIMEOUT=9
	exits 1
	[[ $(lines_in journal.log '> boot .*-incoming') == 2 ]]
	[[ -z $(compgen -G "$TICKPROOF_CACHE/images/guest-state-*") ]]
}

@test "a nested guest that can't be saved boots each time; only so many are kept" {
	local i
	nested
	# They wait for each other.
	program a.one 'plan 1' 'until [[ -e $FAKE_SCRIPTS/two ]]; do nap 0.05; done' 'pass x'
	program a.three 'plan 1' 'pass x'
	program a.two ': disruptive' 'plan 1' ': >$FAKE_SCRIPTS/two' 'pass x'
	FAKE_SNAPSHOT=failed gate BOOTS=2 SILENCE_TIMEOUT=9
	exits 0
	assert_output --partial 'the machine was not saved, so each boot is a whole one: QEMU says: Migration status: failed'
	[[ $(lines_in journal.log '> boot ') == 2 && $(lines_in journal.log '> boot .*-incoming') == 0 ]]
	for i in 1 2 3 4 5; do
		touch -d "-$i hours" "$TICKPROOF_CACHE/images/guest-state-0-$i"{,.console}
	done
	FAKE_SNAPSHOT=completed gate BOOTS=2 SILENCE_TIMEOUT=9
	exits 0
	[[ $(cd "$TICKPROOF_CACHE/images" && echo guest-state-0-*) == 'guest-state-0-1 guest-state-0-1.console guest-state-0-2 guest-state-0-2.console guest-state-0-3 guest-state-0-3.console' ]]
}

@test "a nested guest moves to a QEMU that has the other monitor, and back" {
	nested
	program continuity.a 'plan 3' "$(asks 'migrate 1' 'held( [0-9]+){6}')" "$(asks 'restore 1' 'held( [0-9]+){6}')" "$(asks 'migrate 2' 'held( [0-9]+){6}')"
	gate
	exits 0
	assert_output --partial -- '3 passed, 0 failed'
	[[ $(grep -c x-ignore-shared "$FAKE_SCRIPTS/monitor") == 6 ]]
}

@test "what can't be held up is refused, with the reason; what is no such program's, or too much, is not answered" {
	program continuity.a 'plan 3' "$(asks 'pause 11' 'no nothing is known of that.*')" "$(asks 'leap 1' 'no nothing is known of that.*')" \
		'for ((i = 0; i < 120; i++)); do say "# HOST time"; done' 'answers=0' 'while read -r -t 4 _; do answers=$((answers + 1)); done' 'begin many' \
		'((answers == 98)) && result ok many || result "not ok" many $answers'
	program a.one 'plan 1' 'say "# HOST pause 1"' 'begin x' 'read -r -t 0.5 _ && result "not ok" x answered || result ok x'
	SILENCE_TIMEOUT=9 gate
	exits 0
	assert_output --partial -- '4 passed, 0 failed'
	[[ ! -e $FAKE_SCRIPTS/monitor ]]
}

@test "a QEMU that doesn't let its guest go on is no fault of the guest's" {
	program continuity.a 'plan 1' 'FAKE_REFUSES=cont' "$(asks 'pause 1' 'held.*')"
	gate
	exits 2
	assert_output --partial -- 'COULD NOT BE JUDGED: the guest was held up and could not go on: QEMU refuses cont: {"id": 3, "error": {"desc": "not now"}}'
	no_scratch
}

@test "a QEMU that can't be saved or moved goes on, and says why" {
	program continuity.a 'plan 2' 'FAKE_REFUSES=migrate' "$(asks 'restore 1' 'no QEMU refuses migrate: .*not now.*')" \
		"$(asks 'migrate 1' 'no QEMU refuses migrate: .*not now.*')"
	gate
	exits 0
	[[ $(monitor_told) == 'qmp_capabilities stop migrate-set-parameters migrate cont migrate' ]]
}

@test "panic and reset are named with the case, the rest goes on" {
	program a.one 'plan 2' 'pass x' 'begin y' 'console some oops' 'panic "Fatal exception in interrupt"'
	program a.three 'plan 1' 'begin x' 'reset'
	program a.two 'plan 1' 'pass x'
	gate
	exits 1
	assert_output --partial -- 'PANIC a.one.y: Fatal exception in interrupt'
	assert_output --partial -- 'RESET a.three.x: the machine restarted or ended'
	assert_output --partial -- '2 passed, 2 failed'
	[[ $(lines_in journal.log '> boot ') == 3 ]]
}

@test "a hypervisor appliance that dies is no fault of the guest: not judged, its words kept" {
	program a.one "plan 2" "pass x" "begin y" "echo \"[ 15.5] Oops: 0002 [#1]\" >appliance.log" "reset"
	program a.two "plan 1" "pass x"
	gate
	exits 2
	assert_output --partial -- "COULD NOT BE JUDGED: the hypervisor appliance died (its words are in appliance.log): Oops: 0002 [#1]"
	assert_output --partial -- "NOBOOT a.one.y: not judged"
	grep -q "Oops: 0002" "$RESULTS/latest/appliance.log"
	[[ $(lines_in journal.log "> boot ") == 1 ]]
}

# what the kernel prints of a breakpoint that it doesn't know
INT3=('console "[    1.0] Oops: int3: 0000 [#1] PREEMPT SMP NOPTI"' 'console "[    1.0] RIP: 0010:try_to_wake_up+0x1/0x2"')

@test "QEMU's stale int3 is no fault of the guest: booted again, the program with it; a program that does so twice is at fault" {
	program firmware '[[ -e $FAKE_SCRIPTS/twice ]] || {' 'echo >$FAKE_SCRIPTS/twice' "${INT3[@]}" \
		'panic "Fatal exception in interrupt"' '}'
	program a.one 'plan 1' 'pass x'
	gate
	exits 0
	assert_output --partial -- '1 passed, 0 failed'
	assert_output --partial -- 'NOTE a.one: booted again: an emulated CPU kept a breakpoint that was gone (int3)'
	[[ $(lines_in journal.log '> again') == 1 ]]
	program a.two 'plan 1' 'begin x' "${INT3[@]}" 'panic "Fatal exception"'
	rm "$FAKE_SCRIPTS/twice"
	gate
	exits 1
	assert_output --partial -- 'PANIC a.two.x: Fatal exception'
	assert_output --partial -- '1 passed, 1 failed'
	[[ $(lines_in journal.log '> again') == 2 && $(lines_in journal.log '> boot ') == 3 ]]
	program firmware "${INT3[@]}" 'panic "Fatal exception in interrupt"'
	gate
	exits 2
	assert_output --partial -- "COULD NOT BE JUDGED: QEMU's emulation failed for the third time"
}

@test "a second CPU that runs into the same stale int3 prints the head of its oops before the first one's panic" {
	program a.one 'plan 1' 'if [[ ! -e $FAKE_SCRIPTS/once ]]; then' 'echo >$FAKE_SCRIPTS/once' 'begin x' "${INT3[@]}" \
		'console "[    1.1] Oops: int3: 0000 [#2] PREEMPT SMP NOPTI"' 'console "[    1.1] CPU: 1 UID: 0 PID: 0 Comm: swapper/1 Tainted: G      D"' \
		'panic "Fatal exception in interrupt"' 'fi' 'pass x'
	gate
	exits 0
	assert_output --partial -- 'NOTE a.one: booted again: an emulated CPU kept a breakpoint that was gone (int3)'
}

@test "of a long last console, the first sign of trouble and the end are in the journal, and of a short one each line once" {
	program a.one 'plan 1' 'begin x' 'for ((k = 0; k < 20; k++)); do console "ordinary $k"; done' 'console "BUG: the cause"' \
		'for ((k = 0; k < 40; k++)); do console "line $k"; done' 'panic "Fatal exception"'
	gate
	exits 1
	[[ $(lines_in journal.log '> console ordinary') == 0 && $(lines_in journal.log '> console BUG: the cause') == 1 ]]
	[[ $(lines_in journal.log '> console line 0$') == 1 && $(lines_in journal.log '> console ...$') == 1 ]]
	[[ $(lines_in journal.log '> console line 20$') == 0 && $(lines_in journal.log '> console line 39$') == 1 ]]
	program a.one 'plan 1' 'begin x' 'for ((k = 0; k < 20; k++)); do console "ordinary $k"; done' 'reset'
	gate
	exits 1
	[[ $(lines_in journal.log '> console ordinary 4$') == 0 && $(lines_in journal.log '> console ordinary 5$') == 1 ]]
	[[ $(lines_in journal.log '> console ordinary') == 15 ]]
}

# not_excused LINE... : a gate whose program does this once ends as it is said: no boot is void
not_excused() {
	program a.one 'plan 2' 'if [[ ! -e $FAKE_SCRIPTS/once ]]; then' 'echo >$FAKE_SCRIPTS/once' "$@" 'fi' 'pass x' 'pass y'
	rm -f "$FAKE_SCRIPTS/once"
	gate
	exits 1
	[[ $(lines_in journal.log '> again') == 0 ]]
}

@test "an emulated machine that ends in the middle of the kernel's boot is booted again, once" {
	program firmware '[[ -e $FAKE_SCRIPTS/once ]] || {' 'echo >$FAKE_SCRIPTS/once' 'console "[    1.559984] pci 0000:00:01.0: BAR 1"' 'exit' '}'
	program a.one 'plan 1' 'pass x'
	gate
	exits 0
	assert_output --partial -- 'NOTE a.one: booted again: the emulated machine ended while the kernel booted, without a word of it'
	program firmware 'console "[    1.559984] pci 0000:00:01.0: BAR 1"' 'exit'
	gate
	exits 2
	assert_output --partial -- 'NO BOOT: the guest ended before it was ready: [    1.559984] pci'
	[[ $(lines_in journal.log '> boot ') == 2 ]]
}

@test "the word int3 on a guest's console excuses no other end, and no failure that was reported before" {
	not_excused "${INT3[@]}" 'pass x' 'begin y' 'console "BUG: unable to handle page fault"' 'panic "Fatal exception"'
	assert_output --partial -- 'PANIC a.one.y: Fatal exception'
	not_excused "${INT3[@]}" 'pass x' 'begin y' 'panic "hung_task: blocked tasks"'
	assert_output --partial -- 'PANIC a.one.y: hung_task'
	not_excused 'begin x' 'console "int3: 0000 [#1]"' 'panic "Fatal exception"'
	not_excused 'begin x' "${INT3[@]}" 'console "traps: PANIC: double fault, error_code: 0x0"' 'panic "Fatal exception"'
	not_excused 'begin x' "${INT3[@]}" 'reset'
	assert_output --partial -- 'RESET a.one.x'
	not_excused 'fail x broken' "${INT3[@]}" 'panic "Fatal exception"'
	assert_output --partial -- 'FAIL a.one.x: broken'
	not_excused 'begin x' 'say "# DEAD cpu=1 device=lapic"' "${INT3[@]}" 'panic "Fatal exception"'
	assert_output --partial -- 'DEAD a.one.x: cpu=1 device=lapic'
	# Said in another program's time.
	program a.aaa 'plan 1' "${INT3[@]}" 'nap 0.5' 'pass x'
	not_excused 'begin x' 'panic "Fatal exception"'
}

@test "a triple fault on emulated KVM: what the program had said is taken back, and it runs again" {
	program a.one 'plan 1' 'pass x'
	program a.two 'plan 3' 'if [[ ! -e $FAKE_SCRIPTS/once ]]; then' 'echo >$FAKE_SCRIPTS/once' \
		'fail x "nonsense"' 'say "# metric a.two.x m=1 ns"' 'begin y' \
		'echo "appliance: triple fault: vcpu 1 reason shutdown rip 0xffffffff81000000" >appliance.log' 'reset' 'fi' \
		'pass x' 'say "# metric a.two.x m=2 ns"' 'pass y' 'pass z'
	gate
	exits 0
	assert_output --partial -- '4 passed, 0 failed'
	assert_output --partial -- 'NOTE a.two: booted again: a CPU shut down on emulated KVM (triple fault: vcpu 1, rip 0xffffffff81000000)'
	[[ $(lines_in metrics.tsv 'm') == 2 && $(lines_in report.ktap 'nonsense') == 0 ]]
	[[ $(lines_in journal.log 'RUN a.one') == 1 && $(lines_in journal.log 'RUN a.two') == 2 ]]
	program a.two 'plan 1' 'begin x' \
		'echo "appliance: triple fault: vcpu 1 reason shutdown rip 0xffffffff81000000" >appliance.log' 'reset'
	gate
	exits 1
	assert_output --partial -- 'RESET a.two.x: the machine restarted or ended (triple fault: vcpu 1, rip 0xffffffff81000000)'
	assert_output --partial -- 'DOES NOT CONFORM: a.two.x: RESET'
	[[ $(lines_in journal.log 'RUN a.one') == 1 && $(lines_in journal.log 'RUN a.two') == 3 ]]
	# Twice in one place may be chance.
	rm -f "$FAKE_SCRIPTS"/once*
	program a.two 'plan 1' 'begin x' 'if [[ ! -e $FAKE_SCRIPTS/once2 ]]; then' '[[ ! -e $FAKE_SCRIPTS/once1 ]] || echo >$FAKE_SCRIPTS/once2' 'echo >$FAKE_SCRIPTS/once1' \
		'echo "appliance: triple fault: vcpu 1 reason shutdown rip 0xffffffff81000000" >appliance.log' 'reset' 'fi' 'pass x'
	gate
	exits 0
	[[ $(lines_in journal.log 'RUN a.two') == 3 ]]
	# In another place each time, KASLR aside: that is no doing of the guest's.
	rm -f "$FAKE_SCRIPTS"/once*
	program a.two 'plan 1' 'begin x' 'if [[ ! -e $FAKE_SCRIPTS/once2 ]]; then' \
		'rip=ffffffff81234567; [[ ! -e $FAKE_SCRIPTS/once1 ]] || { rip=ffffffff8f89b92a; echo >$FAKE_SCRIPTS/once2; }' 'echo >$FAKE_SCRIPTS/once1' \
		'echo "appliance: triple fault: vcpu 1 reason shutdown rip 0x$rip" >appliance.log' 'reset' 'fi' 'pass x'
	gate
	exits 0
	[[ $(lines_in journal.log 'RUN a.two') == 3 ]]
	rm -f "$FAKE_SCRIPTS"/once*
	program a.two 'plan 1' 'begin x' 'rip=ffffffff81234567; [[ ! -e $FAKE_SCRIPTS/once1 ]] || rip=ffffffff8f834567' 'echo >$FAKE_SCRIPTS/once1' \
		'echo "appliance: triple fault: vcpu 1 reason shutdown rip 0x$rip" >appliance.log' 'reset'
	gate
	exits 1
	assert_output --partial -- 'DOES NOT CONFORM: a.two.x: RESET'
}

@test "a guest that never gets ready, ends early, or is no program at all: not judged" {
	program a.one 'plan 1' 'pass x'
	program firmware 'console "no bootable device"' 'hang deaf'
	BOOT_TIMEOUT=1 gate
	exits 2
	assert_output --partial -- 'COULD NOT BE JUDGED: NO BOOT: guest not ready after 1 s'
	assert_output --partial -- 'no bootable device'
	program firmware 'panic "VFS: Unable to mount root fs"'
	gate
	exits 2
	assert_output --partial -- 'NO BOOT: the guest ended before it was ready: panic: VFS: Unable to mount root fs'
	program firmware 'echo "qemu: -cpu: no such thing" >&2' 'reset'
	gate
	exits 2
	assert_output --partial -- 'ended before it was ready: qemu: -cpu: no such thing'
	program firmware 'say "# ERROR module foo.ko: invalid parameters"' 'hang deaf'
	gate
	exits 2
	assert_output --partial -- 'COULD NOT BE JUDGED: module foo.ko: invalid parameters'
}

@test "what other work of this machine takes from a guest that boots is given back to it, within bounds" {
	program a.one 'plan 1' 'pass x'
	program firmware 'sleep 2.5'
	FAKE_BUSY=1 BOOT_TIMEOUT=1 gate
	exits 0
	program firmware 'hang deaf'
	FAKE_BUSY=1 BOOT_TIMEOUT=1 gate
	exits 2
	assert_output --partial -- 'NO BOOT: guest not ready after 4 s, in 3 of which this machine was busy with other work'
}

@test "what other work of this machine takes from a program is given back to it as well, and a program that hangs is found all the same" {
	program a.one 'plan 1' 'begin x' 'sleep 3' 'result ok x'
	FAKE_BUSY=1 SILENCE_TIMEOUT=2 FAKE_PROGRAM_TIMEOUT=2 gate
	exits 0
	program a.one 'plan 1' 'begin x' 'hang deaf'
	FAKE_BUSY=1 SILENCE_TIMEOUT=2 SYSRQ_WAIT=1 gate
	exits 1
	assert_output --partial -- 'HANG a.one.x: no line for 8 s, in 6 of which this machine was busy with other work'
	program a.one 'plan 1' 'begin x' 'while :; do say "# still here"; sleep 0.2; done'
	FAKE_BUSY=1 FAKE_PROGRAM_TIMEOUT=1 SYSRQ_WAIT=1 gate
	exits 1
	assert_output --partial -- 'HANG a.one.x: not done within 4 s, in 3 of which this machine was busy with other work'
}

@test "a guest's own work is not other work, though QEMU be a child of what was started" {
	local spinner child before used others host_cpus=0 guest_pid=''
	# shellcheck source=../watch/boot.sh
	source "$HARNESS/watch/boot.sh"
	bash -c 'while :; do :; done & wait' &
	spinner=$!
	# That file has no end of line.
	until read -r child <"/proc/$spinner/task/$spinner/children" || [[ -n $child ]]; do sleep 0.05; done
	until read -ra used <"/proc/$child/stat" && ((used[13] + used[14] > 100)); do sleep 0.1; done
	guest_pid=$spinner
	others_work
	before=$others
	guest_pid=''
	others_work
	# Of all work since this machine's start.
	((others - before >= 100 / host_cpus))
	kill "$child"
	wait "$spinner" || :
}

@test "a KVM that brings no guest to its first line: nested, once, with a note; not where ACCEL forces it, nor where the guest spoke" {
	program a.one 'plan 1' 'pass x'
	program firmware 'echo "qemu: kernel doesn'"'"'t allow setting HyperV VP_INDEX" >&2' 'reset'
	FAKE_FALLBACK=yes gate
	exits 0
	assert_output --partial -- 'note: KVM brought no guest to its first line (the guest ended before it was ready: qemu: kernel'
	assert_output --partial -- 'NOTE a.one: booted again: KVM brought no guest to its first line'
	assert_output --partial -- 'fake  Linux 0.0, 2 CPUs, nested make-believe'
	[[ $(lines_in journal.log '> again KVM') == 1 && $(lines_in report.ktap '^# accel: nested (KVM brought') == 1 ]]
	program firmware 'hang deaf'
	FAKE_FALLBACK=yes BOOT_TIMEOUT=1 gate
	exits 0
	assert_output --partial -- 'NOTE a.one: booted again: KVM brought no guest to its first line (guest not ready after 1 s)'
	program firmware 'hang deaf'
	FAKE_FALLBACK=yes FIRST_WORD_WAIT=1 BOOT_TIMEOUT=60 gate
	exits 0
	assert_output --partial -- 'KVM brought no guest to its first line (nothing came from the guest in 1 s)'
	# A guest that has said something has longer.
	program firmware 'console "Linux version 0"' 'nap 2.5'
	FAKE_FALLBACK=yes FIRST_WORD_WAIT=1 gate
	exits 0
	[[ $(lines_in journal.log '> again KVM') == 0 ]]
	program firmware 'console "Linux version 0"' 'reset'
	FAKE_FALLBACK=yes gate
	exits 2
	assert_output --partial -- 'NO BOOT: the guest ended before it was ready: Linux version 0 (see console.log'
	program firmware 'say "a word"' 'reset'
	FAKE_FALLBACK=yes gate
	exits 2
	program firmware 'echo "qemu: no" >&2' 'reset'
	FAKE_FALLBACK=no gate
	exits 2
	assert_output --partial -- 'NO BOOT: the guest ended before it was ready: qemu: no (see console.log'
}

@test "a guest that does not boot is one line, however many programs wait, and says what to do" {
	program a.one 'plan 1' 'pass x'
	program a.two 'plan 1' 'pass x'
	program a.three 'plan 1' 'pass x'
	program firmware 'echo "qemu: kernel doesn'"'"'t allow setting HyperV VP_INDEX" >&2' 'reset'
	gate
	exits 2
	[[ $(grep -c 'NO.\?BOOT' <<<"$output") == 1 && $(grep -c 'VP_INDEX' <<<"$output") == 1 ]]
	assert_output --partial -- 'COULD NOT BE JUDGED: NO BOOT: the guest ended before it was ready: qemu: kernel doesn'"'"'t allow setting HyperV VP_INDEX (see console.log'
	[[ $(lines_in report.ktap 'NOBOOT: not run') == 1 && $(lines_in report.ktap 'nor did 2 more programs') == 1 ]]
	program firmware 'hang deaf'
	BOOT_TIMEOUT=1 gate
	exits 2
	assert_output --partial -- 'guest not ready after 1 s (see console.log, or give it longer with BOOT_TIMEOUT=)'
}

@test "binary noise, a line without end, megabytes on the console: bounded and printable" {
	program a.one 'plan 2' 'begin x' 'printf "\\0\\1\\033[31m\\377\\n"' 'printf "%9000d\\n" 7' 'result ok x' \
		'for ((i = 0; i < 300; i++)); do printf "%1024d\\n" $i >&3; done' 'pass y'
	CONSOLE_LIMIT=100000 gate
	exits 0
	[[ $(LC_ALL=C grep -c '[^[:print:]]' "$RESULTS/latest/journal.log") == 0 ]]
	(($(wc -L <"$RESULTS/latest/journal.log") < 4200))
	(($(stat -L -c %s "$RESULTS/latest/console.log") == 100000))
}

@test "a flood ends the boot, and is no reason to lose the rest" {
	program a.one 'plan 1' 'begin x' 'while :; do printf "%s" "$FAKE_SCRIPTS$FAKE_SCRIPTS$FAKE_SCRIPTS"; done'
	program a.two 'plan 1' 'pass x'
	CHANNEL_LIMIT=10000 gate
	exits 1
	assert_output --partial -- 'FLOOD a.one.x: more than 10000 bytes on the channel'
	assert_output --partial -- '1 passed, 1 failed'
	(($(stat -L -c %s "$RESULTS/latest/journal.log") < 20000))
	program firmware 'while :; do printf "%s\\n" "$FAKE_SCRIPTS$FAKE_SCRIPTS$FAKE_SCRIPTS"; done'
	CHANNEL_LIMIT=10000 gate
	exits 2
}

@test "DEAD: the boot ends once the result is out, or soon after if it never comes" {
	program a.one ': disruptive' 'plan 5' 'pass x' 'begin y.cpu1' 'say "# DEAD cpu=1 device=dummy_timer: a sleep had not ended 2.04 s past its deadline"' \
		'result "not ok" y.cpu1 "DEAD no interrupt in 2.0 s"' 'say "# fact cpu1.device_before=foo"' 'hang'
	program a.three ': disruptive' 'plan 2' 'begin x' 'say "# DEAD cpu=0 device=dummy_timer"' 'hang'
	program a.two 'plan 1' 'pass x'
	gate
	exits 1
	assert_output --partial -- 'DEAD a.one.y.cpu1: no interrupt in 2.0 s'
	assert_output --partial -- 'DEAD a.three.x: cpu=0 device=dummy_timer'
	assert_output --partial -- 'none in 2.04 s'
	assert_output --partial -- '2 passed, 2 failed'
	[[ $(lines_in journal.log '> ended after DEAD') == 2 && $(lines_in journal.log '> HANG') == 0 ]]
	expect 'a.*.cpu1 DEAD expires=2999-01-01 dummy_timer' 'a.three.x DEAD expires=2999-01-01 dummy_timer'
	gate
	exits 1
	assert_output --partial -- 'a.one.rest: ERROR: 3 of 5 cases were not reached after what was expected (and 1 more)'
	expect 'a.*.cpu1 DEAD expires=2999-01-01 dummy_timer' 'a.three.x DEAD expires=2999-01-01 dummy_timer' \
		'a.*.rest ERROR expires=2999-01-01 a dead CPU ends the boot'
	gate
	exits 0
	assert_output --partial -- '6 passed (4 of them failed as expected), 0 failed'
}

@test "a program that plays guest gains nothing" {
	program a.one 'plan 1' 'pass x' 'say "# EXIT a.one 0"' 'say "# RUN a.two"' 'say 1..1' \
		'program=a/two case=0 pass x' 'say "# EXIT a.two 0"' 'say "# guest done"'
	program a.two 'plan 1' 'pass x'
	gate
	exits 2
	assert_output --partial -- 'EXIT a.one without the host'"'"'s token'
	assert_output --partial -- '2 passed'
}

# What the appliance says when its guest has ended, whatever ended it.
ORDERLY='echo "[ 9.0] appliance: the guest ended" >>appliance.log'

@test "an appliance that ends before it starts the guest: booted again" {
	export FAKE_NESTED=yes
	program firmware 'read -r _' '[[ -e $FAKE_SCRIPTS/twice ]] || {' 'echo >$FAKE_SCRIPTS/twice' 'reset' '}' \
		'echo "appliance: starting the guest" >appliance.log'
	program a.one 'plan 1' 'pass x'
	gate
	exits 0
	[[ $(lines_in journal.log '> again') == 1 ]]
	program firmware 'read -r _' 'echo "appliance: starting the guest" >appliance.log' "$ORDERLY" 'reset'
	gate
	exits 2
	assert_output --partial -- 'NO BOOT: the guest ended before it was ready'
}

@test "an appliance that ends without a word was ended by the emulation: booted again; with its word it was the guest" {
	nested
	program a.one 'plan 1' 'begin x' '[[ -e $FAKE_SCRIPTS/once ]] || { echo >$FAKE_SCRIPTS/once; reset; }' 'result ok x'
	gate
	exits 0
	assert_output --partial -- 'NOTE a.one: booted again: the hypervisor appliance ended without a word'
	rm "$FAKE_SCRIPTS/once"
	program a.one 'plan 1' 'begin x' "$ORDERLY" 'reset'
	gate
	exits 1
	assert_output --partial -- 'RESET a.one.x: the machine restarted or ended'
	[[ $(lines_in journal.log '> again') == 0 ]]
}

# What the appliance says on its line: its heartbeat, and the same with CPU 1's missing since 4 s.
HEALTHY='for i in 1 2 3 4 5 6 7 8; do echo "clock ${i}000000 cpu0 5 105 0 cpu1 9 110 0"; done >eyes.out'
SICK='echo "clock 9000000 cpu0 5 105 0 cpu1 4000 110 9" >eyes.out'
LOOK='printf "%s\\n" "look 60.00 1" "event kvm_hv_stimer_set_config" "{ vcpu_id: 1, timer_index: 0 } hitcount: 1" "max: 1000000 config: 7897" "event kvm_hv_stimer_set_count" "{ vcpu_id: 1, timer_index: 0 } hitcount: 1" "max: 29000000 count: 0" "vcpu 1 151 S 1" "look end" >eyes.out'

@test "what the appliance proves to be its own fault is void: a failure, a DEAD and a hang begin anew, and are named" {
	export LOOK_WAIT=1
	nested
	program a.one 'plan 1' 'if [[ ! -e $FAKE_SCRIPTS/once ]]; then' 'echo >$FAKE_SCRIPTS/once' 'begin x' "$SICK" 'nap 0.3' 'result "not ok" x late' 'hang' 'fi' 'pass x'
	program a.two 'plan 1' 'if [[ ! -e $FAKE_SCRIPTS/twice ]]; then' 'echo >$FAKE_SCRIPTS/twice' "$SICK" 'nap 0.3' 'begin x' 'hang' 'fi' 'pass x'
	gate
	exits 0
	assert_output --partial -- '2 passed, 0 failed'
	assert_output --partial -- "NOTE a.one: booted again: the appliance's CPU 1 stood still for 4.0 s"
	assert_output --partial -- "NOTE a.two: booted again: the appliance's CPU 1 stood still for 4.0 s"
	[[ $(lines_in report.ktap 'late') == 0 && $(lines_in journal.log '> again') == 2 ]]
	grep -q 'cpu1 4000' "$RESULTS/latest/appliance.log"
	rm "$FAKE_SCRIPTS"/{once,twice}
	program a.two 'plan 1' 'begin x' "$SICK" 'nap 0.3' 'say "# DEAD cpu=1 device=foo: no interrupt"' 'result "not ok" x "DEAD no interrupt"' 'hang'
	gate
	exits 2
	assert_output --partial -- "COULD NOT BE JUDGED: QEMU's emulation failed for the third time, not the guest: the appliance's CPU 1 stood still for 4.0 s"
	[[ $(lines_in journal.log '> boot ') == 3 ]]
	no_scratch
}

@test "a nested guest's own fault stays the guest's, and the hang says how far each CPU's timer got" {
	export LOOK_WAIT=1
	nested
	program a.one 'plan 2' "$HEALTHY" "$LOOK" 'fail x "wrong"' 'begin y' 'hang'
	program a.two 'plan 1' 'pass x'
	gate
	exits 1
	assert_output --partial -- 'FAIL a.one.x: wrong'
	assert_output --partial -- 'HANG a.one.y: no line for 1 s (KVM: vcpu 1: the guest stopped its Hyper-V timer 31.0 s ago)'
	[[ $(lines_in journal.log '> appliance vcpu 1 the guest stopped') == 1 && $(lines_in journal.log '> again') == 0 ]]
}

@test "a guest cannot speak for the appliance" {
	export LOOK_WAIT=1
	nested
	program a.one 'plan 1' 'begin x' 'for where in say console; do $where "clock 9000000 cpu0 5 105 0 cpu1 4000 110 9"; done' 'result "not ok" x wrong'
	gate
	exits 1
	assert_output --partial -- 'FAIL a.one.x: wrong'
}

@test "a nested guest that dies of an int3 before it is ready is booted again" {
	nested 'if [[ ! -e $FAKE_SCRIPTS/once ]]; then' 'echo >$FAKE_SCRIPTS/once' "${INT3[@]}" "$ORDERLY" 'panic "Fatal exception"' 'fi'
	program a.one 'plan 1' 'pass x'
	gate
	exits 0
	[[ $(lines_in journal.log "> again an emulated CPU kept a breakpoint") == 1 ]]
}

@test "an appliance that ends without a word: that a CPU shut down, if QEMU saw that" {
	nested 'if [[ ! -e $FAKE_SCRIPTS/once ]]; then' 'echo >$FAKE_SCRIPTS/once' \
		'printf "%s\n" "CPU Reset (CPU 0)" "RIP=0000000000000000 RFL=0" "Triple fault" >resets.log' \
		'exit' 'fi'
	program a.one 'plan 1' 'pass x'
	gate
	exits 0
	assert_output --partial -- 'ended without a word, and the guest with it (triple fault)'
}

# what the kernel prints of a double fault at the address that follows "RIP: "
double_fault() {
	printf 'console "[    1.0] %s"\n' 'traps: PANIC: double fault, error_code: 0x0' 'Oops: double fault: 0000 [#1] PREEMPT SMP NOPTI' "RIP: $1" \
		'---[ end trace 0000000000000000 ]---' "RIP: $1"
}

@test "a nested guest's double fault where SYSCALL begins is emulation's, once in a program; any other is the guest's own" {
	local fault place
	mapfile -t fault < <(double_fault '0010:entry_SYSCALL_64+0x0/0x2b')
	nested
	program a.one 'plan 1' 'if [[ ! -e $FAKE_SCRIPTS/once ]]; then' 'echo >$FAKE_SCRIPTS/once' 'begin x' "${fault[@]}" "$ORDERLY" \
		'panic "Fatal exception in interrupt"' 'fi' 'pass x'
	gate
	exits 0
	assert_output --partial -- 'NOTE a.one: booted again: an emulated CPU faulted in the first instruction of a system call'
	program a.one 'plan 1' 'begin x' "${fault[@]}" "$ORDERLY" 'panic "Fatal exception in interrupt"'
	gate
	exits 1
	assert_output --partial -- 'PANIC a.one.x: Fatal exception in interrupt'
	[[ $(lines_in journal.log '> again') == 1 ]]
	not_excused 'fail x broken' "${fault[@]}" "$ORDERLY" 'panic "Fatal exception in interrupt"'
	not_excused 'begin x' "${fault[@]}" 'console "BUG: unable to handle page fault"' "$ORDERLY" 'panic "Fatal exception in interrupt"'
	not_excused 'begin x' "${fault[@]}" "$ORDERLY" 'panic "hung_task: blocked tasks"'
	not_excused 'begin x' "${fault[@]}" "$ORDERLY" 'reset'
	for place in 0010:entry_SYSCALL_64+0x4/0x2b 0010:sysret+0x0/0x2b 0033:0x47e059; do
		mapfile -t fault < <(double_fault "$place")
		not_excused 'begin x' "${fault[@]}" "$ORDERLY" 'panic "Fatal exception in interrupt"'
	done
}

@test "an appliance that ends in each boot of a program: nothing is judged, and the guest is not red" {
	nested
	program a.one 'plan 1' 'begin x' 'printf "%s\n" "CPU Reset (CPU 0)" "RIP=0000000000000000 RFL=0" "Triple fault" >resets.log' 'exit'
	gate
	exits 2
	assert_output --partial -- "COULD NOT BE JUDGED: QEMU's emulation failed for the third time, not the guest: the hypervisor appliance ended without a word"
	[[ $(lines_in journal.log '> boot ') == 3 ]]
}

@test "a nested guest's own int3 is its own; the appliance's is not" {
	nested
	program a.one 'plan 1' 'begin x' 'console "Oops: int3: 0000 [#1]"' "$ORDERLY" 'panic "Fatal exception"'
	gate
	exits 1
	assert_output --partial -- 'PANIC a.one.x: Fatal exception'
	[[ $(lines_in journal.log '> again') == 0 ]]
	program a.one 'plan 1' 'if [[ ! -e $FAKE_SCRIPTS/once ]]; then' 'echo >$FAKE_SCRIPTS/once' 'begin x' \
		'echo "[ 9.0] Oops: int3: 0000 [#1]" >>appliance.log' 'reset' 'fi' 'pass x'
	gate
	exits 0
	assert_output --partial -- '1 passed, 0 failed'
	[[ $(lines_in journal.log '> again') == 1 ]]
}

@test "a drip after the last EXIT keeps nobody, and neither do bytes without a newline before the guest is ready" {
	program a.one 'plan 1' 'pass x' 'say "# EXIT a.one 0 $token"' 'while :; do say "# still here"; nap 0.2; done'
	gate
	exits 1
	assert_output --partial -- 'HANG a.one.end: not done within 1 s'
	program firmware 'while :; do printf "%04096d" 7; nap 0.2; done'
	BOOT_TIMEOUT=2 CHANNEL_LIMIT=1000000 gate
	exits 2
	assert_output --partial -- 'NO BOOT: guest not ready after 2 s'
}

@test "half a last line doesn't swallow the EXIT after it" {
	program a.one 'plan 1' 'pass x' 'printf "# half a line"'
	gate
	exits 0
}

@test "a kernel that is silent while it awaits a dead CPU's backtrace: the keys after it are awaited" {
	program a.one 'plan 1' 'begin x' 'while read -r -N 1 -u 4 key; do' '[[ $key != l ]] || nap 3' \
		'[[ $key == $'"'\\001'"' || $key == b ]] || console "sysrq: $key: Show something"' 'done'
	gate
	exits 1
	grep -q 'sysrq: w: Show' "$RESULTS/latest/console.log"
}

@test "a journal that can't be written, for a moment or for good: not judged, whatever the guest says" {
	program a.one 'plan 1' 'begin x' 'rm -r "$RESULTS"/run-*; result "not ok" x late' 'hang'
	gate
	exits 2
	assert_output --partial -- 'lines of the journal'
	[[ $EUID == 0 ]] && unshare -m true || skip 'the second part needs root, for a disk of its own'
	mkdir -p "$RESULTS" "$BATS_TEST_TMPDIR/bin"
	printf '%s\n' '#!/bin/sh' 'echo; echo "/dev/x 9000 0 9000 0% /"' >"$BATS_TEST_TMPDIR/bin/df"
	chmod +x "$BATS_TEST_TMPDIR/bin/df"
	program a.one 'plan 2' 'dd if=/dev/zero of="$RESULTS/full" bs=4k 2>/dev/null' 'for i in 1 2 3 4 5 6; do printf "# %01000d\n" 1; done' \
		'fail x late' 'nap 0.5' 'rm "$RESULTS/full"' 'pass y'
	PATH=$BATS_TEST_TMPDIR/bin:$PATH run unshare -m bash -c 'mount -t tmpfs -o size=512k none "$RESULTS" && "$0"' "$HARNESS/gate"
	exits 2
	assert_output --partial -- 'of the journal'
}

@test "nothing runs on a wrong clock, and a boot that a busy host slowed is none the worse" {
	export LOOK_WAIT=1
	nested \
		'if [[ -e $FAKE_SCRIPTS/once ]]; then' "$SICK" 'nap 0.2' 'else echo >$FAKE_SCRIPTS/once' \
		'for i in 1 2 3 4 5 6; do echo "clock ${i}000000000 cpu0 5 105 0 cpu1 9 110 0" >eyes.out; nap 0.2; done' 'fi'
	program a.one 'plan 1' 'pass x'
	gate
	exits 0
	assert_output --partial -- "NOTE a.one: booted again: the appliance's clock ran "
	[[ $(lines_in journal.log '> boot ') == 2 && $(lines_in journal.log '> run ') == 1 ]]
}

@test "DEAD in a program that changes nothing: the verdict stands, and what is left is not run" {
	program a.first 'plan 2' 'begin x.cpu1' 'say "# DEAD cpu=1 device=lapic: a sleep had not ended"' \
		'result "not ok" x.cpu1 "DEAD its timers do not fire"' 'pass y' 'status=1'
	program a.second 'plan 1' 'pass x'
	program a.third 'plan 1' 'hang'
	gate
	exits 1
	assert_output --partial -- 'DEAD a.first.x.cpu1: its timers do not fire'
	assert_output --partial -- "UNRUN 2 programs: not run: CPU 1's timers are dead, and nothing had been changed (see a.first)"
	assert_output --partial -- 'DOES NOT CONFORM: a.first.x.cpu1: DEAD'
	[[ $(lines_in journal.log '> boot ') == 1 ]]
	[[ $(lines_in report.ktap "not ok 1 a.third.end # ERROR not run: CPU 1's timers are dead") == 1 ]]
	# What wasn't run is not green because the death was expected.
	expect 'a.first.x.cpu1 DEAD expires=2999-01-01 known'
	gate
	exits 1
	assert_output --partial -- 'DOES NOT CONFORM: a.second.end: UNRUN: not run'
	# The result alone says so as well, and the program may hang after it.
	program a.first 'plan 2' 'begin x' 'result "not ok" x "DEAD: CPU 0: a sleep never ended"' 'hang'
	unset EXPECTED
	gate
	exits 1
	assert_output --partial -- "UNRUN 2 programs: not run: CPU 0's timers"
	# Where something had been changed the others have their turn.
	rm "$FAKE_SCRIPTS"/*
	program a.first ': disruptive' 'plan 1' 'begin x.cpu1' 'say "# DEAD cpu=1"' 'result "not ok" x.cpu1 "DEAD"' 'status=1'
	program a.second 'plan 1' 'pass x'
	gate
	exits 1
	assert_output --partial -- '1 passed, 1 failed'
	# A second boot, side by side, ends as well, whatever it was at.
	program a.first 'plan 1' 'begin x' 'nap 0.4' 'say "# DEAD cpu=1"' 'result "not ok" x "DEAD"' 'status=1'
	program a.second ': disruptive' 'plan 2' 'pass x' 'begin y' 'while :; do say "# still here"; nap 0.2; done'
	program a.third ': disruptive' 'plan 1' 'pass x'
	BOOTS=2 gate
	exits 1
	assert_output --partial -- 'UNRUN 2 programs: not run'
	assert_output --partial -- '1 passed, 3 failed'
}

@test "three programs in a row that hang, each in a fresh boot: the rest is not run" {
	program a.a 'plan 1' 'pass x'
	program a.b 'plan 1' 'begin x' 'hang deaf'
	program a.c 'plan 1' 'begin x' 'hang deaf'
	program a.d 'plan 1' 'begin x' 'hang deaf'
	program a.e 'plan 1' 'pass x'
	gate
	exits 1
	assert_output --partial -- 'UNRUN 1 program: not run: 3 programs in a row have hung'
	[[ $(lines_in journal.log '> boot ') == 3 ]]
	program a.c 'plan 1' 'pass x'
	gate
	exits 1
	assert_output --partial -- '3 passed, 2 failed'
}
