# SPDX-License-Identifier: GPL-2.0-only
# What a journal proves. awk -v today=YYYY-MM-DD [-v sum="CRC BYTES"] -f ../lib/least_delay.awk -f stamps.awk -f events.awk -f guest.awk
# -f host.awk -f ../lib/release.awk -f entry.awk -f expect.awk -f verdict.awk -f judge.awk EXPECTED... JOURNAL -> the records of
# docs/records.md; sum is what cksum says of the journal without its last line. docs/journal.md describes what is read here.
#
# The guest is not trusted: a result counts only inside the program that the host let run, for a case that was begun
# and has no result yet, with the next number of the plan. What breaks a rule is not counted but named, and the gate
# can't be green. Nor is the journal: it has every line, in the order of its numbers, and its end; each program that the host
# let run has exited or was ended. Else nothing is proved either way.

BEGIN {
	FS = "\n"
	OFS = "\t"
	journal_file = ARGV[ARGC - 1]
	# What is beyond these says nothing new.
	MAX_ERRORS = 50
	MAX_FACTS = 5000
	MAX_VALUE = 500
	MAX_BINS = 64
	# Of the journal, for people who look at a failure.
	MAX_LINES = 4000
	LINES_BEFORE = 11
	boot_now = "0"
}

# No control byte, and no tab, comes from here into a record.
{
	bytes += length($0) + 1
	gsub(/\t/, " ")
	gsub(/[^ -~]/, "?")
}

FILENAME != journal_file {
	bytes = 0
	expect($0, FILENAME)
	next
}


the_end != "" { damaged("a line after the end") }

$0 !~ /^[0-9]+\.[0-9]+ [0-9]+\.[0-9]+ [0-9]+ [0-9]+ [<>] / {
	damaged("a line without stamps")
	next
}

{
	split($0, head, " ")
	# Of one blank each: as long as their pattern's match, and that is slow to ask for.
	text = substr($0, length(head[1] head[2] head[3] head[4]) + 7)
	boot = head[3]
	if (head[4] != lines[boot] + 1)
		damaged("line " head[4] " of boot " boot " comes after its line " lines[boot] + 0)
	lines[boot] = head[4] + 0
	last_line[FNR] = substr($0, 1, MAX_VALUE)
	delete last_line[FNR - LINES_BEFORE - 1]
	lines_read = FNR
	stamp = host_time(head[1], head[2])
	if (!seen++) {
		first = stamp
		first_stamped = head[1]
	}
	if (head[5] == ">" && text ~ /^end( |$)/)
		bytes_before = bytes - length($0) - 1
	else if (boot != boot_now && !(head[5] == ">" && text ~ /^boot /))
		damaged("a line of boot " boot " in boot " boot_now)
	if (head[5] == ">")
		host(text)
	else if (boot_now == "0" || boot_now in off)
		damaged("a line of the guest without a boot")
	else
		guest(text)
}

END {
	all_read = 1
	witnesses()
	if (the_end == "")
		damaged("no end")
	else if ((sum != "" && the_end != sum) || the_end !~ /^[0-9]+ [0-9]+$/ || the_end !~ (" " bytes_before "$"))
		damaged("the sum at its end is not that of its lines")
	for (e = 1; e <= plans; e++)
		if (!(planned[e] in tried) && interrupted == "") {
			if (setup != "" || noboot != "") {
				# One reason for all of them is one case, not one for each.
				if (!not_run++)
					add_case(first_not_run = planned[e], planned[e] ".end", "NOBOOT", "not run: " (setup != "" ? setup : noboot), 0)
			} else if (planned[e] in unrun) {
				unruns++
				add_case(planned[e], planned[e] ".end", "UNRUN", "not run: " unrun[planned[e]], 0)
			} else
				add_case(planned[e], planned[e] ".end", "ERROR", "never ran", 0)
		}
	expectations()
	errors("protocol", protocol, protocols)
	errors("journal", damage, damages)

	for (e = 1; e <= events; e++) {
		if (event[e] != "case")
			continue
		p = event_program[e]
		s = status[e]
		n[s]++
		if (s == "fail" && case_outcome[e] !~ /^(NOBOOT|PROTOCOL|UNRUN)$/)
			failed++
		# The host's own pass proves nothing of what the guest skipped.
		if (s == "xfail" || (s == "pass" && case_id[e] != p ".host" && index(case_id[e], p ".hypervisor.cpu") != 1))
			proved++
		if (!(p in worst_of) || s == "fail" || (s != "skip" && worst_of[p] == "skip"))
			worst_of[p] = s
		if (s == "skip" && !first_skip)
			first_skip = case_message[e]
	}
	if (not_run > 1)
		add_diag(first_not_run, "nor did " not_run - 1 " more programs")
	for (e = 1; e <= gates; e++)
		print "gate", gate_key[e], gate[gate_key[e]]
	print "start", first_stamped
	phases()
	boot_records()
	for (e = 1; e <= facts; e++)
		print "fact", fact_name[e], fact[fact_key[e]], fact_program[e]
	for (e = 1; e <= metrics; e++)
		print "metric", metric[e]
	for (e = 1; e <= hists; e++)
		print "hist", hist[e]
	for (e = 1; e <= perfs; e++)
		print "perf", perf[e]
	line_records()
	programs()
	expectation_records()
	count_skips()
	print "count", n["pass"] + 0, n["xfail"] + 0, n["fail"] + 0, n["skip"] + 0

	if (interrupted != "")
		verdict(interrupted == "INT" ? 130 : 143, "interrupted" (interrupted_in != "" ? " in " interrupted_in : proved + failed ? " while no test ran" : " before any test began") \
			(failed ? ", after " failed " failed" : "") "; a partial result is in")
	else if (damages)
		verdict(2, "journal.log is not whole, so it proves nothing: " damage[1] and_more(damages) "; run the gate again")
	else if (failed || unruns)
		verdict(1, worst())
	else if (setup != "")
		verdict(2, setup)
	else if (noboot != "")
		verdict(2, "NO BOOT: " noboot)
	else if (protocols)
		verdict(2, "the guest broke the protocol: " protocol[1] and_more(protocols))
	else if (!proved)
		verdict(2, n["skip"] ? "every case was skipped: " first_skip : "no case ran")
	else if ("skip_max" in gate && skips * 100 > gate["skip_max"] * (skips + n["pass"] + n["xfail"]))
		verdict(2, sprintf("%d of %d cases were skipped, more than SKIP_MAX=%d %%, most often: %s", skips, skips + n["pass"] + n["xfail"], \
			gate["skip_max"], skips_why))
	else
		verdict(0, "")
}
