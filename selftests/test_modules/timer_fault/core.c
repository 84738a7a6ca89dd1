// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fault injection for timers and clocks: what a detector claims to find is put
 * into a running stock kernel, one fault at a time, by kprobes and by pointers
 * exchanged in structures that the kernel hands out. For guests that are thrown
 * away: many of these faults hang a machine, and some can't be undone.
 *
 *   insmod timer_fault.ko fault=late device=lapic cpu=1 size=500000
 *   echo "fault=none" >/sys/kernel/debug/timer_fault/arm
 *   cat /sys/kernel/debug/timer_fault/strikes
 *
 * A fault that never struck proves nothing about who didn't notice: strikes are
 * counted, and the console reports the 1st, 2nd, 4th, 8th ... of them, since
 * a guest whose timers died can't be asked any more.
 */
#include "timer_fault.h"

#include <linux/atomic.h>
#include <linux/debugfs.h>
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#ifndef in_hardirq /* before 5.11 */
#define in_hardirq() in_irq()
#endif

static char *fault = "none";
module_param(fault, charp, 0444);
MODULE_PARM_DESC(fault, "what is wrong; /sys/kernel/debug/timer_fault/faults lists them (none)");
static char *device = "";
module_param(device, charp, 0444);
MODULE_PARM_DESC(device,
		 "clockevent or clocksource, _ for a blank in its name (whichever is in use)");
static int cpu = -1;
module_param(cpu, int, 0444);
MODULE_PARM_DESC(cpu, "on this CPU only (all)");
static long size = -1;
module_param(size, long, 0444);
MODULE_PARM_DESC(size, "how much, in ns or as the fault says (the fault's own)");
static long every = 1;
module_param(every, long, 0444);
MODULE_PARM_DESC(every, "strike once in so many times (1)");
static long period = 1000;
module_param(period, long, 0444);
MODULE_PARM_DESC(period, "ms between two strikes of what goes by time (1000)");

struct setting setting = { .fault = "none", .cpu = -1, .every = 1, .period = 1000 };

static const struct fault *const files[] = { clockevent_faults, clocksource_faults, sleep_faults,
					     wakeup_faults };
static const struct fault *armed;
static DEFINE_MUTEX(arming);
static struct dentry *dir;
static atomic64_t strikes, chances;

static void tell(struct irq_work *unused)
{
	pr_warn("%s struck %lld\n", setting.fault, (long long)atomic64_read(&strikes));
}

/* Not from where the fault strikes: locks that a console wants may be held there. */
static DEFINE_IRQ_WORK(teller, tell);

void strike(void)
{
	if (is_power_of_2(atomic64_inc_return(&strikes)))
		irq_work_queue(&teller);
}

bool due(void)
{
	return setting.every <= 1 || atomic64_inc_return(&chances) % setting.every == 0;
}

bool on_cpu(void)
{
	return setting.cpu < 0 || setting.cpu == smp_processor_id();
}

bool named(const char *name)
{
	const char *s = setting.device;

	for (; *s && (*s == *name || (*s == '_' && *name == ' ')); s++, name++)
		;
	return *s == *name;
}

int hook(struct kprobe *kp, const char *symbol, kprobe_pre_handler_t handler)
{
	int ret;

	*kp = (struct kprobe){ .symbol_name = symbol, .pre_handler = handler };
	ret = register_kprobe(kp);
	if (ret) {
		kp->pre_handler = NULL;
		pr_err("this kernel's %s() can't be probed (%d)\n", symbol, ret);
	}
	return ret;
}

void unhook(struct kprobe *kp)
{
	if (kp->pre_handler)
		unregister_kprobe(kp);
	kp->pre_handler = NULL;
}

int hook_return(struct kretprobe *rp, const char *symbol, kretprobe_handler_t entry,
		kretprobe_handler_t handler, size_t data_size)
{
	int ret;

	*rp = (struct kretprobe){ .kp.symbol_name = symbol,
				  .entry_handler = entry,
				  .handler = handler,
				  .data_size = data_size,
				  .maxactive = 64 };
	ret = register_kretprobe(rp);
	if (ret) {
		rp->handler = NULL;
		pr_err("this kernel's %s() can't be probed (%d)\n", symbol, ret);
	}
	return ret;
}

void unhook_return(struct kretprobe *rp)
{
	if (rp->handler)
		unregister_kretprobe(rp);
	rp->handler = NULL;
}

unsigned long *argument(struct pt_regs *regs, int n)
{
#ifdef CONFIG_X86_64
	switch (n) {
	case 0:
		return &regs->di;
	case 1:
		return &regs->si;
	case 2:
		return &regs->dx;
	default:
		return &regs->cx;
	}
#else
	return (unsigned long *)&regs->regs[n];
#endif
}

#ifdef CONFIG_X86_64
/* On x86 the return address is on the stack: whoever returns returns to the caller. */
static noinline notrace void just_return(void)
{
	asm volatile("");
}
#endif

int skip(struct pt_regs *regs, unsigned long value)
{
	regs_set_return_value(regs, value);
#ifdef CONFIG_X86_64
	instruction_pointer_set(regs, (unsigned long)just_return);
#else
	instruction_pointer_set(regs, regs->regs[30]);
#endif
	return 1;
}

int replace(struct pt_regs *regs, void *function)
{
	instruction_pointer_set(regs, (unsigned long)function);
	return 1;
}

bool by_process(struct pt_regs *regs)
{
	return current->mm && !in_hardirq() && !(*argument(regs, 3) & HRTIMER_MODE_PINNED);
}

static const struct fault *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		for (const struct fault *f = files[i]; f->name; f++)
			if (!strcmp(f->name, name))
				return f;
	return NULL;
}

static void disarm(void)
{
	if (armed) {
		armed->disarm();
		pr_info("%s disarmed after %lld strikes\n", armed->name,
			(long long)atomic64_read(&strikes));
	}
	armed = NULL;
	irq_work_sync(&teller);
}

/* Disarm what is armed and arm what @s asks for. Negative errno, with a line in the log. */
static int arm(const struct setting *s)
{
	const struct fault *f = find(s->fault);
	int ret;

	if (!f && strcmp(s->fault, "none")) {
		pr_err("no fault \"%s\": cat /sys/kernel/debug/timer_fault/faults\n", s->fault);
		return -EINVAL;
	}
	if (s->cpu < -1 || s->cpu >= (int)nr_cpu_ids || s->every < 1 || s->period < 1) {
		pr_err("cpu=%d every=%ld period=%ld: out of range\n", s->cpu, s->every, s->period);
		return -EINVAL;
	}
	disarm();
	setting = *s;
	atomic64_set(&strikes, 0);
	atomic64_set(&chances, 0);
	if (!f)
		return 0;
	if (setting.size == -1)
		setting.size = f->size;
	ret = f->arm();
	if (ret) {
		f->disarm();
		return ret;
	}
	armed = f;
	pr_info("%s armed: device=%s cpu=%d size=%ld every=%ld period=%ld\n", f->name,
		setting.device, setting.cpu, setting.size, setting.every, setting.period);
	return 0;
}

/* One "key=value" into @s. */
static int parse(char *word, struct setting *s)
{
	char *value = strchr(word, '=');

	if (!value)
		return -EINVAL;
	*value++ = 0;
	if (!strcmp(word, "fault"))
		return strscpy(s->fault, value, sizeof(s->fault)) < 0 ? -EINVAL : 0;
	if (!strcmp(word, "device"))
		return strscpy(s->device, value, sizeof(s->device)) < 0 ? -EINVAL : 0;
	if (!strcmp(word, "cpu"))
		return kstrtoint(value, 0, &s->cpu);
	if (!strcmp(word, "size"))
		return kstrtol(value, 0, &s->size);
	if (!strcmp(word, "every"))
		return kstrtol(value, 0, &s->every);
	if (!strcmp(word, "period"))
		return kstrtol(value, 0, &s->period);
	return -EINVAL;
}

static ssize_t arm_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	struct setting s = { .fault = "none", .cpu = -1, .size = -1, .every = 1, .period = 1000 };
	char line[160], *rest = line, *word;
	int ret = 0;

	if (len >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, buf, len))
		return -EFAULT;
	line[len] = 0;
	strreplace(line, '\n', ' ');
	while (!ret && (word = strsep(&rest, " ")))
		if (*word)
			ret = parse(word, &s);
	if (ret) {
		pr_err("write \"fault=NAME [device=NAME] [cpu=N] [size=N] [every=N] [period=MS]\"\n");
		return ret;
	}
	mutex_lock(&arming);
	ret = arm(&s);
	mutex_unlock(&arming);
	return ret ?: len;
}

static const struct file_operations arm_fops = {
	.owner = THIS_MODULE,
	.write = arm_write,
};

static int strikes_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "%s %lld\n", setting.fault, (long long)atomic64_read(&strikes));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(strikes);

static int faults_show(struct seq_file *m, void *unused)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		for (const struct fault *f = files[i]; f->name; f++)
			seq_printf(m, "%-16s %s (size %ld)\n", f->name, f->what, f->size);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(faults);

static int __init timer_fault_init(void)
{
	struct setting s = { .cpu = cpu, .size = size, .every = every, .period = period };
	int ret;

	if (strscpy(s.fault, fault, sizeof(s.fault)) < 0 ||
	    strscpy(s.device, device, sizeof(s.device)) < 0) {
		pr_err("fault= or device= is too long\n");
		return -EINVAL;
	}
	dir = debugfs_create_dir("timer_fault", NULL);
	debugfs_create_file("arm", 0200, dir, NULL, &arm_fops);
	debugfs_create_file("strikes", 0400, dir, NULL, &strikes_fops);
	debugfs_create_file("faults", 0400, dir, NULL, &faults_fops);
	ret = arm(&s);
	if (ret)
		debugfs_remove_recursive(dir);
	return ret;
}

static void __exit timer_fault_exit(void)
{
	debugfs_remove_recursive(dir);
	disarm();
}

module_init(timer_fault_init);
module_exit(timer_fault_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Faults in timers and clocks, to prove the tests that look for them");
