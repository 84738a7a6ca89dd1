// SPDX-License-Identifier: GPL-2.0-only
/*
 * hold_lapic - keep one virtual CPU whose local APIC is never switched on
 *
 * For the hypervisor appliance, which is KVM on QEMU's emulation. KVM patches its own code (static
 * key apic_sw_disabled, arch/x86/kvm/lapic.c) when the last software-disabled APIC of all guests is
 * enabled, and when the first is disabled: at each guest's boot, and each time one of its CPUs goes
 * offline and comes back. Emulation may run the int3 of such a patch after the patching has ended,
 * and then the appliance dies of "Oops: int3". With this one CPU the key keeps its value for good.
 *
 * Exits 0 once the CPU is there; a child holds it. Otherwise 1, with the reason on stderr.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <unistd.h>

int main(void)
{
	int kvm, vm, ready[2];
	char byte = 0;

	if (pipe(ready) < 0)
		err(1, "pipe");
	switch (fork()) {
	case -1:
		err(1, "fork");
	default:
		close(ready[1]);
		return read(ready[0], &byte, 1) == 1 ? 0 : 1;
	case 0:
		break;
	}
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		err(1, "/dev/kvm");
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0 || ioctl(vm, KVM_CREATE_IRQCHIP, 0) < 0 || ioctl(vm, KVM_CREATE_VCPU, 0) < 0)
		err(1, "a virtual CPU");
	if (write(ready[1], &byte, 1) != 1)
		return 1;
	for (;;)
		pause();
}
