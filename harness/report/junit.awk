# SPDX-License-Identifier: GPL-2.0-only
# judge.awk's records -> JUnit's XML, as Jenkins and GitLab read it: a testsuite for each program. After cpus.awk and markup.awk.
#
# What failed as expected has passed, with its words as system-out. The first testsuite, "tickproof", has what was judged as properties;
# where the gate isn't green and no case failed (everything was skipped, the gate was interrupted), it has a case "verdict" that is an error:
# who counts failures only must not see green.

BEGIN { max_lines = 100 }

# What failed is a failure; what kept a case from coming to a result is an error.
function is_error(outcome) { return outcome ~ /^(HANG|PANIC|RESET|FLOOD|ERROR|UNRUN|NOBOOT|PROTOCOL)$/ }

function add(text) { out[++outs] = text }

function property(name, value) { add("    <property name=\"" xml(name) "\" value=\"" xml(value) "\"/>") }

function seconds(s) { return sprintf("%.3f", s > 0 ? s : 0) }

$1 == "gate" { key[++keys] = $2 }
$1 == "start" { at = iso_time($2) }

$1 == "diag" && lines++ < max_lines { said = said xml($3) "\n" }

$1 == "case" {
	cases++
	name = index($3, $2 ".") == 1 ? substr($3, length($2) + 2) : $3
	head = "    <testcase classname=\"" xml($2) "\" name=\"" xml(name) "\" time=\"" seconds($6) "\""
	says = xml(($4 ~ /^(PASS|FAIL|SKIP)$/ ? "" : $4 ": ") $7)
	if ($5 == "pass")
		body[++bodies] = head "/>"
	else if ($5 == "skip") {
		skips++
		body[++bodies] = head "><skipped message=\"" says "\"/></testcase>"
	} else if ($5 == "xfail")
		body[++bodies] = head "><system-out>" says " (expected until " xml($9) ": " xml($8) ")</system-out></testcase>"
	else {
		element = is_error($4) ? "error" : "failure"
		bad[element]++
		body[++bodies] = head "><" element " type=\"" xml($4) "\" message=\"" says "\">" says \
			($12 == "" ? "" : " (journal.log, line " xml($12) ")") "</" element ">"
		open[bodies] = 1
	}
}

$1 == "program" {
	add("  <testsuite name=\"" xml($2) "\" tests=\"" cases + 0 "\" failures=\"" bad["failure"] + 0 "\" errors=\"" bad["error"] + 0 \
		"\" skipped=\"" skips + 0 "\" time=\"" seconds($4) "\" timestamp=\"" at "\">")
	for (i = 1; i <= bodies; i++) {
		# Once, beside the first failure.
		if (i in open) {
			add(body[i] (said == "" ? "" : "<system-out>" said "</system-out>") "</testcase>")
			said = ""
			delete open[i]
		} else
			add(body[i])
	}
	add("  </testsuite>")
	all += cases
	failures += bad["failure"]
	errors += bad["error"]
	bad["failure"] = bad["error"] = cases = skips = bodies = lines = 0
	said = ""
}

END {
	unnamed = code != 0 && !failures && !errors
	wall = seconds(phase["prepare"] + phase["boot"] + phase["tests"])
	print "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
	print "<testsuites name=\"tickproof " xml(gate["guest"]) "\" tests=\"" all + unnamed "\" failures=\"" failures + 0 "\" errors=\"" \
		errors + unnamed "\" time=\"" wall "\">"
	n = outs
	add("  <testsuite name=\"tickproof\" tests=\"" unnamed "\" failures=\"0\" errors=\"" unnamed "\" skipped=\"0\" time=\"" wall \
		"\" timestamp=\"" at "\">")
	add("   <properties>")
	for (i = 1; i <= keys; i++)
		property(key[i], gate[key[i]])
	property("verdict", words)
	property("exit", code)
	property("sentence", sentence)
	add("   </properties>")
	if (unnamed)
		add("    <testcase classname=\"tickproof\" name=\"verdict\" time=\"0.000\"><error type=\"VERDICT\" message=\"" xml(sentence) "\">" \
			xml(words ": " sentence) "</error></testcase>")
	add("  </testsuite>")
	for (i = n + 1; i <= outs; i++)
		print out[i]
	for (i = 1; i <= n; i++)
		print out[i]
	print "</testsuites>"
}
