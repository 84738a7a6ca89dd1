# SPDX-License-Identifier: GPL-2.0-only
# Where late wake-ups lost their time: awk [-v each=FILE] -f trace.awk -f stages.awk TRACE, the text that guest/recorder wrote (tracefs by trace_clock
# mono). The guest is not trusted: what isn't understood is passed over. Prints, in ns:
#   wakes PROGRAM CPU WHEN NUMBER CHECKED ADDED P50 P99 DEVICE     its wake-ups; of those whose program has reported its own times CHECKED, of these
#                                  ADDED have stages that add up to what it saw
#   stage PROGRAM CPU WHEN NAME P50 P99 MEAN DEVICE                of their lateness; the means add up to its mean
#   worst PROGRAM CPU WHEN LATE SLACK PROGRAMMED INTERRUPT CALLBACK WAKE RUN RETURN HELD DEVICE     the latest; HELD: who ran there until then
#   note WORDS                     what could not be recorded
# and, in FILE, each wake-up as tab-separated columns. WHEN is before as long as a CPU has the clockevent that it began with, then after.
#
# A timer that wakes somebody up has these moments; a stage is the time from one to the next:
#   its soft expiry    what the task asked for
#   slack              its hard expiry: the kernel may wait so long (PR_SET_TIMERSLACK)
#   programmed         the time that the device was programmed for (where that isn't known: the hard expiry, or when the timer was started, if that was later)
#   interrupt          the device's interrupt is taken
#   callback           the timer's own function is called
#   wake               it wakes the task
#   run                the task runs on its CPU
#   return             it is back in the program, and has said so

BEGIN {
	OFS = "\t"
	# ns by which stages may miss what the program saw; its own words take a little, and the trace has microseconds
	NEAR = 5000
	nr_stages = split("slack programmed interrupt callback wake run return", stage_name, " ")
	if (each != "")
		print "program", "cpu", "when", "device", "deadline", "slack", "programmed", "interrupt", "callback", "wake", "run", "return", "late", "late_by_program", "held_by" >each
}

# The word after key in text; "" if there is none.
function word(text, key,    at, rest) {
	at = index(text, key)
	if (!at)
		return ""
	rest = substr(text, at + length(key))
	return match(rest, /^[^ ]+/) ? substr(rest, 1, RLENGTH) : ""
}

# Text in characters that may be shown, and bounded.
function name(text) {
	gsub(/[^A-Za-z0-9_.\/:()+ -]/, "?", text)
	return substr(text, 1, 200)
}

function short_name(text) { return substr(name(text), 1, 40) }

function begin_program(what) {
	program = what ~ /^[a-z0-9_]+[.][a-z0-9_]+$/ ? what : "?"
	split("", soft); split("", hard); split("", set_at); split("", pending); split("", finished)
	split("", irq_at); split("", irq_name); split("", armed); split("", device); split("", callback); split("", handled); split("", first_device)
}

# An interrupt of CPU cpu begins; of the timer's own, which has less in it, later ones in the same interrupt don't count.
function interrupt_begins(what) {
	irq_at[cpu] = now
	irq_name[cpu] = what
	armed[cpu] = ""
	device[cpu] = ""
	callback[cpu] = ""
	handled[cpu] = 0
}

# The wake-up number w is over: its task runs.
function runs(w, held) {
	at[w, 6] = now
	held_by[w] = held
	cpu_of[w] = cpu
	finished[woken_pid[w]] = w
}

# The stages of wake-up w, in took[1..]; each as it was measured, so that moments in a wrong order make their sum longer than the whole. Three are no
# contradiction: a device that was programmed for an earlier time, or for a later one than its interrupt came, and a timer that was due when
# the interrupt of another had already begun.
function settle(w,    k) {
	lacking = at[w, 3] == ""
	if (lacking)
		at[w, 3] = at[w, 4]
	if (at[w, 3] < at[w, 0] && at[w, 4] >= at[w, 0])
		at[w, 3] = at[w, 0]
	if (at[w, 2] > at[w, 3])
		at[w, 2] = at[w, 3]
	if (at[w, 2] < at[w, 0])
		at[w, 2] = at[w, 0]
	if (at[w, 1] > at[w, 2])
		at[w, 1] = at[w, 2]
	if (at[w, 7] == "")
		at[w, 7] = at[w, 6]
	sum = 0
	for (k = 1; k <= nr_stages; k++) {
		took[k] = at[w, k] - at[w, k - 1]
		if (took[k] < 0)
			took[k] = 0
		sum += took[k]
	}
}

# A row for each program, CPU and device: the wake-up w goes into it.
function count(w,    r, k, n, late, when, dev) {
	dev = device_of[w]
	if (!((program, cpu_of[w]) in first_device))
		first_device[program, cpu_of[w]] = dev
	when = dev == first_device[program, cpu_of[w]] ? "before" : "after"
	r = program SUBSEP cpu_of[w] SUBSEP when SUBSEP dev
	if (!(r in number_of))
		row[++rows] = r
	n = ++number_of[r]
	late = at[w, 7] - at[w, 0]
	value[r, 0, n] = late
	for (k = 1; k <= nr_stages; k++) {
		value[r, k, n] = took[k]
		total[r, k] += took[k]
	}
	if (reported[w] != "") {
		checked[r]++
		if (!lacking && sum - late <= NEAR)
			added[r]++
	}
	# What the task allowed for is not late.
	if (!(r in latest) || late - took[1] > latest[r]) {
		latest[r] = late - took[1]
		worst[r] = sprintf("%.0f", late)
		for (k = 1; k <= nr_stages; k++)
			worst[r] = worst[r] sprintf(" %.0f", took[k])
		worst[r] = worst[r] " " (held_by[w] == "" ? "-" : held_by[w])
	}
	if (each == "")
		return
	printf "%s\t%d\t%s\t%s\t%.0f", program, cpu_of[w], when, dev, at[w, 0] >each
	for (k = 1; k <= nr_stages; k++)
		printf "\t%.0f", took[k] >each
	printf "\t%.0f\t%s\t%s\n", late, reported[w] == "" ? "" : sprintf("%.0f", reported[w]), held_by[w] >each
}

function end_wake(pid,    w) {
	w = finished[pid]
	delete finished[pid]
	settle(w)
	count(w)
	forget(w)
}

function forget(w,    k) {
	for (k = 0; k <= 7; k++)
		delete at[w, k]
	delete reported[w]; delete held_by[w]; delete cpu_of[w]; delete device_of[w]; delete woken_pid[w]
}

function end_program(    pid) {
	for (pid in finished)
		end_wake(pid)
	for (pid in pending)
		forget(pending[pid])
	program = ""
}

/^# tickproof begin / {
	begin_program($4)
	sub(/.* lacks: ?/, "")
	if ($0 != "")
		notes[++nr_notes] = program ": this kernel lacks " name($0)
	next
}
/^# tickproof end / { end_program(); next }
/^# tickproof none / {
	sub(/^# tickproof none /, "")
	notes[++nr_notes] = name($0)
	next
}
/^# entries-in-buffer\/entries-written: / {
	split($3, part, "/")
	if (part[2] > part[1])
		notes[++nr_notes] = program ": only the last " part[1] + 0 " of " part[2] + 0 " events fitted in memory"
}

program == "" || !trace_line() { next }

event == "hrtimer_start" {
	timer = word(rest, "hrtimer=")
	soft[timer] = number(rest, "softexpires=")
	hard[timer] = number(rest, " expires=")
	set_at[timer] = now
	# Whom it will wake up, where that is known.
	sleeper[timer] = word(rest, "function=") == "hrtimer_wakeup" ? pid : ""
}
event == "local_timer_entry" || event == "hyperv_stimer0_entry" { interrupt_begins(substr(event, 1, length(event) - 6)) }
event == "irq_handler_entry" { interrupt_begins(short_name(substr(rest, index(rest, "name=") + 5))) }
event == "ipi_entry" { interrupt_begins("ipi") }
event == "interrupt" {
	# Some interrupts have no event of their own (Hyper-V's on x86): they begin here.
	if (irq_at[cpu] == "" || handled[cpu])
		interrupt_begins("?")
	handled[cpu] = 1
	armed[cpu] = number(rest, "next=")
	device[cpu] = rest ~ /name="[^"]+"/ ? short_name(substr(rest, index(rest, "name=\"") + 6)) : ""
	sub(/\?$/, "", device[cpu])
}
event == "hrtimer_expire_entry" { callback[cpu] = word(rest, "hrtimer="); called_at[cpu] = now }
# In the interrupt's own time (h, H).
event == "sched_waking" && flags ~ /h|H/ && callback[cpu] in soft {
	timer = callback[cpu]
	wakee = number(rest, " pid=")
	# The tick wakes somebody up after it.
	if (sleeper[timer] != "" && sleeper[timer] != wakee)
		next
	callback[cpu] = ""
	# On another clock than the trace's.
	if (soft[timer] - now > 1e9 || now - soft[timer] > 60e9) {
		others++
		next
	}
	# It was started when it was to have expired already: nobody is late.
	if (set_at[timer] - soft[timer] > 1e6)
		next
	if (wakee in finished)
		end_wake(wakee)
	w = ++wakes
	woken_pid[w] = wakee
	at[w, 0] = soft[timer]
	at[w, 1] = hard[timer]
	at[w, 2] = armed[cpu] != "" && armed[cpu] < 9e18 ? armed[cpu] : hard[timer] > set_at[timer] ? hard[timer] : set_at[timer]
	at[w, 3] = irq_at[cpu]
	at[w, 4] = called_at[cpu]
	at[w, 5] = now
	at[w, 7] = ""
	reported[w] = ""
	device_of[w] = device[cpu] != "" ? device[cpu] : irq_name[cpu] != "" ? irq_name[cpu] : "?"
	delete soft[timer]
	# It had not gone to sleep yet.
	if (wakee == pid)
		runs(w, "")
	else
		pending[wakee] = w
}
event == "sched_switch" {
	irq_at[cpu] = ""
	wakee = number(substr(rest, index(rest, "==>")), "next_pid=")
	if (wakee in pending) {
		runs(pending[wakee], short_name(word(rest, "prev_comm=")))
		delete pending[wakee]
	}
}
event == "tracing_mark_write" && rest ~ /^tickproof woke [0-9]+ [0-9]+/ && pid in finished {
	split(rest, part, " ")
	w = finished[pid]
	# A relative sleep begins a little later than the program thought.
	if (at[w, 0] >= part[3] && at[w, 0] - part[3] < 1e6 && part[4] <= now + NEAR) {
		reported[w] = part[4] - part[3]
		at[w, 7] = part[4] + 0
	}
	end_wake(pid)
}

END {
	if (program != "") {
		notes[++nr_notes] = program ": what was recorded of it has no end"
		end_program()
	}
	for (i = 1; i <= rows && i <= 512; i++) {
		r = row[i]
		n = number_of[r]
		split(r, part, SUBSEP)
		key = part[1] " " part[2] " " part[3]
		printf "wakes %s %d %d %d %s %s\n", key, n, checked[r], added[r], quantiles(r SUBSEP 0, n), part[4]
		for (k = 1; k <= nr_stages; k++)
			printf "stage %s %s %s %.0f %s\n", key, stage_name[k], quantiles(r SUBSEP k, n), total[r, k] / n, part[4]
		print "worst " key " " worst[r] " " part[4]
	}
	if (others)
		print "note " others " wake-ups by timers of other clocks than CLOCK_MONOTONIC were left out"
	for (i = 1; i <= nr_notes && i <= 20; i++)
		print "note " notes[i]
}
