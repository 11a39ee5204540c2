/* SPDX-License-Identifier: ISC */
/*
 * From nothing to the checkpoint row: the session, the pipeline's lock, the
 * epoch, and the events that were held.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/child.h"
#include "common/log.h"
#include "common/pg/session.h"
#include "common/units.h"
#include "worker/held.h"
#include "worker/query.h"
#include "worker/relay_int.h"
#include "worker/rows.h"
#include "worker/snapshot.h"

#define LOCK_RETRY_MS		1000
#define CONNECT_FIRST_MS	100u
#define CONNECT_MAX_MS		5000u

static const char lock_sql[] =
    "SELECT pg_try_advisory_lock(hashtextextended("
    "format('pg_tide:%s:%s:0', $1::text, $2::text), 0)), pg_backend_pid()";

static const char attach_sql[] =
    "SELECT a.epoch, a.outbox_id, a.events, a.notify, a.s1, a.s2, a.last_id,"
    " a.held, a.start_at, a.generation, a.newest_generation,"
    " c.system_identifier, c.timeline, coalesce(a.system_identifier, '0'),"
    " coalesce(a.timeline, 0), coalesce(a.lost_after, -1)"
    " FROM tide.relay_attach($1, $2, 0, $3, $4) AS a,"
    " tide.server_check() AS c";
enum attach_column { A_EPOCH, A_OUTBOX_ID, A_EVENTS, A_NOTIFY, A_S1, A_S2,
	    A_LAST_ID, A_HELD, A_START_AT, A_GENERATION, A_NEWEST, A_SYSTEM,
	    A_TIMELINE, A_OLD_SYSTEM, A_OLD_TIMELINE, A_LOST_AFTER,
	    A_COLUMNS };

/* Reads go by index, whatever the statistics say; checkpoints that are lost
 * with the server's memory repeat events and lose none. */
static const struct pg_setting settings[] = {
	{ "enable_seqscan", "off" },
	{ "enable_bitmapscan", "off" },
	{ "plan_cache_mode", "force_custom_plan" },
	{ "max_parallel_workers_per_gather", "0" },
	{ "synchronous_commit", "off" }
};

static void try_lock(struct relay *);

static void
retry_in(struct relay *r, unsigned int ms)
{
	const struct timeval	tv = { ms / 1000,
	    (suseconds_t)(ms % 1000) * 1000 };

	if (evtimer_add(r->retry, &tv) == -1)
		relay_no_memory(r);
}

/* Exponential with jitter: a hundred workers do not come back at once. */
static void
reconnect_later(struct relay *r, const char *text)
{
	unsigned int	ms = CONNECT_FIRST_MS;

	report_state(r, HEALTH_RETRYING, "unavailable", text);
	if (r->connects == 0)
		log_warnx("cannot use the database: %s; trying again", text);
	ms = r->connects < 6 ? ms << r->connects : CONNECT_MAX_MS;
	r->connects++;
	r->life = RELAY_CONNECTING;
	pg_session_close(r->session);
	r->session = NULL;
	retry_in(r, ms / 2 + (unsigned int)random_uniform(ms / 2 + 1));
}

/* A certificate that the supervisor opened for us. */
static int
file_of(const char *path, void *arg)
{
	struct relay	*r = arg;

	return (child_file(r->env.child, path));
}

static void
on_session(struct pg_session *s, enum pg_session_event what,
    const char *text, void *arg)
{
	struct relay	*r = arg;

	(void)s;
	if (what == PG_SESSION_UP) {
		r->connects = 0;
		try_lock(r);
	} else if (r->life == RELAY_CONNECTING || r->life == RELAY_STANDBY)
		reconnect_later(r, text);
	else {
		r->ending.lost = true;
		relay_end(r, CAUSE_SESSION_LOST, 1000000,
		    "the session with %s was lost: %s",
		    pg_session_target(r->session), text);
	}
}

int
relay_connect(struct relay *r)
{
	const struct pg_session_opts	opts = {
	    .conninfo = r->env.conninfo,
	    .application_name = "pg-tide-worker", .primary = true,
	    .settings = settings,
	    .nsettings = sizeof(settings) / sizeof(settings[0]),
	    .file = file_of, .file_arg = r, .resolve = r->env.resolve };

	r->life = RELAY_CONNECTING;
	r->session = pg_session_open(r->env.base, &opts, on_session, r);
	return (r->session == NULL ? -1 : 0);
}

void
relay_detach(struct relay *r)
{
	pg_session_close(r->session);
	r->session = NULL;
	snapshot_unref(r->at.s1);
	snapshot_unref(r->at.s2);
	free(r->at.events);
	free(r->at.start_at);
	free(r->at.held_sql);
	memset(&r->at, 0, sizeof(r->at));
}

static void
query(struct relay *r, const struct pg_command *c, pg_result_fn fn)
{
	if (pg_session_query(r->session, c, fn, r) == -1)
		relay_no_memory(r);
}

/* Held events are away from the start; their keys are what counts. */
static void
on_held(struct pg_session *s, const PGresult *res, void *arg)
{
	struct relay	*r = arg;
	int64_t		 id;
	const char	*key;
	bool		 there;

	(void)s;
	if (res == NULL)
		return;
	if (PQresultStatus(res) == PGRES_TUPLES_OK) {
		relay_attached(r);
		return;
	}
	if (PQresultStatus(res) != PGRES_SINGLE_TUPLE) {
		relay_sql_failed(r, "reading held events",
		    PQresultErrorField(res, PG_DIAG_SQLSTATE),
		    PQresultErrorMessage(res));
		return;
	}
	if (!rows_int(res, 0, &id) || held_load(r->held, id) == -1)
		relay_no_memory(r);
	there = !PQgetisnull(res, 0, 1) && *PQgetvalue(res, 0, 1) != 0;
	if (!there) {
		log_warnx("held event %" PRId64 " is gone from the outbox",
		    id);
		relay_settle(r, id, 0);
		return;
	}
	key = PQgetisnull(res, 0, 2) ? NULL : PQgetvalue(res, 0, 2);
	if (lanes_add_away(r->lanes, relay_lane_hash(r, id, key,
	    (size_t)PQgetlength(res, 0, 2)), id, ++r->held_seq) == -1)
		relay_no_memory(r);
}

static void
load_held(struct relay *r)
{
	const char *const	values[] = { r->env.group,
	    r->env.pipeline->name, "0" };
	char			*sql = query_text(QUERY_HELD, r->at.events);
	const struct pg_command	 c = { .sql = sql, .nparams = 3,
	    .values = values, .binary_result = true, .single_row = true };

	if (sql == NULL)
		relay_no_memory(r);
	r->at.held_sql = sql;
	query(r, &c, on_held);
}

static const char *
column(const PGresult *res, enum attach_column c)
{
	return (PQgetisnull(res, 0, (int)c) ? NULL :
	    PQgetvalue(res, 0, (int)c));
}

static bool
number_column(const PGresult *res, enum attach_column c, int64_t *v)
{
	const char	*text = column(res, c);

	return (text != NULL && int_parse(text, v) == 0);
}

static bool
server_take(struct server *s, const PGresult *res)
{
	return (number_column(res, A_SYSTEM, &s->system) &&
	    number_column(res, A_TIMELINE, &s->timeline) &&
	    number_column(res, A_OLD_SYSTEM, &s->old_system) &&
	    number_column(res, A_OLD_TIMELINE, &s->old_timeline) &&
	    number_column(res, A_LOST_AFTER, &s->lost_after));
}

/* false: they are not what the contract says. */
static bool
snapshots_take(struct attachment *a, const PGresult *res)
{
	const char	*s1 = column(res, A_S1), *s2 = column(res, A_S2);
	int64_t		 generation, newest;

	if (!number_column(res, A_GENERATION, &generation) ||
	    !number_column(res, A_NEWEST, &newest) || generation < 1 ||
	    newest < generation || newest > INT32_MAX || s1 == NULL)
		return (false);
	a->newest = (int32_t)newest;
	a->s1 = snapshot_parse(s1, strlen(s1), (int32_t)generation);
	if (s2 != NULL)
		a->s2 = snapshot_parse(s2, strlen(s2), (int32_t)generation);
	return (a->s1 != NULL && (a->s2 != NULL || s2 == NULL));
}

/* false: the row is not what the contract says. */
static bool
attachment_take(struct relay *r, const PGresult *res)
{
	struct attachment	*a = &r->at;
	int64_t			 id;

	if (PQntuples(res) != 1 || PQnfields(res) != A_COLUMNS ||
	    int_parse(PQgetvalue(res, 0, A_EPOCH), &a->epoch) == -1 ||
	    int_parse(PQgetvalue(res, 0, A_OUTBOX_ID), &id) == -1 ||
	    id < 0 || id > UINT32_MAX ||
	    int_parse(PQgetvalue(res, 0, A_LAST_ID), &a->last_id) == -1 ||
	    !snapshots_take(a, res) || !server_take(&a->server, res))
		return (false);
	a->outbox_id = (uint32_t)id;
	a->notify = *PQgetvalue(res, 0, A_NOTIFY) == 't';
	a->nheld = strtoull(PQgetvalue(res, 0, A_HELD), NULL, 10);
	a->events = strdup(PQgetvalue(res, 0, A_EVENTS));
	if (column(res, A_START_AT) != NULL)
		a->start_at = strdup(column(res, A_START_AT));
	return (a->events != NULL &&
	    (a->start_at != NULL || column(res, A_START_AT) == NULL));
}

static void
on_attach(struct pg_session *s, const PGresult *res, void *arg)
{
	struct relay	*r = arg;

	(void)s;
	if (res == NULL)
		return;
	if (PQresultStatus(res) != PGRES_TUPLES_OK) {
		relay_sql_failed(r, "taking the pipeline over",
		    PQresultErrorField(res, PG_DIAG_SQLSTATE),
		    PQresultErrorMessage(res));
		return;
	}
	if (!attachment_take(r, res))
		child_fatal(r->env.child, CAUSE_DATABASE, "the schema tide "
		    "does not answer as this version expects; run "
		    "pg-tidectl schema status");
	relay_server_changed(r);
	log_info("took over at %s%s%s, last id %" PRId64 ", %" PRIu64
	    " held events, epoch %" PRId64, snapshot_text(r->at.s1),
	    r->at.s2 != NULL ? " to " : "",
	    r->at.s2 != NULL ? snapshot_text(r->at.s2) : "", r->at.last_id,
	    r->at.nheld, r->at.epoch);
	if (relay_delivery_open(r) == -1)
		relay_no_memory(r);
	if (r->at.nheld > 0)
		load_held(r);
	else
		relay_attached(r);
}

static void
attach(struct relay *r)
{
	const char *const	values[] = { r->env.group,
	    r->env.pipeline->name, r->env.instance, relay_server_mark(r) };
	const struct pg_command	c = { .sql = attach_sql, .nparams = 4,
	    .values = values };

	metrics_add(r->report.metrics, METRIC_OWNERSHIP_EVENTS, "acquired",
	    1);
	r->life = RELAY_ATTACHING;
	query(r, &c, on_attach);
}

static void
on_lock(struct pg_session *s, const PGresult *res, void *arg)
{
	struct relay	*r = arg;
	int64_t		 pid;

	if (res == NULL)
		return;
	if (PQresultStatus(res) != PGRES_TUPLES_OK ||
	    PQntuples(res) != 1) {
		relay_sql_failed(r, "asking for the pipeline's lock",
		    PQresultErrorField(res, PG_DIAG_SQLSTATE),
		    PQresultErrorMessage(res));
		return;
	}
	if (int_parse(PQgetvalue(res, 0, 1), &pid) == -1 ||
	    pg_session_moved(s, (int)pid))
		child_fatal(r->env.child, CAUSE_DATABASE, "a transaction "
		    "pooler stands between us and %s: locks do not survive "
		    "it; name the server itself", pg_session_target(s));
	if (*PQgetvalue(res, 0, 0) == 't') {
		attach(r);
		return;
	}
	if (r->life != RELAY_STANDBY)
		log_info("another relay of group %s has this pipeline; "
		    "standing by", r->env.group);
	r->life = RELAY_STANDBY;
	report_state(r, HEALTH_STANDBY, "", "another relay of this group "
	    "has the pipeline");
	retry_in(r, LOCK_RETRY_MS);
}

static void
try_lock(struct relay *r)
{
	const char *const	values[] = { r->env.group,
	    r->env.pipeline->name };
	const struct pg_command	c = { .sql = lock_sql, .nparams = 2,
	    .values = values };

	query(r, &c, on_lock);
}

/* The timer of this file: the lock again, or a new session. */
void
relay_attach_again(struct relay *r)
{
	if (r->life == RELAY_STANDBY && r->session != NULL)
		try_lock(r);
	else if (r->life == RELAY_CONNECTING && r->session == NULL &&
	    relay_connect(r) == -1)
		relay_no_memory(r);
}
