# SPDX-License-Identifier: GPL-2.0-only
# Does the hypervisor's record bear out what the guest recorded of its timers' interrupts? witness(). Part of hypervisor.awk, which has found for each of them
# the injection that it belongs to, or none (alone[]).

# How many of some moments lie between two
function between(list, key, count, from, until,    k, n) {
	for (k = 1; k <= count; k++)
		n += list[key, k] >= from && list[key, k] <= until
	return n + 0
}

# The last of some moments before another; 0 if there is none
function last_before(list, key, count, until) {
	while (count > 0 && list[key, count] > until + NEAR)
		count--
	return list[key, count] + 0
}

# A stretch of time in which one CPU of a program took interrupts of one device, from its first to its last: does KVM's record bear it out? Into
# said[key], and wrong[key].
function judge(key, cpu,    from, until, n, k, taken, words) {
	taken = taken_in[key]
	if (taken < 5)
		return
	from = by_hypervisor(begin_of[key])
	until = by_hypervisor(end_of[key])
	words = device_of[key] ": the guest took " taken " interrupts" (seen(begin_of[key]) ? ", of which the hypervisor injected " taken - alone_in[key] : "")
	if (alone_in[key] > 2 + taken / 20)
		wrong[key] = 1
	if (before[key] == "Hyper-V clockevent") {
		# The last thing that was done to it before must be that it was stopped.
		k = last_before(stopped, cpu, stops[cpu], from) > last_before(started, cpu, starts[cpu], from)
		n = between(injected, cpu SUBSEP "Hyper-V", injections[cpu, "Hyper-V"], from + NEAR, until)
		words = words ", after the hypervisor saw the Hyper-V timer " (k ? "stopped" : "not stopped") (n ? " and injected it " n " times more" : "")
		if (!k || n > 2)
			wrong[key] = 1
	}
	said[key] = said[key] (said[key] == "" ? "" : "; ") words
}

# The stretches of each CPU: all that it took from a device until it took another's.
function witness(    n, key, k, keys, part) {
	for (n = 1; n <= interrupts; n++) {
		if (irq_kind[n] == "" || !joined(n) || !recorded(by_hypervisor(n)))
			continue
		key = irq_program[n] SUBSEP irq_cpu[n]
		if (!(key in device_of))
			cpu_key[++keys] = key
		if (irq_device[n] != device_of[key]) {
			judge(key, irq_cpu[n])
			before[key] = device_of[key]
			device_of[key] = irq_device[n]
			begin_of[key] = n
			taken_in[key] = alone_in[key] = 0
		}
		taken_in[key]++
		alone_in[key] += n in alone
		end_of[key] = n
	}
	for (k = 1; k <= keys && k <= 512; k++) {
		key = cpu_key[k]
		split(key, part, SUBSEP)
		judge(key, part[2])
		if (said[key] != "")
			print "witness", part[1], part[2], (wrong[key] ? "fail the hypervisor contradicts the guest: " : "pass ") substr(said[key], 1, 600)
	}
}
