#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Runs the tests installed beside this script, as kselftest's run_kselftest.sh does. It needs a POSIX
# shell and a few ordinary tools (busybox has them all), no compiler and no make.
# Exit: 0 nothing failed, 1 something did, 2 usage or refusal.
set -uf

# usage - print the options
usage() {
	cat <<EOF
Usage: $0 [OPTIONS]
  -t | --test COLLECTION:TEST   run TEST from COLLECTION; may be repeated
  -c | --collection COLLECTION  run the safe tests of COLLECTION; may be repeated
  -s | --summary                only the summary lines; the tests' own output goes to output.log
  -p | --per-test-log DIR       the same with a file for each test, in DIR
  -o | --override-timeout N     seconds each test may take, instead of its settings file's figure; 0 for no limit
  -d | --dry-run                only say what would be run
  -l | --list                   list the tests
  --destructive                 run all tests that change the machine or may hang it
  -h | --help                   this text
Without -t or -c: all safe tests, as whatever user. Tests that change the machine or may hang it run only when named
by -t or asked for by --destructive, as root, with I_KNOW_THIS_MAY_HANG_THE_MACHINE=yes in the environment.
To choose cases of a program: KSELFTEST_<PROGRAM>_ARGS, e.g. KSELFTEST_SYSFS_CONTRACT_ARGS='*.cpu1'.
EOF
}

# die MESSAGE... - one line on stderr, exit 2
die() {
	echo "run_kselftest.sh: $*" >&2
	exit 2
}

# may_destroy - end the script unless this is root and the risk was accepted
may_destroy() {
	[ "${I_KNOW_THIS_MAY_HANG_THE_MACHINE:-}" = yes ] ||
		die "refused: these tests change the machine and may hang it;" \
			"as root, set I_KNOW_THIS_MAY_HANG_THE_MACHINE=yes if it may be lost"
	[ "$(id -u)" = 0 ] || die "refused: tests that change the machine need root"
}

# tier_of TEST - disruptive or hang-risk and what it changes; nothing for a safe test
tier_of() {
	while read -r tier test changes; do
		[ "$test" != "$1" ] || echo "$tier: $changes"
	done <kselftest-destructive.txt
}

# prefix - each line of stdin at once as a diagnostic (sed and awk may wait for more)
prefix() {
	while IFS= read -r line || [ -n "$line" ]; do
		printf '# %s\n' "$line"
	done
}

# setting DIR NAME - the number that this collection's settings give NAME
setting() {
	sed -n "s/^$2=\([0-9][0-9]*\)\$/\1/p" "$1/settings" 2>/dev/null
}

# timeout_of DIR - seconds a program of that collection may take on this machine
timeout_of() {
	seconds=$(setting "$1" timeout)
	each=$(setting "$1" timeout_per_cpu)
	cpus=$(nproc --all 2>/dev/null || getconf _NPROCESSORS_CONF 2>/dev/null || echo 1)
	echo "${override:-$((${seconds:-45} + ${each:-0} * cpus))}"
}

# limited SECONDS COMMAND... - run COMMAND no longer than that; Ctrl-C reaches it
limited() {
	seconds=$1
	shift
	if [ "$seconds" = 0 ] || ! command -v timeout >/dev/null; then
		"$@"
	elif timeout --foreground 0 true 2>/dev/null; then
		# The inner one ends the program's whole process group, the outer one passes signals on to it.
		timeout --foreground 0 timeout -k 10 "$seconds" "$@"
	else
		timeout "$seconds" "$@"
	fi
}

# end_left_behind NAME - end whatever still runs with TICKPROOF_RUN=NAME in its environment: a test's daemon outlives the test, holds its
# output open and may go on changing the system
end_left_behind() {
	# One that is just being started shows no environment: it takes several looks without any to be sure.
	looks=0
	while [ "$looks" -lt 3 ]; do
		left=$(
			set +f
			grep -ls "TICKPROOF_RUN=$1" /proc/[0-9]*/environ | tr -cd '0-9\n'
		)
		looks=$((looks + 1))
		[ -n "$left" ] || continue
		looks=0
		# shellcheck disable=SC2086  # one word for each process
		kill -KILL $left 2>/dev/null
	done
}

# run_one NUMBER COLLECTION:TEST - run it in its directory, print its result line, count it
run_one() {
	dir=${2%%:*}
	name=${2#*:}
	header="selftests: $dir: $name"
	limit=$(timeout_of "$dir")
	args=
	eval "args=\${KSELFTEST_$(echo "$name" | tr 'a-z.-' 'A-Z__')_ARGS:-}"
	echo "# $header"
	if [ -n "$logs" ]; then
		exec 4>"$logs/$(echo "$dir" | tr / .).$name.log" || exit 2
	fi
	started=$(date +%s)
	# shellcheck disable=SC2086  # the arguments are words
	rc=$({ {
		(cd "$dir" && export TICKPROOF_RUN="$$-$1." && limited "$limit" "./$name" $args </dev/null 2>&1 3>&- 4>&-)
		echo $? >&3
		end_left_behind "$$-$1."
	} | prefix >&4; } 3>&1)
	took=$(($(date +%s) - started))
	case $rc in
	0)
		passed=$((passed + 1))
		echo "ok $1 $header"
		;;
	4)
		skipped=$((skipped + 1))
		echo "ok $1 $header # SKIP"
		;;
	124 | 137 | 143) # as timeout(1) ends it, and a program that was killed otherwise
		failed=$((failed + 1))
		if [ "$limit" != 0 ] && [ "$took" -ge "$limit" ]; then
			echo "not ok $1 $header # TIMEOUT $limit seconds"
		else
			echo "not ok $1 $header # exit=$rc"
		fi
		;;
	*)
		failed=$((failed + 1))
		echo "not ok $1 $header # exit=$rc"
		;;
	esac
}

if [ "${1:-}" = --may-destroy ]; then
	may_destroy
	exit 0
fi

here=$(cd "$(dirname "$0")" && pwd) || exit 2
case ${1:-} in
-h | --help) ;;
*) [ -r "$here/kselftest-list.txt" ] || die "nothing is installed beside this script; make run_tests or make install does that" ;;
esac
tests='' logs='' summary='' dryrun='' override='' destructive='' list=''
# needs_name OPTION VALUE - end the script if VALUE cannot name anything here: grep would take two lines for two names
needs_name() {
	case $2 in
	'' | *[!A-Za-z0-9_.:/-]*) die "$1: no such name; -l lists the tests" ;;
	esac
}
# needs_value OPTION COUNT - end the script if COUNT says that nothing follows OPTION
needs_value() {
	[ "$2" -ge 2 ] || die "$1 needs a value; -h shows the options"
}
while [ $# -gt 0 ]; do
	case $1 in
	-t | --test)
		needs_value "$1" $#
		needs_name "$1" "$2"
		cut -d" " -f2 "$here/kselftest-destructive.txt" | cat - "$here/kselftest-list.txt" | grep -qxF -e "$2" ||
			die "no such test '$2'; -l lists them"
		tests="$tests $2"
		shift
		;;
	-c | --collection)
		needs_value "$1" $#
		needs_name "$1" "$2"
		found=$(grep -e "^$2:" "$here/kselftest-list.txt") || die "no such collection '$2'; -l lists the tests"
		tests="$tests $found"
		shift
		;;
	-p | --per-test-log)
		needs_value "$1" $#
		{ mkdir -p "$2" && logs=$(cd "$2" && pwd) && [ -w "$logs" ]; } 2>/dev/null || die "cannot write to directory '$2'"
		shift
		;;
	-o | --override-timeout)
		needs_value "$1" $#
		case $2 in *[!0-9]* | '') die "'$2' is not a number of seconds" ;; esac
		override=$2
		shift
		;;
	-s | --summary) summary=yes ;;
	-d | --dry-run) dryrun=yes ;;
	-l | --list) list=yes ;;
	--destructive) destructive=yes ;;
	-h | --help)
		usage
		exit 0
		;;
	*) die "unknown option '$1'; -h shows the options" ;;
	esac
	shift
done
cd "$here" || exit 2

# One bare name on each line, as LISA reads it.
if [ -n "$list" ] && [ -z "$destructive" ]; then
	cat kselftest-list.txt
	exit 0
elif [ -n "$list" ]; then
	sed 's/^\([^ ]*\) \([^ ]*\) \(.*\)/\2 # \1: \3/' kselftest-destructive.txt
	exit 0
fi

if [ -n "$destructive" ]; then
	tests="$tests $(cut -d' ' -f2 kselftest-destructive.txt)"
elif [ -z "$tests" ]; then
	tests=$(cat kselftest-list.txt)
fi
# shellcheck disable=SC2086  # one word for each test
set -- $tests
[ $# -gt 0 ] || die "there is no test to run here"

risky=''
for test in "$@"; do
	tier=$(tier_of "$test")
	[ -z "$tier" ] || risky="$risky#   $test: $tier
"
done
if [ -n "$dryrun" ]; then
	printf '%s\n' "$@"
	exit 0
fi
[ -z "$risky" ] || may_destroy
exec 4>&1
if [ -n "$summary" ] && [ -z "$logs" ]; then
	(: >output.log) 2>/dev/null || die "cannot write $here/output.log; use -p DIR"
	exec 4>output.log
fi

echo "KTAP version 1"
echo "1..$#"
if [ -n "$risky" ]; then
	printf '%s\n%s' "# These tests change this machine, and those of tier hang-risk may hang it for good:" "$risky"
fi
[ -z "$logs$summary" ] || echo "# the tests' own output: ${logs:-$here/output.log}"
! [ -w /dev/kmsg ] || echo "kselftest: running tickproof's tests" >/dev/kmsg
trap 'echo "# interrupted"; exit 130' INT
trap 'echo "# interrupted"; exit 143' TERM HUP
number=0 passed=0 failed=0 skipped=0
for test in "$@"; do
	number=$((number + 1))
	run_one "$number" "$test"
done
echo "# Totals: pass:$passed fail:$failed xfail:0 xpass:0 skip:$skipped error:0"
[ "$failed" = 0 ]
