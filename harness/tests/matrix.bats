#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# harness/matrix: gates of fake guests, by GNU parallel and ssh as they are. A machine of --sshlogin is an sshd without a port, in namespaces of its own.
# shellcheck disable=SC2016,SC2119,SC2120

load helpers

setup() {
	fake_setup
	unset GUEST
	export TICKPROOF_FAKE=$HARNESS/tests/fake_matrix.sh
	OUT=$RESULTS/matrix
	program a.good 'nap 0.5' 'plan 2' 'pass x' 'pass y'
	program a.bad 'plan 1' 'fail x "it was <late>"' 'status=1'
	touch "$BATS_TEST_TMPDIR"/{one,two}.qcow2
	FILE=$BATS_TEST_TMPDIR/file
}

# matrix ARG... : run it; $status, $output
matrix() { run timeout 300 "$HARNESS/matrix" "$@"; }

# refuses TEXT ARG... : exit code 2 and one line that holds TEXT
refuses() {
	matrix "${@:2}"
	exits 2
	((${#lines[@]} == 1))
	assert_output --partial -- "$1"
}

# twelve : 2 images and 2 kernels on 3 guests, one of which fails
twelve() {
	printf '%s\n' '# as an example' 'guests = g1 g2' 'kernels=6.1 6.12' "images = $BATS_TEST_TMPDIR/*.qcow2" 'tests = a.good' '' \
		'guests = g3' 'kernels = 6.1 6.12' "images = $BATS_TEST_TMPDIR/one.qcow2 $BATS_TEST_TMPDIR/two.qcow2" 'tests = a.*' >"$FILE"
}

# index DIR -> all that a matrix says, but for times and machines
index() {
	cat "$1/index.md"
	jq 'del(.combinations[] | .seconds, .machine)' "$1/results.json"
}

# begun -> how many gates have begun
begun() { wc -l <"$FAKE_SCRIPTS/begun" 2>/dev/null || echo 0; }

# rows_at_least N : so many gates are judged
rows_at_least() { (($(compgen -G "$OUT/*/row" | wc -l) >= $1)); }

# no_scratch_left : no job has left what it worked on
no_scratch_left() { [[ -z $(compgen -G "$TICKPROOF_CACHE/.job.*") ]]; }

# nothing_runs : no gate and no guest of this test is left
nothing_runs() {
	local pid
	while read -r pid; do
		! kill -0 "$pid" 2>/dev/null || return 1
	done <"$FAKE_SCRIPTS/pids"
	! pgrep -f "RESULTS=$RESULTS\$|$OUT" >/dev/null
}

@test "what isn't understood is refused in one line" {
	refuses 'which guests?'
	refuses 'nosuch: no such guest' GUESTS=nosuch
	refuses 'unknown variable KERNEL;' GUESTS=g1 KERNEL=6.1
	refuses 'CPUS: 0: give numbers' GUESTS=g1 CPUS='2 0'
	refuses 'IMAGES: /nowhere: no such file' GUESTS=g1 IMAGES=/nowhere
	refuses 'IMAGES: no file matches /nowhere/*.img' GUESTS=g1 IMAGES='/nowhere/*.img'
	refuses 'KERNELS: /nowhere: no such file' GUESTS=g1 KERNELS=/nowhere
	refuses '--jobs: no such option' GUESTS=g1 --jobs
	refuses '--timeout x: give a number of seconds' GUESTS=g1 --timeout x
	refuses '--sshlogin: give a value' GUESTS=g1 --sshlogin
	refuses 'JOBS=0: give a number' GUESTS=g1 JOBS=0
	refuses 'take one of the two' --resume --anew
	refuses 'there is no matrix in' --resume
	refuses 'leave the file and the variables out' --resume GUESTS=g1
	refuses 'no such file, nor is it VARIABLE=value' nosuch
	refuses 'EXTRA_DIR=, EXPECTED= and MODULES= name stays on this machine' GUESTS=g1 EXTRA_DIR=. --sshlogin m1
	printf 'guests = g1\nGUESTS = g2\n' >"$FILE"
	refuses "$FILE:2: not a setting; known: guests" "$FILE"
	printf 'kernels = 6.1\n' >"$FILE"
	refuses "$FILE:1: the paragraph that ends here names no guests" "$FILE"
	printf '# nothing\n\n' >"$FILE"
	refuses 'no combinations in it' "$FILE"
	printf 'guests = g1\n' >"$FILE"
	refuses 'take one of the two' "$FILE" GUESTS=g2
}

@test "a file's paragraphs are products of their own; what is said beside it goes first" {
	twelve
	matrix -l "$FILE"
	exits 0
	((${#lines[@]} == 12))
	assert_line --partial "g2.two.qcow2                             g2 - $BATS_TEST_TMPDIR/two.qcow2 - TESTS=a.good BOOTS=1"
	assert_line --partial 'g3.6.12                                  g3 6.12 - - TESTS=a.\* BOOTS=1'
	matrix -l "$FILE" TESTS='b c' BOOTS=2
	((${#lines[@]} == 12))
	assert_line --partial 'g1.6.1                                   g1 6.1 - - TESTS=b\ c BOOTS=2'
	matrix -l GUESTS='g1 g1' CPUS='1 2'
	[[ $(awk '{ print $1 }' <<<"$output") == $'g1.1cpu\ng1.2cpu\ng1.1cpu-2\ng1.2cpu-2' ]]
	[[ ! -e $RESULTS ]]
}

@test "green, red and not judged: exit code, page, and the gates' own reports" {
	printf '%s\n' 'guests = g1' 'kernels = 6.1' 'tests = a.good' '' 'guests = g2' 'tests = b.none' >"$FILE"
	matrix "$FILE"
	exits 2
	assert_output --partial '2 combinations: 1 conform, 0 do not, 1 could not be judged'
	jq -e '.verdict.words == "COULD NOT BE JUDGED" and .combinations[1].sentence == "TESTS=b.none chooses no program; there are: a.bad a.good"' "$OUT/results.json"
	printf '%s\n' '' 'guests = g3' 'tests = a.bad' >>"$FILE"
	matrix "$FILE"
	exits 1
	tidy -q -e "$OUT/index.html"
	jq -e '.verdict.exit == 1 and ([.combinations[].exit] == [0, 2, 1]) and .counts == {combinations: 3, conform: 1, do_not: 1, not_judged: 1} and
		.combinations[2].counts == {pass: 0, xfail: 0, fail: 1, skip: 0}' "$OUT/results.json"
	grep -F '**DOES NOT CONFORM** `g3`: `a.bad.x: it was <late>`' "$OUT/index.md"
	xmllint --html --xpath '//tr[td[contains(., "it was <late>")]]//a/@href' "$OUT/index.html" 2>/dev/null | grep -F g3/run/report.html
	agree "$OUT/g1.6.1/run"
	[[ -s $OUT/g3/run/journal.log && -s $OUT/g2/gate.log ]]
	matrix GUESTS='g1 g2' TESTS=a.good
	exits 0
	[[ ! -e $OUT/g3 ]]
}

@test "a gate that takes too long is ended, and not judged" {
	program a.slow 'plan 1' 'nap 60'
	matrix GUESTS=g1 TESTS=a.slow SILENCE_TIMEOUT=60 --timeout 3
	exits 2
	assert_output --partial 'g1                               COULD NOT BE JUDGED'
	grep -F 'ended after 3 s, which is the limit' "$OUT/index.md"
	wait_for nothing_runs
}

@test "killed half-way and resumed: the same page as without; and no other matrix takes its place" {
	local whole
	twelve
	JOBS=4 matrix "$FILE"
	exits 1
	whole=$(index "$OUT")
	[[ $(begun) == 12 ]]
	rm -r "$FAKE_SCRIPTS/begun" "$OUT"
	JOBS=3 setsid "$HARNESS/matrix" "$FILE" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
	matrix=$!
	wait_for rows_at_least 4
	kill -KILL "$matrix"
	wait_for nothing_runs
	[[ ! -e $OUT/results.json ]]
	refuses 'was not finished: --resume goes on with it, --anew throws it away' "$FILE"
	JOBS=4 matrix --resume
	exits 1
	[[ $(index "$OUT") == "$whole" ]]
	# What was judged was not done again, and at most what was going on was begun twice.
	(($(begun) >= 12 && $(begun) <= 15))
	wait_for no_scratch_left
	matrix --resume
	exits 1
	[[ $(index "$OUT") == "$whole" ]]
	(($(begun) <= 15))
}

@test "at SIGTERM it ends its gates, and says how to go on" {
	twelve
	JOBS=2 setsid "$HARNESS/matrix" "$FILE" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
	matrix=$!
	wait_for rows_at_least 1
	kill -TERM "$matrix"
	wait "$matrix" || status=$?
	((status == 143))
	grep 'of 12 are judged; harness/matrix --resume goes on' "$BATS_TEST_TMPDIR/out"
	wait_for nothing_runs
	wait_for no_scratch_left
	# A job whose shell was just being started when its engine went begins nothing.
	run "$HARNESS/matrix" --job late 60 'GUEST=g1 TESTS=a.good' 1
	exits 143
	no_scratch_left
}

# machines : two machines m1, m2 by "ssh -F ssh", each with a home, a network and processes' view of its own; FILE m1.cut: no connection
machines() {
	local name
	((EUID == 0)) || skip 'needs root, to start sshd in namespaces'
	unshare -mn true 2>/dev/null || skip 'no namespaces here, which play the machines'
	mkdir -p /run/sshd
	cd "$BATS_TEST_TMPDIR" || return
	for name in machine user; do
		ssh-keygen -q -t ed25519 -N '' -f "$name"
	done
	cat >proxy <<'END'
#!/bin/bash
[[ ! -e $1.cut ]] || exit 1
echo $$ >>"$1.pids"
exec unshare -mn sh -c 'mount --bind "$0" ~ && exec "$@"' "$1" "$(PATH=$PATH:/usr/sbin command -v sshd)" -i -f "${1%/*}/sshd"
END
	chmod +x proxy
	printf '%s\n' "HostKey $PWD/machine" "AuthorizedKeysFile $PWD/user.pub" 'StrictModes no' 'UsePAM no' 'PidFile none' 'PermitRootLogin prohibit-password' \
		"SetEnv TICKPROOF_FAKE=$TICKPROOF_FAKE FAKE_SCRIPTS=$FAKE_SCRIPTS BOOT_TIMEOUT=5 SILENCE_TIMEOUT=1 NO_COLOR=1" >sshd
	for name in m1 m2; do
		mkdir "$name"
		echo "$name" >"$name/machine"
		echo "$name $(<machine.pub)" >>known
		printf '%s\n' "Host $name" "ProxyCommand $PWD/proxy $PWD/$name" "IdentityFile $PWD/user" 'IdentitiesOnly yes' "UserKnownHostsFile $PWD/known" \
			'GlobalKnownHostsFile none' 'ServerAliveInterval 1' 'ServerAliveCountMax 2' >>ssh
	done
	export SSH_CMD="ssh -F $PWD/ssh"
}

# busy MACHINE : a gate of the matrix runs there
busy() { grep -q " $1\$" "$FAKE_SCRIPTS/begun"; }

@test "two machines, one cut off on the way: its gates go to the other, none is lost, none counts twice" {
	local whole
	machines
	twelve
	JOBS=4 matrix "$FILE"
	whole=$(index "$OUT")
	rm "$FAKE_SCRIPTS/begun"
	"$HARNESS/matrix" "$FILE" --sshlogin 2/m1,2/m2 >out 2>&1 3>&- &
	matrix=$!
	wait_for busy m1
	# Not a word comes from there any more, and nobody gets in.
	touch m1.cut
	xargs kill -STOP <m1.pids || :
	wait "$matrix" || status=$?
	xargs kill -KILL <m1.pids || :
	cat out
	((status == 1))
	[[ $(index "$OUT") == "$whole" ]]
	[[ $(awk -F '\t' '{ print $1 }' "$OUT/matrix.tsv" | sort -u | wc -l) == 12 && $(wc -l <"$OUT/matrix.tsv") == 12 ]]
	[[ $(awk '$7 == 0 && $8 == 0 { print $1 }' "$OUT/joblog" | sort -u | wc -l) == 12 ]]
	busy m1 && busy m2
	# What ran there ran from what was brought along.
	[[ -e m2/.cache/tickproof/one.qcow2 && $(compgen -G "m2/.cache/tickproof/tickproof-*/whole") ]]
}
