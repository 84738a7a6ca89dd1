# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Kernel modules of our own (selftests/test_modules), built for a guest's kernel: in its build tree, or with Debian's headers and the
# compiler that these name. Needs kernel.sh.

# A program of the kernel's build that is linked against a newer C library than this machine's, and a compiler that this machine
# hasn't, run all the same: with the libraries of their own suite, which lie in the cache. (An interpreter has no relative path.)

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

# headers_fetch ARCHIVE RELEASE -> the directory to build modules in, or nothing when that archive has no headers of that release.
# The packages are unpacked, never installed: that would pull a kernel into this machine.
headers_fetch() {
	local archive=$1 release=$2 root=$CACHE/headers/${1%%:*}/$2 depends kbuild common host tmp
	headers_here "$root" || rm -rf "$root"
	if [[ ! -d $root ]]; then
		host=$(dpkg --print-architecture)${archive#"${archive%%:*}"}
		apt_fresh "$archive"
		depends=$(apt_private "$archive" apt-cache --no-all-versions show "linux-headers-$release" 2>/dev/null |
			sed -n 's/^Depends: //p')
		common=$(grep -oE 'linux-headers-[^ ,]+-common' <<<"$depends") || return 0
		kbuild=$(grep -oE 'linux-kbuild-[^ ,]+' <<<"$depends") || return 0
		say "fetching the headers of Linux $release"
		mkdir -p "${root%/*}"
		tmp=$(mktemp -d "${root%/*}/.tmp.XXXXXX")
		(
			trap 'rm -rf "$tmp"' EXIT
			trap 'exit 130' INT TERM HUP
			apt_unpack "$archive" "$tmp/headers" "linux-headers-$release" "$common"
			# Its programs run here, whatever they build for.
			apt_fresh "$host"
			apt_unpack "$host" "$tmp/kbuild" "$kbuild"
			cp -a "$tmp/kbuild/usr/." "$tmp/headers/usr/"
			headers_settle "$tmp/headers/usr/src/linux-headers-$release" "$common"
			toolchain=$(toolchain_fetch "$host" "$tmp/headers/usr/src/linux-headers-$release" "$kbuild") || exit
			if [[ -n $toolchain ]]; then
				relink "$toolchain" "$tmp/headers/usr/lib/$kbuild"
				echo "$toolchain" >"$tmp/headers/toolchain"
			fi
			mv -T "$tmp/headers" "$root" 2>/dev/null || [[ -d $root ]] || die 2 "cannot write $root"
		) || exit
	fi
	echo "$root/usr/src/linux-headers-$release"
}

# headers_newest ARCHIVE -> the release of the headers that the archive would choose
headers_newest() {
	local release
	[[ $1 != *:* ]] || suite_check "$1"
	apt_fresh "$1"
	release=$(apt_private "$1" apt-cache --no-all-versions show "linux-headers-${1%%:*}" 2>/dev/null |
		sed -n '/^Depends:/ s/.*linux-headers-\([0-9][^ ,]*\).*/\1/p')
	[[ -n $release ]] || die 2 "Debian's packages of ${1/:/, } hold no headers: $(apt_error "$1")"
	echo "$release"
}

# headers_here ROOT : are these headers unpacked, and the toolchain that they were bound to still where it was?
headers_here() {
	local toolchain
	[[ -d $1 ]] || return 1
	toolchain=$(cat "$1/toolchain" 2>/dev/null) || return 0
	[[ $(cat "$toolchain/place" 2>/dev/null) == "$CACHE/"* ]]
}

# headers_settle HEADERS COMMON : make Debian's headers usable where they were unpacked: their Makefile names /usr/src
headers_settle() {
	# Type information would want pahole, and nobody here reads it.
	rm -f "$1/vmlinux"
	{
		# Since 6.13 or so the output directory must be named.
		# shellcheck disable=SC2016  # the words are make's
		! grep -q '^KBUILD_OUTPUT' "$1/Makefile" || echo 'KBUILD_OUTPUT := $(dir $(realpath $(lastword $(MAKEFILE_LIST))))'
		echo "include \$(dir \$(realpath \$(lastword \$(MAKEFILE_LIST))))../$2/Makefile"
	} >"$1/Makefile.new"
	mv "$1/Makefile.new" "$1/Makefile"
}

# toolchain_fetch ARCHIVE HEADERS KBUILD -> where the compiler that Debian's headers name was unpacked from the archive (which is for
# this machine), or nothing where this machine has it, and runs the headers' own programs
toolchain_fetch() {
	local archive=$1 headers=$2 kbuild=$3 cc cross=x86_64-linux-gnu root package
	cc=$(sed -n 's/^CC = .*\(gcc-[0-9.]*\)$/\1/p' "$headers/.kernelvariables")
	[[ -n $cc ]] || die 2 "the headers of ${headers##*/linux-headers-} name no compiler that is known here: give KERNEL= a build tree"
	[[ $(tree_config "$headers" ARM64) != y ]] || cross=aarch64-linux-gnu
	if command -v "$cross-$cc" >/dev/null && programs_run "$headers/../../lib/$kbuild"; then
		return
	fi
	root=$CACHE/toolchains/${archive/:/-}-$cross-$cc
	[[ $(cat "$root/place" 2>/dev/null) == "$root" ]] || rm -rf "$root"
	if [[ ! -d $root ]]; then
		need toolchain
		package=$cc
		[[ $cross == "$(uname -m)-linux-gnu" ]] || package=$cc-$cross
		say "fetching $cross-$cc of ${archive#*:}, which this machine does not have"
		mkdir -p "${root%/*}"
		tmp=$(mktemp -d "${root%/*}/.tmp.XXXXXX")
		(
			trap 'rm -rf "$tmp"' EXIT
			trap 'exit 130' INT TERM HUP
			apt_unpack "$archive" "$tmp/root" --with-dependencies "$package" "$kbuild"
			rm -rf "$tmp"/root/usr/{share,lib/linux-kbuild*}
			relink "$root" "$tmp/root/usr" "$tmp/root"
			echo "$root" >"$tmp/root/place"
			mv -T "$tmp/root" "$root" || die 2 "cannot write $root"
		) || exit
	fi
	echo "$root"
}

# programs DIR -> the programs (not the libraries) below it
programs() { find "$1" -type f -perm -u+x ! -name '*.so*' -exec grep -lEa '^.ELF' {} + | sort; }

# programs_run DIR : does this machine have the libraries, new enough, of those programs below DIR that build a module?
programs_run() {
	! find "$1/" \( -name fixdep -o -name 'modpost*' -o -name 'objtool*' -o -name genksyms \) -type f -exec ldd {} + 2>&1 |
		grep -q 'not found'
}

# relink TOOLCHAIN DIR [NOW] : let the programs below DIR use the C library and all others of TOOLCHAIN (which is at NOW yet)
relink() {
	local file libraries
	libraries=$1/usr/lib/$(uname -m)-linux-gnu:$1/lib/$(uname -m)-linux-gnu
	need toolchain
	while read -r file; do
		# Those that are static have no interpreter.
		! patchelf --print-interpreter "$file" >/dev/null 2>&1 ||
			patchelf --set-interpreter "$1$(loader "${3:-$1}")" --force-rpath --set-rpath "$libraries" "$file" 2>/dev/null ||
			die 2 "patchelf can't change $file"
	done < <(programs "$2")
}

# loader ROOT -> the path below ROOT of its dynamic loader
loader() {
	local file
	file=$(compgen -G "$1/usr/lib/*-linux-gnu/ld-linux-*.so.*" || compgen -G "$1/lib/*-linux-gnu/ld-*.so" || compgen -G "$1/lib*/ld-linux-*.so.*") || :
	file=${file%%$'\n'*}
	echo "${file#"$1"}"
}

# modules_build ARCH RELEASE [SOURCE] -> the directory with our modules (*.ko) for this kernel (KERNEL_BUILD, KERNEL_ARCHIVE), or with those of the directory SOURCE;
# or nothing when there is nothing to build them with
modules_build() {
	local arch=$1 release=$2 source=${3:-$TOP/selftests/test_modules} dir=$CACHE/modules/$1-$2${3:+-${3##*/}} build=$KERNEL_BUILD
	if [[ -n $build ]]; then
		dir+=-$(cksum <<<"$build" | cut -d ' ' -f 1)
	elif [[ -n $KERNEL_ARCHIVE ]]; then
		build=$(headers_fetch "$KERNEL_ARCHIVE" "$release") || exit
	fi
	[[ -n $build ]] || return 0
	modules_make "$arch" "$release" "$build" "$dir" "$source"
	echo "$dir"
}

# modules_make ARCH RELEASE BUILD DIR SOURCE : the modules of SOURCE into DIR, built in the tree or the headers BUILD
modules_make() {
	local arch=$1 release=$2 build=$3 dir=$4 source=$5 stamp log=$4.log path=$PATH toolchain
	local -a how=(ARCH=x86_64) TREE_MAKE=()
	[[ $arch != arm64 ]] || how=(ARCH=arm64)
	stamp=$(find "$source" -type f -print0 | sort -z | xargs -0 cat | cksum)
	if [[ -e $build/.kernelvariables ]]; then
		[[ $(cat "$dir/.stamp" 2>/dev/null) != "$stamp" ]] || return 0
		[[ $arch != arm64 ]] || how+=(CROSS_COMPILE=aarch64-linux-gnu-)
		toolchain=$(cat "${build%/usr/src/*}/toolchain" 2>/dev/null) || :
		path=${toolchain:+$toolchain/usr/bin:}$PATH
	else
		tree_compiler "$build"
		how+=("${TREE_MAKE[@]}")
		# Where only the image was built, nobody has listed what it exports. The kernel will say what is missing.
		[[ -e $build/Module.symvers ]] || how+=(KBUILD_MODPOST_WARN=1)
	fi
	say "building the modules of ${source##*/} for Linux $release"
	if [[ $(cat "$dir/.stamp" 2>/dev/null) != "$stamp" ]]; then
		rm -rf "$dir"
		mkdir -p "$dir"
		# In a copy: kbuild leaves its files beside the sources.
		cp -R "$source" "$dir/build"
	fi
	PATH=$path make -s -C "$dir/build" KDIR="$build" "${how[@]}" modules >"$log" 2>&1 ||
		die 2 "the modules of ${source##*/} do not build for Linux $release ($(grep -m 1 -i 'error' "$log" || tail -n 1 "$log")): see $log"
	find "$dir/build" -name '*.ko' -exec cp -t "$dir" {} +
	# A tree changes under the same name: there make finds out what is to be done.
	[[ ! -e $build/.kernelvariables ]] || rm -rf "$dir/build"
	echo "$stamp" >"$dir/.stamp"
}
