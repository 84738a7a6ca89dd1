# shellcheck shell=bash disable=SC2154,SC2034,SC2119,SC2120  # what one part sets, another reads
# SPDX-License-Identifier: GPL-2.0-only
# One boot of the guest: its process, its channel and its console. Part of supervise.sh.

# guest_kill : end the guest and everything it started, at once; it is gone when this returns
guest_kill() {
	local pid=$guest_pid
	guest_pid=''
	[[ -n $pid ]] || return 0
	kill -KILL -- "-$pid" 2>/dev/null || kill -KILL "$pid" 2>/dev/null || :
	# Quietly: bash has something to say about every child that is killed.
	wait "$pid" 2>/dev/null || :
}

# others_work : into $others the seconds/100 for which each CPU of this machine has so far worked for others than the guest, or was kept from working by the
# machine below. Starts no process: it is asked in the middle of a silence.
others_work() {
	local user nice system irq softirq steal pid line
	local -a children=() used
	others=0
	# A machine by ssh is another one.
	[[ -z ${MACHINE_DIR:-} ]] || return 0
	read -r _ user nice system _ _ irq softirq steal _ </proc/stat
	others=$((user + nice + system + irq + softirq + steal))
	# QEMU is our child, or a child of it (guest/again).
	{ read -ra children <"/proc/$guest_pid/task/$guest_pid/children"; } 2>/dev/null || :
	for pid in "$guest_pid" "${children[@]}"; do
		{ read -r line <"/proc/$pid/stat"; } 2>/dev/null || continue
		read -ra used <<<"${line##*) }"
		others=$((others - used[11] - used[12] - used[13] - used[14]))
	done
	((host_cpus)) || host_cpus=$(grep -c '^cpu[0-9]' /proc/stat)
	others=$((others / host_cpus))
}

# guest_interrupt SIGNAL : trap action while a guest runs; its death is the end of file that ends the listening
guest_interrupt() {
	interrupted=$1
	guest_kill
	# A shell in the background is deaf to INT.
	[[ -z $second_pid ]] || kill "-${interrupted/INT/USR1}" "$second_pid" 2>/dev/null || :
}

# console_keep : stdin into console.log until that is full; the rest is read and forgotten, so the guest never blocks
console_keep() {
	local size
	size=$(stat -c %s "$RUN/console$lane.log")
	stdbuf -o0 head -c "$((CONSOLE_LIMIT > size ? CONSOLE_LIMIT - size : 0))" >>"$RUN/console$lane.log"
	exec cat >/dev/null
}

# console_text [OFFSET] -> what this boot has left in console.log, or what is there from OFFSET on; blank lines dropped
console_text() { tail -c "+$((${1:-$console_start} + 1))" "$RUN/console$lane.log" | tr -d '\0\r' | sed '/^[[:space:]]*$/d'; }

# guest_silent : has this boot's guest said nothing at all? Its lines end with CR LF, on the console as well; QEMU's complaints don't.
guest_silent() {
	! grep -q "^[0-9.]* [0-9.]* $boots [0-9]* <" "$RUN/journal$lane.log" && ! tail -c "+$((console_start + 1))" "$RUN/console$lane.log" | grep -q $'\r$'
}

# console_show : what the console said at the first sign of trouble, and what it said last, into the journal
console_show() {
	local line
	while IFS= read -r line; do
		printable line
		journal "> console $line"
	done < <(console_text | cut -c "-$LINE_LIMIT" | awk '
		/BUG:|Oops|Internal error|Kernel panic/ && !trouble { trouble = NR }
		{ line[NR] = $0 }
		END {
			for (i = trouble ? trouble : NR < 15 ? 1 : NR - 14; i <= NR; i++)
				if (i < trouble + 15 || i > NR - 15)
					print line[i]
				else if (i == trouble + 15)
					print "..."
		}')
}

# guest_start : start GUEST_CMD; sets guest_pid, $channel (to read) and $answers (to write)
guest_start() {
	local from_guest complaints parent=$BASHPID
	boots=1 journal_lines=0
	# The next number that no boot has: side by side they count together.
	until mkdir "$queue/boot.$boots" 2>/dev/null; do boots=$((boots + 1)); done
	snapshot_open
	journal "> boot ${GUEST_CMD[*]}"
	mkfifo "$GUEST_DIR"/{channel,console}.{in,out}
	hold_open
	eyes_open
	perf_open
	printf '=== boot %d\n' "$boots" >>"$RUN/console$lane.log"
	! snapshot_used || [[ ! -e $GUEST_DIR/snapshot.console ]] || {
		printf '=== before it was saved\n'
		cat "$GUEST_DIR/snapshot.console"
		printf '=== since it was saved\n'
	} >>"$RUN/console$lane.log"
	console_start=$(stat -c %s "$RUN/console$lane.log")
	# Both ends at once: who opens a FIFO alone waits for a partner, and a guest killed as it starts would never be one.
	exec {answers}<>"$GUEST_DIR/channel.in" {from_guest}<>"$GUEST_DIR/channel.out" {complaints}<>"$GUEST_DIR/console.out"
	# shellcheck disable=SC2154  # the caller's lock
	console_keep <"$GUEST_DIR/console.out" 2>/dev/null {lock}>&- {answers}>&- {from_guest}>&- {complaints}>&- &
	console_pid=$!
	# The kernel kills QEMU when this shell dies, however that happens; if it has died before the kernel knew of that, there is another
	# parent. QEMU's own complaints go where the console's do.
	(
		cd "$GUEST_DIR" || exit
		# shellcheck disable=SC2016
		exec setsid setpriv --pdeathsig KILL bash -c '((PPID == $0)) || exit; exec "$@"' "$parent" "${GUEST_CMD[@]}" 2>&"$complaints" {answers}>&- {lock}>&- {from_guest}>&- {complaints}>&-
	) <"$GUEST_DIR/channel.in" 1>&"$from_guest" 2>/dev/null &
	guest_pid=$!
	exec {channel}<"$GUEST_DIR/channel.out"
	exec {from_guest}>&- {complaints}>&-
	[[ -z ${eyes:-} ]] || exec {eyes_out}>&-
	[[ -z ${records:-} ]] || exec {records}>&- {rings}>&-
	# The appliance waits for the time of day, and starts the guest; where that is in there already, both want to know it.
	if [[ ${GUEST_NESTED:-no} == yes ]] && snapshot_used; then
		echo "now $EPOCHSECONDS" >&"$eyes"
		answer "again $EPOCHSECONDS"
	elif [[ ${GUEST_NESTED:-no} == yes ]]; then
		answer "now $EPOCHSECONDS"
	fi
}

# guest_end : the guest is gone when this returns, and console.log is complete
guest_end() {
	perf_end
	guest_kill
	exec {channel}<&- {answers}>&-
	wait "$console_pid" 2>/dev/null || :
	eyes_close
	hold_close
	perf_close
	rm -f "$GUEST_DIR"/{channel,console}.{in,out}
	[[ ! -s $GUEST_DIR/appliance.log ]] ||
		{ printf '=== boot %d\n' "$boots" && head -c "$CHANNEL_LIMIT" "$GUEST_DIR/appliance.log"; } >>"$RUN/appliance$lane.log"
	rm -f "$GUEST_DIR/resets.log"
	journal "> off"
}

# answer WORDS : the line that the guest waits for. In a subshell, because writing to a guest that is gone must not end us.
answer() { (printf '%s\n' "$*" >&"$answers") 2>/dev/null || :; }

# channel_line SECONDS/100 : the guest's next line in $line, stamped and in the journal; blank ones say nothing, and are not kept.
# 0: a line; 1: end of file; 2: no whole line so far; 3: more than CHANNEL_LIMIT. Half a line waits in $half.
channel_line() {
	local wait piece status=0
	printf -v wait '%d.%02d' $(($1 / 100)) $(($1 % 100))
	IFS= read -r -t "$wait" -n "$LINE_LIMIT" -u "$channel" piece || status=$?
	channel_bytes=$((channel_bytes + ${#piece} + 1))
	half+=${piece:0:$((LINE_LIMIT > ${#half} ? LINE_LIMIT - ${#half} : 0))}
	((channel_bytes <= CHANNEL_LIMIT)) || return 3
	# A piece of just that length is the beginning of a longer line, of which no more is kept.
	((status <= 128 && (status != 0 || ${#piece} < LINE_LIMIT))) || return 2
	((status == 0)) || [[ -n $half ]] || return 1
	line=$half half=''
	printable line
	[[ -n $line ]] || return 2
	journal "< $line"
}

# sysrq KEY... : ask the console where everybody is, with a bounded moment for each answer; all of it is in console.log
sysrq() {
	local key console start size last changed until patience=$SYSRQ_WAIT line half='' now rc
	exec {console}<>"$GUEST_DIR/console.in"
	for key; do
		start=$(stat -c %s "$RUN/console$lane.log")
		last=$start
		uptime
		until=$((now + patience * 100)) changed=$now
		(printf '\001b%s' "$key" >&"$console") 2>/dev/null || :
		# Answered: the log has grown and is quiet again. The channel is the clock here; it may still have lines.
		while ((now < until)); do
			rc=0
			channel_line 20 || rc=$?
			((rc == 0 || rc == 2)) || break 2
			size=$(stat -c %s "$RUN/console$lane.log")
			uptime
			if ((size != last)); then
				last=$size changed=$now
			elif ((last != start && now - changed >= 20)); then
				break
			fi
		done
		((last > start)) || break
		# The next one may have to wait until the kernel has given up on a CPU that doesn't answer this one.
		patience=$((SYSRQ_WAIT + BACKTRACE_WAIT))
	done
	((last == start)) || journal "> console ... the answers to sysrq $* are in console.log"
	exec {console}>&-
}
