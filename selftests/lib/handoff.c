// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "clocks.h"
#include "cpus.h"
#include "handoff.h"
#include "stats.h"

#define LINE	     128 /* two of 64: neighbours are prefetched in pairs */
#define RUN	     64	 /* round trips that are timed together */
#define MAX_RUNS     4096
#define BARE_EVERY   4	    /* of so many runs, one hands the line over bare, for comparison */
#define NAP_AFTER_NS 100000 /* a hand-off between CPUs that both run takes less than 1 us */
#define NAP_NS	     20000
#define FROZEN	     1000000 /* looks at a counter that doesn't move */

/*
 * A line that is only looked at is shared: whoever then writes has to fetch it once more, and not
 * while it reads its clock, since the other looks again and again. So whoever looks fetches the
 * line to write, and only when the other is likely to have written: too early takes it away from
 * there. How long that is depends on the machine and on where the two CPUs are, so these waits are
 * tried, in loops of about a cycle.
 */
static const unsigned int waits[] = { 0,   60,	75,  95,  120, 150, 175, 200,
				      225, 250, 275, 300, 350, 450, 600, 800 };
#define NR_WAITS   (sizeof(waits) / sizeof(*waits))
#define LOOK_AGAIN 150 /* loops after a look that came too early: the line goes there and back */

/* Two threads' playing field. turn counts the hand-offs: even ones are CPU 0's to make. */
struct game {
	struct {
		_Atomic uint64_t turn;
		int64_t reading;
	} line __attribute__((aligned(LINE)));
	_Atomic bool stop __attribute__((aligned(LINE)));
	_Atomic bool there; /* CPU 1's thread is running */
	_Atomic unsigned int
		wait[2]; /* idle loops before a look, and before a bare one; CPU 0 chooses */
	const struct handoff_source *source;
	struct handoff_pair *pair;
	int64_t box_ns, patience_ns;
	pthread_t thread[2];
	bool started[2];
	struct runs { /* CPU 0's: ticks each run took; the latest */
		int64_t ticks[MAX_RUNS];
		size_t nr;
	} observed, bare;
};

/* One thread's watch over its own time. */
struct box {
	struct game *g;
	int side;
	uint64_t begun, last;
	unsigned int still;
	struct handoff_side seen; /* on this thread's stack: the pair's is shared */
};

static inline void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield" ::: "memory");
#endif
}

static inline void fetch_to_write(const void *line)
{
#if defined(__x86_64__)
	__asm__ volatile("prefetchw %0" ::"m"(*(const char *)line));
#else
	__builtin_prefetch(line, 1);
#endif
}

/* Whether this side shall go on no more. */
static bool over(struct box *b)
{
	struct game *g = b->g;
	uint64_t now = counter_read();
	int64_t ns = counter_ticks_ns(now - b->begun);

	if (atomic_load(&g->stop))
		return true;
	b->still = now == b->last ? b->still + 1 : 0;
	b->last = now;
	if (b->still >= FROZEN)
		g->pair->frozen = true;
	if (b->still >= FROZEN || ns > g->patience_ns ||
	    (!b->side && ns > g->box_ns && 2 * b->seen.observations >= HANDOFF_ENOUGH))
		atomic_store(&g->stop, true);
	return atomic_load(&g->stop);
}

/*
 * The other CPU doesn't run: it is a virtual one, and its host is short of CPUs. Spinning on would
 * only keep one from it.
 */
static bool nap(void)
{
	struct timespec ts = { .tv_nsec = NAP_NS };

	return !clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
}

static inline void idle(unsigned int loops)
{
	while (loops--)
		__asm__ volatile("");
}

/*
 * Looks for its turn, first after so many idle loops; 0: at once, and the line is only fetched to
 * be read.
 */
static inline __attribute__((always_inline)) bool await(struct box *b, uint64_t turn,
							unsigned int wait)
{
	uint64_t begun = 0;

	idle(wait);
	for (unsigned int spins = 1;; spins++) {
		if (wait)
			fetch_to_write(&b->g->line);
		if (atomic_load_explicit(&b->g->line.turn, memory_order_acquire) == turn)
			return true;
		if (wait)
			idle(LOOK_AGAIN);
		if (spins % 128 == 0) {
			if (over(b))
				return false;
			if (spins == 128)
				begun = b->last;
			else if (counter_ticks_ns(b->last - begun) > NAP_AFTER_NS && !nap())
				return false;
		}
		if (spins > 2000)
			relax();
	}
}

static inline __attribute__((always_inline)) int64_t reading(const struct handoff_source *s,
							     enum handoff_kind kind, int side)
{
	switch (kind) {
	case HANDOFF_COUNTER:
		return counter_read();
	case HANDOFF_CLOCK:
		return clock_ns(s->clock);
	case HANDOFF_SYSCALL:
		return clock_ns_syscall(s->clock);
	case HANDOFF_CUSTOM:
		return s->read(side);
	}
	return 0;
}

/*
 * Whether the hand-off of this turn reads nothing: what the line itself can do, within the same
 * game.
 */
static inline __attribute__((always_inline)) bool is_bare(enum handoff_kind kind, uint64_t turn)
{
	return kind == HANDOFF_COUNTER && turn / (2 * RUN) % BARE_EVERY == BARE_EVERY - 1;
}

static inline void add_run(struct runs *r, uint64_t ticks)
{
	r->ticks[r->nr++ % MAX_RUNS] = ticks;
}

size_t handoff_pace(struct handoff_pace *p, size_t nr, int64_t ticks)
{
	if (p->at < nr) {
		p->ticks[p->runs++] = ticks;
		if (p->runs < HANDOFF_TRIES)
			return p->at;
		stats_of(p->ticks, HANDOFF_TRIES); /* sorts them */
		if (!p->at || p->ticks[HANDOFF_TRIES / 2] < p->least) {
			p->least = p->ticks[HANDOFF_TRIES / 2];
			p->best = p->at;
		}
		p->runs = 0;
		return ++p->at < nr ? p->at : p->best;
	}
	if (++p->runs < HANDOFF_KEEP)
		return p->best;
	p->runs = p->at = 0;
	return 0;
}

/*
 * The reading is ordered after the acquiring load by counter_read()'s fence
 * (arm64: the branch that left await(), and the ISB), and before the publishing
 * store, which comes after the store of the reading itself.
 */
static inline __attribute__((always_inline)) void play(struct box *b, enum handoff_kind kind)
{
	struct game *g = b->g;
	int64_t round_trip = INT64_MAX, last = 0;
	uint64_t turn = b->side, run_begun = b->begun;
	struct handoff_pace paces[2] = { 0 };

	for (uint64_t n = 0;; n++, turn += 2) {
		int64_t theirs, now = 0;
		bool bare = is_bare(kind, turn);

		if (!await(b, turn, atomic_load_explicit(&g->wait[bare], memory_order_relaxed)))
			break;
		theirs = g->line.reading;
		if (!bare)
			now = reading(g->source, kind, b->side);
		g->line.reading = now;
		atomic_store_explicit(&g->line.turn, turn + 1, memory_order_release);
		/*
		 * While the line travels. At first, and after a bare one, there is nothing to
		 * compare with.
		 */
		if (!bare && turn && !is_bare(kind, turn - 1)) {
			handoff_account(&b->seen, now, theirs);
			if (!b->side && now - last < round_trip)
				round_trip = now - last;
		}
		last = now;
		if (b->side || n % RUN)
			continue;
		if (n) {
			uint64_t run_over = counter_read(), ticks = run_over - run_begun;
			bool was_bare = is_bare(kind, turn - 1);

			add_run(was_bare ? &g->bare : &g->observed, ticks);
			atomic_store_explicit(&g->wait[was_bare],
					      waits[handoff_pace(&paces[was_bare], NR_WAITS,
								 ticks)],
					      memory_order_relaxed);
			run_begun = run_over;
			if (over(b))
				break;
		} else {
			run_begun = counter_read();
		}
	}
	g->pair->side[b->side] = b->seen;
	if (!b->side)
		g->pair->round_trip = round_trip;
}

/* What an ordered reading of the counter costs, ns: the lower quartile of batches. */
static double counter_cost_ns(void)
{
	int64_t ticks[64];

	for (size_t i = 0; i < 64; i++) {
		uint64_t begun = counter_read();

		for (int n = 1; n < 32; n++)
			counter_read();
		ticks[i] = counter_read() - begun;
	}
	return stats_of(ticks, 64).p25 * 1e9 / counter_hz() / 32;
}

static void *player(struct game *g, int side)
{
	struct box b = { .g = g, .side = side, .begun = counter_read(), .seen = handoff_side() };

	if (side) {
		atomic_store(&g->there, true);
	} else {
		while (!atomic_load(&g->there) && !over(&b))
			relax();
		if (g->source->kind == HANDOFF_COUNTER)
			g->pair->reading_ns = counter_cost_ns();
		b.begun = counter_read();
	}
	switch (g->source->kind) {
	case HANDOFF_COUNTER:
		play(&b, HANDOFF_COUNTER);
		break;
	case HANDOFF_CLOCK:
		play(&b, HANDOFF_CLOCK);
		break;
	case HANDOFF_SYSCALL:
		play(&b, HANDOFF_SYSCALL);
		break;
	case HANDOFF_CUSTOM:
		play(&b, HANDOFF_CUSTOM);
		break;
	}
	if (!side)
		g->pair->ns = counter_ticks_ns(counter_read() - b.begun);
	return NULL;
}

static void *player0(void *arg)
{
	return player(arg, 0);
}

static void *player1(void *arg)
{
	return player(arg, 1);
}

static int start(struct game *g, int side)
{
	int err = cpu_thread(&g->thread[side], g->pair->cpu[side], side ? player1 : player0, g);

	g->started[side] = !err;
	return err;
}

/* Lower quartile of the hand-offs, ns; 0 without a whole run. */
static double typical_ns(struct runs *r)
{
	size_t nr = r->nr < MAX_RUNS ? r->nr : MAX_RUNS;

	stats_of(r->ticks, nr); /* sorts them */
	return stats_percentile(r->ticks, nr, 25) * 1e9 / counter_hz() / (2 * RUN);
}

static void finish(struct game *g)
{
	struct handoff_pair *p = g->pair;

	for (int side = 0; side < 2; side++)
		if (g->started[side])
			pthread_join(g->thread[side], NULL);
	p->typical_ns = typical_ns(&g->observed);
	p->bare_ns = typical_ns(&g->bare);
	if (!g->observed.nr && handoff_observations(p))
		p->typical_ns = (double)p->ns / handoff_observations(p);
}

void handoff_round(struct handoff_pair *pairs, int n, const struct handoff_source *source,
		   int64_t box_ns, int64_t patience_ns)
{
	struct game *games = aligned_alloc(LINE, n * sizeof(*games));

	/* Before the first reading, not within: it takes 10 ms. */
	counter_hz();
	for (int i = 0; i < n; i++) {
		pairs[i] = (struct handoff_pair){
			.cpu = { pairs[i].cpu[0], pairs[i].cpu[1] },
			.side = { handoff_side(), handoff_side() },
			.round_trip = INT64_MAX,
			.error = games ? 0 : -ENOMEM,
		};
		if (!games)
			continue;
		memset(&games[i], 0, sizeof(games[i]));
		games[i].source = source;
		games[i].pair = &pairs[i];
		games[i].box_ns = box_ns;
		games[i].patience_ns = patience_ns;
		for (int side = 1; side >= 0 && !pairs[i].error; side--)
			pairs[i].error = start(&games[i], side);
		if (pairs[i].error)
			atomic_store(&games[i].stop, true);
	}
	for (int i = 0; games && i < n; i++)
		finish(&games[i]);
	free(games);
}

int handoff_starved(const struct handoff_pair *pairs, int n, uint64_t *least)
{
	int starved = 0;

	*least = n ? UINT64_MAX : 0;
	for (int i = 0; i < n; i++) {
		uint64_t made = handoff_observations(&pairs[i]);

		starved += made < HANDOFF_ENOUGH;
		if (made < *least)
			*least = made;
	}
	return starved;
}

bool handoff_offset(const struct handoff_pair *p, int64_t *low, int64_t *high)
{
	*low = -p->side[0].ahead;
	*high = p->side[1].ahead;
	return p->side[0].observations && p->side[1].observations;
}

int handoff_rounds(int n)
{
	return n < 2 ? 0 : n % 2 ? n : n - 1;
}

bool handoff_match(int n, int round, int index, int *a, int *b)
{
	int ring = handoff_rounds(n);

	/* One stays, the others move round it; with an odd n the one who stays is nobody. */
	*a = index ? (round + index) % ring : ring;
	*b = (round - index + ring) % ring;
	return *a < n && *b < n;
}
