# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Watching a guest from outside. Needs common.sh and guest.sh, LC_ALL=C, and:
#   RUN          the run's directory: journal.log and console.log grow there
#   GUEST_DIR    scratch directory the guest is started in; GUEST_CMD the command, its stdin and stdout the channel
#   GUEST_ACCEL  kvm, nested or tcg, GUEST_ARCH
#   GUEST_FALLBACK  yes: where this guest never says a word, guest_fall_back makes another of it
#   PROGRAM_TIMEOUT  associative array, "surface/program" -> seconds
#   lock         a file descriptor that the guest must not inherit
#
#   BOOTS        how many boots of the guest share the programs, side by side: 1 or 2
#
#   supervise "TIER surface/program args"...    boots until each was tried once
#
# journal.log is all that judging ever reads. One line each: "<epoch, s.us> <uptime, s.cs> <boot> <number> < <line of the guest>" or
# "... > <event>". Numbers count each boot's lines from 1, so that a lost line is seen; uptime tells when somebody sets the host's clock.
# Events: gate KEY=VALUE, plan PROGRAM, left-out PROGRAM, boot COMMAND, ready, run PROGRAM TOKEN,
# HANG|PANIC|RESET|FLOOD ID WHY, NOBOOT WHY, SETUP WHY, again WHY (that boot is void), unrun PROGRAM WHY, console LINE, interrupted SIGNAL, off, end SUM
# (cksum of all lines before it).
# A guest can't forge an event: its lines are stamped, reduced to printable ASCII and marked "<" here.
# What a test program, which is root in the guest, can't do: learn the token of EXIT (it is in init's memory alone, and programs run without
# CAP_SYS_PTRACE and CAP_MKNOD, with /proc/kcore and /dev/mem away), write another program's file (the root file system is read-only), or
# speak, listen or act after its own EXIT (init kills all that it left behind, before it says EXIT). What it can: say anything in its own
# time, and take init or the kernel over, if it sets out to: by a module, BPF or kprobes, a mount of its own, raw ports, a helper that the
# kernel starts for it. Then it is init, and is believed until that boot ends. Every boot starts from the same initrd.
#
# No deadline below trusts a clock of the guest. Seconds:
: "${BOOT_TIMEOUT:=120}"   # until "# guest ready"
: "${SILENCE_TIMEOUT:=30}" # without a line while a program runs
: "${DEAD_GRACE:=5}"       # the same after it said DEAD, unless it has begun another case
: "${SYSRQ_WAIT:=3}"       # for the console's answer to each sysrq key
# Bytes:
: "${CHANNEL_LIMIT:=1048576}" # of one boot's channel
: "${CONSOLE_LIMIT:=8388608}" # of console.log
LINE_LIMIT=4096
# Programs in a row that may hang before the rest isn't tried
HUNG_LIMIT=3
# 1/100 s between two looks at the clock from which on we were stopped
GAP=250
# Seconds for which a kernel awaits the backtraces of all CPUs (nmi_trigger_cpumask_backtrace()), and is silent
BACKTRACE_WAIT=10

# shellcheck source=eyes.sh
source "$HARNESS/lib/eyes.sh"

# The running QEMU, leader of a session of its own; the signal that ended the run; the number of this boot, and its lines in the journal.
# Which of two series of boots this shell watches (empty: the first), and, in the first, the shell that watches the second.
lane='' second_pid=''
guest_pid='' interrupted='' boots=0 journal_lines=0
# Lines that could not be written; when uptime was last asked.
journal_lost=0 uptime_last=''

# journal TEXT... : a stamped and numbered line in journal.log; nothing in TEXT can begin another one. A line that is lost ends the run.
journal() {
	local up text=$*
	read -r up _ </proc/uptime
	{ printf '%s %s %d %d %s\n' "$EPOCHREALTIME" "$up" "$boots" "$((++journal_lines))" "${text//[^[:print:]]/?}" >>"$RUN/journal$lane.log"; } 2>/dev/null || {
		journal_lost=$((journal_lost + 1))
		guest_kill
	}
}

# journal_end : the journal's own end, with the sum of all before it
journal_end() { journal "> end $(cksum <"$RUN/journal.log")"; }

# uptime -> $now, in 1/100 s: the host's deadlines must not move when somebody sets its clock. Time in which we did not run (SIGSTOP, a
# suspended or overwhelmed host) is nobody's: by that much the deadlines move. No wait for the guest is longer than a second at once.
uptime() {
	local up gap
	read -r up _ </proc/uptime
	now=${up/./}
	gap=$((now - ${uptime_last:-$now}))
	uptime_last=$now
	((gap >= GAP)) || return 0
	deadline=$((${deadline:-0} + gap)) until=$((${until:-0} + gap))
	((${program_deadline:-0} == 0)) || program_deadline=$((program_deadline + gap))
}

# printable NAME : reduce the variable of that name to what is safe to store and show on one line
printable() {
	local -n text=$1
	text=${text:0:LINE_LIMIT}
	text=${text%$'\r'}
	text=${text//[$'\t\r']/ }
	text=${text//[^[:print:]]/?}
}

# guest_kill : end the guest and everything it started, at once; it is gone when this returns
guest_kill() {
	local pid=$guest_pid
	guest_pid=''
	[[ -n $pid ]] || return 0
	kill -KILL -- "-$pid" 2>/dev/null || kill -KILL "$pid" 2>/dev/null || :
	# Quietly: bash has something to say about every child that is killed.
	wait "$pid" 2>/dev/null || :
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

# remedy -> what may help where a guest did not boot
remedy() {
	local words='see console.log'
	[[ $verdict != *'not ready after'* ]] || words+=', or give it longer with BOOT_TIMEOUT='
	[[ $GUEST_ACCEL != kvm || $GUEST_ARCH != amd64 ]] || words+=', or boot it without this KVM with ACCEL=nested'
	echo "$words"
}

# console_show : what the console said last, or at the panic, into the journal
console_show() {
	local line
	while IFS= read -r line; do
		printable line
		journal "> console $line"
	done < <({ console_text | sed -n "/BUG:\\|Oops\\|Internal error\\|Kernel panic/,\$p" | head -n 15 | grep . || console_text | tail -n 15; } |
		cut -c "-$LINE_LIMIT")
}

# guest_start : start GUEST_CMD; sets guest_pid, $channel (to read) and $answers (to write)
guest_start() {
	local told complaints parent=$BASHPID
	boots=1 journal_lines=0
	# The next number that no boot has: side by side they count together.
	until mkdir "$queue/boot.$boots" 2>/dev/null; do boots=$((boots + 1)); done
	journal "> boot ${GUEST_CMD[*]}"
	mkfifo "$GUEST_DIR"/{channel,console}.{in,out}
	eyes_open
	printf '=== boot %d\n' "$boots" >>"$RUN/console$lane.log"
	console_start=$(stat -c %s "$RUN/console$lane.log")
	# Both ends at once: who opens a FIFO alone waits for a partner, and a guest killed as it starts would never be one.
	exec {answers}<>"$GUEST_DIR/channel.in" {told}<>"$GUEST_DIR/channel.out" {complaints}<>"$GUEST_DIR/console.out"
	# shellcheck disable=SC2154  # the caller's lock
	console_keep <"$GUEST_DIR/console.out" 2>/dev/null {lock}>&- {answers}>&- {told}>&- {complaints}>&- &
	console_pid=$!
	# The kernel kills QEMU when this shell dies, however that happens; if it has died before the kernel was told so, there is another
	# parent. QEMU's own complaints go where the console's do.
	(
		cd "$GUEST_DIR" || exit
		# shellcheck disable=SC2016
		exec setsid setpriv --pdeathsig KILL bash -c '((PPID == $0)) || exit; exec "$@"' "$parent" "${GUEST_CMD[@]}" 2>&"$complaints" {answers}>&- {lock}>&- {told}>&- {complaints}>&-
	) <"$GUEST_DIR/channel.in" 1>&"$told" 2>/dev/null &
	guest_pid=$!
	exec {channel}<"$GUEST_DIR/channel.out"
	exec {told}>&- {complaints}>&-
	[[ -z ${eyes:-} ]] || exec {eyes_out}>&-
	# The appliance waits for the time of day, and starts the guest.
	[[ ${GUEST_NESTED:-no} != yes ]] || answer "now $EPOCHSECONDS"
}

# guest_end : the guest is gone when this returns, and console.log is complete
guest_end() {
	guest_kill
	exec {channel}<&- {answers}>&-
	wait "$console_pid" 2>/dev/null || :
	eyes_close
	rm -f "$GUEST_DIR"/{channel,console}.{in,out}
	[[ ! -s $GUEST_DIR/appliance.log ]] ||
		{ printf '=== boot %d\n' "$boots" && head -c "$CHANNEL_LIMIT" "$GUEST_DIR/appliance.log"; } >>"$RUN/appliance$lane.log"
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

# listen : follow one boot's channel to its end, answering and holding it to its deadlines. Sets $verdict to why it
# ended, $program and $open to the program and case that ran then, if any, $bad if that program had told of a failure, $console_program
# to where the console's log stood when it began, $ready if the guest had booted, and takes one program after the other off the queue.
listen() {
	local line half='' now deadline program_deadline=0 program_limit='' rc count=0 plan='?' wait
	open='' dead='' ready='' verdict='' program='' bad='' case_began=0 channel_bytes=0 console_program=$console_start
	uptime
	deadline=$((now + BOOT_TIMEOUT * 100))
	while [[ -z $verdict ]]; do
		progress
		parent_lives || interrupted=TERM
		[[ -z $interrupted ]] || return 0
		wait=$((deadline - now))
		((program_deadline == 0 || program_deadline - now > wait)) || wait=$((program_deadline - now))
		rc=0
		channel_line $((wait > 100 ? 100 : wait < 1 ? 1 : wait)) || rc=$?
		[[ -z $interrupted && $journal_lost == 0 ]] || return 0
		uptime
		case $rc in
		0) listen_line ;;
		1) verdict=gone ;;
		3) flooded ;;
		esac
		# The other boot has shown that there is nothing to be had here.
		[[ -n $verdict || ! -e $queue/given_up ]] || verdict=given-up
		if [[ -z $verdict ]]; then
			stalled
			((now < deadline)) || overdue "no line for $SILENCE_TIMEOUT s"
			((program_deadline == 0 || now < program_deadline)) ||
				overdue "not done after the $program_limit s it may take"
		fi
	done
}

# stalled : where a nested guest is silent because the appliance under it has stopped, that needn't be waited for
stalled() {
	[[ -z $verdict && -n $ready && -n ${eyes:-} ]] && ((now > deadline - (SILENCE_TIMEOUT - STALL) * 100)) || return 0
	[[ -z $(eyes_stalled) ]] || excuse "$STALL"
}

# listen_line : act on $line. Only what watching needs is understood here; judge.awk judges.
listen_line() {
	if [[ -z $ready ]]; then
		case $line in
		'# guest ready')
			# What a busy host did to the boot is no matter; a wrong clock is.
			ready=1 case_began=$now
			journal '> ready'
			excuse
			[[ -z $verdict ]] || return 0
			next_program
			second_start
			;;
		'# ERROR '*) verdict="SETUP ${line#\# ERROR }" ;;
		esac
		return
	fi
	case $line in
	"# EXIT $program "*" $token")
		open='' program_deadline=0 hung=0
		todo=''
		if [[ -n $dead ]]; then
			verdict=dead program=''
		elif take; then
			next_program
		else
			# It has yet to say that it survived the last program, and has as long for that, whatever else it says.
			program_limit=$SILENCE_TIMEOUT program_deadline=$((now + SILENCE_TIMEOUT * 100))
			answer end
		fi
		;;
	'# guest done') [[ -n $todo ]] || verdict=finished ;;
	'# BEGIN '*) open=${line#\# BEGIN } case_began=$now ;;
	'# DEAD '*) death "${line#\# DEAD }" ;;
	'1..'*) plan=${line#1..} plan=${plan%% *} ;;
	'ok '*) count=$((count + 1)) open='' ;;
	'not ok '*)
		count=$((count + 1)) open='' bad=1
		# Of a DEAD the question was asked when it was said.
		if [[ -z $dead && $line == *' # DEAD'* ]]; then
			death "$line"
		elif [[ -z $dead ]]; then
			excuse
		fi
		;;
	esac
	if [[ -n $dead && -z $open ]]; then
		deadline=$((now + DEAD_GRACE * 100))
	else
		deadline=$((now + SILENCE_TIMEOUT * 100))
	fi
}

# death WORDS : the guest says so of a CPU's timers; nothing that needs them is begun any more, in this boot or, where nobody had
# changed anything, at all
death() {
	dead='some CPU' bad=1 open='' dead_in=$program dead_safe=$todo_safe
	[[ ! $1 =~ (cpu=|CPU )([0-9]+) ]] || dead="CPU ${BASH_REMATCH[2]}"
	eyes_look
	# A sleep was 2 s overdue, and the observer needs a moment.
	excuse 10
	eyes_journal
	uptime
}

# next_program : the host decides what runs, and writes so before the guest can claim it. The token, which EXIT must repeat, goes to
# init before the program begins, and no other program lives then: so none can speak for init, or for another program, without
# taking init or the kernel over (see above, and guest/confine.c).
next_program() {
	todo_name=${todo%% *}
	program=${todo_name/\//.} open='' count=0 plan='?' bad=''
	console_program=$(stat -c %s "$RUN/console$lane.log")
	printf -v token '%08x' "$SRANDOM"
	journal "> run $program $token"
	deadline=$((now + SILENCE_TIMEOUT * 100))
	case_began=$now
	program_limit=${PROGRAM_TIMEOUT[$todo_name]}
	program_deadline=$((now + program_limit * 100))
	answer "go $token $todo"
}

# excuse [SECONDS] : what the guest has just said, or failed to say, stands, unless the appliance's words of the last SECONDS (or since the case
# began) prove the emulation to be at fault: then the boot is void
excuse() {
	local why
	why=$(appliance_fault "${1:-0}")
	[[ -z $why ]] || verdict="void $why"
}

# at -> the id of what the guest was doing; the end of a program is a case of its own to be blamed
at() { echo "${open:-$program.end}"; }

# overdue WHY : a deadline has passed. Under a nested guest the appliance says how far each CPU's timer got.
overdue() {
	local kvm
	eyes_look
	# That a CPU stood still for a second a while ago explains no silence of now.
	excuse 3
	if [[ -n $verdict ]]; then
		:
	elif [[ -z $ready ]]; then
		verdict="NOBOOT guest not ready after $BOOT_TIMEOUT s"
	elif [[ -n $dead && -z $open ]]; then
		verdict=dead
	else
		kvm=$(eyes_words)
		verdict="HANG $(at) $1${kvm:+ (KVM: $kvm)}"
	fi
}

# flooded : the guest said more than a guest has to say
flooded() {
	if [[ -z $ready ]]; then
		verdict="NOBOOT more than $CHANNEL_LIMIT bytes came before the guest was ready"
	else
		verdict="FLOOD $(at) more than $CHANNEL_LIMIT bytes on the channel"
	fi
}

# emulation_failure -> how QEMU's emulation ended this boot, if it did: not the guest's fault. Where a kernel patches its code while
# all CPUs run, an emulated CPU may keep the breakpoint that stood there for a moment, above all on a busy host (seen with QEMU 7.2):
# "Oops: int3", or, so it seems, a triple fault where a CPU can't take exceptions yet. And the hypervisor appliance, seldom,
# ends before it has come to start the guest.
# What is so ended begins anew; but what ends so twice is the guest's own doing. What a guest prints on its own
# console excuses nothing where there is an appliance to ask, and least elsewhere: see breakpoint_panic.
emulation_failure() {
	local words fault
	[[ ${GUEST_EMULATED:-no} == yes ]] || return 0
	words=$(appliance_text)
	fault=$(triple_fault)
	if [[ $words == *'int3: 0000'* ]] || breakpoint_panic; then
		echo "an emulated CPU kept a breakpoint that was gone (int3)"
	elif [[ -n $fault ]]; then
		echo "a CPU shut down on emulated KVM ($fault)"
	elif [[ ${GUEST_NESTED:-no} == yes && $words != *'appliance: starting the guest'* ]]; then
		echo "the hypervisor appliance ended before it started the guest"
	elif [[ ${GUEST_NESTED:-no} == yes && $words != *'appliance: the guest ended'* ]]; then
		echo "the hypervisor appliance ended without a word, and the guest with it"
	fi
}

# breakpoint_panic : did the kernel die of a breakpoint while the running program had told of nothing bad? The guest's word alone, so it
# must be the panic itself that ended the boot, of the last oops since that program began, as the kernel prints both.
breakpoint_panic() {
	[[ ${GUEST_NESTED:-no} == no && -z $bad ]] && console_text "$console_program" | awk '
		/int3: 0000 \[#[0-9]+\]/ { oops = "int3"; next }
		/BUG:|Oops|Internal error|general protection|invalid opcode|divide error|double fault|stack segment/ { oops = "another" }
		/RIP: 0010:/ && oops == "int3" { oops = "int3 in the kernel" }
		/Kernel panic - not syncing: / { found = oops == "int3 in the kernel" && /Fatal exception/; exit }
		END { exit !found }'
}

# gone -> why a guest that ended by itself did so
gone() {
	local why
	why=$(appliance_death)
	[[ -z $why ]] || {
		echo "SETUP the hypervisor appliance died (its words are in appliance.log): $why"
		return
	}
	why=$(console_text | sed -n 's/.*Kernel panic - not syncing: //p' | head -n 1 | cut -c -200) || :
	printable why
	if [[ -z $ready ]]; then
		[[ -z $why ]] || why="panic: $why"
		[[ -n $why ]] || why=$(console_text | tail -n 1 | cut -c -200) || :
		printable why
		echo "NOBOOT the guest ended before it was ready${why:+: $why}"
	elif [[ -n $why ]]; then
		echo "PANIC $(at) $why"
	else
		why=$(triple_fault)
		echo "RESET $(at) the machine restarted or ended${why:+ ($why)}"
	fi
}

# progress : where we are; on a terminal one line that is rewritten, else one line for each program
progress() {
	local file text shown=''
	if [[ -t 2 && ${TERM:-dumb} != dumb ]]; then
		printf 'boot %d  %s\n' "$boots" "${program:-booting}${program:+ $count of $plan}" >"$queue/progress$lane"
		for file in "$queue"/progress*; do
			read -r text <"$file" || :
			shown+="$text  "
		done
		printf '\r\e[K%s  %s%d s' "$GUEST" "$shown" $(((now - run_start) / 100)) >&2
	elif [[ -n $program && $program != "$progress_last" ]]; then
		say "$GUEST  boot $boots  $program"
	fi
	progress_last=$program
}

# void WHY : this boot proves nothing of the guest: it is begun anew, but not for ever
void() {
	if ((again++ < 2)); then
		verdict="again $1" again_in+=" $program"
	else
		# What it said of the running program is taken back all the same.
		journal "> again $1"
		verdict="SETUP QEMU's emulation failed for the third time, not the guest: $1; try again on a quieter machine"
	fi
}

# take : the next program that no boot has had yet, in $todo, and in $todo_safe whether it changes nothing; false when there is none for
# this series of boots
take() {
	local entry
	todo=''
	for entry in "$queue"/$share; do
		# Whoever moves it has it.
		mv "$entry" "$GUEST_DIR/taken" 2>/dev/null || continue
		todo=$(<"$GUEST_DIR/taken") todo_safe=no
		[[ $entry != */program.1.* ]] || todo_safe=yes
		return 0
	done
	return 1
}

# todo_unrun WHY : the program in $todo is not run, or not to its end
todo_unrun() {
	todo=${todo%% *}
	journal "> unrun ${todo/\//.} $1"
	todo=''
}

# give_up WHY : what this series of boots would still take is not run
give_up() {
	while take; do
		todo_unrun "$1"
	done
}

# nothing_more : no further program is begun, side by side neither
nothing_more() { rm -f "$queue"/program.*; }

# second_start : once the guest has booted, let a second boot of it have what changes the system, side by side with what doesn't.
# It has its own scratch directory and files, whose names end in 2; what it says is put behind ours when it has ended.
second_start() {
	local file
	local -a left=("$queue"/program.*) rest=("$queue"/program.2.*)
	# shellcheck disable=SC2153  # of gate
	[[ $BOOTS == 2 && -z $lane$second_pid && -e ${rest[0]} && ${#left[@]} -gt 1 ]] || return 0
	mkdir "$GUEST_DIR/second"
	for file in "$GUEST_DIR"/*; do
		[[ ! -f $file || $file == *.log || $file == */taken ]] || ln -P "$file" "$GUEST_DIR/second/"
	done
	second_watch &
	second_pid=$!
}

# second_watch : the second series of boots, in a shell of its own; fails if a line of its journal was lost
second_watch() {
	trap 'guest_interrupt INT' USR1
	trap 'guest_interrupt TERM' TERM HUP
	trap guest_kill EXIT
	# The first boot's.
	[[ -z ${eyes:-} ]] || exec {eyes}>&- {monitor}>&- {monitor_says}<&-
	exec {answers}>&- {channel}<&-
	guest_pid='' second_pid='' eyes='' lane=2 share='program.2.*' GUEST_FALLBACK=no GUEST_DIR+=/second
	watch
	((journal_lost == 0))
}

# parent_lives : a second series of boots ends when the gate itself was killed outright
parent_lives() {
	local parent
	[[ -z $lane ]] || { read -r _ _ _ parent _ <"/proc/$BASHPID/stat" && [[ $parent == "$$" ]]; }
}

# second_end : wait for the second series of boots, and put its journal and logs behind the first's
second_end() {
	local status=0 name
	[[ -n $second_pid ]] || return 0
	while wait "$second_pid" || status=$?; kill -0 "$second_pid" 2>/dev/null; do status=0; done
	second_pid=''
	for name in journal console appliance; do
		[[ ! -e $RUN/${name}2.log ]] || { cat "$RUN/${name}2.log" >>"$RUN/$name.log" && rm "$RUN/${name}2.log"; } 2>/dev/null || journal_lost=$((journal_lost + 1))
	done
	((status == 0)) || journal "> SETUP the harness failed as it watched a second boot (status $status)"
}

# supervise "TIER PROGRAM ARG..."... : boot until every program was tried once; the journal says how it went. What changes nothing runs first;
# the rest in the order given, where BOOTS is 2 in a second boot.
supervise() {
	local entry number=0 queue=$GUEST_DIR/queue share='program.*' run_start now
	mkdir "$queue"
	for entry; do
		printf -v number '%03d' $((10#$number + 1))
		echo "${entry#* }" >"$queue/program.$([[ $entry == safe\ * ]] && echo 1 || echo 2).$number"
	done
	uptime
	run_start=$now
	watch
	second_end
}

# watch : boot while there are programs to take
watch() {
	local channel answers console_pid console_start verdict program case_began token open bad console_program ready todo='' todo_name='' progress_last='' channel_bytes again=0 again_in='' why fall_back='' todo_safe='' dead dead_in dead_safe hung=0
	: >>"$RUN/console$lane.log"
	while [[ -z $interrupted && $journal_lost == 0 ]] && { [[ -n $todo ]] || take; }; do
		guest_start
		listen
		if [[ $verdict == gone ]]; then
			# Its last words first.
			guest_kill
			wait "$console_pid" || :
			why=$(emulation_failure)
			if [[ -z $why || " $again_in " == *" ${program:-in no program} "* ]]; then
				verdict=$(gone)
			else
				void "$why"
			fi
		elif [[ $verdict == 'void '* ]]; then
			eyes_registers
			void "${verdict#void }"
		fi
		if [[ $verdict == NOBOOT* && $GUEST_FALLBACK == yes ]] && guest_silent; then
			verdict="again KVM brought no guest to its first line (${verdict#NOBOOT })" fall_back=${verdict#again }
		fi
		[[ $verdict != NOBOOT* ]] || verdict+=" ($(remedy))"
		case $verdict in
		dead) journal '> ended after DEAD' ;;
		given-up) todo_unrun "$(<"$queue/given_up")" ;;
		HANG* | PANIC* | RESET* | NOBOOT* | FLOOD* | SETUP* | again*)
			journal "> $verdict"
			console_show
			;;
		esac
		[[ $verdict != HANG* && $verdict != again* ]] || eyes_journal
		# 9: all of it is to be seen, in spite of "quiet".
		[[ $verdict != HANG* ]] || sysrq 9 l q w
		guest_end
		[[ ! -t 2 || ${TERM:-dumb} == dumb ]] || printf '\r\e[K' >&2
		[[ -z $interrupted ]] || journal "> interrupted $interrupted"
		if [[ $verdict == NOBOOT* || $verdict == SETUP* || -n $interrupted ]]; then
			nothing_more
			break
		fi
		if [[ -n $fall_back && $GUEST_FALLBACK == yes ]]; then
			note "$fall_back: running KVM in an emulated machine instead, which is slower"
			guest_fall_back "$fall_back"
			journal "> gate how=$GUEST_DESCRIPTION"
			journal "> gate accel=$GUEST_ACCEL ($GUEST_ACCEL_WHY)"
		fi
		# Whatever else ended a boot, the program it ended in has had its turn.
		[[ $verdict == again* || -z $program ]] || todo=''
		[[ $verdict != HANG* ]] || hung=$((hung + 1))
		if [[ $verdict == dead && $dead_safe == yes ]]; then
			echo "$dead's timers are dead, and nothing had been changed (see $dead_in)" >"$queue/given_up"
			give_up "$(<"$queue/given_up")"
		elif ((hung == HUNG_LIMIT)); then
			give_up "$HUNG_LIMIT programs in a row have hung, each in a boot of its own: this guest hangs whatever is run"
		fi
	done
	rm -f "$queue/progress$lane"
}
