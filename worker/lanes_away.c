/* SPDX-License-Identifier: ISC */
/* Events that are known by their ids alone, and their way back. */
#include <errno.h>
#include <stdlib.h>

#include "worker/lane.h"
#include "worker/pool.h"

/* How many events of a lane are read again at once: one as a probe while
 * it fails, then enough to make the trip worth it. */
#define REFILL_MAX	64

static struct away_node *
node_new(struct lanes *ls, struct lane *l, int64_t id, uint64_t seq)
{
	struct away_node	*n;

	if ((n = pool_get(ls->away_pool)) == NULL)
		return (NULL);
	n->id = id;
	n->seq = seq;
	l->naway++;
	ls->naway++;
	return (n);
}

int
lane_append_away(struct lanes *ls, struct lane *l, int64_t id, uint64_t seq)
{
	struct away_node	*n;

	if ((n = node_new(ls, l, id, seq)) == NULL)
		return (-1);
	if (l->away_last == NULL)
		l->away_first = n;
	else
		l->away_last->next = n;
	l->away_last = n;
	return (0);
}

static int
prepend_away(struct lanes *ls, struct lane *l, int64_t id, uint64_t seq)
{
	struct away_node	*n;

	if ((n = node_new(ls, l, id, seq)) == NULL)
		return (-1);
	n->next = l->away_first;
	l->away_first = n;
	if (l->away_last == NULL)
		l->away_last = n;
	return (0);
}

static void
first_remove(struct lanes *ls, struct lane *l)
{
	struct away_node	*n = l->away_first;

	if ((l->away_first = n->next) == NULL)
		l->away_last = NULL;
	l->naway--;
	ls->naway--;
	pool_put(ls->away_pool, n);
}

/*
 * From the last event towards the first, so that the order stays when
 * memory ends half-way.
 */
void
lane_evict(struct lanes *ls, struct lane *l)
{
	struct parcel	*e;

	while ((e = TAILQ_LAST(&l->queue, parcel_list)) != NULL &&
	    e->state == PARCEL_QUEUED) {
		if (prepend_away(ls, l, e->id, e->seq) == -1)
			break;
		TAILQ_REMOVE(&l->queue, e, in_lane);
		if (TAILQ_EMPTY(&l->queue))
			l->attempts = e->attempts;
		ls->ops.evict(e, ls->arg);
	}
	l->released = false;
	l->cursor = l->offered == 0 ? TAILQ_FIRST(&l->queue) : NULL;
}

void
lanes_evict_slow(struct lanes *ls, int64_t now)
{
	struct parcel	*e;

	ls->now = now;
	TAILQ_FOREACH(e, &ls->flight, in_flight) {
		if (now - e->offered_us <= ls->conf.evict_after_us ||
		    ls->delivered_us <= e->offered_us)
			break;
		if (e->lane->slow || e->lane->cursor == NULL)
			continue;
		e->lane->slow = true;
		lane_evict(ls, e->lane);
		lane_update(ls, e->lane);
	}
}

void
lanes_evict_failing(struct lanes *ls, int64_t now)
{
	struct lane	*l;
	size_t		 i;

	ls->now = now;
	for (i = 0; i < ls->heap.n; i++) {
		l = ls->heap.v[i];
		if (l->failing_us != 0 &&
		    now - l->failing_us > ls->conf.evict_after_us)
			lane_evict(ls, l);
	}
}

int
lanes_add_away(struct lanes *ls, uint64_t hash, int64_t id, uint64_t seq)
{
	struct lane	*l;

	if ((l = lane_get(ls, hash)) == NULL ||
	    lane_append_away(ls, l, id, seq) == -1)
		return (-1);
	lane_update(ls, l);
	return (0);
}

static size_t
lane_want(struct lanes *ls, struct lane *l, struct away *v, size_t max)
{
	const size_t	most = l->failing_us != 0 ? 1 : REFILL_MAX;
	size_t		n;

	for (n = 0; n < max && n < most && l->away_first != NULL; n++) {
		v[n].id = l->away_first->id;
		v[n].seq = l->away_first->seq;
		v[n].lane = l;
		l->fetching++;
		first_remove(ls, l);
	}
	return (n);
}

size_t
lanes_want(struct lanes *ls, struct away *v, size_t max)
{
	struct lane	*l;
	size_t		 n = 0;

	while (n < max && (l = TAILQ_FIRST(&ls->want)) != NULL) {
		n += lane_want(ls, l, v + n, max - n);
		lane_update(ls, l);
	}
	return (n);
}

void
lanes_refill(struct lanes *ls, const struct away *a, struct parcel *e)
{
	struct lane	*l = a->lane;

	l->fetching--;
	e->id = a->id;
	e->seq = a->seq;
	e->lane_hash = l->hash;
	e->lane = l;
	e->state = PARCEL_QUEUED;
	if (TAILQ_EMPTY(&l->queue)) {
		e->attempts = l->attempts;
		l->attempts = 0;
	}
	TAILQ_INSERT_TAIL(&l->queue, e, in_lane);
	if (l->cursor == NULL)
		l->cursor = e;
	lane_update(ls, l);
}

int
lanes_unwant(struct lanes *ls, const struct away *a)
{
	if (prepend_away(ls, a->lane, a->id, a->seq) == -1)
		return (-1);
	a->lane->fetching--;
	lane_update(ls, a->lane);
	return (0);
}

void
lanes_drop(struct lanes *ls, const struct away *a)
{
	a->lane->fetching--;
	lane_update(ls, a->lane);
}
