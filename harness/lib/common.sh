# shellcheck shell=bash disable=SC2034  # what is set here is for those who source it
# SPDX-License-Identifier: GPL-2.0-only
# What every harness script shares: where things are, and how to speak to the person at the terminal.
# To be sourced first, by scripts that have set -euo pipefail.

HARNESS=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TOP=$(dirname "$HARNESS")
# Everything downloaded or built for guests; safe to delete at any time no gate is running.
CACHE=${TICKPROOF_CACHE:-$HARNESS/.cache}

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

# say MESSAGE... : progress, one line on stderr
say() { printf '%s\n' "$(colour dim)$*$(colour off)" >&2; }

# note MESSAGE... : something the person should know, one line on stderr
note() { printf '%s\n' "$(colour yellow)note:$(colour off) $*" >&2; }

# die CODE MESSAGE... : one line on stderr naming the mistake and the remedy, then exit CODE
die() {
	local code=$1
	shift
	printf '%s\n' "$(colour red)tickproof:$(colour off) $*" >&2
	exit "$code"
}
