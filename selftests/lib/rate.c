// SPDX-License-Identifier: GPL-2.0-only
#include <math.h>

#include "rate.h"

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
