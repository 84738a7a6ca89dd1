# SPDX-License-Identifier: GPL-2.0-only
# The bins of a `# hist` line (docs/journal.md), for the reports that draw or compare them.

# bins_read("BIN:COUNT ...") -> how many samples; bins is how many bins, bin[] and count[] are they.
function bins_read(text,    pair, part, k, total) {
	bins = split(text, pair, " ")
	for (k = 1; k <= bins; k++) {
		split(pair[k], part, ":")
		bin[k] = part[1]
		count[k] = part[2]
		total += part[2]
	}
	return total
}

# bin_value(BIN, PER, SHARE) -> the value at so great a share of the bin's width: 0 its least, 1 the next bin's.
function bin_value(b, per, share) { return 2 ^ int(b / per) * (1 + (b % per + share) / per) }
