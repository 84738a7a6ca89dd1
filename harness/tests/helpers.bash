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

# judge_setup : the same, with the functions of judge.sh here
judge_setup() {
	fake_setup
	# shellcheck source=/dev/null
	. "$HARNESS/lib/common.sh"
	# shellcheck source=/dev/null
	. "$HARNESS/judge/judge.sh"
	export LC_ALL=C
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

# seal : stdin, a journal whose numbers and end are wrong, as a whole one in $RUN/journal.log
seal() {
	awk '
		$5 == ">" && $6 == "end" { next }
		{
			text = substr($0, index($0, $5 " "))
			print $1, $2, $3, ++n[$3], text
		}' >"$RUN/journal.log"
	printf '%s %s %s end %s\n' "$(tail -n 1 "$RUN/journal.log" | cut -d ' ' -f 1-3)" "$(($(tail -n 1 "$RUN/journal.log" | cut -d ' ' -f 4) + 1))" '>' \
		"$(cksum <"$RUN/journal.log")" >>"$RUN/journal.log"
}

# write LINE... : a journal of as many boots as there are "> boot" lines, each ended by "> off"; "> x" is an event, anything else the guest's
write() {
	local line clock=1700000000 boot=0 last=''
	for line in '> gate guest=fake' '> plan a.one' '> plan a.two' '> left-out a.three' '> boot qemu' '# guest ready' '> ready' "$@" '> off'; do
		[[ $line != '> off' || $last != '> off' ]] || continue
		last=$line
		clock=$((clock + 1))
		[[ $line != "> boot "* ]] || boot=$((boot + 1))
		[[ $line != "> run "* && $line != "# EXIT "* ]] || line+=" token"
		[[ $line == '> '* ]] || line="< $line"
		printf '%d.000000 %d.00 %d 0 %s\n' "$clock" "$((clock - 1699990000))" "$boot" "$line"
	done | seal
}

# one LINE... : a journal in which program a.one says these lines and exits as the last argument says, and a.two is good
one() {
	local code=${*: -1}
	write '> run a.one' '# RUN a.one' "${@:1:$#-1}" "# EXIT a.one $code" \
		'> run a.two' '# RUN a.two' 1..1 '# BEGIN a.two.x' 'ok 1 a.two.x' '# EXIT a.two 0' '# guest done'
}

# reported_by FORMAT RUN... -> for each run a line "PASSED XFAILED FAILED SKIPPED WORDS" as that report says, counted case by case
# shellcheck disable=SC2016
reported_by() {
	local format=$1
	shift
	case $format in
	records) awk -F '\t' '$1 == "count" { counts = $2 " " $3 " " $4 " " $5 } $1 == "verdict" { print counts, $3 }' "${@/%//records.tsv}" ;;
	ktap)
		# A program is a leaf where it has no subtest.
		awk '
			function tell() { print n["pass"] + 0, n["xfail"] + 0, n["fail"] + 0, n["skip"] + 0, words }
			FNR == 1 && NR > 1 { tell(); split("", n); words = ""; inside = 0 }
			/^    KTAP version/ { inside = 1; next }
			/^# (CONFORMS|DOES NOT CONFORM|COULD NOT BE JUDGED)/ { words = $0; sub(/^# /, "", words); sub(/:.*/, "", words) }
			!/^(    )?(not )?ok / { next }
			!/^    / && inside { inside = 0; next }
			{ n[/ # SKIP/ ? "skip" : / # XFAIL/ ? "xfail" : / *not / && !/^ *ok/ ? "fail" : "pass"]++ }
			END { tell() }' "${@/%//report.ktap}"
		;;
	junit)
		xmllint --xpath 'concat(count(//testcase[../@name != "tickproof"][not(*)]), " ", count(//testcase[system-out][not(failure | error | skipped)]),
			" ", count(//testcase[../@name != "tickproof"][failure | error]), " ", count(//skipped), " ", //property[@name = "verdict"]/@value)' "${@/%//junit.xml}"
		;;
	junit-sums)
		# What the testsuites say of themselves, without the one that holds the verdict.
		xmllint --xpath 'concat(sum(//testsuite[@name != "tickproof"]/@tests) - sum(//testsuite/@skipped) -
			sum(//testsuite[@name != "tickproof"]/@failures) - sum(//testsuite[@name != "tickproof"]/@errors) - count(//testcase[system-out][not(failure | error)]),
			" ", count(//testcase[system-out][not(failure | error)]), " ",
			sum(//testsuite[@name != "tickproof"]/@failures) + sum(//testsuite[@name != "tickproof"]/@errors), " ", sum(//testsuite/@skipped), " ",
			//property[@name = "verdict"]/@value)' "${@/%//junit.xml}"
		;;
	json)
		jq -r '[(.cases | (map(select(.status == "pass")), map(select(.status == "xfail")), map(select(.status == "fail")), map(select(.status == "skip")))
			| length), .verdict.words] | join(" ")' "${@/%//results.json}"
		;;
	json-counts) jq -r '"\(.counts.pass) \(.counts.xfail) \(.counts.fail) \(.counts.skip) \(.verdict.words)"' "${@/%//results.json}" ;;
	facts) jq -r '.verdict.words' "${@/%//facts.json}" ;;
	markdown)
		awk 'FNR == 1 { words = $0; sub(/^## /, "", words); sub(/: .*/, "", words); seen = 0 }
			/^\| [0-9]+ \| [0-9]+ \| [0-9]+ \| [0-9]+ \|$/ && !seen++ { print $2, $4, $6, $8, words }' "${@/%//summary.md}"
		;;
	html)
		xmllint --html --xpath 'concat(count(//section[@aria-labelledby = "cases"]//li/strong[@class = "good"]), " ",
			count(//section[@aria-labelledby = "cases"]//li/strong[@class = "warn" and . != "SKIP"]), " ",
			count(//section[@aria-labelledby = "cases"]//li/strong[@class = "bad"]), " ",
			count(//section[@aria-labelledby = "cases"]//li/strong[. = "SKIP"]), " ", string(//p[@class = "words"]))' "${@/%//report.html}" 2>/dev/null
		;;
	html-counts)
		xmllint --html --xpath 'concat(string(//p[@id = "counts"]), " ", string(//p[@class = "words"]))' "${@/%//report.html}" 2>/dev/null |
			awk '{
				passed = $1
				xfailed = $3 == "(" || $3 ~ /^\(/ ? substr($3, 2) : 0
				for (i = 2; i <= NF; i++)
					if ($i == "failed,") failed = $(i - 1); else if ($i == "skipped.") { skipped = $(i - 1); break }
				words = $(i + 1)
				for (i += 2; i <= NF; i++)
					words = words " " $i
				print passed - xfailed, xfailed, failed, skipped, words
			}'
		;;
	openmetrics)
		awk '
			/^tickproof_cases/ { match($0, /status="[a-z]+"/); n[substr($0, RSTART + 8, RLENGTH - 9)] = $NF }
			/^tickproof_verdict_exit_code/ { match($0, /words="[A-Z ]*"/); words = substr($0, RSTART + 7, RLENGTH - 8) }
			/^# EOF/ { print n["pass"], n["xfail"], n["fail"], n["skip"], words; split("", n); words = "" }' "${@/%//metrics.prom}"
		;;
	esac
}

# named FORMAT RUN... -> the same, after the run's name
named() { paste -d ' ' <(printf '%s:\n' "${@:2}") <(reported_by "$@"); }

# agree RUN... : every report of each of these runs has the same counts and the same verdict
agree() {
	local format want=$BATS_TEST_TMPDIR/named
	[[ $(reported_by records "$@" | wc -l) == "$#" ]]
	named records "$@" >"$want"
	for format in ktap junit junit-sums json json-counts markdown html html-counts openmetrics; do
		named "$format" "$@" | diff "$want" - || {
			echo "$format (>) differs from the records (<)"
			return 1
		}
	done
	named facts "$@" | diff <(sed 's/^\([^ ]*\) [0-9]* [0-9]* [0-9]* [0-9]* /\1 /' "$want") -
}

# valid RUN... : each report of these runs is what its format demands; of many, each tenth results.json is held against its schema.
# BATS_JUNIT_XSD: one more schema for junit.xml, as Jenkins' own (junit-10.xsd of its xunit-plugin).
valid() {
	local bad schema
	local -a xml=("${@/%//junit.xml}") json=("${@/%//results.json}") html=("${@/%//report.html}") md=("${@/%//summary.md}") prom=("${@/%//metrics.prom}")
	for schema in "$HARNESS/tests/junit.xsd" ${BATS_JUNIT_XSD:+"$BATS_JUNIT_XSD"}; do
		xmllint --noout --schema "$schema" "${xml[@]}" 2>"$BATS_TEST_TMPDIR/complaints" || {
			grep -v ' validates$' "$BATS_TEST_TMPDIR/complaints" | head -n 5
			return 1
		}
	done
	[[ $(jq -r .schema "${json[@]}" | grep -cx tickproof-results) == "$#" ]]
	for ((bad = 0; bad < $#; bad++)); do
		(($# < 20 || bad % 10 == 0)) || unset 'json[bad]'
	done
	jq -n -r --argfile schema "$HARNESS/../docs/results.schema.json" -f "$HARNESS/tests/schema.jq" "${json[@]}" | tee "$BATS_TEST_TMPDIR/complaints"
	[[ ! -s $BATS_TEST_TMPDIR/complaints ]]
	tidy -q -e "${html[@]}" || return 1
	awk 'FNR > 60 { print FILENAME ": more than 60 lines"; exit 1 }' "${md[@]}"
	openmetrics_valid "${prom[@]}"
	# Nothing of the guest's is an element or an attribute, and nothing is asked for from elsewhere.
	! grep -nE '<(script|img|iframe|object|embed|form|base)[ >]|<[^>]* (src|on[a-z]+)=|<[^>]*href="[^#jd]|@import' "${html[@]}" || return 1
	! grep -l '[^ -~	]' "${xml[@]}" "${json[@]}" "${html[@]}" "${md[@]}" "${prom[@]}"
}

# openmetrics_valid FILE... : the text format's grammar; each family declared once, its series together and each of its own; # EOF at the end
openmetrics_valid() {
	awk '
		function fail(why) { print FILENAME ": line " FNR ": " why ": " $0; bad = 1; exit }
		FNR == 1 {
			if (NR > 1 && !done) fail("no # EOF in the file before this")
			done = 0
			family = ""
			split("", families)
			split("", seen)
		}
		done { fail("after the end") }
		$0 == "# EOF" { done = 1; next }
		$1 == "#" && $2 == "TYPE" && $4 == "gauge" && !($3 in families) { families[$3] = 1; family = $3; next }
		$1 == "#" && $2 == "UNIT" && $3 == family && substr($3, length($3) - length($4)) == "_" $4 { next }
		$1 == "#" && $2 == "HELP" && $3 == family { next }
		!match($0, /^[a-z_]+\{([a-z_0-9]+="([^"\\]|\\\\|\\"|\\n)*",?)+\} (-?[0-9.]+(e[-+]?[0-9]+)?|[-+]Inf)$/) { fail("no sample") }
		{ name = $0; sub(/\{.*/, "", name); series = $0; sub(/ [^ ]*$/, "", series) }
		name != family { fail("outside its family") }
		series in seen { fail("a second time") }
		{ seen[series] = 1 }
		END { if (!bad && !done) fail("no # EOF"); exit bad }' "$@"
}
