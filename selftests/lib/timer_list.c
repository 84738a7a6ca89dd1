// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "timer_list.h"

/* Where the parser stands. Blocks are held by index: the arrays move as they grow. */
struct state {
	struct timer_list *tl;
	bool in_cpu, in_device; /* inside a block: keys belong to the last one begun */
	bool device_named;	/* has its "Clock Event Device" line */
	bool device_retries;	/* has its last key; the next blank line ends the block */
};

static struct tl_cpu *last_cpu(struct state *s)
{
	return &s->tl->cpus[s->tl->nr_cpus - 1];
}

static struct tl_device *last_device(struct state *s)
{
	return &s->tl->devices[s->tl->nr_devices - 1];
}

/* Reads a number that is all of text, but for the unit "nsecs". */
static int number(const char *text, uint64_t *value)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	*value = strtoull(text, &end, 10);
	if (errno || (*end && strcmp(end, " nsecs")))
		return -EINVAL;
	return 0;
}

static int signed_number(const char *text, int64_t *value)
{
	bool negative = *text == '-';
	uint64_t v;

	if (number(text + negative, &v) || v > INT64_MAX)
		return -EINVAL;
	*value = negative ? -(int64_t)v : (int64_t)v;
	return 0;
}

static int small_number(const char *text, int *value)
{
	uint64_t v;

	if (number(text, &v) || v > INT_MAX)
		return -EINVAL;
	*value = v;
	return 0;
}

/* A name or, as "", "<NULL>". Cuts what is longer: no name the kernel's sysfs takes is. */
static int name(const char *text, char out[TL_NAME_LEN])
{
	if (!*text)
		return -EINVAL;
	snprintf(out, TL_NAME_LEN, "%s", strcmp(text, "<NULL>") ? text : "");
	return 0;
}

/* A mask as %*pb prints it: hex, most significant first, a comma after each 32 bits. */
static int mask(const char *text, struct cpus *set)
{
	int bit = 0;

	*set = (struct cpus){ 0 };
	if (!*text)
		return -EINVAL;
	for (const char *s = text + strlen(text) - 1; s >= text; s--) {
		int digit = *s <= '9' ? *s - '0' : tolower((unsigned char)*s) - 'a' + 10;

		if (*s == ',')
			continue;
		if (!isxdigit((unsigned char)*s))
			return -EINVAL;
		for (int i = 0; i < 4; i++, bit++) {
			if (!(digit & 1 << i))
				continue;
			if (bit >= CPUS_MAX)
				return -EINVAL;
			cpus_add(set, bit);
		}
	}
	return 0;
}

static int begin_cpu(struct state *s, const char *value)
{
	struct timer_list *tl = s->tl;
	struct tl_cpu *more, blank = { .hres_active = -1, .nohz = -1, .tick_stopped = -1 };

	if (small_number(value, &blank.cpu) || s->in_cpu || s->in_device ||
	    timer_list_cpu(tl, blank.cpu))
		return -EINVAL;
	more = realloc(tl->cpus, (tl->nr_cpus + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	tl->cpus = more;
	more[tl->nr_cpus++] = blank;
	s->in_cpu = true;
	return 0;
}

/* "Tick Device: mode:     1" */
static int begin_device(struct state *s, const char *value)
{
	struct tl_device *more, blank = { .cpu = INT_MIN, .tick_mode = -1, .state = -1 };
	struct timer_list *tl = s->tl;

	if (s->in_cpu || s->in_device || strncmp(value, "mode:", 5))
		return -EINVAL;
	value += 5;
	if (small_number(value + strspn(value, " "), &blank.tick_mode))
		return -EINVAL;
	more = realloc(tl->devices, (tl->nr_devices + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	tl->devices = more;
	more[tl->nr_devices++] = blank;
	s->in_device = true;
	s->device_named = s->device_retries = false;
	return 0;
}

static int set_device_cpu(struct state *s, int cpu)
{
	if (last_device(s)->cpu != INT_MIN || timer_list_device(s->tl, cpu))
		return -EINVAL;
	last_device(s)->cpu = cpu;
	return 0;
}

static int cpu_key(struct state *s, const char *key, const char *value)
{
	struct tl_cpu *c = last_cpu(s);

	if (!strcmp(key, ".hres_active"))
		return small_number(value, &c->hres_active);
	if (!strcmp(key, ".nohz") || !strcmp(key, ".nohz_mode"))
		return small_number(value, &c->nohz);
	if (!strcmp(key, ".tick_stopped"))
		return small_number(value, &c->tick_stopped);
	if (!strcmp(key, ".nr_events"))
		return number(value, &c->nr_events);
	if (!strcmp(key, ".nr_retries"))
		return number(value, &c->nr_retries);
	if (!strcmp(key, ".nr_hangs"))
		return number(value, &c->nr_hangs);
	if (!strcmp(key, ".idle_calls"))
		return number(value, &c->idle_calls);
	if (!strcmp(key, ".idle_sleeps"))
		return number(value, &c->idle_sleeps);
	if (!strcmp(key, "jiffies")) {
		c->has_jiffies = true;
		return number(value, &c->jiffies);
	}
	return 0;
}

static int device_key(struct state *s, const char *key, const char *value)
{
	struct tl_device *d = last_device(s);
	int err, cpu;

	if (!strcmp(key, "Per CPU device"))
		return small_number(value, &cpu) ?: set_device_cpu(s, cpu);
	if (!strcmp(key, "Clock Event Device")) {
		err = s->device_named || d->cpu == INT_MIN ? -EINVAL : name(value, d->name);
		s->device_named = true;
		/* "<NULL>" ends the block: there is nothing to say about no device. */
		s->in_device = *d->name;
		return err;
	}
	if (!strcmp(key, "max_delta_ns"))
		return number(value, &d->max_delta_ns);
	if (!strcmp(key, "min_delta_ns"))
		return number(value, &d->min_delta_ns);
	if (!strcmp(key, "mult"))
		return number(value, &d->mult);
	if (!strcmp(key, "shift"))
		return number(value, &d->shift);
	if (!strcmp(key, "mode"))
		return small_number(value, &d->state);
	if (!strcmp(key, "next_event"))
		return signed_number(value, &d->next_event_ns);
	if (!strcmp(key, "event_handler"))
		return name(value, d->event_handler);
	if (!strcmp(key, "retries")) {
		s->device_retries = true;
		return number(value, &d->retries);
	}
	if (!strcmp(key, "Wakeup Device"))
		return name(value, d->wakeup);
	return 0;
}

static int blank_line(struct state *s)
{
	s->in_cpu = false;
	if (s->device_retries)
		s->in_device = false;
	return 0;
}

/* Any line but the first; changes it. */
static int parse_line(struct state *s, char *line)
{
	char *value, *key = line + strspn(line, " ");

	if (!*key)
		return blank_line(s);
	if (!strncmp(line, "now at ", 7))
		return signed_number(line + 7, &s->tl->now_ns);
	if (!strcmp(line, "Broadcast device"))
		return s->in_device ? set_device_cpu(s, -1) : -EINVAL;
	value = strchr(key, ':');
	/* What has no key (and hrtimers, whose " #0" is none we know) is passed over. */
	if (!value)
		return 0;
	for (char *end = value; end > key && end[-1] == ' '; end--)
		end[-1] = '\0';
	*value++ = '\0';
	value += strspn(value, " ");
	if (line == key) {
		if (!strcmp(key, "cpu"))
			return begin_cpu(s, value);
		if (!strcmp(key, "Tick Device"))
			return begin_device(s, value);
		if (!strcmp(key, "tick_broadcast_mask")) {
			s->tl->has_broadcast_mask = true;
			return mask(value, &s->tl->broadcast_mask);
		}
		if (!strcmp(key, "tick_broadcast_oneshot_mask"))
			return mask(value, &s->tl->broadcast_oneshot_mask);
	}
	if (s->in_cpu)
		return cpu_key(s, key, value);
	return s->in_device ? device_key(s, key, value) : 0;
}

/* Whether every block is whole: a CPU without its device means that the text breaks off. */
static bool complete(const struct state *s)
{
	const struct timer_list *tl = s->tl;

	if (s->in_cpu || s->in_device || !tl->nr_cpus)
		return false;
	for (size_t i = 0; i < tl->nr_cpus; i++)
		if (!timer_list_device(tl, tl->cpus[i].cpu))
			return false;
	return true;
}

int timer_list_parse(const char *text, struct timer_list *tl)
{
	static const char magic[] = "Timer List Version: v";
	struct state s = { .tl = tl };
	char *copy, *rest, *line;
	int err = -EINVAL;

	*tl = (struct timer_list){ 0 };
	if (strncmp(text, magic, sizeof(magic) - 1))
		return -EINVAL;
	rest = copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	line = strsep(&rest, "\n");
	snprintf(tl->version, sizeof(tl->version), "%s", line + sizeof(magic) - 2);
	while (rest) {
		line = strsep(&rest, "\n");
		if (!rest) {
			/* Behind the last newline there's nothing, or half a line. */
			err = !*line && complete(&s) ? 0 : -EINVAL;
			break;
		}
		err = parse_line(&s, line);
		if (err)
			break;
	}
	free(copy);
	if (err)
		timer_list_free(tl);
	return err;
}

int timer_list_read(struct timer_list *tl)
{
	char *text;
	ssize_t n = file_read("/proc/timer_list", &text);
	int err;

	if (n < 0)
		return n;
	err = timer_list_parse(text, tl);
	free(text);
	return err;
}

void timer_list_free(struct timer_list *tl)
{
	free(tl->cpus);
	free(tl->devices);
	*tl = (struct timer_list){ 0 };
}

const struct tl_cpu *timer_list_cpu(const struct timer_list *tl, int cpu)
{
	for (size_t i = 0; i < tl->nr_cpus; i++)
		if (tl->cpus[i].cpu == cpu)
			return &tl->cpus[i];
	return NULL;
}

const struct tl_device *timer_list_device(const struct timer_list *tl, int cpu)
{
	for (size_t i = 0; i < tl->nr_devices; i++)
		if (tl->devices[i].cpu == cpu)
			return &tl->devices[i];
	return NULL;
}
