/* SPDX-License-Identifier: GPL-2.0-only */
/* Registers of the architecture and of QEMU's "virt" machine. */
#ifndef ARM64_H
#define ARM64_H

#define BIT(n) (1ull << (n))

/* Interrupt controller, by encoding: older assemblers do not know the names. */
#define ICC_PMR_EL1	S3_0_C4_C6_0
#define ICC_IAR0_EL1	S3_0_C12_C8_0
#define ICC_EOIR0_EL1	S3_0_C12_C8_1
#define ICC_AP1R0_EL1	S3_0_C12_C9_0
#define ICC_SGI1R_EL1	S3_0_C12_C11_5
#define ICC_ASGI1R_EL1	S3_0_C12_C11_6
#define ICC_SGI0R_EL1	S3_0_C12_C11_7
#define ICC_IAR1_EL1	S3_0_C12_C12_0
#define ICC_EOIR1_EL1	S3_0_C12_C12_1
#define ICC_HPPIR1_EL1	S3_0_C12_C12_2
#define ICC_BPR1_EL1	S3_0_C12_C12_3
#define ICC_CTLR_EL1	S3_0_C12_C12_4
#define ICC_IGRPEN0_EL1 S3_0_C12_C12_6
#define ICC_IGRPEN1_EL1 S3_0_C12_C12_7
#define ICC_SRE_EL2	S3_4_C12_C9_5
#define ICH_HCR_EL2	S3_4_C12_C11_0
#define ICH_HCR_TALL1	BIT(12)

/* Of extensions that not every CPU has. */
#define HCRX_EL2     S3_4_C1_C2_2
#define ZCR_EL2	     S3_4_C1_C2_0
#define SMCR_EL2     S3_4_C1_C2_6
#define HFGRTR_EL2   S3_4_C1_C1_4
#define HFGWTR_EL2   S3_4_C1_C1_5
#define ID_AA64SMFR0 S3_0_C0_C4_5

#define HCR_FMO BIT(3)
#define HCR_TSC BIT(19)
#define HCR_RW	BIT(31)
#define HCR_APK BIT(40)
#define HCR_API BIT(41)
/* RES1 with HCR_EL2.E2H = 0, and no trap of FP, SVE or SME */
#define CPTR_OPEN      0x22ffull
#define SCTLR_EL1_OFF  0x30d00800ull /* MMU and caches off */
#define SPSR_EL1H_DAIF 0x3c5ull

#define EC_WFX	  0x01
#define EC_HVC64  0x16
#define EC_SMC64  0x17
#define EC_SYSREG 0x18

#define xstr(s) #s
#define str(s)	xstr(s)

#ifndef __ASSEMBLER__
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;
typedef long s64;
typedef unsigned __int128 u128;

#define read_sysreg(reg)                                                   \
	({                                                                 \
		u64 _v;                                                    \
		asm volatile("mrs %0, " str(reg) : "=r"(_v) : : "memory"); \
		_v;                                                        \
	})
#define write_sysreg(v, reg) asm volatile("msr " str(reg) ", %x0" : : "rZ"((u64)(v)) : "memory")
#define isb()		     asm volatile("isb" : : : "memory")
#define dsb()		     asm volatile("dsb sy" : : : "memory")

static inline u32 mmio_read32(u64 address)
{
	u32 v;

	asm volatile("ldr %w0, [%1]" : "=r"(v) : "r"(address) : "memory");
	return v;
}

static inline void mmio_write32(u64 address, u32 v)
{
	asm volatile("str %w0, [%1]" : : "r"(v), "r"(address) : "memory");
}

static inline void mmio_write8(u64 address, u8 v)
{
	asm volatile("strb %w0, [%1]" : : "r"(v), "r"(address) : "memory");
}
#endif

/* QEMU's "virt": these addresses are part of what it promises (hw/arm/virt.c, base_memmap). */
#define VIRT_GICD      0x08000000ul
#define VIRT_GICR      0x080a0000ul
#define VIRT_GICR_SIZE 0x20000ul
#define VIRT_UART      0x09000000ul
#define VIRT_RAM       0x40000000ul

#define GICD_CTLR	0x0000
#define GICR_TYPER_HIGH 0x000c
#define GICR_SGI	0x10000
#define GICR_IGROUPR0	(GICR_SGI + 0x0080)
#define GICR_ISENABLER0 (GICR_SGI + 0x0100)
#define GICR_ISPENDR0	(GICR_SGI + 0x0200)
#define GICR_IPRIORITYR (GICR_SGI + 0x0400)

#define PPI_VIRT_TIMER 27 /* CNTV: Linux's arch_sys_timer in a guest */
#define PPI_OWN_TIMER  30 /* CNTP: the monitor's own, see open_el1() */

#endif
