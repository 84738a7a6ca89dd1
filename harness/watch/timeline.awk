# SPDX-License-Identifier: GPL-2.0-only
# What the hypervisor did for the latest wake-up of each program, CPU and device: timelines(). Part of hypervisor.awk, which has found what became of each interrupt.

# ns: so much earlier may the interrupt have begun; so much passes from an interrupt to its handler (hrtimer_interrupt())
BEGIN { EARLIER = 1e7; AT_ONCE = 1e6 }

# A line of what stages.awk wrote of each wake-up: the latest of its row, as there (what the task allowed for is not late), and when its callback ran.
function wake_up(    field, row, late) {
	split($0, field, "\t")
	row = field[1] " " field[2] " " field[3] SUBSEP field[4]
	late = field[13] - field[6]
	if (FNR == 1 || row in latest && late <= latest[row])
		return
	if (!(row in latest))
		wake_rows[++nr_rows] = row
	latest[row] = late
	asked_for[row] = field[5]
	called[row] = field[5] + field[6] + field[7] + field[8] + field[9]
	irq_of[row] = field[8] > 0 ? called[row] - field[9] : ""
	row_cpu[row] = field[2]
}

function timelines(    k, n, row, part, i) {
	# The interrupt in which the callback ran is its CPU's last before that.
	for (n = 1; n <= interrupts; n++)
		for (k = 1; k <= nr_rows && k <= 64; k++)
			if (irq_cpu[n] == row_cpu[wake_rows[k]] && irq_at[n] <= called[wake_rows[k]])
				interrupt_of[wake_rows[k]] = n
	for (k = 1; k <= nr_rows && k <= 64; k++) {
		row = wake_rows[k]
		n = interrupt_of[row]
		# Of an interrupt that began before the sleep was to end, stages.awk says just that.
		if (!(n in injected_for) || (irq_of[row] == "" ? irq_at[n] < asked_for[row] - EARLIER : irq_at[n] < irq_of[row] - AT_ONCE))
			continue
		split(row, part, SUBSEP)
		printf "timeline %s", part[1]
		i = arming_of[n]
		if (i == "")
			printf " - - -"
		else
			printf " %.0f %.0f %.0f", after_asked(row, armed_at[i]), after_asked(row, due[i]), after_asked(row, expired[i])
		printf " %.0f %.0f %s\n", after_asked(row, injected_for[n]), irq_at[n] - asked_for[row], part[2]
	}
}

# A time of the hypervisor's clock, from when the sleep was to end
function after_asked(row, when) { return when - shift[irq_program[interrupt_of[row]]] - asked_for[row] }
