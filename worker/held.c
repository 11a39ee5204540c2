/* SPDX-License-Identifier: ISC */
/* A hash set of ids with what the database knows about each. */
#include "worker/held.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum held_state {
	HELD_EMPTY = 0,
	HELD_NEW,		/* the table does not know it */
	HELD_SENDING,		/* the checkpoint in flight adds it */
	HELD_SETTLED,		/* as above, and settled meanwhile */
	HELD_STORED
};

struct held_slot {
	int64_t		id;
	enum held_state	state;
};

struct id_list {
	int64_t	*v;
	size_t	 n, size;
};

struct held {
	struct held_slot *slots;
	size_t		 size;		/* a power of two */
	size_t		 n;
	size_t		 nheld;		/* without HELD_SETTLED */
	struct id_list	 fresh;		/* may name ids that were settled */
	struct id_list	 gone;		/* stored and settled */
	struct id_list	 add, del;	/* of the checkpoint in flight */
};

struct held *
held_new(void)
{
	return (calloc(1, sizeof(struct held)));
}

void
held_free(struct held *h)
{
	if (h == NULL)
		return;
	free(h->slots);
	free(h->fresh.v);
	free(h->gone.v);
	free(h->add.v);
	free(h->del.v);
	free(h);
}

static int
list_add(struct id_list *l, int64_t id)
{
	size_t	 size = l->size == 0 ? 64 : l->size * 2;
	int64_t	*v;

	if (l->n == l->size) {
		if ((v = realloc(l->v, size * sizeof(v[0]))) == NULL)
			return (-1);
		l->v = v;
		l->size = size;
	}
	l->v[l->n++] = id;
	return (0);
}

static size_t
home(const struct held *h, int64_t id)
{
	uint64_t	x = (uint64_t)id * 0x9e3779b97f4a7c15u;

	return ((size_t)(x ^ x >> 32) & (h->size - 1));
}

/* Its slot, or the empty one where it would go. */
static struct held_slot *
slot_of(const struct held *h, int64_t id)
{
	size_t	i;

	for (i = home(h, id); h->slots[i].state != HELD_EMPTY &&
	    h->slots[i].id != id; i = (i + 1) & (h->size - 1))
		;
	return (&h->slots[i]);
}

static int
set_grow(struct held *h)
{
	struct held	bigger = *h;
	size_t		i;

	bigger.size = h->size == 0 ? 64 : h->size * 2;
	bigger.slots = calloc(bigger.size, sizeof(bigger.slots[0]));
	if (bigger.slots == NULL)
		return (-1);
	for (i = 0; i < h->size; i++)
		if (h->slots[i].state != HELD_EMPTY)
			*slot_of(&bigger, h->slots[i].id) = h->slots[i];
	free(h->slots);
	*h = bigger;
	return (0);
}

static int
set_put(struct held *h, int64_t id, enum held_state state)
{
	struct held_slot	*s;

	if ((h->n + 1) * 2 > h->size && set_grow(h) == -1)
		return (-1);
	s = slot_of(h, id);
	if (s->state != HELD_EMPTY)
		return (0);
	s->id = id;
	s->state = state;
	h->n++;
	h->nheld++;
	return (0);
}

static void
set_remove(struct held *h, struct held_slot *s)
{
	const size_t	mask = h->size - 1;
	size_t		hole = (size_t)(s - h->slots), i;

	h->n--;
	for (i = (hole + 1) & mask; h->slots[i].state != HELD_EMPTY;
	    i = (i + 1) & mask)
		if (((i - home(h, h->slots[i].id)) & mask) >=
		    ((i - hole) & mask)) {
			h->slots[hole] = h->slots[i];
			hole = i;
		}
	h->slots[hole].state = HELD_EMPTY;
}

int
held_load(struct held *h, int64_t id)
{
	return (set_put(h, id, HELD_STORED));
}

int
held_add(struct held *h, int64_t id)
{
	if (list_add(&h->fresh, id) == -1)
		return (-1);
	return (set_put(h, id, HELD_NEW));
}

bool
held_contains(const struct held *h, int64_t id)
{
	const struct held_slot	*s;

	if (h->n == 0)
		return (false);
	s = slot_of(h, id);
	return (s->state != HELD_EMPTY && s->state != HELD_SETTLED);
}

int
held_settle(struct held *h, int64_t id)
{
	struct held_slot	*s;

	if (!held_contains(h, id))
		return (0);
	s = slot_of(h, id);
	if (s->state == HELD_STORED && list_add(&h->gone, id) == -1)
		return (-1);
	h->nheld--;
	if (s->state == HELD_SENDING)
		s->state = HELD_SETTLED;
	else
		set_remove(h, s);
	return (1);
}

size_t
held_count(const struct held *h)
{
	return (h->nheld);
}

bool
held_dirty(const struct held *h)
{
	return (h->fresh.n > 0 || h->gone.n > 0);
}

int
held_begin(struct held *h, struct held_change *c)
{
	struct id_list		 swap;
	struct held_slot	*s;
	size_t			 i;

	for (i = 0; i < h->fresh.n; i++) {
		s = slot_of(h, h->fresh.v[i]);
		if (s->state != HELD_NEW)
			continue;
		if (list_add(&h->add, s->id) == -1)
			return (-1);
		s->state = HELD_SENDING;
	}
	h->fresh.n = 0;
	swap = h->del;
	h->del = h->gone;
	h->gone = swap;
	h->gone.n = 0;
	c->add = h->add.v;
	c->nadd = h->add.n;
	c->del = h->del.v;
	c->ndel = h->del.n;
	return (0);
}

int
held_commit(struct held *h)
{
	struct held_slot	*s;
	size_t			 i;

	for (i = 0; i < h->add.n; i++) {
		s = slot_of(h, h->add.v[i]);
		if (s->state == HELD_SENDING)
			s->state = HELD_STORED;
		else {
			if (list_add(&h->gone, s->id) == -1)
				return (-1);
			set_remove(h, s);
		}
	}
	h->add.n = 0;
	h->del.n = 0;
	return (0);
}
