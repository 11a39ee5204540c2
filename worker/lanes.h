/* SPDX-License-Identifier: ISC */
/*
 * Lanes: the order of events within a key, and their retries.
 *
 * A lane is a key (by its 64-bit hash; two keys that share a hash share a
 * lane, which costs concurrency and nothing else).  Events of a lane go to
 * the sink in order, one at a time, or several when the sink keeps their
 * order itself (fifo).  A lane whose event failed waits; nobody else does.
 *
 * A lane that has been failing for longer than evict_after while others
 * got on gives up its memory: of its events only the ids are kept (they are
 * *away*).  So it is with the events that follow, until the lane heals: then
 * they are wanted, read again by id, and refilled.
 *
 * Nothing in here knows of PostgreSQL, sinks or clocks: the caller passes
 * the time.  Loop thread only.
 */
#ifndef TIDE_WORKER_LANES_H
#define TIDE_WORKER_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "worker/parcel.h"

struct lane;
struct lanes;

struct lanes_conf {
	bool		 fifo;
	int64_t		 backoff_initial_us;
	int64_t		 backoff_max_us;
	int64_t		 evict_after_us;
	uint64_t	 seed;		/* of the jitter */
};

struct lanes_ops {
	/* This event leaves memory, its id stays in the lane; the callee
	 * frees it. */
	void	(*evict)(struct parcel *, void *);
};

/* An event known by its id alone. */
struct away {
	int64_t		 id;
	uint64_t	 seq;
	struct lane	*lane;
};

struct lanes *lanes_new(const struct lanes_conf *, const struct lanes_ops *,
	    void *arg);
void	lanes_free(struct lanes *);	/* not the events in them */

/*
 * An event, its id, seq and lane_hash set.  1: it is in its lane; 0: the
 * lane keeps the id alone and the caller frees the event; -1 with errno.
 */
int	lanes_add(struct lanes *, struct parcel *);
/* As lanes_add() of an event that is not in memory at all.  0 or -1. */
int	lanes_add_away(struct lanes *, uint64_t hash, int64_t id,
	    uint64_t seq);

/* Up to max events that may be offered now; they count as offered. */
size_t	lanes_take(struct lanes *, struct parcel **, size_t max,
	    int64_t now);
/* The sink did not accept this one; the last taken comes first. */
void	lanes_untake(struct lanes *, struct parcel *);

/* The event's fate is final: it leaves its lane, the caller frees it. */
void	lanes_done(struct lanes *, struct parcel *, bool delivered,
	    int64_t now);
/* Would its failure now count, or was it drawn along by an earlier one
 * (fifo)? */
bool	lanes_collateral(const struct lanes *, const struct parcel *);
/* Try again, not sooner than min_us from now. */
void	lanes_retry(struct lanes *, struct parcel *, int64_t min_us,
	    int64_t now);
/* Since when the event's lane has been failing; 0: it is not. */
int64_t	lanes_failing_since(const struct parcel *);

/* Let timers go off; when the next one will, INT64_MAX for never. */
void	lanes_tick(struct lanes *, int64_t now);
int64_t	lanes_next(const struct lanes *);
/* Memory is short: lanes whose event has been with the sink for longer
 * than evict_after give up what waits behind it. */
void	lanes_evict_slow(struct lanes *, int64_t now);

/* The same for every lane that has been failing for longer, although
 * nobody got on: what memory holds is all of their kind. */
void	lanes_evict_failing(struct lanes *, int64_t now);

/* Ids that should be read again now, at most max, ascending per lane. */
size_t	lanes_want(struct lanes *, struct away *, size_t max);
/* One of them was read; lane_hash need not be set. */
void	lanes_refill(struct lanes *, const struct away *, struct parcel *);
/* Could not be taken in now: back to the lane's front; the last wanted
 * comes first.  0 or -1 with errno. */
int	lanes_unwant(struct lanes *, const struct away *);
/* Its row is gone, or its fate was decided without the sink. */
void	lanes_drop(struct lanes *, const struct away *);

struct lanes_stat {
	size_t	lanes;
	size_t	offered;	/* events with the sink */
	size_t	waiting;	/* lanes that wait for their next attempt */
	size_t	failing;	/* lanes */
	size_t	away;		/* ids away */
	int64_t	delivered_us;	/* last time anything was, 0: never */
	bool	ready;		/* lanes_take() would return something */
	bool	wants;		/* lanes_want() would */
};
void	lanes_stat(const struct lanes *, struct lanes_stat *);
/* The event that has been with the sink the longest, or NULL. */
const struct parcel *lanes_oldest(const struct lanes *);
/* Is the lane of this hash failing? */
bool	lanes_is_failing(const struct lanes *, uint64_t hash);

#endif
