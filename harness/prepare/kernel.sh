# shellcheck shell=bash disable=SC2034  # what is set here is for those who source it
# SPDX-License-Identifier: GPL-2.0-only
# Kernels, static tools and libraries for guests, out of Debian's packages.
# Needs common.sh. Nothing here needs root, nor that the guest's architecture is one of this machine's:
# apt works on a state of its own below $CACHE, with the machine's sources and keys.

# cache_lock : one at a time builds what the cache holds; gates with results of their own may run side by side otherwise
cache_lock() {
	exec {building}<>"$CACHE/.lock" || die 2 "cannot write to $CACHE: set TICKPROOF_CACHE to a directory of yours"
	flock -n "$building" || {
		say 'waiting for another gate to finish building'
		flock "$building"
	}
}

# cache_unlock : others may build
cache_unlock() { exec {building}>&-; }

# apt_private ARCH COMMAND ARGS... : apt-get or apt-cache for ARCH on the private state
apt_private() {
	local arch=$1 command=$2 state=$CACHE/apt/$1
	shift 2
	mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
	"$command" -qq -oAPT::Architecture="$arch" -oAPT::Architectures="$arch" \
		-oDir::State::Lists="$state/lists" -oDir::Cache="$state/cache" \
		-oDir::State::status=/dev/null -oAPT::Sandbox::User=root "$@"
}

# apt_fresh ARCH : make the private package lists at most an hour old; a source that fails does not matter
# as long as the packages asked for later are found
apt_fresh() {
	local stamp=$CACHE/apt/$1/updated
	[[ -z $(find "$stamp" -mmin -60 2>/dev/null) ]] || return 0
	say "fetching Debian's package lists for $1"
	mkdir -p "$CACHE/apt/$1"
	flock "$CACHE/apt/$1" true
	if apt_private "$1" apt-get update >/dev/null 2>"$CACHE/apt/$1/errors"; then
		touch "$stamp"
	fi
}

# apt_error ARCH : apt's last complaint, for an error line
apt_error() { { grep '^E:' "$CACHE/apt/$1/errors" 2>/dev/null || :; } | tail -n 1; }

# apt_unpack ARCH DIR PACKAGE... : download the packages and unpack them into DIR, all or nothing
apt_unpack() {
	local arch=$1 dir=$2 tmp deb
	shift 2
	mkdir -p "$(dirname "$dir")"
	tmp=$(mktemp -d "$(dirname "$dir")/.tmp.XXXXXX")
	# A subshell of its own, so that the trap is its own too: half-made directories never stay.
	(
		trap 'rm -rf "$tmp"' EXIT
		trap 'exit 130' INT TERM HUP
		mkdir "$tmp/debs" "$tmp/root"
		cd "$tmp/debs"
		apt_private "$arch" apt-get download "$@" >/dev/null 2>"$CACHE/apt/$arch/errors" ||
			die 2 "cannot download $* ($arch): $(apt_error "$arch"); check the network and try again"
		for deb in *.deb; do
			dpkg-deb -x "$deb" "$tmp/root" 2>"$tmp/errors" ||
				die 2 "cannot unpack ${deb%%_*} into $CACHE: $(tail -n 1 "$tmp/errors")"
		done
		# Sound, graphics and network drivers are most of a kernel package, and no guest here has any.
		rm -rf "$tmp"/root/{,usr/}lib/modules/*/kernel/{sound,net,drivers/{gpu,net,media,staging,infiniband,scsi}}
		mv -T "$tmp/root" "$dir" 2>/dev/null || [[ -d $dir ]] || die 2 "cannot write $dir"
	) || exit
}

# bytes_at FILE OFFSET COUNT [FORMAT] -> those bytes as od prints them (-c), without spaces; nothing past the end
bytes_at() { { od -An "${4:--c}" -j "$2" -N "$3" "$1" 2>/dev/null || true; } | tr -d ' '; }

# kernel_kind FILE -> amd64, arm64, or why it is neither
kernel_kind() {
	if [[ $(bytes_at "$1" 514 4) == HdrS ]]; then
		echo amd64
	elif [[ $(bytes_at "$1" 56 4) == ARMd ]]; then
		echo arm64
	elif [[ $(bytes_at "$1" 0 2 -tx1) == 1f8b ]]; then
		echo "a gzip file: gunzip it first"
	elif [[ $(bytes_at "$1" 1 3) == ELF ]]; then
		echo "an ELF file: take arch/x86/boot/bzImage or arch/arm64/boot/Image instead of vmlinux"
	else
		echo "neither an x86 bzImage nor an arm64 Image"
	fi
}

# kernel_release FILE ARCH -> the release (uname -r) that a kernel file gives itself: a stranger's text, made harmless
kernel_release() {
	local offset release
	if [[ $2 == amd64 ]]; then
		offset=$(bytes_at "$1" 526 2 -tu2)
		release=$(tail -c "+$((offset + 513))" "$1" | head -c 200 | tr '\0' '\n' | awk 'NR == 1 { print $1 }') || :
	else
		release=$(grep -a -o -m 1 'Linux version [^ ]*' "$1" | awk 'NR == 1 { print $3 }') || :
	fi
	release=${release:0:64}
	release=${release//[^A-Za-z0-9._+~-]/?}
	echo "${release:-unknown}"
}

# kernel_version RELEASE FILE -> the version that this release is of, to compare with others: Debian's 6.1.0-57-amd64 is of 6.1.192, as its
# image says. It is the file that is asked, never the guest.
kernel_version() {
	local version=''
	if [[ $1 =~ ^([0-9]+\.[0-9]+)\.0-[0-9]+- && -r $2 ]]; then
		version=$(grep -aoE -m 1 "${1//./\\.} .{0,400} Debian ${BASH_REMATCH[1]//./\\.}\.[0-9]+" "$2" | head -n 1) || :
	fi
	version=${version##* }
	echo "${version:-$1}"
}

# kernel_from_file ARCH FILE : KERNEL given as a path
kernel_from_file() {
	local kind
	[[ -e $2 ]] || die 2 "KERNEL=$2: no such file"
	[[ -f $2 && -r $2 ]] || die 2 "KERNEL=$2: not a readable file"
	kind=$(kernel_kind "$2")
	case $kind in
	"$1") ;;
	amd64 | arm64) die 2 "KERNEL=$2 is for $kind, and this guest is $1" ;;
	*) die 2 "KERNEL=$2 is not a kernel this guest can boot: $kind" ;;
	esac
	KERNEL_IMAGE=$(realpath "$2")
	KERNEL_RELEASE=$(kernel_release "$2" "$1")
	KERNEL_MODULES=
}

# kernel_package ARCH KERNEL -> the package that holds it: KERNEL is a series, a release or a package's version
kernel_package() {
	local arch=$1 kernel=$2 series name names package
	series=$(grep -oE '^[0-9]+\.[0-9]+' <<<"$kernel")
	if [[ $kernel == "$series" ]]; then
		names=("linux-image-$kernel-$arch" "linux-image-$arch")
	else
		names=("linux-image-$kernel" "linux-image-$kernel-$arch"
			"linux-image-$series-$arch=$kernel" "linux-image-$arch=$kernel")
	fi
	for name in "${names[@]}"; do
		# A package that only points at a kernel is followed. (apt takes an unknown name for a pattern.)
		package=$(apt_private "$arch" apt-cache --no-all-versions show "$name" 2>/dev/null |
			awk -v name="${name%%=*}" '/^Package:/ { package = $2 }
				/^Depends:/ && package == name { sub(",", "", $2); print $2 ~ /^linux-image-/ ? $2 : package; exit }')
		case $package in
		"linux-image-$series".*)
			echo "$package"
			return
			;;
		esac
	done
	return 1
}

# kernel_fetch ARCH KERNEL : set KERNEL_IMAGE, KERNEL_RELEASE and KERNEL_MODULES (a directory that holds
# lib/modules/RELEASE, or empty). KERNEL: a series (6.12), a Debian release (6.12.117+deb12-amd64), or a path.
# What has been fetched once is used without asking the network again.
kernel_fetch() {
	local arch=$1 kernel=$2 store=$CACHE/kernels/$1 package
	if [[ $kernel == */* || -f $kernel ]]; then
		as_path kernel
		kernel_from_file "$arch" "$kernel"
		return
	fi
	[[ $kernel =~ ^[0-9]+\.[0-9]+[A-Za-z0-9.+~-]*$ ]] ||
		die 2 "KERNEL=$kernel: give a series (6.12), a Debian release (6.12.117+deb12-amd64) or the path of a kernel"
	if [[ ! -d $store/$kernel ]]; then
		apt_fresh "$arch"
		package=$(kernel_package "$arch" "$kernel") ||
			die 2 "KERNEL=$kernel: Debian's packages for $arch hold no such kernel$(apt_error "$arch" | sed 's/^/ (/; s/$/)/')"
		KERNEL_RELEASE=${package#linux-image-}
		if [[ ! -d $store/$KERNEL_RELEASE ]]; then
			say "fetching Linux $KERNEL_RELEASE"
			apt_unpack "$arch" "$store/$KERNEL_RELEASE" "$package"
		fi
		[[ $kernel == "$KERNEL_RELEASE" ]] || ln -sfnT "$KERNEL_RELEASE" "$store/$kernel"
	fi
	KERNEL_MODULES=$(realpath "$store/$kernel")
	KERNEL_RELEASE=${KERNEL_MODULES##*/}
	KERNEL_IMAGE=$KERNEL_MODULES/boot/vmlinuz-$KERNEL_RELEASE
	[[ -r $KERNEL_IMAGE ]] || die 2 "$KERNEL_IMAGE is missing: remove $KERNEL_MODULES and try again"
	[[ -d $KERNEL_MODULES/lib/modules || ! -d $KERNEL_MODULES/usr/lib/modules ]] || KERNEL_MODULES+=/usr
}

# module_check FILE ARCH RELEASE : die unless FILE is a module for this architecture and kernel
module_check() {
	local file=$1 arch=$2 release=$3 machine magic
	[[ -e $file ]] || die 2 "MODULES: $file: no such file"
	[[ -f $file && -r $file ]] || die 2 "MODULES: $file: not a readable file"
	[[ $(bytes_at "$file" 1 3) == ELF ]] ||
		die 2 "MODULES: $file is not a kernel module (an uncompressed .ko is wanted)"
	machine=$(bytes_at "$file" 18 2 -tu2)
	case $arch.$machine in
	amd64.62 | arm64.183) ;;
	*.62) die 2 "MODULES: $file is for amd64, and this guest is $arch" ;;
	*.183) die 2 "MODULES: $file is for arm64, and this guest is $arch" ;;
	*) die 2 "MODULES: $file is for another architecture (ELF machine $machine), and this guest is $arch" ;;
	esac
	magic=$(tr '\0' '\n' <"$file" | awk -F '[= ]' '/^vermagic=/ { print $2; exit }') || true
	magic=${magic:0:64}
	[[ -n $magic ]] || die 2 "MODULES: $file is not a kernel module: it has no vermagic"
	[[ $magic == "$release" ]] || die 2 "MODULES: $file was built for Linux $magic, and this guest runs $release"
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

# kernel_module ROOT NAME FILE : see that a kernel unpacked in ROOT can have module NAME: built in, or copied to FILE
# (uncompressed); false when it has neither
kernel_module() {
	local file
	! grep -qs "/$2\.ko$" "$1"/lib/modules/*/modules.builtin || return 0
	file=$(find "$1/lib/modules" -name "$2.ko" -o -name "$2.ko.xz" | head -n 1)
	case $file in
	*.xz) xz -dc "$file" >"$3" ;;
	*.ko) cp "$file" "$3" ;;
	*) return 1 ;;
	esac
}
