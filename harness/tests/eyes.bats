#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# What the hypervisor appliance's own words prove: eyes.awk on made-up logs.
# shellcheck disable=SC2154

bats_load_library bats-support
bats_load_library bats-assert

setup() { HARNESS=$(cd "$BATS_TEST_DIRNAME/.." && pwd); }

# eyes SINCE NOW : the conclusions from the log on stdin, in $output
eyes() { run awk -v since="$1" -v now="$2" -v dead="${DEAD:-}" -f "$HARNESS/lib/least_delay.awk" -f "$HARNESS/watch/eyes.awk" -; }

# beats FIRST LAST RATE [CPU1-GAP AT] : a line each second of the host's uptime, the appliance's clock going at RATE; lines arrive up to
# 0.3 s late. In the second AT CPU 1 had a gap of CPU1-GAP ms.
beats() {
	awk -v first="$1" -v last="$2" -v rate="$3" -v gap="${4:-105}" -v at="${5:--1}" 'BEGIN {
		for (t = first; t <= last; t++)
			printf "%.2f clock %.0f cpu0 12 110 0 cpu1 3 %d 0\n", t + t * 7 % 10 / 30, 5e9 + (t - first) * rate * 1e9, t == at ? gap : 105
	}'
}

# look [KEY=VALUE ...] : a look at 60 s of the appliance's time, at 100 s of the host's. vcpu 1's timer: armed=, ahead= (s after that),
# expired=, made= (an interrupt), injected=, taken=, stopped= (times; 0: never), config=, configured=, flags=, state=; late=
# (s, of a timer of the appliance's CPU 1); apic=, apic_due=, apic_expired=, apic_injected=, apic_taken= (times), apic_pending=yes, of its local APIC's timer. vcpu 0 is healthy: armed and due in 1 s.
look() {
	local armed=50 ahead=0.1 expired=50.1 made=50.1 injected=50.1 taken=50.2 stopped=0 config=7897 configured=12 flags=00000246 state=S late=-1 apic=0 apic_due=0 apic_expired=0 apic_injected=0 apic_taken=0 apic_pending=no pair
	for pair; do
		printf -v "${pair%%=*}" %s "${pair#*=}"
	done
	awk -v armed="$armed" -v due="$ahead" -v expired="$expired" -v made="$made" -v injected="$injected" \
		-v taken="$taken" -v stopped="$stopped" -v config="$config" -v configured="$configured" -v flags="$flags" -v state="$state" -v late="$late" \
		-v apic="$apic" -v apic_due="$apic_due" -v apic_expired="$apic_expired" -v apic_injected="$apic_injected" -v apic_taken="$apic_taken" -v apic_pending="$apic_pending" '
		function say(text) { print "100.00 " text }
		function hist(event, keys, t, fields) {
			say("event " event)
			say("{ vcpu_id:          0, timer_index:          3 } hitcount:          2")
			say("\tmax:   11978386  config:          0  count:          0")
			if (event !~ /inj|eoi|hrtimer/)
				say("{ vcpu_id:          0, timer_index:          0 } hitcount:       3235")
			else
				say("{ common_pid:        150, vector:        237 } hitcount:       3235")
			say(event ~ /start/ ? "\tmax:   59990000  count:   20000000  time_now:   10000000" : "\tmax:   59980000  config:       7897")
			say("--")
			if (t > 0) {
				say("{ " keys " } hitcount:        112")
				say(sprintf("\tmax: %.0f  %s", t * 1e6, fields))
			}
		}
		BEGIN {
			timer = "vcpu_id:          1, timer_index:          0"
			say("look 60.00 100.10")
			hist("kvm_hv_stimer_set_config", timer, configured, "config:       " config)
			hist("kvm_hv_stimer_set_count", timer, stopped, "count:          0")
			hist("kvm_hv_stimer_start_one_shot", timer, armed, sprintf("time_now: 1000  count: %d", 1000 + due * 1e7))
			hist("kvm_hv_stimer_callback", timer, expired, "common_pid:  0")
			hist("kvm_hv_stimer_expiration", timer, made, "msg_send_result:  0")
			hist("kvm_inj_virq", "common_pid:        151, vector:        237", injected, "reinjected:  0")
			hist("kvm_inj_virq", "common_pid:        151, vector:        236", apic_injected, "reinjected:  0")
			hist("kvm_eoi", "common_pid:        151, vector:        237", taken, "")
			hist("kvm_eoi", "common_pid:        151, vector:        236", apic_taken, "")
			hist("hrtimer_start", "common_pid:        151", apic, sprintf("hrtimer: 18446612686396326912  expires: %.0f", apic_due * 1e9))
			hist("hrtimer_expire_entry", "hrtimer: 18446612686396326912", apic_expired, "common_pid:  0")
			say("timers")
			say("cpu: 0")
			say(" #0: <00000000abcdef01>, tick_nohz_handler, S:01")
			say(" # expires at 60004000000-60004000000 nsecs [in 4000000 to 4000000 nsecs]")
			say("cpu: 1")
			say(" #0: <00000000abcdef02>, stimer_timer_callback, S:01")
			say(sprintf(" # expires at 1-1 nsecs [in %.0f to %.0f nsecs]", -late * 1e9, -late * 1e9))
			if (apic_pending == "yes") {
				say(" #1: <00000000abcdef03>, apic_timer_fn, S:01")
				say(sprintf(" # expires at %.0f-%.0f nsecs [in %.0f to %.0f nsecs]", apic_due * 1e9, apic_due * 1e9, (apic_due - 60) * 1e9, (apic_due - 60) * 1e9))
			}
			say("vcpu 0 150 S 1 1 0")
			say("vcpu 1 151 " state " 1 1 0")
			say("registers")
			say("CPU#0")
			say("RIP=ffffffff81000000 RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=0")
			say("CPU#1")
			say("RIP=ffffffff81000000 RFL=" flags " [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=0")
			say("look end")
		}'
}

# judged [KEY=VALUE ...] : the conclusions from a look like that; by DEAD=, of that CPU the guest says that its timers have stopped
judged() { eyes 90 101 < <(look "$@"); }

# blames : a fault of the appliance is named; innocent: none is
blames() { [[ $'\n'$output == *$'\n''fault '* ]] || {
	printf 'no fault in:\n%s\n' "$output"
	return 1
}; }
innocent() { [[ $'\n'$output != *$'\n''fault '* ]] || {
	printf 'a fault in:\n%s\n' "$output"
	return 1
}; }

@test "a clock that goes with the host's, and none at all: nothing is said" {
	eyes 10 41 < <(beats 10 40 1)
	[[ -z $output ]]
	eyes 10 41 < <(beats 10 40 1.004)
	[[ -z $output ]]
	eyes 10 41 </dev/null
	[[ -z $output ]]
	eyes 10 12 < <(beats 10 12 2.6)
	[[ -z $output ]]
}

@test "a clock that runs fast, slow or not at all is named, early and late in a boot" {
	eyes 10 41 < <(beats 10 40 2.6)
	[[ $output == "fault the appliance's clock ran 2.60 times as fast as the host's" ]]
	eyes 10 19 < <(beats 10 18 2.6)
	blames
	eyes 10 41 < <(beats 10 40 0.4)
	assert_line -- "fault the appliance's clock ran 0.40 times as fast as the host's"
	eyes 10 91 < <(beats 10 90 1.03)
	assert_line -- "fault the appliance's clock ran 1.03 times as fast as the host's"
	eyes 10 41 < <(beats 10 40 0)
	assert_line -- "fault the appliance's clock ran 0.00 times as fast as the host's"
}

@test "a CPU of the appliance that misses its beats: named with its number, if it did so since the program began" {
	eyes 10 41 < <(beats 10 40 1 1500 30)
	[[ $output == "fault the appliance's CPU 1 stood still for 1.5 s" ]]
	eyes 31 41 < <(beats 10 40 1 1500 30)
	innocent
	eyes 10 41 < <(beats 10 40 1 900 30)
	innocent
	# the other CPU goes on telling of one that never came back
	eyes 10 41 < <(beats 10 40 1 && echo '41.00 clock 36000000000 cpu0 1 103 0 cpu1 2400 0 7')
	[[ $output == "fault the appliance's CPU 1 stood still for 2.4 s" ]]
}

@test "an appliance that fell silent" {
	eyes 10 44 < <(beats 10 40 1)
	innocent
	eyes 10 47 < <(beats 10 40 1)
	assert_line -- 'fault the appliance has been silent for 7 s'
}

@test "the guest's own faults stay the guest's: a timer never armed, stopped, or taken and not armed again; interrupts kept off; no end of one" {
	judged
	innocent
	assert_line -- 'vcpu 1 its Hyper-V timer was armed 10.0 s ago, expired 9.9 s ago, was injected, and the guest took it 9.8 s ago and has not armed it since'
	assert_line -- 'vcpu 0 its Hyper-V timer was armed 0.0 s ago for 1.0 s from now'
	judged armed=0
	innocent
	assert_line -- 'vcpu 1 its Hyper-V timer was never armed'
	judged stopped=50.5
	innocent
	assert_line -- 'vcpu 1 the guest stopped its Hyper-V timer 9.5 s ago'
	judged ahead=15 configured=51 config=7896
	innocent
	assert_line -- 'vcpu 1 the guest stopped its Hyper-V timer 9.0 s ago'
	judged injected=40 taken=40.1 flags=00000046
	innocent
	assert_line -- 'vcpu 1 its Hyper-V timer was armed 10.0 s ago, expired 9.9 s ago and was not injected; the guest has interrupts off'
	judged taken=40
	innocent
	assert_line -- 'vcpu 1 its Hyper-V timer was armed 10.0 s ago, expired 9.9 s ago, was injected 9.9 s ago, and the guest has not ended the interrupt'
	# armed for a time that had passed: KVM makes the interrupt without a timer of its own
	judged armed=40 expired=40.1 stopped=41
	innocent
	assert_line -- 'vcpu 1 its Hyper-V timer was armed 20.0 s ago, expired 9.9 s ago, was injected, and the guest took it 9.8 s ago and has not armed it since'
	judged armed=59.5 expired=59.6 made=59.6 injected=59.7 taken=60.2
	innocent
	assert_line -- 'vcpu 1 its Hyper-V timer works: the guest took its interrupt in the last second'
	judged ahead=15 expired=40 made=40
	innocent
	assert_line -- 'vcpu 1 its Hyper-V timer was armed 10.0 s ago for 5.0 s from now'
}

@test "the local APIC's timer, where the guest has used it last" {
	# Hyper-V's was stopped by an unbind.
	local -a unbound=(stopped=51 taken=50.2)
	judged "${unbound[@]}" apic=59 apic_due=59.1 apic_expired=59.1 apic_injected=59.1 apic_taken=59.2
	innocent
	assert_line -- "vcpu 1 its local APIC's timer works: the guest took its interrupt in the last second; the guest stopped its Hyper-V timer 9.0 s ago"
	judged "${unbound[@]}" apic=52 apic_due=70 apic_pending=yes
	assert_line -- "vcpu 1 its local APIC's timer was armed 8.0 s ago for 10.0 s from now; the guest stopped its Hyper-V timer 9.0 s ago"
	judged "${unbound[@]}" apic=52 apic_due=70
	assert_line -- "vcpu 1 the guest stopped its local APIC's timer 8.0 s ago; the guest stopped its Hyper-V timer 9.0 s ago"
	judged armed=0 apic=52 apic_due=52.1 apic_expired=52.1
	innocent
	assert_line -- "vcpu 1 its local APIC's timer was armed 8.0 s ago, expired 7.9 s ago and was not injected; the guest has interrupts on"
	# due when it was armed: an interrupt without a timer of the appliance's
	judged armed=0 apic=52 apic_due=52.1 apic_expired=52.1 apic_injected=53 apic_taken=53
	assert_line -- "vcpu 1 its local APIC's timer was armed 8.0 s ago, expired 7.0 s ago, was injected, and the guest took it 7.0 s ago and has not armed it since"
	# not used since: Hyper-V's alone is spoken of
	judged apic=20 apic_due=20.1 apic_expired=20.1 apic_injected=20.1 apic_taken=20.1
	assert_line --partial 'vcpu 1 its Hyper-V timer was armed 10.0 s ago'
	refute_output --partial APIC
}

@test "of a CPU that is dead by the guest's word it is said who lost the interrupt" {
	export DEAD=1
	judged armed=0
	assert_line -- 'vcpu 1 its Hyper-V timer was never armed: it is the guest that asks for no interrupt'
	judged injected=40 taken=40.1 flags=00000046
	assert_line --partial 'the guest has interrupts off: the guest does not take it'
	judged taken=40
	assert_line --partial 'the guest has not ended the interrupt: the guest does not take it'
	judged armed=59.5 expired=59.6 made=59.6 injected=59.7 taken=60.2
	assert_line --partial 'in the last second: its interrupts come, and the guest wakes nobody'
	judged expired=40 made=40 injected=40 taken=40
	assert_line --partial 'did not expire: the hypervisor lost it'
	judged stopped=51 apic=52 apic_due=52.1 apic_expired=52.1
	assert_line --partial 'the guest has interrupts on: the hypervisor lost it'
	DEAD=0
	judged armed=0
	assert_line -- 'vcpu 1 its Hyper-V timer was never armed'
}

@test "a timer that was armed and lost on its way is the appliance's fault, and where is said" {
	judged expired=40 made=40 injected=40 taken=40
	assert_line -- "fault vcpu 1's Hyper-V timer was due 9.9 s ago and did not expire in the appliance"
	judged made=40 injected=40 taken=40
	assert_line -- "fault vcpu 1's Hyper-V timer expired 9.9 s ago, and KVM has made no interrupt of it"
	judged injected=40 taken=40.1
	assert_line -- "fault vcpu 1's Hyper-V timer expired 9.9 s ago, the guest has interrupts on, and KVM did not inject it"
	# half a second is what a busy host does
	judged armed=59 ahead=0.5 expired=40 made=40 injected=40 taken=40
	innocent
}

@test "a timer of the appliance that is overdue, and a stopped thread" {
	judged late=31
	assert_line -- "fault the appliance's CPU 1's timer (stimer_timer_callback) is 31.0 s overdue"
	judged late=0.9
	innocent
	judged state=T
	assert_line -- "fault the appliance's thread of vcpu 1 is stopped (state T)"
}

@test "the last whole look counts; half a one proves nothing" {
	eyes 90 101 < <(look expired=40 made=40 && look)
	innocent
	eyes 90 101 < <(look expired=40 made=40 | sed '$d')
	[[ -z $output ]]
}

# built NAME FILE : a program of ours, for this host
built() { gcc -O2 -Wall -Werror -pthread -o "$BATS_TEST_TMPDIR/$1" "$BATS_TEST_DIRNAME/../$2"; }

@test "heart: each CPU beats, its lines are what eyes.awk reads, and its clock goes with the host's" {
	((EUID == 0)) || skip "heart takes a real-time priority: root only"
	chrt -f 1 true 2>/dev/null || skip "no real-time priority may be taken here (a control group without real-time runtime, or a container)"
	built heart guest/heart.c
	local up cpus
	cpus=$(nproc)
	while read -r line; do
		read -r up _ </proc/uptime
		echo "$up $line"
	done < <(timeout 8 "$BATS_TEST_TMPDIR/heart") >"$BATS_TEST_TMPDIR/log"
	(($(wc -l <"$BATS_TEST_TMPDIR/log") >= 7))
	[[ $(awk '{ print NF }' "$BATS_TEST_TMPDIR/log" | sort -u) == $((3 + 4 * cpus)) ]]
	eyes 0 "${up}" <"$BATS_TEST_TMPDIR/log"
	# a busy host may stop a CPU of its own, but not make the clock wrong
	[[ $output != *clock* && $output != *silent* ]]
}

@test "tsc_khz: the same rate twice, to 50 ppm, and what the kernel found where it says so" {
	built tsc_khz prepare/tsc_khz.c
	local first second kernel
	first=$("$BATS_TEST_TMPDIR/tsc_khz") || skip "this CPU's time stamp counter is not constant"
	second=$("$BATS_TEST_TMPDIR/tsc_khz")
	((first - second < first / 20000 && second - first < first / 20000))
	kernel=$(dmesg 2>/dev/null | sed -n 's/.*tsc: Refined TSC clocksource calibration: \([0-9]*\)\.\([0-9]*\) MHz/\1\2/p' | tail -n 1)
	[[ -z $kernel ]] || ((first - kernel < first / 5000 && kernel - first < first / 5000))
}

# monitor_words "TENTHS EVENT [DUE]" ... : what is said of CPU 1, which is dead by the guest's word, by the monitor's record of these events of its timer; CPU 0's goes on for 10 s
monitor_words() {
	run awk -v dead=1 -f "$HARNESS/watch/trace.awk" -f "$HARNESS/watch/monitor_words.awk" < <(
		printf '%s\n' '# tickproof begin monitor.timers lacks:' ' monitor-0 [000] ..... 1.000000: tracing_mark_write: tickproof on'
		for words; do
			read -r tenths event due <<<"$words"
			printf ' monitor-0 [001] ..... %d.%d00000: hv_stimer_%s: vcpu_id 1 timer 0%s\n' $((tenths / 10)) $((tenths % 10)) "$event" "${due:+ time_now 0 count ${due}000000}"
		done
		echo ' monitor-0 [000] ..... 10.000000: hv_stimer_start_one_shot: vcpu_id 0 timer 0 time_now 100000000 count 110000000'
		echo '# tickproof end monitor.timers 9'
	)
	assert_success
}

@test "monitor: where the interrupt of a dead CPU's timer was lost" {
	monitor_words '70 start_one_shot 71'
	assert_line "vcpu 1 its Hyper-V timer was armed 3.0 s ago, was due 2.9 s ago and did not expire: the hypervisor lost it"
	assert_line 'vcpu 0 its Hyper-V timer was armed 0.0 s ago for 1.0 s from now'
	monitor_words '70 start_one_shot 71' '71 callback'
	assert_line "vcpu 1 its Hyper-V timer was armed 3.0 s ago, expired 2.9 s ago and was not injected: the hypervisor lost it"
	monitor_words '70 start_one_shot 71' '71 callback' '71 pending'
	assert_line "vcpu 1 its Hyper-V timer was armed 3.0 s ago, expired 2.9 s ago, was injected, and the guest has not armed it since: it is the guest that does not take it, or asks for no other"
	monitor_words '97 start_one_shot 98' '98 callback' '98 pending' '99 start_one_shot 103'
	assert_line 'vcpu 1 its Hyper-V timer works: interrupted in the last second, and armed again: its interrupts come, and the guest wakes nobody'
	monitor_words '70 start_one_shot 75' '72 set_count'
	assert_line 'vcpu 1 the guest stopped its Hyper-V timer 2.8 s ago; another timer the monitor does not record'
	monitor_words '70 start_one_shot 150'
	assert_line 'vcpu 1 its Hyper-V timer was armed 3.0 s ago for 5.0 s from now'
}
