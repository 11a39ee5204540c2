/* SPDX-License-Identifier: ISC */
/*
 * Lanes against a model: whatever the sink answers and whatever leaves
 * memory, the order within a key holds and each event is settled once.
 */
#include "tests/unit/unit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "worker/lanes.h"

#define EVENTS		6000
#define KEYS		40
#define MEMORY		300

struct model {
	struct lanes	*ls;
	bool		 fifo;
	uint64_t	 seed;
	int64_t		 now;
	size_t		 added, settled, in_memory;
	uint64_t	 hash[EVENTS];
	bool		 done[EVENTS];
	bool		 offered[EVENTS];
	size_t		 last_of_key[KEYS];	/* all before are settled */
	struct parcel	*sink[MEMORY];		/* in order of acceptance */
	size_t		 nsink;
};

static void
evict(struct parcel *e, void *arg)
{
	struct model	*m = arg;

	assert_false(m->offered[e->seq]);
	m->in_memory--;
	free(e);
}

static struct parcel *
event_make(struct model *m, size_t seq)
{
	struct parcel	*e = calloc(1, sizeof(*e));

	assert_non_null(e);
	e->seq = seq;
	e->id = (int64_t)seq + 1000;
	e->lane_hash = m->hash[seq];
	m->in_memory++;
	return (e);
}

static void
model_init(struct model *m, bool fifo, uint64_t seed)
{
	const struct lanes_conf	conf = { .fifo = fifo,
	    .backoff_initial_us = 100, .backoff_max_us = 100000,
	    .evict_after_us = 1000, .seed = seed };
	const struct lanes_ops	ops = { .evict = evict };

	memset(m, 0, sizeof(*m));
	m->fifo = fifo;
	m->seed = seed;
	m->now = 1;
	m->ls = lanes_new(&conf, &ops, m);
	assert_non_null(m->ls);
}

static void
add(struct model *m)
{
	const size_t	 seq = m->added;
	struct parcel	*e;

	if (seq == EVENTS || m->in_memory == MEMORY)
		return;
	m->added++;
	m->hash[seq] = unit_random(&m->seed, KEYS);
	if (unit_random(&m->seed, 20) == 0) {
		assert_int_equal(lanes_add_away(m->ls, m->hash[seq],
		    (int64_t)seq + 1000, seq), 0);
		return;
	}
	e = event_make(m, seq);
	if (lanes_add(m->ls, e) == 0) {
		m->in_memory--;
		free(e);
	}
}

/* Everything of its key that came earlier is settled, or (fifo) with the
 * sink as well. */
static void
order_check(struct model *m, size_t seq)
{
	size_t	*from = &m->last_of_key[m->hash[seq]], i;

	while (*from < seq && (m->hash[*from] != m->hash[seq] ||
	    m->done[*from]))
		(*from)++;
	for (i = *from; i < seq; i++)
		if (m->hash[i] == m->hash[seq] && !m->done[i])
			assert_true(m->fifo && m->offered[i]);
}

static void
offer(struct model *m)
{
	struct parcel	*v[32];
	size_t		 n, i, accept;

	n = lanes_take(m->ls, v, 1 + unit_random(&m->seed, 32), m->now);
	accept = unit_random(&m->seed, n + 1);
	for (i = 0; i < accept; i++) {
		order_check(m, v[i]->seq);
		assert_false(m->done[v[i]->seq]);
		m->offered[v[i]->seq] = true;
		m->sink[m->nsink++] = v[i];
	}
	for (i = n; i > accept; i--)
		lanes_untake(m->ls, v[i - 1]);
}

static void
settle(struct model *m, struct parcel *e, bool delivered)
{
	assert_false(m->done[e->seq]);
	m->done[e->seq] = true;
	m->offered[e->seq] = false;
	m->settled++;
	lanes_done(m->ls, e, delivered, m->now);
	m->in_memory--;
	free(e);
}

static void
retry(struct model *m, struct parcel *e)
{
	m->offered[e->seq] = false;
	e->released = unit_random(&m->seed, 10) == 0;
	lanes_retry(m->ls, e, (int64_t)unit_random(&m->seed, 5000), m->now);
}

static void
complete_any(struct model *m, unsigned int bad_percent)
{
	struct parcel	*e;
	size_t		 i;

	if (m->nsink == 0)
		return;
	i = unit_random(&m->seed, m->nsink);
	e = m->sink[i];
	m->sink[i] = m->sink[--m->nsink];
	if (unit_random(&m->seed, 100) < bad_percent)
		retry(m, e);
	else
		settle(m, e, unit_random(&m->seed, 5) != 0);
}

/* In order; a failure draws everything behind it along. */
static void
complete_fifo(struct model *m, unsigned int bad_percent)
{
	struct parcel	*e;
	uint32_t	 before;
	size_t		 i;

	if (m->nsink == 0)
		return;
	e = m->sink[0];
	if (unit_random(&m->seed, 100) >= bad_percent) {
		memmove(m->sink, m->sink + 1, --m->nsink * sizeof(e));
		settle(m, e, unit_random(&m->seed, 5) != 0);
		return;
	}
	assert_false(lanes_collateral(m->ls, e));
	retry(m, e);
	for (i = 1; i < m->nsink; i++) {
		assert_true(lanes_collateral(m->ls, m->sink[i]));
		before = m->sink[i]->attempts;
		assert_true(before > 0);
		retry(m, m->sink[i]);
	}
	m->nsink = 0;
}

static void
complete(struct model *m, unsigned int bad_percent)
{
	if (m->fifo)
		complete_fifo(m, bad_percent);
	else
		complete_any(m, bad_percent);
}

static void
refill(struct model *m)
{
	struct away	v[50];
	size_t		n, i, back;

	n = lanes_want(m->ls, v, 1 + unit_random(&m->seed, 50));
	back = m->in_memory + n > MEMORY ? 0 :
	    n - (unit_random(&m->seed, 3) == 0 ?
	    unit_random(&m->seed, n + 1) : 0);
	for (i = 0; i < back; i++) {
		assert_int_equal(v[i].id, (int64_t)v[i].seq + 1000);
		assert_false(m->done[v[i].seq]);
		if (unit_random(&m->seed, 30) == 0) {
			m->done[v[i].seq] = true;
			m->settled++;
			lanes_drop(m->ls, &v[i]);
		} else
			lanes_refill(m->ls, &v[i], event_make(m, v[i].seq));
	}
	for (i = n; i > back; i--)
		assert_int_equal(lanes_unwant(m->ls, &v[i - 1]), 0);
}

static void
step(struct model *m, unsigned int bad_percent)
{
	switch (unit_random(&m->seed, 9)) {
	case 0: case 1:
		add(m);
		break;
	case 2: case 3:
		offer(m);
		break;
	case 4: case 5:
		complete(m, bad_percent);
		break;
	case 6:
		refill(m);
		break;
	case 7:
		if (unit_random(&m->seed, 4) == 0)
			lanes_evict_failing(m->ls, m->now);
		else
			lanes_evict_slow(m->ls, m->now);
		break;
	default:
		m->now += (int64_t)unit_random(&m->seed, 800);
		lanes_tick(m->ls, m->now);
	}
}

static void
settle_all(struct model *m)
{
	struct lanes_stat	st;
	int			rounds;

	for (rounds = 0; m->settled < EVENTS; rounds++) {
		assert_true(rounds < 1000000);
		step(m, 0);
		if (lanes_next(m->ls) != INT64_MAX)
			m->now += 1000;
	}
	lanes_stat(m->ls, &st);
	assert_int_equal(st.lanes, 0);
	assert_int_equal(st.offered, 0);
	assert_int_equal(st.waiting, 0);
	assert_int_equal(st.failing, 0);
	assert_int_equal(st.away, 0);
	assert_false(st.ready || st.wants);
	assert_int_equal(m->in_memory, 0);
}

static void
run(bool fifo, uint64_t seed)
{
	static struct model	m;
	unsigned int		bad;
	int			i;

	model_init(&m, fifo, seed);
	for (i = 0; i < 60000; i++) {
		bad = (unsigned int)(i / 5000 % 3) * 40;
		step(&m, bad);
	}
	settle_all(&m);
	lanes_free(m.ls);
}

static void
order_holds_one_per_lane(void **state)
{
	uint64_t	seed;

	(void)state;
	for (seed = 1; seed <= 12; seed++)
		run(false, seed);
}

static void
order_holds_fifo(void **state)
{
	uint64_t	seed;

	(void)state;
	for (seed = 1; seed <= 12; seed++)
		run(true, seed);
}

static void
a_stuck_key_stops_nobody(void **state)
{
	static struct model	m;
	struct lanes_stat	st;
	struct parcel		*e, *v[4];
	struct away		 a[4];

	(void)state;
	model_init(&m, false, 3);
	m.hash[0] = m.hash[1] = m.hash[2] = 1;
	m.hash[3] = 2;
	assert_int_equal(lanes_add(m.ls, event_make(&m, 0)), 1);
	assert_int_equal(lanes_add(m.ls, event_make(&m, 1)), 1);
	assert_int_equal(lanes_add(m.ls, event_make(&m, 3)), 1);
	assert_int_equal(lanes_take(m.ls, v, 4, 10), 2);
	lanes_retry(m.ls, v[0], 1000000, 10);
	lanes_tick(m.ls, 5000);
	lanes_stat(m.ls, &st);
	assert_int_equal(st.away, 0);	/* nobody else got on yet */
	lanes_done(m.ls, v[1], true, 5001);
	free(v[1]);
	lanes_tick(m.ls, 7000);
	lanes_stat(m.ls, &st);
	assert_int_equal(st.away, 2);
	assert_true(lanes_is_failing(m.ls, 1));
	assert_false(lanes_is_failing(m.ls, 2));
	e = event_make(&m, 2);
	assert_int_equal(lanes_add(m.ls, e), 0);
	free(e);
	assert_int_equal(lanes_want(m.ls, a, 4), 0);
	lanes_tick(m.ls, 2000000);
	/* One probe, with the attempts of its earlier life. */
	assert_int_equal(lanes_want(m.ls, a, 4), 1);
	lanes_refill(m.ls, &a[0], event_make(&m, 0));
	assert_int_equal(lanes_take(m.ls, v, 4, 2000000), 1);
	assert_int_equal(v[0]->attempts, 2);
	lanes_done(m.ls, v[0], true, 2000001);
	free(v[0]);
	assert_int_equal(lanes_want(m.ls, a, 4), 2);
	assert_int_equal(a[0].seq, 1);
	assert_int_equal(a[1].seq, 2);
	lanes_drop(m.ls, &a[0]);
	lanes_drop(m.ls, &a[1]);
	lanes_free(m.ls);
}

/* Delays double at most, stay below the bound, and obey the sink. */
static void
backoff_is_bounded(void **state)
{
	static struct model	 m;
	struct parcel		*e, *v[1];
	int64_t			 now = 1, delay, most = 0;
	int			 i;

	(void)state;
	model_init(&m, false, 17);
	assert_int_equal(lanes_add(m.ls, e = event_make(&m, 0)), 1);
	for (i = 0; i < 200; i++) {
		assert_int_equal(lanes_take(m.ls, v, 1, now), 1);
		lanes_retry(m.ls, e, i == 199 ? 5000000 : 0, now);
		if (lanes_next(m.ls) - now == 1000) {	/* looks earlier */
			lanes_tick(m.ls, now + 1000);
			now += 1000;
		}
		while (lanes_take(m.ls, v, 1, now) == 0) {
			delay = lanes_next(m.ls) - now;
			assert_true(delay >= 0);
			now = lanes_next(m.ls);
			lanes_tick(m.ls, now);
		}
		lanes_untake(m.ls, v[0]);
		delay = now - e->offered_us;
		if (delay > most && i != 199)
			most = delay;
	}
	assert_true(most <= 100000);
	assert_true(now >= 5000000);
	lanes_free(m.ls);
	free(e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_holds_one_per_lane),
		cmocka_unit_test(order_holds_fifo),
		cmocka_unit_test(a_stuck_key_stops_nobody),
		cmocka_unit_test(backoff_is_bounded),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
