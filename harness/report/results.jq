# SPDX-License-Identifier: GPL-2.0-only
# judge.awk's records (jq -R -n) -> results.json, by docs/results.schema.json. Each record is looked at a few times, whatever their number.

def number: if . == null or . == "" then null else (ltrimstr("+") | tonumber? // null) end;
def text: if . == "" then null else . end;

# {ID: [what f makes of each record of this kind and ID]}
def by_id(records; f): reduce ([records] | group_by(.[1])[]) as $group ({}; .[$group[0][1]] = [$group[] | f]);

[inputs | split("\t")] as $records
# Of a large run most are diagnostics, and most others of three kinds.
| [$records[] | select(.[0] == "diag")] as $diags
| [$records[] | select(.[0] != "diag")] as $others
| [$others[] | select(.[0] | . != "case" and . != "metric" and . != "line")] as $few
| def many($kind): $others[] | select(.[0] == $kind);
def of($kind): $few[] | select(.[0] == $kind);
by_id(many("metric"); {name: .[2], value: .[3] | number, unit: (.[4] // "")}) as $metrics
| by_id(of("hist"); {name: .[2], unit: .[3], per_octave: .[4] | number, bins: [.[5] | split(" ")[] | split(":") | map(tonumber)]}) as $histograms
# How many of them come before each program's record: the last ones are its own.
| [0, foreach $records[] as $r (0; if $r[0] == "diag" then . + 1 else . end; select($r[0] == "program"))] as $said
| (reduce of("fact") as $r ({}; .[$r[3]][$r[1]] = $r[2])) as $facts
| [many("case")] as $cases
| ($cases | reduce .[] as $c ({}; .[$c[2]] = true)) as $known
| {
	schema: "tickproof-results",
	schema_version: 1,
	started: ([of("start")[1] | number // empty][0] // 0 | if . < 4e9 then floor else 0 end | todate),
	gate: (reduce of("gate") as $r ({}; .[$r[1]] = $r[2])),
	verdict: ([of("verdict")][0] | {exit: .[1] | number, words: .[2], sentence: (.[3] // "")}),
	counts: ([of("count")][0] | {pass: .[1] | number, xfail: .[2] | number, fail: .[3] | number, skip: .[4] | number}),
	phases: (reduce of("phase") as $r ({}; .[$r[1]] = ($r[2] | number))),
	boots: [of("boot") | {boot: .[1] | number, start: .[2] | number, ready: .[3] | number, off: .[4] | number, ended: .[5] | text}],
	expected: [of("expectation") | {list: .[1], id: .[2], outcome: .[3], kernel: .[4] | text, arch: .[5] | text, expires: .[6], state: .[7],
		why: .[8] | text, reason: (.[9] // "")}],
	programs: [[of("program")] | to_entries[] | .key as $i | .value | {name: .[1], status: .[2], seconds: .[3] | number, start: .[4] | number, boot: .[5] | number,
		facts: ($facts[.[1]] // {}), said: [$diags[$said[$i]:$said[$i + 1]][][2]]}],
	cases: [$cases[] | {id: .[2], program: .[1], outcome: .[3], status: .[4], seconds: .[5] | number, message: .[6], reason: .[7] | text,
		expires: .[8] | text, start: .[9] | number, boot: .[10] | number, journal_line: .[11] | number,
		metrics: ($metrics[.[2]] // []), histograms: ($histograms[.[2]] // [])}],
	# Of cases that have no result.
	other_metrics: [many("metric") | select($known[.[1]] | not) | {id: .[1], name: .[2], value: .[3] | number, unit: (.[4] // "")}]
}
