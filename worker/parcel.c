/* SPDX-License-Identifier: ISC */
/* The table of events in memory and their tokens. */
#include "worker/parcel.h"

#include <errno.h>
#include <stdlib.h>

#include "worker/pool.h"
#include "worker/slab.h"

struct parcel_table {
	struct pool	 *pool;
	struct slab_pool *slabs;
	struct parcel	**slots;	/* NULL: not in use */
	uint32_t	 *counters;	/* outlive the event in the slot */
	uint32_t	 *idle;		/* stack of slots not in use */
	size_t		  nidle;
	size_t		  size;
};

struct parcel_table *
parcel_table_new(struct slab_pool *slabs)
{
	struct parcel_table	*t;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		return (NULL);
	t->slabs = slabs;
	if ((t->pool = pool_new(sizeof(struct parcel))) == NULL) {
		free(t);
		return (NULL);
	}
	return (t);
}

void
parcel_table_free(struct parcel_table *t)
{
	size_t	i;

	if (t == NULL)
		return;
	for (i = 0; i < t->size; i++)
		if (t->slots[i] != NULL)
			parcel_release(t, t->slots[i]);
	pool_free(t->pool);
	free(t->slots);
	free(t->counters);
	free(t->idle);
	free(t);
}

static int
table_grow(struct parcel_table *t)
{
	const size_t	  size = t->size == 0 ? 256 : t->size * 2;
	struct parcel	**slots;
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

struct parcel *
parcel_new(struct parcel_table *t)
{
	struct parcel	*e;

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
parcel_release(struct parcel_table *t, struct parcel *e)
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
parcel_free(struct parcel_table *t, struct parcel *e)
{
	parcel_release(t, e);
	t->slots[e->slot] = NULL;
	t->counters[e->slot] = e->counter + 1;
	t->idle[t->nidle++] = e->slot;
	pool_put(t->pool, e);
}

size_t
parcel_count(const struct parcel_table *t)
{
	return (pool_used(t->pool));
}

uint64_t
parcel_token(struct parcel *e)
{
	e->counter++;
	return ((uint64_t)e->slot << 32 | e->counter);
}

struct parcel *
parcel_by_token(const struct parcel_table *t, uint64_t token)
{
	const uint64_t	 slot = token >> 32;
	struct parcel	*e;

	if (slot >= t->size || (e = t->slots[slot]) == NULL ||
	    e->counter != (uint32_t)token || e->state != PARCEL_OFFERED)
		return (NULL);
	return (e);
}
