// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../lib/hyperv.h"
#include "page.h"

/* arch/x86/include/asm/pvclock-abi.h */
struct pvclock {
	uint32_t version, pad;
	uint64_t tsc_timestamp, system_time;
	uint32_t mul;
	int8_t shift;
	uint8_t flags;
};

#define PVCLOCK_TSC_STABLE 1

/* include/asm-generic/hyperv-tlfs.h */
struct reference {
	uint32_t sequence, reserved;
	uint64_t scale, offset;
};

/* Where the vDSO's pages of hypervisors begin: kvm-clock's, then Hyper-V's. */
static const char *mapped(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long start, vvar = 0, own = 0;
	char line[256];

	while (maps && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-", &start) != 1)
			continue;
		/* Since 6.13; before, they followed the vDSO's own (arch/x86/entry/vdso/vma.c). */
		if (strstr(line, "[vvar_vclock]"))
			own = start;
		else if (strstr(line, "[vvar]"))
			vvar = start;
	}
	if (maps)
		fclose(maps);
	if (!own && vvar)
		own = vvar + getpagesize();
	return (const char *)own;
}

static sigjmp_buf no_page;

/* Nobody has used the page since boot, or it isn't there. */
static void bus_error(int unused)
{
	(void)unused;
	siglongjmp(no_page, 1);
}

static void read_pvclock(const volatile struct pvclock *c, struct page *p)
{
	do {
		p->version = c->version;
		p->stable = c->flags & PVCLOCK_TSC_STABLE;
		p->from = c->tsc_timestamp;
		p->time = c->system_time;
	} while (p->version & 1 || p->version != c->version);
}

static void read_reference(const volatile struct reference *r, struct page *p)
{
	do {
		p->version = r->sequence;
		p->stable = p->version;
		p->from = r->offset;
		p->time = r->scale;
	} while (p->version != r->sequence);
}

bool page_read(const char *clocksource, struct page *p)
{
	struct sigaction old, ours = { .sa_handler = bus_error };
	const char *pages = mapped();
	bool kvm = !strcmp(clocksource, "kvm-clock");
	volatile bool good = false;

	memset(p, 0, sizeof(*p));
#if defined(__x86_64__)
	if (!pages || (!kvm && strcmp(clocksource, HV_TSC_PAGE)))
		return false;
#else
	return false;
#endif
	sigaction(SIGBUS, &ours, &old);
	if (!sigsetjmp(no_page, 1)) {
		if (kvm)
			read_pvclock((const void *)pages, p);
		else
			read_reference((const void *)(pages + getpagesize()), p);
		good = true;
	}
	sigaction(SIGBUS, &old, NULL);
	return good;
}
