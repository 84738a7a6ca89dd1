// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "../clocks.h"
#include "../grid.h"
#include "testing.h"

/*
 * A timer of 1 ms on a device with such a grid (1: none), of a CPU that the host lets run for on ns
 * after each off ns, and that takes cost for an interrupt.
 */
static struct grid watch(int64_t step, int64_t on, int64_t off, int64_t phase, int64_t cost)
{
	struct grid g = { 0 };
	int64_t asked = 0, expiry = MS;

	for (int i = 0; i < 1000; i++) {
		int64_t at = (expiry + step - 1) / step * step, beat = (at + phase) % (on + off);

		/* The interrupt is pending until the CPU runs. */
		if (beat < off)
			at += off - beat;
		asked = asked > at - 1000 ? asked : at - 1000;
		at += cost;
		grid_delivery(&g, asked, at);
		asked = at;
		expiry = (at / MS + 1) * MS;
	}
	return g;
}

START_TEST(fine)
{
	struct grid g = watch(1, MS, 0, 0, 20000);

	ck_assert_uint_eq(g.deliveries, 1000);
	ck_assert_int_le(grid_step(&g), 7 * MS / 4);
	/* A busy host: it runs for a quarter of the time. */
	g = watch(1, 4 * MS, 12 * MS, 0, 20000);
	ck_assert_int_le(grid_step(&g), 7 * MS / 4);
	/* An emulated CPU in an emulated machine. */
	g = watch(1, 4 * MS, MS / 4, 0, 1100000);
	ck_assert_int_le(grid_step(&g), 4 * MS);
}
END_TEST

/* Whatever part of the grid's step the host leaves to the CPU, by a beat that is the grid's or not.
 */
START_TEST(coarse)
{
	for (int64_t off = 0; off < 12 * MS; off += MS / 2)
		for (int64_t phase = 0; phase < 4 * MS; phase += MS / 4) {
			struct grid g = watch(4 * MS, 4 * MS, off, phase, 20000);

			ck_assert_int_gt(grid_step(&g), 4 * MS);
		}
}
END_TEST

START_TEST(unseen)
{
	struct grid g = { 0 };

	ck_assert_int_eq(grid_step(&g), INT64_MAX);
	/* Two fours within 1 ms are no proof, a third is. */
	for (int i = 0; i < 5; i++)
		grid_delivery(&g, i * MS / 4, i * MS / 4 + 1);
	ck_assert_int_eq(grid_step(&g), INT64_MAX);
	/* After something that was not seen, it takes three deliveries more. */
	grid_again(&g);
	for (int i = 5; i < 8; i++)
		grid_delivery(&g, i * MS / 4, i * MS / 4 + 1);
	ck_assert_int_eq(grid_step(&g), INT64_MAX);
	grid_delivery(&g, 2 * MS, 2 * MS + 1);
	ck_assert_int_eq(grid_step(&g), MS / 2);
	ck_assert_uint_eq(g.deliveries, 9);
	/* Apart by more than there are bins. */
	grid_delivery(&g, 1000 * MS, 1000 * MS + 1);
	ck_assert_int_eq(grid_step(&g), MS / 2);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("grid");

	tcase_add_test(tc, fine);
	tcase_add_test(tc, coarse);
	tcase_add_test(tc, unseen);
	return run_cases("grid", tc);
}
