# SPDX-License-Identifier: GPL-2.0-only
# compare.awk's lines -> JSON. --arg a NAME --arg b NAME

def number: if . == "" then null else (tonumber? // .) end;

[inputs | split("\t")][1:] as $rows
| {
	schema: "tickproof-comparison",
	schema_version: 1,
	a: $a,
	b: $b,
	worse: ([$rows[] | select(.[6] == "worse")] | length),
	changes: [$rows[] | {kind: .[0], id: .[1], name: .[2], unit: .[3],
		a: (if .[0] == "samples" or .[0] == "metric" then .[4] | number else .[4] end),
		b: (if .[0] == "samples" or .[0] == "metric" then .[5] | number else .[5] end), judgement: .[6], why: .[7]}]
}
