# SPDX-License-Identifier: GPL-2.0-only
# The hypervisor's part in late interrupts of Hyper-V's timer: awk -f trace.awk -f kvm.awk KVM GUEST, what the appliance's KVM recorded (guest/appliance)
# and what the guest did (guest/recorder). Prints, in ns,
#   kvm CPU PART NUMBER P50 P99
#   note WORDS
# Parts of the time from what the guest's kernel programmed its device for to the interrupt in the guest, which is the stage "interrupt" of stages.awk:
#   programming   until the time that the guest wrote to the timer, by the reference counter: it reads the clock before it does so
#   expiry        until KVM's own timer ran
#   injection     until KVM injected the interrupt
#   taking        until the guest took it
#
# Two machines with two clocks: what joins them is the expiry. The guest writes COUNT, in 100 ns of the reference counter, which runs at the rate of its
# CLOCK_MONOTONIC; KVM records COUNT, and the reference time of that moment. So both sides know how late they are after the same moment, each by its own
# clock. The difference between reference counter and CLOCK_MONOTONIC is that at which most expiries fit; the least is taken for exact.

# Bins of ns in which expiries are looked for; how much earlier than injected by KVM's word an interrupt may be taken, by reading clocks
BEGIN { BIN = 100000; NEAR = 50000; nr_parts = split("programming expiry injection taking", part_name, " ") }

FNR == 1 { files++ }
!trace_line() { next }

files == 1 && event == "kvm_hv_stimer_start_one_shot" && number(rest, "timer ") == 0 {
	v = number(rest, "vcpu_id ")
	thread[pid] = v
	i = ++armings
	last[v] = i
	count[i] = number(rest, "count ") * 100
	due[i] = now + count[i] - number(rest, "time_now ") * 100
	at_bin[v, int(count[i] / BIN)] = at_bin[v, int(count[i] / BIN)] " " i
	all_counts[v, ++counts[v]] = count[i]
}
# What expires before it is due is another one, that was late when it was programmed: of that KVM has no event.
# KVM looks for itself before the guest runs on, and may be ahead of its own timer.
files == 1 && event ~ /^kvm_hv_stimer_(callback|expiration)$/ && (v = number(rest, "vcpu_id ")) in last && !(last[v] in expired) && now > due[last[v]] - NEAR { expired[last[v]] = now }
files == 1 && event == "kvm_inj_virq" && pid in thread {
	vector[++injections] = rest ~ /0xed/ ? "Hyper-V" : "APIC"
	injected_by[injections] = thread[pid]
	injected_at[injections] = now
}
files == 1 && event == "kvm_inj_virq" && rest ~ /0xed/ && pid in thread && (i = last[thread[pid]]) in expired && !(i in injected) { injected[i] = now }

files == 2 {
	if (!begun)
		begun = now
	ended = now
}
files == 2 && event == "local_timer_entry" { took[cpu, "APIC"]++ }
files == 2 && event == "interrupt" && rest ~ /name="Hyper-V clockevent"/ {
	took[cpu, "Hyper-V"]++
	if (number(rest, "next=") > now + NEAR)
		next
	n = ++interrupts
	irq_cpu[n] = cpu
	irq_at[n] = now
	programmed[n] = number(rest, "next=")
}

function floor(x) { return int(x) - (x < int(x)) }

# The bin of the difference between reference counter and CLOCK_MONOTONIC in which most of some interrupts find an expiry.
function difference(    n, step, k, v, votes, bin, best) {
	step = int(interrupts / 40) + 1
	for (n = 1; n <= interrupts; n += step) {
		v = irq_cpu[n]
		for (k = 1; k <= counts[v]; k++) {
			bin = floor((all_counts[v, k] - programmed[n]) / BIN)
			if (++votes[bin] > votes[best])
				best = bin
		}
	}
	return best
}

# The arming by which interrupt n was programmed: of those at most two bins later than it, the nearest.
function arming(n, base,    k, m, list, i, from, best) {
	from = programmed[n] + base * BIN
	for (k = -1; k <= 2; k++) {
		split(at_bin[irq_cpu[n], int(from / BIN) + k], list, " ")
		for (m in list) {
			i = list[m]
			if (count[i] - from > -BIN && count[i] - from < 2 * BIN && (best == "" || count[i] < count[best]) && i in injected)
				best = i
		}
	}
	return best
}

# What each side counted while both recorded, for each CPU: who contradicts whom. shift: how far KVM's clock is ahead of the guest's
function witness(shift,    n, cpu, words, kind, kinds, a, b) {
	for (n = 1; n <= injections; n++)
		if (injected_at[n] - shift >= begun - 1e6 && injected_at[n] - shift <= ended)
			gave[injected_by[n], vector[n]]++
	for (cpu = 0; cpu < 64; cpu++) {
		if (!(cpu in number_of))
			continue
		words = ""
		for (kind = split("APIC Hyper-V", kinds, " "); kind >= 1; kind--) {
			a = gave[cpu, kinds[kind]] + 0
			b = took[cpu, kinds[kind]] + 0
			words = words (words == "" ? "" : ", ") a " of the " kinds[kind] " timer, of which the guest took " b
			if (a - b > 5 + b / 50 || b - a > 5 + a / 50)
				words = words " (one of the two is wrong)"
		}
		print "note CPU " cpu ": KVM injected " words
	}
}

function add(cpu, part, ns) { value[cpu SUBSEP part, number_of[cpu]] = ns }

END {
	if (!armings || !interrupts)
		exit
	base = difference()
	for (n = 1; n <= interrupts; n++) {
		i = arming(n, base)
		if (i == "")
			continue
		found[n] = i
		value["lag", ++lags] = count[i] - programmed[n]
	}
	exact = quantile("lag", lags, 0.01)
	for (n in found) {
		i = found[n]
		cpu = irq_cpu[n]
		shift = due[i] - (count[i] - exact)
		number_of[cpu]++
		late = irq_at[n] - (count[i] - exact) - (injected[i] - due[i])
		add(cpu, 1, count[i] - exact - programmed[n])
		add(cpu, 2, expired[i] - due[i])
		add(cpu, 3, injected[i] - expired[i])
		add(cpu, 4, late)
		matched++
		if (late < -NEAR) {
			early++
			if (late < earliest)
				earliest = late
		}
	}
	for (cpu = 0; cpu < 64; cpu++)
		for (k = 1; k <= nr_parts && cpu in number_of; k++)
			print "kvm", cpu, part_name[k], number_of[cpu], quantiles(cpu SUBSEP k, number_of[cpu])
	witness(shift)
	print "note of " interrupts " interrupts of Hyper-V's timer in the guest KVM has recorded " matched " from their programming on" \
		(early ? "; by its clock " early " of them were injected later than the guest took them, by up to " sprintf("%.0f us", -earliest / 1000) : "")
}
