# shellcheck shell=bash disable=SC2034,SC2154  # what is set here is for those who source it
# SPDX-License-Identifier: GPL-2.0-only
# HOST=: a machine that already runs, by ssh, as if it were a guest. What stands for QEMU's command is watch/bridge. Needs guest.sh.
#
# MACHINE_DIR  the directory that was made on the machine; empty where there is none. MACHINE_ROOT: "sudo -n ", where that makes root

MACHINE_WAIT=15 # s, for the answer to one connection
MACHINE_LOOK=60 # s, for the answer to what is asked before a run: the machine, or this one, may be busy

# machine_check : die if what is asked for with HOST= can't be
machine_check() {
	local name
	[[ $HOST =~ ^[A-Za-z0-9_][A-Za-z0-9._-]*@[A-Za-z0-9.:_%-]+$ || $HOST =~ ^ssh://[A-Za-z0-9_][A-Za-z0-9._-]*@[A-Za-z0-9._%:-]+$ ]] ||
		die 2 "HOST=$HOST: give user@machine, or ssh://user@machine:port"
	for name in IMAGE INITRD KERNEL MODULES CPUS ACCEL; do
		[[ -z ${!name:-} ]] || die 2 "HOST= and $name=: a machine is tested as it is: leave one of the two out"
	done
	[[ -z $guest_given ]] || die 2 "HOST= and GUEST=: a guest is booted, a machine already runs: leave one of the two out"
	[[ ${I_KNOW_THIS_MAY_HANG_THE_MACHINE:-no} =~ ^(yes|no)$ ]] || die 2 "I_KNOW_THIS_MAY_HANG_THE_MACHINE=: give yes, or leave it out"
	read -ra MACHINE_SSH <<<"${SSH_CMD:-ssh}"
	command -v "${MACHINE_SSH[0]}" >/dev/null || die 2 "SSH_CMD=$SSH_CMD: no such command"
	# Never a question in the middle of a run; a machine that is gone is noticed within 12 s; each connection is one of its own.
	MACHINE_SSH+=(-T -o BatchMode=yes -o ServerAliveInterval=3 -o ServerAliveCountMax=4
		-o ControlMaster=no -o ControlPath=none -o ClearAllForwardings=yes -o LogLevel=ERROR)
	guest_name=${HOST#ssh://} guest_name=${guest_name#*@} guest_name=${guest_name//[^A-Za-z0-9._-]/-}
	GUEST=$guest_name
}

# machine_do SECONDS COMMAND : COMMAND on the machine, by a connection of its own; what ssh complained of in $GUEST_DIR/ssh.err
machine_do() { timeout "$1" "${MACHINE_SSH[@]}" -o ConnectTimeout=$(($1 - 3)) "$HOST" "$2" 2>"$GUEST_DIR/ssh.err"; }

# machine_answers : does it answer another connection?
machine_answers() { machine_do "$MACHINE_WAIT" 'exit 0' </dev/null; }

# machine_look : what the machine is, into GUEST_CONF, GUEST_CPUS and KERNEL_RELEASE; whether we can be root there
machine_look() {
	local answer status=0 key value
	local -A is=()
	say "asking $HOST what it is"
	# sh, whatever the user's own shell is; whatever else is printed at login isn't taken for an answer.
	answer=$(
		machine_do "$MACHINE_LOOK" 'exec sh -s' <<'END'
say() { echo "tickproof $1 $2"; }
say arch "$(uname -m)"
say release "$(uname -r)"
say system "$(uname -s)"
say cpus "$(getconf _NPROCESSORS_CONF 2>/dev/null || grep -c ^processor /proc/cpuinfo)"
say uid "$(id -u)"
[ "$(id -u)" = 0 ] || [ "$(sudo -n id -u 2>/dev/null)" != 0 ] || say sudo yes
command -v tar >/dev/null && command -v gzip >/dev/null && command -v tail >/dev/null && say tools yes
END
	) || status=$?
	while read -r _ key value; do
		is[$key]=$value
	done < <(sed -n '/^tickproof /p' <<<"$answer")
	if [[ -z ${is[arch]:-} ]]; then
		key=$(tail -n 1 "$GUEST_DIR/ssh.err" | tr -d '\r')
		((status != 124)) || key="no answer within $MACHINE_LOOK s"
		die 2 "HOST=$HOST: ${key:-no shell answers there (status $status)}; \"${MACHINE_SSH[0]} -o BatchMode=yes $HOST true\" must work without a question"
	fi
	[[ ${is[system]} == Linux ]] || die 2 "HOST=$HOST: it runs ${is[system]}, and these are tests of Linux"
	[[ -n ${is[tools]:-} ]] || die 2 "HOST=$HOST: tar, gzip and tail are needed there: install them"
	[[ ${is[cpus]} =~ ^[1-9][0-9]{0,4}$ ]] || die 2 "HOST=$HOST: it has ${is[cpus]} CPUs, it says"
	declare -gA GUEST_CONF=([tests]='*' [cpus]=${is[cpus]} [modules]='' [hypervisor]='' [cpu]='' [cmdline]='')
	case ${is[arch]} in
	x86_64) GUEST_CONF[arch]=amd64 ;;
	aarch64) GUEST_CONF[arch]=arm64 ;;
	*) die 2 "HOST=$HOST: it is ${is[arch]}, and programs are built here for x86_64 and aarch64: build and run them there (make gen_tar)" ;;
	esac
	MACHINE_ROOT='' MACHINE_IS_ROOT=yes
	if [[ ${is[uid]} != 0 ]]; then
		[[ -z ${is[sudo]:-} ]] || MACHINE_ROOT='sudo -n '
		[[ -n ${is[sudo]:-} ]] || MACHINE_IS_ROOT=no
	fi
	[[ $MACHINE_IS_ROOT == yes || ${I_KNOW_THIS_MAY_HANG_THE_MACHINE:-} != yes ]] ||
		die 2 "HOST=$HOST: tests that change the machine want root: give root@..., or a user whose sudo asks for no password"
	[[ $MACHINE_IS_ROOT == yes ]] || note "neither root nor sudo without a password on $HOST: the tests that need root will be skipped"
	KERNEL_RELEASE=${is[release]//[^A-Za-z0-9._+~-]/?} GUEST_ARCH=${GUEST_CONF[arch]} GUEST_CPUS=${is[cpus]}
	KERNEL_RELEASE=${KERNEL_RELEASE:0:64} GUEST_ACCEL=machine GUEST_ACCEL_WHY='' GUEST_FALLBACK=no GUEST_NESTED=no GUEST_EMULATED=no
}

# machine_prepare : from HOST to GUEST_CMD, in place of guest_prepare: the agent and the chosen programs into a directory of ours there
machine_prepare() {
	local files=$GUEST_DIR/agent dir
	mkdir -p "$files"
	agent_files "$files"
	cp "$HARNESS/guest/attach" "$files/"
	say "bringing the tests to $HOST"
	# The first directory from which programs may be run; one that outlives a restart, if there is any.
	dir=$(
		machine_do "$MACHINE_LOOK" 'exec sh -s' <<'END'
for parent in /var/tmp /var/lib "$HOME" /tmp; do
	dir=$(mktemp -d "$parent/tickproof.XXXXXX" 2>/dev/null) || continue
	printf '#!/bin/sh\nexit 0\n' >"$dir/try" && chmod 700 "$dir/try" && "$dir/try" 2>/dev/null && rm "$dir/try" && echo "tickproof dir $dir" && exit
	rm -rf "$dir"
done
END
	) || :
	MACHINE_DIR=$(sed -n 's/^tickproof dir //p' <<<"$dir")
	[[ $MACHINE_DIR =~ ^/[A-Za-z0-9/._-]+/tickproof\.[A-Za-z0-9]+$ ]] || {
		MACHINE_DIR=''
		die 2 "HOST=$HOST: nowhere in /var/tmp, /var/lib, the home directory or /tmp may programs be run (noexec?), or no room"
	}
	tar -cz --owner=0 --group=0 -C "$files" . | machine_do 300 "exec tar -xz -C $MACHINE_DIR" >/dev/null ||
		die 2 "HOST=$HOST: the tests could not be brought there: $(tail -n 1 "$GUEST_DIR/ssh.err")"
	rm -rf "$files"
	GUEST_DESCRIPTION="Linux $KERNEL_RELEASE, $GUEST_CPUS CPU$([[ $GUEST_CPUS == 1 ]] || echo s), $HOST"
	declare -p MACHINE_SSH MACHINE_DIR MACHINE_ROOT HOST >"$GUEST_DIR/machine"
	printf '%s=%q\n' REBOOT_CMD "${REBOOT_CMD:-}" CONSOLE_CMD "${CONSOLE_CMD:-}" >>"$GUEST_DIR/machine"
	GUEST_CMD=("$HARNESS/watch/bridge")
}

# machine_clean : nothing of ours stays on the machine
machine_clean() {
	[[ -n ${MACHINE_DIR:-} && -d ${GUEST_DIR:-} ]] || return 0
	machine_do "$MACHINE_WAIT" "if [ -x $MACHINE_DIR/attach ]; then exec ${MACHINE_ROOT}$MACHINE_DIR/bin/bash $MACHINE_DIR/attach stop; else rm -rf $MACHINE_DIR; fi" </dev/null >/dev/null ||
		note "$HOST does not answer: $MACHINE_DIR is still there, remove it"
	MACHINE_DIR=''
}
