# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Debian's packages, unpacked into the cache and never installed. Needs common.sh. Nothing here needs root, nor that the
# architecture is one of this machine's: apt works on a state of its own below $CACHE, with the machine's keys.
#
# An ARCHIVE is "amd64" or "arm64": the machine's own sources; or "amd64:sid", "arm64:trixie-backports": that suite, from the
# servers that the machine's sources name.

# apt_state ARCHIVE -> where apt keeps what it knows of it
apt_state() { echo "$CACHE/apt/${1/:/-}"; }

# apt_private ARCHIVE COMMAND ARGS... : apt-get or apt-cache on the private state
apt_private() {
	local archive=$1 command=$2 arch=${1%%:*} state
	local -a own=()
	shift 2
	state=$(apt_state "$archive")
	mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
	# What a person has pinned on this machine says nothing of another suite.
	[[ $archive != *:* ]] || own=(-oDir::Etc::sourcelist="$state/sources.list" -oDir::Etc::sourceparts=/dev/null
		-oDir::Etc::preferences=/dev/null -oDir::Etc::preferencesparts=/dev/null -oAPT::Default-Release="$(apt_release "$archive")")
	"$command" -qq -oAPT::Architecture="$arch" -oAPT::Architectures="$arch" \
		-oDir::State::Lists="$state/lists" -oDir::Cache="$state/cache" -oDir::State="$state" \
		-oDir::State::status=/dev/null -oAPT::Sandbox::User=root -oDebug::NoLocking=1 "${own[@]}" "$@"
}

# apt_release ARCHIVE -> the suites whose packages come first, as APT::Default-Release has it: nothing until their list is here
apt_release() {
	local state suite=${1#*:}
	state=$(apt_state "$1")
	compgen -G "$state/lists/*_dists_${suite}_*Release" >/dev/null || return 0
	[[ $suite == *-* ]] || suite="/^$suite(-security)?\$/"
	echo "$suite"
}

# suite_sources ARCHIVE -> lines for apt: the suite, what it builds upon, and its security updates, on the machine's servers
suite_sources() {
	local suite=${1#*:} base=${1#*:} uri keys from name
	local -a suites
	case $suite in
	experimental | rc-buggy) base=sid ;;
	*-*) base=${suite%%-*} ;;
	esac
	apt_fresh "${1%%:*}"
	keys=$(compgen -G "/usr/share/keyrings/debian-archive-keyring.*pg" | head -n 1) || :
	# shellcheck disable=SC2016  # the words are apt's
	apt_private "${1%%:*}" apt-get indextargets --format '$(ORIGIN)|$(REPO_URI)|$(SUITE)' 'Created-By: Packages' |
		while IFS='|' read -r from uri name; do
			[[ $from == Debian ]] || continue
			suites=("$base")
			[[ $suite == "$base" || $suite == *-security ]] || suites+=("$suite")
			if [[ $name == *-security ]]; then
				[[ $base != sid && $base != unstable ]] || continue
				suites=("$base-security")
			fi
			for name in "${suites[@]}"; do
				printf 'deb %s%s %s main\n' "${keys:+[signed-by=$keys] }" "$uri" "$name"
			done
		done | sort -u
}

# apt_fresh ARCHIVE : make the private package lists at most an hour old; a source that fails does not matter
# as long as the packages asked for later are found
apt_fresh() {
	local state stamp what=$1
	state=$(apt_state "$1") stamp=$(apt_state "$1")/updated
	[[ -z $(find "$stamp" -mmin -60 2>/dev/null) ]] || return 0
	[[ $1 != *:* ]] || what="${1#*:}, ${1%%:*}"
	say "fetching Debian's package lists for $what"
	mkdir -p "$state"
	flock "$state" true
	if [[ $1 == *:* ]]; then
		suite_sources "$1" >"$state/sources.list"
		[[ -s $state/sources.list ]] || {
			rm -rf "$state"
			die 2 "${1#*:}: this machine's sources of apt name no server of Debian's: check /etc/apt, and the network"
		}
	fi
	if apt_private "$1" apt-get update >/dev/null 2>"$state/errors"; then
		touch "$stamp"
	fi
}

# suite_check ARCHIVE : die unless the suite is one of Debian's, and leave nothing of one that isn't
suite_check() {
	local state errors
	apt_fresh "$1"
	[[ -z $(apt_release "$1") ]] || return 0
	state=$(apt_state "$1")
	errors=$(cat "$state/errors")
	rm -rf "$state"
	case $errors in
	*404* | *'does not have a Release file'*)
		die 2 "${1#*:}: Debian has no suite of that name (bullseye, trixie, trixie-backports, sid, experimental are some)"
		;;
	*) die 2 "cannot fetch the package lists of ${1#*:}: $(grep -m 1 '^[EW]:' <<<"$errors" || echo 'apt does not say why'); check the network and try again" ;;
	esac
}

# apt_error ARCHIVE : apt's last complaint, for an error line
apt_error() { { grep '^E:' "$(apt_state "$1")/errors" 2>/dev/null || :; } | tail -n 1; }

# apt_unpack ARCHIVE DIR PACKAGE... : download the packages and unpack them into DIR, all or nothing
apt_unpack() {
	local archive=$1 dir=$2 tmp
	shift 2
	mkdir -p "$(dirname "$dir")"
	tmp=$(mktemp -d "$(dirname "$dir")/.tmp.XXXXXX")
	# A subshell of its own, so that the trap is its own too: half-made directories never stay.
	(
		trap 'rm -rf "$tmp"' EXIT
		trap 'exit 130' INT TERM HUP
		mkdir "$tmp/debs" "$tmp/root"
		cd "$tmp/debs"
		if [[ $1 == --with-dependencies ]]; then
			shift
			apt_private "$archive" apt-get install -y -d --no-install-recommends -oDir::Cache::archives="$tmp/debs/" "$@"
		else
			apt_private "$archive" apt-get download "$@"
		fi >/dev/null 2>"$(apt_state "$archive")/errors" ||
			die 2 "cannot download $* (${archive/:/, }): $(apt_error "$archive"); check the network and try again"
		debs_unpack "$tmp/root" "$tmp"/debs/*.deb
		mv -T "$tmp/root" "$dir" 2>/dev/null || [[ -d $dir ]] || die 2 "cannot write $dir"
	) || exit
}

# debs_unpack DIR FILE... : unpack these packages into DIR, but what no guest has a use for
debs_unpack() {
	local dir=$1 deb
	shift
	for deb; do
		dpkg-deb -x "$deb" "$dir" 2>"$dir.errors" ||
			die 2 "cannot unpack $(basename "${deb%%_*}") into $CACHE: $(tail -n 1 "$dir.errors")"
	done
	rm -f "$dir.errors"
	# Sound, graphics and network drivers are most of a kernel package, and no guest here has any.
	rm -rf "$dir"/{,usr/}lib/modules/*/kernel/{sound,net,drivers/{gpu,net,media,staging,infiniband,scsi}}
}

# static_tools ARCH -> a directory with bin/bash-static and bin/busybox of that architecture
static_tools() {
	local dir=$CACHE/tools/$1
	if [[ ! -d $dir ]]; then
		apt_fresh "$1"
		apt_unpack "$1" "$dir" bash-static busybox-static
	fi
	echo "$dir"
}

# sysroot_arm64 -> a directory with the unpacked arm64 packages the test programs link with
sysroot_arm64() {
	local dir=$CACHE/sysroot-arm64
	if [[ ! -d $dir ]]; then
		apt_fresh arm64
		apt_unpack arm64 "$dir" check libsubunit-dev
	fi
	echo "$dir"
}
