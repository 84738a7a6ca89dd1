// SPDX-License-Identifier: GPL-2.0-only
#include "progress.h"

void stream_merge(struct stream *into, const struct stream *s)
{
	into->samples += s->samples;
	into->backwards += s->backwards;
	if (s->worst > into->worst)
		into->worst = s->worst;
	if (s->step && (!into->step || s->step < into->step))
		into->step = s->step;
}

static void keep_larger(int64_t *largest, int64_t value)
{
	if (value > *largest)
		*largest = value;
}

static int64_t slack(int64_t ns)
{
	return PROGRESS_SLACK_NS + ns / PROGRESS_SLACK_PART;
}

void progress_add(struct progress *p, int64_t before, int64_t value, int64_t after)
{
	int64_t step = value - p->stream.last;

	if (!p->stream.samples) {
		p->first_before = before;
		p->same_after = after;
	} else {
		/* The step took at least `least` and at most `most` of the reference. */
		int64_t least = before - p->after, most = after - p->before;

		keep_larger(&p->pause, least);
		keep_larger(&p->gained, step - most - slack(most));
		keep_larger(&p->lost, least - step - slack(least));
		if (step)
			p->same_after = after;
		else
			keep_larger(&p->still, before - p->same_after);
	}
	stream_add(&p->stream, value);
	p->before = before;
	p->after = after;
	p->span = after - p->first_before;
}

enum progress_verdict progress_judge(const struct progress *p)
{
	if (p->stream.backwards)
		return PROGRESS_BACKWARDS;
	if (!p->stream.step)
		return p->span > PROGRESS_FINE_NS ? PROGRESS_FROZEN : PROGRESS_UNSEEN;
	if (p->gained)
		return PROGRESS_JUMPED;
	if (p->still > PROGRESS_FINE_NS)
		return PROGRESS_COARSE;
	return p->lost ? PROGRESS_LOST : PROGRESS_GOOD;
}
