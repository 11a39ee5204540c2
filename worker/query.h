/* SPDX-License-Identifier: ISC */
/*
 * The statements that read events: the reading rule itself.
 *
 * A row has the columns id, created_at, key, length, payload, headers.
 * Length is that of key, payload and headers as text; payload and headers
 * are NULL when it is beyond the limit that was asked for.
 */
#ifndef TIDE_WORKER_QUERY_H
#define TIDE_WORKER_QUERY_H

enum query {
	/* What is new, if it is little.  $1 S1, $2 at most so many rows,
	 * $3 so many of them, $4 created since, $5 inline limit, $6
	 * generation, $7 S2 if it is not the snapshot of now.  The first row
	 * is not an event: its key is S2, its length the number of new rows,
	 * $2 + 1 meaning "more"; then no event follows. */
	QUERY_POLL,
	/* Lowest and highest id that began after S1.  $1 S1, $2 S2, $3
	 * generation */
	QUERY_BOUNDS,
	/* The next rows of a window.  $1 S1, $2 S2, $3 above this id, $4 at
	 * most this id (both of what began after S1), $5 above this id
	 * (of what was in progress in S1), $6 so many, $7 created since,
	 * $8 inline limit, $9 generation */
	QUERY_WALK,
	/* Rows by id.  $1 array of ids, $2 inline limit */
	QUERY_FETCH,
	/* Held events with their keys.  $1 group, $2 pipeline, $3 shard.
	 * Columns id, whether the row is there, key */
	QUERY_HELD,
	QUERY_MAX
};

/* The text for this table of events (quoted and qualified); the caller
 * frees it.  NULL with errno. */
char	*query_text(enum query, const char *events);

#endif
