# SPDX-License-Identifier: GPL-2.0-only
# How far the hypervisor's clock is ahead of the guest's while each program ran: join_clocks(), into shift[PROGRAM], "" where no difference is much better than
# any other; joins says how many are. Part of hypervisor.awk.
#
# What joins them is the expiry. The hypervisor records for when a timer was armed (due[], of those armings that have expired), the guest what it had
# programmed it for (programmed[]). The difference of the clocks is that at which most of the guest's interrupts find an arming; the least delay of
# programming is taken for none.

# Bins of ns in which armings are looked for, first and then
BEGIN { BIN = 100000; FINE = 10000 }

function floor(x) { return int(x) - (x < int(x)) }

function join_clocks(    k, n) {
	for (k in expired)
		at_bin[armed_vcpu[k], floor(due[k] / FINE)]
	for (n = 1; n <= interrupts; n++)
		if (!(irq_program[n] in shift)) {
			shift[irq_program[n]] = difference(irq_program[n])
			joins += shift[irq_program[n]] != ""
		}
}

# How many of the guest's telling interrupts find an arming, if KVM's clock is ahead of the guest's by so much?
function matches(ahead,    n, k, bin, found) {
	for (k = 1; k <= telling; k++) {
		n = tells[k]
		bin = floor((programmed[n] + ahead) / FINE)
		found += (irq_cpu[n], bin) in at_bin || (irq_cpu[n], bin - 1) in at_bin || (irq_cpu[n], bin + 1) in at_bin
	}
	return found + 0
}

# How far KVM's clock is ahead of the guest's in that program. The tick's interrupts, at whole milliseconds, tell
# nothing: they fit as well one tick later.
function difference(of,    i, n, k, step, bin, tried, candidate, best, ahead, score, second, base) {
	telling = 0
	for (n = 1; n <= interrupts; n++)
		if (irq_program[n] == of && seen(n) && programmed[n] % 1e6)
			tells[++telling] = n
	step = int(telling / 40) + 1
	for (i = 1; i <= telling; i += step)
		for (k = 1; k <= armings; k++)
			if (k in expired && armed_vcpu[k] == irq_cpu[tells[i]])
				votes[floor((due[k] - programmed[tells[i]]) / BIN)]++
	for (tried = 1; tried <= 8; tried++) {
		candidate = ""
		for (bin in votes)
			if (candidate == "" || votes[bin] > votes[candidate])
				candidate = bin
		if (candidate == "")
			break
		delete votes[candidate]
		score = 0
		for (k = 0; k < BIN / FINE; k++)
			if ((n = matches(candidate * BIN + k * FINE)) > score) {
				score = n
				ahead = candidate * BIN + k * FINE
			}
		if (score > best) {
			# The same moments, in the next bin, are no other difference.
			if (base == "" || ahead - base > 5 * FINE || base - ahead > 5 * FINE)
				second = best
			best = score
			base = ahead
		} else if (score > second && (ahead - base > 5 * FINE || base - ahead > 5 * FINE))
			second = score
	}
	split("", votes)
	return best >= 10 && best >= telling / 5 && second < 0.7 * best ? base : ""
}
