# shellcheck shell=bash disable=SC2154,SC2034  # what one part sets, another reads
# SPDX-License-Identifier: GPL-2.0-only
# Listening to one boot: what it says, and by when. Part of supervise.sh.

# listen : follow one boot's channel to its end, answering and holding it to its deadlines. Sets $verdict to why it
# ended, $program and $open to the program and case that ran then, if any, $bad if that program had reported a failure, $console_program
# to where the console's log stood when it began, $ready if the guest had booted, and takes one program after the other off the queue.
listen() {
	local line half='' now deadline others silent_others program_others=0 waited program_deadline=0 program_limit='' rc count=0 plan='?' wait patience=1 cuts=0 quiet_size=-1 quiet_since quiet_others
	open='' dead='' ready='' verdict='' program='' bad='' case_began=0 channel_bytes=0 console_program=$console_start
	uptime
	deadline=$((now + BOOT_TIMEOUT * 100))
	others_work
	silent_others=$others
	while [[ -z $verdict ]]; do
		snapshot_wake
		progress
		parent_lives || interrupted=TERM
		[[ -z $interrupted ]] || return 0
		wait=$((deadline - now))
		((program_deadline == 0 || program_deadline - now > wait)) || wait=$((program_deadline - now))
		rc=0
		channel_line $((wait > 100 ? 100 : wait < 1 ? 20 : wait)) || rc=$?
		[[ -z $interrupted && $journal_lost == 0 ]] || return 0
		uptime
		[[ -z ${MACHINE_DIR:-} ]] || machine_events
		case $rc in
		0) listen_line ;;
		1) verdict=gone ;;
		2) [[ -n $silent_others ]] || { others_work && silent_others=$others; } ;;
		3) flooded ;;
		esac
		# The other boot has shown that there is nothing to be had here.
		[[ -n $verdict || ! -e $queue/given_up ]] || verdict=given-up
		if [[ -z $verdict ]]; then
			stalled
			[[ -z ${IMAGE:-} ]] || stuck
			mute
			deadlines
		fi
	done
}

# late DEADLINE BEFORE SECONDS : has it passed, by more than this machine's other work since BEFORE, of which SECONDS count at most? That is in $waited.
late() {
	((now >= $1)) || return 1
	others_work
	waited=$((others - $2 < $3 * 100 ? others - $2 : $3 * 100))
	((now >= $1 + waited))
}

# deadlines : act on those that have passed
deadlines() {
	local limit=$SILENCE_TIMEOUT waited
	[[ -n $ready ]] || limit=$BOOT_TIMEOUT
	# Of a death nothing more is awaited.
	[[ -z $dead || -n $open ]] || limit=0
	! late "$deadline" "$silent_others" $((BUSY_PATIENCE * limit)) || overdue "no line for $(of_which "$SILENCE_TIMEOUT")"
	[[ -n $verdict ]] || ((program_deadline == 0)) || ! late "$program_deadline" "$program_others" $((BUSY_PATIENCE * program_limit)) ||
		overdue "not done within $(of_which "$program_limit")"
}

# of_which SECONDS -> those, and what others had of this machine meanwhile
of_which() {
	echo "$(($1 + waited / 100)) s$( ((waited < 100)) || echo ", in $((waited / 100)) of which this machine was busy with other work")"
}

# stalled : where a nested guest is silent because the appliance under it has stopped, that needn't be waited for
stalled() {
	[[ -z $verdict && -n $ready && -n ${eyes:-} ]] && ((now > deadline - (SILENCE_TIMEOUT - STALL) * 100)) || return 0
	[[ -z $(eyes_stalled) ]] || excuse "$STALL"
}

# stuck : an image whose console has said nothing for PROMPT_WAIT seconds, and last what leads nowhere, isn't waited for
stuck() {
	local size why
	[[ -z $ready$verdict ]] || return 0
	size=$(stat -c %s "$RUN/console$lane.log")
	if ((size != quiet_size)); then
		others_work
		quiet_size=$size quiet_since=$now quiet_others=$others
	elif late $((quiet_since + PROMPT_WAIT * 100)) "$quiet_others" $((BUSY_PATIENCE * PROMPT_WAIT)); then
		# A signal to all of us ends that one as well.
		why=$(image_prompt) || :
		# At a login prompt, or without a word, it may still be on its way.
		[[ -z $why || $why == *login\ prompt* || $why == nothing\ came* ]] || verdict="NOBOOT guest not ready, and its console silent for $(((now - quiet_since) / 100)) s"
	fi
}

# mute : a KVM that has brought no guest to its first line, where there is another way to boot it, isn't waited for as long as a guest that boots
mute() {
	local waited
	[[ $GUEST_FALLBACK == yes && -z $ready$verdict ]] || return 0
	late $((deadline - (BOOT_TIMEOUT - FIRST_WORD_WAIT) * 100)) "$silent_others" $((BUSY_PATIENCE * FIRST_WORD_WAIT)) && guest_silent || return 0
	verdict="NOBOOT nothing came from the guest in $(of_which "$FIRST_WORD_WAIT")"
}

# listen_line : act on $line. Only what watching needs is understood here; judge.awk judges.
listen_line() {
	patience=1
	if [[ -z $ready ]]; then
		case $line in
		'# guest ready')
			# What a busy host did to the boot is no matter; a wrong clock is.
			ready=1 case_began=$now
			journal '> ready'
			excuse
			[[ -z $verdict ]] || return 0
			snapshot_take
			[[ -z $verdict ]] || return 0
			next_program
			second_start
			;;
		'# ERROR '*) verdict="SETUP ${line#\# ERROR }" ;;
		'# guest '*=*) [[ -z ${IMAGE:-}${INITRD:-}${MACHINE_DIR:-} ]] || about "${line#\# guest }" ;;
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
			others_work
			program_others=$others
			answer end
		fi
		;;
	'# guest done') [[ -n $todo ]] || verdict=finished ;;
	'# BEGIN '*) open=${line#\# BEGIN } case_began=$now ;;
	'# HOST '*) hold "${line#\# HOST }" ;;
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
	silent_others=''
	if [[ -n $dead && -z $open ]]; then
		deadline=$((now + DEAD_GRACE * 100))
	else
		deadline=$((now + SILENCE_TIMEOUT * 100))
	fi
}

# about KEY=VALUE : what an image's or a machine's agent says of the system, before any program has run there; an image's kernel is
# known by this alone
about() {
	local key=${1%%=*} value=${1#*=}
	case $key in
	kernel)
		[[ -n ${IMAGE:-} && $value =~ ^[A-Za-z0-9._+~-]{1,64}$ ]] || return 0
		journal "> gate kernel=$value"
		journal "> gate kernel_version=$value"
		journal "> gate how=Linux $value of $GUEST_DESCRIPTION"
		;;
	# As kernels are compared: Debian's releases don't say which 6.1 they are.
	kernel_version) [[ -n ${INITRD:-} || ! $value =~ ^[0-9.]{3,20}$ ]] || journal "> gate kernel_version=$value" ;;
	clock_daemon) say "$value runs there, and may steer its clock" ;;&
	udev) [[ $value != busy ]] || say "udev still loads drivers there: that may disturb the tests" ;;&
	udev | way | system | clock_daemon | daemons | lsm | lockdown | root) journal "> gate $key=${value:0:200}" ;;
	esac
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
	perf_next "$todo_name"
	deadline=$((now + SILENCE_TIMEOUT * 100))
	case_began=$now holds=0
	program_limit=${PROGRAM_TIMEOUT[$todo_name]}
	program_deadline=$((now + program_limit * 100))
	others_work
	program_others=$others silent_others=$others
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
	local words by=KVM
	if [[ -n $ready && -z $dead && -n ${MACHINE_DIR:-} ]]; then
		machine_overdue "$1"
		return
	fi
	eyes_look
	# That a CPU stood still for a second a while ago explains no silence of now.
	excuse 3
	if [[ -n $verdict ]]; then
		:
	elif [[ -z $ready ]]; then
		verdict="NOBOOT guest not ready after $(of_which "$BOOT_TIMEOUT")"
	elif [[ -n $dead && -z $open ]]; then
		verdict=dead
	else
		words=$(eyes_words)
		[[ -n ${eyes:-} ]] || by='the hypervisor'
		verdict="HANG $(at) $1${words:+ ($by: $words)}"
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
