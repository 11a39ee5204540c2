/* SPDX-License-Identifier: ISC */
/* What the catalog does by the clock. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/metrics.h"
#include "supervisor/catalog/chores.h"
#include "supervisor/catalog/database.h"
#include "supervisor/catalog/pipelines.h"

#define LAG_S		5
#define SWEEP_S		60
#define SWEEP_MORE_S	1

struct chores {
	struct database	*db;		/* NULL while it is away */
	struct pipelines *pipelines;
	const char	*group;
	struct event	*lag, *sweep;
	bool		 lag_out;	/* a question is on its way */
};

static const char lag_sql[] =
    "SELECT pipeline, lag_events, lag_seconds, dlq_depth "
    "FROM tide.relay_lag($1::text)";

/*
 * One host sweeps at a time; the lock is in the doorbell's class, where no
 * outbox has the number 0, and ends with the transaction.
 */
static const char sweep_sql[] =
    "SELECT CASE WHEN pg_try_advisory_xact_lock(1953064037, 0) "
    "THEN (SELECT tide.outbox_sweep()->>'more') END";

static void
arm(struct event *ev, time_t seconds)
{
	const struct timeval tv = { seconds, 0 };

	event_add(ev, &tv);
}

static bool
failed(const PGresult *res, const char *what)
{
	if (res == NULL)
		return (true);
	if (PQresultStatus(res) == PGRES_TUPLES_OK)
		return (false);
	log_warnx("%s: %s", what, PQresultErrorMessage(res));
	return (true);
}

static void
on_lag(const PGresult *res, void *arg)
{
	struct chores *c = arg;
	struct metrics *m;
	int i;

	c->lag_out = false;
	if (failed(res, "lag"))
		return;
	for (i = 0; i < PQntuples(res); i++) {
		m = pipelines_metrics(c->pipelines, PQgetvalue(res, i, 0));
		if (m == NULL)
			continue;	/* not enabled */
		metrics_set(m, METRIC_LAG, "",
		    strtod(PQgetvalue(res, i, 1), NULL));
		metrics_set(m, METRIC_LAG_SECONDS, "",
		    strtod(PQgetvalue(res, i, 2), NULL));
		metrics_set(m, METRIC_DLQ_DEPTH, "",
		    strtod(PQgetvalue(res, i, 3), NULL));
	}
}

static void
lag_tick(evutil_socket_t fd, short what, void *arg)
{
	struct chores *c = arg;
	const char *values[] = { c->group };
	const struct pg_command cmd = { .sql = lag_sql,
	    .prepared = "relay_lag", .nparams = 1, .values = values };

	(void)fd;
	(void)what;
	arm(c->lag, LAG_S);
	if (c->db == NULL || c->lag_out)
		return;
	c->lag_out = database_query(c->db, &cmd, on_lag, c) == 0;
}

static void
on_sweep(const PGresult *res, void *arg)
{
	struct chores *c = arg;
	bool more = false;

	if (!failed(res, "retention") && PQntuples(res) == 1)
		more = strcmp(PQgetvalue(res, 0, 0), "true") == 0;
	if (c->db != NULL)
		arm(c->sweep, more ? SWEEP_MORE_S : SWEEP_S);
}

static void
sweep_tick(evutil_socket_t fd, short what, void *arg)
{
	const struct pg_command cmd = { .sql = sweep_sql };
	struct chores *c = arg;

	(void)fd;
	(void)what;
	if (c->db != NULL && database_query(c->db, &cmd, on_sweep, c) == -1)
		arm(c->sweep, SWEEP_S);
}

struct chores *
chores_new(struct event_base *base, struct pipelines *pipelines,
    const char *group)
{
	struct chores *c;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return (NULL);
	c->pipelines = pipelines;
	c->group = group;
	c->lag = event_new(base, -1, 0, lag_tick, c);
	c->sweep = event_new(base, -1, 0, sweep_tick, c);
	if (c->lag == NULL || c->sweep == NULL) {
		chores_free(c);
		return (NULL);
	}
	return (c);
}

void
chores_free(struct chores *c)
{
	if (c == NULL)
		return;
	if (c->lag != NULL)
		event_free(c->lag);
	if (c->sweep != NULL)
		event_free(c->sweep);
	free(c);
}

void
chores_start(struct chores *c, struct database *db)
{
	c->db = db;
	arm(c->lag, 0);
	arm(c->sweep, SWEEP_MORE_S);
}

void
chores_stop(struct chores *c)
{
	c->db = NULL;
	event_del(c->lag);
	event_del(c->sweep);
}
