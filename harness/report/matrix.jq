# SPDX-License-Identifier: GPL-2.0-only
# matrix.tsv (docs/matrix.md) by jq -R -n -> the matrix's results.json

def text: if . == "-" then null else . end;

[inputs | split("\t") | {
	name: .[0], guest: .[1], kernel: .[2] | text, image: .[3] | text, cpus: (.[4] | text | if . then tonumber else . end),
	exit: .[5] | tonumber, words: .[6], sentence: .[11],
	counts: (.[7] | text | if . then split(" ") | map(tonumber) | {pass: .[0], xfail: .[1], fail: .[2], skip: .[3]} else . end),
	how: .[10] | text, machine: .[8] | text, seconds: .[9] | tonumber, run: (if .[7] == "-" then null else .[0] + "/run" end)
}] as $all
| ([$all[].exit] | if any(. == 1) then 1 elif any(. == 2) then 2 else 0 end) as $exit
| {
	schema: "tickproof-matrix",
	schema_version: 1,
	verdict: {exit: $exit, words: (["CONFORMS", "DOES NOT CONFORM", "COULD NOT BE JUDGED"][$exit])},
	counts: ({combinations: $all | length} + ([[0, "conform"], [1, "do_not"], [2, "not_judged"]] | map(. as [$code, $name] | {($name): [$all[] | select(.exit == $code)] | length}) | add)),
	combinations: $all
}
