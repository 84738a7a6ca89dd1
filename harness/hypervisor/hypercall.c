// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two hypercalls there are, HvCallGetVpRegisters and HvCallSetVpRegisters, in both forms of the
 *arm64 interface: HVC #0	x0 = 0x46000001 (SMCCC), x1 = control, parameters in x2..x17 (fast),
 *or at [x2] and [x3] HVC #1	x0 = control, parameters in x1..x16 (fast), or at [x1] and [x2] The
 *result is in x0. A fast call's output begins at the first pair of registers after its input (HVC
 *#0), or fills the last pairs (HVC #1).
 */
#include "monitor.h"

#define CALL_GET_VP_REGISTERS 0x50
#define CALL_SET_VP_REGISTERS 0x51

#define CONTROL_CODE(c)	   ((c)&0xffff)
#define CONTROL_FAST	   BIT(16)
#define CONTROL_VARHEAD(c) ((c) >> 17 & 0x3ff)
#define CONTROL_COUNT(c)   ((c) >> 32 & 0xfff)
#define CONTROL_START(c)   ((c) >> 48 & 0xfff)
#define CONTROL_RESERVED   (0x1full << 27 | 0xfull << 44 | 0xfull << 60)

#define PARTITION_SELF (~0ull)
#define VP_SELF	       0xfffffffeu
#define VTL_0	       0x10 /* bit 4: the target is named, bits 3:0 */

#define FAST_SIZE 128 /* bytes in 16 registers */
#define PAGE	  4096ul

struct header {
	u64 partition;
	u32 vp;
	u8 vtl;
	u8 reserved[3];
};

struct assignment {
	u32 name;
	u32 reserved[3];
	u64 value[2];
};

static u32 header_status(struct cpu *cpu, const struct header *h)
{
	if (h->partition != PARTITION_SELF || (h->vp != VP_SELF && h->vp != cpu->index) ||
	    (h->vtl && h->vtl != VTL_0) || h->reserved[0] || h->reserved[1] || h->reserved[2])
		return HV_INVALID_PARAMETER;
	return HV_SUCCESS;
}

/* Bytes of input and output of a call with count repetitions. */
static u64 input_size(bool get, u32 count)
{
	return sizeof(struct header) + (get ? 4ul * count : count * sizeof(struct assignment));
}

static u64 output_size(bool get, u32 count)
{
	return get ? 16ul * count : 0;
}

/* Do repetitions start .. count - 1 of a call whose parameters are in memory. -> result */
static u64 repeat(struct cpu *cpu, bool get, const void *input, void *output, u32 start, u32 count)
{
	const u32 *names = input + sizeof(struct header);
	const struct assignment *assignments = input + sizeof(struct header);
	u64(*values)[2] = output;
	u32 status = header_status(cpu, input), i = start;

	for (; !status && i < count; i++) {
		status = get ? vpreg_get(cpu, names[i], values[i]) :
			       vpreg_set(cpu, assignments[i].name, assignments[i].value);
		if (status)
			break;
	}
	return status | (u64)i << 32;
}

/* The status of a list in memory: aligned, within a page, in the guest's RAM. */
static u32 list_status(u64 gpa, u64 size)
{
	if (gpa & 7 || gpa % PAGE + size > PAGE || !is_guest_ram(gpa, size))
		return HV_INVALID_ALIGNMENT;
	return HV_SUCCESS;
}

/* control and x, the registers with parameters; native: output in the last pairs. -> result */
static u64 hypercall(struct cpu *cpu, u64 control, u64 *x, bool native)
{
	u32 count = CONTROL_COUNT(control), start = CONTROL_START(control);
	u32 code = CONTROL_CODE(control), status = 0;
	bool get = code == CALL_GET_VP_REGISTERS;
	u64 in, out, result, at;
	u64 buffer[FAST_SIZE / 8];

	if (!get && code != CALL_SET_VP_REGISTERS)
		return HV_INVALID_HYPERCALL_CODE;
	if (control & CONTROL_RESERVED || CONTROL_VARHEAD(control) || start >= count)
		return HV_INVALID_HYPERCALL_INPUT;
	in = input_size(get, count);
	out = output_size(get, count);
	if (!(control & CONTROL_FAST)) {
		status = list_status(x[0], in);
		if (!status && out)
			status = list_status(x[1], out);
		return status ? status : repeat(cpu, get, (void *)x[0], (void *)x[1], start, count);
	}
	in = (in + 15) & ~15ul;
	if (in + out > FAST_SIZE)
		return HV_INVALID_HYPERCALL_INPUT;
	copy(buffer, x, FAST_SIZE);
	at = native ? FAST_SIZE - out : in;
	result = repeat(cpu, get, buffer, (u8 *)buffer + at, start, count);
	/* Only output is given back: the input registers stay what they were. */
	copy((u8 *)x + at, (u8 *)buffer + at, out);
	return result;
}

void hypercall_smccc(struct cpu *cpu, struct frame *frame)
{
	frame->x[0] = hypercall(cpu, frame->x[1], &frame->x[2], false);
}

void hypercall_native(struct cpu *cpu, struct frame *frame)
{
	frame->x[0] = hypercall(cpu, frame->x[0], &frame->x[1], true);
}
