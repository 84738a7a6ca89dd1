# SPDX-License-Identifier: GPL-2.0-only
# Lines of tracefs, and percentiles: what stages.awk and hypervisor.awk share.

# By pivots that nobody can foresee: no order of a guest's takes longer than another.
BEGIN { srand() }

function quicksort(a, low, high,    i, j, pivot, t) {
	while (low < high) {
		pivot = a[low + int(rand() * (high - low + 1))]
		i = low; j = high
		while (i <= j) {
			while (a[i] < pivot) i++
			while (a[j] > pivot) j--
			if (i <= j) {
				t = a[i]; a[i] = a[j]; a[j] = t
				i++; j--
			}
		}
		if (j - low < high - i) {
			quicksort(a, low, j)
			low = i
		} else {
			quicksort(a, i, high)
			high = j
		}
	}
}

# The share p of value[key, 1..n] is at most that.
function quantile(key, n, p,    k, s) {
	for (k = 1; k <= n; k++)
		s[k] = value[key, k]
	quicksort(s, 1, n)
	return s[int((n - 1) * p + 0.5) + 1]
}

# "MEDIAN P99"
function quantiles(key, n) { return sprintf("%.0f %.0f", quantile(key, n, 0.5), quantile(key, n, 0.99)) }

# The lines of tracefs as text: $pid, $cpu, $flags, $now (ns) and $event, and in $rest what it says. False for any other line.
function trace_line(    part, stamp) {
	if (/^#/ || !match($0, /-[0-9]+ +\[[0-9]+\] [^ ]+ +[0-9]+\.[0-9]+: [a-z0-9_]+: /))
		return 0
	split(substr($0, RSTART + 1, RLENGTH), part, /[][ ]+/)
	pid = part[1] + 0
	cpu = part[2] + 0
	flags = part[3]
	split(part[4], stamp, /[.:]/)
	now = stamp[1] * 1e9 + substr(stamp[2] "000000000", 1, 9)
	event = part[5]
	sub(/:$/, "", event)
	rest = substr($0, RSTART + RLENGTH)
	return 1
}

# The number after key in text; "" if there is none.
function number(text, key,    at, rest) {
	at = index(text, key)
	if (!at)
		return ""
	rest = substr(text, at + length(key))
	return match(rest, /^-?[0-9]+/) ? substr(rest, 1, RLENGTH) + 0 : ""
}
