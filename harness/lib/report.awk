# SPDX-License-Identifier: GPL-2.0-only
# judge.awk's records -> KTAP (Documentation/dev-tools/ktap.rst), programs as subtests. What the guest wrote is quoted
# so that no parser can take it for structure: no "#" in messages, diagnostics behind "# | ".

BEGIN { FS = "\t"; max_diag = 200 }

# A parser stops at some lines that a kernel prints as its last, wherever they stand.
function quoted(text) {
	gsub(/#/, "", text)
	gsub(/List of all partitions:|Kernel panic - not syncing: VFS:|reboot: System halted/, "...", text)
	gsub(/  +/, " ", text)
	return substr(text, 1, 500)
}

# What follows a case's name: the directive, if there is one for its outcome, and why.
function tail(outcome, status, message, why,    directive) {
	directive = status == "skip" ? "SKIP" : status == "xfail" ? "XFAIL" : outcome == "HANG" ? "TIMEOUT" : \
		outcome ~ /^(PANIC|RESET|NOBOOT|FLOOD|ERROR|PROTOCOL)$/ ? "ERROR" : ""
	if ((outcome !~ /^(PASS|FAIL|SKIP|ERROR|UNMET)$/))
		message = outcome ": " message
	if (status == "xfail")
		message = message " (expected: " why ")"
	message = quoted(message)
	sub(/ +$/, "", message)
	if (directive == "" && message == "")
		return ""
	return " # " directive (directive != "" && message != "" ? " " : "") message
}

function result(status, number, name, rest) {
	return (status == "fail" ? "not ok " : "ok ") number " " name rest
}

$1 == "gate" { about = about "# " $2 ": " quoted($3) "\n" }

$1 == "diag" && diags++ < max_diag { body = body "    # | " quoted($3) "\n" }
$1 == "diag" && diags == max_diag + 1 { body = body "    # more in journal.log\n" }

$1 == "case" {
	cases++
	if ($2 == $3)
		whole = tail($4, $5, $7, $8)
	body = body "    " result($5, cases, $3, tail($4, $5, $7, $8)) "\n"
}

$1 == "program" {
	if (cases) {
		programs++
		# A program that skipped itself as a whole has no cases, and is one.
		if (cases == 1 && whole != "")
			out = out result($3, programs, $2, whole) "\n"
		else
			out = out "    KTAP version 1\n    # Subtest: " $2 "\n    1.." cases "\n" body \
				result($3, programs, $2, $3 == "skip" ? " # SKIP every case" : "") "\n"
	}
	body = whole = ""
	cases = diags = 0
}

$1 == "verdict" { about = about "# " $3 ($4 == "" ? "" : ": " quoted($4)) "\n" }

END { printf "KTAP version 1\n1..%d\n%s%s", programs, about, out }
