# SPDX-License-Identifier: GPL-2.0-only
# How far the hypervisor's clock is ahead of the guest's: difference(). Part of hypervisor.awk.
#
# What joins them is the expiry. The hypervisor records for when a timer was armed (due[], of those armings that have expired), the guest what it had
# programmed it for (programmed[]). The difference of the clocks is that at which most of the guest's interrupts find an arming; the least delay of
# programming is taken for none.

# Bins of ns in which armings are looked for, first and then
BEGIN { BIN = 100000; FINE = 10000 }

function floor(x) { return int(x) - (x < int(x)) }

# How many of the guest's telling interrupts find an arming, if KVM's clock is ahead of the guest's by shift?
function matches(shift,    n, k, bin, found) {
	for (k = 1; k <= telling; k++) {
		n = tells[k]
		bin = floor((programmed[n] + shift) / FINE)
		found += (irq_cpu[n], bin) in at_bin || (irq_cpu[n], bin - 1) in at_bin || (irq_cpu[n], bin + 1) in at_bin
	}
	return found + 0
}

# How far KVM's clock is ahead of the guest's; "" where no difference is much better than any other. The tick's interrupts, at whole milliseconds, tell
# nothing: they fit as well one tick later.
function difference(    i, n, k, step, bin, tried, candidate, best, shift, score, second) {
	for (k in expired)
		at_bin[armed_vcpu[k], floor(due[k] / FINE)]
	for (n = 1; n <= interrupts; n++)
		if (seen(n) && programmed[n] % 1e6)
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
				shift = candidate * BIN + k * FINE
			}
		if (score > best) {
			# The same moments, in the next bin, are no other difference.
			if (base == "" || shift - base > 5 * FINE || base - shift > 5 * FINE)
				second = best
			best = score
			base = shift
		} else if (score > second && (shift - base > 5 * FINE || base - shift > 5 * FINE))
			second = score
	}
	split("", votes)
	return best >= 10 && best >= telling / 5 && second < 0.7 * best ? base : ""
}
