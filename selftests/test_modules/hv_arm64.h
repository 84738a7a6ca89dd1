/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hyper-V's registers on arm64, by hypercall (TLFS, "Hypercall interface" and
 * HvCallGet/SetVpRegisters; arch/arm64/hyperv/hv_core.c). The kernel's own
 * hv_get_vpreg() and hv_set_vpreg() BUG() on a failed status; here it is an
 * error, since what is called is what is tested.
 */
#ifndef TICKPROOF_HV_ARM64_H
#define TICKPROOF_HV_ARM64_H

#include <linux/acpi.h>
#include <linux/arm-smccc.h>
#include <linux/errno.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/version.h>

/* Register names (include/asm-generic/hyperv-tlfs.h and arch/arm64's) */
#define HVR_FEATURES	     0x200
#define HVR_HINTS	     0x201
#define HVR_GUEST_OS_ID	     0x90002
#define HVR_VP_INDEX	     0x90003
#define HVR_TIME_REF_COUNT   0x90004
#define HVR_REFERENCE_TSC    0x90017
#define HVR_STIMER_CONFIG(n) (0xb0000 + 2 * (n))
#define HVR_STIMER_COUNT(n)  (0xb0001 + 2 * (n))

/* HVR_FEATURES: bits of its first and third 32-bit word */
#define HVF_TIME_REF_COUNT     BIT(1)
#define HVF_SYNTIMER	       BIT(3)
#define HVF_REFERENCE_TSC      BIT(9)
#define HVF_MISC_STIMER_DIRECT BIT(13)

#define HV_STATUS_NONE 0
#define HV_STATUS_ODD                                                               \
	0xffff /* no status of Hyper-V's: an unknown call, or not one register done \
		*/

#define HVC_FUNCTION	   0x46000001 /* SMCCC: yielding, SMC64, vendor hypervisor, function 1 */
#define HVC_VENDOR_UID	   0x8600ff01
#define HVC_GET_REGISTER   (0x0050 | BIT_ULL(16) | BIT_ULL(32)) /* fast, one repetition */
#define HVC_SET_REGISTER   (0x0051 | BIT_ULL(16) | BIT_ULL(32))
#define HVC_PARTITION_SELF (~0ull)
#define HVC_VP_SELF	   0xfffffffeull

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 14, 0)
struct arm_smccc_1_2_regs {
	unsigned long a0, a1, a2, a3, a4, a5, a6, a7;
};

/* As the kernel has it since 5.14, with as many registers as are used here. */
static inline void arm_smccc_1_2_hvc(const struct arm_smccc_1_2_regs *args,
				     struct arm_smccc_1_2_regs *res)
{
	register unsigned long x0 asm("x0") = args->a0;
	register unsigned long x1 asm("x1") = args->a1;
	register unsigned long x2 asm("x2") = args->a2;
	register unsigned long x3 asm("x3") = args->a3;
	register unsigned long x4 asm("x4") = args->a4;
	register unsigned long x5 asm("x5") = args->a5;
	register unsigned long x6 asm("x6") = args->a6;
	register unsigned long x7 asm("x7") = args->a7;

	asm volatile("hvc #0"
		     : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x4), "+r"(x5), "+r"(x6),
		       "+r"(x7)
		     :
		     : "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17",
		       "memory");
	*res = (struct arm_smccc_1_2_regs){ x0, x1, x2, x3, x4, x5, x6, x7 };
}
#endif

/* Hyper-V's status as an errno, 0 for success. */
static inline int hvc_errno(u16 status)
{
	switch (status) {
	case HV_STATUS_NONE:
		return 0;
	case 2: /* INVALID_HYPERCALL_CODE */
		return -EOPNOTSUPP;
	case 3: /* INVALID_HYPERCALL_INPUT */
	case 4: /* INVALID_ALIGNMENT */
	case 5: /* INVALID_PARAMETER: an unknown register, or one that can't be written */
		return -EINVAL;
	case 6: /* ACCESS_DENIED */
		return -EACCES;
	case 0x50: /* INVALID_REGISTER_VALUE */
		return -EDOM;
	default:
		return -EIO;
	}
}

static inline u16 hvc_status(u64 result)
{
	/* SMCCC's "no such function" has every bit set, and one register must be done. */
	if (result == ~0ull || (!(u16)result && (result >> 32 & 0xfff) != 1))
		return HV_STATUS_ODD;
	return result;
}

/*
 * Reads a register of the CPU this runs on: its 128 bits in *low and *high. Returns Hyper-V's
 * status.
 */
static inline u16 hvc_get(u32 name, u64 *low, u64 *high)
{
	struct arm_smccc_1_2_regs args = {
		.a0 = HVC_FUNCTION, .a1 = HVC_GET_REGISTER, .a2 = HVC_PARTITION_SELF,
		.a3 = HVC_VP_SELF, .a4 = name,
	}, res;

	arm_smccc_1_2_hvc(&args, &res);
	*low = res.a6;
	*high = res.a7;
	return hvc_status(res.a0);
}

static inline u16 hvc_set(u32 name, u64 value)
{
	struct arm_smccc_1_2_regs args = {
		.a0 = HVC_FUNCTION, .a1 = HVC_SET_REGISTER, .a2 = HVC_PARTITION_SELF,
		.a3 = HVC_VP_SELF, .a4 = name, .a6 = value,
	}, res;

	arm_smccc_1_2_hvc(&args, &res);
	return hvc_status(res.a0);
}

/*
 * Whether there is a Hyper-V to call. HVC is undefined where nobody is at EL2 (and
 * the kernel would die of it), so that firmware must speak first: ACPI's FADT names
 * the hypervisor; or it names a conduit for SMCCC calls, HVC or SMC, by which who is
 * there may be asked safely (TLFS; arch/arm64/hyperv/mshyperv.c of 6.16).
 */
static inline bool hvc_present(void)
{
	static const u32 uid[] = { 0x4d32ba58, 0xcd244764, 0x8eef6c75, 0x16597024 };
	struct arm_smccc_res res;

#ifdef CONFIG_ACPI
	if (!acpi_disabled && !strncmp((char *)&acpi_gbl_FADT.hypervisor_id, "MsHyperV", 8))
		return true;
#endif
	if (arm_smccc_1_1_invoke(HVC_VENDOR_UID, &res) == SMCCC_CONDUIT_NONE)
		return false;
	return (u32)res.a0 == uid[0] && (u32)res.a1 == uid[1] && (u32)res.a2 == uid[2] &&
	       (u32)res.a3 == uid[3];
}

/*
 * Hyper-V wants to know its guest before it gives it timers. The kernel says so
 * where it has detected Hyper-V itself, which it does with ACPI alone (up to
 * 6.15). Nobody takes it back: another module may rely on it.
 */
static inline int hvc_introduce(void)
{
	u64 id, high;
	u16 status = hvc_get(HVR_GUEST_OS_ID, &id, &high);

	if (!status && !id)
		/* hv_generate_guest_id(): open source, Linux */
		status = hvc_set(HVR_GUEST_OS_ID, 0x8100ull << 48 | (u64)LINUX_VERSION_CODE << 16);
	return hvc_errno(status);
}

#endif
