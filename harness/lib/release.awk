# SPDX-License-Identifier: GPL-2.0-only
# A kernel's release, compared as kernels count: 6.1.192 < 6.12-rc3 < 6.12 < 6.12.117.

# The numbers of a release, or of a bound, in r[1..3], and r[4] for its -rc (a release proper comes after all of them).
# How many of them it names: 2 for 6.12, 3 for 6.12.117, 4 with -rc; 0 for what is no release.
function release_numbers(text, r,    named, part, rc) {
	if (!match(text, /^[0-9]+[.][0-9]+([.][0-9]+)?(-rc[0-9]+)?/))
		return 0
	text = substr(text, 1, RLENGTH)
	rc = index(text, "-rc")
	r[4] = rc ? substr(text, rc + 3) + 0 : 1e9
	named = split(rc ? substr(text, 1, rc - 1) : text, part, ".")
	r[1] = part[1] + 0
	r[2] = part[2] + 0
	r[3] = part[3] + 0
	return rc ? 4 : named
}

# The release beside a bound: below 0 before it, 0 in it, above 0 after it. A bound that names a series has all that is of the series.
function release_beside(release, bound,    r, b, named, k) {
	release_numbers(release, r)
	named = release_numbers(bound, b)
	# 6.12.0-rc3 comes before 6.12.0.
	named = named == 3 ? 4 : named
	for (k = 1; k <= named; k++)
		if (r[k] != b[k])
			return r[k] < b[k] ? -1 : 1
	return 0
}

# Is it A..B, A.. or ..B (both included), or one release or series alone, and not backwards?
function release_range_valid(range,    at, a, b, r) {
	at = index(range, "..")
	a = at ? substr(range, 1, at - 1) : range
	b = at ? substr(range, at + 2) : range
	if (a b == "" || (a != "" && a !~ /^[0-9]+[.][0-9]+([.][0-9]+)?(-rc[0-9]+)?$/) || (b != "" && b !~ /^[0-9]+[.][0-9]+([.][0-9]+)?(-rc[0-9]+)?$/))
		return 0
	return a == "" || b == "" || release_beside(a, b) <= 0
}

# Why a kernel's release is not in a range; "" where it is. What is no release is in no range.
function release_outside(release, range,    at, a, b, r) {
	if (range == "")
		return ""
	if (!release_numbers(release, r))
		return "the kernel's release (" release ") is no number"
	at = index(range, "..")
	a = at ? substr(range, 1, at - 1) : range
	b = at ? substr(range, at + 2) : range
	if (a != "" && release_beside(release, a) < 0)
		return "Linux " release " is older than " a
	if (b != "" && release_beside(release, b) > 0)
		return "Linux " release " is newer than " b
	return ""
}
