/* SPDX-License-Identifier: ISC */
/*
 * Accepted messages that wait for a request: a ring of fixed capacity.
 */
#ifndef PGTIDE_WEBHOOK_QUEUE_H
#define PGTIDE_WEBHOOK_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include <tide/sink.h>

struct queue {
	struct pgtide_msg *ring;
	size_t		 cap, head, n;
};

/* Make room for at least cap; never shrinks.  0 or -1. */
int	queue_reserve(struct queue *, size_t cap);
void	queue_fini(struct queue *);
bool	queue_is_full(const struct queue *);
/* m may be shorter than our struct: size is what the host knows. */
void	queue_put(struct queue *, const struct pgtide_msg *, size_t size);
/* The first one, NULL when there is none. */
const struct pgtide_msg *queue_head(const struct queue *);
void	queue_drop(struct queue *);	/* the first one */

#endif
