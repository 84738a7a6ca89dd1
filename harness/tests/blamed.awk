# SPDX-License-Identifier: GPL-2.0-only
# The stages of a recorded run's sleeps (watch/perf.sh): whether those of each fault are latest in the stage that it delays, 7 of 10 of them.
# awk -v want='PROGRAM STAGE ...' -f blamed.awk boot1.tsv ...; prints what each is blamed on, and exits with 1 where that is another stage.

BEGIN { FS = "\t"; FIRST = 7; LAST = 11; ENOUGH = 7 }

NR == 1 { split($0, column) }

NR > 1 && $2 == 1 {
	latest = FIRST
	for (k = FIRST + 1; k <= LAST; k++)
		if ($k + 0 > $latest + 0)
			latest = k
	late[$1, column[latest]]++
}

END {
	n = split(want, word, " ")
	for (i = 1; i < n; i += 2) {
		found = ""
		for (k = FIRST; k <= LAST; k++)
			if (late[word[i], column[k]] >= ENOUGH)
				found = found " " column[k]
		print word[i] ": blamed on" found ", delayed in " word[i + 1] " (" late[word[i], word[i + 1]] + 0 " sleeps)"
		bad = bad || found != " " word[i + 1]
	}
	exit bad
}
