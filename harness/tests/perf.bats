#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Where late wake-ups lost their time: stages.awk on made-up and on recorded traces, and the way of a recording through the gate.
# shellcheck disable=SC2154

load helpers

setup() { fake_setup; }

# begin, end : of the recording of one program
begin() { echo '# tickproof begin sleep.made_up lacks:'; }
end() { echo '# tickproof end sleep.made_up'; }

# sleep_at SECOND [KEY=us ...] : a sleep of thread 200 on CPU 1 that asked for SECOND, and the moments of its wake-up in us after that: hard (expiry),
# armed (the time that the device has), irq, callback, wake, run, back (by the program's own clock), mark (when it wrote that down); device=, irq_event=
sleep_at() {
	local second=$1 hard=50 armed=50 irq=150 callback=170 wake=180 run=280 back=300 mark=310 device=lapic irq_event='local_timer_entry: vector=236' pair
	shift
	for pair; do
		printf -v "${pair%%=*}" %s "${pair#*=}"
	done
	awk -v second="$second" -v hard="$hard" -v armed="$armed" -v irq="$irq" -v callback="$callback" -v wake="$wake" -v run="$run" -v back="$back" \
		-v mark="$mark" -v device="$device" -v irq_event="$irq_event" '
		function ns(us) { return sprintf("%.0f", second * 1e9 + us * 1000) }
		function line(task, flags, us, text) { if (us != "none") printf "%16s [001] %s %12.6f: %s\n", task, flags, second + us / 1e6, text }
		BEGIN {
			line("a b-200", "d..1.", -10000, "hrtimer_start: hrtimer=00000000aa function=hrtimer_wakeup expires=" ns(hard) " softexpires=" ns(0) " mode=ABS was_armed=0")
			line("a b-200", "d..2.", -9990, "sched_switch: prev_comm=a b prev_pid=200 prev_prio=120 prev_state=S ==> next_comm=swapper/1 next_pid=0 next_prio=120")
			line("<idle>-0", "d.h1.", irq, irq_event)
			line("<idle>-0", "d.h1.", irq == "none" ? "none" : irq + 1, "interrupt: (hrtimer_interrupt+0x4/0x230) next=" ns(armed) " name=\"" device "\"")
			line("<idle>-0", "d.h1.", callback, "hrtimer_expire_entry: hrtimer=00000000aa function=hrtimer_wakeup now=" ns(callback))
			line("<idle>-0", "d.h3.", wake, "sched_waking: comm=a b pid=200 prio=120 target_cpu=001")
			line("<idle>-0", "d..2.", run, "sched_switch: prev_comm=hog prev_pid=9 prev_prio=120 prev_state=R ==> next_comm=a b next_pid=200 next_prio=120")
			line("a b-200", ".....", mark, "tracing_mark_write: tickproof woke " ns(0) " " ns(back))
		}'
}

# stages : what stages.awk says of the trace on stdin, in $output
stages() { run awk -v each="$BATS_TEST_TMPDIR/each.tsv" -f "$HARNESS/watch/trace.awk" -f "$HARNESS/watch/stages.awk" -; }

# took STAGE... : the stages that took as long as "name=us" says, at the median
took() {
	local pair
	for pair; do
		assert_line --partial "stage sleep.made_up 1 before ${pair%=*} $((${pair#*=} * 1000)) "
	done
}

@test "each stage is the time from one moment to the next" {
	stages < <(begin && sleep_at 100 && end)
	assert_success
	assert_line 'wakes sleep.made_up 1 before 1 1 1 300000 300000 lapic'
	took slack=50 programmed=0 interrupt=100 callback=20 wake=10 run=100 return=20
	assert_line 'worst sleep.made_up 1 before 300000 50000 0 100000 20000 10000 100000 20000 hog lapic'
	run tail -n 1 "$BATS_TEST_TMPDIR/each.tsv"
	assert_output $'sleep.made_up\t1\tbefore\tlapic\t100000000000\t50000\t0\t100000\t20000\t10000\t100000\t20000\t300000\t300000\thog'
}

@test "5 ms at each place are that stage's" {
	local names=(programmed interrupt callback wake run return) moments=(armed irq callback wake run back) i k from
	for i in "${!names[@]}"; do
		local -a late=(mark=6000)
		local -A at=([armed]=50 [irq]=150 [callback]=170 [wake]=180 [run]=280 [back]=300)
		for ((k = i; k < 6; k++)); do
			late+=("${moments[k]}=$((${at[${moments[k]}]} + 5000))")
		done
		stages < <(begin && sleep_at 100 "${late[@]}" && end)
		from=$(awk '$1 == "stage" && $6 > 4900000 { print $5 }' <<<"$output")
		[[ $from == "${names[i]}" ]] || {
			echo "${late[*]}: blamed $from, not ${names[i]}"
			return 1
		}
	done
}

@test "an interrupt of another timer takes this one along" {
	# Programmed for an earlier time, and come before it was due.
	stages < <(begin && sleep_at 100 armed=-30 irq=-10 callback=5 && end)
	took slack=0 programmed=0 interrupt=0 callback=5
	assert_line --partial 'wakes sleep.made_up 1 before 1 1 1 300000'
	# Programmed for a later time, and come after the soft expiry.
	stages < <(begin && sleep_at 100 armed=5000 irq=20 && end)
	took slack=20 programmed=0 interrupt=0 callback=150
	assert_line --partial 'wakes sleep.made_up 1 before 1 1 1 300000'
}

@test "what is out of order does not add up" {
	local bad
	for bad in 'run=100' 'wake=140' 'back=200' 'back=250 mark=260' 'irq=none'; do
		# shellcheck disable=SC2086  # words
		stages < <(begin && sleep_at 99 && sleep_at 100 $bad && end)
		assert_line --partial 'wakes sleep.made_up 1 before 2 2 1 ' || {
			echo "with $bad"
			return 1
		}
	done
	# The program's clock is ahead of the trace's: its word is not taken, and the wake-up is not checked.
	stages < <(begin && sleep_at 99 && sleep_at 100 back=400 && end)
	assert_line --partial 'wakes sleep.made_up 1 before 2 1 1 '
}

@test "of recorded wake-ups at least 95 in 100 add up" {
	local trace
	for trace in "$HARNESS"/tests/traces/*.xz; do
		stages < <(xzcat "$trace")
		assert_success
		awk '$1 == "wakes" { checked += $6; added += $7 } END { print checked + 0, added + 0; exit checked < 80 || added < 0.95 * checked }' <<<"$output" || {
			echo "$trace"
			return 1
		}
		# Seeded: each is woken 50 ms after it ran.
		stages < <(xzcat "$trace" | awk '/sched_waking/ && /comm=(nanosleep|unbind_fallback) / && match($0, /[0-9]+[.][0-9]+: /) {
			$0 = substr($0, 1, RSTART - 1) sprintf("%.6f: ", substr($0, RSTART, RLENGTH) + 0.05) substr($0, RSTART + RLENGTH) } { print }')
		awk '$1 == "wakes" { added += $7 } END { exit added > 0 }' <<<"$output"
	done
}

@test "another device is after" {
	stages < <(begin && sleep_at 99 device='Hyper-V clockevent' irq_event='hyperv_stimer0_entry: vector=237' &&
		sleep_at 100 device=hpet irq_event='irq_handler_entry: irq=0 name=timer' && sleep_at 101 device='Hyper-V clockevent' && end)
	assert_line --partial 'wakes sleep.made_up 1 before 2 2 2 300000 300000 Hyper-V clockevent'
	assert_line --partial 'wakes sleep.made_up 1 after 1 1 1 300000 300000 hpet'
}

@test "without the probe of the device the interrupt names it" {
	stages < <(begin && sleep_at 100 irq_event='irq_handler_entry: irq=11 name=arch_timer' | grep -v ' interrupt: ' && end)
	assert_line --partial 'wakes sleep.made_up 1 before 1 1 1 300000 300000 arch_timer'
	# The kernel programs a device for the hard expiry.
	took slack=50 programmed=0 interrupt=100
}

@test "nobody is late who was started late, or sleeps by another clock" {
	stages < <(begin && sleep_at 100 | sed 's/softexpires=[0-9]*/softexpires=99000000000/' && end)
	refute_output
	stages < <(begin && sleep_at 100 | sed 's/softexpires=[0-9]*/softexpires=1700000000000000000/' && end)
	assert_output 'note 1 wake-ups by timers of other clocks than CLOCK_MONOTONIC were left out'
}

# both_sides HYPERVISOR GUEST : what hypervisor.awk says of two recordings
both_sides() { awk -f "$HARNESS/watch/trace.awk" -f "$HARNESS/watch/clocks.awk" -f "$HARNESS/watch/witness.awk" -f "$HARNESS/watch/timeline.awk" -f "$HARNESS/watch/hypervisor.awk" "$@"; }

# both [KEY=us ...] : what KVM (in $kvm) and the guest (in $guest) recorded of 50 interrupts of each of two CPUs, one in 10 ms, whose kernel took lag= to write
# its timer, KVM's timer expired= after it was due, with the interrupt injected= and taken= after that; the 20th of CPU 1 was taken by odd= later. By
# the guest's clock it is 3 s earlier than by KVM's, by the reference counter 7 s.
both() {
	local lag=5 expired=100 injected=50 taken=20 odd=0 pair
	for pair; do
		printf -v "${pair%%=*}" %s "${pair#*=}"
	done
	kvm=$BATS_TEST_TMPDIR/kvm guest=$BATS_TEST_TMPDIR/guest
	awk -v lag="$lag" -v expired="$expired" -v injected="$injected" -v taken="$taken" -v odd="$odd" -v kvm="$kvm" -v guest="$guest" 'BEGIN {
		print "# tickproof vcpu 0 150\n# tickproof vcpu 1 151" >kvm
		print " qemu-150 [000] d..1. 102.900000: kvm_hv_stimer_set_count: vcpu_id 0 timer 3 count 0 host 1" >kvm
		print "# tickproof begin sleep.made_up lacks:" >guest
		for (i = 1; i <= 50; i++)
			for (cpu = 0; cpu < 2; cpu++) {
				# us by the guest: what it programmed, each a little off a multiple
				p = 100e6 + i * 10000 + cpu * 3300 + i * i % 97
				# The least lag is taken for none.
				l = i == 1 ? 0 : lag
				due = p + l
				printf " qemu-%d [00%d] d..1. %.6f: kvm_hv_stimer_start_one_shot: vcpu_id %d timer 0 time_now %.0f count %.0f\n", 150 + cpu, cpu, (due - 4000 + 3e6) / 1e6, cpu, \
					(due - 4000 - 7e6) * 10, (due - 7e6) * 10 >kvm
				printf " <idle>-0 [00%d] d..1. %.6f: kvm_hv_stimer_callback: vcpu_id %d timer 0\n", cpu, (due + expired + 3e6) / 1e6, cpu >kvm
				printf " qemu-%d [00%d] d..1. %.6f: kvm_inj_virq: IRQ 0xed\n", 150 + cpu, cpu, (due + expired + injected + 3e6) / 1e6 >kvm
				at = due + expired + injected + taken + (i == 20 && cpu == 1 ? odd : 0)
				printf " <idle>-0 [00%d] d.h1. %.6f: irq_handler_entry: irq=5 name=other\n", cpu, (at - 50) / 1e6 >guest
				printf " <idle>-0 [00%d] d.h1. %.6f: interrupt: (hrtimer_interrupt+0x4/0x230) next=%.0f name=\"Hyper-V clockevent\"\n", cpu, at / 1e6, p * 1000 >guest
			}
	}'
	run both_sides "$kvm" "$guest"
	assert_success
}

@test "KVM's part: each is the time from one side's moment to the other's" {
	both
	assert_line 'kvm 1 programming 50 5000 5000'
	assert_line 'kvm 1 expiry 50 100000 100000'
	assert_line 'kvm 1 injection 50 50000 50000'
	assert_line 'kvm 0 taking 50 20000 20000'
	assert_line "note of 100 interrupts of the guest's timers the hypervisor has recorded 100 from their programming on"
}

@test "5 ms on either side are that part's" {
	local part
	for part in 'expired expiry' 'injected injection' 'taken taking'; do
		both "${part% *}=5000"
		[[ $(awk '$1 == "kvm" && $5 > 4900000 { print $2 $3 }' <<<"$output" | paste -s -d ' ') == "0${part#* } 1${part#* }" ]] || {
			echo "$part: $output"
			return 1
		}
	done
}

@test "where the two sides disagree both are reported" {
	both odd=-100
	assert_line "note of 100 interrupts of the guest's timers the hypervisor has recorded 99 from their programming on, and 1 it had not injected when the guest took them"
	# One is nobody's contradiction.
	assert_line 'witness sleep.made_up 1 pass Hyper-V clockevent: the guest took 50 interrupts, of which the hypervisor injected 49'
}

# gap KVM-FILE [MARKS] : with nothing in it from 103.2 s to 103.3 s, and, with MARKS, what the appliance writes then
gap() {
	awk -v marks="${2:-}" '
		match($0, / [0-9.]+: /) { t = substr($0, RSTART, RLENGTH) + 0 }
		t > 103.2 && marks && !off++ { print " bash-9 [000] ..... 103.200001: tracing_mark_write: tickproof off" }
		t > 103.3 && marks && !on++ { print " bash-9 [000] ..... 103.299000: tracing_mark_write: tickproof on" }
		t <= 103.2 || t > 103.3' "$1"
}

@test "a time in which the hypervisor did not record is no contradiction, and one in which it did is" {
	both
	run both_sides <(gap "$kvm" marks) "$guest"
	assert_line --regexp '^witness sleep.made_up 1 pass Hyper-V clockevent: the guest took ([0-9]+) interrupts, of which the hypervisor injected \1$'
	run both_sides <(gap "$kvm") "$guest"
	assert_line --partial 'witness sleep.made_up 1 fail the hypervisor contradicts the guest'
	# What it recorded before its rings were full on all CPUs is not all.
	run both_sides <(sed "/ 103.3[0-9]*:/i ##### CPU 1 buffer started ####" <(gap "$kvm")) "$guest"
	assert_line --partial 'witness sleep.made_up 1 pass'
}

@test "clocks that cannot be joined make no witness" {
	# All armings are of another time than what the guest programmed.
	both && sed -i 's/next=[0-9]*\([0-9]\{6\}\) /next=77\1 /' "$guest"
	run both_sides "$kvm" "$guest"
	assert_output --partial 'note the clocks of hypervisor and guest could not be joined'
	refute_output --partial witness
}

# recorded [KVM-SED] : what hypervisor.awk says of the recorded guest whose CPU 1 went from Hyper-V's timer to its local APIC's, KVM's side edited
recorded() {
	run both_sides <(xzcat "$HARNESS/tests/traces/nested/kvm.xz" | sed -E "${1:-}") <(xzcat "$HARNESS/tests/traces/nested/guest.xz")
	assert_success
}

@test "a recorded unbind that KVM bears out" {
	recorded
	# The guest's kernel wrote to the timer within some us of the time it had in mind: the two clocks were joined right.
	awk '$1 == "kvm" && $3 == "programming" { found = $4 > 50 && $5 < 100000 } END { exit !found }' <<<"$output"
	awk '$1 == "kvm" && $3 == "taking" { found = $5 > 0 } END { exit !found }' <<<"$output"
	assert_line --regexp '^witness clockevents.unbind_fallback 1 pass Hyper-V clockevent: .*; lapic-deadline: the guest took ([0-9]+) interrupts, of which the hypervisor injected \1, after the hypervisor saw the Hyper-V timer stopped'
	assert_line --regexp '^witness clockevents.unbind_fallback 0 pass Hyper-V clockevent: the guest took ([0-9]+) interrupts, of which the hypervisor injected \1$'
}

@test "a recorded unbind that KVM contradicts: no interrupt injected; the old timer not stopped; injected all the same" {
	recorded '/IRQ 0xec/d'
	assert_line --regexp '^witness clockevents.unbind_fallback 1 fail the hypervisor contradicts the guest: .*lapic-deadline: the guest took [0-9]+ interrupts, of which the hypervisor injected 0'
	assert_line --partial 'witness clockevents.unbind_fallback 0 pass'
	recorded '/stimer_set_(count|config)/d'
	assert_line --regexp '^witness clockevents.unbind_fallback 1 fail .*after the hypervisor saw the Hyper-V timer not stopped'
	recorded '/IRQ 0xec/{p; s/0xec/0xed/}'
	assert_line --regexp '^witness clockevents.unbind_fallback 1 fail .*stopped and injected it [0-9]+ times more'
}

@test "a guest that was restored, and goes on in another QEMU: its CPUs are the threads of then; unknown ones prove nothing" {
	local trace=$BATS_TEST_TMPDIR/kvm above=$HARNESS/tests/traces/nested/guest.xz
	# By the end its threads are others.
	xzcat "$HARNESS/tests/traces/nested/kvm.xz" | sed -E 's/^(# tickproof vcpu [0-9]+ ).*/\1999/' >"$trace.end"
	# But the recording went on with those which the events are of.
	awk 'NR == FNR { if (/^# tickproof vcpu/) known[$4] = $5; next }
		/^ / && ++told == 10 { for (v in known) printf "   init-1 [000] ..... %s tracing_mark_write: tickproof vcpu %d %d\n", $4, v, known[v] }
		{ print }' <(xzcat "$HARNESS/tests/traces/nested/kvm.xz") "$trace.end" >"$trace"
	run both_sides "$trace" <(xzcat "$above")
	[[ $(grep -c '^witness clockevents.unbind_fallback [01] pass ' <<<"$output") == 2 ]]
	run both_sides "$trace.end" <(xzcat "$above")
	assert_output --partial 'interrupts of threads that are no CPU it knows'
	refute_output --partial witness
}

@test "a guest that was held up between two programs: the clocks are joined for each" {
	local traces=$HARNESS/tests/traces below=$BATS_TEST_TMPDIR/below above=$BATS_TEST_TMPDIR/above
	# later SECONDS : a recording, so much later
	later() { awk -v by="$1" 'match($0, /[0-9]+[.][0-9]+: /) { $0 = substr($0, 1, RSTART - 1) sprintf("%.6f", substr($0, RSTART, RLENGTH - 2) + by) substr($0, RSTART + RLENGTH - 2) }
		match($0, /next=[0-9]+/) { $0 = substr($0, 1, RSTART + 4) sprintf("%.0f", substr($0, RSTART + 5, RLENGTH - 5) + by * 1e9) substr($0, RSTART + RLENGTH) }
		{ print }'; }
	# Two recordings as one: what is between their clocks isn't the same.
	{
		xzcat "$traces/nested/kvm.xz"
		echo '            init-1 [000] ..... 1000.000000: tracing_mark_write: tickproof on'
		xzcat "$traces/late/kvm.xz" | later 1000
	} >"$below"
	{
		xzcat "$traces/nested/guest.xz"
		xzcat "$traces/late/guest.xz" | later 1000
	} >"$above"
	run both_sides "$below" "$above"
	[[ $(grep -c '^witness clockevents.unbind_fallback [01] pass ' <<<"$output") == 2 ]]
	[[ $(grep -c '^witness sleep.nanosleep [01] pass ' <<<"$output") == 2 ]]
}

@test "what the hypervisor did for the latest wake-up, by the guest's clock" {
	local deadline late other
	both
	# Of the 20th interrupt of CPU 1; of the 30th, less late; one whose interrupt is not in the record.
	{
		echo header
		while read -r deadline late other; do
			printf 'sleep.made_up\t1\tbefore\tHyper-V clockevent%s\t%s\t0\t0\t175000\t10000\t1000\t1000\t1000\t%s\t\t\n' "$other" "$deadline" "$late"
		done <<<$'100203312000 3000000\n100303327000 1000000\n99000000000 9000000 2'
	} >"$BATS_TEST_TMPDIR/each.tsv"
	run both_sides "$kvm" "$guest" "$BATS_TEST_TMPDIR/each.tsv"
	assert_line 'timeline sleep.made_up 1 before -3995000 5000 105000 155000 175000 Hyper-V clockevent'
	[[ $(grep -c ^timeline <<<"$output") == 1 ]]
}

@test "a recorded guest whose hypervisor's timers came 5 ms late: the hypervisor is blamed, and borne out all the same" {
	run both_sides <(xzcat "$HARNESS/tests/traces/late/kvm.xz") <(xzcat "$HARNESS/tests/traces/late/guest.xz")
	[[ $(awk '$1 == "kvm" && $5 > 4000000 { print $2, $3 }' <<<"$output") == $'0 expiry\n1 expiry' ]]
	[[ $(grep -c '^witness sleep.nanosleep [01] pass ' <<<"$output") == 2 ]]
	# Interrupts that belong to no arming of KVM's do not move the clocks, nor become parts: of every tenth the guest has a later time in mind.
	run both_sides <(xzcat "$HARNESS/tests/traces/late/kvm.xz") \
		<(xzcat "$HARNESS/tests/traces/late/guest.xz" | awk 'match($0, /next=[0-9]+/) && ++n % 10 == 0 { $0 = substr($0, 1, RSTART + 4) sprintf("%.0f", substr($0, RSTART + 5, RLENGTH - 5) + 4e6) substr($0, RSTART + RLENGTH) } { print }')
	[[ $(awk '$1 == "kvm" && $5 > 4000000 { print $2, $3 }' <<<"$output") == $'0 expiry\n1 expiry' ]]
	[[ $(grep -c '^witness sleep.nanosleep [01] pass ' <<<"$output") == 2 ]]
}

@test "the monitor's ring, older entries overwritten, is read as KVM's record is" {
	# Of a ring of 300 entries, 40 interrupts of 2 CPUs; 4 entries each make 320, so that the first 5 interrupts are gone. It is 7 s behind the guest.
	local ring=$BATS_TEST_TMPDIR/ring guest=$BATS_TEST_TMPDIR/guest
	awk -v guest="$guest" 'BEGIN {
		print "# tickproof begin sleep.made_up lacks:" >guest
		for (i = 1; i <= 40; i++)
			for (cpu = 0; cpu < 2; cpu++) {
				p = 100e6 + i * 10000 + cpu * 3300 + i * i % 97
				due = (p - 7e6) * 10
				add(due - 40000, 1, due); add(due + 1000, 3, 0); add(due + 1200, 4, 0); add(due + 2000, 2, 0)
				printf " <idle>-0 [00%d] d.h1. %.6f: interrupt: (hrtimer_interrupt+0x4/0x230) next=%.0f name=\"Hyper-V clockevent\"\n", cpu, (p + 150) / 1e6, p * 1000 >guest
			}
		print written + 0, 0, 0
		for (k = 0; k < 300; k++)
			print entry[k]
	}
	function add(when, what, expiry) { entry[written++ % 300] = sprintf("%.0f %d %.0f", when, what + 256 * cpu, expiry) }' >"$ring"
	run both_sides <(awk -f "$HARNESS/watch/monitor.awk" "$ring") "$guest"
	assert_success
	assert_line 'kvm 0 programming 37 0 0'
	assert_line 'kvm 0 expiry 37 100000 100000'
	assert_line 'kvm 1 injection 37 20000 20000'
	assert_line 'kvm 1 taking 37 30000 30000'
	assert_line 'witness sleep.made_up 0 pass Hyper-V clockevent: the guest took 37 interrupts, of which the hypervisor injected 37'
	# Once more, and only what is new.
	[[ $(awk -v from=316 -f "$HARNESS/watch/monitor.awk" "$ring" | grep -c hv_stimer) == 4 && $(awk -v from=316 -f "$HARNESS/watch/monitor.awk" "$ring" | tail -n 1) == *' 320' ]]
}

@test "what could not be recorded is said" {
	stages < <(echo '# tickproof none nothing was recorded: there is no tracefs that we may use')
	assert_output 'note nothing was recorded: there is no tracefs that we may use'
	stages < <(echo '# tickproof begin sleep.made_up lacks: kprobe' && echo '# entries-in-buffer/entries-written: 10/300   #P:2' && sleep_at 100)
	assert_line 'note sleep.made_up: this kernel lacks kprobe'
	assert_line 'note sleep.made_up: only the last 10 of 300 events fitted in memory'
	assert_line 'note sleep.made_up: what was recorded of it has no end'
}

@test "a hostile trace brings no event into the journal, and no end of rows" {
	stages < <(begin && head -c 100000 /dev/urandom && echo && for ((i = 0; i < 600; i++)); do sleep_at 100 "device=d$i"; done | sed 's/hrtimer_wakeup/x/' && end)
	assert_success
	[[ ${#lines[@]} -le 6000 && $(grep -c '^wakes' <<<"$output") -le 512 ]]
	stages < <(begin && sleep_at 100 device=$'x\t> end 1 2"</svg>' && end)
	assert_success
	refute_output --partial $'\t'
	refute_output --partial '<'
}

@test "a gate with PERF= has it in journal, table, records and page" {
	program sleep.a 'plan 1' 'pass x'
	{ begin && sleep_at 100 && end; } >"$FAKE_SCRIPTS/recording"
	gate PERF='sleep.*'
	exits 0
	assert_output --partial 'where late wake-ups lost their time'
	assert_output --regexp '1  lapic +1 +0\.30 / 0\.30'
	[[ $(lines_in journal.log ' > perf stage ') == 7 && $(lines_in records.tsv '^perf') == 9 ]]
	[[ $(xmllint --html --xpath 'count(//section[@aria-labelledby = "perf"]//svg[@role = "img"])' "$RESULTS/latest/report.html" 2>/dev/null) == 2 ]]
	tidy -q -e "$RESULTS/latest/report.html"
	# With a hypervisor's record of the latest wake-up, that is a bar of its own.
	awk -v OFS='\t' '{ print } /^perf\tworst/ { print "perf", "timeline", $3, $4, $5, -100000, 50000, 90000, 120000, 150000, "lapic" }' "$RESULTS/latest/records.tsv" |
		awk -f "$HARNESS/report/cpus.awk" -f "$HARNESS/report/perf.awk" -f "$HARNESS/report/markup.awk" -f "$HARNESS/report/page.awk" -f "$HARNESS/report/perf_html.awk" \
			-f "$HARNESS/report/html.awk" -v css="$HARNESS/report/page.css" -v plots=/nonexistent >"$BATS_TEST_TMPDIR/page.html"
	grep -F 'armed at -0.100 ms for 0.050 ms, expired at 0.090 ms, injected at 0.120 ms, taken at 0.150 ms' "$BATS_TEST_TMPDIR/page.html"
	[[ $(xmllint --html --xpath 'count(//section[@aria-labelledby = "perf"]//svg[@role = "img"])' "$BATS_TEST_TMPDIR/page.html" 2>/dev/null) == 3 ]]
	tidy -q -e "$BATS_TEST_TMPDIR/page.html"
	[[ -s $RESULTS/latest/perf/boot1.tsv ]]
	zcat "$RESULTS/latest/perf/boot1.trace.gz" | cmp - "$FAKE_SCRIPTS/recording"
	no_scratch
}

@test "a recording is bounded" {
	program sleep.a 'plan 1' 'pass x'
	{ begin && head -c 200000 /dev/zero | tr '\0' x && end; } >"$FAKE_SCRIPTS/recording"
	RECORD_LIMIT=1000 gate PERF='sleep.*'
	exits 0
	[[ $(zcat "$RESULTS/latest/perf/boot1.trace.gz" | wc -c) == 1000 ]]
	assert_output --partial 'what was recorded of it has no end'
}

@test "a PERF= that means nothing is refused" {
	program sleep.a 'plan 1' 'pass x'
	# shellcheck disable=SC2016
	gate 'PERF=$(x)'
	exits 2
	assert_output --partial "PERF=\$(x): give 1, or patterns of programs to record, as 'sleep.*'"
	gate PERF=clocks.none
	exits 2
	assert_output --partial 'PERF=clocks.none chooses none of the programs that are run'
	no_scratch
}

@test "harness/perf is a gate that is recorded" {
	program sleep.a 'plan 1' 'pass x'
	{ begin && sleep_at 100 && end; } >"$FAKE_SCRIPTS/recording"
	run "$HARNESS/perf" TESTS='sleep.*'
	exits 0
	assert_output --partial 'where late wake-ups lost their time'
	run "$HARNESS/perf" TESTS='clocks.*'
	exits 2
	run "$HARNESS/perf" --help
	exits 0
	assert_output --partial 'usage: harness/perf'
}

@test "what stands for ssh on this machine runs the command, with its input, output and status" {
	# shellcheck disable=SC2016  # for the shell inside
	run "$HARNESS/watch/here" -T -o BatchMode=yes me@here 'read -r x && echo "$x" && exit 7' <<<words
	exits 7
	assert_output words
}
