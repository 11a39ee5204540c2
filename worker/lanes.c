/* SPDX-License-Identifier: ISC */
/* Lanes: what each may do next, and when. */
#include "worker/lanes.h"

#include <errno.h>
#include <stdlib.h>

#include "worker/lane.h"
#include "worker/pool.h"

struct lanes *
lanes_new(const struct lanes_conf *conf, const struct lanes_ops *ops,
    void *arg)
{
	struct lanes	*ls;

	if ((ls = calloc(1, sizeof(*ls))) == NULL)
		return (NULL);
	ls->conf = *conf;
	ls->ops = *ops;
	ls->arg = arg;
	ls->random = conf->seed | 1;
	TAILQ_INIT(&ls->ready);
	TAILQ_INIT(&ls->want);
	TAILQ_INIT(&ls->flight);
	ls->lane_pool = pool_new(sizeof(struct lane));
	ls->away_pool = pool_new(sizeof(struct away_node));
	if (ls->lane_pool == NULL || ls->away_pool == NULL) {
		lanes_free(ls);
		return (NULL);
	}
	return (ls);
}

void
lanes_free(struct lanes *ls)
{
	if (ls == NULL)
		return;
	pool_free(ls->lane_pool);
	pool_free(ls->away_pool);
	free(ls->map.v);
	free(ls->heap.v);
	free(ls);
}

/* The lane of a hash, made when there is none; NULL with errno. */
struct lane *
lane_get(struct lanes *ls, uint64_t hash)
{
	struct lane	*l;

	if ((l = lane_map_find(&ls->map, hash)) != NULL)
		return (l);
	if (lane_heap_reserve(&ls->heap, pool_used(ls->lane_pool) + 1) == -1 ||
	    (l = pool_get(ls->lane_pool)) == NULL)
		return (NULL);
	l->hash = hash;
	TAILQ_INIT(&l->queue);
	if (lane_map_add(&ls->map, l) == -1) {
		pool_put(ls->lane_pool, l);
		return (NULL);
	}
	return (l);
}

static void
list_set(struct lanes *ls, struct lane *l, enum lane_list list)
{
	if (l->list == list)
		return;
	if (l->list == LANE_READY)
		TAILQ_REMOVE(&ls->ready, l, link);
	else if (l->list == LANE_WANT)
		TAILQ_REMOVE(&ls->want, l, link);
	l->list = list;
	if (list == LANE_READY)
		TAILQ_INSERT_TAIL(&ls->ready, l, link);
	else if (list == LANE_WANT)
		TAILQ_INSERT_TAIL(&ls->want, l, link);
}

static void
failing_set(struct lanes *ls, struct lane *l, int64_t since)
{
	if (since != 0 && l->failing_us == 0)
		ls->nfailing++;
	else if (since == 0 && l->failing_us != 0)
		ls->nfailing--;
	l->failing_us = since;
}

static void
lane_free(struct lanes *ls, struct lane *l)
{
	list_set(ls, l, LANE_NOWHERE);
	failing_set(ls, l, 0);
	if (l->heap != 0) {
		lane_heap_remove(&ls->heap, l);
		ls->nwaiting--;
	}
	lane_map_remove(&ls->map, l);
	pool_put(ls->lane_pool, l);
}

/* Everything came back: the next attempt begins with the first again. */
static void
queue_rewind(struct lane *l)
{
	struct parcel	*e;

	TAILQ_FOREACH(e, &l->queue, in_lane) {
		if (e->state != PARCEL_RETURNED)
			break;
		e->state = PARCEL_QUEUED;
		l->released |= e->released;
	}
	l->cursor = TAILQ_FIRST(&l->queue);
}

/* The bytes are gone; or others got on while this one failed: then it is
 * the key, not the sink. */
static bool
should_evict(const struct lanes *ls, const struct lane *l)
{
	return (l->released || (l->failing_us != 0 &&
	    ls->delivered_us > l->failing_us &&
	    ls->now - l->failing_us > ls->conf.evict_after_us));
}

/* Wait until due, but look earlier whether to give memory back. */
static void
lane_wait(struct lanes *ls, struct lane *l)
{
	int64_t	wake = l->due_us, look = ls->now + ls->conf.evict_after_us;

	if (should_evict(ls, l))
		lane_evict(ls, l);
	if (!TAILQ_EMPTY(&l->queue) && look < wake)
		wake = look;
	if (l->heap == 0)
		ls->nwaiting++;
	lane_heap_put(&ls->heap, l, wake);
}

void
lane_update(struct lanes *ls, struct lane *l)
{
	if (l->failed) {
		list_set(ls, l, LANE_NOWHERE);
		if (l->offered == 0 && l->heap == 0) {
			queue_rewind(l);
			lane_wait(ls, l);
		}
		return;
	}
	if (l->fetching > 0)
		list_set(ls, l, LANE_NOWHERE);
	else if (l->cursor != NULL && (ls->conf.fifo || l->offered == 0))
		list_set(ls, l, LANE_READY);
	else if (!TAILQ_EMPTY(&l->queue))
		list_set(ls, l, LANE_NOWHERE);
	else if (l->away_first != NULL)
		list_set(ls, l, LANE_WANT);
	else
		lane_free(ls, l);
}

int
lanes_add(struct lanes *ls, struct parcel *e)
{
	struct lane	*l;

	if ((l = lane_get(ls, e->lane_hash)) == NULL)
		return (-1);
	if (l->away_first != NULL || l->fetching > 0)
		return (lane_append_away(ls, l, e->id, e->seq));
	e->lane = l;
	e->state = PARCEL_QUEUED;
	TAILQ_INSERT_TAIL(&l->queue, e, in_lane);
	if (l->cursor == NULL)
		l->cursor = e;
	lane_update(ls, l);
	return (1);
}

static void
offer(struct lanes *ls, struct lane *l, struct parcel *e)
{
	l->cursor = TAILQ_NEXT(e, in_lane);
	l->offered++;
	e->state = PARCEL_OFFERED;
	e->offer = ++ls->offers;
	e->offered_us = ls->now;
	e->attempts++;
	TAILQ_INSERT_TAIL(&ls->flight, e, in_flight);
	ls->noffered++;
}

size_t
lanes_take(struct lanes *ls, struct parcel **v, size_t max, int64_t now)
{
	struct lane	*l;
	size_t		 n = 0;

	ls->now = now;
	while (n < max && (l = TAILQ_FIRST(&ls->ready)) != NULL) {
		do {
			v[n] = l->cursor;
			offer(ls, l, v[n++]);
		} while (ls->conf.fifo && l->cursor != NULL && n < max);
		if (!ls->conf.fifo || l->cursor == NULL)
			list_set(ls, l, LANE_NOWHERE);
	}
	return (n);
}

static void
flight_leave(struct lanes *ls, struct parcel *e)
{
	TAILQ_REMOVE(&ls->flight, e, in_flight);
	ls->noffered--;
	e->lane->offered--;
	e->lane->slow = false;
}

void
lanes_untake(struct lanes *ls, struct parcel *e)
{
	struct lane	*l = e->lane;

	flight_leave(ls, e);
	e->state = PARCEL_QUEUED;
	e->attempts--;
	l->cursor = e;
	if (l->failed) {
		lane_update(ls, l);
		return;
	}
	list_set(ls, l, LANE_NOWHERE);
	l->list = LANE_READY;
	TAILQ_INSERT_HEAD(&ls->ready, l, link);
}

void
lanes_done(struct lanes *ls, struct parcel *e, bool delivered, int64_t now)
{
	struct lane	*l = e->lane;

	ls->now = now;
	flight_leave(ls, e);
	TAILQ_REMOVE(&l->queue, e, in_lane);
	if (delivered)
		ls->delivered_us = now;
	if (!l->failed) {
		l->fails = 0;
		failing_set(ls, l, 0);
	}
	lane_update(ls, l);
}

bool
lanes_collateral(const struct lanes *ls, const struct parcel *e)
{
	return (ls->conf.fifo && e->offer <= ls->epoch);
}

/* xorshift: jitter needs no system call. */
static uint64_t
random_below(struct lanes *ls, uint64_t bound)
{
	ls->random ^= ls->random << 13;
	ls->random ^= ls->random >> 7;
	ls->random ^= ls->random << 17;
	return (bound == 0 ? 0 : ls->random % bound);
}

/* Exponential, full jitter: uniform between nothing and the step. */
static int64_t
backoff(struct lanes *ls, const struct lane *l)
{
	int64_t		step = ls->conf.backoff_initial_us;
	uint32_t	i;

	for (i = 1; i < l->fails && step < ls->conf.backoff_max_us; i++)
		step *= 2;
	if (step > ls->conf.backoff_max_us)
		step = ls->conf.backoff_max_us;
	return ((int64_t)random_below(ls, (uint64_t)step + 1));
}

static int64_t
failure_count(struct lanes *ls, struct lane *l, int64_t min_us)
{
	int64_t	delay;

	l->fails++;
	if (l->failing_us == 0)
		failing_set(ls, l, ls->now);
	if (ls->conf.fifo)
		ls->epoch = ls->offers;
	delay = backoff(ls, l);
	return (ls->now + (delay < min_us ? min_us : delay));
}

void
lanes_retry(struct lanes *ls, struct parcel *e, int64_t min_us, int64_t now)
{
	struct lane	*l = e->lane;
	int64_t		 due = now;

	ls->now = now;
	if (lanes_collateral(ls, e))
		e->attempts--;
	else
		due = failure_count(ls, l, min_us);
	if (!l->failed || due > l->due_us)
		l->due_us = due;
	l->failed = true;
	flight_leave(ls, e);
	e->state = PARCEL_RETURNED;
	lane_update(ls, l);
}

int64_t
lanes_failing_since(const struct parcel *e)
{
	return (e->lane->failing_us);
}

void
lanes_tick(struct lanes *ls, int64_t now)
{
	struct lane	*l;

	ls->now = now;
	while (ls->heap.n > 0 && (l = ls->heap.v[0])->wake_us <= now) {
		if (l->due_us > now) {
			lane_wait(ls, l);
			continue;
		}
		lane_heap_remove(&ls->heap, l);
		ls->nwaiting--;
		l->failed = false;
		lane_update(ls, l);
	}
}

int64_t
lanes_next(const struct lanes *ls)
{
	return (ls->heap.n == 0 ? INT64_MAX : ls->heap.v[0]->wake_us);
}

void
lanes_stat(const struct lanes *ls, struct lanes_stat *st)
{
	st->lanes = pool_used(ls->lane_pool);
	st->offered = ls->noffered;
	st->waiting = ls->nwaiting;
	st->failing = ls->nfailing;
	st->delivered_us = ls->delivered_us;
	st->away = ls->naway;
	st->ready = !TAILQ_EMPTY(&ls->ready);
	st->wants = !TAILQ_EMPTY(&ls->want);
}

const struct parcel *
lanes_oldest(const struct lanes *ls)
{
	return (TAILQ_FIRST(&ls->flight));
}

bool
lanes_is_failing(const struct lanes *ls, uint64_t hash)
{
	const struct lane	*l = lane_map_find(&ls->map, hash);

	return (l != NULL && l->failing_us != 0);
}
