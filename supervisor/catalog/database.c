/* SPDX-License-Identifier: ISC */
/* The catalog's one session, kept alive. */
#include <sys/queue.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/units.h"
#include "supervisor/catalog/database.h"

#define BACKOFF_FIRST_US	INT64_C(200000)
#define BACKOFF_MAX_US		INT64_C(5000000)
#define COMMAND_TIMEOUT_US	INT64_C(30000000)
#define PROBLEM_SIZE		2048

/* A callback and its argument on the way through the session. */
struct pending {
	LIST_ENTRY(pending) entry;
	struct database	*db;
	database_fn	 fn;
	void		*arg;
};

struct database {
	struct event_base *base;
	struct database_opts opts;
	const struct database_ops *ops;
	void		*arg;
	struct pg_session *session;
	struct event	*retry;
	int64_t		 backoff_us;
	bool		 up;
	LIST_HEAD(, pending) pending;
	char		 problem[PROBLEM_SIZE];	/* "" when all is well */
	char		 target[512];
};

/* Answers to which there is something to do. */
static const struct {
	const char	*sqlstate;	/* or its first characters */
	const char	*remedy;
} remedies[] = {
	{ "3F000", "the schema tide is missing here: run pg-tidectl schema "
	    "install" },
	{ "42883", "the schema tide is missing or too old: run pg-tidectl "
	    "schema install or upgrade" },
	{ "42P01", "the schema tide is missing or too old: run pg-tidectl "
	    "schema install or upgrade" },
	{ "42703", "the schema tide is too old: run pg-tidectl schema "
	    "upgrade" },
	{ "42501", "grant the role tide_relay to the login of postgres_url" },
	{ "57P", "the server starts or stops" }
};

static const char *
remedy_find(const char *sqlstate)
{
	size_t i;

	for (i = 0; i < sizeof(remedies) / sizeof(remedies[0]); i++) {
		if (strncmp(sqlstate, remedies[i].sqlstate,
		    strlen(remedies[i].sqlstate)) == 0)
			return (remedies[i].remedy);
	}
	return (NULL);
}

static void
problem_say(struct database *db, const char *text)
{
	/* The same again is no news for the log. */
	if (strcmp(db->problem, text) != 0)
		log_warnx("database: %s", text);
	(void)snprintf(db->problem, sizeof(db->problem), "%s", text);
	db->ops->problem(db->problem, db->arg);
}

void
database_well(struct database *db)
{
	if (db->problem[0] != '\0')
		log_info("database: usable again");
	db->problem[0] = '\0';
	db->backoff_us = BACKOFF_FIRST_US;
	db->ops->problem(NULL, db->arg);
}

/* Full jitter: a fleet must not come back in step. */
static void
retry_arm(struct database *db)
{
	struct timeval tv;
	int64_t us;

	us = 1000 + (int64_t)random_uniform((uint64_t)db->backoff_us);
	db->backoff_us *= 2;
	if (db->backoff_us > BACKOFF_MAX_US)
		db->backoff_us = BACKOFF_MAX_US;
	tv.tv_sec = (time_t)(us / 1000000);
	tv.tv_usec = (suseconds_t)(us % 1000000);
	event_add(db->retry, &tv);
}

static void
session_end(struct database *db)
{
	struct pending *p, call;

	db->up = false;
	pg_session_close(db->session);
	db->session = NULL;
	while ((p = LIST_FIRST(&db->pending)) != NULL) {
		call = *p;
		LIST_REMOVE(p, entry);
		free(p);
		call.fn(NULL, call.arg);
	}
}

static void
hang_up(struct database *db)
{
	bool was_up = db->up;

	session_end(db);
	retry_arm(db);
	if (was_up)
		db->ops->down(db->arg);
}

void
database_refuse(struct database *db, const char *text)
{
	if (db->session == NULL)
		return;
	problem_say(db, text);
	hang_up(db);
}

bool
database_same(struct database *db, const char *pid)
{
	if (db->session == NULL ||
	    !pg_session_moved(db->session, (int)strtol(pid, NULL, 10)))
		return (true);
	database_refuse(db, "a transaction pooler is in between (the server "
	    "process changed): advisory locks and LISTEN need a session; "
	    "connect to the server itself");
	return (false);
}

static void
on_notify(struct pg_session *s, const char *channel, const char *payload,
    int pid, void *arg)
{
	struct database *db = arg;

	if (pid != pg_session_backend_pid(s))
		db->ops->notify(channel, payload, db->arg);
}

static void
on_listen(const PGresult *res, void *arg)
{
	struct database *db = arg;
	char text[PROBLEM_SIZE];

	if (res == NULL || PQresultStatus(res) == PGRES_COMMAND_OK)
		return;
	database_explain(db, res, text, sizeof(text));
	database_refuse(db, text);
}

static void
session_start(struct database *db)
{
	static const struct pg_command listen[] = {
		{ .sql = "LISTEN tide_relay_config" },
		{ .sql = "LISTEN tide_outbox_new" }
	};
	size_t i;

	db->up = true;
	(void)snprintf(db->target, sizeof(db->target), "%s",
	    pg_session_target(db->session));
	log_info("database: connected to %s", db->target);
	pg_session_on_notify(db->session, on_notify, db);
	for (i = 0; i < sizeof(listen) / sizeof(listen[0]); i++) {
		if (database_query(db, &listen[i], on_listen, db) == -1) {
			database_refuse(db, "out of memory");
			return;
		}
	}
	db->ops->up(db->arg);
}

static void
on_session(struct pg_session *s, enum pg_session_event what,
    const char *text, void *arg)
{
	struct database *db = arg;

	(void)s;
	if (what == PG_SESSION_UP)
		session_start(db);
	else {
		/* It names a remedy itself, where there is one. */
		problem_say(db, text);
		hang_up(db);
	}
}

static void
on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct database *db = arg;
	const struct pg_session_opts opts = {
		.conninfo = db->opts.url,
		.application_name = "pg-tide-catalog",
		.primary = true,
		.resolve = db->opts.resolve,
		.file = db->opts.file,
		.file_arg = db->opts.file_arg
	};

	(void)fd;
	(void)what;
	db->session = pg_session_open(db->base, &opts, on_session, db);
	if (db->session == NULL) {
		problem_say(db, "out of memory");
		retry_arm(db);
	}
}

struct database *
database_new(struct event_base *base, const struct database_opts *opts,
    const struct database_ops *ops, void *arg)
{
	struct database *db;

	if ((db = calloc(1, sizeof(*db))) == NULL)
		return (NULL);
	db->base = base;
	db->opts = *opts;
	db->ops = ops;
	db->arg = arg;
	db->backoff_us = BACKOFF_FIRST_US;
	LIST_INIT(&db->pending);
	if ((db->retry = event_new(base, -1, 0, on_retry, db)) == NULL) {
		free(db);
		errno = ENOMEM;
		return (NULL);
	}
	event_active(db->retry, EV_TIMEOUT, 1);
	return (db);
}

void
database_free(struct database *db)
{
	if (db == NULL)
		return;
	session_end(db);
	event_free(db->retry);
	free(db);
}

bool
database_up(const struct database *db)
{
	return (db->up);
}

static void
on_result(struct pg_session *s, const PGresult *res, void *arg)
{
	struct pending *p = arg;
	struct pending call = *p;

	(void)s;
	LIST_REMOVE(p, entry);
	free(p);
	call.fn(res, call.arg);
}

int
database_query(struct database *db, const struct pg_command *cmd,
    database_fn fn, void *arg)
{
	struct pg_command timed = *cmd;
	struct pending *p;

	if (!db->up) {
		errno = ENOTCONN;
		return (-1);
	}
	if ((p = calloc(1, sizeof(*p))) == NULL)
		return (-1);
	p->db = db;
	p->fn = fn;
	p->arg = arg;
	timed.timeout_us = COMMAND_TIMEOUT_US;
	if (pg_session_query(db->session, &timed, on_result, p) == -1) {
		free(p);
		return (-1);
	}
	LIST_INSERT_HEAD(&db->pending, p, entry);
	return (0);
}

void
database_explain(const struct database *db, const PGresult *res, char *text,
    size_t size)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(res,
	    PG_DIAG_MESSAGE_PRIMARY);
	const char *remedy = state != NULL ? remedy_find(state) : NULL;

	(void)snprintf(text, size, "%s: %s (%s)%s%s", db->target,
	    message != NULL ? message : "unexpected answer",
	    state != NULL ? state : "-----", remedy != NULL ? "; " : "",
	    remedy != NULL ? remedy : "");
}
