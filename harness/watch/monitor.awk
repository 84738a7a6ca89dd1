# SPDX-License-Identifier: GPL-2.0-only
# The ring that the arm64 monitor keeps (harness/hypervisor/record.c), as od -A n -t u8 -v -w24 shows it, in the form that hypervisor.awk reads: lines as
# those of tracefs, with KVM's events without their first word. Times are the reference counter's. With -v from=N only what is newer than its first N entries;
# the last line has how many there have been.

BEGIN { split("hv_stimer_start_one_shot hv_stimer_set_count hv_stimer_callback hv_stimer_pending", event, " ") }

function line(when, cpu, text) { printf " monitor-0 [%03d] ..... %d.%06d: %s\n", cpu, int(when / 1e7), int(when % 1e7 / 10), text }

NR == 1 { written = $1; print "# tickproof begin monitor.timers lacks:"; next }

{ when[NR - 2] = $1; what[NR - 2] = $2; expiry[NR - 2] = $3 }

END {
	size = NR - 1
	first = written > size + from ? written - size : from + 0
	if (first < written)
		line(when[first % size], 0, "tracing_mark_write: tickproof on")
	for (n = first; n < written; n++) {
		k = n % size
		cpu = int(what[k] / 256)
		name = event[what[k] % 256]
		if (name != "")
			line(when[k], cpu, sprintf("%s: vcpu_id %d timer 0", name, cpu) (name ~ /start/ ? sprintf(" time_now %.0f count %.0f", when[k], expiry[k]) : ""))
	}
	print "# tickproof end monitor.timers " written + 0
}
