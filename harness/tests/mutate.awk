# SPDX-License-Identifier: GPL-2.0-only
# Mutants of a journal: awk -v seed=N -v count=N -v whole=0|1 -f mutate.awk journal.log, in a directory that has the directories
# 1 to count; writes N/journal.log in each. One change in one place: a line or a block lost, doubled, moved, exchanged, cut, garbled, forged, a
# word changed, the rest cut off. whole: numbers and end put right after it, as if the guest or the host had written it so.

function random(n) {
	state = state * 16807 % 2147483647
	return int(state / 2147483647 * n)
}

function pick(list,    word, n) {
	n = split(list, word, "|")
	return word[random(n) + 1]
}

# A line like one that guest or host would write there, about something that this journal knows.
function forged(k,    stamps, id, program, form) {
	match(line[k], /^[0-9.]+ [0-9.]+ [0-9]+ [0-9]+ /)
	stamps = substr(line[k], 1, RLENGTH)
	id = ids ? known_id[random(ids) + 1] : "a.b.c"
	program = plans ? known_program[random(plans) + 1] : "a.b"
	form = pick("< ok " random(30) " ID|< not ok " random(30) " ID|< # BEGIN ID|< # EXIT PROGRAM 0 TOKEN|< # EXIT PROGRAM 0|" \
		"< # RUN PROGRAM|< # guest ready|< # guest done|< # DEAD |< # DEAD cpu=1: gone|< 1.." random(30) "|< 1..0 # SKIP|< ok " random(30) \
		" ID # SKIP no|< # BEGIN |< |< # fact cpu1.verdict=alive|< # stamp 1 1|> off|> ready|> run PROGRAM TOKEN|> boot x|> end 1 1|" \
		"> plan PROGRAM|> left-out PROGRAM|> HANG ID so|> PANIC ID so|> again so|> ended after DEAD|> console so|> gate guest=x|> NOBOOT so|> SETUP so")
	sub(/ID/, id, form)
	sub(/PROGRAM/, program, form)
	sub(/TOKEN/, token == "" ? "0" : token, form)
	return stamps form
}

# Another word in a line's place k.
function reworded(text,    word, n, w, i, out, was) {
	n = split(text, word, " ")
	w = random(n) + 1
	was = word[w]
	while (word[w] "" == was "")
		if (word[w] ~ /^[0-9]+$/ && random(2))
			word[w] += random(2) ? 1 : -1
		else
			word[w] = pick("ok|not|#|0|1|4|139|<|>|PASS|SKIP|XFAIL|DEAD|HANG|again|off|run|ready|done|BEGIN|EXIT|RUN|" known_id[random(ids) + 1] "|" \
				known_program[random(plans) + 1] "|" token)
	for (i = 1; i <= n; i++)
		out = out (i > 1 ? " " : "") word[i]
	return out
}

function garbled(text,    at, other) {
	at = random(length(text)) + 1
	do
		other = sprintf("%c", random(3) ? 32 + random(95) : 1 + random(254))
	while (other == substr(text, at, 1) || other == "\n")
	return substr(text, 1, at - 1) other substr(text, at + 1)
}

# The lines of mutant m into out[1..outs].
function mutate(m,    kind, k, j, i, to) {
	kind = (m - 1) % 12
	# Most of them where it matters most: at events and results, from the last on.
	k = random(3) ? weighty[weights - turn[kind]++ % weights] : random(lines - 1) + 1
	j = (k + random(lines - 1)) % lines + 1
	to = k + random(10)
	to = to < lines ? to : lines
	outs = 0
	for (i = 1; i <= lines; i++) {
		if (kind == 0 && i == k)
			continue
		else if (kind == 1 && i == k)
			out[++outs] = line[i]
		else if (kind == 2 && (i == k || i == k + 1)) {
			out[++outs] = line[i == k ? k + 1 : k]
			continue
		} else if (kind == 3 && (i == k || i == j)) {
			out[++outs] = line[i == k ? j : k]
			continue
		} else if (kind == 4 && i == k) {
			# The rest cut off, most often within a line.
			if (random(3))
				out[++outs] = substr(line[i], 1, random(length(line[i])) + 1)
			return
		} else if (kind == 5 && i == k) {
			out[++outs] = garbled(line[i])
			continue
		} else if (kind == 6 && i == k) {
			out[++outs] = reworded(line[i])
			continue
		} else if (kind == 7 && i == k)
			out[++outs] = forged(i)
		else if (kind == 8 && i >= k && i <= to)
			continue
		else if (kind == 9 && i == to) {
			out[++outs] = line[i]
			for (j = k; j < to; j++)
				out[++outs] = line[j]
		}
		else if (kind == 10 && i == k) {
			out[++outs] = substr(line[i], 1, random(length(line[i])) + 1)
			continue
		} else if (kind == 11) {
			if (i == k)
				continue
			if (i == j)
				out[++outs] = line[k]
		}
		out[++outs] = line[i]
	}
}

# Numbers and end as they should be for these lines.
function put_right(    i, head, n, bytes, kept, rest) {
	for (i = 1; i <= outs; i++) {
		n = split(out[i], head, " ")
		if (head[5] == ">" && head[6] == "end")
			continue
		if (match(out[i], /^[0-9.]+ [0-9.]+ [0-9]+ [0-9]+ /)) {
			rest = substr(out[i], RLENGTH + 1)
			out[i] = head[1] " " head[2] " " head[3] " " ++number[head[3]] " " rest
		}
		out[++kept] = out[i]
		bytes += length(out[i]) + 1
	}
	split(out[kept], head, " ")
	out[kept + 1] = head[1] " " head[2] " " head[3] " " number[head[3]] + 1 " > end 0 " bytes
	outs = kept + 1
	for (i in number)
		delete number[i]
}

{
	line[++lines] = $0
	if ($5 == ">" ? $6 !~ /^(left-out|end$)/ : / < (not ok|ok|# (RUN|EXIT|DEAD|guest)|1\.\.)/ && !/clockevents\.sysfs_contract/)
		weighty[++weights] = lines
	if ($5 == "<" && $6 == "#" && $7 == "BEGIN")
		known_id[++ids] = $8
	if ($5 == ">" && $6 == "plan")
		known_program[++plans] = $7
	if ($5 == ">" && $6 == "run")
		token = $8
}

END {
	state = seed
	for (m = 1; m <= count; m++) {
		mutate(m)
		if (whole)
			put_right()
		file = m "/journal.log"
		for (i = 1; i <= outs; i++)
			print out[i] >file
		close(file)
	}
}
