# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Watching a guest from outside. Needs common.sh and guest.sh, LC_ALL=C, and:
#   RUN          the run's directory: journal.log and console.log grow there
#   GUEST_DIR    scratch directory the guest is started in; GUEST_CMD the command, its stdin and stdout the channel
#   GUEST_ACCEL  kvm, nested or tcg, GUEST_ARCH
#   GUEST_FALLBACK  yes: where this guest never says a word, guest_fall_back makes another of it
#   PROGRAM_TIMEOUT  associative array, "surface/program" -> seconds
#   lock         a file descriptor that the guest must not inherit
#   IMAGE, MACHINE_DIR  set where the guest is somebody's image, or a machine: it says what it is before it is ready
#
#   BOOTS        how many boots of the guest share the programs, side by side: 1 or 2
#
#   supervise "TIER surface/program args"...    boots until each was tried once
#
# journal.log is all that judging ever reads. One line each: "<epoch, s.us> <uptime, s.cs> <boot> <number> < <line of the guest>" or
# "... > <event>". Numbers count each boot's lines from 1, so that a lost line is seen; uptime shows when somebody sets the host's clock.
# Events: gate KEY=VALUE, plan PROGRAM, left-out PROGRAM, boot COMMAND, ready, run PROGRAM TOKEN,
# HANG|PANIC|RESET|FLOOD ID WHY, NOBOOT WHY, SETUP WHY, again WHY (that boot is void), unrun PROGRAM WHY, console LINE, held WHAT SECONDS: WORDS, interrupted SIGNAL, off, end SUM
# (cksum of all lines before it).
# A guest can't forge an event: its lines are stamped, reduced to printable ASCII and marked "<" here.
# What a test program, which is root in the guest, can't do: learn the token of EXIT (it is in init's memory alone, and programs run without
# CAP_SYS_PTRACE and CAP_MKNOD, with /proc/kcore and /dev/mem away), write another program's file (the root file system is read-only), or
# speak, listen or act after its own EXIT (init kills all that it left behind, before it says EXIT). What it can: say anything in its own
# time, and take init or the kernel over, if it sets out to: by a module, BPF or kprobes, a mount of its own, raw ports, a helper that the
# kernel starts for it. Then it is init, and is believed until that boot ends. Every boot starts from the same initrd, or as the guest was saved before any program ran.
#
# No deadline below trusts a clock of the guest. As long as this machine has other work at the same time it takes longer (late), up to 1 + BUSY_PATIENCE times
# as long. Seconds:
# BOOT_TIMEOUT             until "# guest ready" (gate)
: "${PROMPT_WAIT:=60}"     # until an image whose console shows a prompt, and is silent, is waited for no longer
: "${FIRST_WORD_WAIT:=30}" # until a KVM that may bring no guest to its first line is given up, if the guest can run without it
: "${SILENCE_TIMEOUT:=30}" # without a line while a program runs
: "${DEAD_GRACE:=5}"       # the same after it said DEAD, unless it has begun another case
: "${SYSRQ_WAIT:=3}"       # for the console's answer to each sysrq key
# Bytes:
: "${CHANNEL_LIMIT:=1048576}" # of one boot's channel
: "${CONSOLE_LIMIT:=8388608}" # of console.log
LINE_LIMIT=4096
BUSY_PATIENCE=3
# Programs in a row that may hang before the rest isn't tried
HUNG_LIMIT=3
# 1/100 s between two looks at the clock from which on we were stopped
GAP=250
# Seconds for which a kernel awaits the backtraces of all CPUs (nmi_trigger_cpumask_backtrace()), and is silent
BACKTRACE_WAIT=10

# shellcheck source=journal.sh
source "$HARNESS/watch/journal.sh"
# shellcheck source=boot.sh
source "$HARNESS/watch/boot.sh"
# shellcheck source=listen.sh
source "$HARNESS/watch/listen.sh"
# shellcheck source=ending.sh
source "$HARNESS/watch/ending.sh"
# shellcheck source=eyes.sh
source "$HARNESS/watch/eyes.sh"
# shellcheck source=monitor.sh
source "$HARNESS/watch/monitor.sh"
# shellcheck source=snapshot.sh
source "$HARNESS/watch/snapshot.sh"
# shellcheck source=hold.sh
source "$HARNESS/watch/hold.sh"
# shellcheck source=perf.sh
source "$HARNESS/watch/perf.sh"
# shellcheck source=machine.sh
source "$HARNESS/watch/machine.sh"

# The running QEMU, leader of a session of its own; the signal that ended the run; the number of this boot, and its lines in the journal.
# Which of two series of boots this shell watches (empty: the first), and, in the first, the shell that watches the second.
lane='' second_pid='' perf_trace=''
guest_pid='' interrupted='' boots=0 journal_lines=0 host_cpus=0
# Lines that could not be written; when uptime was last asked.
journal_lost=0 uptime_last=''

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
	snapshot_doubt
	if ((again++ < 2)); then
		verdict="again $1" again_in+=" $program@$(fault_place "$1")"
	else
		# What it said of the running program is taken back all the same.
		journal "> again $1"
		verdict="SETUP QEMU's emulation failed for the third time, not the guest: $1; try again on a quieter machine"
	fi
}

# take : the next program that no boot has had yet, in $todo, and in $todo_safe whether it changes nothing; false when there is none for
# this series of boots. The second has what changes the system, and before that its part of what doesn't, while there is much more of it: a program
# that changes the system takes half as long again.
take() {
	local entry
	local -a safe=("$queue"/program.1.*) rest=("$queue"/program.2.*)
	todo=''
	[[ -z $lane ]] || ((2 * ${#safe[@]} > 3 * ${#rest[@]})) || share='program.2.*'
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

# second_start : let a second boot of the guest have what changes the system, side by side with what doesn't.
# It has its own scratch directory and files, whose names end in 2; what it says is put after ours when it has ended.
second_start() {
	local file
	local -a left=("$queue"/program.*) rest=("$queue"/program.2.*)
	# shellcheck disable=SC2153  # of gate
	[[ $BOOTS == 2 && -z $lane$second_pid && -e ${rest[0]} && ${#left[@]} -gt 1 ]] || return 0
	mkdir "$GUEST_DIR/second"
	for file in "$GUEST_DIR"/*; do
		[[ ! -f $file || $file == *.log || $file == */taken || $file == */ring || $file == */timers ]] || ln -P "$file" "$GUEST_DIR/second/"
	done
	second_watch &
	second_pid=$!
	[[ -z $interrupted ]] || guest_interrupt "$interrupted"
}

# second_watch : the second series of boots, in a shell of its own; fails if a line of its journal was lost
second_watch() {
	trap 'guest_interrupt INT' USR1
	trap 'guest_interrupt TERM' TERM HUP
	trap guest_kill EXIT
	# The first boot's.
	[[ -z ${eyes:-} ]] || exec {eyes}>&- {monitor}>&- {monitor_says}<&-
	exec {answers}>&- {channel}<&-
	qmp_close
	guest_pid='' second_pid='' eyes='' perf_trace='' lane=2 GUEST_FALLBACK=no GUEST_DIR+=/second
	watch
	((journal_lost == 0))
}

# parent_lives : a second series of boots ends when the gate itself was killed outright
parent_lives() {
	local parent
	[[ -z $lane ]] || { read -r _ _ _ parent _ <"/proc/$BASHPID/stat" && [[ $parent == "$$" ]]; }
}

# second_end : wait for the second series of boots, and put its journal and logs after the first's
second_end() {
	local status=0 name
	[[ -n $second_pid ]] || return 0
	while
		wait "$second_pid" || status=$?
		kill -0 "$second_pid" 2>/dev/null
	do status=0; done
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
		# A boot keeps one CPU busy, most often. Where it is not sure that the guest boots so, and where its state is saved first, it is waited for.
		[[ $GUEST_FALLBACK == yes || -n ${IMAGE:-} ]] || { [[ ${GUEST_SNAPSHOT:-no} == yes ]] && ! snapshot_used; } || second_start
		listen
		if [[ $verdict == gone ]]; then
			# Its last words first.
			guest_kill
			wait "$console_pid" || :
			why=$(emulation_failure)
			if [[ -z $why ]] || ends_alike "$why"; then
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
		[[ $verdict != HANG* || -n ${MACHINE_DIR:-} ]] || sysrq 9 l q w
		guest_end
		[[ ! -t 2 || ${TERM:-dumb} == dumb ]] || printf '\r\e[K' >&2
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
		[[ -z ${MACHINE_DIR:-} ]] || machine_over
		if [[ $verdict == dead && $dead_safe == yes ]]; then
			echo "$dead's timers are dead, and nothing had been changed (see $dead_in)" >"$queue/given_up"
			give_up "$(<"$queue/given_up")"
		elif ((hung == HUNG_LIMIT)); then
			give_up "$HUNG_LIMIT programs in a row have hung, each in a boot of its own: this guest hangs whatever is run"
		fi
	done
	# Whenever it came: what was not begun for it is no error of the guest's.
	[[ -z $interrupted ]] || journal "> interrupted $interrupted"
	rm -f "$queue/progress$lane"
}
