// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hyper-V's registers of a virtual processor, by the numbers arm64 gives them (Linux:
 * hyperv-tlfs.h).
 */
#include "monitor.h"

#define HV_VERSION	  0x100
#define HV_PRIVILEGES	  0x200
#define HV_FEATURES	  0x201
#define HV_LIMITS	  0x202
#define HV_CRASH_P0	  0x210
#define HV_CRASH_P4	  0x214
#define HV_CRASH_CTL	  0x215
#define HV_GUEST_OS_ID	  0x90002
#define HV_VP_INDEX	  0x90003
#define HV_TIME_REF_COUNT 0x90004
#define HV_REFERENCE_TSC  0x90017
#define HV_TSC_SEQUENCE	  0x9001a
#define HV_STIMER0_CONFIG 0xb0000
#define HV_STIMER3_COUNT  0xb0007

/* HV_PRIVILEGES, words a and c */
#define HAS_TIME_REF_COUNT   BIT(1)
#define HAS_SYNTHETIC_TIMERS BIT(3)
#define HAS_VP_INDEX	     BIT(6)
#define HAS_REFERENCE_TSC    BIT(9)
#define HAS_CRASH_REGISTERS  BIT(8)
#define HAS_DIRECT_TIMERS    BIT(13)

/* dmesg: "Hyper-V: Host Build 0.1.1.0-0-0". No build of Microsoft's has that number. */
#define VERSION_BUILD	    1
#define VERSION_MAJOR_MINOR (0 << 16 | 1)

#define CRASH_NOTIFY BIT(63)

static u64 guest_os_id;
static u64 crash[5];

/* What may be read before the guest has said who it is. */
static bool is_early(u32 name)
{
	return name == HV_GUEST_OS_ID || name == HV_TIME_REF_COUNT ||
	       (name >= HV_VERSION && name <= HV_CRASH_CTL);
}

static bool is_stimer(u32 name)
{
	return name >= HV_STIMER0_CONFIG && name <= HV_STIMER3_COUNT;
}

/* Read register name of cpu into value (low and high half). -> status */
u32 vpreg_get(struct cpu *cpu, u32 name, u64 value[2])
{
	value[0] = 0;
	value[1] = 0;
	if (is_stimer(name)) {
		struct stimer *timer = &cpu->stimers[(name - HV_STIMER0_CONFIG) / 2];

		if (!guest_os_id)
			return HV_ACCESS_DENIED;
		/* What is due has expired, though its FIQ may still be on the way. */
		stimer_run(cpu);
		value[0] = name & 1 ? timer->count : timer->config;
		return HV_SUCCESS;
	}
	switch (name) {
	case HV_VERSION:
		value[0] = VERSION_BUILD | (u64)VERSION_MAJOR_MINOR << 32;
		break;
	case HV_PRIVILEGES:
		value[0] = HAS_TIME_REF_COUNT | HAS_SYNTHETIC_TIMERS | HAS_VP_INDEX |
			   HAS_REFERENCE_TSC;
		value[1] = HAS_CRASH_REGISTERS | HAS_DIRECT_TIMERS;
		break;
	case HV_FEATURES:
		break;
	case HV_LIMITS:
		value[0] = CPUS_MAX | (u64)CPUS_MAX << 32;
		break;
	case HV_CRASH_P0 ... HV_CRASH_P4:
		value[0] = crash[name - HV_CRASH_P0];
		break;
	case HV_CRASH_CTL:
		value[0] = CRASH_NOTIFY;
		break;
	case HV_GUEST_OS_ID:
		value[0] = guest_os_id;
		break;
	case HV_VP_INDEX:
		value[0] = cpu->index;
		break;
	case HV_TIME_REF_COUNT:
		value[0] = reftime_read();
		break;
	case HV_REFERENCE_TSC:
		value[0] = reftime_page();
		break;
	case HV_TSC_SEQUENCE:
		value[0] = reftime_sequence();
		break;
	default:
		return HV_INVALID_PARAMETER;
	}
	if (!guest_os_id && !is_early(name)) {
		value[0] = 0;
		return HV_ACCESS_DENIED;
	}
	return HV_SUCCESS;
}

/* Write register name of cpu. -> status */
u32 vpreg_set(struct cpu *cpu, u32 name, const u64 value[2])
{
	if (is_stimer(name)) {
		if (!guest_os_id)
			return HV_ACCESS_DENIED;
		if (!(name & 1))
			return stimer_write_config(cpu, (name - HV_STIMER0_CONFIG) / 2, value[0]);
		stimer_write_count(cpu, (name - HV_STIMER0_CONFIG) / 2, value[0]);
		return HV_SUCCESS;
	}
	switch (name) {
	case HV_CRASH_P0 ... HV_CRASH_P4:
		crash[name - HV_CRASH_P0] = value[0];
		return HV_SUCCESS;
	case HV_CRASH_CTL:
		if (value[0] & CRASH_NOTIFY) {
			print("\ntickproof monitor: the guest reports a crash:");
			for (u32 i = 0; i < 5; i++)
				print_hex(crash[i]);
			print("\n");
		}
		return HV_SUCCESS;
	case HV_GUEST_OS_ID:
		guest_os_id = value[0];
		return HV_SUCCESS;
	case HV_REFERENCE_TSC:
		return guest_os_id ? reftime_page_set(value[0]) : HV_ACCESS_DENIED;
	default: /* unknown, or only to be read */
		return HV_INVALID_PARAMETER;
	}
}
