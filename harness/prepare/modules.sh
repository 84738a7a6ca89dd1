# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Kernel modules of our own (selftests/test_modules), built for a guest's kernel with Debian's headers. Needs kernel.sh.

# headers_fetch ARCH RELEASE -> the directory to build modules in, or nothing when Debian has no headers of that release.
# The packages are unpacked, never installed: that would pull a kernel into this machine.
headers_fetch() {
	local arch=$1 release=$2 root=$CACHE/headers/$1/$2 depends kbuild common host tmp
	if [[ ! -d $root ]]; then
		host=$(dpkg --print-architecture)
		apt_fresh "$arch"
		depends=$(apt_private "$arch" apt-cache --no-all-versions show "linux-headers-$release" 2>/dev/null |
			sed -n 's/^Depends: //p')
		common=$(grep -oE 'linux-headers-[^ ,]+-common' <<<"$depends") || return 0
		kbuild=$(grep -oE 'linux-kbuild-[^ ,]+' <<<"$depends") || return 0
		say "fetching the headers of Linux $release"
		mkdir -p "${root%/*}"
		tmp=$(mktemp -d "${root%/*}/.tmp.XXXXXX")
		(
			trap 'rm -rf "$tmp"' EXIT
			trap 'exit 130' INT TERM HUP
			apt_unpack "$arch" "$tmp/headers" "linux-headers-$release" "$common"
			# Its programs run here, whatever they build for.
			apt_fresh "$host"
			apt_unpack "$host" "$tmp/kbuild" "$kbuild"
			cp -a "$tmp/kbuild/usr/." "$tmp/headers/usr/"
			# Type information would want pahole, and nobody here reads it.
			rm -f "$tmp/headers/usr/src/linux-headers-$release/vmlinux"
			echo "include \$(dir \$(realpath \$(lastword \$(MAKEFILE_LIST))))../$common/Makefile" \
				>"$tmp/headers/usr/src/linux-headers-$release/Makefile"
			mv -T "$tmp/headers" "$root" 2>/dev/null || [[ -d $root ]] || die 2 "cannot write $root"
		) || exit
	fi
	echo "$root/usr/src/linux-headers-$release"
}

# modules_build ARCH RELEASE -> the directory with our modules (*.ko) for this kernel, or nothing when there are no headers
modules_build() {
	local arch=$1 release=$2 source=$TOP/selftests/test_modules dir=$CACHE/modules/$1-$2 headers stamp log
	local -a cross=(ARCH=x86_64)
	headers=$(headers_fetch "$arch" "$release")
	[[ -n $headers ]] || return 0
	[[ $arch != arm64 ]] || cross=(ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu-)
	stamp=$(find "$source" -type f -print0 | sort -z | xargs -0 cat | cksum)
	if [[ $(cat "$dir/.stamp" 2>/dev/null) != "$stamp" ]]; then
		say "building the test modules for Linux $release"
		log=$dir.log
		rm -rf "$dir"
		mkdir -p "$dir"
		# In a copy: kbuild leaves its files beside the sources.
		cp -R "$source" "$dir/build"
		make -s -C "$dir/build" KDIR="$headers" "${cross[@]}" modules >"$log" 2>&1 ||
			die 2 "the test modules do not build for Linux $release ($(grep -m 1 -i 'error' "$log" || tail -n 1 "$log")): see $log"
		find "$dir/build" -name '*.ko' -exec mv -t "$dir" {} +
		rm -rf "$dir/build"
		echo "$stamp" >"$dir/.stamp"
	fi
	echo "$dir"
}
