# SPDX-License-Identifier: GPL-2.0-only
# What the hypervisor did for the guest's timers: awk -f trace.awk -f clocks.awk -f witness.awk -f timeline.awk -f hypervisor.awk HYPERVISOR GUEST [WAKE-UPS], what the
# appliance's KVM recorded (guest/appliance), or the arm64 monitor (monitor.awk), and what the guest did (guest/recorder). Below "KVM" is either. Prints, in ns,
#   kvm CPU PART NUMBER P50 P99
#   witness PROGRAM CPU pass|fail WORDS     does KVM's record bear out what the guest recorded of this CPU's timer interrupts?
#   timeline PROGRAM CPU WHEN ARMED DUE EXPIRED INJECTED TAKEN DEVICE   what it did for the latest wake-up of each row of WAKE-UPS, which stages.awk wrote, in ns
#                                           after what the sleep had asked for; ARMED, DUE and EXPIRED are "-" where it had not seen the guest arm its timer
#   note WORDS
# Parts of the time from what the guest's kernel programmed its device for to the interrupt in the guest, which is the stage "interrupt" of stages.awk:
#   programming   until the time that the guest wrote to the timer: it reads the clock before it does so
#   expiry        until KVM's own timer ran
#   injection     until KVM injected the interrupt
#   taking        until the guest took it
#
# Two machines with two clocks: clocks.awk joins them, for each program anew, since a guest that the host holds up between two has a clock that stands still
# meanwhile. From then on each interrupt that the guest took belongs to the last that KVM injected before.

# ns: how much earlier than injected by KVM's word an interrupt may be taken, by reading clocks; an arming that is farther from what was programmed is another one
BEGIN {
	NEAR = 50000; FAR = 5e6
	nr_parts = split("programming expiry injection taking", part_name, " ")
	UNSEEN = "unseen" # by the monitor
	vector["0xed"] = "Hyper-V"; vector["0xec"] = "APIC"; vector["0x30"] = "HPET"
}

FNR == 1 { files++ }
# Which threads are the guest's CPUs, at the recording's end and whenever it went on.
files == 1 && /tickproof vcpu [0-9]+ [0-9]+$/ { thread[$NF] = $(NF - 1) }
# Its rings had no room for what was before, on some CPU.
files == 1 && /^##### CPU [0-9]+ buffer started/ { spans = recording = 0 }
# One that has itself held up has no one difference.
files == 2 && /^# tickproof begin / { program = $4 ~ /^[a-z0-9_]+[.][a-z0-9_]+$/ && $4 !~ /^continuity[.]/ ? $4 : "" }
files == 3 { wake_up(); next }
# Of what the guest recorded no more is needed; to look at it whole takes time.
files == 2 && !/_entry: | interrupt: / { next }
!trace_line() { next }

# It records only while a program runs that is recorded.
files == 1 {
	if (!recording || event == "tracing_mark_write" && rest ~ /^tickproof on/) {
		span_begin[++spans] = now
		stretch++
		split("", last)
	}
	span_end[spans] = now
	recording = !(event == "tracing_mark_write" && rest ~ /^tickproof off/)
}
files == 1 && event ~ /hv_stimer_start_one_shot$/ && number(rest, "timer ") == 0 {
	arm(number(rest, "vcpu_id "), "Hyper-V", number(rest, "count ") * 100)
	started[v = number(rest, "vcpu_id "), ++starts[v]] = now
	# The reference counter's zero, by KVM's clock: what is read later than the counter only adds to it.
	zero = now - number(rest, "time_now ") * 100
	if (!(stretch in reference) || zero < reference[stretch])
		reference[stretch] = zero
}
files == 1 && event ~ /hv_stimer_set_(count|config)$/ && number(rest, "timer ") == 0 { stopped[v = number(rest, "vcpu_id "), ++stops[v]] = now }
files == 1 && event ~ /hv_stimer_(callback|expiration)$/ { expire(number(rest, "vcpu_id "), "Hyper-V") }
files == 1 && event == "hrtimer_start" && pid in thread {
	arm(thread[pid], "APIC", number(rest, "expires="))
	owner[hrtimer()] = thread[pid]
}
files == 1 && event == "hrtimer_expire_entry" && hrtimer() in owner { expire(owner[hrtimer()], "APIC") }
# Whoever injects is a CPU; which one may be said a moment later, when the recording has just gone on.
files == 1 && event == "kvm_inj_virq" && !(pid in thread) { injected_by[pid]++ }
files == 1 && event == "kvm_inj_virq" && pid in thread && rest !~ /reinjected/ && match(rest, /0x[0-9a-f]+/) && (kind = vector[substr(rest, RSTART, RLENGTH)]) != "" { inject(thread[pid], kind) }
# The monitor has no such event: the interrupt is pending at the guest, which takes it without the monitor.
files == 1 && event == "hv_stimer_pending" { inject(number(rest, "vcpu_id "), "Hyper-V") }

files == 2 && event ~ /_entry$/ { by[cpu] = event }
files == 2 && event == "interrupt" && program != "" && match(rest, /name="[A-Za-z0-9 _.-]+"/) {
	n = ++interrupts
	irq_device[n] = substr(rest, RSTART + 6, RLENGTH - 7)
	irq_cpu[n] = cpu
	irq_at[n] = now
	programmed[n] = number(rest, "next=")
	irq_program[n] = program
	# Any of them may also be served by a broadcast.
	irq_kind[n] = irq_device[n] == "Hyper-V clockevent" ? "Hyper-V" : irq_device[n] ~ /^lapic/ && by[cpu] == "local_timer_entry" ? "APIC" : \
		irq_device[n] == "hpet" && by[cpu] == "irq_handler_entry" ? "HPET" : irq_device[n] ~ /^arch_/ ? UNSEEN : ""
	by[cpu] = ""
}

function hrtimer(    at) {
	at = substr(rest, index(rest, "hrtimer=") + 8)
	return substr(at, 1, index(at " ", " ") - 1)
}

function arm(v, kind, when,    i) {
	i = ++armings
	last[v, kind] = i
	armed_at[i] = now
	armed_vcpu[i] = v
	armed_kind[i] = kind
	armed_in[i] = stretch
	due[i] = when
}

function inject(v, kind,    n) {
	n = ++injections[v, kind]
	injected[v, kind, n] = now
	cause[v, kind, n] = pending[v, kind]
	delete pending[v, kind]
}

# KVM looks for itself before the guest runs on, and may be ahead of its own timer: the first counts. What expires before it is due is another one,
# that was late when it was programmed: of that KVM has no event.
function expire(v, kind,    i) {
	i = last[v, kind]
	if (i == "" || i in expired || now < due[i] + (kind == "APIC" ? 0 : reference[stretch]) - NEAR)
		return
	expired[i] = now
	pending[v, kind] = i
}

# Does the hypervisor record what it does for interrupt n of the guest?
function seen(n) { return irq_kind[n] != "" && irq_kind[n] != UNSEEN }

# Did the hypervisor record at that time, by its clock?
function recorded(when,    k) {
	for (k = 1; k <= spans; k++)
		if (when >= span_begin[k] + FAR && when <= span_end[k] + NEAR)
			return 1
	return 0
}

# Each interrupt of the guest and the last that KVM injected before: how many have none, and the parts of those that were armed. With only, just
# the delays of programming.
function follow(only,    n, key, kind, k, i, lag, at) {
	split("", next_injection)
	for (n = 1; n <= interrupts; n++) {
		kind = irq_kind[n]
		if (!seen(n) || !joined(n) || !recorded(at = by_hypervisor(n)))
			continue
		key = irq_cpu[n] SUBSEP kind
		for (k = next_injection[key] + 1; k <= injections[key] && injected[key, k] <= at + NEAR; k++)
			;
		if (k - 1 == next_injection[key]) {
			alone[n] = 1
			lonely++
			continue
		}
		next_injection[key] = --k
		injected_for[n] = injected[key, k]
		i = cause[key, k]
		if (i == "")
			continue
		lag = due[i] - programmed[n] - shift[irq_program[n]]
		if (lag > (only ? 3 * FINE : FAR) || lag < -3 * FINE)
			continue
		if (only) {
			value["lag" irq_program[n], ++lags[irq_program[n]]] = lag
			continue
		}
		matched++
		arming_of[n] = i
		add(irq_cpu[n], 1, lag)
		add(irq_cpu[n], 2, expired[i] - due[i])
		add(irq_cpu[n], 3, injected[key, k] - expired[i])
		add(irq_cpu[n], 4, at - injected[key, k])
		number_of[irq_cpu[n]]++
	}
}

# Is it known when interrupt n of the guest came by the hypervisor's clock? And when?
function joined(n) { return shift[irq_program[n]] != "" }
function by_hypervisor(n) { return irq_at[n] + shift[irq_program[n]] }

function add(cpu, part, ns) { value[cpu SUBSEP part, number_of[cpu] + 1] = ns }

END {
	for (i = 1; i <= armings; i++)
		if (armed_kind[i] == "Hyper-V")
			due[i] += reference[armed_in[i]]
	if (!armings || interrupts < 20)
		exit
	for (pid in injected_by)
		if (!(pid in thread))
			strangers += injected_by[pid]
	if (strangers) {
		print "note the hypervisor has recorded " strangers " interrupts of threads that are no CPU it knows (the guest went to another QEMU meanwhile?): its record is not compared"
		exit
	}
	join_clocks()
	if (!joins) {
		print "note the clocks of hypervisor and guest could not be joined: too few of the guest's interrupts have an arming of their own"
		exit
	}
	follow(1)
	split("", alone)
	lonely = 0
	for (program in shift)
		if (shift[program] != "")
			shift[program] += quantile("lag" program, lags[program], 0.01)
	follow(0)
	for (cpu = 0; cpu < 64; cpu++)
		for (k = 1; k <= nr_parts && cpu in number_of; k++)
			print "kvm", cpu, part_name[k], number_of[cpu], quantiles(cpu SUBSEP k, number_of[cpu])
	witness()
	timelines()
	for (n = 1; n <= interrupts; n++)
		kinds += seen(n)
	print "note of " kinds " interrupts of the guest's timers the hypervisor has recorded " matched + 0 " from their programming on" \
		(lonely ? ", and " lonely " it had not injected when the guest took them" : "")
}
