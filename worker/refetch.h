/* SPDX-License-Identifier: ISC */
/*
 * Events that are away come back: read by id, refilled into their lanes.
 * Those too large to be read with others come alone.  One request at a
 * time.  Loop thread only.
 */
#ifndef TIDE_WORKER_REFETCH_H
#define TIDE_WORKER_REFETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "worker/lanes.h"

struct event_row;
struct pg_session;
struct refetch;

struct refetch_ops {
	/* The row of an id that was wanted.  1: it was refilled, or dropped
	 * from its lane; 0: no room now; -1 with errno: fatal. */
	int	(*row)(const struct away *, const struct event_row *, void *);
	/* There is no such row any more. */
	void	(*gone)(const struct away *, void *);
	void	(*idle)(void *);
	void	(*failed)(const char *sqlstate, const char *text, void *);
};

struct refetch *refetch_new(struct pg_session *, struct lanes *,
	    const char *events, int64_t inline_max,
	    const struct refetch_ops *, void *arg);
void	refetch_free(struct refetch *);

bool	refetch_ready(const struct refetch *);
/* Length of an event that must come alone and waits for room; 0: none. */
int64_t	refetch_alone(const struct refetch *);
/* Read up to n events that the lanes want, or the one that must come alone.
 * 0, or -1 with errno. */
int	refetch_next(struct refetch *, size_t n);

#endif
