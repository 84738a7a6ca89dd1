# shellcheck shell=bash disable=SC2034,SC2154  # of guest.sh and gate
# SPDX-License-Identifier: GPL-2.0-only
# EXPORT=dir: a guest for somebody else to boot, who only listens, as LAVA does (harness/lava): it runs its programs by itself (guest/session, alone).
# Needs guest.sh.
#
# What is in the directory: the files that QEMU needs, by their labels; command.json ({command, cpu, machine, memory, args, files: {LABEL: FILE}};
# {LABEL} in args stands for a file, as LAVA has it); journal.log, which begins with what is judged, and has no boot yet; seconds, that all
# programs may take.

# export_check : die if this guest can't be exported
export_check() {
	absolute EXPORT
	[[ -z ${HOST:-} ]] || die 2 'EXPORT= and HOST=: a machine is not exported: leave one of the two out'
	mkdir -p "$EXPORT" 2>/dev/null || die 2 "EXPORT=$EXPORT: cannot write there"
	[[ -z $(ls -A "$EXPORT") ]] || die 2 "EXPORT=$EXPORT: the directory is not empty"
}

# export_choose : leave the programs out that ask the host for something: nobody answers
export_choose() {
	local entry
	local -a chosen=("${PROGRAMS[@]}")
	PROGRAMS=()
	for entry in "${chosen[@]}"; do
		if [[ ${entry#* } == continuity/* ]]; then
			LEFT_OUT+=("${entry#* }")
		else
			PROGRAMS+=("$entry")
		fi
	done
	((${#PROGRAMS[@]})) || die 2 "EXPORT=: what TESTS=$TESTS chooses asks the host, and nobody answers there"
}

# export_list -> what a host would say to the guest, line by line
export_list() {
	local entry number=0
	for entry in "${PROGRAMS[@]}"; do
		number=$((number + 1))
		printf 'go %d %s\n' "$number" "${entry#* }"
	done
	echo end
}

# export_file FILE : FILE into the directory, under a label in variable label: its name, in letters and digits
export_file() {
	label=${1##*/}
	label=${label%%[.-]*}
	label=${label//[^A-Za-z0-9]/}
	while [[ -n ${exported[$label]:-} && ${exported[$label]} != "${1##*/}" ]]; do label+=x; done
	exported[$label]=${1##*/}
	[[ ! -e $EXPORT/${1##*/} ]] || return 0
	case $1 in
	# It stands alone then.
	disk.qcow2) qemu-img convert -O qcow2 "$GUEST_DIR/disk.qcow2" "$EXPORT/disk.qcow2" ;;
	*) (cd "$GUEST_DIR" && cp -L --reflink=auto "$1" "$EXPORT/") ;;
	esac || die 2 "cannot write to $EXPORT: make room"
}

# export_guest : from GUEST_CMD to the directory
export_guest() {
	local word part sep out label
	local -a words=("${GUEST_CMD[@]}") args=()
	local -A exported=() of=()
	[[ $GUEST_NESTED == no ]] ||
		die 2 "EXPORT=: GUEST=$GUEST would run in an emulated machine here; take GUEST=x86 or arm64, or export where it runs on KVM (ACCEL=kvm)"
	# What the gate needs around it.
	while [[ ${words[0]} != *qemu-system-* ]]; do words=("${words[@]:1}"); done
	of[command]=${words[0]}
	set -- "${words[@]:1}"
	while (($#)); do
		case $1 in
		# What whoever boots it says himself.
		-m | -M | -cpu)
			of[$1]=$2
			shift
			;;
		-display | -nic | -mon) shift ;;
		-nodefaults) ;;
		# Console and channel in one: somebody else has one to listen to.
		-chardev)
			[[ $2 == pipe,* ]] || args+=(-chardev "${2/,signal=off/,mux=on,signal=off}")
			shift
			;;
		chardev:con) args+=(chardev:ktap) ;;
		*)
			out='' word=$1
			while [[ -n $word ]]; do
				part=${word%%[,=]*}
				sep=${word:${#part}:1}
				word=${word:$((${#part} + ${#sep}))}
				if [[ -n $part ]] && (cd "$GUEST_DIR" && [[ -f $part ]]); then
					export_file "$part"
					part="{$label}"
				fi
				out+=$part$sep
			done
			args+=("$out")
			;;
		esac
		shift
	done
	{
		printf '%s\n' "${of[command]}" "${of[-cpu]}" "${of[-M]}" "${of[-m]}" "$GUEST_ARCH"
		printf 'arg %s\n' "${args[@]}"
		for label in "${!exported[@]}"; do
			printf 'file %s %s\n' "$label" "${exported[$label]}"
		done
	} | jq -R -n '[inputs] as $lines | {command: $lines[0], cpu: $lines[1], machine: $lines[2], memory: ($lines[3] | tonumber), arch: $lines[4],
		args: [$lines[5:][] | select(startswith("arg ")) | .[4:]],
		files: ([$lines[5:][] | select(startswith("file ")) | split(" ") | {(.[1]): .[2]}] | add)}' >"$EXPORT/command.json"
	open_run
	mv "$RUN/journal.log" "$EXPORT/"
	rmdir "$RUN"
	RUN=''
	for word in "${PROGRAMS[@]#* }"; do
		echo "${PROGRAM_TIMEOUT[$word]}"
	done | awk '{ all += $1 } END { print all }' >"$EXPORT/seconds"
	say "$GUEST_DESCRIPTION: exported to $EXPORT"
	outcome=0
	exit
}
