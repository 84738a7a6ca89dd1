# shellcheck shell=bash disable=SC2034  # what is set here is for those who source it
# SPDX-License-Identifier: GPL-2.0-only
# What every harness script shares: where things are, and how to speak to the person at the terminal.
# To be sourced before a script sets a variable of its own, by scripts that have set -euo pipefail.

# The names of lib/variables: a gate's, and those of which one value holds for all gates of a matrix.
unset -v GATE_VARIABLES EACH_GATE_VARIABLES
GATE_VARIABLES=' ' EACH_GATE_VARIABLES=' '
while read -r REPLY each; do
	[[ $REPLY == [A-Z]* ]] || continue
	GATE_VARIABLES+="$REPLY "
	[[ $each != each ]] || EACH_GATE_VARIABLES+="$REPLY "
done <"${BASH_SOURCE[0]%/*}/variables"
unset -v each

# outside -> the names in the environment that nobody asked for: all but what is documented, what the programs used here need,
# and what bash keeps itself
outside() {
	compgen -e | while read -r; do
		[[ $GATE_VARIABLES != *" $REPLY "* ]] || continue
		case $REPLY in
		GUESTS | KERNELS | IMAGES) ;;
		SSH_AUTH_SOCK) ;;
		N | LOAD | JOBS | SUBSET | PEER | PEER_LIMIT | TICKPROOF_CACHE | CC | USERCFLAGS | USERLDFLAGS) ;;
		PATH | PWD | HOME | USER | LOGNAME | SHELL | SUDO_* | TMPDIR | TERM | COLUMNS | NO_COLOR | TZ | LANG | LC_*) ;;
		LD_* | *SAN_OPTIONS | *_proxy | *_PROXY | APT_CONFIG | DEBIAN_FRONTEND | SSL_CERT_*) ;;
		BASH_ENV) echo BASH_ENV ;;
		BASH* | SHELLOPTS | EPOCH* | *RANDOM | SECONDS | LINENO | PPID | UID | EUID | GROUPS | DIRSTACK | FUNCNAME | HISTCMD | SHLVL | _) ;;
		TICKPROOF_FAKE | TICKPROOF_APPLIANCE_* | FAKE_* | BATS_*) ;;
		# The harness's own tests make limits shorter.
		*_LIMIT | *_TIMEOUT | *_GRACE | *_WAIT) [[ -n ${TICKPROOF_FAKE:-} ]] || echo "$REPLY" ;;
		*) echo "$REPLY" ;;
		esac
	done
}
# So no name in these scripts, whatever it is called, is taken from the environment by accident.
while read -r; do
	unset -v "$REPLY"
done < <(outside)

# absolute NAME : the path in that variable, if any, made one from the root on
absolute() { [[ -z ${!1:-} || ${!1} == /* ]] || printf -v "$1" %s "$PWD/${!1}"; }

# as_path NAME : the name of a file in that variable, so that no program takes it for an option or an assignment
as_path() { [[ ${!1} == [/.]* ]] || printf -v "$1" %s "./${!1}"; }

HARNESS=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Of tickproof, by CHANGELOG.md; in every report.
TICKPROOF_VERSION=0.2
TOP=$(dirname "$HARNESS")
# Everything downloaded or built for guests; safe to delete at any time no gate is running.
CACHE=${TICKPROOF_CACHE:-$HARNESS/.cache}
absolute CACHE

# colour NAME -> the escape sequence for it on stderr, or nothing when nobody could see it
if [[ -t 2 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
	colour() {
		case $1 in
		red) printf '\e[31m' ;; green) printf '\e[32m' ;; yellow) printf '\e[33m' ;;
		bold) printf '\e[1m' ;; dim) printf '\e[2m' ;; off) printf '\e[0m' ;;
		esac
	}
else
	colour() { :; }
fi

# Who reads what we print may leave (| head): that ends neither the work nor changes its exit code. What we start has the signal as ever.
reader_gone=''
trap 'reader_gone=yes' PIPE

# show FORMAT ARG... : printf on stdout; fails if that can't be written, though somebody wants to read it
show() {
	local status=0
	# shellcheck disable=SC2059
	printf "$@" 2>/dev/null || status=$?
	[[ $status == 0 || -n $reader_gone ]]
}

# tell START MESSAGE [END] : one line on stderr; whatever a file's name or contents brought into MESSAGE can't steer a terminal
tell() {
	local text=${2//[[:cntrl:]]/?}
	printf '%s\n' "$1${text//$'\302'[$'\200'-$'\237']/?}${3:-}" >&2 2>/dev/null || :
}

# say MESSAGE... : progress, one line on stderr
say() { tell "$(colour dim)" "$*" "$(colour off)"; }

# note MESSAGE... : something the person should know, one line on stderr
note() { tell "$(colour yellow)note:$(colour off) " "$*"; }

# die CODE MESSAGE... : one line on stderr naming the mistake and the remedy, then exit CODE
die() {
	local code=$1
	shift
	tell "$(colour red)tickproof:$(colour off) " "$*"
	exit "$code"
}
