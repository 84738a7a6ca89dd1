# SPDX-License-Identifier: GPL-2.0-only
# judge.awk's records -> KTAP (Documentation/dev-tools/ktap.rst), programs as subtests. What the guest wrote is quoted
# so that no parser can take it for structure: no "#" in messages, no directive that isn't ours, diagnostics after "# | ".

BEGIN { FS = "\t"; max_diag = 200 }

# A parser stops at some lines that a kernel prints as its last, wherever they stand.
function quoted(text) {
	text = substr(text, 1, 500)
	gsub(/#/, "", text)
	gsub(/List of all partitions:|Kernel panic - not syncing: VFS:|reboot: System halted/, "...", text)
	gsub(/  +/, " ", text)
	sub(/^ +/, "", text)
	sub(/ +$/, "", text)
	return text
}

# What follows a case's name: the directive, if there is one for its outcome, and why.
function tail(outcome, status, message, why,    directive) {
	directive = status == "skip" ? "SKIP" : status == "xfail" ? "XFAIL" : outcome == "HANG" ? "TIMEOUT" : \
		outcome ~ /^(PANIC|RESET|NOBOOT|UNRUN|FLOOD|ERROR|PROTOCOL)$/ ? "ERROR" : ""
	if (outcome !~ /^(PASS|FAIL|SKIP|ERROR|UNMET|UNRUN)$/)
		message = outcome ": " message
	message = quoted(message)
	if (directive == "" && toupper(message) ~ /^(SKIP|TODO|XFAIL|TIMEOUT|ERROR)/)
		message = "it says: " message
	if (status == "xfail")
		message = message " (expected: " quoted(why) ")"
	if (directive == "" && message == "")
		return ""
	return " # " directive (directive != "" && message != "" ? " " : "") message
}

function result(status, number, name, rest) {
	return (status == "fail" ? "not ok " : "ok ") number " " name rest
}

# The report's first line counts what comes after it, and so does each program's: lines are kept till they are counted.
function add(line) { out[++outs] = line }
function add_body(line) { body[++bodies] = line }

$1 == "gate" { about[++abouts] = "# " $2 ": " quoted($3) }

$1 == "diag" && diags++ < max_diag { add_body("    # | " quoted($3)) }
$1 == "diag" && diags == max_diag + 1 { add_body("    # more in journal.log") }

$1 == "case" {
	cases++
	if ($2 == $3)
		whole = tail($4, $5, $7, $8)
	add_body("    " result($5, cases, $3, tail($4, $5, $7, $8)))
}

$1 == "program" {
	if (cases) {
		programs++
		# A program that skipped itself as a whole has no cases, and is one.
		if (cases == 1 && whole != "")
			add(result($3, programs, $2, whole))
		else {
			add("    KTAP version 1")
			add("    # Subtest: " $2)
			add("    1.." cases)
			for (i = 1; i <= bodies; i++)
				add(body[i])
			add(result($3, programs, $2, $3 == "skip" ? " # SKIP every case" : ""))
		}
	}
	whole = ""
	cases = diags = bodies = 0
}

$1 == "verdict" { about[++abouts] = "# " $3 ($4 == "" ? "" : ": " quoted($4)) }

END {
	print "KTAP version 1"
	print "1.." programs + 0
	for (i = 1; i <= abouts; i++)
		print about[i]
	for (i = 1; i <= outs; i++)
		print out[i]
}
