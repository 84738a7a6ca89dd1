# shellcheck shell=bash disable=SC2154  # what one part sets, another reads
# SPDX-License-Identifier: GPL-2.0-only
# PERF=: what the guest recorded of its timers (guest/recorder) comes by a port of its own, from a machine by ssh; what the appliance's KVM did for
# them meanwhile by another. Where late wake-ups lost their time goes into the journal, as stages.awk finds it. Part of supervise.sh.

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
	perf_keep >"${perf_trace%.trace}.kvm" <"$GUEST_DIR/rings.out" 2>/dev/null {lock}>&- {records}>&- {rings}>&- &
	perf_pids+=($!)
}

# perf_keep : stdin to stdout up to RECORD_LIMIT; the rest is read and forgotten, so the guest never blocks
perf_keep() {
	stdbuf -o0 head -c "$RECORD_LIMIT"
	exec cat >/dev/null
}

# perf_rings : before a boot ends, have what KVM did from the appliance, in a bounded time
perf_rings() {
	local i
	[[ -n ${perf_trace:-} && -n ${eyes:-} && -n $ready ]] || return 0
	(echo rings >&"$eyes") 2>/dev/null || return 0
	for ((i = 0; i < RINGS_WAIT * 10; i++)); do
		! tail -c 100 "${perf_trace%.trace}.kvm" | grep -q '^# tickproof end' || break
		kill -0 "$guest_pid" 2>/dev/null || break
		sleep 0.1
	done
}

# perf_awk NAME ARG... : one of the two that read recordings
perf_awk() {
	awk -f "$HARNESS/watch/trace.awk" -f "$HARNESS/watch/$1.awk" "${@:2}" || echo "note the recording could not be read ($1)"
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
	local kvm=${perf_trace%.trace}.kvm file
	[[ -n ${perf_trace:-} ]] || return 0
	if [[ -n ${MACHINE_DIR:-} ]]; then
		machine_do 60 "exec ${MACHINE_ROOT}cat $MACHINE_DIR/recording" </dev/null | perf_keep >"$perf_trace" || :
	else
		wait "${perf_pids[@]}" 2>/dev/null || :
		rm -f "$GUEST_DIR"/{record,rings}.{in,out}
	fi
	if [[ $verdict == again* ]]; then
		rm -f "$perf_trace" "$kvm"
	fi
	[[ ! -s $perf_trace ]] || perf_journal < <(perf_awk stages -v each="${perf_trace%.trace}.tsv" "$perf_trace")
	[[ ! -s $perf_trace || ! -s $kvm ]] || perf_journal < <(perf_awk kvm "$kvm" "$perf_trace")
	# What a guest that hung has not written any more, KVM has.
	for file in "$perf_trace" "$kvm"; do
		[[ ! -e $file || -s $file ]] || rm -f "$file"
		[[ ! -s $file ]] || gzip -f1 "$file"
	done
	perf_trace=''
}
