# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Shared by the tests of gate, supervise and judge: a gate whose guest is fake-qemu.
# shellcheck disable=SC2154  # of bats: output, status

bats_load_library bats-support
bats_load_library bats-assert

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

# ktap_sound : report.ktap keeps the grammar of ktap.rst, plans included, and counts what the records count
ktap_sound() {
	awk -f "$HARNESS/report/report.awk" "$RUN/records.tsv" >"$RUN/report.ktap"
	awk '
		function fail(why) { print FILENAME ": line " FNR ": " why ": " $0; bad = 1 }
		FNR == 1 && $0 != "KTAP version 1" { fail("no version line") }
		FNR == 2 && !/^1\.\.[0-9]+$/ { fail("no plan") }
		FNR == 2 { plan = substr($1, 4); next }
		/^    KTAP version 1$/ { inside = 1; name = ""; sub_n = 0; next }
		/^    # Subtest: / { name = $3; next }
		/^    1\.\.[0-9]+$/ { sub_plan = substr($1, 4); next }
		/^(    )?#/ || FNR == 1 { next }
		!/^(    )?(not )?ok [0-9]+ [a-z0-9_.]+( # [^#]*)?$/ { fail("neither result nor diagnostic"); next }
		{
			number = $1 == "ok" ? $2 : $3
			id = $1 == "ok" ? $3 : $4
		}
		/^    / {
			if (number != ++sub_n) fail("number")
			leaves[/ # SKIP/ ? "skip" : $1 == "ok" ? "ok" : "bad"]++
			failed = failed || $1 != "ok"
			next
		}
		{
			if (number != ++n) fail("number")
			if (inside && (sub_n != sub_plan || id != name)) fail("subtest: plan or name")
			if (inside && ($1 == "ok") == failed) fail("a subtest is as good as its worst case")
			if (!inside) leaves[/ # SKIP/ ? "skip" : $1 == "ok" ? "ok" : "bad"]++
			inside = failed = 0
		}
		END {
			if (n != plan) fail("plan of programs")
			print leaves["ok"] + 0, leaves["bad"] + 0, leaves["skip"] + 0
			exit bad
		}' "$RUN/report.ktap" >"$RUN/counted" || {
		cat "$RUN/counted" "$RUN/report.ktap"
		return 1
	}
	[[ $(awk -F '\t' '$1 == "count" { print $2 + $3, $4, $5 }' "$RUN/records.tsv") == "$(<"$RUN/counted")" ]] || {
		cat "$RUN/counted" "$RUN/report.ktap"
		return 1
	}
}
