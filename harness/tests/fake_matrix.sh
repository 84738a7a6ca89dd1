# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# As fake.sh, for harness/matrix: images are files that need only be there, and who is begun is written down.
# shellcheck disable=SC2034
. "$HARNESS/tests/fake.sh"

guest_conf() {
	[[ $1 != nosuch ]] || die 2 "GUEST=$1: no such guest"
	declare -gA GUEST_CONF=([arch]=fake [tests]='*')
}

image_check() { [[ -f $IMAGE ]] || die 2 "IMAGE=$IMAGE: no such file"; }

image_prepare() {
	guest_prepare
	IMAGE_FORMAT=raw IMAGE_SUM=0 IMAGE_BOOTS_BY=bios IMAGE_WAY=fake IMAGE_WHY=fake
	GUEST_DESCRIPTION="${IMAGE##*/}, make-believe"
}

image_unchanged() { :; }

# With the machine's own file, which it has where a test gave it one.
accel_choose() {
	GUEST_ACCEL=kvm GUEST_ACCEL_WHY='' GUEST_FALLBACK=no
	echo "$GUEST ${KERNEL:--} $(basename "${IMAGE:--}") $(cat ~/machine 2>/dev/null)" >>"$FAKE_SCRIPTS/begun"
}
