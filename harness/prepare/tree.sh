# shellcheck shell=bash disable=SC2034  # what is set here is for those who source it
# SPDX-License-Identifier: GPL-2.0-only
# A kernel's build tree (the source directory, or the O= one), as KERNEL=. Needs kernel.sh.

# tree_config TREE NAME -> the value of CONFIG_NAME, without quotes; nothing where it isn't set
tree_config() { sed -n "s/^CONFIG_$2=//p" "$1/.config" | tr -d '"'; }

# kernel_from_tree ARCH DIR : KERNEL given as a build tree
kernel_from_tree() {
	local arch=$1 tree given=$2 of='' image=arch/x86/boot/bzImage release
	tree=$(realpath "$2")
	[[ -f $tree/.config ]] ||
		die 2 "KERNEL=$given is a kernel's source without a .config: configure and build it, or give the directory that was O= when it was built"
	[[ $arch == amd64 ]] || image=arch/arm64/boot/Image
	! grep -q '^CONFIG_X86_64=y' "$tree/.config" || of=amd64
	! grep -q '^CONFIG_ARM64=y' "$tree/.config" || of=arm64
	[[ $of == "$arch" ]] ||
		die 2 "KERNEL=$given is configured for ${of:-an architecture that no guest here has}, and this guest is $arch: give another tree, or GUEST="
	release=$(cat "$tree/include/config/kernel.release" 2>/dev/null) || :
	[[ -n $release && -f $tree/$image ]] ||
		die 2 "KERNEL=$given is not built ($image is not there): $(tree_make "$tree" "$arch")"
	kernel_image "$arch" "$tree/$image"
	[[ $KERNEL_RELEASE == "$release" ]] ||
		die 2 "KERNEL=$given: the image is Linux $KERNEL_RELEASE, and the tree is configured as $release by now: $(tree_make "$tree" "$arch")"
	KERNEL_MODULES=$tree KERNEL_CONFIG=$tree/.config
	if [[ $(tree_config "$tree" MODULES) == y ]]; then
		KERNEL_BUILD=$tree
	else
		KERNEL_REMEDY="set CONFIG_MODULES=y in $tree/.config and build it again"
	fi
}

# config_check GUEST FRAGMENT : die if the kernel's configuration, where it is known, lacks what the guest can't do without: the first
# part of the FRAGMENT
config_check() {
	local lacking merge='merge it into the configuration'
	[[ -n $KERNEL_CONFIG ]] || return 0
	lacking=$(awk 'NR == FNR && /^# Wanted/ { nextfile }
		NR == FNR { if (/^CONFIG_/) need[$0]; next }
		$0 in need { delete need[$0] }
		END { for (line in need) print line }' "$2" "$KERNEL_CONFIG" | sort | tr '\n' ' ')
	[[ -n $lacking ]] || return 0
	if [[ $KERNEL_CONFIG == */.config ]]; then
		merge=$(realpath -qe "${KERNEL_CONFIG%/*}/source" || echo "${KERNEL_CONFIG%/*}")
		merge="run $merge/scripts/kconfig/merge_config.sh -O ${KERNEL_CONFIG%/*} $KERNEL_CONFIG $2, and make"
	fi
	die 2 "KERNEL=$KERNEL: its configuration lacks what GUEST=$1 needs: ${lacking% } (all that it needs is in $2: $merge)"
}

# tree_make TREE ARCH -> the command that builds it
tree_make() {
	local cross=''
	[[ $2 != arm64 || $(uname -m) == aarch64 ]] || cross=' ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu-'
	echo "run make -C $1$cross -j$(nproc)"
}

# tree_module TREE NAME -> the file of a module that was built in the tree
tree_module() {
	local file
	file=$(grep -m 1 "/$2\.k\?o$" "$1/modules.order" 2>/dev/null) || return 0
	file=${file#kernel/}
	file=$1/${file%.*}.ko
	[[ ! -f $file ]] || echo "$file"
}

# tree_compiler TREE : set TREE_MAKE to make's arguments with which it compiles as the tree was compiled; die if that compiler isn't here
tree_compiler() {
	local text cc version
	text=$(tree_config "$1" CC_VERSION_TEXT)
	if [[ $(tree_config "$1" CC_IS_CLANG) == y ]]; then
		version=$(tree_config "$1" CLANG_VERSION)
		TREE_MAKE=(LLVM=1)
		for cc in clang "clang-$((version / 10000))"; do
			[[ $(compiler_version "$cc") != "$version" ]] || break
			TREE_MAKE=("LLVM=-$((version / 10000))")
		done
	else
		cc=${text%% *} version=$(tree_config "$1" GCC_VERSION)
		TREE_MAKE=("CROSS_COMPILE=${cc%gcc*}" "CC=$cc")
	fi
	[[ $(compiler_version "$cc") == "$version" ]] ||
		die 2 "KERNEL=$1 was built with $text, and $(compiler_found "$cc"): install that compiler (apt-get install $(compiler_package "$cc" "$version")), or build the tree with the one that is here"
}

# compiler_version COMMAND -> its version as the kernel's configuration has it (120200), or nothing when there is no such command
compiler_version() {
	command -v "$1" >/dev/null || return 0
	# shellcheck disable=SC2016
	"$1" -E -P -x c - 2>/dev/null <<-'EOF' | tail -n 1 | awk 'NF == 3 { print $1 * 10000 + $2 * 100 + $3 }'
		#ifdef __clang__
		__clang_major__ __clang_minor__ __clang_patchlevel__
		#else
		__GNUC__ __GNUC_MINOR__ __GNUC_PATCHLEVEL__
		#endif
	EOF
}

# compiler_found COMMAND -> what of that name is here, for an error line
compiler_found() {
	local version
	version=$(compiler_version "$1")
	if [[ -n $version ]]; then
		echo "$1 is version $((version / 10000)).$((version / 100 % 100)).$((version % 100)) here"
	else
		echo "$1 is not here"
	fi
}

# compiler_package COMMAND VERSION -> Debian's package with it, as far as a name can tell
compiler_package() {
	case $1 in
	clang*) echo "clang-$(($2 / 10000))" ;;
	*-linux-gnu-gcc*) echo "gcc-$(($2 / 10000))-${1%-gcc*}" ;;
	*) echo "gcc-$(($2 / 10000))" ;;
	esac
}
