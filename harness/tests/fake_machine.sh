# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# As fake.sh, for HOST=: programs are scripts that run for real, by the real agent, on "a machine" that is this one (fake-ssh).
# shellcheck disable=SC2034
. "$HARNESS/tests/fake.sh"

build_tests() {
	local program
	for program in "$FAKE_SCRIPTS"/*.*; do
		program=${program##*/}
		{
			printf '#!/bin/bash\nprogram=%s\n. "%s/machine_words"\n' "$program" "$HARNESS/tests"
			cat "$FAKE_SCRIPTS/$program"
		} >"$FAKE_SCRIPTS/made"
		install -D "$FAKE_SCRIPTS/made" "$(built "$1")/${program/.//}"
	done
}

userland_programs() {
	mkdir -p "$1"
	cp "$(command -v bash)" "$(command -v busybox)" "$1/"
	cp "$(command -v env)" "$1/confine"
}
