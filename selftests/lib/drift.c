// SPDX-License-Identifier: GPL-2.0-only
#include <math.h>

#include "clocks.h"
#include "drift.h"

#define TRIES 16

static void keep_tighter(struct sandwich *tightest, const struct sandwich *s)
{
	if (sandwich_width(s) >= 0 &&
	    (sandwich_width(tightest) < 0 || sandwich_width(s) < sandwich_width(tightest)))
		*tightest = *s;
}

bool sandwich_clocks(clockid_t outer, clockid_t inner, struct sandwich *tightest)
{
	*tightest = (struct sandwich){ .after = -1 };
	for (int i = 0; i < TRIES; i++) {
		struct sandwich s;

		s.before = clock_ns(outer);
		s.value = clock_ns(inner);
		s.after = clock_ns(outer);
		keep_tighter(tightest, &s);
	}
	return sandwich_width(tightest) >= 0;
}

bool sandwich_counter(clockid_t inner, struct sandwich *tightest)
{
	*tightest = (struct sandwich){ .after = -1 };
	for (int i = 0; i < TRIES; i++) {
		struct sandwich s;

		s.before = counter_read();
		s.value = clock_ns(inner);
		s.after = counter_read();
		keep_tighter(tightest, &s);
	}
	return sandwich_width(tightest) >= 0;
}

void offset_meet(struct offset *o, const struct sandwich *s)
{
	int64_t low = s->value - s->after, high = s->value - s->before;

	if (!o->samples || low > o->low)
		o->low = low;
	if (!o->samples || high < o->high)
		o->high = high;
	o->samples++;
}

bool rate_fit(const double *x, const double *y, size_t n, struct rate *rate)
{
	double mean_x = 0, mean_d = 0, sxx = 0, sxd = 0, squares = 0, low, high;

	*rate = (struct rate){ 0 };
	if (n < 3)
		return false;
	/* y - x instead of y: it is small, so that nothing is lost in rounding. */
	low = high = x[0];
	for (size_t i = 0; i < n; i++) {
		mean_x += (x[i] - x[0]) / n;
		mean_d += (y[i] - y[0] - (x[i] - x[0])) / n;
		low = fmin(low, x[i]);
		high = fmax(high, x[i]);
	}
	for (size_t i = 0; i < n; i++) {
		double dx = x[i] - x[0] - mean_x;

		sxx += dx * dx;
		sxd += dx * (y[i] - y[0] - (x[i] - x[0]) - mean_d);
	}
	if (!(sxx > 0))
		return false;
	rate->slope = sxd / sxx;
	rate->span = high - low;
	for (size_t i = 0; i < n; i++) {
		double dx = x[i] - x[0] - mean_x;
		double off = y[i] - y[0] - (x[i] - x[0]) - mean_d - rate->slope * dx;

		squares += off * off;
		rate->worst = fmax(rate->worst, fabs(off));
	}
	rate->stdev = sqrt(squares / n);
	return true;
}
