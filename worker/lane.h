/* SPDX-License-Identifier: ISC */
/* What the files of the lanes share; nobody else includes this. */
#ifndef TIDE_WORKER_LANE_H
#define TIDE_WORKER_LANE_H

#include <sys/queue.h>

#include "worker/lanes.h"

struct pool;

struct away_node {
	int64_t		 id;
	uint64_t	 seq;
	struct away_node *next;
};

enum lane_list {
	LANE_NOWHERE,
	LANE_READY,		/* has an event to offer */
	LANE_WANT		/* has ids to read again */
};

/*
 * The queue holds offered and returned events in front of queued ones;
 * cursor is the first queued one.  Ids away follow the queue.
 */
struct lane {
	uint64_t	 hash;
	struct parcel_list queue;
	struct parcel	*cursor;
	struct away_node *away_first, *away_last;
	TAILQ_ENTRY(lane) link;		/* by list */
	int64_t		 due_us;	/* next attempt */
	int64_t		 wake_us;	/* key in the heap */
	int64_t		 failing_us;	/* since; 0: is not */
	size_t		 heap;		/* place + 1, 0: not in it */
	size_t		 naway;
	uint32_t	 offered;	/* events with the sink */
	uint32_t	 fetching;	/* wanted, not yet back */
	uint32_t	 fails;		/* in a row, for the back-off */
	uint32_t	 attempts;	/* of a first event that was evicted */
	enum lane_list	 list;
	bool		 failed;	/* stopped until due_us */
	bool		 slow;		/* evicted behind a slow event */
	bool		 released;	/* an event lost its bytes */
};
TAILQ_HEAD(lane_queue, lane);

struct lane_heap {
	struct lane	**v;
	size_t		  n, size;
};

struct lane_map {
	struct lane	**v;
	size_t		  n, size;	/* size is a power of two */
};

struct lanes {
	struct lanes_conf conf;
	struct lanes_ops ops;
	void		*arg;
	struct pool	*lane_pool, *away_pool;
	struct lane_map	 map;
	struct lane_heap heap;
	struct lane_queue ready, want;
	struct parcel_list flight;	/* offered, oldest first */
	uint64_t	 offers;
	uint64_t	 epoch;		/* fifo: offers up to here are
					 * drawn along by a failure */
	uint64_t	 random;
	int64_t		 now;		/* of the call in progress */
	int64_t		 delivered_us;	/* last time anything was */
	size_t		 noffered, nwaiting, nfailing, naway;
};

/* lanes.c */
/* Look again at what the lane can do; it may be gone afterwards. */
void	lane_update(struct lanes *, struct lane *);
struct lane *lane_get(struct lanes *, uint64_t hash);

/* lanes_away.c */
int	lane_append_away(struct lanes *, struct lane *, int64_t id,
	    uint64_t seq);
/* Turn the events that are not with the sink into ids. */
void	lane_evict(struct lanes *, struct lane *);

/* lane_map.c */
struct lane *lane_map_find(const struct lane_map *, uint64_t hash);
int	lane_map_add(struct lane_map *, struct lane *);
void	lane_map_remove(struct lane_map *, struct lane *);

/* lane_heap.c */
int	lane_heap_reserve(struct lane_heap *, size_t n);
void	lane_heap_put(struct lane_heap *, struct lane *, int64_t wake_us);
void	lane_heap_remove(struct lane_heap *, struct lane *);

#endif
