/* SPDX-License-Identifier: ISC */
/* The table of events in memory and their tokens. */
#include "worker/event.h"

#include <errno.h>
#include <stdlib.h>

#include "worker/pool.h"
#include "worker/slab.h"

struct event_table {
	struct pool	 *pool;
	struct slab_pool *slabs;
	struct event	**slots;	/* NULL: not in use */
	uint32_t	 *counters;	/* outlive the event in the slot */
	uint32_t	 *idle;		/* stack of slots not in use */
	size_t		  nidle;
	size_t		  size;
};

struct event_table *
event_table_new(struct slab_pool *slabs)
{
	struct event_table	*t;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		return (NULL);
	t->slabs = slabs;
	if ((t->pool = pool_new(sizeof(struct event))) == NULL) {
		free(t);
		return (NULL);
	}
	return (t);
}

void
event_table_free(struct event_table *t)
{
	size_t	i;

	if (t == NULL)
		return;
	for (i = 0; i < t->size; i++)
		if (t->slots[i] != NULL)
			event_release(t, t->slots[i]);
	pool_free(t->pool);
	free(t->slots);
	free(t->counters);
	free(t->idle);
	free(t);
}

static int
table_grow(struct event_table *t)
{
	const size_t	  size = t->size == 0 ? 256 : t->size * 2;
	struct event	**slots;
	uint32_t	 *counters, *idle;
	size_t		  i;

	if (size > UINT32_MAX) {
		errno = ENOMEM;
		return (-1);
	}
	if ((slots = realloc(t->slots, size * sizeof(slots[0]))) == NULL)
		return (-1);
	t->slots = slots;
	if ((counters = realloc(t->counters, size * sizeof(*counters))) ==
	    NULL)
		return (-1);
	t->counters = counters;
	if ((idle = realloc(t->idle, size * sizeof(*idle))) == NULL)
		return (-1);
	t->idle = idle;
	for (i = size; i > t->size; i--) {
		t->slots[i - 1] = NULL;
		t->counters[i - 1] = 0;
		t->idle[t->nidle++] = (uint32_t)(i - 1);
	}
	t->size = size;
	return (0);
}

struct event *
event_new(struct event_table *t)
{
	struct event	*e;

	if (t->nidle == 0 && table_grow(t) == -1)
		return (NULL);
	if ((e = pool_get(t->pool)) == NULL)
		return (NULL);
	e->slot = t->idle[--t->nidle];
	e->counter = t->counters[e->slot];
	t->slots[e->slot] = e;
	return (e);
}

void
event_release(struct event_table *t, struct event *e)
{
	if (e->slab != NULL)
		slab_unref(t->slabs, e->slab);
	e->slab = NULL;
	e->released = true;
	e->identity = e->traceparent = e->key = e->value = NULL;
	e->headers = NULL;
	e->nheaders = 0;
}

void
event_free(struct event_table *t, struct event *e)
{
	event_release(t, e);
	t->slots[e->slot] = NULL;
	t->counters[e->slot] = e->counter + 1;
	t->idle[t->nidle++] = e->slot;
	pool_put(t->pool, e);
}

size_t
event_count(const struct event_table *t)
{
	return (pool_used(t->pool));
}

uint64_t
event_token(struct event *e)
{
	e->counter++;
	return ((uint64_t)e->slot << 32 | e->counter);
}

struct event *
event_by_token(const struct event_table *t, uint64_t token)
{
	const uint64_t	 slot = token >> 32;
	struct event	*e;

	if (slot >= t->size || (e = t->slots[slot]) == NULL ||
	    e->counter != (uint32_t)token || e->state != EVENT_OFFERED)
		return (NULL);
	return (e);
}
