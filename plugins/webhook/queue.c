/* SPDX-License-Identifier: ISC */
/*
 * Accepted messages that wait for a request.
 */
#include <stdlib.h>
#include <string.h>

#include "plugins/webhook/queue.h"

int
queue_reserve(struct queue *q, size_t cap)
{
	struct pgtide_msg *ring;
	size_t i;

	if (cap <= q->cap)
		return (0);
	if ((ring = calloc(cap, sizeof(*ring))) == NULL)
		return (-1);
	for (i = 0; i < q->n; i++)
		ring[i] = q->ring[(q->head + i) % q->cap];
	free(q->ring);
	q->ring = ring;
	q->cap = cap;
	q->head = 0;
	return (0);
}

void
queue_fini(struct queue *q)
{
	free(q->ring);
	memset(q, 0, sizeof(*q));
}

bool
queue_is_full(const struct queue *q)
{
	return (q->n == q->cap);
}

void
queue_put(struct queue *q, const struct pgtide_msg *m, size_t size)
{
	struct pgtide_msg *to = &q->ring[(q->head + q->n++) % q->cap];

	if (size > sizeof(*to))
		size = sizeof(*to);
	memset(to, 0, sizeof(*to));
	memcpy(to, m, size);
}

const struct pgtide_msg *
queue_head(const struct queue *q)
{
	return (q->n == 0 ? NULL : &q->ring[q->head]);
}

void
queue_drop(struct queue *q)
{
	q->head = (q->head + 1) % q->cap;
	q->n--;
}
