/* SPDX-License-Identifier: ISC */
/* Fixed-size objects from chunks, with a free list through the objects. */
#include "worker/pool.h"

#include <stdlib.h>
#include <string.h>

#define POOL_CHUNK	256		/* objects */

struct pool_item {
	struct pool_item *next;
};

struct pool {
	size_t		  objsize;
	size_t		  used;
	struct pool_item *idle;
	struct pool_item *chunks;	/* each begins with its link */
};

/* Keeps objects aligned for any type. */
static size_t
round_up(size_t n)
{
	const size_t	a = _Alignof(max_align_t);

	return ((n + a - 1) / a * a);
}

struct pool *
pool_new(size_t objsize)
{
	struct pool	*p;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		return (NULL);
	p->objsize = round_up(objsize < sizeof(struct pool_item) ?
	    sizeof(struct pool_item) : objsize);
	return (p);
}

void
pool_free(struct pool *p)
{
	struct pool_item	*c;

	if (p == NULL)
		return;
	while ((c = p->chunks) != NULL) {
		p->chunks = c->next;
		free(c);
	}
	free(p);
}

static int
chunk_add(struct pool *p)
{
	const size_t	 head = round_up(sizeof(struct pool_item));
	char		*mem;
	size_t		 i;

	if ((mem = malloc(head + POOL_CHUNK * p->objsize)) == NULL)
		return (-1);
	((struct pool_item *)(void *)mem)->next = p->chunks;
	p->chunks = (struct pool_item *)(void *)mem;
	for (i = POOL_CHUNK; i > 0; i--) {
		struct pool_item *it = (struct pool_item *)(void *)
		    (mem + head + (i - 1) * p->objsize);

		it->next = p->idle;
		p->idle = it;
	}
	return (0);
}

void *
pool_get(struct pool *p)
{
	struct pool_item	*it;

	if (p->idle == NULL && chunk_add(p) == -1)
		return (NULL);
	it = p->idle;
	p->idle = it->next;
	p->used++;
	memset(it, 0, p->objsize);
	return (it);
}

void
pool_put(struct pool *p, void *obj)
{
	struct pool_item	*it = obj;

	it->next = p->idle;
	p->idle = it;
	p->used--;
}

size_t
pool_used(const struct pool *p)
{
	return (p->used);
}
