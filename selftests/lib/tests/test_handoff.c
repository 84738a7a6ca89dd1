// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "../clocks.h"
#include "../cpus.h"
#include "../handoff.h"
#include "testing.h"

#define BOX_NS (20 * NSEC_PER_MSEC)

/* A good pair of clocks: one truth, read at some steps' distance. */
START_TEST(in_order)
{
	struct handoff_pair p = { .side = { handoff_side(), handoff_side() } };
	int64_t low, high;

	ck_assert(!handoff_offset(&p, &low, &high));
	/* CPU 0 reads at 0, CPU 1 at 100, CPU 0 at 250, CPU 1 at 300. */
	handoff_account(&p.side[1], 100, 0);
	ck_assert(!handoff_offset(&p, &low, &high));
	handoff_account(&p.side[0], 250, 100);
	handoff_account(&p.side[1], 300, 250);
	ck_assert_uint_eq(handoff_observations(&p), 3);
	ck_assert_uint_eq(p.side[0].backwards + p.side[1].backwards, 0);
	ck_assert(handoff_offset(&p, &low, &high));
	ck_assert_int_eq(low, -150);
	ck_assert_int_eq(high, 50);
}
END_TEST

/* A reading equal to the one before is in order; one unit less is not. */
START_TEST(exact)
{
	struct handoff_side s = handoff_side();

	handoff_account(&s, 1000, 1000);
	ck_assert_uint_eq(s.backwards, 0);
	ck_assert_int_eq(s.ahead, 0);
	handoff_account(&s, 999, 1000);
	handoff_account(&s, 5000, 1000);
	ck_assert_uint_eq(s.backwards, 1);
	ck_assert_uint_eq(s.observations, 3);
	ck_assert_int_eq(s.ahead, -1);
}
END_TEST

/* Readings beyond 2^63, and a counter that wraps round between two of them. */
START_TEST(wrap)
{
	struct handoff_side s = handoff_side();

	handoff_account(&s, (int64_t)(UINT64_MAX / 2 + 11), INT64_MAX);
	ck_assert_int_eq(s.ahead, 11);
	handoff_account(&s, 5, -5);
	ck_assert_int_eq(s.ahead, 10);
	handoff_account(&s, INT64_MAX, INT64_MIN);
	ck_assert_int_eq(s.ahead, -1);
	ck_assert_uint_eq(s.backwards, 1);
}
END_TEST

/* CPU 1's clock is ahead by 40: seen as such from both sides, though no step goes back. */
START_TEST(offset_bounds)
{
	struct handoff_pair p = { .side = { handoff_side(), handoff_side() } };
	int64_t low, high, truth = 0;

	srandom(1);
	for (int i = 0; i < 10000; i++) {
		int64_t first = truth, second, third;

		second = first + 100 + random() % 1000;
		third = second + 100 + random() % 1000;
		handoff_account(&p.side[1], second + 40, first);
		handoff_account(&p.side[0], third, second + 40);
		truth = third;
	}
	ck_assert(handoff_offset(&p, &low, &high));
	ck_assert_int_le(low, 40);
	ck_assert_int_ge(high, 40);
	ck_assert_int_le(high - low, 220);
	ck_assert_uint_eq(p.side[0].backwards + p.side[1].backwards, 0);
}
END_TEST

/*
 * Each way is tried so often, the one whose median is least is kept for a while, and then they are
 * tried anew.
 */
START_TEST(pacing)
{
	/* The last is the quickest once, and slow in most of its runs. */
	static const int64_t took[][HANDOFF_TRIES] = {
		{ 90, 80, 85, 70, 95 },
		{ 50, 1000, 52, 51, 900 },
		{ 60, 61, 62, 53, 64 },
		{ 10, 70, 71, 72, 77 },
	};
	struct handoff_pace p = { 0 };
	size_t way = 0;

	for (int epoch = 0; epoch < 3; epoch++) {
		for (size_t i = 0; i < 4 * HANDOFF_TRIES; i++) {
			ck_assert_uint_eq(way, i / HANDOFF_TRIES);
			/* The second time the third way is the best. */
			way = handoff_pace(&p, 4,
					   took[way][i % HANDOFF_TRIES] +
						   (epoch == 1 && way == 1 ? 100 : 0));
		}
		for (int i = 0; i < HANDOFF_KEEP; i++) {
			ck_assert_uint_eq(way, epoch == 1 ? 2 : 1);
			way = handoff_pace(&p, 4, 1);
		}
	}
	ck_assert_uint_eq(way, 0);
}
END_TEST

/* Everyone meets everyone once, nobody twice at a time. */
START_TEST(tournament)
{
	for (int n = 0; n <= 65; n++) {
		static bool met[65][65];
		int pairs = 0;

		memset(met, 0, sizeof(met));
		ck_assert_int_eq(handoff_rounds(n), n < 2 ? 0 : n % 2 ? n : n - 1);
		for (int round = 0; round < handoff_rounds(n); round++) {
			bool busy[65] = { false };

			for (int i = 0; i < (n + 1) / 2; i++) {
				int a, b;

				if (!handoff_match(n, round, i, &a, &b)) {
					ck_assert_int_eq(n % 2, 1);
					continue;
				}
				ck_assert(a >= 0 && a < n && b >= 0 && b < n && a != b);
				ck_assert(!busy[a] && !busy[b] && !met[a][b]);
				busy[a] = busy[b] = true;
				met[a][b] = met[b][a] = true;
				pairs++;
			}
		}
		ck_assert_int_eq(pairs, n * (n - 1) / 2);
	}
}
END_TEST

/* A pair below the floor is starved, one that just reaches it is not. */
START_TEST(floor_of_observations)
{
	struct handoff_pair pairs[3] = { 0 };
	uint64_t least = 1;

	ck_assert_int_eq(handoff_starved(pairs, 0, &least), 0);
	ck_assert_uint_eq(least, 0);
	pairs[0].side[0].observations = HANDOFF_ENOUGH / 2;
	pairs[0].side[1].observations = HANDOFF_ENOUGH - HANDOFF_ENOUGH / 2;
	ck_assert_int_eq(handoff_starved(pairs, 1, &least), 0);
	ck_assert_uint_eq(least, HANDOFF_ENOUGH);
	pairs[1].side[1].observations = HANDOFF_ENOUGH - 1;
	pairs[2].side[0].observations = 1000000;
	ck_assert_int_eq(handoff_starved(pairs, 3, &least), 1);
	ck_assert_uint_eq(least, HANDOFF_ENOUGH - 1);
	pairs[2].side[0].observations = 0;
	ck_assert_int_eq(handoff_starved(pairs, 3, &least), 2);
	ck_assert_uint_eq(least, 0);
}
END_TEST

static struct handoff_pair two_cpus(void)
{
	struct handoff_pair p = { 0 };
	struct cpus usable;

	ck_assert_int_eq(cpus_usable(&usable), 0);
	p.cpu[0] = cpus_next(-1, &usable);
	p.cpu[1] = cpus_next(p.cpu[0], &usable);
	/* With one CPU they share it, and are just slow. */
	if (p.cpu[1] < 0)
		p.cpu[1] = p.cpu[0];
	return p;
}

/* What CPU 1 reads is bad in one way or another. */
static int64_t behind(int side)
{
	return clock_ns(CLOCK_MONOTONIC) - side * 10 * NSEC_PER_SEC;
}

static int64_t ahead(int side)
{
	return clock_ns(CLOCK_MONOTONIC) + side * 10 * NSEC_PER_SEC;
}

static int64_t frozen(int side)
{
	(void)side;
	return 42;
}

/* Goes back once, by a little, after a while. */
static int64_t jumps(int side)
{
	static _Thread_local int reads;

	return clock_ns(CLOCK_MONOTONIC) - (side && ++reads == 20 ? NSEC_PER_SEC : 0);
}

static struct handoff_pair run(int64_t (*read)(int side))
{
	struct handoff_source source = { .kind = HANDOFF_CUSTOM, .read = read };
	struct handoff_pair p;
	int tries = 0;

	/* A busy machine may give the two next to no time together. */
	do {
		p = two_cpus();
		handoff_round(&p, 1, &source, BOX_NS, 5 * BOX_NS);
		ck_assert_int_eq(p.error, 0);
	} while (handoff_observations(&p) < HANDOFF_ENOUGH && ++tries < 20);
	ck_assert_uint_ge(handoff_observations(&p), HANDOFF_ENOUGH);
	return p;
}

START_TEST(seeded)
{
	struct handoff_pair p = run(behind);
	int64_t low, high;

	ck_assert_uint_eq(p.side[1].backwards, p.side[1].observations);
	ck_assert_uint_eq(p.side[0].backwards, 0);
	ck_assert(handoff_offset(&p, &low, &high));
	ck_assert_int_le(low, -10 * NSEC_PER_SEC);
	ck_assert_int_ge(high, -10 * NSEC_PER_SEC);

	p = run(ahead);
	ck_assert_uint_eq(p.side[0].backwards, p.side[0].observations);
	ck_assert_uint_eq(p.side[1].backwards, 0);
	ck_assert(handoff_offset(&p, &low, &high));
	ck_assert_int_le(low, 10 * NSEC_PER_SEC);
	ck_assert_int_ge(high, 10 * NSEC_PER_SEC);

	p = run(frozen);
	ck_assert_uint_eq(p.side[0].backwards + p.side[1].backwards, 0);
	ck_assert_int_eq(p.round_trip, 0);

	p = run(jumps);
	ck_assert_uint_eq(p.side[0].backwards + p.side[1].backwards, 1);
}
END_TEST

/* Healthy sources of every kind, and the round trip bounds the offset. */
START_TEST(healthy)
{
	struct handoff_source sources[] = {
		{ .kind = HANDOFF_COUNTER },
		{ .kind = HANDOFF_CLOCK, .clock = CLOCK_MONOTONIC },
		{ .kind = HANDOFF_SYSCALL, .clock = CLOCK_MONOTONIC },
	};

	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
		struct handoff_pair p = two_cpus();
		int64_t low, high;

		handoff_round(&p, 1, &sources[i], BOX_NS, 5 * BOX_NS);
		/* A busy machine may not have run the two at the same time. */
		for (int tries = 0; tries < 20 && p.side[0].observations < 2; tries++) {
			p = two_cpus();
			handoff_round(&p, 1, &sources[i], BOX_NS, 5 * BOX_NS);
		}
		ck_assert_int_eq(p.error, 0);
		ck_assert(!p.frozen);
		ck_assert_uint_gt(p.side[0].observations, 0);
		/* Behind each bare run CPU 0 has one fewer. */
		ck_assert_int_le(llabs((long long)(p.side[0].observations -
						   p.side[1].observations)),
				 2 + p.side[0].observations / 128);
		ck_assert_uint_eq(p.side[0].backwards + p.side[1].backwards, 0);
		ck_assert(p.ns > 0 && p.typical_ns > 0);
		ck_assert(p.bare_ns >= 0 && (!p.bare_ns || sources[i].kind == HANDOFF_COUNTER));
		ck_assert_int_eq(p.reading_ns > 0, sources[i].kind == HANDOFF_COUNTER);
		ck_assert(handoff_offset(&p, &low, &high));
		ck_assert_int_le(high - low, p.round_trip);
		ck_assert_int_le(low, high);
	}
}
END_TEST

/* Far more pairs than CPUs, all on the same two: slow, but it ends, and nothing goes back. */
START_TEST(crowded)
{
	struct handoff_source source = { .kind = HANDOFF_CLOCK, .clock = CLOCK_MONOTONIC };
	struct handoff_pair pairs[8];
	uint64_t observations = 0, begun;

	/* A busy machine may not have run the two of any pair at the same time. */
	for (int tries = 0; tries < 20 && !observations; tries++) {
		begun = counter_read();
		for (int i = 0; i < 8; i++)
			pairs[i] = two_cpus();
		handoff_round(pairs, 8, &source, BOX_NS, 5 * BOX_NS);
		ck_assert_int_lt(counter_since_ns(begun), 30 * NSEC_PER_SEC);
		for (int i = 0; i < 8; i++) {
			ck_assert_int_eq(pairs[i].error, 0);
			ck_assert_uint_eq(pairs[i].side[0].backwards + pairs[i].side[1].backwards,
					  0);
			observations += handoff_observations(&pairs[i]);
		}
	}
	ck_assert_uint_gt(observations, 0);
}
END_TEST

/* A CPU that isn't there is an error of that pair, and the other thread doesn't wait for ever. */
START_TEST(no_such_cpu)
{
	struct handoff_source source = { .kind = HANDOFF_COUNTER };
	struct handoff_pair p = two_cpus();

	p.cpu[0] = 1000;
	handoff_round(&p, 1, &source, BOX_NS, 5 * BOX_NS);
	ck_assert_int_lt(p.error, 0);
	p = two_cpus();
	p.cpu[1] = 1000;
	handoff_round(&p, 1, &source, BOX_NS, 5 * BOX_NS);
	ck_assert_int_lt(p.error, 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("handoff");

	/* Under valgrind one thread runs at a time. */
	tcase_set_tags(tc, "clock");
	tcase_add_test(tc, in_order);
	tcase_add_test(tc, exact);
	tcase_add_test(tc, wrap);
	tcase_add_test(tc, offset_bounds);
	tcase_add_test(tc, tournament);
	tcase_add_test(tc, floor_of_observations);
	tcase_add_test(tc, pacing);
	tcase_add_test(tc, seeded);
	tcase_add_test(tc, healthy);
	tcase_add_test(tc, crowded);
	tcase_add_test(tc, no_such_cpu);
	return run_cases("handoff", tc);
}
