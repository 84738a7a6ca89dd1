# SPDX-License-Identifier: GPL-2.0-only
# A job of LAVA's as a journal (docs/journal.md): awk -v console=FILE -f lava.awk HEADER LINES -> all but the journal's end.
# HEADER is the journal of the exported guest, which has no boot yet; LINES are lava.jq's. The guest ran its programs by itself, in the order of the
# plan: what the host would have said is put where the guest says that it began. On LAVA's one line the kernel's own words come in between:
# they are the console's.

BEGIN { OFS = " " }

# By the host's clock; uptime begins with the job.
function line(mark, text) {
	if (boot != boot_before)
		n = 0
	boot_before = boot
	print at, sprintf("%.2f", at - first + 1), boot, ++n, mark, substr(text, 1, 4096)
}
function event(text) { line(">", text) }

# The boot has ended, and why, if not by itself.
function over(why) {
	if (why != "")
		event(why)
	event("off")
	while (++begun <= plans)
		event("unrun " plan[begun] " its boot had ended, and a job of LAVA boots once")
	done = 1
}

NR == FNR {
	text = substr($0, index($0, " > ") + 3)
	header[++headers] = text
	if (text ~ /^plan /)
		plan[++plans] = substr(text, 6)
	next
}

{
	tab = index($0, "\t")
	at = substr($0, 1, tab - 1)
	text = substr($0, tab + 1)
	kind = text
	sub(/\t.*/, "", kind)
	text = substr(text, length(kind) + 2)
	if (!first) {
		first = at
		boot = 0
		for (i = 1; i <= headers; i++)
			event(header[i])
	}
}

kind == "error" && error == "" { error = match(text, /timed out after [0-9]+ seconds/) ? substr(text, RSTART, RLENGTH) : text }
kind == "job" {
	job = text
	sub(/ .*/, "", job)
}

# LAVA may try again what did not boot: the last one counts, if there is any word of it.
kind == "boot" && !boot {
	boot = 1
	event("boot " text)
}

kind != "guest" || !boot || done { next }

{ gsub(/^ +| +$/, "", text) }
text == "" { next }
# Firmware leaves the terminal's control words before it.
!ready && text ~ /# guest ready$/ { text = "# guest ready" }
text ~ /^\[ *[0-9]+\.[0-9]+\]/ || (!ready && text !~ /^# (guest|ERROR) /) {
	print text >console
	if (match(text, /Kernel panic - not syncing: /) && panic == "")
		panic = substr(text, RSTART + RLENGTH, 200)
	last_word = text
	next
}
text ~ /^<LAVA_SIGNAL_/ { next }

text ~ /^# guest [a-z_]+=/ && !ready {
	line("<", text)
	key = value = substr(text, 9)
	sub(/=.*/, "", key)
	sub(/^[^=]*=/, "", value)
	if (key == "kernel" && value ~ /^[A-Za-z0-9._+~-]+$/)
		event("gate kernel=" value)
	if (key ~ /^(kernel|kernel_version)$/ && value ~ /^[A-Za-z0-9._+~-]+$/)
		event("gate kernel_version=" value)
	next
}

text ~ /^# RUN / && begun < plans { event("run " plan[++begun] " " begun) }
{ line("<", text) }
text == "# guest ready" {
	ready = 1
	event("ready")
}
text ~ /^# BEGIN / { open = $5 }
text ~ /^(not )?ok / { open = "" }
text ~ /^# DEAD / || text ~ /^not ok .* # DEAD/ {
	dead = 1
	open = ""
}
text ~ /^# EXIT / {
	running = ""
	if (dead)
		over("ended after DEAD")
}
text ~ /^# RUN / { running = plan[begun] }
text == "# guest done" { over("") }

END {
	if (!first) {
		print "tickproof: no line of LAVA in this log" >"/dev/stderr"
		exit 2
	}
	if (!boot) {
		boot = 1
		event("boot -")
		over("SETUP LAVA did not come to boot it: " error)
	} else if (!ready && !done)
		over("NOBOOT " (panic != "" ? "panic: " panic : "LAVA ended the job before the guest was ready: " (error != "" ? error : last_word)))
	else if (!done) {
		where = open != "" ? open : (running != "" ? running : plan[begun]) ".end"
		if (panic != "")
			over("PANIC " where " " panic)
		else if (dead && open == "")
			over("ended after DEAD")
		else if (error ~ /[Cc]onnection closed|end of file/)
			over("RESET " where " the machine restarted or ended")
		else
			over("HANG " where " without a word until LAVA ended the job" (error != "" ? " (" error ")" : ""))
	}
}
