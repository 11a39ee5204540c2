/* SPDX-License-Identifier: ISC */
/*
 * An event in memory: numbers here, its bytes in a slab.
 *
 * Events come from a table of slots.  A token names one attempt of one
 * event: slot in the upper half, a counter that every attempt raises in the
 * lower, so that a late completion finds nothing.  Loop thread only.
 */
#ifndef TIDE_WORKER_PARCEL_H
#define TIDE_WORKER_PARCEL_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lane;
struct pgtide_header;
struct slab;
struct slab_pool;

enum parcel_state {
	PARCEL_QUEUED,		/* waits in its lane */
	PARCEL_OFFERED,		/* with the sink */
	PARCEL_RETURNED		/* came back, waits for the next attempt */
};

struct parcel {
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
	TAILQ_ENTRY(parcel) in_lane;
	TAILQ_ENTRY(parcel) in_flight;
	uint64_t	 offer;		/* number of the offer */
	int64_t		 offered_us;
	uint32_t	 attempts;
	uint32_t	 slot;
	uint32_t	 counter;	/* lower half of the token */
	enum parcel_state state;
};
TAILQ_HEAD(parcel_list, parcel);

struct parcel_table;

struct parcel_table *parcel_table_new(struct slab_pool *);
void	parcel_table_free(struct parcel_table *);
struct parcel *parcel_new(struct parcel_table *);	/* NULL with errno */
void	parcel_free(struct parcel_table *, struct parcel *);
/* Give the bytes back, keep the event. */
void	parcel_release(struct parcel_table *, struct parcel *);
size_t	parcel_count(const struct parcel_table *);

/* A new token for the next attempt. */
uint64_t parcel_token(struct parcel *);
/* The event whose present attempt has this token, or NULL. */
struct parcel *parcel_by_token(const struct parcel_table *, uint64_t);

#endif
