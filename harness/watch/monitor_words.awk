# SPDX-License-Identifier: GPL-2.0-only
# How far STIMER0 of each CPU got, by the arm64 monitor's record: awk [-v dead=CPU] -f trace.awk -f monitor_words.awk, monitor.awk's lines on stdin. Prints, as eyes.awk,
#   vcpu N SENTENCE
# and of the CPU whose timers have stopped, by the guest's word, whose fault that is. What the guest does with an interrupt the monitor does not see.

# ns: armed again in this time, it works
BEGIN { LATE = 1e9 }

!trace_line() { next }
{ newest = now }
event == "tracing_mark_write" { next }
{
	v = number(rest, "vcpu_id ")
	cpus[v]
}
event == "hv_stimer_start_one_shot" { armed[v] = now; due[v] = number(rest, "count ") * 100; expired[v] = injected_for[v] = "" }
event == "hv_stimer_set_count" { stopped[v] = now }
event == "hv_stimer_callback" { expired[v] = now }
event == "hv_stimer_pending" { injected_for[v] = injected[v] = now }

function ago(t) { return sprintf("%.1f s ago", (newest - t) / 1e9) }

# words, and of the dead CPU whose fault it is
function blame(v, words, whose) { return words (v == dead "" && whose != "" ? ": " whose : "") }

function sentence(v,    words) {
	if (stopped[v] + 0 >= armed[v] + 0)
		return "the guest stopped its Hyper-V timer " ago(stopped[v]) "; another timer the monitor does not record"
	words = "its Hyper-V timer was armed " ago(armed[v])
	if (expired[v] == "" && due[v] > newest && injected[v] > newest - LATE)
		return blame(v, "its Hyper-V timer works: interrupted in the last second, and armed again", "its interrupts come, and the guest wakes nobody")
	if (expired[v] == "" && due[v] > newest)
		return words sprintf(" for %.1f s from now", (due[v] - newest) / 1e9)
	if (expired[v] == "")
		return blame(v, words ", was due " ago(due[v]) " and did not expire", "the hypervisor lost it")
	words = words ", expired " ago(expired[v])
	if (injected_for[v] == "")
		return blame(v, words " and was not injected", "the hypervisor lost it")
	return blame(v, words ", was injected, and the guest has not armed it since", newest - expired[v] > LATE ? "it is the guest that does not take it, or asks for no other" : "")
}

END {
	for (v in cpus)
		print "vcpu " v " " sentence(v)
}
