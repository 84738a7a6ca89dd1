# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# The runs that gates have left: finding them. Needs common.sh.

RESULTS=${RESULTS:-$TOP/results}
absolute RESULTS

# run_dir RUN -> the directory of that run: a path, or a name below RESULTS
run_dir() {
	local dir
	for dir in "$1" "$RESULTS/$1"; do
		if [[ -f $dir/journal.log || -f $dir/records.tsv ]]; then
			(cd "$dir" && pwd -P)
			return
		fi
	done
	[[ -e $1 || -e $RESULTS/$1 ]] || die 2 "$1: no such run here or in $RESULTS"
	die 2 "$1 is no run of a gate: it has neither journal.log nor records.tsv"
}

# runs_in DIR -> the runs there, the oldest first, by name; links aren't runs
runs_in() {
	local dir
	for dir in "$1"/run-[0-9]*T[0-9]*Z-*/; do
		dir=${dir%/}
		[[ -L $dir || ! -d $dir ]] || printf '%s\n' "$dir"
	done
}
