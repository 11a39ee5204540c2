/* SPDX-License-Identifier: ISC */
/*
 * The doorbell: when everybody who reads an outbox here is idle, publishers
 * are asked to ring.
 *
 * Publishers ring (NOTIFY) only while somebody holds the outbox's advisory
 * lock exclusively, that is, sleeps.  This state machine decides when to
 * take and release the lock and when to wake the workers; it knows neither
 * the database nor the processes, which are behind struct doorbell_ops.
 *
 *	AWAKE	some worker is not idle; no lock
 *	ASKING	all are idle; the question for the lock is out
 *	ARMED	we have the lock, and everybody polls once more: what was
 *		committed before the lock was ours rang no bell
 *	ASLEEP	all idle again; the next publisher rings
 *	GUEST	another host sleeps (or is armed): the bell rings for all
 *		listeners, so we sleep without the lock and ask again now
 *		and then, in case that host is gone
 *	PAUSE	a publisher is in flight: workers poll again in a moment
 *
 * Every doubt ends in a WAKE, which costs a poll and loses nothing.  Times
 * are clock_mono_us(); the caller arms a timer for doorbell_next() after each
 * call.  No threads.
 */
#ifndef TIDE_CATALOG_DOORBELL_H
#define TIDE_CATALOG_DOORBELL_H

#include <stdbool.h>
#include <stdint.h>

#define DOORBELL_NEVER	INT64_MAX

struct doorbell;

enum doorbell_answer {
	DOORBELL_LOCKED,	/* the exclusive lock is ours */
	DOORBELL_PUBLISHER,	/* the shared lock was to be had (and was
				 * given back): a publisher is in flight */
	DOORBELL_SLEEPER,	/* it was not: another host sleeps */
	DOORBELL_ERROR		/* the question failed */
};

enum doorbell_why {		/* labels of METRIC_WAKEUPS */
	DOORBELL_NOTIFY,	/* a publisher rang */
	DOORBELL_ARMING,	/* one more poll under the lock */
	DOORBELL_INFLIGHT,	/* a publisher was in flight */
	DOORBELL_OFFLINE	/* the session, and so the lock, is gone */
};

struct doorbell_ops {
	void	(*wake)(const char *outbox, enum doorbell_why, void *);
	/* Answered later through doorbell_answer(); 0, or -1. */
	int	(*ask)(uint32_t outbox_id, void *);
	/* ring: NOTIFY too, so that guests elsewhere ask for the lock. */
	void	(*release)(uint32_t outbox_id, const char *outbox, bool ring,
		    void *);
};

struct doorbell *doorbell_new(const struct doorbell_ops *, void *);
void	doorbell_free(struct doorbell *);

/* A worker reads this outbox; again is allowed, another outbox too.  0 or
 * -1 with errno. */
int	doorbell_join(struct doorbell *, const char *worker,
	    const char *outbox, uint32_t outbox_id, int64_t now);
void	doorbell_leave(struct doorbell *, const char *worker, int64_t now);
/* Its last poll, up to this xmax, was empty.  Unknown workers are ignored. */
void	doorbell_idle(struct doorbell *, const char *worker, uint64_t xmax,
	    int64_t now);
/* The bell of an outbox rang. */
void	doorbell_ring(struct doorbell *, const char *outbox, int64_t now);
void	doorbell_answered(struct doorbell *, uint32_t outbox_id,
	    enum doorbell_answer, int64_t now);
/* The session is up, or lost with all its locks. */
void	doorbell_online(struct doorbell *, bool, int64_t now);

/* When doorbell_run() wants to be called, DOORBELL_NEVER: not at all. */
int64_t	doorbell_next(const struct doorbell *);
void	doorbell_run(struct doorbell *, int64_t now);
/* "awake", "asleep", ...; for tests and debug lines. */
const char *doorbell_state(const struct doorbell *, const char *outbox);
const char *doorbell_why_name(enum doorbell_why);

#endif
