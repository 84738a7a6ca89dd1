# shellcheck shell=bash disable=SC2154  # what one part sets, another reads
# SPDX-License-Identifier: GPL-2.0-only
# PERF=: what the guest recorded of its timers (guest/recorder) comes by a port of its own, from a machine by ssh; what the hypervisor did for
# them meanwhile by another, or out of its memory. Where late wake-ups lost their time goes into the journal, as stages.awk finds it. Part of supervise.sh.

: "${RECORD_LIMIT:=33554432}" # bytes of each recording of a boot
RINGS_WAIT=30                 # s, for the appliance's

# perf_open : before a boot, where programs are recorded, the ways of the recordings. QEMU inherits $records, so that the readers see their
# end; guest_start closes them then.
perf_open() {
	records='' perf_pids=()
	[[ ${GUEST_RECORDED:-no} == yes ]] || return 0
	mkdir -p "$RUN/perf"
	perf_trace=$RUN/perf/boot$boots.trace
	[[ -z ${MACHINE_DIR:-} ]] || return 0
	mkfifo "$GUEST_DIR"/{record,rings}.{in,out}
	exec {records}<>"$GUEST_DIR/record.out" {rings}<>"$GUEST_DIR/rings.out"
	perf_keep >"$perf_trace" <"$GUEST_DIR/record.out" 2>/dev/null {lock}>&- {records}>&- {rings}>&- &
	perf_pids+=($!)
	perf_keep >"${perf_trace%.trace}.hypervisor" <"$GUEST_DIR/rings.out" 2>/dev/null {lock}>&- {records}>&- {rings}>&- &
	perf_pids+=($!)
}

# perf_keep : stdin to stdout up to RECORD_LIMIT; the rest is read and forgotten, so the guest never blocks
perf_keep() {
	stdbuf -o0 head -c "$RECORD_LIMIT"
	exec cat >/dev/null
}

# perf_hypervisor : before a boot ends, have what the hypervisor did, in a bounded time: of the monitor out of the guest's memory, of KVM from the appliance
perf_hypervisor() {
	local i ring file=${perf_trace%.trace}.hypervisor
	[[ -n ${perf_trace:-} && -n $ready ]] || return 0
	ring=$(hypervisor_ring)
	if [[ -n $ring ]]; then
		if hold_begin && qmp pmemsave "{$ring, \"filename\": \"ring\"}"; then
			od -A n -t u8 -v -w24 "$GUEST_DIR/ring" | awk -f "$HARNESS/watch/monitor.awk" >"$file"
		fi
		return 0
	fi
	[[ -n ${eyes:-} ]] || return 0
	(echo rings >&"$eyes") 2>/dev/null || return 0
	for ((i = 0; i < RINGS_WAIT * 10; i++)); do
		! tail -c 100 "$file" | grep -q '^# tickproof end' || break
		kill -0 "$guest_pid" 2>/dev/null || break
		sleep 0.1
	done
}

# perf_awk "PART ..." ARG... : awk with these parts of harness/watch, which read recordings
perf_awk() {
	local part
	local -a parts=()
	for part in trace $1; do
		parts+=(-f "$HARNESS/watch/$part.awk")
	done
	awk "${parts[@]}" "${@:2}" || echo "note the recording could not be read ($1)"
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
	local hypervisor=${perf_trace%.trace}.hypervisor file
	[[ -n ${perf_trace:-} ]] || return 0
	if [[ -n ${MACHINE_DIR:-} ]]; then
		machine_do 60 "exec ${MACHINE_ROOT}cat $MACHINE_DIR/recording" </dev/null | perf_keep >"$perf_trace" || :
	else
		wait "${perf_pids[@]}" 2>/dev/null || :
		rm -f "$GUEST_DIR"/{record,rings}.{in,out}
	fi
	if [[ $verdict == again* ]]; then
		rm -f "$perf_trace" "$hypervisor"
	fi
	[[ ! -s $perf_trace ]] || perf_journal < <(perf_awk stages -v each="${perf_trace%.trace}.tsv" "$perf_trace")
	[[ ! -s $perf_trace || ! -s $hypervisor ]] || perf_journal < <(perf_awk "clocks witness hypervisor" "$hypervisor" "$perf_trace")
	# What a guest that hung has not written any more, the hypervisor has.
	for file in "$perf_trace" "$hypervisor"; do
		[[ ! -e $file || -s $file ]] || rm -f "$file"
		[[ ! -s $file ]] || gzip -f1 "$file"
	done
	perf_trace=''
}
