/* SPDX-License-Identifier: ISC */
/*
 * The relay's parts and what its files share; nobody else includes this.
 *
 *	relay.c		life: start, run, end
 *	relay_attach.c	session, lock, checkpoint row, held events
 *	relay_server.c	what to do when the server has changed
 *	relay_intake.c	rows become parcels in lanes
 *	relay_deliver.c	parcels to the sink, outcomes back
 *	relay_pump.c	one turn: everything that can move, moves
 *	relay_bell.c	when to poll, when to say that we are idle
 *	relay_end.c	drain, fatal ends, the last checkpoint
 *	relay_report.c	metrics and health
 */
#ifndef TIDE_WORKER_RELAY_INT_H
#define TIDE_WORKER_RELAY_INT_H

#include <event2/event.h>

#include "worker/breaker.h"
#include "worker/encode.h"
#include "worker/lanes.h"
#include "worker/relay.h"
#include "worker/relay_attach.h"
#include "worker/relay_bell.h"
#include "worker/relay_deliver.h"
#include "worker/relay_end.h"
#include "worker/relay_report.h"
#include "worker/relay_server.h"

#define RELAY_SMALL_WINDOW	4096	/* rows that are sorted, not walked */
#define RELAY_CHUNK_MAX		5000u	/* rows in one request */
#define RELAY_INLINE_MAX	(1024 * 1024)	/* larger rows come alone */
#define RELAY_HELD_MAX		1000000u
#define RELAY_FAILING_MAX	200000u		/* lanes */
#define RELAY_LETTERS_MAX	1000u
#define RELAY_EVICT_US		INT64_C(1000000)
/* Sequence numbers of held events come before those of the windows. */
#define RELAY_SEQ_FIRST		(UINT64_C(1) << 40)

struct checkpoint;
struct deadletters;
struct held;
struct order;
struct parcel;
struct parcel_table;
struct pg_session;
struct reader;
struct refetch;
struct slab_pool;
struct snapshot;

enum relay_life {
	RELAY_NEW,
	RELAY_CONNECTING,
	RELAY_STANDBY,		/* another host has the pipeline */
	RELAY_ATTACHING,	/* the lock is ours */
	RELAY_RUNNING,
	RELAY_ENDING,
	RELAY_ENDED
};

struct relay {
	struct relay_env env;
	enum relay_life	 life;
	struct event	*pump;		/* active when something changed */
	struct event	*timer;		/* the next thing that is due */
	struct event	*retry;		/* connect or lock again */
	int64_t		 timer_us;
	unsigned int	 connects;	/* failed in a row */
	int64_t		 running_us;	/* since */

	struct pg_session *session;
	struct attachment at;
	struct reader	*reader;
	struct refetch	*refetch;
	struct checkpoint *checkpoint;
	struct order	*order;
	struct held	*held;
	struct deadletters *letters;
	struct lanes	*lanes;
	struct slab_pool *slabs;
	struct parcel_table *parcels;
	struct encoder	 encoder;
	struct breaker	 breaker;
	struct bell	 bell;
	struct ending	 ending;
	struct delivered_mark mark;
	struct report	 report;

	uint64_t	 held_seq;	/* of the next held event */
	size_t		 row_bytes;	/* what a row takes, on average */
	int64_t		 read_after_us;	/* a statement failed: pause */
	bool		 blocked;	/* the sink accepts no more for now */
	bool		 held_full;
	int64_t		 blind_us;	/* memory was emptied blindly */
	struct parcel	**taken;	/* batch_size */
	struct pgtide_msg *msgs;
};

/* relay.c */
int	relay_delivery_open(struct relay *);
void	relay_attached(struct relay *);
/* A statement failed: end, or try again later. */
void	relay_sql_failed(struct relay *, const char *what,
	    const char *sqlstate, const char *text);
void	relay_no_memory(struct relay *) __attribute__((__noreturn__));

/* relay_pump.c */
int	relay_pump_init(struct relay *);
void	relay_pump_free(struct relay *);
void	relay_kick(struct relay *);	/* have a turn soon */
void	relay_advance(struct relay *);
void	relay_hold_rest(struct relay *);

/* relay_intake.c */
int	relay_intake_open(struct relay *);
void	relay_intake(struct relay *, int64_t now);
uint64_t relay_lane_hash(const struct relay *, int64_t id, const char *key,
	    size_t keylen);

#endif
