# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Shared by the tests of gate, supervise and judge: a gate whose guest is fake-qemu.
# shellcheck disable=SC2154  # of bats: output, status

fake_setup() {
	HARNESS=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	export TICKPROOF_FAKE=$HARNESS/tests/fake.sh TICKPROOF_CACHE=$BATS_TEST_TMPDIR/cache
	export FAKE_SCRIPTS=$BATS_TEST_TMPDIR/programs RESULTS=$BATS_TEST_TMPDIR/results GUEST=fake
	export BOOT_TIMEOUT=5 SILENCE_TIMEOUT=1 DEAD_GRACE=1 SYSRQ_WAIT=1 CHANNEL_LIMIT=40000 NO_COLOR=1
	unset EXPECTED TESTS EXTRA_DIR CPUS KERNEL MODULES
	mkdir -p "$FAKE_SCRIPTS"
}

# program NAME LINE... : a test program of the guest; lines call fake-qemu's functions (plan, pass, fail, hang ...)
program() {
	local name=$1
	shift
	printf '%s\n' "$@" >"$FAKE_SCRIPTS/$name"
}

# expect LINE... : the expected file
expect() {
	export EXPECTED=$BATS_TEST_TMPDIR/expected.txt
	printf '%s\n' "$@" >"$EXPECTED"
}

# gate ARG... : run it; $status, $output
gate() { run "$HARNESS/gate" "$@"; }

# says TEXT : $output holds TEXT
says() {
	[[ $output == *"$1"* ]] || {
		printf 'not in the output: %s\n%s\n' "$1" "$output"
		return 1
	}
}

# exits CODE : as $status says, and on purpose
exits() {
	if ((status != $1)) || [[ $output == *unforeseen* ]]; then
		printf 'exit code %d, not %d\n%s\n' "$status" "$1" "$output"
		return 1
	fi
}

# lines_in FILE PATTERN -> how many lines of results/latest/FILE match
lines_in() { grep -c -- "$2" "$RESULTS/latest/$1"; }

# wait_for COMMAND... : until it succeeds, 10 s at most
wait_for() {
	local i
	for ((i = 0; i < 200; i++)); do
		"$@" >/dev/null 2>&1 && return
		read -r -t 0.05 <> <(:) || :
	done
	echo "never: $*"
	return 1
}

# no_scratch : no gate has left its scratch directory
no_scratch() { [[ -z $(compgen -G "$RESULTS/.boot.*") ]]; }
