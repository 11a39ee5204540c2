/* SPDX-License-Identifier: ISC */
/*
 * An event in memory: numbers here, its bytes in a slab.
 *
 * Events come from a table of slots.  A token names one attempt of one
 * event: slot in the upper half, a counter that every attempt raises in the
 * lower, so that a late completion finds nothing.  Loop thread only.
 */
#ifndef TIDE_WORKER_EVENT_H
#define TIDE_WORKER_EVENT_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lane;
struct pgtide_header;
struct slab;
struct slab_pool;

enum event_state {
	EVENT_QUEUED,		/* waits in its lane */
	EVENT_OFFERED,		/* with the sink */
	EVENT_RETURNED		/* came back, waits for the next attempt */
};

struct event {
	int64_t		 id;
	uint64_t	 seq;		/* place in the delivery order */
	uint64_t	 lane_hash;
	int64_t		 created_us;	/* since 1970 */

	struct slab	*slab;
	bool		 released;	/* the bytes are gone */
	const char	*identity;
	const char	*traceparent;	/* NULL: none */
	const char	*key;		/* NULL: none */
	size_t		 keylen;
	const char	*value;
	size_t		 valuelen;
	const struct pgtide_header *headers;
	size_t		 nheaders;

	/* Owned by the lanes. */
	struct lane	*lane;
	TAILQ_ENTRY(event) in_lane;
	TAILQ_ENTRY(event) in_flight;
	uint64_t	 offer;		/* number of the offer */
	int64_t		 offered_us;
	uint32_t	 attempts;
	uint32_t	 slot;
	uint32_t	 counter;	/* lower half of the token */
	enum event_state state;
};
TAILQ_HEAD(event_list, event);

struct event_table;

struct event_table *event_table_new(struct slab_pool *);
void	event_table_free(struct event_table *);
struct event *event_new(struct event_table *);	/* NULL with errno */
void	event_free(struct event_table *, struct event *);
/* Give the bytes back, keep the event. */
void	event_release(struct event_table *, struct event *);
size_t	event_count(const struct event_table *);

/* A new token for the next attempt. */
uint64_t event_token(struct event *);
/* The event whose present attempt has this token, or NULL. */
struct event *event_by_token(const struct event_table *, uint64_t);

#endif
