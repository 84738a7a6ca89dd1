// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel takes Hyper-V for its hypervisor when the FADT's "Hypervisor Vendor Identity" says so.
 * QEMU's says "QEMU", and a FADT cannot be replaced from outside (it holds addresses that only the
 * firmware knows): so it is signed where the firmware has put it, when the firmware is about to
 * leave.
 */
#include "monitor.h"

#define EFI_SIGNATURE	 0x5453595320494249ul /* "IBI SYST" */
#define EFI_POINTER_STEP 0x400000ul	      /* UEFI 2.10, 18.4.2: on a boundary of 4 MiB */
#define EFI_TABLES_COUNT 104
#define EFI_TABLES	 112

#define FADT_CHECKSUM	     9
#define FADT_HYPERVISOR	     268
#define FADT_HYPERVISOR_SIZE 8

struct efi_config {
	u8 guid[16];
	u64 table;
};

static const u8 acpi_20[16] = {
	0x71, 0xe8, 0x68, 0x88, 0xf1, 0xe4, 0xd3, 0x11,
	0xbc, 0x22, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81,
};

/* size bytes, little endian, at an address of any alignment */
static u64 le(u64 address, u32 size)
{
	u64 value = 0;

	while (size--)
		value = value << 8 | ((const u8 *)address)[size];
	return value;
}

/* The bytes of [address, address + size) in RAM, added up. 1 if that is not RAM. */
static u8 sum(u64 address, u64 size)
{
	u8 total = 0;

	if (!is_guest_ram(address, size))
		return 1;
	while (size--)
		total += ((const u8 *)address)[size];
	return total;
}

/* -> the EFI system table, by the pointer that the firmware leaves for debuggers, or 0 */
static u64 efi_system_table(void)
{
	u64 at, table;

	for (at = monitor_base & ~(EFI_POINTER_STEP - 1); at >= VIRT_RAM; at -= EFI_POINTER_STEP) {
		if (!is_guest_ram(at, 16) || *(u64 *)at != EFI_SIGNATURE)
			continue;
		table = le(at + 8, 8);
		if (is_guest_ram(table, EFI_TABLES + 8) && le(table, 8) == EFI_SIGNATURE)
			return table;
	}
	return 0;
}

/* -> the RSDP, or 0 */
static u64 rsdp(void)
{
	u64 efi = efi_system_table();
	u64 count = efi ? le(efi + EFI_TABLES_COUNT, 8) : 0;
	u64 config = efi ? le(efi + EFI_TABLES, 8) : 0;

	for (; count && is_guest_ram(config, sizeof(struct efi_config));
	     count--, config += sizeof(struct efi_config))
		if (same((const void *)config, acpi_20, sizeof(acpi_20)))
			return le(config + 16, 8);
	return 0;
}

/* Let the FADT name Hyper-V. Nothing happens as long as there is none. */
void acpi_sign_fadt(void)
{
	u64 root = rsdp(), xsdt, fadt;
	u32 entries;

	if (!root || sum(root, 36))
		return;
	xsdt = le(root + 24, 8);
	if (!is_guest_ram(xsdt, 36) || sum(xsdt, le(xsdt + 4, 4)))
		return;
	entries = (le(xsdt + 4, 4) - 36) / 8;
	for (u32 i = 0; i < entries; i++) {
		fadt = le(xsdt + 36 + 8 * i, 8);
		if (!is_guest_ram(fadt, 36) || !same((const void *)fadt, "FACP", 4) ||
		    sum(fadt, le(fadt + 4, 4)))
			continue;
		if (le(fadt + 4, 4) < FADT_HYPERVISOR + FADT_HYPERVISOR_SIZE)
			die("the FADT is too old to name a hypervisor");
		copy((void *)(fadt + FADT_HYPERVISOR), "MsHyperV", FADT_HYPERVISOR_SIZE);
		*(u8 *)(fadt + FADT_CHECKSUM) -= sum(fadt, le(fadt + 4, 4));
	}
}
