#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# docs/contracts.md and the cases' rules say the same: which case makes which assertion.
# shellcheck disable=SC2154  # of bats: status, output

setup_file() {
	HARNESS=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	unset MAKEFLAGS MAKELEVEL MFLAGS OUTPUT O CROSS_COMPILE SYSROOT
	export HARNESS RULES=$BATS_FILE_TMPDIR/rules ROWS=$BATS_FILE_TMPDIR/rows
	make -s -C "$HARNESS/../selftests" OUTPUT="$BATS_FILE_TMPDIR/build"
	# case <tab> rule, a case of each CPU once
	find "$BATS_FILE_TMPDIR/build" -mindepth 2 -maxdepth 2 -type f -executable | sort | while read -r program; do
		"$program" -r 2>/dev/null || :
	done | sed -n 's/^\([a-z0-9_]*\.[a-z0-9_]*\.[a-z0-9_]*\)\(\.cpu[0-9]*\)\?\t/\1\t/p' | sort -u >"$RULES"
	# assertion <tab> what its last column names, with the surface
	awk -F ' *[|] *' '$2 ~ /^[A-K][0-9]+$/ {
		n = split($(NF - 1), word, "`")
		for (i = 2; i <= n; i += 2)
			print $2 "\t" (word[i] ~ /^(sysfs_contract|unbind_fallback|hotplug_restore)([.]|$)/ ? "clockevents." : "") word[i]
		print $2
	}' "$HARNESS/../docs/contracts.md" >"$ROWS"
}

@test "the programs list their rules, and the page its assertions" {
	(($(wc -l <"$RULES") > 150))
	(($(cut -f 1 "$ROWS" | sort -u | wc -l) > 110))
}

@test "each assertion that a rule cites is on the page, with that case" {
	run awk -F '\t' '
		NR == FNR { there[$1] = 1; if (NF > 1) names[$1, $2] = 1; next }
		{
			rule = $2
			split($1, part, ".")
			while (match(rule, /(^|[^A-Za-z0-9_])[A-K][0-9]+([^A-Za-z0-9_]|$)/)) {
				id = substr(rule, RSTART, RLENGTH)
				gsub(/[^A-K0-9]/, "", id)
				rule = substr(rule, RSTART + RLENGTH - 1)
				if (!(id in there))
					print $1 " cites " id ", which is not on the page"
				# The last case of every program, as the page says.
				else if (id == "B13" && part[3] == "log")
					continue
				else if (!((id, $1) in names) && !((id, part[1] "." part[2]) in names))
					print id " does not name " $1
			}
		}' "$ROWS" "$RULES"
	[[ $status -eq 0 && -z $output ]] || {
		echo "$output"
		false
	}
}

@test "each case that the page names is there" {
	run awk -F '\t' '
		NR == FNR { split($1, part, "."); known[$1] = known[part[1] "." part[2]] = 1; next }
		NF > 1 && $2 ~ /^[a-z0-9_]+[.][a-z0-9_]+([.][a-z0-9_]+)?$/ && $2 !~ /[.]bats$/ && !($2 in known) {
			print $1 " names " $2 ", which is no case" }' "$RULES" "$ROWS"
	[[ $status -eq 0 && -z $output ]] || {
		echo "$output"
		false
	}
}
