# shellcheck shell=bash disable=SC2154,SC2034,SC2119,SC2120  # what one part sets, another reads
# SPDX-License-Identifier: GPL-2.0-only
# Why a boot ended: the guest's doing, or the emulation's. Part of supervise.sh.

# remedy -> what may help where a guest did not boot
remedy() {
	local words='see console.log'
	[[ -z ${IMAGE:-} ]] || words="$(image_prompt)$words"
	[[ -z ${MACHINE_DIR:-} ]] || words='is the machine back?'
	[[ $verdict != *'not ready after'* ]] || words+=', or give it longer with BOOT_TIMEOUT='
	[[ $GUEST_ACCEL != kvm || $GUEST_ARCH != amd64 ]] || words+=', or boot it without this KVM with ACCEL=nested'
	echo "$words"
}

# image_prompt -> what an image that did not reach our agent was last seen waiting for, by its console
image_prompt() {
	case $(console_text | tail -n 5 | tr '\n' ' ') in
	*[Pp]assphrase*) echo "it asks for a disk's passphrase: nobody could type it; " ;;
	*'aintenance'* | *'mergency mode'* | *initramfs*) echo 'it ended in its emergency shell; ' ;;
	*login:*) echo "it booted to its login prompt, and did not start the agent (way in: $IMAGE_WAY): choose another WAY_IN=; " ;;
	*'grub>'* | *'grub rescue>'*) echo 'its boot loader found no kernel; ' ;;
	*'No bootable device'* | *'not a bootable disk'* | *'UEFI Interactive Shell'* | *'Shell>'* | *'No bootable option'*) echo "nothing on it boots by ${IMAGE_BOOTS_BY^^}: see FIRMWARE=; " ;;
	'') echo "nothing came on its serial console; its kernel may lack the driver of the disk or of the console; " ;;
	esac
}

# emulation_failure -> how QEMU's emulation ended this boot, if it did: not the guest's fault. Where a kernel patches its code while
# all CPUs run, an emulated CPU may keep the breakpoint that stood there for a moment, above all on a busy host (seen with QEMU 7.2):
# "Oops: int3", or, so it seems, a triple fault where a CPU can't take exceptions yet. And the hypervisor appliance, seldom,
# ends before it has come to start the guest.
# What is so ended begins anew; but what ends so again and again is the guest's own doing (ends_alike). What a guest prints on its own
# console excuses next to nothing where there is an appliance to ask, and little elsewhere: see breakpoint_panic and entry_panic.
emulation_failure() {
	local words fault
	[[ ${GUEST_EMULATED:-no} == yes ]] || return 0
	words=$(appliance_text)
	fault=$(triple_fault)
	if [[ $words == *'int3: 0000'* ]]; then
		echo "the hypervisor appliance kept a breakpoint that was gone (int3)"
	elif breakpoint_panic; then
		echo "an emulated CPU kept a breakpoint that was gone (int3)"
	elif entry_panic; then
		echo "an emulated CPU faulted in the first instruction of a system call"
	elif [[ -n ${IMAGE:-} && -z $ready ]] && console_text | grep -q 'Kernel panic - not syncing: IO-APIC + timer'; then
		# A guest of ours gets no option that makes it look.
		echo "a busy host stopped QEMU while the kernel looked whether its timer ticks"
	elif [[ ${GUEST_NESTED:-no} == no && -z $ready ]] && ((again == 0)) && cut_off; then
		echo "the emulated machine ended while the kernel booted, without a word of it"
	elif [[ -n $fault ]]; then
		echo "a CPU shut down on emulated KVM ($fault)"
	elif [[ ${GUEST_NESTED:-no} == yes && $words != *'appliance: starting the guest'* ]]; then
		echo "the hypervisor appliance ended before it started the guest"
	elif [[ ${GUEST_NESTED:-no} == yes && $words != *'appliance: the guest ended'* ]]; then
		echo "the hypervisor appliance ended without a word, and the guest with it$(shut_down)"
	fi
}

# shut_down -> a word if QEMU saw a CPU of the appliance shut down: the last line of its log of resets, for with -no-reboot none follows
shut_down() {
	[[ ! -e $GUEST_DIR/resets.log ]] || sed -n 's/^Triple fault$/ (triple fault)/p' "$GUEST_DIR/resets.log"
}

# cut_off : did the console end in the middle of the kernel's boot, with no word of a panic or a restart? So an emulated CPU's triple fault looks,
# where nobody records it. A guest that does so of itself does it again, in its second boot.
cut_off() {
	console_text | awk '
		/Kernel panic|reboot: |Power down|System halted/ { said = 1 }
		NF { kernel = /^\[ *[0-9]+[.][0-9]+\] / }
		END { exit !kernel || said }'
}

# fault_place WHY -> where the CPU shut down, as far as every boot of a kernel has it in common: KASLR moves it by steps of 2 MiB
# (CONFIG_PHYSICAL_ALIGN). What the emulation does to a guest happens anywhere.
fault_place() {
	[[ ! $1 =~ rip\ 0x([0-9a-f]{1,16}) ]] || printf '%x' $((0x${BASH_REMATCH[1]} & 0x1fffff))
}

# ends_alike WHY : have boots ended so before, in this program, so that it is the guest's own doing? Once before will do, or twice where the place is known:
# emulation's triple faults come where a guest goes on after an exit, such as behind its HLT (docs/findings.md), and twice there may be chance. Before any
# program there is no verdict to lose. The end of the machine under a guest is never the guest's: three of those and nothing is judged.
ends_alike() {
	local entry place same=0
	[[ $1 != 'the hypervisor appliance '* ]] || return 1
	place=$(fault_place "$1")
	for entry in $again_in; do
		[[ -z $program || $entry != "$program@$place" ]] || same=$((same + 1))
	done
	((same >= (${#place} > 0 ? 2 : 1)))
}

# panic_cause -> the oops that the kernel died of, and where in the kernel, if the running program had reported nothing bad. The guest's word alone, so it must be
# the panic itself that ended the boot, of the last oops since that program began, as the kernel prints both. A second CPU that runs into the same breakpoint may
# print the head of its own oops before the first one's panic.
panic_cause() {
	[[ -n $bad ]] || console_text "$console_program" | awk '
		/int3: 0000 \[#[0-9]+\]/ { if (oops != "int3") { oops = "int3"; rip = "" } next }
		/double fault: 0000 \[#[0-9]+\]/ { oops = "double fault"; rip = ""; next }
		/BUG:|Oops|Internal error|general protection|invalid opcode|divide error|double fault|stack segment/ { oops = "another" }
		/RIP: 0010:/ && oops && !rip { rip = $0; sub(/.*RIP: 0010:/, "", rip) }
		/Kernel panic - not syncing: / { if (/Fatal exception/ && rip) print oops " at " rip; exit }'
}

# breakpoint_panic : did the kernel die of a breakpoint? A nested guest's word counts until it is ready: there is no verdict yet that it could excuse.
breakpoint_panic() {
	[[ (${GUEST_NESTED:-no} == no || -z $ready) && $(panic_cause) == 'int3 at '* ]]
}

# entry_panic : did the kernel die of a double fault in the first instruction behind SYSCALL? It touches no memory, and interrupts are off there, so a kernel can do
# nothing to fault in it, and a program nothing to make it. Emulated KVM did it to a guest once in a hundred gates (docs/findings.md). The appliance does not see
# it, for such a guest does not leave KVM: only its own last words tell.
entry_panic() {
	[[ ${GUEST_NESTED:-no} == yes && $(panic_cause) == 'double fault at entry_SYSCALL_64+0x0/'* ]]
}

# gone -> why a guest that ended by itself did so
gone() {
	local why
	why=$(appliance_death)
	[[ -z $why ]] || {
		echo "SETUP the hypervisor appliance died (its words are in appliance.log): $why"
		return
	}
	why=$(console_text | sed -n 's/.*Kernel panic - not syncing: //p' | head -n 1 | cut -c -200) || :
	printable why
	if [[ -z $why && -s $GUEST_DIR/gone ]]; then
		[[ -n $ready ]] || echo "NOBOOT $(<"$GUEST_DIR/gone")"
		[[ -z $ready ]] || echo "RESET $(at) $(<"$GUEST_DIR/gone")"
		return
	fi
	if [[ -z $ready ]]; then
		[[ -z $why ]] || why="panic: $why"
		[[ -n $why ]] || why=$(console_text | tail -n 1 | cut -c -200) || :
		printable why
		echo "NOBOOT the guest ended before it was ready${why:+: $why}"
	elif [[ -n $why ]]; then
		echo "PANIC $(at) $why"
	else
		why=$(triple_fault)
		echo "RESET $(at) the machine restarted or ended${why:+ ($why)}"
	fi
}
