/* SPDX-License-Identifier: ISC */
/* The position moves over what is settled or held, and over nothing else. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "worker/order.h"
#include "worker/snapshot.h"

#define IDS	4096

struct model {
	bool	settled[IDS];
	bool	held[IDS];
	bool	stuck[IDS];
};

static struct snapshot *
snap(uint64_t n)
{
	char	text[64];

	(void)snprintf(text, sizeof(text), "%llu:%llu:",
	    (unsigned long long)n, (unsigned long long)n);
	return (snapshot_parse(text, strlen(text), 1));
}

static int
hold(int64_t id, void *arg)
{
	struct model	*m = arg;

	assert_false(m->settled[id]);
	assert_false(m->held[id]);
	m->held[id] = true;
	return (0);
}

static int
hold_nothing(int64_t id, void *arg)
{
	(void)id;
	(void)arg;
	fail_msg("an event was passed that is neither settled nor stuck");
	return (-1);
}

static void
windows_follow(void **state)
{
	struct snapshot	*a = snap(10), *b = snap(20), *c = snap(30);
	struct order	*o = order_new(16, 1, a);
	struct position	 p;
	uint64_t	 s1, s2, s3;

	(void)state;
	order_position(o, &p);
	assert_ptr_equal(p.s1, a);
	assert_null(p.s2);
	assert_int_equal(order_open(o, a, b, 0), 0);
	s1 = order_push(o, 5);
	s2 = order_push(o, 9);
	order_close(o);
	assert_int_equal(order_open(o, b, c, 0), 0);
	s3 = order_push(o, 7);
	assert_true(order_settle(o, s2));
	assert_int_equal(order_advance(o, false, hold_nothing, NULL), 0);
	order_position(o, &p);
	assert_ptr_equal(p.s1, a);
	assert_null(p.s2);
	assert_true(order_settle(o, s1));
	assert_int_equal(order_advance(o, false, hold_nothing, NULL), 2);
	order_position(o, &p);
	assert_ptr_equal(p.s1, b);
	assert_null(p.s2);
	assert_true(order_settle(o, s3));
	assert_int_equal(order_advance(o, false, hold_nothing, NULL), 1);
	order_position(o, &p);
	assert_ptr_equal(p.s1, b);
	assert_ptr_equal(p.s2, c);
	assert_int_equal(p.last_id, 7);
	order_close(o);
	assert_int_equal(order_advance(o, false, hold_nothing, NULL), 0);
	order_position(o, &p);
	assert_ptr_equal(p.s1, c);
	assert_null(p.s2);
	assert_false(order_settle(o, s1));
	order_free(o);
	snapshot_unref(a);
	snapshot_unref(b);
	snapshot_unref(c);
}

/* A window taken up in the middle keeps its place until it moves. */
static void
resumed_window_keeps_its_place(void **state)
{
	struct snapshot	*a = snap(10), *b = snap(20);
	struct order	*o = order_new(16, 1, a);
	struct position	 p;

	(void)state;
	assert_int_equal(order_open(o, a, b, 77), 0);
	(void)order_push(o, 80);
	assert_int_equal(order_advance(o, false, hold_nothing, NULL), 0);
	order_position(o, &p);
	assert_ptr_equal(p.s2, b);
	assert_int_equal(p.last_id, 77);
	order_free(o);
	snapshot_unref(a);
	snapshot_unref(b);
}

static void
slow_event_is_passed_under_pressure(void **state)
{
	struct snapshot	*a = snap(10), *b = snap(20);
	struct order	*o = order_new(1024, 1, a);
	static struct model	 m;
	uint64_t	 slow, seq;
	size_t		 i;

	(void)state;
	assert_int_equal(order_open(o, a, b, 0), 0);
	slow = order_push(o, 1);
	for (i = 2; i <= 60; i++)
		assert_true(order_settle(o, order_push(o, (int64_t)i)));
	/* Not worth a row in the table. */
	assert_int_equal(order_advance(o, true, hold, &m), 0);
	for (; i <= 100; i++)
		assert_true(order_settle(o, order_push(o, (int64_t)i)));
	assert_int_equal(order_advance(o, false, hold, &m), 0);
	assert_int_equal(order_advance(o, true, hold, &m), 100);
	assert_true(m.held[1]);
	/* Everything is slow: only room that runs out moves it. */
	for (; i <= 600; i++) {
		seq = order_push(o, (int64_t)i);
		if (i % 2 == 0)
			assert_true(order_settle(o, seq));
	}
	assert_int_equal(order_advance(o, true, hold, &m), 0);
	for (; i <= 620; i++)
		(void)order_push(o, (int64_t)i);
	assert_true(order_advance(o, true, hold, &m) > 0);
	assert_true(m.held[101]);
	assert_false(order_settle(o, slow));
	order_stuck(o, slow);		/* behind the position: no matter */
	i = order_count(o);
	assert_int_equal(order_advance(o, false, hold_nothing, NULL), 0);
	assert_int_equal(order_count(o), i);
	order_free(o);
	snapshot_unref(a);
	snapshot_unref(b);
}

/* Each event a window of its own, and the first one is slow. */
static void
slow_event_is_passed_when_windows_run_out(void **state)
{
	static struct model	 m;
	struct snapshot		*a = snap(10), *b;
	struct order		*o = order_new(16384, 1, a);
	uint64_t		 first = 0, seq;
	int64_t			 id = 0;

	(void)state;
	while (order_window_room(o)) {
		b = snap(20);
		assert_int_equal(order_open(o, a, b, 0), 0);
		snapshot_unref(b);
		seq = order_push(o, ++id);
		order_close(o);
		if (first == 0)
			first = seq;
		else
			assert_true(order_settle(o, seq));
		assert_true(id < IDS + 1);
	}
	assert_int_equal(order_advance(o, false, hold_nothing, NULL), 0);
	assert_int_equal(order_advance(o, true, hold, &m), id);
	assert_true(m.held[1]);
	assert_true(order_window_room(o));
	order_free(o);
	snapshot_unref(a);
}

/* Stopping: what was settled out of turn is not to be repeated. */
static void
the_end_holds_what_is_open(void **state)
{
	static struct model	 m;
	struct snapshot		*a = snap(10), *b = snap(20);
	struct order		*o = order_new(1024, 1, a);
	struct position		 p;
	uint64_t		 seq[6];
	int			 i;

	(void)state;
	assert_int_equal(order_open(o, a, b, 0), 0);
	for (i = 1; i <= 5; i++)
		seq[i] = order_push(o, i);
	assert_true(order_settle(o, seq[2]));
	assert_true(order_settle(o, seq[4]));
	assert_int_equal(order_finish(o, hold, &m), 0);
	order_position(o, &p);
	assert_int_equal(p.last_id, 4);
	assert_true(m.held[1] && m.held[3] && !m.held[5]);
	assert_int_equal(order_finish(o, hold, &m), 0);
	assert_int_equal(order_count(o), 1);
	order_free(o);
	snapshot_unref(a);
	snapshot_unref(b);
}

struct run {
	struct order	*o;
	struct model	 m;
	uint64_t	 seq[IDS];
	int64_t		 pushed, window_first;
	struct snapshot	*s1, *s2;
	uint64_t	 nsnap;
	bool		 open;
};

/* Everything up to the position, and only that, is settled or held. */
static void
position_check(struct run *r)
{
	struct position	p;
	int64_t		last, i;

	order_position(r->o, &p);
	last = p.s2 != NULL ? p.last_id : 0;
	for (i = 1; i <= last; i++)
		assert_true(r->m.settled[i] || r->m.held[i]);
	last = r->pushed - (int64_t)order_count(r->o);
	for (i = 1; i <= last; i++)
		assert_true(r->m.settled[i] || r->m.held[i]);
	for (i = last + 1; i <= r->pushed; i++)
		assert_false(r->m.held[i]);
}

static void
window_switch(struct run *r)
{
	if (r->open) {
		order_close(r->o);
		snapshot_unref(r->s1);
		r->s1 = r->s2;
		r->open = false;
	} else if (order_window_room(r->o)) {
		r->s2 = snap(++r->nsnap);
		assert_int_equal(order_open(r->o, r->s1, r->s2, 0), 0);
		r->open = true;
	}
}

static void
random_runs_keep_the_position_true(void **state)
{
	uint64_t	 seed = 5;
	struct run	 r = { .nsnap = 1 };
	int64_t		 id;
	int		 step;

	(void)state;
	r.s1 = snap(1);
	r.o = order_new(1024, 1, r.s1);
	for (step = 0; step < 60000; step++) {
		id = r.pushed == 0 ? 0 :
		    1 + (int64_t)unit_random(&seed, (uint64_t)r.pushed);
		switch (unit_random(&seed, 8)) {
		case 0:
			if (unit_random(&seed, 4) == 0)
				window_switch(&r);
			break;
		case 1: case 2:
			if (r.open && order_room(r.o) > 0 &&
			    r.pushed + 1 < IDS) {
				r.pushed++;
				r.seq[r.pushed] = order_push(r.o, r.pushed);
			}
			break;
		case 3: case 4: case 5:
			if (id == 0 || r.m.settled[id])
				break;
			assert_int_equal(order_settle(r.o, r.seq[id]),
			    !r.m.held[id]);
			r.m.settled[id] = true;
			break;
		case 6:
			if (id != 0 && unit_random(&seed, 20) == 0) {
				r.m.stuck[id] = true;
				order_stuck(r.o, r.seq[id]);
			}
			break;
		default:
			assert_true(order_advance(r.o, false, hold, &r.m) >=
			    0);
			position_check(&r);
		}
	}
	for (id = 1; id <= r.pushed; id++)
		if (r.m.held[id])
			assert_true(r.m.stuck[id]);
	order_free(r.o);
	if (r.open)
		snapshot_unref(r.s2);
	snapshot_unref(r.s1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_follow),
		cmocka_unit_test(resumed_window_keeps_its_place),
		cmocka_unit_test(slow_event_is_passed_under_pressure),
		cmocka_unit_test(slow_event_is_passed_when_windows_run_out),
		cmocka_unit_test(the_end_holds_what_is_open),
		cmocka_unit_test(random_runs_keep_the_position_true),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
