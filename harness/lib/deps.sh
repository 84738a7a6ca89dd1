# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# What has to be installed, and installing it where there is apt. Needs common.sh.

# deps GROUP -> lines "WHAT PACKAGE": a command, or a file (a pattern with a slash), and the Debian package it is in
deps() {
	case $1 in
	gate)
		cat <<-'EOF'
			make make
			gcc gcc
			/usr/include/stdio.h libc6-dev
			/usr/include/check.h check
			/usr/lib*/*/libsubunit.a libsubunit-dev
			cpio cpio
			jq jq
			gnuplot gnuplot-nox
			xz xz-utils
			/usr/lib*/*/libelf.so.1 libelf1
			qemu-system-x86_64 qemu-system-x86
			apt-get apt
			dpkg-deb dpkg
		EOF
		;;
	gate-arm64)
		cat <<-'EOF'
			qemu-system-aarch64 qemu-system-arm
			aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
			/usr/aarch64-linux-gnu/include/stdio.h libc6-dev-arm64-cross
		EOF
		;;
	report)
		cat <<-'EOF'
			jq jq
			gnuplot gnuplot-nox
		EOF
		;;
	gate-image)
		cat <<-'EOF'
			qemu-img qemu-utils
			qemu-storage-daemon qemu-system-common
			xorriso xorriso
			sfdisk fdisk
			mdir mtools
			debugfs e2fsprogs
			zstd zstd
			openssl openssl
			/usr/share/OVMF/OVMF_CODE_4M.fd ovmf
		EOF
		;;
	gate-image-arm64) echo /usr/share/AAVMF/AAVMF_CODE.fd qemu-efi-aarch64 ;;
	gate-host) echo ssh openssh-client ;;
	domain) printf '%s\n' "virsh libvirt-clients" "xmllint libxml2-utils" ;;
	libvirt) printf '%s\n' "/usr/sbin/libvirtd libvirt-daemon" "/usr/lib/*/libvirt/connection-driver/libvirt_driver_qemu.so libvirt-daemon-driver-qemu" ;;
	gate-uefi) echo /usr/share/qemu-efi-aarch64/QEMU_EFI.fd qemu-efi-aarch64 ;;
	check)
		cat <<-'EOF'
			git git
			shellcheck shellcheck
			bats bats
			/usr/lib/bats/bats-assert/load.bash bats-assert
			valgrind valgrind
			xmllint libxml2-utils
			tidy tidy
			chromium-headless-shell chromium-headless-shell
			file file
			rsync rsync
			rpmbuild rpm
			busybox busybox-static
			/usr/sbin/sshd openssh-server
			unshare util-linux
			perf linux-perf
			yamllint yamllint
			systemd-analyze systemd
			/usr/src/linux-source-6.12.tar.xz linux-source-6.12
		EOF
		;;
	format)
		cat <<-'EOF'
			git git
			clang-format clang-format
			shfmt shfmt
		EOF
		;;
	rpm) printf '%s\n' "rpm rpm" "rpm2cpio rpm2cpio" ;;
	zstd) echo zstd zstd ;;
	toolchain) echo patchelf patchelf ;;
	soak) echo stress-ng stress-ng ;;
	matrix) printf '%s\n' 'parallel parallel' 'rsync rsync' ;;
	lava)
		cat <<-'EOF'
			lava-run lava-dispatcher
			qemu-system-x86_64 qemu-system-x86
			qemu-system-aarch64 qemu-system-arm
		EOF
		;;
	bisect)
		cat <<-'EOF'
			git git
			flex flex
			bison bison
			bc bc
			/usr/include/gelf.h libelf-dev
		EOF
		;;
	image)
		cat <<-'EOF'
			mmdebstrap mmdebstrap
			mcopy mtools
			mkfs.vfat dosfstools
			sfdisk fdisk
			qemu-img qemu-utils
			mke2fs e2fsprogs
			arch-test arch-test
			qemu-aarch64-static qemu-user-static
		EOF
		;;
	*) die 2 "need: no such group of packages: $1" ;;
	esac
}

# missing GROUP... -> the lines of deps whose command or file is not here
missing() {
	local group what package
	for group in "$@"; do
		deps "$group" | while read -r what package; do
			case $what in
			*/*) compgen -G "$what" >/dev/null || echo "$what $package" ;;
			*) command -v "$what" >/dev/null || echo "$what $package" ;;
			esac
		done
	done
}

# qemu_version_check COMMAND... : die unless each QEMU that is here is at least 7.0
qemu_version_check() {
	local qemu version
	for qemu in "$@"; do
		command -v "$qemu" >/dev/null || continue
		version=$("$qemu" --version | awk 'NR == 1 { print $4 }')
		[[ ${version%%.*} =~ ^[0-9]+$ && ${version%%.*} -ge 7 ]] ||
			die 2 "$qemu is version ${version:-unknown}; 7.0 or newer is needed (Debian 12 has it)"
	done
}

# need GROUP... : see that what the groups (gate, gate-arm64, gate-uefi, check, soak, bisect ...) name is here. With apt and as root
# install what is missing, saying so first; otherwise one line with what is missing, and exit 2
need() {
	local lines what packages
	lines=$(missing "$@")
	if [[ -n $lines ]]; then
		what=$(awk '{ printf "%s%s", sep, $1; sep = " " }' <<<"$lines")
		packages=$(awk '!seen[$2]++ { printf "%s%s", sep, $2; sep = " " }' <<<"$lines")
		command -v apt-get >/dev/null ||
			die 2 "missing: $what; install them and try again (where there is apt, this is done for you)"
		[[ $EUID == 0 ]] ||
			die 2 "missing: $what; run: sudo apt-get install --no-install-recommends $packages"
		say "installing by apt: $packages"
		install_packages "$packages"
		lines=$(missing "$@" | awk '{ printf "%s%s", sep, $1; sep = " " }')
		[[ -z $lines ]] || die 2 "still missing after apt-get install: $lines"
	fi
	qemu_version_check qemu-system-x86_64 qemu-system-aarch64
}

# install_packages "PACKAGE..." : by apt-get, quietly; its own words only when it fails
install_packages() {
	local log
	log=$(mktemp)
	# shellcheck disable=SC2086  # the packages are words
	if ! { apt-get -q update && DEBIAN_FRONTEND=noninteractive \
		apt-get -qy install --no-install-recommends $1; } >"$log" 2>&1 </dev/null; then
		tail -n 20 "$log" >&2
		log=$(
			grep '^E:' "$log" | head -n 1
			rm -f "$log"
		)
		die 2 "apt-get could not install $1: ${log#E: }"
	fi
	rm -f "$log"
}
