/* SPDX-License-Identifier: ISC */
/*
 * The snapshot cursor: reads what is new, window by window.
 *
 * One request is under way at a time.  A poll takes a new snapshot S2 and,
 * when little is new, brings the rows along; a window that is larger, or
 * whose rows could not all be taken in, is walked by id in chunks.  See
 * query.c for the rule.
 *
 * In a generation that is not the newest nothing commits any more: its S2 is
 * "all", and when that is read the next generation begins, from nothing.
 * Loop thread only.
 */
#ifndef TIDE_WORKER_READER_H
#define TIDE_WORKER_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_row;
struct pg_session;
struct reader;
struct snapshot;

struct reader_conf {
	const char	*events;	/* quoted and qualified table */
	const char	*start_at;	/* events before are not for us; NULL */
	int32_t		 newest;	/* generation of the outbox */
	int64_t		 small_max;	/* rows that are sorted, not walked */
	int64_t		 inline_max;	/* bytes of a row read with others */
};

struct reader_ops {
	/* A window begins behind last_id.  0, or -1 with errno: fatal. */
	int	(*window)(struct snapshot *s1, struct snapshot *s2,
		    int64_t last_id, void *);
	/* Its next event.  1: taken; 0: no room, ask again later; -1 with
	 * errno: fatal. */
	int	(*row)(const struct event_row *, void *);
	/* All events of the window were taken. */
	void	(*window_end)(void *);
	/* A request is done; ask for the next when there is room. */
	void	(*idle)(void *);
	/* A poll found nothing. */
	void	(*empty)(void *);
	/* A statement failed or broke the rule; sqlstate "" is the latter. */
	void	(*failed)(const char *sqlstate, const char *text, void *);
};

/* s2 NULL: no window is open.  NULL with errno. */
struct reader *reader_new(struct pg_session *, const struct reader_conf *,
	    struct snapshot *s1, struct snapshot *s2, int64_t last_id,
	    const struct reader_ops *, void *arg);
void	reader_free(struct reader *);

/* Is no request under way? */
bool	reader_ready(const struct reader *);
/* Would the next request be a poll, which may open a window? */
bool	reader_at_poll(const struct reader *);
/* Ask for up to rows more events.  0, or -1 with errno. */
int	reader_next(struct reader *, size_t rows);
/* What the next poll starts from. */
const struct snapshot *reader_position(const struct reader *);
uint64_t reader_requests(const struct reader *);

#endif
