/* SPDX-License-Identifier: ISC */
/*
 * The relay's parts and what its files share; nobody else includes this.
 *
 *	relay.c		life: start, run, end
 *	relay_attach.c	session, lock, checkpoint row, held events
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
#include "worker/relay_report.h"
#include "worker/sinkhost.h"

#define RELAY_SMALL_WINDOW	4096	/* rows that are sorted, not walked */
#define RELAY_CHUNK_MAX		5000u	/* rows in one request */
#define RELAY_INLINE_MAX	(1024 * 1024)	/* larger rows come alone */
#define RELAY_HELD_MAX		1000000u
#define RELAY_SICK_MAX		200000u		/* lanes */
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

/* What relay_attach() said. */
struct attachment {
	int64_t		 epoch;
	uint32_t	 outbox_id;
	char		*events;	/* quoted and qualified */
	char		*start_at;	/* NULL: everything is for us */
	bool		 notify;
	struct snapshot	*s1, *s2;
	int64_t		 last_id;
	uint64_t	 nheld;
	char		*held_sql;
};

struct bell {
	bool		 armed;		/* the catalog answered: it will wake us */
	bool		 woken;		/* while a poll was under way */
	unsigned int	 empties;	/* polls in a row */
	int64_t		 next_us;	/* poll not before this */
};

enum ending_phase { ENDING_SETTLE, ENDING_WRITE, ENDING_OUT };

struct ending {
	enum ending_phase phase;
	enum exit_cause	 cause;		/* CAUSE_STOPPED: drained */
	bool		 lost;		/* the session: nothing to write to */
	int64_t		 deadline_us;
	char		 text[MSG_TEXT_MAX];
};

struct relay {
	struct relay_env env;
	enum relay_life	 life;
	struct event	*pump;		/* active when something changed */
	struct event	*timer;		/* the next thing that is due */
	struct event	*retry;		/* connect or lock again */
	int64_t		 timer_us;
	unsigned int	 connects;	/* failed in a row */

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
	struct report	 report;

	uint64_t	 held_seq;	/* of the next held event */
	size_t		 row_bytes;	/* what a row takes, on average */
	int64_t		 read_after_us;	/* a statement failed: pause */
	bool		 blocked;	/* the sink accepts no more for now */
	bool		 held_full;
	struct parcel	**taken;	/* batch_size */
	struct pgtide_msg *msgs;
};

/* relay_pump.c */
void	relay_kick(struct relay *);	/* have a turn soon */
int	relay_pump_init(struct relay *);
void	relay_pump_free(struct relay *);
void	relay_advance(struct relay *);
void	relay_hold_rest(struct relay *);

/* relay_attach.c */
int	relay_connect(struct relay *);
void	relay_attach_again(struct relay *);	/* a timer went off */
void	relay_detach(struct relay *);	/* everything of this session */

/* relay.c */
int	relay_delivery_open(struct relay *);
void	relay_attached(struct relay *);
/* A statement failed: end, or try again later. */
void	relay_sql_failed(struct relay *, const char *what,
	    const char *sqlstate, const char *text);
void	relay_no_memory(struct relay *) __attribute__((__noreturn__));

/* relay_intake.c */
int	relay_intake_open(struct relay *);
void	relay_intake(struct relay *, int64_t now);
uint64_t relay_lane_hash(const struct relay *, int64_t id, const char *key,
	    size_t keylen);

/* relay_deliver.c */
extern const struct sinkhost_ops relay_sink_ops;
void	relay_deliver(struct relay *, int64_t now);
/* The event's fate is final and durable enough for the position. */
void	relay_settle(struct relay *, int64_t id, uint64_t seq);
/* A dead letter is due. */
struct verdict {
	const char	*error_class;	/* of the table relay_dlq */
	int32_t		 code;
	const char	*text;
	uint32_t	 attempts;
	int64_t		 failing_since;	/* monotonic, 0: just now */
	bool		 parked;	/* the event stays, its key waits */
};
void	relay_bury(struct relay *, int64_t id, uint64_t seq,
	    const struct verdict *, int64_t now);

/* relay_bell.c */
void	relay_bell_init(struct relay *);
bool	relay_bell_due(const struct relay *, int64_t now);
void	relay_bell_rung(struct relay *);
void	relay_bell_found(struct relay *);
void	relay_bell_empty(struct relay *);

/* relay_end.c */
void	relay_end(struct relay *, enum exit_cause, int64_t settle_us,
	    const char *, ...) __attribute__((__format__(__printf__, 4, 5)));
void	relay_end_turn(struct relay *, int64_t now);

#endif
