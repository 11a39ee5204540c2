/* SPDX-License-Identifier: ISC */
/*
 * The delivery order in memory, and the position up to which it is settled.
 *
 * A window is what the snapshot S2 shows and S1 does not, ordered by id.
 * Windows follow each other; each event gets the next seq.  The position
 * (S1, S2, last_id) says: everything S1 shows is settled, and of the open
 * window everything up to last_id, but for the held ids.  It moves when the
 * oldest event is settled, or is stuck and therefore held.
 * Loop thread only.
 */
#ifndef TIDE_WORKER_ORDER_H
#define TIDE_WORKER_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct order;
struct snapshot;

struct position {
	struct snapshot	*s1;
	struct snapshot	*s2;		/* NULL: no window is open */
	int64_t		 last_id;
};

/* entries: how many events may be ahead of the position at most; first: the
 * first seq; s1: all that is settled. */
struct order *order_new(size_t entries, uint64_t first, struct snapshot *s1);
void	order_free(struct order *);

/* The next window begins, behind last_id of it.  It takes references of
 * its own.  0, or -1 with errno. */
int	order_open(struct order *, struct snapshot *s1, struct snapshot *s2,
	    int64_t last_id);
/* All its events were pushed. */
void	order_close(struct order *);
/* How many events, and whether another window, may be pushed. */
size_t	order_room(const struct order *);
bool	order_window_room(const struct order *);
/* The next event of the open window; its seq. */
uint64_t order_push(struct order *, int64_t id);
/* It is settled: false when the position had passed it (it was held). */
bool	order_settle(struct order *, uint64_t seq);
/* Its key is stuck: the position may pass it. */
void	order_stuck(struct order *, uint64_t seq);

/*
 * Move the position as far as it goes.  hold is called for each id that is
 * passed unsettled; -1 ends it.  With force (the oldest event is slow) it is
 * passed though it is not stuck, when much was settled after it, which a
 * crash would repeat, or room runs out.  Returns how many events were
 * passed or settled, -1 with errno when hold failed.
 */
int64_t	order_advance(struct order *, bool force,
	    int (*hold)(int64_t id, void *), void *arg);
/*
 * For the end: everything settled is to lie behind the position, so whatever
 * is unsettled in front of it is held.  0, or -1 with errno.
 */
int	order_finish(struct order *, int (*hold)(int64_t id, void *),
	    void *arg);
void	order_position(const struct order *, struct position *);
size_t	order_count(const struct order *);

#endif
