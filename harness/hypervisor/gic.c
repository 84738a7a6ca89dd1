// SPDX-License-Identifier: GPL-2.0-only
/*
 * The interrupt controller (GICv3, one security state). Group 1 is the guest's: its interrupts go
 * straight to EL1, and the monitor never sees them. Group 0 is the monitor's: with HCR_EL2.FMO such
 * an interrupt comes to EL2 as an FIQ whatever the guest masks. Nothing is virtual but ICC_PMR_EL1
 * and ICC_CTLR_EL1, a side effect of FMO.
 */
#include "monitor.h"

/* A trapped access as ESR_EL2's ISS has it: what register, and in bit 0 whether it is a read. */
#define ISS(op0, op1, crn, crm, op2) \
	((op0) << 20 | (op2) << 17 | (op1) << 14 | (crn) << 10 | (crm) << 1)
#define ISS_ICC(crm, op2) ISS(3, 0, 12, crm, op2)
#define ISS_READ	  1

/*
 * Let EL2 have its FIQs, and EL1 everything else. Arch timers live until the kernel's first
 * IGRPEN1.
 */
void gic_cpu_init(struct cpu *cpu)
{
	/* As many as there are CPUs, in their order. */
	cpu->gicr = VIRT_GICR + cpu->index * VIRT_GICR_SIZE;
	if ((mmio_read32(cpu->gicr + GICR_TYPER_HIGH) & 0xffffff) != (cpu->mpidr & 0xffffff))
		die("the redistributors are not in the CPUs' order");
	write_sysreg(0xf, ICC_SRE_EL2);
	isb();
	write_sysreg(0xff, ICC_PMR_EL1);
	write_sysreg(0, ICC_CTLR_EL1);
	write_sysreg(1, ICC_IGRPEN0_EL1);
	write_sysreg(ICH_HCR_TALL1, ICH_HCR_EL2);
	isb();
}

/*
 * (Again) take our timer's interrupt: a guest that sets up its GIC puts all PPIs into group 1,
 * and disables them.
 */
void gic_own_timer(struct cpu *cpu)
{
	u32 ctlr = mmio_read32(VIRT_GICD + GICD_CTLR),
	    group = mmio_read32(cpu->gicr + GICR_IGROUPR0);

	if (!(ctlr & 1))
		mmio_write32(VIRT_GICD + GICD_CTLR, ctlr | 1);
	if (group & BIT(PPI_OWN_TIMER))
		mmio_write32(cpu->gicr + GICR_IGROUPR0, group & ~BIT(PPI_OWN_TIMER));
	mmio_write8(cpu->gicr + GICR_IPRIORITYR + PPI_OWN_TIMER, 0);
	mmio_write32(cpu->gicr + GICR_ISENABLER0, BIT(PPI_OWN_TIMER));
}

/*
 * The lie: the lowest priority, which no priority mask lets pass. Enabled, pending, and never
 * signalled.
 */
static void kill_arch_timer(struct cpu *cpu)
{
	mmio_write8(cpu->gicr + GICR_IPRIORITYR + PPI_VIRT_TIMER, 0xff);
}

/* An edge on a PPI of this CPU. */
void gic_inject(struct cpu *cpu, u32 intid)
{
	mmio_write32(cpu->gicr + GICR_ISPENDR0, BIT(intid));
}

/* An IGRPEN1 write: how it is known who runs, and that the GIC's set-up on this CPU is done. */
static void write_igrpen1(u64 value)
{
	static bool firmware_used_it;

	write_sysreg(value, ICC_IGRPEN1_EL1);
	/* Firmware has its code low, and kernels have theirs high. */
	if (!by_firmware || read_sysreg(elr_el2) >> 63) {
		if (!(value & 1))
			return;
		/* The kernel, ready for interrupts: from here on its accesses are its own. */
		if (mode == MODE_DEAD)
			kill_arch_timer(this_cpu());
		write_sysreg(0, ICH_HCR_EL2);
	} else if (value & 1) {
		firmware_used_it = true;
	} else if (firmware_used_it) {
		/* ExitBootServices() has begun: the tables are where the kernel will find them. */
		acpi_sign_fadt();
	}
}

/*
 * Do what the guest wanted: the registers that FMO and TALL1 trap. *value is read or written. False
 * if the monitor never asked for this trap.
 */
bool gic_sysreg(u64 iss, u64 *value)
{
#define ACCESS(crm, op2, reg)              \
	case ISS_ICC(crm, op2):            \
		write_sysreg(*value, reg); \
		break;                     \
	case ISS_ICC(crm, op2) | ISS_READ: \
		*value = read_sysreg(reg); \
		break

	switch (iss & ~(31ull << 5)) {
		ACCESS(9, 0, ICC_AP1R0_EL1);
		ACCESS(12, 3, ICC_BPR1_EL1);
	case ISS_ICC(12, 0) | ISS_READ:
		*value = read_sysreg(ICC_IAR1_EL1);
		break;
	case ISS_ICC(12, 1):
		write_sysreg(*value, ICC_EOIR1_EL1);
		break;
	case ISS_ICC(12, 2) | ISS_READ:
		*value = read_sysreg(ICC_HPPIR1_EL1);
		break;
	case ISS_ICC(12, 7) | ISS_READ:
		*value = read_sysreg(ICC_IGRPEN1_EL1);
		break;
	case ISS_ICC(12, 7):
		write_igrpen1(*value);
		break;
	case ISS_ICC(11, 5):
		write_sysreg(*value, ICC_SGI1R_EL1);
		break;
	case ISS_ICC(11, 6):
		write_sysreg(*value, ICC_ASGI1R_EL1);
		break;
	case ISS_ICC(11, 7): /* a group 0 SGI would only come to the monitor */
		break;
	default:
		return false;
	}
	isb();
	return true;
}
