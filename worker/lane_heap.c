/* SPDX-License-Identifier: ISC */
/* Lanes that wait, the next one to wake on top. */
#include <errno.h>
#include <stdlib.h>

#include "worker/lane.h"

/* Room for n lanes in all, so that putting one cannot fail. */
int
lane_heap_reserve(struct lane_heap *h, size_t n)
{
	struct lane	**v;
	size_t		  size = h->size == 0 ? 64 : h->size;

	while (size < n)
		size *= 2;
	if (size == h->size)
		return (0);
	if ((v = realloc(h->v, size * sizeof(v[0]))) == NULL)
		return (-1);
	h->v = v;
	h->size = size;
	return (0);
}

static void
set(struct lane_heap *h, size_t i, struct lane *l)
{
	h->v[i] = l;
	l->heap = i + 1;
}

static void
sift_up(struct lane_heap *h, size_t i, struct lane *l)
{
	size_t	parent;

	for (; i > 0; i = parent) {
		parent = (i - 1) / 2;
		if (h->v[parent]->wake_us <= l->wake_us)
			break;
		set(h, i, h->v[parent]);
	}
	set(h, i, l);
}

static void
sift_down(struct lane_heap *h, size_t i, struct lane *l)
{
	size_t	child;

	for (; (child = 2 * i + 1) < h->n; i = child) {
		if (child + 1 < h->n &&
		    h->v[child + 1]->wake_us < h->v[child]->wake_us)
			child++;
		if (l->wake_us <= h->v[child]->wake_us)
			break;
		set(h, i, h->v[child]);
	}
	set(h, i, l);
}

void
lane_heap_put(struct lane_heap *h, struct lane *l, int64_t wake_us)
{
	if (l->heap != 0)
		lane_heap_remove(h, l);
	l->wake_us = wake_us;
	sift_up(h, h->n++, l);
}

void
lane_heap_remove(struct lane_heap *h, struct lane *l)
{
	const size_t	 i = l->heap - 1;
	struct lane	*last;

	if (l->heap == 0)
		return;
	l->heap = 0;
	last = h->v[--h->n];
	if (last == l)
		return;
	if (i > 0 && last->wake_us < h->v[(i - 1) / 2]->wake_us)
		sift_up(h, i, last);
	else
		sift_down(h, i, last);
}
