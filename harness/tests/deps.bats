#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# What is missing is named, and installed where that is possible. apt-get is a fake that "installs" into bin/.

bats_require_minimum_version 1.5.0

setup() {
	export NO_COLOR=1
	HERE=$BATS_TEST_DIRNAME
	cd "$BATS_TEST_TMPDIR" || return
	mkdir bin
	# A PATH with what the library itself runs, and none of what it looks for.
	for tool in bash awk cat mktemp rm grep head tail dirname sort; do
		ln -s "$(command -v $tool)" bin/
	done
}

# need GROUP... : in a system of which only bin/ is seen
need() {
	PATH=$BATS_TEST_TMPDIR/bin bash -c 'set -euo pipefail; source "$0/../lib/common.sh"; source "$HARNESS/lib/deps.sh"
		need "$@"; echo satisfied' "$HERE" "$@"
}

# tool NAME LINE... : a command in that system
tool() {
	local name=$1
	shift
	{
		echo '#!/bin/bash'
		printf '%s\n' "$@"
	} >"bin/$name"
	chmod +x "bin/$name"
}

@test "nothing missing: nothing said" {
	tool stress-ng
	run need soak
	[ "$status" -eq 0 ]
	[ "$output" = satisfied ]
}

@test "without apt: one line with the missing commands, exit 2" {
	run need soak
	[ "$status" -eq 2 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ $output == *"missing: stress-ng; install them"* ]]
}

@test "with apt, as root: says what it installs, and installs it once" {
	[ "$EUID" -eq 0 ] || skip "needs root"
	tool apt-get "echo \"\$@\" >>calls" '[[ $* != *install* ]] || { echo "#!/bin/bash" >bin/stress-ng; /bin/chmod +x bin/stress-ng; }'
	run need soak
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = 'installing by apt: stress-ng' ]
	[ "${lines[1]}" = satisfied ]
	[ "$(cat calls)" = "$(printf '%s\n' '-q update' '-qy install --no-install-recommends stress-ng')" ]
}

@test "with apt, not as root: the command to run, exit 2" {
	local place
	tool apt-get
	# Where anybody may read, since the checkout may be closed to others.
	place=$(mktemp -d)
	chmod 755 "$place"
	cp -r bin "$HERE/../lib" "$place"
	# shellcheck disable=SC2016  # expanded inside
	run $( ((EUID)) || echo setpriv --reuid 65534 --regid 65534 --clear-groups) bash -c \
		'set -euo pipefail; source "$0/lib/common.sh"; source "$0/lib/deps.sh"; PATH=$0/bin; need soak' "$place"
	rm -r "$place"
	[ "$status" -eq 2 ]
	[[ $output == *"missing: stress-ng; run: sudo apt-get install --no-install-recommends stress-ng"* ]]
}

@test "an apt that fails, or installs nothing: exit 2" {
	[ "$EUID" -eq 0 ] || skip "needs root"
	tool apt-get 'echo "E: Unable to locate package"; exit 100'
	run need soak
	[ "$status" -eq 2 ]
	[[ ${lines[-1]} == *"apt-get could not install stress-ng: Unable to locate package"* ]]
	tool apt-get
	run need soak
	[ "$status" -eq 2 ]
	[[ ${lines[-1]} == *"still missing after apt-get install: stress-ng"* ]]
}

@test "a QEMU too old is named" {
	tool stress-ng
	tool qemu-system-x86_64 'echo "QEMU emulator version 5.2.0 (Debian 1:5.2)"'
	run need soak
	[ "$status" -eq 2 ]
	[[ $output == *"qemu-system-x86_64 is version 5.2.0; 7.0 or newer is needed"* ]]
	tool qemu-system-x86_64 'echo "QEMU emulator version 10.0.2"'
	run need soak
	[ "$status" -eq 0 ]
}

@test "every line of the table is a thing and a package" {
	run bash -c 'source "$0/../lib/common.sh"; source "$HARNESS/lib/deps.sh"
		for group in gate gate-arm64 check soak; do deps "$group"; done | awk "NF != 2 { print; bad = 1 } END { exit bad }"' "$HERE"
	[ "$status" -eq 0 ]
}
