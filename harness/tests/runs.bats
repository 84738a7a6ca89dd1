#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# show, compare and results: what they refuse, what they say, and that compare distinguishes a busy host from a late timer. lateness.tsv.xz has the cases
# and histograms of real gates (GUEST=x86, clockevents.unbind_fallback, both cores kept busy by others): five of a healthy guest, "soak", and three
# whose CPU 1 has each timer interrupt 5 ms late (MODULES="timer_fault fault=late size=5000000 cpu=1"), "faulty".
# shellcheck disable=SC2016,SC2030,SC2031

load helpers

setup() {
	judge_setup
	mkdir -p "$RESULTS"
}

# make_run NAME LINE... : a run of that name in RESULTS, judged and reported, whose program a.one says these lines
make_run() {
	RUN=$RESULTS/$1
	mkdir -p "$RUN"
	one "${@:2}"
	judge /dev/null
	report
}

# recorded : the recorded gates, as DIR/soak/run-... and DIR/faulty/run-...
recorded() {
	DIR=$BATS_TEST_TMPDIR/recorded
	mkdir -p "$DIR"
	xz -dc "$BATS_TEST_DIRNAME/lateness.tsv.xz" | cut -f 1 | uniq | while read -r; do
		mkdir -p "$DIR/$REPLY"
	done
	(cd "$DIR" && xz -dc "$BATS_TEST_DIRNAME/lateness.tsv.xz" | awk '{ file = substr($0, 1, index($0, "\t") - 1) "/records.tsv"; print substr($0, index($0, "\t") + 1) >file }')
}

# refuses COMMAND TEXT ARG... : exit code 2 and one line that holds TEXT
refuses() {
	run "$HARNESS/$1" "${@:3}"
	exits 2
	((${#lines[@]} == 1))
	assert_output --partial -- "$2"
}

A='# BEGIN a.one.a' B='# BEGIN a.one.b.cpu1'

@test "what isn't understood is refused in one line" {
	refuses show 'latest: no such run'
	refuses show 'nosuch: no such run here or in' nosuch
	refuses show '--shut: no such option' --shut
	mkdir "$BATS_TEST_TMPDIR/empty"
	refuses show 'is no run of a gate' "$BATS_TEST_TMPDIR/empty"
	refuses compare 'give two runs' one
	refuses compare 'neither a run nor a directory of runs' "$BATS_TEST_TMPDIR/empty" "$BATS_TEST_TMPDIR/empty"
	refuses compare 'nosuch: no such run' nosuch nosuch
	refuses compare '--xml: no such option' --xml a b
	refuses results 'say what to do'
	refuses results 'list: no such command' list
	refuses results 'give a number of runs to keep' prune
	refuses results 'give a number of runs to keep' prune --keep all
	refuses results 'no such directory' prune --keep 1 RESULTS=/nowhere
	make_run run-20260101T000000Z-x 1..1 "$A" 'ok 1 a.one.a' 0
	sed -i '$d' "$RUN/records.tsv"
	refuses compare 'ends without a verdict' "$RUN" "$RUN"
	refuses show 'is not whole' "$RUN"
}

@test "show: the table, the report, the gate's exit code; judged again, by the expectations of today" {
	make_run run-20260101T000000Z-x 1..1 "$A" 'not ok 1 a.one.a # woke early' 1
	ln -s run-20260101T000000Z-x "$RESULTS/latest"
	run "$HARNESS/show"
	exits 1
	assert_output --partial 'DOES NOT CONFORM: a.one.a: woke early'
	run "$HARNESS/show" --report run-20260101T000000Z-x
	exits 1
	assert_output --partial 'not ok 1 a.one.a # woke early'
	expect 'a.one.a FAIL expires=2999-12-31 known'
	rm "$RUN/records.tsv"
	run "$HARNESS/show" --again
	exits 0
	assert_output --partial 'expected: known'
	agree "$RUN"
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/bash\necho "$1" >%q\n' "$BATS_TEST_TMPDIR/opened" >"$BATS_TEST_TMPDIR/bin/xdg-open"
	chmod +x "$BATS_TEST_TMPDIR/bin/xdg-open"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH run "$HARNESS/show" --open
	exits 0
	[[ $(<"$BATS_TEST_TMPDIR/opened") == */run-20260101T000000Z-x/report.html ]]
}

@test "compare: cases that fail, are mended, come and go" {
	make_run a 1..2 "$A" 'ok 1 a.one.a' "$B" 'not ok 2 a.one.b.cpu1 # late' 1
	make_run b 1..2 "$A" 'not ok 1 a.one.a # early' '# BEGIN a.one.c' 'ok 2 a.one.c' 1
	run "$HARNESS/compare" a b
	exits 1
	assert_output --partial 'worse    a.one.a: pass -> FAIL (fails)'
	assert_output --partial 'changed  a.one.b.cpu1: FAIL -> - (gone)'
	assert_output --partial 'changed  a.one.c: - -> pass (new)'
	run "$HARNESS/compare" a a
	exits 0
	assert_output --partial '0 worse, 0 better, 0 changed'
	make_run c 1..2 "$A" 'ok 1 a.one.a' "$B" 'ok 2 a.one.b.cpu1' 0
	run "$HARNESS/compare" a c
	exits 0
	assert_output --partial 'better   verdict: DOES NOT CONFORM -> CONFORMS'
	assert_output --partial 'better   a.one.b.cpu1: FAIL -> pass (no longer fails)'
	run "$HARNESS/compare" --tsv c a
	exits 1
	assert_line $'verdict\t\t\t\tCONFORMS\tDOES NOT CONFORM\tworse\t1 and 1 runs'
	"$HARNESS/compare" --json c b >"$BATS_TEST_TMPDIR/json" || true
	[[ $(jq '.worse' "$BATS_TEST_TMPDIR/json") == 3 ]]
	"$HARNESS/compare" --html c b >"$BATS_TEST_TMPDIR/html" || true
	tidy -q -e "$BATS_TEST_TMPDIR/html"
	grep -q '<p class="words">3 worse</p>' "$BATS_TEST_TMPDIR/html"
}

@test "compare: ten pairs of one guest on a busy host, both ways: no alarm" {
	local a b pairs=0
	recorded
	for a in "$DIR"/soak/*; do
		for b in "$DIR"/soak/*; do
			[[ $a != "$b" ]] || continue
			run "$HARNESS/compare" "$a" "$b"
			exits 0
			pairs=$((pairs + 1))
		done
	done
	((pairs == 20))
}

@test "compare: late by 5 ms on one CPU: an alarm on that CPU, and on no other" {
	recorded
	run "$HARNESS/compare" "$DIR/soak" "$DIR/faulty"
	exits 1
	assert_output --partial 'worse    clockevents.unbind_fallback.baseline.cpu1 late'
	assert_output --partial 'worse    clockevents.unbind_fallback.alive.cpu1 late'
	refute_output --partial 'cpu0 late'
	assert_output --partial '2 worse, 0 better'
	# The other way about it is better, and no alarm.
	run "$HARNESS/compare" "$DIR/faulty" "$DIR/soak"
	exits 0
	assert_output --partial 'better   clockevents.unbind_fallback.baseline.cpu1 late'
}

@test "compare: two single runs on a quiet host, each sleep 5 ms late" {
	local quiet='# hist a.one.b.cpu1 late ns 8 130:10 131:20 132:15 134:4 150:1' other='# hist a.one.b.cpu0 late ns 8 130:12 131:18 132:16 133:4'
	local B0='# BEGIN a.one.b.cpu0' n
	make_run a 1..2 "$B0" "$other" 'ok 1 a.one.b.cpu0' "$B" "$quiet" 'ok 2 a.one.b.cpu1' 0
	make_run b 1..2 "$B0" "$other" 'ok 1 a.one.b.cpu0' "$B" '# hist a.one.b.cpu1 late ns 8 178:49 179:1' 'ok 2 a.one.b.cpu1' 0
	run "$HARNESS/compare" a b
	exits 1
	assert_output --partial 'worse    a.one.b.cpu1 late: 0.086 ms -> 5.505 ms (10th percentile)'
	assert_output --partial '1 worse'
	# Spread from there to 5 ms, as where the tick comes to a late timer's help, or a busy host holds up this CPU: one run can't tell.
	make_run c 1..2 "$B0" "$other" 'ok 1 a.one.b.cpu0' "$B" '# hist a.one.b.cpu1 late ns 8 140:2 148:3 156:5 160:10 168:20 174:10' 'ok 2 a.one.b.cpu1' 0
	run "$HARNESS/compare" a c
	exits 0
	# Three can.
	mkdir "$RESULTS/early" "$RESULTS/late"
	for n in 1 2 3; do
		cp -r "$RESULTS/a" "$RESULTS/early/run-2026010${n}T000000Z-x"
		cp -r "$RESULTS/c" "$RESULTS/late/run-2026010${n}T000000Z-x"
	done
	run "$HARNESS/compare" early late
	exits 1
	assert_output --partial 'worse    a.one.b.cpu1 late'
	assert_output --partial '1 worse'
	# The other CPU as well: that is how a busy host looks.
	make_run d 1..2 "$B0" '# hist a.one.b.cpu0 late ns 8 130:2 131:3 150:5 160:10 168:20 174:10' 'ok 1 a.one.b.cpu0' \
		"$B" '# hist a.one.b.cpu1 late ns 8 140:2 148:3 156:5 160:10 168:20 174:10' 'ok 2 a.one.b.cpu1' 0
	run "$HARNESS/compare" a d
	exits 0
	# Few samples tell nothing.
	make_run e 1..2 "$B0" "$other" 'ok 1 a.one.b.cpu0' "$B" '# hist a.one.b.cpu1 late ns 8 178:19' 'ok 2 a.one.b.cpu1' 0
	run "$HARNESS/compare" --tsv a e
	exits 0
	assert_line --partial 'fewer than 20 samples on a side'
}

@test "compare: a host that held up one CPU of the guest for a whole case: no alarm from single runs" {
	local B0='# BEGIN a.one.b.cpu0'
	# Of two real gates of one guest, at a load of 8 and of 16 on 2 cores: in the second, half of CPU 0's sleeps were 40 ms late and more.
	make_run a 1..2 "$B0" '# hist a.one.b.cpu0 late ns 8 145:1 147:1 150:1 153:1 158:1 159:1 161:1 165:1 167:1 168:6 169:1 170:1 171:1 172:1 173:1 174:2 175:4 176:1 177:4 178:1 179:3 180:1 181:1 183:1 185:1 188:1 192:1 194:2 195:1 196:1 197:2 198:1 201:2' \
		'ok 1 a.one.b.cpu0' "$B" '# hist a.one.b.cpu1 late ns 8 145:1 147:2 148:3 149:4 150:3 152:2 153:2 159:1 168:1 169:1 171:1 173:1 174:1 175:1 178:1 179:2 180:2 181:1 183:1 184:1 185:3 186:1 188:1 189:4 190:1 192:1 197:1 199:1 206:2 209:1 213:1 222:1' \
		'ok 2 a.one.b.cpu1' 0
	make_run b 1..2 "$B0" '# hist a.one.b.cpu0 late ns 8 176:1 179:2 183:1 189:3 193:1 194:2 195:1 196:3 197:1 198:3 199:2 200:3 201:4 202:3 203:1 204:3 205:1 206:1 208:3 209:1 211:2 212:2 213:1 214:2 216:2 245:1' \
		'ok 1 a.one.b.cpu0' "$B" '# hist a.one.b.cpu1 late ns 8 144:1 146:1 147:3 148:3 150:1 153:1 154:1 157:1 162:1 165:4 166:1 167:1 168:2 170:2 171:2 176:1 179:7 180:1 181:1 182:1 184:3 185:3 186:1 187:1 189:2 200:1 201:1 205:1 207:1' \
		'ok 2 a.one.b.cpu1' 0
	run "$HARNESS/compare" a b
	exits 0
}

@test "compare: all sleeps on one CPU a little later, as at another moment of one host: no alarm from single runs" {
	local B0='# BEGIN a.one.b.cpu0'
	# Of two real gates of one guest, one after the other, each beside one more.
	make_run a 1..2 "$B0" '# hist a.one.b.cpu0 late ns 8 145:1 147:4 148:6 149:4 150:4 151:3 152:8 153:2 154:2 155:1 158:1 160:3 163:1 164:1 166:1 169:1 170:1 173:1 177:2 180:1 183:1 184:1' \
		'ok 1 a.one.b.cpu0' "$B" '# hist a.one.b.cpu1 late ns 8 140:1 141:7 142:3 143:4 144:12 145:4 146:2 149:1 150:2 151:3 152:2 154:1 159:1 171:1 173:1 177:1 178:1 179:1 182:1 183:1' \
		'ok 2 a.one.b.cpu1' 0
	make_run b 1..2 "$B0" '# hist a.one.b.cpu0 late ns 8 142:1 143:4 144:8 145:4 146:1 147:6 148:2 149:3 150:4 152:6 153:1 154:1 155:1 156:1 157:1 160:1 161:1 168:1 169:1 176:1 178:1' \
		'ok 1 a.one.b.cpu0' "$B" '# hist a.one.b.cpu1 late ns 8 149:2 150:1 151:3 152:13 153:12 154:6 156:2 166:1 168:1 169:1 171:1 174:1 176:1 177:2 183:1 185:2' \
		'ok 2 a.one.b.cpu1' 0
	run "$HARNESS/compare" a b
	exits 0
}

@test "results prune: the oldest go; latest, and what is no run, stays" {
	local n
	for n in 1 2 3 4 5; do
		mkdir "$RESULTS/run-2026010${n}T000000Z-x"
	done
	mkdir "$RESULTS/expected" "$RESULTS/run-of-my-own"
	ln -s run-20260101T000000Z-x "$RESULTS/latest"
	run "$HARNESS/results" prune --keep 2
	exits 0
	assert_output --partial '2 runs deleted, 3 kept'
	[[ $(cd "$RESULTS" && echo *) == 'expected latest run-20260101T000000Z-x run-20260104T000000Z-x run-20260105T000000Z-x run-of-my-own' ]]
	exec {lock}<>"$RESULTS/.lock"
	flock -n "$lock"
	refuses results 'a gate is running in' prune --keep 0
	exec {lock}>&-
}
