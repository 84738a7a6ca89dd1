// SPDX-License-Identifier: GPL-2.0-only
/*
 * kvm_eyes - what KVM did last for each of a guest's timers
 * Of each event of KVM's that a timer of the guest's passes through (it is armed, expires, becomes
 * an interrupt, the interrupt is injected and ended) it keeps the newest, for each CPU: when, and
 * with which values. There is no buffer to fill: what happened last to a CPU that stopped is still
 * there when the others have gone on for a minute. The kernel's own hist triggers can do the same,
 * and debugfs' file kvm_eyes has their form (Documentation/trace/histogram.rst); but the emulated
 * machine under this pays 50 us for each of theirs, a fifth of all that a gate costs.
 *
 * The prototypes of the events are those of Linux 6.12 (arch/x86/kvm/trace.h,
 * include/trace/events/timer.h).
 */
#include <linux/debugfs.h>
#include <linux/hrtimer.h>
#include <linux/kvm_host.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/timekeeping.h>
#include <linux/tracepoint.h>

#define CPUS	64
#define STIMERS 4
/* Each QEMU that goes on with the guest has other threads (watch/hold.sh). */
#define THREADS 1024
#define VECTORS 256
#define TIMERS	1024

/* Where a guest's local APIC timer ends: the one function of KVM's whose timers are looked at */
static unsigned long apic_timer_fn;
module_param(apic_timer_fn, ulong, 0444);

struct event {
	u64 at; /* us, CLOCK_MONOTONIC */
	u64 value[2];
};

/* By vcpu and number of the STIMER. */
static struct stimer {
	struct event config, stopped, armed, expired, made;
} stimers[CPUS][STIMERS];

/* By thread: each is written by itself alone. */
static struct thread {
	pid_t pid;
	/* Of its last exit; after a shutdown KVM resets the CPU before it tells. */
	struct kvm_vcpu *vcpu;
	unsigned long rip;
	struct event armed;
	u64 injected[VECTORS], ended[VECTORS];
} threads[THREADS];

/* By the address of the hrtimer, which KVM never frees before its CPU. */
static struct {
	struct hrtimer *timer;
	struct event expired;
} timers[TIMERS];

/* The last CPU that shut down: SVM's exit 0x7f, which a triple fault ends in. */
static int shut_cpu = -1;
static unsigned long shut_rip;

static u64 now(void)
{
	return ktime_get_mono_fast_ns() / NSEC_PER_USEC;
}

static void keep(struct event *e, u64 first, u64 second)
{
	e->at = now();
	e->value[0] = first;
	e->value[1] = second;
}

static struct stimer *stimer(int vcpu, int index)
{
	/* What is out of range goes where nobody looks. */
	static struct stimer other;

	return vcpu >= 0 && vcpu < CPUS && index >= 0 && index < STIMERS ? &stimers[vcpu][index] :
									   &other;
}

/* The entry of the thread that runs; NULL: there is no room. */
static struct thread *thread(void)
{
	unsigned int i = current->pid % THREADS, n;

	for (n = 0; n < THREADS; n++, i = (i + 1) % THREADS) {
		if (threads[i].pid == current->pid || !cmpxchg(&threads[i].pid, 0, current->pid))
			return &threads[i];
	}
	return NULL;
}

static void set_config(void *unused, int vcpu, int index, u64 config, bool host)
{
	keep(&stimer(vcpu, index)->config, config, 0);
}

static void set_count(void *unused, int vcpu, int index, u64 count, bool host)
{
	if (!count)
		keep(&stimer(vcpu, index)->stopped, count, 0);
}

static void start_one_shot(void *unused, int vcpu, int index, u64 time_now, u64 count)
{
	keep(&stimer(vcpu, index)->armed, time_now, count);
}

static void callback(void *unused, int vcpu, int index)
{
	keep(&stimer(vcpu, index)->expired, 0, 0);
}

static void expiration(void *unused, int vcpu, int index, int direct, int result)
{
	keep(&stimer(vcpu, index)->made, result, 0);
}

static void inj_virq(void *unused, unsigned int vector, bool soft, bool reinjected)
{
	struct thread *t = thread();

	if (t && vector < VECTORS)
		t->injected[vector] = now();
}

static void eoi(void *unused, void *apic, int vector)
{
	struct thread *t = thread();

	if (t && vector >= 0 && vector < VECTORS)
		t->ended[vector] = now();
}

static void vm_exit(void *unused, struct kvm_vcpu *vcpu, u32 isa)
{
	struct thread *t = thread();

	if (!t)
		return;
	t->vcpu = vcpu;
	t->rip = vcpu->arch.regs[VCPU_REGS_RIP];
}

/* Still in KVM_RUN, so this thread's vcpu is there. */
static void userspace_exit(void *unused, u32 reason, int error)
{
	struct thread *t = thread();

	if (reason != KVM_EXIT_SHUTDOWN || !t || !t->vcpu)
		return;
	shut_rip = t->rip;
	shut_cpu = t->vcpu->vcpu_id;
}

static void timer_start(void *unused, struct hrtimer *timer, enum hrtimer_mode mode)
{
	struct thread *t;

	if ((unsigned long)timer->function != apic_timer_fn)
		return;
	t = thread();
	if (t)
		keep(&t->armed, (unsigned long)timer, ktime_to_ns(hrtimer_get_expires(timer)));
}

static void timer_expire(void *unused, struct hrtimer *timer, ktime_t *when)
{
	unsigned int i = (unsigned long)timer / L1_CACHE_BYTES % TIMERS, n;

	if ((unsigned long)timer->function != apic_timer_fn)
		return;
	for (n = 0; n < TIMERS; n++, i = (i + 1) % TIMERS) {
		if (timers[i].timer == timer || !cmpxchg(&timers[i].timer, NULL, timer)) {
			keep(&timers[i].expired, 0, 0);
			return;
		}
	}
}

static struct {
	const char *name;
	void *probe;
	struct tracepoint *point;
} probes[] = {
	{ "kvm_hv_stimer_set_config", set_config },
	{ "kvm_hv_stimer_set_count", set_count },
	{ "kvm_hv_stimer_start_one_shot", start_one_shot },
	{ "kvm_hv_stimer_callback", callback },
	{ "kvm_hv_stimer_expiration", expiration },
	{ "kvm_inj_virq", inj_virq },
	{ "kvm_eoi", eoi },
	{ "kvm_exit", vm_exit },
	{ "kvm_userspace_exit", userspace_exit },
	{ "hrtimer_start", timer_start },
	{ "hrtimer_expire_entry", timer_expire },
};

static void found(struct tracepoint *point, void *unused)
{
	for (size_t i = 0; i < ARRAY_SIZE(probes); i++)
		if (!strcmp(point->name, probes[i].name))
			probes[i].point = point;
}

/* KVM is a module: its tracepoints are told to whoever asks for those of modules. */
static int of_module(struct notifier_block *block, unsigned long state, void *data)
{
	struct module *mod = ((struct tp_module *)data)->mod;

	for (unsigned int i = 0; state == MODULE_STATE_COMING && i < mod->num_tracepoints; i++)
		found(tracepoint_ptr_deref(mod->tracepoints_ptrs + i), NULL);
	return 0;
}

static struct notifier_block modules = { .notifier_call = of_module };

/* As a hist trigger prints it: the key, then the values, of which first and second are the names.
 */
static void show_stimers(struct seq_file *s, const char *name, size_t offset, const char *first,
			 const char *second)
{
	seq_printf(s, "event %s\n", name);
	for (int i = 0; i < CPUS * STIMERS; i++) {
		const struct event *e = (const void *)&stimers[0][i] + offset;

		if (!e->at)
			continue;
		seq_printf(s, "{ vcpu_id: %d, timer_index: %d }\nmax: %llu", i / STIMERS,
			   i % STIMERS, e->at);
		if (first)
			seq_printf(s, " %s: %llu", first, e->value[0]);
		if (second)
			seq_printf(s, " %s: %llu", second, e->value[1]);
		seq_puts(s, "\n");
	}
}

static void show_vectors(struct seq_file *s, const char *name, size_t offset)
{
	seq_printf(s, "event %s\n", name);
	for (int i = 0; i < THREADS; i++) {
		const u64 *at = (const void *)&threads[i] + offset;

		for (int vector = 0; threads[i].pid && vector < VECTORS; vector++)
			if (at[vector])
				seq_printf(s, "{ common_pid: %d, vector: %d }\nmax: %llu\n",
					   threads[i].pid, vector, at[vector]);
	}
}

static int eyes_show(struct seq_file *s, void *unused)
{
	show_stimers(s, "kvm_hv_stimer_set_config", offsetof(struct stimer, config), "config",
		     NULL);
	show_stimers(s, "kvm_hv_stimer_set_count", offsetof(struct stimer, stopped), "count", NULL);
	show_stimers(s, "kvm_hv_stimer_start_one_shot", offsetof(struct stimer, armed), "time_now",
		     "count");
	show_stimers(s, "kvm_hv_stimer_callback", offsetof(struct stimer, expired), NULL, NULL);
	show_stimers(s, "kvm_hv_stimer_expiration", offsetof(struct stimer, made),
		     "msg_send_result", NULL);
	show_vectors(s, "kvm_inj_virq", offsetof(struct thread, injected));
	show_vectors(s, "kvm_eoi", offsetof(struct thread, ended));
	seq_puts(s, "event hrtimer_start\n");
	for (int i = 0; i < THREADS; i++)
		if (threads[i].armed.at)
			seq_printf(s, "{ common_pid: %d }\nmax: %llu hrtimer: %llu expires: %llu\n",
				   threads[i].pid, threads[i].armed.at, threads[i].armed.value[0],
				   threads[i].armed.value[1]);
	seq_puts(s, "event hrtimer_expire_entry\n");
	for (int i = 0; i < TIMERS; i++)
		if (timers[i].expired.at)
			seq_printf(s, "{ hrtimer: %lu }\nmax: %llu\n",
				   (unsigned long)timers[i].timer, timers[i].expired.at);
	if (shut_cpu >= 0)
		seq_printf(s, "shutdown vcpu %d rip 0x%lx\n", shut_cpu, shut_rip);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(eyes);

static int __init eyes_init(void)
{
	int err;

	for_each_kernel_tracepoint(found, NULL);
	err = register_tracepoint_module_notifier(&modules);
	if (err)
		return err;
	unregister_tracepoint_module_notifier(&modules);
	for (size_t i = 0; i < ARRAY_SIZE(probes); i++) {
		if (!probes[i].point) {
			pr_err("kvm_eyes: this kernel has no tracepoint %s\n", probes[i].name);
			return -ENOENT;
		}
	}
	/* It is never unloaded, and an appliance whose eyes did not open doesn't start. */
	for (size_t i = 0; i < ARRAY_SIZE(probes); i++)
		WARN_ON(tracepoint_probe_register(probes[i].point, probes[i].probe, NULL));
	debugfs_create_file("kvm_eyes", 0400, NULL, NULL, &eyes_fops);
	return 0;
}
module_init(eyes_init);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("the newest of each of KVM's timer events, for each CPU of a guest");
