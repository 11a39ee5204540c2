/* SPDX-License-Identifier: ISC */
/* Reading events again by id. */
#include "worker/refetch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/pg/session.h"
#include "worker/query.h"
#include "worker/rows.h"

#define REFETCH_MAX	256u
#define NUMBER_SIZE	24u

struct refetch {
	struct pg_session *session;
	struct lanes	*lanes;
	struct refetch_ops ops;
	void		*arg;
	char		*sql;
	int64_t		 inline_max;

	struct away	 want[REFETCH_MAX];	/* by id */
	size_t		 n;
	size_t		 next;		/* first one not answered */
	bool		 busy;
	bool		 failed;
	bool		 refused;	/* the others found no room */
	int64_t		 big_id;	/* must come alone */
	int64_t		 big_len;	/* 0: none is known */
	bool		 big_asked;
	char		 ids[REFETCH_MAX * (NUMBER_SIZE + 1) + 3];
};

struct refetch *
refetch_new(struct pg_session *session, struct lanes *lanes,
    const char *events, int64_t inline_max, const struct refetch_ops *ops,
    void *arg)
{
	struct refetch	*r;

	if ((r = calloc(1, sizeof(*r))) == NULL)
		return (NULL);
	r->session = session;
	r->lanes = lanes;
	r->ops = *ops;
	r->arg = arg;
	r->inline_max = inline_max;
	if ((r->sql = query_text(QUERY_FETCH, events)) == NULL) {
		free(r);
		return (NULL);
	}
	return (r);
}

void
refetch_free(struct refetch *r)
{
	if (r == NULL)
		return;
	free(r->sql);
	free(r);
}

bool
refetch_ready(const struct refetch *r)
{
	return (!r->busy && !r->failed);
}

int64_t
refetch_alone(const struct refetch *r)
{
	return (r->big_len);
}

static void
refetch_fail(struct refetch *r, const char *sqlstate, const char *text)
{
	if (*sqlstate == '\0')
		r->failed = true;
	r->ops.failed(sqlstate, text, r->arg);
}

static int
by_id(const void *a, const void *b)
{
	const struct away	*x = a, *y = b;

	return ((x->id > y->id) - (x->id < y->id));
}

/* What was not answered goes back, the last one first. */
static void
give_back(struct refetch *r)
{
	while (r->n > r->next)
		if (lanes_unwant(r->lanes, &r->want[--r->n]) == -1) {
			refetch_fail(r, "", strerror(errno));
			return;
		}
}

static void
gone_until(struct refetch *r, int64_t id)
{
	for (; r->next < r->n && r->want[r->next].id < id; r->next++)
		r->ops.gone(&r->want[r->next], r->arg);
}

static void
row_hand(struct refetch *r, const struct event_row *er)
{
	const struct away	*a = &r->want[r->next];

	switch (r->ops.row(a, er, r->arg)) {
	case 1:
		r->next++;
		break;
	case 0:
		/* All that follow go back, too: in its lane nothing may
		 * overtake it. */
		r->refused = true;
		if (!er->inlined) {
			r->big_id = er->row.id;
			r->big_len = er->len;
		}
		break;
	default:
		refetch_fail(r, "", strerror(errno));
	}
}

static void
row_take(struct refetch *r, const PGresult *res)
{
	struct event_row	er;

	if (r->refused || r->failed)
		return;
	if (!rows_event(res, &er)) {
		refetch_fail(r, "", "an event came malformed");
		return;
	}
	gone_until(r, er.row.id);
	if (r->next < r->n && r->want[r->next].id == er.row.id)
		row_hand(r, &er);
}

static void
request_end(struct refetch *r)
{
	if (!r->refused)
		gone_until(r, INT64_MAX);
	give_back(r);
	r->busy = false;
	if (!r->failed)
		r->ops.idle(r->arg);
}

static void
on_rows(struct pg_session *s, const PGresult *res, void *arg)
{
	struct refetch	*r = arg;
	const char	*state;

	(void)s;
	switch (PQresultStatus(res)) {
	case PGRES_SINGLE_TUPLE:
		row_take(r, res);
		return;
	case PGRES_TUPLES_OK:
		request_end(r);
		return;
	default:
		break;
	}
	r->refused = true;
	r->busy = false;
	if (res == NULL)		/* the session tells */
		return;
	state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	refetch_fail(r, state != NULL ? state : "XX000",
	    PQresultErrorMessage(res));
	request_end(r);
}

static void
ids_print(struct refetch *r)
{
	size_t	i, used = 0;

	for (i = 0; i < r->n; i++)
		used += (size_t)snprintf(r->ids + used,
		    sizeof(r->ids) - used, "%c%" PRId64, i == 0 ? '{' : ',',
		    r->want[i].id);
	(void)snprintf(r->ids + used, sizeof(r->ids) - used, "}");
}

/* Where the big one is wanted as the first of its lane; n: nowhere. */
static size_t
big_find(const struct refetch *r)
{
	size_t	i, j;

	for (i = 0; i < r->n && r->want[i].id != r->big_id; i++)
		;
	for (j = 0; i < r->n && j < i; j++)
		if (r->want[j].lane == r->want[i].lane)
			return (r->n);
	return (i);
}

/* Only the one that must come alone, if it is its turn. */
static void
choose_big(struct refetch *r)
{
	const size_t	i = big_find(r);
	struct away	a;

	r->big_asked = i < r->n;
	if (!r->big_asked) {
		r->big_len = 0;
		return;
	}
	a = r->want[i];
	r->want[i] = r->want[0];
	r->want[0] = a;
	qsort(r->want + 1, r->n - 1, sizeof(r->want[0]), by_id);
	r->next = 1;
	give_back(r);
	r->next = 0;
}

static void
choose(struct refetch *r, size_t n)
{
	r->next = 0;
	r->refused = false;
	r->big_asked = false;
	r->n = lanes_want(r->lanes, r->want, n < REFETCH_MAX ? n :
	    REFETCH_MAX);
	if (r->big_len != 0)
		choose_big(r);
	qsort(r->want, r->n, sizeof(r->want[0]), by_id);
}

int
refetch_next(struct refetch *r, size_t n)
{
	char			 limit[NUMBER_SIZE];
	const char		*values[] = { r->ids, limit };
	const struct pg_command	 c = { .sql = r->sql, .prepared = "fetch",
	    .nparams = 2, .values = values, .binary_result = true,
	    .single_row = true };

	choose(r, n);
	if (r->n == 0)
		return (0);
	ids_print(r);
	(void)snprintf(limit, sizeof(limit), "%" PRId64,
	    r->big_asked ? r->big_len : r->inline_max);
	r->big_len = 0;
	if (pg_session_query(r->session, &c, on_rows, r) == -1)
		return (-1);
	r->busy = true;
	return (0);
}
