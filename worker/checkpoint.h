/* SPDX-License-Identifier: ISC */
/*
 * Writes of the checkpoint: position, held events and dead letters in one
 * transaction, one write at a time, at most once an interval.
 *
 * The interval grows when a write becomes slow: a snapshot that somebody
 * holds open elsewhere makes the row's versions pile up.  Loop thread only.
 */
#ifndef TIDE_WORKER_CHECKPOINT_H
#define TIDE_WORKER_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

struct checkpoint;
struct deadletter;
struct deadletters;
struct held;
struct order;
struct pg_session;

struct checkpoint_conf {
	const char	*group, *pipeline;
	int64_t		 epoch;
	int64_t		 interval_us;
};

struct checkpoint_ops {
	/* This letter is part of the write that begins. */
	void	(*dead)(const struct deadletter *, void *);
	/* After that: move the position as far as it goes. */
	void	(*advance)(void *);
	void	(*written)(int64_t took_us, int64_t dead, void *);
	/* The write is repeated by the next checkpoint_tick(), unless the
	 * callee ends the process. */
	void	(*failed)(const char *sqlstate, const char *text, void *);
};

struct checkpoint *checkpoint_new(struct pg_session *,
	    const struct checkpoint_conf *, struct order *, struct held *,
	    struct deadletters *, const struct checkpoint_ops *, void *arg);
void	checkpoint_free(struct checkpoint *);

/* So many events were delivered since the last call. */
void	checkpoint_delivered(struct checkpoint *, int64_t n);
/* Is there anything that the row does not say yet? */
bool	checkpoint_dirty(const struct checkpoint *);
bool	checkpoint_writing(const struct checkpoint *);
/* Write when it is time, or at once when forced.  0, or -1 with errno. */
int	checkpoint_tick(struct checkpoint *, bool force, int64_t now);
/* When checkpoint_tick() has something to do; INT64_MAX: never. */
int64_t	checkpoint_next(const struct checkpoint *);
int64_t	checkpoint_age_us(const struct checkpoint *, int64_t now);

#endif
