# SPDX-License-Identifier: GPL-2.0-only
# Another machine's clock against the host's, by lines that were stamped there and arrived here: for stamps.awk and eyes.awk.

# The stamp of least delay from first to last, if the other clock at[] is fast by slope and arrived[] is the host's: a line can arrive
# late, never early. Sets spread, for the caller: the delays' lower quartile - least. In the other clock's seconds, so that one that
# stands still divides nothing by 0.
function least_delay(at, slope, first, last,    k, i, delay, sorted, best) {
	for (k = first; k <= last; k++) {
		delay = (arrived[k] - arrived[1]) * (1 + slope) - (at[k] - at[1])
		if (k == first || delay < sorted[first])
			best = k
		for (i = k; i > first && sorted[i - 1] > delay; i--)
			sorted[i] = sorted[i - 1]
		sorted[i] = delay
	}
	spread = sorted[first + int((last - first) / 4)] - sorted[first]
	return best
}
