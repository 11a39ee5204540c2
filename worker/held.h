/* SPDX-License-Identifier: ISC */
/*
 * Held events: ids that the settled position has passed although they are
 * not settled, because their keys are stuck.  The table
 * tide.relay_held_events holds the same set as of the last checkpoint; this
 * module knows what the next one must add and take away.
 *
 * One checkpoint is in flight at a time: held_begin() freezes what it says,
 * held_commit() takes note that it is durable.  Loop thread only.
 */
#ifndef TIDE_WORKER_HELD_H
#define TIDE_WORKER_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct held;

struct held *held_new(void);
void	held_free(struct held *);

/* Known from the table at start.  0, or -1 with errno. */
int	held_load(struct held *, int64_t id);
/* The position passes this id.  0, or -1 with errno. */
int	held_add(struct held *, int64_t id);
/* Settled: true when the id was held.  -1 with errno is out of memory. */
int	held_settle(struct held *, int64_t id);
bool	held_contains(const struct held *, int64_t id);

size_t	held_count(const struct held *);
/* Is there something that the table does not know? */
bool	held_dirty(const struct held *);

/* What the next checkpoint adds and deletes; the arrays are valid until
 * held_commit().  0, or -1 with errno. */
struct held_change {
	const int64_t	*add, *del;
	size_t		 nadd, ndel;
};
int	held_begin(struct held *, struct held_change *);
int	held_commit(struct held *);

#endif
