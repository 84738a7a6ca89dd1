# shellcheck shell=bash disable=SC2154  # what one part sets, another reads
# SPDX-License-Identifier: GPL-2.0-only
# The record that the arm64 monitor (hypervisor/record.c) keeps of its timers in the guest's memory, where there is a monitor. Part of supervise.sh.

# monitor_ring : that record into the file ring; false where there is none
monitor_ring() {
	local ring
	ring=$(hypervisor_ring)
	[[ -n $ring ]] && hold_begin && qmp pmemsave "{$ring, \"filename\": \"ring\"}"
}

# monitor_text N -> what is in the file ring but for the first N entries that were ever written, as tracefs has it
monitor_text() { od -A n -t u8 -v -w24 "$GUEST_DIR/ring" | awk -v from="$1" -f "$HARNESS/watch/monitor.awk"; }

# monitor_look : how far the timer of each of the guest's CPUs has got, for monitor_say
monitor_look() {
	local cpu=${dead:-}
	rm -f "$GUEST_DIR/timers"
	monitor_ring || return 0
	monitor_text 0 | awk -v dead="${cpu#CPU }" -f "$HARNESS/watch/trace.awk" -f "$HARNESS/watch/monitor_words.awk" >"$GUEST_DIR/timers"
}

# monitor_say -> what was seen then, in the form of eyes.awk
monitor_say() { cat "$GUEST_DIR/timers" 2>/dev/null || :; }
