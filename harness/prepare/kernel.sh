# shellcheck shell=bash disable=SC2034  # what is set here is for those who source it
# SPDX-License-Identifier: GPL-2.0-only
# The kernel under test: from what KERNEL= says to an image, its modules, and what more modules are built with.
# Needs common.sh.
#
#   kernel_fetch ARCH KERNEL     sets what follows; dies with one line when there is no such kernel
#   KERNEL_IMAGE                 what boots
#   KERNEL_RELEASE               as in uname -r: a stranger's text, made harmless
#   KERNEL_MODULES               the directory with its modules: lib/modules/RELEASE of some root, or a build tree; or empty
#   KERNEL_BUILD                 where modules are built for it: a build tree, unpacked headers; or empty
#   KERNEL_ARCHIVE               empty, or of which archive (apt.sh) it is: there its headers are looked for
#   KERNEL_CONFIG                the file with its configuration, where that is known and nobody but the person answers for it
#   KERNEL_REMEDY                what else to give, so that modules can be had

# shellcheck source=../lib/deps.sh
source "$HARNESS/lib/deps.sh"
# shellcheck source=apt.sh
source "$HARNESS/prepare/apt.sh"
# shellcheck source=tree.sh
source "$HARNESS/prepare/tree.sh"

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

# bytes_at FILE OFFSET COUNT [FORMAT] -> those bytes as od prints them (-c), without spaces; nothing past the end
bytes_at() { { od -An "${4:--c}" -j "$2" -N "$3" "$1" 2>/dev/null || true; } | tr -d ' '; }

# kernel_kind FILE -> amd64, arm64, deb, rpm, or why it is none of them
kernel_kind() {
	if [[ $(bytes_at "$1" 514 4) == HdrS ]]; then
		echo amd64
	elif [[ $(bytes_at "$1" 56 4) == ARMd ]]; then
		echo arm64
	elif [[ $(bytes_at "$1" 0 8 -tx1) == 213c617263683e0a ]]; then
		echo deb
	elif [[ $(bytes_at "$1" 0 4 -tx1) == edabeedb ]]; then
		echo rpm
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

# kernel_image ARCH FILE : set KERNEL_IMAGE and KERNEL_RELEASE, or die if FILE is no kernel for this guest
kernel_image() {
	local kind
	[[ -f $2 && -r $2 ]] || die 2 "KERNEL=$2: not a readable file"
	kind=$(kernel_kind "$2")
	case $kind in
	"$1") ;;
	amd64 | arm64) die 2 "KERNEL=$2 is for $kind, and this guest is $1" ;;
	*) die 2 "KERNEL=$2 is not a kernel this guest can boot: $kind" ;;
	esac
	KERNEL_IMAGE=$(realpath "$2")
	KERNEL_RELEASE=$(kernel_release "$2" "$1")
}

# kernel_from_file ARCH FILE : KERNEL given as the path of a file: an image, or a package
kernel_from_file() {
	local kind top
	kind=$(kernel_kind "$2")
	case $kind in
	deb | rpm) kernel_from_package "$1" "$2" "$kind" ;;
	*)
		kernel_image "$1" "$2"
		KERNEL_REMEDY='give KERNEL= the build tree, the directory or the package that the image came from'
		# arch/x86/boot/bzImage and its like
		top=$(realpath "$2/../../../.." 2>/dev/null || realpath "$(dirname "$KERNEL_IMAGE")/../../..")
		[[ ! -f $top/.config ]] || KERNEL_REMEDY="give KERNEL=$top"
		;;
	esac
}

# kernel_from_root ARCH DIR NAME : a directory that holds lib/modules/RELEASE and its kernel, as modules_install, install and
# dpkg -x leave them. NAME is what KERNEL said.
kernel_from_root() {
	local arch=$1 dir name=$3 place image
	local -a releases=()
	dir=$(realpath "$2")
	for place in "$dir"/lib/modules/*/ "$dir"/usr/lib/modules/*/; do
		[[ -e $place/modules.order || -e $place/modules.builtin || -d $place/kernel || -e $place/vmlinuz ]] || continue
		[[ ! -L $dir/lib || $place != "$dir/lib/"* ]] || continue
		releases+=("${place%/}")
	done
	((${#releases[@]})) || return 1
	place=$(printf '%s\n' "${releases[@]##*/}" | sort -u)
	[[ $place != *$'\n'* ]] ||
		die 2 "KERNEL=$name holds several kernels (${place//$'\n'/ }): give a directory with one"
	KERNEL_RELEASE=$place
	for image in "$dir/boot/vmlinuz-$place" "$dir"/{usr/,}lib/modules/"$place"/{vmlinuz,bzImage,Image} \
		"$dir"/{boot/,}{vmlinuz,bzImage,Image} "$dir"/{boot/,}{vmlinuz,Image}-*; do
		[[ ! -f $image ]] || break
	done
	[[ -f $image ]] ||
		die 2 "KERNEL=$name holds the modules of Linux $place, and no kernel: put the image there as boot/vmlinuz-$place (make install INSTALL_PATH=$name/boot)"
	kernel_image "$arch" "$image"
	[[ $KERNEL_RELEASE == "$place" ]] ||
		die 2 "KERNEL=$name: the image $image is Linux $KERNEL_RELEASE, and the modules beside it are of $place: install both from one build"
	# The package of an image may have it without its modules, and two places may have something each.
	KERNEL_MODULES=${releases[0]}
	for place in "${releases[@]}"; do
		[[ ! -d $place/kernel ]] || KERNEL_MODULES=$place
	done
	KERNEL_BUILD=$(kernel_headers_in "$dir" "$KERNEL_RELEASE")
	if [[ -z $KERNEL_ARCHIVE ]]; then
		# It may be Debian's all the same.
		KERNEL_ARCHIVE=$arch
		for place in "$dir/boot/config-$KERNEL_RELEASE" "$KERNEL_MODULES/config" "$KERNEL_BUILD/.config"; do
			[[ ! -f $place ]] || KERNEL_CONFIG=$place
		done
	fi
	KERNEL_REMEDY="give KERNEL= its build tree, or put its headers beside it (linux-headers-$KERNEL_RELEASE, dpkg -x)"
}

# kernel_headers_in DIR RELEASE -> where modules can be built for this kernel, if its headers are below DIR or modules_install has
# left a link to the tree
kernel_headers_in() {
	local place
	for place in "$1/usr/src/linux-headers-$2" "$1/usr/src/kernels/$2" "$1"/{,usr/}lib/modules/"$2"/build; do
		if [[ -f $place/Makefile && -f $place/.config && -f $place/include/generated/utsrelease.h ]]; then
			realpath "$place"
			return
		fi
	done
}

# package_unpack FILE KIND DIR : unpack a .deb or an .rpm into DIR
package_unpack() {
	case $2 in
	deb) debs_unpack "$3" "$1" ;;
	rpm)
		need rpm
		# cpio's own words are of no use to anybody: it names the archive, which is a pipe.
		rpm2cpio "$1" 2>/dev/null | (cd "$3" && cpio -idm --quiet --no-absolute-filenames) 2>/dev/null ||
			die 2 "cannot unpack $1: it is damaged"
		;;
	esac
}

# package_name FILE KIND -> the package's name
package_name() {
	case $2 in
	deb) dpkg-deb -f "$1" Package 2>/dev/null || die 2 "KERNEL=$1: a damaged .deb" ;;
	rpm)
		need rpm
		rpm -qp --nosignature --qf '%{NAME}-%{VERSION}' "$1" 2>/dev/null || die 2 "KERNEL=$1: a damaged .rpm"
		;;
	esac
}

# package_companions FILE KIND NAME -> the packages beside FILE that belong to it: headers, and the parts of a kernel in pieces
package_companions() {
	local file other
	for file in "$(dirname "$1")"/*."$2"; do
		[[ ! $file -ef $1 ]] || continue
		other=$(package_name "$file" "$2" 2>/dev/null) || continue
		case $2.$3.$other in
		deb.linux-image-"${other#linux-headers-}".linux-headers-*) ;;
		deb.linux-headers-*) continue ;;
		deb.*.linux-"${other#linux-}") [[ ${other#linux-*-} == "${3#linux-*-}" && $other =~ ^linux-(base|binary|modules|image|headers)- ]] || continue ;;
		rpm.kernel*-"${other##*-}".kernel*-devel-*) ;;
		*) continue ;;
		esac
		echo "$file"
	done
}

# kernel_from_package ARCH FILE KIND : KERNEL given as a .deb or .rpm: unpacked into the cache, once; with what lies beside it and belongs
# to it
kernel_from_package() {
	local arch=$1 file=$2 kind=$3 name dir tmp companions part
	local -a parts
	name=$(package_name "$file" "$kind") || exit
	companions=$(package_companions "$file" "$kind" "$name") || exit
	mapfile -t parts <<<"$file${companions:+$'\n'}$companions"
	dir=$CACHE/kernels/packages/$(stat -L -c '%n %s %Y' "${parts[@]}" | cksum | cut -d ' ' -f 1)
	if [[ ! -d $dir ]]; then
		say "unpacking ${parts[*]##*/}"
		mkdir -p "${dir%/*}"
		tmp=$(mktemp -d "${dir%/*}/.tmp.XXXXXX")
		(
			trap 'rm -rf "$tmp"' EXIT
			trap 'exit 130' INT TERM HUP
			mkdir "$tmp/root"
			for part in "${parts[@]}"; do
				package_unpack "$part" "$kind" "$tmp/root"
			done
			[[ -n $(compgen -G "$tmp/root/boot/vmlinu*") || -n $(compgen -G "$tmp/root/*/modules/*/vmlinuz") ||
			-n $(compgen -G "$tmp/root/usr/lib/modules/*/vmlinuz") ]] ||
				die 2 "KERNEL=$file: no kernel is in the package $name$(package_pointer "$file" "$kind")"
			mkdir -p "$tmp/root/lib/modules"
			mv -T "$tmp/root" "$dir"
		) || exit
	fi
	kernel_from_root "$arch" "$dir" "$file" || {
		# A kernel without a single module
		kernel_image "$arch" "$(compgen -G "$dir/boot/vmlinu*" | head -n 1)"
	}
	KERNEL_REMEDY="put its headers package beside $file, or give KERNEL= the build tree"
}

# package_pointer FILE KIND -> for a package that only points at a kernel: which packages to put beside it
package_pointer() {
	local parts
	[[ $2 == deb ]] || return 0
	parts=$(dpkg-deb -f "$1" Depends | grep -oE 'linux-(image|binary|modules)-[^ ,]*[0-9][^ ,]*' | sort -u | tr '\n' ' ') || :
	[[ -z $parts ]] || echo ": it points at ${parts% }; put these .deb files beside it, or give the one with the kernel"
}

# kernel_packages ARCHIVE KERNEL -> lines of packages that hold it, on each the one that names it first: KERNEL is a series, a release or
# a version. What the archive would choose comes first, then the newest.
kernel_packages() {
	local archive=$1 kernel=$2 arch=${1%%:*} series name names package depends found=' '
	series=$(grep -oE '^[0-9]+\.[0-9]+' <<<"$kernel")
	if [[ $kernel == "$series" ]]; then
		names=("linux-image-$kernel-$arch" "linux-image-$arch")
	else
		names=("linux-image-$kernel" "linux-image-$kernel-$arch"
			"linux-image-$series-$arch=$kernel" "linux-image-$arch=$kernel")
	fi
	# Where nothing points at it any more, or what is pointed at has gone.
	mapfile -t -O "${#names[@]}" names < <(apt_private "$archive" apt-cache pkgnames "linux-image-$kernel" 2>/dev/null |
		grep -E "^linux-image-${kernel//[.+]/\\&}([.+~-]([0-9.+~-]|rc|bpo|deb)*)?-$arch\$" | sort -rV)
	for name in "${names[@]}"; do
		# A package that only points at a kernel is followed. (apt takes an unknown name for a pattern.)
		depends=$(apt_private "$archive" apt-cache --no-all-versions show "$name" 2>/dev/null |
			awk -v name="${name%%=*}" '/^Package:/ { package = $2 } package == name && /^(Package|Depends):/')
		package=$(sed -n '/^Depends:/ s/.*[ ,]\(linux-image-[0-9][^ ,]*\).*/\1/p' <<<"$depends")
		if [[ -n $package ]]; then
			depends=$(apt_private "$archive" apt-cache --no-all-versions show "$package" 2>/dev/null)
		else
			package=$(sed -n 's/^Package: //p' <<<"$depends")
		fi
		[[ $package == "linux-image-$series"* ]] || continue
		[[ ${package#"linux-image-$series"} == [.+~-]* ]] || continue
		[[ $found != *" $package "* ]] || continue
		found+="$package "
		# Since 6.19 or so it is in pieces.
		{
			echo "$package"
			sed -n '/^Depends:/p' <<<"$depends" | grep -oE 'linux-(base|binary|modules)-[0-9][^ ,]*' |
				grep -F -e "-${package#linux-image-}" | sort -u || :
		} | tr '\n' ' '
		echo
	done
	[[ $found != ' ' ]]
}

# kernel_from_debian ARCHIVE KERNEL : a series (6.12), a Debian release (6.12.117+deb12-amd64) or a version. What has been fetched
# once is used without asking the network again.
kernel_from_debian() {
	local archive=$1 kernel=$2 arch=${1%%:*} store link packages why tried=0
	local -a names
	store=$CACHE/kernels/$arch link=$CACHE/kernels/$arch/$2
	[[ $archive != *:* ]] || link=$store/${archive#*:}:$kernel
	if [[ ! -d $link ]]; then
		[[ $archive != *:* ]] || suite_check "$archive"
		apt_fresh "$archive"
		packages=$(kernel_packages "$archive" "$kernel") ||
			die 2 "KERNEL=${link##*/}: Debian's packages for $arch hold no such kernel$(apt_error "$archive" | sed 's/^/ (/; s/$/)/')$(kernel_choice "$archive")"
		while read -ra names; do
			KERNEL_RELEASE=${names[0]#linux-image-}
			[[ ! -d $store/$KERNEL_RELEASE ]] || break
			say "fetching Linux $KERNEL_RELEASE"
			why=$( (apt_unpack "$archive" "$store/$KERNEL_RELEASE" "${names[@]}") 2>&1) && break
			# An archive that is being cleared lists what has gone.
			tried=$((tried + 1))
			if ((tried == $(wc -l <<<"$packages"))) || ! apt_error "$archive" | grep -qE ' 404 |has no candidate'; then
				printf '%s\n' "$why" >&2
				exit 2
			fi
			say "Debian's list has Linux $KERNEL_RELEASE, and its servers have not: looking for another"
		done <<<"$packages"
		[[ -e $store/$KERNEL_RELEASE/archive ]] || echo "$archive" >"$store/$KERNEL_RELEASE/archive"
		[[ $link == "$store/$KERNEL_RELEASE" ]] || ln -sfnT "$KERNEL_RELEASE" "$link"
	fi
	store=$(realpath "$link")
	KERNEL_ARCHIVE=$(cat "$store/archive" 2>/dev/null || echo "$arch")
	kernel_from_root "$arch" "$store" "${link##*/}" || die 2 "$store is not whole: remove it and try again"
	KERNEL_REMEDY="give KERNEL= its build tree: Debian has no headers of $KERNEL_RELEASE"
}

# kernel_choice ARCHIVE -> the series that this archive has, for who asked for another
kernel_choice() {
	local list
	list=$(apt_private "$1" apt-cache pkgnames linux-image- 2>/dev/null |
		sed -nE "s/^linux-image-([0-9]+\.[0-9]+)[.+-].*-${1%%:*}\$/\1/p" | sort -uV | tr '\n' ' ') || :
	[[ -z $list ]] || echo "; there are: ${list% }"
}

# kernel_fetch ARCH KERNEL : find it, whatever it is, and set the variables named above
kernel_fetch() {
	local arch=$1 kernel=$2
	KERNEL_IMAGE='' KERNEL_RELEASE='' KERNEL_MODULES='' KERNEL_BUILD='' KERNEL_ARCHIVE='' KERNEL_REMEDY='' KERNEL_CONFIG=''
	if [[ $kernel == */* || -e $kernel ]]; then
		as_path kernel
		[[ -e $kernel ]] || die 2 "KERNEL=$kernel: no such file"
		if [[ -d $kernel ]]; then
			kernel_from_directory "$arch" "$kernel"
		else
			kernel_from_file "$arch" "$kernel"
		fi
	elif [[ $kernel =~ ^([a-z][a-z0-9-]*):([0-9]+\.[0-9]+[A-Za-z0-9.+~-]*)$ ]]; then
		kernel_from_debian "$arch:${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
	elif [[ $kernel =~ ^[0-9]+\.[0-9]+[A-Za-z0-9.+~-]*$ ]]; then
		kernel_from_debian "$arch" "$kernel"
	else
		die 2 "KERNEL=$kernel: give a series (6.12), a Debian release (6.12.117+deb12-amd64), one of another suite (sid:7.2), or the path of an image, a build tree or a package"
	fi
}

# kernel_from_directory ARCH DIR : a build tree, or a directory that an install has filled
kernel_from_directory() {
	if [[ -e $2/.config || -e $2/Kconfig ]]; then
		kernel_from_tree "$1" "$2"
	elif ! kernel_from_root "$1" "$2" "$2"; then
		die 2 "KERNEL=$2: neither a build tree (no .config is there) nor a directory with lib/modules/RELEASE in it"
	fi
}

# kernel_module WHERE NAME FILE : see that a kernel can have module NAME of the modules in WHERE (KERNEL_MODULES): built in, or
# copied to FILE (uncompressed); false when it has neither
kernel_module() {
	local file
	! grep -qs "/$2\.ko$" "$1/modules.builtin" || return 0
	if [[ -e $1/.config ]]; then
		file=$(tree_module "$1" "$2")
	else
		file=$(find "$1/" \( -name "$2.ko" -o -name "$2.ko.xz" -o -name "$2.ko.gz" -o -name "$2.ko.zst" \) -print -quit)
	fi
	case $file in
	*.xz) xz -dc "$file" >"$3" ;;
	*.gz) gzip -dc "$file" >"$3" ;;
	*.zst)
		need zstd
		zstd -qdc "$file" >"$3"
		;;
	*.ko) cp "$file" "$3" ;;
	*) return 1 ;;
	esac
}
