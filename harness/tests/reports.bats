#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The reports: of every kind of run all formats say the same, each is valid, whatever the guest wrote, and of any size in bounds.
# Mutated journals go through all of them in journals.bats.
# shellcheck disable=SC1003,SC2016,SC2030,SC2031

load helpers

setup() {
	judge_setup
	RUN=$BATS_TEST_TMPDIR/run EXPECTED=$BATS_TEST_TMPDIR/expected.txt
	mkdir -p "$RUN"
}

# reported : judge $RUN's journal, make all reports, and see that they are valid and agree
reported() {
	judge "$EXPECTED"
	report
	valid "$RUN"
	agree "$RUN"
	[[ ! -e $RUN/.plots && ! -e $RUN/.part ]]
}

A='# BEGIN a.one.a' B='# BEGIN a.one.b.cpu1'

@test "every kind of run: all formats tell of the same counts and the same verdict" {
	local journal kind kinds=0
	for journal in "$BATS_TEST_DIRNAME"/journals/*.log.xz; do
		kind=$(basename "$journal" .log.xz)
		RUN=$BATS_TEST_TMPDIR/$kind
		mkdir "$RUN"
		xz -dc "$journal" >"$RUN/journal.log"
		: >"$EXPECTED"
		[[ $kind != unmet ]] || echo 'extra.good.one FAIL expires=2999-12-31 it does not' >"$EXPECTED"
		reported
		kinds=$((kinds + 1))
	done
	((kinds == 13))
}

@test "nothing but skips, a void boot, expected failures, an end in DEAD" {
	write '> run a.one' '# RUN a.one' 1..1 "$A" 'ok 1 a.one.a # SKIP no such timer' '# EXIT a.one 4' \
		'> run a.two' '# RUN a.two' '1..0 # SKIP needs root' '# EXIT a.two 4' '# guest done'
	reported
	# Who counts failures only sees one: nothing was judged.
	[[ $(xmllint --xpath 'string(/testsuites/@errors)' "$RUN/junit.xml") == 1 ]]
	write '> run a.one' '# RUN a.one' 1..1 "$A" '> again the appliance stood still' '> off' '> boot qemu' '# guest ready' '> ready' \
		'> run a.one' '# RUN a.one' 1..1 "$A" 'ok 1 a.one.a' '# EXIT a.one 0' \
		'> run a.two' '# RUN a.two' 1..1 '# BEGIN a.two.x' 'ok 1 a.two.x' '# EXIT a.two 0' '# guest done'
	reported
	grep -q 'Boot 1: .*void.*the appliance stood still' "$RUN/report.html"
	[[ $(jq -r '.boots[0].ended' "$RUN/results.json") == 'again the appliance stood still' ]]
	echo 'a.one.a FAIL expires=2999-12-31 kernel=6.1..6.12 known & <listed>' >"$EXPECTED"
	one 1..1 "$A" 'not ok 1 a.one.a # broken' 1
	edit_kernel 6.5
	reported
	[[ $(jq -c '.counts' "$RUN/results.json") == '{"pass":1,"xfail":1,"fail":0,"skip":0}' ]]
	grep -q '2999-12-31' "$RUN/report.html"
	: >"$EXPECTED"
	write '> run a.one' '# RUN a.one' 1..3 "$A" '# DEAD cpu=1 device=dummy_timer' '> ended after DEAD' '> off'
	reported
}

# edit_kernel RELEASE : the journal's gate names that kernel
edit_kernel() {
	sed -i "s/gate guest=fake/gate kernel=$1/" "$RUN/journal.log"
	cp "$RUN/journal.log" "$RUN/edited"
	seal <"$RUN/edited"
}

@test "hostile words: markup, control bytes, no UTF-8, a line of 4096 bytes, Markdown, templates" {
	local long evil
	printf -v long '%4000s' ''
	for evil in '</pre><script>alert(1)</script><img src=x onerror=alert(1)>' $'\e[31m \001\002 \xff\xfe \xc3\x28' "${long// /<}" \
		']]></failure></testcase>&amp;&#0;&bogus;' '`` | [x](javascript:alert(1)) @everyone #1 **x** <!--' '"} 1\n# EOF \' "' OR ''='" '\1 & \\& \0 $(id) %s%n'; do
		one 1..4 "# fact cpu1.device_before=$evil" "# fact cpu1.interrupts=$evil, $evil" "# metric a.one.a x=1 ${evil%% *}" "$evil" "# $evil" \
			"$A" "not ok 1 a.one.a # $evil" "$B" "ok 2 a.one.b.cpu1 # SKIP $evil" '# BEGIN a.one.c' "ok 3 a.one.c" \
			'# BEGIN a.one.d' "ok 4 a.one.d # XFAIL $evil" 1
		edit_kernel 6.5
		reported
		sed -i "s/alert/alarm/" "$RUN/report.html"
		[[ $(xmllint --html --xpath 'count(//script | //img | //iframe | //*[@onerror])' "$RUN/report.html" 2>/dev/null) == 0 ]]
	done
	# A backslash and a quotation mark stay what they are.
	one 1..1 "$A" '# metric a.one.a x=1 a\b"c' 'ok 1 a.one.a' 0
	reported
	grep -qF 'unit="a\\b\"c"' "$RUN/metrics.prom"
	[[ $(jq -r '.cases[0].metrics[0].unit' "$RUN/results.json") == 'a\b"c' ]]
}

@test "numbers of any size, twice, and histograms" {
	one 1..1 "$A" '# metric a.one.a x=1e999 ns' '# metric a.one.a x=-1e999 ns' '# metric a.one.a y=+5. ppm' '# metric a.one.a y=7 ppm' '# metric a.one.a z=3' \
		'# hist a.one.a late ns 8 0:2 25:2 98:4 159:1' 'ok 1 a.one.a' 0
	reported
	[[ $(grep -c 'name="y"' "$RUN/metrics.prom") == 1 ]]
	grep -q 'tickproof_measured_ratio.*name="y"} 7e-06' "$RUN/metrics.prom"
	[[ $(jq -c '.cases[0].histograms' "$RUN/results.json") == '[{"name":"late","unit":"ns","per_octave":8,"bins":[[0,2],[25,2],[98,4],[159,1]]}]' ]]
}

@test "a histogram that is none breaks the protocol" {
	local bad
	for bad in 'a.one.a late ns 8' 'a.one.a late ns 3 1:1' 'a.one.a late ns 8 2:1 1:1' 'a.one.a late ns 8 1:1 1:1' 'a.one.a late ns 8 512:1' \
		'a.one.a late ns 8 1:0' 'a.one.a late ns 8 1:1.5' 'a.one.a late ns 8 1:99999999999999' 'a.two.x late ns 8 1:1' 'a.one.a la/te ns 8 1:1' \
		'a.one.a late n$s 8 1:1' "a.one.a late ns 8$(printf ' %d:1' {0..64})"; do
		one 1..1 "$A" "# hist $bad" 'ok 1 a.one.a' 0
		reported
		[[ $(verdict_code) == 2 ]] || {
			echo "accepted: $bad"
			return 1
		}
		grep -q "a histogram that can't be read in a.one" "$RUN/records.tsv"
	done
}

@test "a histogram of lateness is a picture; what is taken back is none" {
	write '> run a.one' '# RUN a.one' 1..1 "$A" '# hist a.one.a gone ns 8 1:1' '> again so' '> off' '> boot qemu' '# guest ready' '> ready' \
		'> run a.one' '# RUN a.one' 1..1 "$A" '# fact cpu1.device_before=x' '# hist a.one.a late ns 8 144:3 160:7' 'ok 1 a.one.a' '# EXIT a.one 0' \
		'> run a.two' '# RUN a.two' 1..1 '# BEGIN a.two.x' 'ok 1 a.two.x' '# EXIT a.two 0' '# guest done'
	sed -i 's/a\.one/clockevents.unbind_fallback/g; s/unbind_fallback\.a/unbind_fallback.baseline.cpu1/g' "$RUN/journal.log"
	cp "$RUN/journal.log" "$RUN/edited"
	seal <"$RUN/edited"
	reported
	[[ $(grep -c '^hist' "$RUN/records.tsv") == 1 ]]
	[[ $(xmllint --html --xpath 'count(//section[@aria-labelledby = "lateness"]//svg[@role = "img"]//path)' "$RUN/report.html" 2>/dev/null) -gt 3 ]]
}

@test "each failure leads to its line of the journal, and to the console's words" {
	local id number
	for kind in fail panic; do
		RUN=$BATS_TEST_TMPDIR/$kind
		mkdir "$RUN"
		xz -dc "$BATS_TEST_DIRNAME/journals/$kind.log.xz" >"$RUN/journal.log"
		reported
		number=$(xmllint --html --xpath 'string(//section[@aria-labelledby = "failed"]//a[1]/@href)' "$RUN/report.html" 2>/dev/null)
		number=${number#\#L}
		[[ $(sed -n "${number}p" "$RUN/journal.log") == *"extra.$kind."* ]]
		xmllint --html --xpath "string(//*[@id = 'L$number'])" "$RUN/report.html" 2>/dev/null | grep -q "extra.$kind."
		[[ $(jq -r '.cases[] | select(.status == "fail") | .journal_line' "$RUN/results.json") == "$number" ]]
	done
	# Every link on the page leads somewhere.
	while read -r id; do
		grep -qE "id=\"${id#\#}\"" "$RUN/report.html"
	done < <(grep -o 'href="#[^"]*"' "$RUN/report.html" | cut -d '"' -f 2 | sort -u)
	grep -q 'href="#console-' "$RUN/report.html"
}

# large CPUS CASES LINES : a journal of so many of each
large() {
	awk -v cpus="$1" -v cases="$2" -v notes="$3" '
		function say(text) { printf "%.6f %.2f %d %d %s\n", 1700000000 + ++n / 1000, 10000 + n / 1000, boot, 0, text }
		BEGIN {
			say("> gate guest=large")
			say("> plan clockevents.unbind_fallback")
			boot = 1
			say("> boot qemu"); say("< # guest ready"); say("> ready")
			say("> run clockevents.unbind_fallback token"); say("< # RUN clockevents.unbind_fallback")
			say("< 1.." cases)
			for (i = 0; i < cpus; i++) {
				say("< # fact cpu" i ".device_before=Hyper-V clockevent")
				say("< # fact cpu" i ".device_after=lapic-deadline")
				say("< # fact cpu" i ".interrupts=HVS stop, LOC +195")
				say("< # fact cpu" i ".verdict=alive")
			}
			for (i = 0; i < cases; i++) {
				id = "clockevents.unbind_fallback." (i < cpus ? "baseline" : i < 2 * cpus ? "alive" : "c" int(i / cpus)) ".cpu" i % cpus
				say("< # BEGIN " id)
				if (i < 2 * cpus) {
					bins = ""
					for (b = 0; b < 40; b++)
						bins = bins " " 130 + b ":" 1 + (b * 7 + i) % 5
					say("< # hist " id " late ns 8" bins)
				}
				if (i == 2 * cpus)
					for (a = 0; a < cpus; a++)
						for (b = a + 1; b < cpus; b++)
							say("< # metric " id " offset_cpu" a "_cpu" b "=" (a - b) * 1.5 " ns")
				say("< # metric " id " late_p50=412000.5 ns")
				for (k = 0; k < notes / cases; k++)
					say("< # what this case has to say, number " k)
				say("< " (i % 50 == 3 ? "not ok " : "ok ") i + 1 " " id (i % 50 == 3 ? " # late by " i " ms" : i % 3 ? "" : " # SKIP no such timer " i % 40))
			}
			say("< # EXIT clockevents.unbind_fallback 1 token"); say("< # guest done"); say("> off")
		}' | seal
}

@test "64 CPUs and 3,000 cases make a page of at most 3 MB" {
	large 64 3000 0
	reported
	(($(wc -c <"$RUN/report.html") <= 3000000))
	[[ $(xmllint --html --xpath 'count(//section[@aria-labelledby = "lateness"]//figure)' "$RUN/report.html" 2>/dev/null) == 64 ]]
}

# cpu_seconds FILE -> user and system time of the children, as `times` has written it there
cpu_seconds() { sed -n '2{s/m/ /g;s/s//g;p;}' "$1" | awk '{ print $1 * 60 + $2 + $3 * 60 + $4 }'; }

@test "100,000 lines: all reports in 5 s of CPU time on a usual machine, judged as fast, and in little memory" {
	local reading judging reporting
	large 4 2000 96000
	(($(wc -l <"$RUN/journal.log") >= 100000))
	# What this machine can do, at this time: an awk that splits each line takes 0.05 to 0.1 s for it.
	(
		for _ in {1..20}; do awk '{ n += NF } END { print n }' "$RUN/journal.log" >/dev/null; done
		times >"$RUN/times"
	)
	reading=$(cpu_seconds "$RUN/times")
	# shellcheck disable=SC2030
	(
		ulimit -v 1500000
		judge "$EXPECTED"
		times >"$RUN/times"
	)
	judging=$(cpu_seconds "$RUN/times")
	(
		ulimit -v 1500000
		report
		times >"$RUN/times"
	)
	reporting=$(cpu_seconds "$RUN/times")
	echo "judged in $judging s, reported in $reporting s, read 20 times in $reading s"
	valid "$RUN"
	agree "$RUN"
	# Here about 2.1 times that each; what is not linear takes hundreds.
	awk -v r="$reading" -v j="$judging" -v p="$reporting" 'BEGIN { print j / r, p / r; exit !(r > 0 && j <= 5 * r && p <= 5 * r) }'
}

# page WIDTH SCHEME NAME : what Chromium makes of the report: NAME.png, and on stdout the page's own width and its console's complaints
page() {
	local scheme=1
	[[ $2 == light ]] || scheme=0
	timeout 60 chromium-headless-shell --no-sandbox --disable-gpu --hide-scrollbars --enable-logging=stderr --user-data-dir="$BATS_TEST_TMPDIR/profile" \
		--blink-settings=preferredColorScheme=$scheme --window-size="$1,1200" --screenshot="$RUN/$3.png" "file://$RUN/report.html" 2>&1 | grep CONSOLE || :
	# The same page with a script of ours, and so without the policy that forbids it.
	sed -e '/Content-Security-Policy/d' -e 's|</body>|<script>document.title = document.documentElement.scrollWidth + " of " + innerWidth + " " + \
		getComputedStyle(document.body).backgroundColor</script></body>|' "$RUN/report.html" >"$RUN/measured.html"
	timeout 60 chromium-headless-shell --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$BATS_TEST_TMPDIR/profile" \
		--blink-settings=preferredColorScheme=$scheme --window-size="$1,1200" --dump-dom "file://$RUN/measured.html" 2>/dev/null | sed -n '/<title>/{s|.*<title>\(.*\)</title>.*|\1|p;q;}'
}

@test "the page in Chromium: at desktop and phone width, light and dark" {
	local width scheme said background
	large 8 120 0
	sed -i "0,/# late by/s/# late by/# $(printf 'x%.0s' {1..300}) by/" "$RUN/journal.log"
	cp "$RUN/journal.log" "$RUN/edited"
	seal <"$RUN/edited"
	reported
	for width in 1280 390; do
		for scheme in light dark; do
			background='rgb(255, 255, 255)'
			[[ $scheme == light ]] || background='rgb(13, 17, 23)'
			said=$(page $width $scheme $width-$scheme)
			[[ $said == "$width of $width $background" ]] || {
				echo "$width $scheme: $said"
				return 1
			}
			# A blank one of that size has 8 kB.
			(($(wc -c <"$RUN/$width-$scheme.png") > 30000))
		done
	done
}
