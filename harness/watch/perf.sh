# shellcheck shell=bash disable=SC2153,SC2154  # what one part sets, another reads
# SPDX-License-Identifier: GPL-2.0-only
# PERF=: what the guest recorded of its timers (guest/recorder) comes by a port of its own, from a machine by ssh; what the hypervisor did for
# them meanwhile by another, or out of its memory. Where late wake-ups lost their time goes into the journal, as stages.awk finds it. Part of supervise.sh.

: "${RECORD_LIMIT:=33554432}" # bytes of each recording of a boot
RINGS_WAIT=30                 # s, for what guest and appliance still write

# perf_open : before a boot, where programs are recorded, the ways of the recordings. QEMU inherits $records, so that the readers see their
# end; guest_start closes them then.
perf_open() {
	records='' perf_pids=() perf_on='' perf_entries=0
	[[ ${GUEST_RECORDED:-no} == yes ]] || return 0
	mkdir -p "$RUN/perf"
	perf_trace=$RUN/perf/boot$boots.trace
	perf_hypervisor=$RUN/perf/boot$boots.hypervisor
	perf_found=$RUN/perf/boot$boots.found
	[[ -z ${MACHINE_DIR:-} ]] || return 0
	mkfifo "$GUEST_DIR"/{record,rings}.{in,out}
	exec {records}<>"$GUEST_DIR/record.out" {rings}<>"$GUEST_DIR/rings.out"
	: >"$perf_trace"
	perf_keep >"$perf_trace" <"$GUEST_DIR/record.out" 2>/dev/null {lock}>&- {records}>&- {rings}>&- &
	perf_pids+=($!)
	perf_stages $! 2>/dev/null {lock}>&- {records}>&- {rings}>&- &
	perf_pids+=($!)
	perf_keep >"$perf_hypervisor" <"$GUEST_DIR/rings.out" 2>/dev/null {lock}>&- {records}>&- {rings}>&- &
	perf_pids+=($!)
}

# perf_keep : stdin to stdout up to RECORD_LIMIT; the rest is read and forgotten, so the guest never blocks
perf_keep() {
	stdbuf -o0 head -c "$RECORD_LIMIT"
	exec cat >/dev/null
}

# perf_stages [PID] : what stages.awk finds in $perf_trace, into $perf_found; beside the run, as long as the process PID writes it. Never in its way: what waits for
# room in the guest when that ends is lost
perf_stages() {
	tail -c +1 ${1:+-s 0.1 -f --pid="$1"} "$perf_trace" | perf_awk stages -v each="${perf_trace%.trace}.tsv" - >"$perf_found"
}

# perf_awk "PART ..." ARG... : awk with these parts of harness/watch, which read recordings; the guest goes first
perf_awk() {
	local part
	local -a parts=()
	for part in trace $1; do
		parts+=(-f "$HARNESS/watch/$part.awk")
	done
	nice -n 19 awk "${parts[@]}" "${@:2}" || echo "note the recording could not be read ($1)"
}

# perf_next SURFACE/PROGRAM|none : before that program, or the end of a boot: the hypervisor records as long as a program runs that is recorded
perf_next() {
	local recorded=''
	[[ -n ${perf_trace:-} ]] || return 0
	[[ " ${RECORDED[*]} " != *" $1 "* ]] || recorded=on
	if [[ -n $perf_on ]]; then
		perf_monitor
		perf_rings off
	fi
	[[ -z $recorded ]] || perf_rings on
	perf_on=$recorded
}

# perf_rings on|off|write : the appliance's, where there is one
perf_rings() { [[ -z ${eyes:-} ]] || (echo "rings $1" >&"$eyes") 2>/dev/null || :; }

# perf_monitor : what the arm64 monitor has recorded since it was last asked, out of the guest's memory
perf_monitor() {
	monitor_ring || return 0
	monitor_text "$perf_entries" >>"$perf_hypervisor"
	perf_entries=$(tail -n 1 "$perf_hypervisor")
	perf_entries=${perf_entries##* }
}

# perf_end : before a boot ends, have what guest and hypervisor recorded, in a bounded time
perf_end() {
	local recorded=${perf_on:-}
	[[ -n ${perf_trace:-} && -n $ready ]] || return 0
	perf_next none
	# It has said EXIT, and so has written all.
	if [[ -n $recorded && -z ${MACHINE_DIR:-} && ($verdict == finished || $verdict == dead && -z $program) ]]; then
		perf_written "$perf_trace"
	fi
	[[ -n ${eyes:-} ]] || return 0
	perf_rings write
	perf_written "$perf_hypervisor"
}

# perf_written FILE : wait until the end of a recording has come, in a bounded time
perf_written() {
	local i
	for ((i = 0; i < RINGS_WAIT * 10; i++)); do
		! tail -c 100 "$1" | grep -q '^# tickproof end' || break
		kill -0 "$guest_pid" 2>/dev/null || break
		sleep 0.1
	done
}

# perf_journal : stdin into the journal
perf_journal() {
	local line
	while IFS= read -r line; do
		printable line
		journal "> perf $line"
	done
}

# perf_close : after a boot, its conclusions into the journal; nothing of a boot that is void
perf_close() {
	local file
	[[ -n ${perf_trace:-} ]] || return 0
	if [[ -n ${MACHINE_DIR:-} ]]; then
		machine_do 60 "exec ${MACHINE_ROOT}cat $MACHINE_DIR/recording" </dev/null | perf_keep >"$perf_trace" || :
		perf_stages
	else
		wait "${perf_pids[@]}" 2>/dev/null || :
		rm -f "$GUEST_DIR"/{record,rings}.{in,out}
	fi
	[[ $verdict != again* ]] || rm -f "$perf_trace" "$perf_hypervisor"
	if [[ -s $perf_trace ]]; then
		perf_journal <"$perf_found"
		[[ ! -s $perf_hypervisor ]] || perf_journal < <(perf_awk "clocks witness timeline hypervisor" "$perf_hypervisor" "$perf_trace" "${perf_trace%.trace}.tsv")
	else
		rm -f "${perf_trace%.trace}.tsv"
	fi
	# What a guest that hung has not written any more, the hypervisor has.
	for file in "$perf_trace" "$perf_hypervisor"; do
		[[ ! -e $file || -s $file ]] || rm -f "$file"
		[[ ! -s $file ]] || gzip -f1 "$file"
	done
	rm -f "$perf_found"
	perf_trace=''
}
