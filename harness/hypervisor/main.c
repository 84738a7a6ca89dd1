// SPDX-License-Identifier: GPL-2.0-only
/*
 * The monitor's start. QEMU has loaded it into the last 2 MiB of RAM and set CPU 0's pc to it;
 * everything else is as QEMU prepared it for a kernel or for firmware. The monitor opens EL1's way
 * to all the CPU has, keeps the little of it that it needs, and goes down to what would have run
 * without it.
 */
#include "monitor.h"

extern const u8 vectors[]; /* start.S */

static u32 field(u64 id, u32 shift)
{
	return id >> shift & 15;
}

/* The kernel's own el2_setup.h is the model: EL1 may use what this CPU has. */
static void open_el1(void)
{
	u64 pfr0 = read_sysreg(id_aa64pfr0_el1), pfr1 = read_sysreg(id_aa64pfr1_el1);
	u64 mmfr0 = read_sysreg(id_aa64mmfr0_el1), mmfr1 = read_sysreg(id_aa64mmfr1_el1);
	u32 pmu = field(read_sysreg(id_aa64dfr0_el1), 8);

	write_sysreg(HCR_RW | HCR_TSC | HCR_FMO | HCR_API | HCR_APK, hcr_el2);
	write_sysreg(CPTR_OPEN, cptr_el2);
	write_sysreg(0, hstr_el2);
	write_sysreg(pmu && pmu != 15 ? read_sysreg(pmcr_el0) >> 11 & 31 : 0, mdcr_el2);
	write_sysreg(read_sysreg(midr_el1), vpidr_el2);
	write_sysreg(read_sysreg(mpidr_el1), vmpidr_el2);
	write_sysreg(0, vttbr_el2);
	/*
	 * EL1 has the counter and the virtual timer. The physical one is the monitor's own: of
	 * EL2's (CNTHP) QEMU saves the registers, but not that it is running
	 * (target/arm/machine.c), and a guest that goes on elsewhere would wait for ever.
	 */
	write_sysreg(1, cnthctl_el2);
	write_sysreg(0, cntvoff_el2);
	isb();
	if (field(mmfr1, 40))
		write_sysreg(BIT(11) | BIT(14), HCRX_EL2); /* MSCEn, TCR2En */
	if (field(mmfr0, 56)) {
		/* The traps that are on while their bit is 0. */
		write_sysreg(0xfff4ull << 48, HFGRTR_EL2);
		write_sysreg(0xfff4ull << 48, HFGWTR_EL2);
	}
	if (field(pfr0, 32))
		write_sysreg(0xf, ZCR_EL2);
	if (field(pfr1, 24))
		write_sysreg(0xf | (read_sysreg(ID_AA64SMFR0) & BIT(63) ? BIT(31) : 0), SMCR_EL2);
	write_sysreg(SCTLR_EL1_OFF, sctlr_el1);
}

/* Make this CPU ready for the guest; it is cpu from now on. */
void cpu_init(struct cpu *cpu)
{
	write_sysreg(cpu, tpidr_el2);
	write_sysreg(vectors, vbar_el2);
	isb();
	open_el1();
	write_sysreg(0, cntp_ctl_el0);
	gic_cpu_init(cpu);
	stimer_reset(cpu);
	isb();
}

static void read_mode(const char *name)
{
	static const char names[][8] = {
		[MODE_FUNCTIONAL] = "func",
		[MODE_DEAD] = "dead",
		[MODE_UNEXPIRED] = "unexp",
		[MODE_UNINJECTED] = "uninj",
	};

	for (mode = MODE_FUNCTIONAL; mode <= MODE_UNINJECTED; mode++)
		if (same(name, names[mode], sizeof(names[mode])))
			return;
	die("no mode was given: func, dead, unexp or uninj is expected at the end of the monitor's memory");
}

/*
 * Where QEMU would have let CPU 0 begin: with firmware at 0, and the devicetree at the start of
 * RAM; else at the start of RAM, in the few instructions of QEMU's own loader (hw/arm/boot.c,
 * bootloader_aarch64), whose fourth and fifth double words are the addresses of the devicetree and
 * of the kernel.
 */
static u64 guest_entry(void)
{
	const u32 *ram = (const u32 *)VIRT_RAM;
	u64 fdt = VIRT_RAM, entry = 0;

	by_firmware = __builtin_bswap32(ram[0]) == 0xd00dfeed;
	if (!by_firmware) {
		if (ram[0] != 0x580000c0)
			die("neither a devicetree nor QEMU's loader at the start of RAM: unknown version of QEMU?");
		fdt = ram[6] | (u64)ram[7] << 32;
		entry = VIRT_RAM;
	}
	if (!fdt_prepare(fdt, monitor_base))
		die("the devicetree's memory does not end with the monitor's");
	return entry;
}

/* From start.S: base is where the monitor was loaded. */
void monitor_main(u64 base, const char *mode_name)
{
	struct cpu *cpu;
	u64 entry;

	if (read_sysreg(CurrentEL) != 2 << 2)
		die("not entered at EL2: -M virt,virtualization=on is needed");
	monitor_base = base;
	read_mode(mode_name);
	reftime_init();
	for (u32 i = 0; i < CPUS_MAX; i++) {
		/* As QEMU numbers them: 16 to a cluster with a GICv3. */
		cpus[i].index = i;
		cpus[i].mpidr = (i / 16) << 8 | i % 16;
	}
	cpu = cpu_of(read_sysreg(mpidr_el1));
	if (!cpu)
		die("this CPU's MPIDR is not one of QEMU's virt machine");
	entry = guest_entry();
	cpu->on = 1;
	cpu_init(cpu);
	enter_guest(entry, 0);
}

/* From start.S, on CPUs that PSCI CPU_ON has started. */
void secondary_main(struct cpu *cpu)
{
	cpu_init(cpu);
	enter_guest(cpu->entry, cpu->context);
}

/* From start.S: an exception in the monitor itself, or an SError or IRQ that was routed here. */
void handle_bad(u64 esr, u64 elr, u64 far)
{
	print("\ntickproof monitor: exception ESR_EL2");
	print_hex(esr);
	print(" at");
	print_hex(elr - monitor_base);
	print(" FAR_EL2");
	print_hex(far);
	die("it cannot go on");
}
