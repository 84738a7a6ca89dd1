# SPDX-License-Identifier: GPL-2.0-only
# The ring that the arm64 monitor keeps (harness/hypervisor/record.c), as od -A n -t u8 -v -w24 shows it, in the form that hypervisor.awk reads: lines as
# those of tracefs, with KVM's events without their first word. Times are the reference counter's.

BEGIN { split("hv_stimer_start_one_shot hv_stimer_set_count hv_stimer_callback hv_stimer_pending", event, " ") }

NR == 1 { written = $1; print "# tickproof begin monitor.timers lacks:"; next }

{ when[NR - 2] = $1; what[NR - 2] = $2; expiry[NR - 2] = $3 }

END {
	size = NR - 1
	for (n = written > size ? written - size : 0; n < written; n++) {
		k = n % size
		cpu = int(what[k] / 256)
		name = event[what[k] % 256]
		if (name == "")
			continue
		printf " monitor-0 [%03d] ..... %d.%06d: %s: vcpu_id %d timer 0%s\n", cpu, int(when[k] / 1e7), int(when[k] % 1e7 / 10), name, cpu, \
			name ~ /start/ ? sprintf(" time_now %.0f count %.0f", when[k], expiry[k]) : ""
	}
	print "# tickproof end monitor.timers"
}
