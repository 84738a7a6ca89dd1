# SPDX-License-Identifier: GPL-2.0-only
# The records.tsv of some runs, and of some others -> what has changed: KIND, ID, NAME, UNIT, A, B, JUDGEMENT, WHY, a line each, separated by
# tabs, after a line with these names. After bins.awk. -v of_a=N: the first N files are A's. KIND is verdict, case, samples or metric;
# JUDGEMENT is worse, better, changed, same, or "untested" where nothing can be said. Exits 1 if anything is worse. docs/records.md says why
# these tests.

BEGIN {
	FS = OFS = "\t"
	# What moves by less isn't worth a word, whatever its significance.
	LEAST_NS = 100000
	LEAST_FACTOR = 1.5
	# Of two single runs: the same guest at another moment of its host moved by 2.3 (ten pairs, one guest beside another).
	LEAST_FACTOR_ALONE = 3
	# Fewer tell nothing of a tenth of them.
	ENOUGH_SAMPLES = 20
	# As many on each side, and that all of B's are beyond all of A's is no accident (1 in 20 for one, and by that factor).
	ENOUGH_RUNS = 3
}

FNR == 1 {
	files++
	side = files <= of_a ? 1 : 2
	run = files <= of_a ? files : files - of_a
	runs[side] = run
}

$1 == "verdict" {
	codes[side, $2]++
	rank = $2 == 0 ? 0 : $2 == 1 ? 2 : 1
	if (!(side in worst) || rank > worst[side]) {
		worst[side] = rank
		worst_words[side] = $3
	}
}

$1 == "case" {
	if (!($3 in case_seen)) {
		case_seen[$3] = 1
		case_id[++cases] = $3
	}
	reports[side, $3]++
	n_status[side, $3, $5]++
	last_outcome[side, $3, $5] = $4
}

$1 == "metric" {
	key = $2 OFS $3
	if (!(key in metric_seen)) {
		metric_seen[key] = 1
		metric_key[++metrics] = key
		metric_unit[key] = $5
	}
	value[side, key, run] = $4
	has_value[side, key, run] = 1
}

$1 == "hist" {
	key = $2 OFS $3
	if (!(key in hist_seen)) {
		hist_seen[key] = 1
		hist_key[++hists] = key
		hist_unit[key] = $4
		where = $2
		if (sub(/[.]cpu[0-9]+$/, "", where))
			family[key] = where OFS $3
		members[family[key]] = members[family[key]] SUBSEP key
	}
	take_histogram(side, run, key, $5, $6)
}

# Quantiles of this run's samples, and its samples to those of its side. Of a bin, its middle: what is compared lies at least half an octave apart.
function take_histogram(side, run, key, per, text,    k, middle, total, sum) {
	total = bins_read(text)
	for (k = 1; k <= bins; k++) {
		middle = bin_value(bin[k], per, 0.5)
		sum += count[k]
		if (!((side, run, key, 10) in q) && sum >= total / 10)
			q[side, run, key, 10] = middle
		if (!((side, run, key, 5) in q) && sum >= total / 20)
			q[side, run, key, 5] = middle
		if (!((side, run, key, 50) in q) && sum >= total / 2)
			q[side, run, key, 50] = middle
	}
	samples[side, run, key] = total
}

# Sorts a[1..n] ascending.
function sort(a, n,    i, k, v) {
	for (i = 2; i <= n; i++) {
		v = a[i]
		for (k = i - 1; k > 0 && a[k] > v; k--)
			a[k + 1] = a[k]
		a[k + 1] = v
	}
}

# The p-quantiles of a side's runs, sorted into a; how many.
function quantiles(side, key, p, a,    r, n) {
	for (r = 1; r <= runs[side]; r++)
		if ((side, r, key, p) in q && samples[side, r, key] >= ENOUGH_SAMPLES)
			a[++n] = q[side, r, key, p]
	sort(a, n)
	return n + 0
}

function median(a, n) { return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2 }

# The middle one of a side's runs.
function quantile(side, key, p,    a, n) {
	n = quantiles(side, key, p, a)
	return n ? median(a, n) : -1
}

# How far load spreads samples: from the 5th percentile to the median; -1: unknown.
function spread(side, key,    low, middle) {
	low = quantile(side, key, 5)
	middle = quantile(side, key, 50)
	return low < 0 ? -1 : middle - low
}

# What load may have done: the widest of both sides, by this case on this CPU and on the others. What is later is asked as well, since a busy host
# may hold up one CPU of a guest for a whole case, and leave the others.
function load_of(key,    n, list, k, side, s, most) {
	most = -1
	n = split(key in family ? members[family[key]] : SUBSEP key, list, SUBSEP)
	for (k = 2; k <= n; k++)
		for (side = 1; side <= 2; side++) {
			s = spread(side, list[k])
			most = s > most ? s : most
		}
	return most
}

# Are the samples of side `later` later than those of side `earlier`? Sets why.
function is_later(key, earlier, later,    a, b, n, m, shift, low_a, low_b, load, least) {
	n = quantiles(earlier, key, 10, a)
	m = quantiles(later, key, 10, b)
	least = hist_unit[key] == "ns" ? LEAST_NS : 0
	if (n >= ENOUGH_RUNS && m >= ENOUGH_RUNS) {
		why = sprintf("the tenth percentile of each of %d runs against that of each of %d", m, n)
		return b[1] > LEAST_FACTOR * a[n] && b[1] - a[n] > least
	}
	low_a = median(a, n)
	low_b = median(b, m)
	shift = low_b - low_a
	load = load_of(key)
	why = sprintf("the tenth percentile against the other's median and the load's spread of %.4g %s", load, hist_unit[key])
	return low_b > quantile(earlier, key, 50) && shift > load && low_b > LEAST_FACTOR_ALONE * low_a && shift > least
}

function say(kind, id, name, unit, a, b, judgement, reason) {
	print kind, id, name, unit, a, b, judgement, reason
	if (judgement == "worse")
		failed = 1
}

# "pass", or "pass 3 fail 2" where runs differ
function statuses(side, id,    k, n, name, text) {
	n = split("pass xfail skip fail", name, " ")
	for (k = 1; k <= n; k++)
		if ((side, id, name[k]) in n_status)
			text = text (text == "" ? "" : " ") (name[k] == "fail" ? last_outcome[side, id, "fail"] : name[k]) \
				(runs[side] > 1 ? " " n_status[side, id, name[k]] : "")
	return text == "" ? "-" : text
}

function judge_case(id,    a, b, judgement, reason, good) {
	a = statuses(1, id)
	b = statuses(2, id)
	good = n_status[1, id, "pass"] + n_status[1, id, "xfail"]
	if (n_status[2, id, "fail"] && !n_status[1, id, "fail"]) {
		judgement = "worse"
		reason = "fails"
	} else if (!n_status[2, id, "fail"] && n_status[1, id, "fail"] && reports[2, id]) {
		judgement = "better"
		reason = "no longer fails"
	} else if (!reports[2, id]) {
		judgement = good ? "worse" : "changed"
		reason = "gone"
	} else if (!reports[1, id]) {
		judgement = "changed"
		reason = "new"
	} else {
		judgement = a == b || (runs[1] > 1 || runs[2] > 1) && (good > 0) == (n_status[2, id, "pass"] + n_status[2, id, "xfail"] > 0) ? "same" : "changed"
		reason = judgement == "changed" && (2, id, "skip") in n_status ? "a skip says nothing of the case" : ""
	}
	say("case", id, "", "", a, b, judgement, reason)
}

function judge_histogram(key,    part, a, b, judgement) {
	split(key, part, OFS)
	a = quantile(1, key, 10)
	b = quantile(2, key, 10)
	why = ""
	if (a < 0 || b < 0) {
		judgement = "untested"
		why = "fewer than " ENOUGH_SAMPLES " samples on a side"
	} else
		judgement = is_later(key, 1, 2) ? "worse" : is_later(key, 2, 1) ? "better" : "same"
	say("samples", part[1], part[2], hist_unit[key], a < 0 ? "" : sprintf("%.6g", a), b < 0 ? "" : sprintf("%.6g", b), judgement, why)
}

function judge_metric(key,    part, s, r, n, a, b, na, nb, judgement, gap, reason) {
	split(key, part, OFS)
	for (r = 1; r <= runs[1]; r++)
		if ((1, key, r) in has_value)
			a[++na] = value[1, key, r] + 0
	for (r = 1; r <= runs[2]; r++)
		if ((2, key, r) in has_value)
			b[++nb] = value[2, key, r] + 0
	sort(a, na)
	sort(b, nb)
	judgement = "untested"
	reason = "one value a run, and too few runs"
	if (na >= ENOUGH_RUNS && nb >= ENOUGH_RUNS) {
		# The farther apart than either is wide.
		gap = b[1] > a[na] ? b[1] - a[na] : a[1] > b[nb] ? a[1] - b[nb] : 0
		judgement = gap > a[na] - a[1] && gap > b[nb] - b[1] && gap > 0 ? "changed" : "same"
		reason = judgement == "same" ? "" : "farther apart than either side's runs; which is better nobody has said"
	}
	say("metric", part[1], part[2], metric_unit[key], na ? sprintf("%.6g", median(a, na)) : "", nb ? sprintf("%.6g", median(b, nb)) : "", judgement, reason)
}

END {
	print "kind", "id", "name", "unit", "a", "b", "judgement", "why"
	say("verdict", "", "", "", worst_words[1], worst_words[2], \
		worst[2] > worst[1] ? "worse" : worst[2] == worst[1] ? "same" : worst[2] == 0 ? "better" : "changed", runs[1] " and " runs[2] " runs")
	for (i = 1; i <= cases; i++)
		judge_case(case_id[i])
	for (i = 1; i <= hists; i++)
		judge_histogram(hist_key[i])
	for (i = 1; i <= metrics; i++)
		judge_metric(metric_key[i])
	exit failed
}
