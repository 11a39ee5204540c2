/* SPDX-License-Identifier: ISC */
/* Polls, bounds and walks, one request after the other. */
#include "worker/reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/pg/session.h"
#include "worker/query.h"
#include "worker/rows.h"
#include "worker/snapshot.h"

#define NUMBER_SIZE	24

enum reader_state {
	READER_POLL,		/* no window is open */
	READER_BOUNDS,		/* open, its range of ids is not known */
	READER_WALK
};

struct reader {
	struct pg_session *session;
	struct reader_ops ops;
	void		*arg;
	char		*sql[QUERY_MAX];
	char		*start_at;
	int32_t		 newest;
	int64_t		 small_max;
	char		 inline_max[NUMBER_SIZE];

	enum reader_state state;
	struct snapshot	*s1;
	struct snapshot	*s2;		/* of the open window */
	int64_t		 last;		/* last id taken of it */
	int64_t		 low, high;	/* ids of what began after S1 */

	bool		 busy;
	bool		 failed;
	bool		 refused;	/* a row of this answer found no room */
	int64_t		 asked;		/* rows at most */
	int64_t		 expected;	/* poll: how many are new; -1: no
					 * first row yet */
	int64_t		 got;
	uint64_t	 requests;
};

static int
texts_make(struct reader *r, const char *events)
{
	size_t	i;

	for (i = 0; i < QUERY_MAX; i++)
		if ((r->sql[i] = query_text((enum query)i, events)) == NULL)
			return (-1);
	return (0);
}

struct reader *
reader_new(struct pg_session *session, const struct reader_conf *conf,
    struct snapshot *s1, struct snapshot *s2, int64_t last_id,
    const struct reader_ops *ops, void *arg)
{
	struct reader	*r;

	if ((r = calloc(1, sizeof(*r))) == NULL)
		return (NULL);
	r->session = session;
	r->ops = *ops;
	r->arg = arg;
	r->newest = conf->newest;
	r->small_max = conf->small_max;
	(void)snprintf(r->inline_max, sizeof(r->inline_max), "%" PRId64,
	    conf->inline_max);
	r->start_at = strdup(conf->start_at != NULL ? conf->start_at :
	    "-infinity");
	r->s1 = snapshot_ref(s1);
	if (s2 != NULL) {
		r->s2 = snapshot_ref(s2);
		r->last = last_id;
		r->state = READER_BOUNDS;
	}
	if (r->start_at == NULL || texts_make(r, conf->events) == -1 ||
	    (s2 != NULL && ops->window(s1, s2, last_id, arg) == -1)) {
		reader_free(r);
		return (NULL);
	}
	return (r);
}

void
reader_free(struct reader *r)
{
	size_t	i;

	if (r == NULL)
		return;
	for (i = 0; i < QUERY_MAX; i++)
		free(r->sql[i]);
	free(r->start_at);
	snapshot_unref(r->s1);
	snapshot_unref(r->s2);
	free(r);
}

bool
reader_ready(const struct reader *r)
{
	return (!r->busy && !r->failed);
}

bool
reader_at_poll(const struct reader *r)
{
	return (r->state == READER_POLL);
}

const struct snapshot *
reader_position(const struct reader *r)
{
	return (r->s1);
}

uint64_t
reader_requests(const struct reader *r)
{
	return (r->requests);
}

static void
reader_fail(struct reader *r, const char *sqlstate, const char *text)
{
	if (*sqlstate == '\0')
		r->failed = true;
	r->ops.failed(sqlstate, text, r->arg);
}

static void
window_finish(struct reader *r)
{
	snapshot_unref(r->s1);
	r->s1 = r->s2;
	r->s2 = NULL;
	r->last = 0;
	r->state = READER_POLL;
	r->ops.window_end(r->arg);
}

/* One event; those behind one that found no room are asked for again. */
static void
event_take(struct reader *r, const PGresult *res)
{
	struct event_row	er;

	if (r->refused || r->failed)
		return;
	if (!rows_event(res, &er) || (er.row.id <= r->last && r->last != 0)) {
		reader_fail(r, "", "events came malformed or out of order");
		return;
	}
	switch (r->ops.row(&er, r->arg)) {
	case 1:
		r->last = er.row.id;
		r->got++;
		break;
	case 0:
		r->refused = true;
		break;
	default:
		reader_fail(r, "", strerror(errno));
	}
}

/* The first row of a poll: S2 and how much is new. */
static void
poll_begin(struct reader *r, const PGresult *res)
{
	if (!PQgetisnull(res, 0, 0) || !rows_int(res, 3, &r->expected) ||
	    r->expected < 0 || PQgetisnull(res, 0, 2)) {
		reader_fail(r, "", "a poll did not begin with its snapshot");
		return;
	}
	r->s2 = snapshot_parse(PQgetvalue(res, 0, 2),
	    (size_t)PQgetlength(res, 0, 2), snapshot_generation(r->s1));
	if (r->s2 == NULL)
		reader_fail(r, "", "the server's snapshot cannot be read");
	else if (r->expected > 0 && r->ops.window(r->s1, r->s2, 0, r->arg) ==
	    -1)
		reader_fail(r, "", strerror(errno));
}

static bool
generation_is_old(const struct reader *r)
{
	return (snapshot_generation(r->s1) < r->newest);
}

/* All of it was read: nothing of the next one. */
static void
generation_finish(struct reader *r)
{
	struct snapshot	*s;

	s = snapshot_parse(SNAPSHOT_NOTHING, sizeof(SNAPSHOT_NOTHING) - 1,
	    snapshot_generation(r->s1) + 1);
	if (s == NULL) {
		reader_fail(r, "", strerror(errno));
		return;
	}
	snapshot_unref(r->s1);
	r->s1 = s;
}

/*
 * Nothing was new: S1 still becomes S2, so that transactions which had been
 * in progress and wrote no event are not looked up again.
 */
static void
poll_end(struct reader *r)
{
	if (r->expected == 0) {
		snapshot_unref(r->s1);
		r->s1 = r->s2;
		r->s2 = NULL;
		if (generation_is_old(r))
			generation_finish(r);
		else
			r->ops.empty(r->arg);
	} else if (r->got == r->expected)
		window_finish(r);
	else
		r->state = READER_BOUNDS;
}

static void
walk_end(struct reader *r)
{
	if (!r->refused && r->got < r->asked)
		window_finish(r);
}

/* Returns false when the answer is an error, or no answer came at all. */
static bool
answer_ok(struct reader *r, const PGresult *res)
{
	const char	*state;

	if (PQresultStatus(res) == PGRES_SINGLE_TUPLE ||
	    PQresultStatus(res) == PGRES_TUPLES_OK)
		return (true);
	r->busy = false;
	if (res == NULL)		/* the session tells */
		return (false);
	state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	reader_fail(r, state != NULL ? state : "XX000",
	    PQresultErrorMessage(res));
	return (false);
}

static void
request_done(struct reader *r)
{
	r->busy = false;
	if (!r->failed)
		r->ops.idle(r->arg);
}

/* A poll that failed half-way is continued as a walk, or begun again. */
static void
poll_broken(struct reader *r)
{
	if (r->s2 == NULL)
		return;
	if (r->expected > 0)
		r->state = READER_BOUNDS;
	else {
		snapshot_unref(r->s2);
		r->s2 = NULL;
	}
}

static void
on_poll(struct pg_session *s, const PGresult *res, void *arg)
{
	struct reader	*r = arg;

	(void)s;
	if (!answer_ok(r, res)) {
		poll_broken(r);
		return;
	}
	if (r->failed)
		return;
	if (PQresultStatus(res) == PGRES_SINGLE_TUPLE) {
		if (r->expected == -1)
			poll_begin(r, res);
		else
			event_take(r, res);
		return;
	}
	if (r->expected == -1) {
		reader_fail(r, "", "a poll brought no snapshot");
		return;
	}
	poll_end(r);
	request_done(r);
}

/* No rows: nothing began after S1, only late committers are left. */
static void
on_bounds(struct pg_session *s, const PGresult *res, void *arg)
{
	struct reader	*r = arg;

	(void)s;
	if (!answer_ok(r, res) || r->failed)
		return;
	if (PQntuples(res) != 1 || !rows_int(res, 0, &r->low) ||
	    !rows_int(res, 1, &r->high)) {
		r->low = INT64_MAX;
		r->high = INT64_MIN;
	}
	r->state = READER_WALK;
	request_done(r);
}

static void
on_walk(struct pg_session *s, const PGresult *res, void *arg)
{
	struct reader	*r = arg;

	(void)s;
	if (!answer_ok(r, res) || r->failed)
		return;
	if (PQresultStatus(res) == PGRES_SINGLE_TUPLE) {
		event_take(r, res);
		return;
	}
	walk_end(r);
	request_done(r);
}

static int
ask(struct reader *r, enum query q, const char *const *values, int n,
    pg_result_fn fn)
{
	static const char *const names[QUERY_MAX] = {
		[QUERY_POLL] = "poll", [QUERY_BOUNDS] = "bounds",
		[QUERY_WALK] = "walk"
	};
	const struct pg_command	c = { .sql = r->sql[q],
	    .prepared = names[q], .nparams = n, .values = values,
	    .binary_result = true, .single_row = q != QUERY_BOUNDS };

	if (pg_session_query(r->session, &c, fn, r) == -1)
		return (-1);
	r->busy = true;
	r->requests++;
	return (0);
}

static const char *
number(char *buf, int64_t v)
{
	(void)snprintf(buf, NUMBER_SIZE, "%" PRId64, v);
	return (buf);
}

static int
poll_ask(struct reader *r)
{
	char		 small[NUMBER_SIZE], rows[NUMBER_SIZE];
	char		 generation[NUMBER_SIZE];
	const char	*values[] = { snapshot_text(r->s1),
	    number(small, r->small_max), number(rows, r->asked), r->start_at,
	    r->inline_max, number(generation, snapshot_generation(r->s1)),
	    generation_is_old(r) ? SNAPSHOT_ALL : NULL };

	r->expected = -1;
	r->last = 0;
	return (ask(r, QUERY_POLL, values, 7, on_poll));
}

static int
bounds_ask(struct reader *r)
{
	char		 generation[NUMBER_SIZE];
	const char	*values[] = { snapshot_text(r->s1),
	    snapshot_text(r->s2), number(generation,
	    snapshot_generation(r->s1)) };

	return (ask(r, QUERY_BOUNDS, values, 3, on_bounds));
}

static int
walk_ask(struct reader *r)
{
	char		 above[NUMBER_SIZE], high[NUMBER_SIZE];
	char		 last[NUMBER_SIZE], rows[NUMBER_SIZE];
	char		 generation[NUMBER_SIZE];
	const int64_t	 from = r->last >= r->low ? r->last : r->low - 1;
	const char	*values[] = { snapshot_text(r->s1),
	    snapshot_text(r->s2), number(above, from), number(high, r->high),
	    number(last, r->last), number(rows, r->asked), r->start_at,
	    r->inline_max, number(generation, snapshot_generation(r->s1)) };

	return (ask(r, QUERY_WALK, values, 9, on_walk));
}

int
reader_next(struct reader *r, size_t rows)
{
	r->asked = (int64_t)rows;
	r->refused = false;
	r->got = 0;
	switch (r->state) {
	case READER_POLL:
		return (poll_ask(r));
	case READER_BOUNDS:
		return (bounds_ask(r));
	default:
		return (walk_ask(r));
	}
}
