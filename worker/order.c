/* SPDX-License-Identifier: ISC */
/* Windows and the events in them: two rings and a position. */
#include "worker/order.h"

#include <errno.h>
#include <stdlib.h>

#include "worker/snapshot.h"

#define WINDOWS_MAX	4096u		/* a power of two */

/* So many settled events in front of the position, and three quarters of all
 * that are there, make it worth to hold the one that stops it. */
#define WORTH_HOLDING	64u

enum entry_state {
	ORDER_LIVE,
	ORDER_STUCK,
	ORDER_SETTLED
};

struct entry {
	int64_t		 id;
	enum entry_state state;
};

struct window {
	struct snapshot	*s1, *s2;
	uint64_t	 end;		/* seq behind its last event */
	int64_t		 last_id;	/* settled up to here */
	bool		 begun;		/* last_id means something */
	bool		 closed;
};

struct order {
	struct entry	*v;
	size_t		 size;		/* a power of two */
	uint64_t	 head, tail;	/* oldest seq, next seq */
	size_t		 nsettled;	/* between them */
	struct window	 win[WINDOWS_MAX];
	size_t		 whead, wtail;
	struct snapshot	*settled;	/* S1 when no window is there */
};

struct order *
order_new(size_t entries, uint64_t first, struct snapshot *s1)
{
	struct order	*o;
	size_t		 size = 1024;

	if ((o = calloc(1, sizeof(*o))) == NULL)
		return (NULL);
	while (size < entries)
		size *= 2;
	if ((o->v = calloc(size, sizeof(o->v[0]))) == NULL) {
		free(o);
		return (NULL);
	}
	o->size = size;
	o->head = o->tail = first;
	o->settled = snapshot_ref(s1);
	return (o);
}

static struct window *
window_at(struct order *o, size_t i)
{
	return (&o->win[i % WINDOWS_MAX]);
}

static void
window_drop(struct order *o)
{
	struct window	*w = window_at(o, o->whead++);

	snapshot_unref(w->s1);
	snapshot_unref(w->s2);
}

void
order_free(struct order *o)
{
	if (o == NULL)
		return;
	while (o->whead != o->wtail)
		window_drop(o);
	snapshot_unref(o->settled);
	free(o->v);
	free(o);
}

int
order_open(struct order *o, struct snapshot *s1, struct snapshot *s2,
    int64_t last_id)
{
	struct window	*w;

	if (!order_window_room(o)) {
		errno = ENOBUFS;
		return (-1);
	}
	w = window_at(o, o->wtail++);
	w->s1 = snapshot_ref(s1);
	w->s2 = snapshot_ref(s2);
	w->end = o->tail;
	w->last_id = last_id;
	w->begun = last_id != 0;
	w->closed = false;
	return (0);
}

void
order_close(struct order *o)
{
	window_at(o, o->wtail - 1)->closed = true;
}

size_t
order_room(const struct order *o)
{
	return (o->size - (size_t)(o->tail - o->head));
}

bool
order_window_room(const struct order *o)
{
	return (o->wtail - o->whead < WINDOWS_MAX);
}

static struct entry *
entry_at(const struct order *o, uint64_t seq)
{
	return (&o->v[seq & (o->size - 1)]);
}

uint64_t
order_push(struct order *o, int64_t id)
{
	struct entry	*e = entry_at(o, o->tail);

	e->id = id;
	e->state = ORDER_LIVE;
	window_at(o, o->wtail - 1)->end = ++o->tail;
	return (o->tail - 1);
}

bool
order_settle(struct order *o, uint64_t seq)
{
	struct entry	*e = entry_at(o, seq);

	if (seq < o->head)
		return (false);
	o->nsettled += e->state != ORDER_SETTLED;
	e->state = ORDER_SETTLED;
	return (true);
}

void
order_stuck(struct order *o, uint64_t seq)
{
	if (seq >= o->head && entry_at(o, seq)->state == ORDER_LIVE)
		entry_at(o, seq)->state = ORDER_STUCK;
}

/* Windows whose events are all behind the position become the new S1. */
static void
windows_finish(struct order *o)
{
	struct window	*w;

	while (o->whead != o->wtail) {
		w = window_at(o, o->whead);
		if (!w->closed || w->end != o->head)
			return;
		snapshot_unref(o->settled);
		o->settled = snapshot_ref(w->s2);
		window_drop(o);
	}
}

/* On a quiet outbox each event is a window of its own. */
static bool
worth_passing(const struct order *o)
{
	const uint64_t	n = o->tail - o->head;

	return (n > o->size / 2 || o->wtail - o->whead > WINDOWS_MAX / 2 ||
	    (o->nsettled >= WORTH_HOLDING && o->nsettled * 4 >= n * 3));
}

static bool
may_pass(const struct order *o, const struct entry *e, bool force)
{
	return (e->state != ORDER_LIVE || (force && worth_passing(o)));
}

int64_t
order_advance(struct order *o, bool force,
    int (*hold)(int64_t id, void *), void *arg)
{
	struct entry	*e;
	struct window	*w;
	int64_t		 n = 0;

	windows_finish(o);
	while (o->head != o->tail) {
		e = entry_at(o, o->head);
		if (!may_pass(o, e, force))
			break;
		if (e->state != ORDER_SETTLED && hold(e->id, arg) == -1)
			return (-1);
		w = window_at(o, o->whead);
		w->last_id = e->id;
		w->begun = true;
		o->nsettled -= e->state == ORDER_SETTLED;
		o->head++;
		n++;
		windows_finish(o);
	}
	return (n);
}

int
order_finish(struct order *o, int (*hold)(int64_t id, void *), void *arg)
{
	uint64_t	last = o->tail, seq;

	while (last > o->head &&
	    entry_at(o, last - 1)->state != ORDER_SETTLED)
		last--;
	for (seq = o->head; seq < last; seq++)
		order_stuck(o, seq);
	return (order_advance(o, false, hold, arg) == -1 ? -1 : 0);
}

void
order_position(const struct order *o, struct position *p)
{
	const struct window	*w = &o->win[o->whead % WINDOWS_MAX];

	p->s1 = o->settled;
	p->s2 = NULL;
	p->last_id = 0;
	if (o->whead == o->wtail)
		return;
	p->s1 = w->s1;
	if (w->begun) {
		p->s2 = w->s2;
		p->last_id = w->last_id;
	}
}

size_t
order_count(const struct order *o)
{
	return ((size_t)(o->tail - o->head));
}
