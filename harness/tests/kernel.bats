#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Kernels and modules: known by their first bytes, cached whole or not at all. apt is a fake here.

# shellcheck disable=SC2030,SC2031  # each test is a subshell of its own
bats_require_minimum_version 1.5.0
load kernels

setup() {
	export TICKPROOF_CACHE=$BATS_TEST_TMPDIR/cache NO_COLOR=1 LC_ALL=C
	HERE=$BATS_TEST_DIRNAME
	cd "$BATS_TEST_TMPDIR" || return
	mkdir bin cache
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

# lib COMMAND... : run a function of kernel.sh as the harness would
lib() {
	bash -c 'set -euo pipefail; source "$0/../lib/common.sh"; source "$HARNESS/prepare/guest.sh"; "$@"' "$HERE" "$@"
}

fetch() { lib eval "kernel_fetch $1 $2; echo \$KERNEL_RELEASE \$KERNEL_IMAGE \$KERNEL_MODULES"; }

# fake_apt RELEASE : apt-cache and apt-get that know one package, and note each call in calls
fake_apt() {
	mkdir -p pkg/boot "pkg/lib/modules/$1/kernel/sound" pkg/DEBIAN
	bzimage "pkg/boot/vmlinuz-$1" "$1"
	printf 'Package: linux-image-%s\nVersion: 1\nArchitecture: all\nMaintainer: me\nDescription: x\n' "$1" >pkg/DEBIAN/control
	dpkg-deb -b pkg kernel.deb >/dev/null
	cat >bin/apt-cache <<-EOF2
		#!/bin/bash
		case \${!#} in
		linux-image-amd64) printf 'Package: linux-image-amd64\nDepends: linux-image-$1 (= 1)\n' ;;
		linux-image-$1) printf 'Package: linux-image-$1\nDepends: kmod\n' ;;
		esac
	EOF2
	cat >bin/apt-get <<-EOF2
		#!/bin/bash
		echo "\$*" >>$PWD/calls
		case "\$*" in
		*download*) \${FAKE_DOWNLOAD:-cp $PWD/kernel.deb .} ;;
		esac
	EOF2
	chmod +x bin/apt-cache bin/apt-get
}

@test "a series is fetched once and then needs no apt" {
	fake_apt 6.1.0-5-amd64
	run --separate-stderr fetch amd64 6.1
	[ "$status" -eq 0 ]
	[ "$output" = "6.1.0-5-amd64 $TICKPROOF_CACHE/kernels/amd64/6.1.0-5-amd64/boot/vmlinuz-6.1.0-5-amd64 $TICKPROOF_CACHE/kernels/amd64/6.1.0-5-amd64/lib/modules/6.1.0-5-amd64" ]
	rm calls
	run --separate-stderr fetch amd64 6.1
	[ "$status" -eq 0 ]
	run --separate-stderr fetch amd64 6.1.0-5-amd64
	[ "$status" -eq 0 ]
	[ ! -e calls ]
}

@test "what no guest has a device for is left out of the cache" {
	fake_apt 6.1.0-5-amd64
	fetch amd64 6.1 2>/dev/null
	[ -d "$TICKPROOF_CACHE/kernels/amd64/6.1/lib/modules/6.1.0-5-amd64/kernel" ]
	[ ! -e "$TICKPROOF_CACHE/kernels/amd64/6.1/lib/modules/6.1.0-5-amd64/kernel/sound" ]
}

@test "a failed download is one line, exit 2, and leaves no kernel behind" {
	fake_apt 6.1.0-5-amd64
	FAKE_DOWNLOAD=false run fetch amd64 6.1
	[ "$status" -eq 2 ]
	[[ ${lines[-1]} == *"cannot download linux-image-6.1.0-5-amd64"* ]]
	[ -z "$(ls -A "$TICKPROOF_CACHE/kernels/amd64")" ]
}

@test "what the archive lists and has no longer: the next newest" {
	fake_apt 6.1.0-5-amd64
	sed -i -e 's/linux-image-6.1.0-5-amd64 (= 1)/linux-image-6.1.0-6-amd64 (= 1)/' \
		-e '/^linux-image-amd64)/i linux-image-6.1) printf "linux-image-6.1.0-%s-amd64\\n" 5 6 ;;\nlinux-image-6.1.0-6-amd64) printf "Package: linux-image-6.1.0-6-amd64\\nDepends: linux-modules-6.1.0-6-amd64\\n" ;;' bin/apt-cache
	cat >bin/gone <<-EOF2
		#!/bin/bash
		if tail -n 1 $PWD/calls | grep -qF 6.1.0-6; then
			echo "\$FAKE_WORDS" >&2
			exit 100
		fi
		cp $PWD/kernel.deb .
	EOF2
	chmod +x bin/gone
	for words in "E: Failed to fetch http://server/x.deb  404  Not Found" \
		"E: Can't select candidate version from package linux-modules-6.1.0-6-amd64 as it has no candidate"; do
		rm -rf "$TICKPROOF_CACHE/kernels"
		FAKE_DOWNLOAD=gone FAKE_WORDS=$words run fetch amd64 6.1
		[ "$status" -eq 0 ]
		[[ $output == *"Debian's list has Linux 6.1.0-6-amd64, and its servers have not: looking for another"* ]]
		[[ ${lines[-1]} == 6.1.0-5-amd64* ]]
	done
	FAKE_DOWNLOAD=gone FAKE_WORDS='E: no space' run fetch amd64 6.1.0-6-amd64
	[ "$status" -eq 2 ]
}

@test "a damaged package is one line, exit 2, and leaves no kernel behind" {
	fake_apt 6.1.0-5-amd64
	echo junk >kernel.deb
	run fetch amd64 6.1
	[ "$status" -eq 2 ]
	[[ ${lines[-1]} == *"cannot unpack"* ]]
	[ -z "$(ls -A "$TICKPROOF_CACHE/kernels/amd64")" ]
}

@test "an interrupted download leaves no kernel behind" {
	fake_apt 6.1.0-5-amd64
	# shellcheck disable=SC2016
	printf '#!/bin/bash\nkill -INT $(awk "/^PPid/ { print \$2 }" /proc/$PPID/status) $PPID; exit 1\n' >bin/interrupt
	chmod +x bin/interrupt
	FAKE_DOWNLOAD=interrupt run fetch amd64 6.1
	[ "$status" -ne 0 ]
	[ -z "$(ls -A "$TICKPROOF_CACHE/kernels/amd64")" ]
}

@test "an unknown kernel is named" {
	fake_apt 6.1.0-5-amd64
	for kernel in 6.7 6.1.0-6-amd64 6.1.0-5-arm64 6.1.99-1; do
		run fetch amd64 "$kernel"
		[ "$status" -eq 2 ]
		[[ ${lines[-1]} == *"KERNEL=$kernel: Debian's packages for amd64 hold no such kernel"* ]]
	done
	run fetch amd64 banana
	[ "$status" -eq 2 ]
	[[ $output == *"KERNEL=banana: give a series"* ]]
	[ "${#lines[@]}" -eq 1 ]
}

@test "a kernel by path names its own release" {
	bzimage ./bz
	arm64_image ./arm
	run fetch amd64 ./bz
	[ "$output" = "6.9.1-test $PWD/bz" ]
	run fetch arm64 ./arm
	[ "$output" = "6.9.2-arm $PWD/arm" ]
}

@test "a kernel's release is a stranger's text: nothing of it steers a terminal, and it is no longer than a release can be" {
	bzimage ./-b=z
	bytes ./-b=z $((0x140 + 0x200)) '6.9\033[31m\007-\302\233x '
	run fetch amd64 -b=z
	[ "$output" = "6.9??31m?-??x $PWD/-b=z" ]
	arm64_image ./a=rm
	bytes ./a=rm 100 "Linux version 6.9\033]0;x$(printf %0100d 1) "
	run fetch arm64 a=rm
	[ "$output" = "6.9??0?x$(printf %056d 0) $PWD/a=rm" ]
	# a file without any
	: >none
	bytes none 56 'ARM\144'
	run fetch arm64 none
	[ "$output" = "unknown $PWD/none" ]
	module evil.ko '\076' '6.9\033[31m'
	run lib module_check evil.ko amd64 6.9.1-test
	[ "$status" -eq 2 ]
	[[ $output == *'built for Linux 6.9?[31m, and'* ]]
}

@test "a path that is no kernel for this guest: one line, exit 2" {
	bzimage ./bz
	echo text >text
	: >empty
	echo x | gzip >gz
	printf '\177ELF' >vmlinux
	run fetch arm64 ./bz
	[ "$status" -eq 2 ]
	[[ $output == *"KERNEL=./bz is for amd64, and this guest is arm64"* ]]
	while read -r file words; do
		run fetch amd64 "./$file"
		[ "$status" -eq 2 ]
		[ "${#lines[@]}" -eq 1 ]
		[[ $output == *"$words"* ]]
	done <<-'LIST'
		text neither an x86 bzImage nor an arm64 Image
		empty neither an x86 bzImage nor an arm64 Image
		gz gunzip it first
		vmlinux take arch/x86/boot/bzImage
		absent no such file
		bin neither a build tree (no .config is there) nor a directory
	LIST
}

@test "modules are checked for architecture and release" {
	module good.ko '\076' 6.9.1-test
	module arm.ko '\267' 6.9.1-test
	module old.ko '\076' 6.8.0
	printf '\177ELF00000000000000\076\0' >program
	echo text >text.ko
	run lib module_check good.ko amd64 6.9.1-test
	[ "$status" -eq 0 ]
	while read -r file words; do
		run lib module_check "$file" amd64 6.9.1-test
		[ "$status" -eq 2 ]
		[ "${#lines[@]}" -eq 1 ]
		[[ $output == *"MODULES: $file"*"$words"* ]]
	done <<-'LIST'
		arm.ko is for arm64, and this guest is amd64
		old.ko was built for Linux 6.8.0, and this guest runs 6.9.1-test
		program has no vermagic
		text.ko is not a kernel module
		absent.ko no such file
	LIST
}

# tree DIR ARCH RELEASE : a build tree as far as the harness looks at one, with the guest's fragment as its configuration
tree() {
	local image=arch/x86/boot/bzImage
	[[ $2 == amd64 ]] || image=arch/arm64/boot/Image
	mkdir -p "$1/${image%/*}" "$1/include/config"
	cat "$HERE/../guests/$2.config" >"$1/.config"
	[[ $2 != amd64 ]] || echo CONFIG_X86_64=y >>"$1/.config"
	[[ $2 != arm64 ]] || echo CONFIG_ARM64=y >>"$1/.config"
	echo "$3" >"$1/include/config/kernel.release"
	if [[ $2 == amd64 ]]; then bzimage "$1/$image" "$3"; else arm64_image "$1/$image" "$3"; fi
}

# one_line WORDS : the last run ended with exit code 2 and one line that has the words
one_line() {
	[ "$status" -eq 2 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ $output == *"$1"* ]] || {
		echo "$output"
		return 1
	}
}

@test "a build tree: its image, its release, its modules" {
	tree linux amd64 6.13.0-mine
	run fetch amd64 linux/
	[ "$status" -eq 0 ]
	[ "$output" = "6.13.0-mine $PWD/linux/arch/x86/boot/bzImage $PWD/linux" ]
	tree out arm64 6.13.0
	run fetch arm64 out/.
	[ "$output" = "6.13.0 $PWD/out/arch/arm64/boot/Image $PWD/out" ]
	mkdir -p linux/drivers/{virtio,char}
	module linux/drivers/virtio/virtio_pci.ko '\076' 6.13.0-mine
	module linux/drivers/char/msr.ko '\076' 6.13.0-mine
	printf '%s\n' kernel/drivers/virtio/virtio_pci.ko drivers/char/msr.o drivers/char/unbuilt.o >linux/modules.order
	echo kernel/drivers/virtio/virtio_ring.ko >linux/modules.builtin
	for name in virtio_pci msr; do
		lib kernel_module "$PWD/linux" "$name" "$PWD/$name.ko"
		[ -s "$name.ko" ]
	done
	lib kernel_module "$PWD/linux" virtio_ring "$PWD/ring.ko"
	[ ! -e ring.ko ]
	for name in unbuilt absent pci; do
		run lib kernel_module "$PWD/linux" "$name" "$PWD/$name.ko"
		[ "$status" -ne 0 ]
	done
}

@test "a build tree that won't do: one line with the remedy, exit 2" {
	mkdir source
	touch source/Kconfig
	run fetch amd64 ./source
	one_line 'source without a .config: configure and build it, or give the directory that was O='
	tree linux amd64 6.13.0
	run fetch arm64 ./linux
	one_line 'is configured for amd64, and this guest is arm64'
	rm linux/arch/x86/boot/bzImage
	run fetch amd64 ./linux
	one_line "is not built (arch/x86/boot/bzImage is not there): run make -C $PWD/linux -j"
	bzimage linux/arch/x86/boot/bzImage 6.12.9
	run fetch amd64 ./linux
	one_line 'the image is Linux 6.12.9, and the tree is configured as 6.13.0 by now'
	echo 'CONFIG_PPC64=y' >linux/.config
	run fetch amd64 ./linux
	one_line 'configured for an architecture that no guest here has'
}

@test "a configuration that lacks what the guest needs is named, with the fragment; what is only wanted is not asked for" {
	local fragment
	tree linux amd64 6.13.0
	fragment=$(cd "$HERE/.." && pwd)/guests/hyperv.config
	check() { lib eval "KERNEL=linux; kernel_fetch amd64 ./linux; config_check hyperv '$fragment'"; }
	run check
	one_line "lacks what GUEST=hyperv needs: CONFIG_HYPERVISOR_GUEST=y CONFIG_HYPERV_TIMER=y (all that it needs is in $fragment: run $PWD/linux/scripts/kconfig/merge_config.sh"
	printf '%s\n' CONFIG_HYPERVISOR_GUEST=y CONFIG_HYPERV_TIMER=y >>linux/.config
	sed -i '/VIRTIO/d; /KPROBES/d' linux/.config
	run check
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "a tree's compiler: the one that it names, or one line" {
	compiler() { lib eval "TREE_MAKE=(); tree_compiler linux; echo \"\${TREE_MAKE[@]}\""; }
	local version
	version=$(lib compiler_version gcc)
	[[ $version =~ ^[0-9]{5,6}$ ]]
	tree linux amd64 6.13.0
	printf '%s\n' 'CONFIG_CC_VERSION_TEXT="gcc (Debian) x"' "CONFIG_GCC_VERSION=$version" >>linux/.config
	run compiler
	[ "$output" = 'CROSS_COMPILE= CC=gcc' ]
	sed -i 's/^CONFIG_GCC_VERSION=.*/CONFIG_GCC_VERSION=49900/' linux/.config
	run compiler
	one_line 'was built with gcc (Debian) x, and gcc is version '
	[[ $output == *'install that compiler (apt-get install gcc-4)'* ]]
	sed -i 's/"gcc (/"nosuch-linux-gnu-gcc (/' linux/.config
	run compiler
	one_line 'nosuch-linux-gnu-gcc is not here'
	printf '%s\n' CONFIG_CC_IS_CLANG=y CONFIG_CLANG_VERSION=990102 >>linux/.config
	run compiler
	one_line 'clang-99 is not here'
}

# installed DIR RELEASE : a directory as modules_install and install fill it
installed() {
	mkdir -p "$1/boot" "$1/lib/modules/$2/kernel"
	touch "$1/lib/modules/$2/modules.order"
	bzimage "$1/boot/vmlinuz-$2" "$2"
}

@test "a directory that modules_install has filled: with its kernel, or one line" {
	installed there 6.13.0-mine
	run fetch amd64 there
	[ "$output" = "6.13.0-mine $PWD/there/boot/vmlinuz-6.13.0-mine $PWD/there/lib/modules/6.13.0-mine" ]
	xz -c there/boot/vmlinuz-6.13.0-mine >there/lib/modules/6.13.0-mine/kernel/msr.ko.xz
	lib kernel_module "$PWD/there/lib/modules/6.13.0-mine" msr "$PWD/msr.ko"
	cmp msr.ko there/boot/vmlinuz-6.13.0-mine
	mv there/boot/vmlinuz-6.13.0-mine there/bzImage
	run fetch amd64 there
	[[ $output == "6.13.0-mine $PWD/there/bzImage "* ]]
	run fetch arm64 there
	one_line 'is for amd64, and this guest is arm64'
	rm there/bzImage
	run fetch amd64 there
	one_line 'holds the modules of Linux 6.13.0-mine, and no kernel: put the image there as boot/vmlinuz-6.13.0-mine'
	bzimage there/bzImage 6.13.1
	run fetch amd64 there
	one_line 'is Linux 6.13.1, and the modules beside it are of 6.13.0-mine'
	installed there 6.14.0
	run fetch amd64 there
	one_line 'holds several kernels (6.13.0-mine 6.14.0)'
	# as since 6.19 in Debian
	mkdir -p usr/usr/lib/modules/7.2.1/kernel
	bzimage usr/usr/lib/modules/7.2.1/vmlinuz 7.2.1
	run fetch amd64 usr
	[ "$output" = "7.2.1 $PWD/usr/usr/lib/modules/7.2.1/vmlinuz $PWD/usr/usr/lib/modules/7.2.1" ]
}

# deb NAME DEPENDS : the package NAME, made of pkg/
deb() {
	mkdir -p pkg/DEBIAN
	printf 'Package: %s\nVersion: 1\nArchitecture: all\nMaintainer: me\n%sDescription: x\n' "$1" "${2:+Depends: $2$'\n'}" >pkg/DEBIAN/control
	dpkg-deb -b pkg "debs/${1}_1_all.deb" >/dev/null
	rm -r pkg
}

@test "a .deb: a kernel with what lies beside it, or one line and nothing left" {
	mkdir debs
	installed pkg 6.13.0-mine
	deb linux-image-6.13.0-mine
	run --separate-stderr fetch amd64 debs/linux-image-6.13.0-mine_1_all.deb
	[ "$status" -eq 0 ]
	[[ $output == "6.13.0-mine $TICKPROOF_CACHE/kernels/packages/"*"/lib/modules/6.13.0-mine" ]]
	run --separate-stderr lib eval 'kernel_fetch amd64 debs/linux-image*.deb; declare -p KERNEL_BUILD'
	[ "$output" = 'declare -- KERNEL_BUILD=""' ]
	mkdir -p pkg/usr/src/linux-headers-6.13.0-mine/include/generated
	touch pkg/usr/src/linux-headers-6.13.0-mine/{Makefile,.config,include/generated/utsrelease.h}
	deb linux-headers-6.13.0-mine
	mkdir -p pkg/usr/src/linux-headers-6.12.0
	deb linux-headers-6.12.0
	run --separate-stderr lib eval 'kernel_fetch amd64 debs/linux-image*.deb; declare -p KERNEL_BUILD'
	[[ $output == *"\"$TICKPROOF_CACHE/kernels/packages/"*'/usr/src/linux-headers-6.13.0-mine"' ]]
	# shellcheck disable=SC2154  # of bats
	[[ $stderr == *'linux-headers-6.13.0-mine'* && $stderr != *6.12.0* ]]

	mkdir pkg
	deb linux-image-7.2.1 'dracut | x, linux-binary-7.2.1 (= 1), linux-modules-7.2.1 (= 1)'
	local before
	before=$(find cache | sort)
	run fetch amd64 debs/linux-image-7.2.1_1_all.deb
	[[ ${lines[-1]} == *'no kernel is in the package linux-image-7.2.1: it points at linux-binary-7.2.1 linux-modules-7.2.1; put these'* ]]
	[ "$status" -eq 2 ]
	mkdir -p pkg/usr/bin
	deb hello
	run fetch amd64 debs/hello_1_all.deb
	[ "$status" -eq 2 ]
	[[ ${lines[-1]} == *'no kernel is in the package hello' ]]
	printf '!<arch>\ndebian-binary   1' >debs/broken.deb
	run fetch amd64 debs/broken.deb
	one_line 'a damaged .deb'
	[ "$before" = "$(find cache | sort)" ]

	mkdir -p pkg/usr/lib/modules/7.2.1
	bzimage pkg/usr/lib/modules/7.2.1/vmlinuz 7.2.1
	deb linux-binary-7.2.1
	mkdir -p pkg/usr/lib/modules/7.2.1/kernel
	deb linux-modules-7.2.1
	run --separate-stderr fetch amd64 debs/linux-image-7.2.1_1_all.deb
	[ "$status" -eq 0 ]
	[[ $output == "7.2.1 $TICKPROOF_CACHE/"*/usr/lib/modules/7.2.1/vmlinuz\ *"/usr/lib/modules/7.2.1" ]]
}

@test "a .rpm: a kernel with its devel package beside it, or one line" {
	rpm_package() {
		rpmbuild -bb --quiet --define "_rpmdir $PWD/rpms" --define '_rpmfilename %%{NAME}.rpm' --define "_topdir $PWD/top" \
			--buildroot "$PWD/root" --target x86_64 "$1" >/dev/null 2>&1
	}
	mkdir rpms
	cat >kernel.spec <<-EOF
		Name: kernel
		Version: 6.13.0_mine
		Release: 1
		Summary: x
		License: x
		%description
		x
		%package devel
		Summary: x
		%description devel
		x
		%install
		cp -R $PWD/pkg/. %{buildroot}
		%files
		/lib/modules
		%files devel
		/usr/src
	EOF
	mkdir -p pkg/lib/modules/6.13.0-mine/kernel pkg/usr/src/kernels/6.13.0-mine/include/generated
	touch pkg/usr/src/kernels/6.13.0-mine/{Makefile,.config,include/generated/utsrelease.h}
	bzimage pkg/lib/modules/6.13.0-mine/vmlinuz 6.13.0-mine
	rpm_package kernel.spec
	run --separate-stderr lib eval 'kernel_fetch amd64 rpms/kernel.rpm; declare -p KERNEL_RELEASE KERNEL_BUILD'
	[ "$status" -eq 0 ]
	[[ $output == *'"6.13.0-mine"'*"\"$TICKPROOF_CACHE/kernels/packages/"*'/usr/src/kernels/6.13.0-mine"' ]]
	truncate -s 2000 rpms/kernel.rpm
	run fetch amd64 rpms/kernel.rpm
	[ "$status" -eq 2 ]
	[[ ${lines[-1]} == *'damaged'* ]]
}

# fake_suites SUITE... : apt that knows these suites and no other; FAKE_NETWORK=no: none at all
fake_suites() {
	fake_apt 7.2.1-amd64
	mv bin/apt-get bin/apt-get.packages
	cat >bin/apt-get <<-EOF2
		#!/bin/bash
		for arg; do
			case \$arg in
			-oDir::State::Lists=*) lists=\${arg#*Lists=} ;;
			-oDir::Etc::sourcelist=*) sources=\${arg#*list=} ;;
			esac
		done
		case "\$*" in
		*indextargets*) printf '%s\n' 'Debian|http://server/debian/|stable' 'Debian|http://server/security/|stable-security' 'Other|http://other/|x' ;;
		*update*)
			[[ \${FAKE_NETWORK:-yes} == yes ]] || { echo "E: Temporary failure resolving 'server'" >&2; exit 100; }
			[[ -n \${sources:-} ]] || exit 0
			status=0
			while read -r _ first second third _; do
				suite=\$second
				[[ \$first != \[* ]] || suite=\$third
				case " $* " in
				*" \$suite "*) touch "\$lists/server_dists_\${suite}_InRelease" ;;
				*) echo "E: The repository 'http://server \$suite Release' does not have a Release file." >&2; status=100 ;;
				esac
			done <"\$sources"
			exit \$status
			;;
		*) exec $PWD/bin/apt-get.packages "\$@" ;;
		esac
	EOF2
	chmod +x bin/apt-get
}

@test "a series of another suite: fetched from there once, and its archive is remembered" {
	fake_suites sid
	run --separate-stderr fetch amd64 sid:7.2
	[ "$status" -eq 0 ]
	[[ $output == "7.2.1-amd64 $TICKPROOF_CACHE/kernels/amd64/7.2.1-amd64/boot/"* ]]
	grep -q '^deb .*http://server/debian/ sid main$' cache/apt/amd64-sid/sources.list
	run ! grep -qE 'security|other' cache/apt/amd64-sid/sources.list
	FAKE_NETWORK=no run --separate-stderr lib eval 'kernel_fetch amd64 sid:7.2; declare -p KERNEL_ARCHIVE; kernel_fetch amd64 7.2.1-amd64; declare -p KERNEL_ARCHIVE'
	[ "$output" = $'declare -- KERNEL_ARCHIVE="amd64:sid"\ndeclare -- KERNEL_ARCHIVE="amd64:sid"' ]
	fake_suites bullseye bullseye-security
	run --separate-stderr fetch amd64 bullseye:7.2
	[ "$status" -eq 0 ]
	grep -q 'http://server/security/ bullseye-security main$' cache/apt/amd64-bullseye/sources.list
}

@test "a suite that doesn't exist, or no network: one line, exit 2, nothing of it is kept" {
	fake_suites sid
	run fetch amd64 nosuch:7.2
	[ "$status" -eq 2 ]
	[[ ${lines[-1]} == *'nosuch: Debian has no suite of that name'* ]]
	[ ! -e cache/apt/amd64-nosuch ]
	FAKE_NETWORK=no run fetch amd64 sid:7.2
	[ "$status" -eq 2 ]
	[[ ${lines[-1]} == *"cannot fetch the package lists of sid: E: Temporary failure resolving 'server'; check the network"* ]]
	[ ! -e cache/apt/amd64-sid ]
	run fetch amd64 sid:6.1
	[ "$status" -eq 2 ]
	[[ ${lines[-1]} == *"KERNEL=sid:6.1: Debian's packages for amd64 hold no such kernel"* ]]
	run fetch amd64 SID:6.1
	one_line 'KERNEL=SID:6.1: give a series'
}
