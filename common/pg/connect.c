/* SPDX-License-Identifier: ISC */
/*
 * Connecting: hosts one after the other, each address of each with its own
 * timer, then the settings in one round trip.
 *
 * PQconnectPoll() ignores connect_timeout, so a silent first host of a list
 * would be waited for for ever, and libpq would look names up itself, which
 * a locked-down process cannot.  So libpq gets one numeric address at a
 * time.  A standby counts as a host that does not work: the next may be the
 * primary.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/pg/remedy.h"
#include "common/pg/session_int.h"
#include "common/resolve.h"
#include "common/units.h"

#define CONNECT_TIMEOUT_US	(10 * 1000000LL)

static void	host_start(struct pg_session *);
static void	attempt_start(struct pg_session *);

void
pg_connect_free(struct pg_session *s)
{
	struct pg_connect *c = &s->connect;

	if (c->lookup != 0)
		resolve_cancel(c->resolve, c->lookup);
	c->lookup = 0;
	pg_conninfo_free(c->ci);
	c->ci = NULL;
	free(c->application_name);
	c->application_name = NULL;
}

static const struct pg_host *
host_now(const struct pg_session *s)
{
	return (pg_conninfo_host(s->connect.ci, s->connect.host));
}

static const char *
host_name(const struct pg_host *h)
{
	if (*h->host != '\0')
		return (h->host);
	return (*h->hostaddr != '\0' ? h->hostaddr : "local socket");
}

static void
host_next(struct pg_session *s)
{
	struct pg_connect *c = &s->connect;

	if (++c->host < pg_conninfo_nhosts(c->ci))
		host_start(s);
	else
		pg_session_over(s, PG_SESSION_FAILED, c->errors);
}

static void
error_note(struct pg_session *s, const char *text)
{
	struct pg_connect *c = &s->connect;
	const struct pg_host *h = host_now(s);
	size_t used = strlen(c->errors);
	char one[PG_TEXT_MAX], named[PG_TEXT_MAX];
	const char *remedy = pg_remedy(s->sqlstate, text);

	pg_text_copy(one, sizeof(one), text);
	pg_remedy_paths(c->ci, c->file, c->file_arg, one, named,
	    sizeof(named));
	snprintf(c->errors + used, sizeof(c->errors) - used,
	    "%s%s:%s: %s%s%s%s", used > 0 ? "; " : "", host_name(h), h->port,
	    named, remedy != NULL ? " (" : "", remedy != NULL ? remedy : "",
	    remedy != NULL ? ")" : "");
}

/*
 * The SQLSTATE of a failure to connect is to be had only from the verbose
 * text: "FATAL:  28P01: password authentication failed".
 */
static void
sqlstate_find(struct pg_session *s, const char *text)
{
	size_t i;

	for (text = strstr(text, ":  "); text != NULL;
	    text = strstr(text + 1, ":  ")) {
		for (i = 0; i < 5; i++) {
			if (!isdigit((unsigned char)text[3 + i]) &&
			    !isupper((unsigned char)text[3 + i]))
				break;
		}
		if (i == 5 && text[8] == ':') {
			memcpy(s->sqlstate, text + 3, 5);
			s->sqlstate[5] = '\0';
			return;
		}
	}
}

/* One address did not work: keep what it said, go on to the next. */
static void
attempt_failed(struct pg_session *s, const char *text)
{
	struct pg_connect *c = &s->connect;

	sqlstate_find(s, text);
	error_note(s, text);
	pg_session_events_off(s);
	pg_session_timer(s, 0);
	PQfinish(s->conn);
	s->conn = NULL;
	s->phase = PG_PHASE_CONNECTING;
	/* A password that one address refused is not tried on the next:
	 * that could lock the account. */
	if (strncmp(s->sqlstate, "28", 2) == 0)
		pg_session_over(s, PG_SESSION_FAILED, c->errors);
	else if (++c->addr < c->naddrs)
		attempt_start(s);
	else
		host_next(s);
}

void
pg_connect_timeout(struct pg_session *s)
{
	struct pg_connect *c = &s->connect;

	if (c->lookup != 0) {
		resolve_cancel(c->resolve, c->lookup);
		c->lookup = 0;
		error_note(s, "the name look-up did not end in time");
		host_next(s);
	} else
		attempt_failed(s, "no answer in time");
}

static void
lookup_done(int error, const struct msg_addr *addrs, size_t n, void *arg)
{
	struct pg_session *s = arg;
	struct pg_connect *c = &s->connect;
	size_t i;

	c->lookup = 0;
	pg_session_timer(s, 0);
	c->naddrs = c->addr = 0;
	for (i = 0; error == 0 && i < n && c->naddrs < PG_ADDRS_MAX; i++) {
		if (inet_ntop(addrs[i].family == 4 ? AF_INET : AF_INET6,
		    addrs[i].bytes, c->addrs[c->naddrs],
		    sizeof(c->addrs[0])) != NULL)
			c->naddrs++;
	}
	if (c->naddrs > 0)
		attempt_start(s);
	else {
		error_note(s, error != 0 ? resolve_strerror(error) :
		    "the name has no address");
		host_next(s);
	}
}

static void
host_lookup(struct pg_session *s, const struct pg_host *h)
{
	struct pg_connect *c = &s->connect;

	if (c->resolve != NULL)
		c->lookup = resolve_lookup(c->resolve, h->host, 0,
		    lookup_done, s);
	if (c->lookup == 0) {
		error_note(s, "the name cannot be looked up here");
		host_next(s);
		return;
	}
	pg_session_timer(s, c->timeout_us);
}

static void
host_start(struct pg_session *s)
{
	struct pg_connect *c = &s->connect;
	const struct pg_host *h = host_now(s);
	const char *addr = *h->hostaddr != '\0' ? h->hostaddr : h->host;

	s->sqlstate[0] = '\0';
	c->addr = 0;
	c->naddrs = 1;
	if (!h->unixsock && !pg_addr_is_numeric(addr)) {
		host_lookup(s, h);
		return;
	}
	snprintf(c->addrs[0], sizeof(c->addrs[0]), "%s",
	    h->unixsock ? "" : addr);
	attempt_start(s);
}

/* Once per process: reconnecting must not fill the log. */
static void
insecure_warn(const struct pg_session *s, const struct pg_attempt *at)
{
	static bool said;

	if (said || at->addr == NULL || pg_addr_is_loopback(at->addr) ||
	    strcmp(pg_conninfo_sslmode(s->connect.ci, at), "disable") != 0)
		return;
	said = true;
	log_warnx("sslmode=disable: events and password travel in the clear "
	    "to %s; use sslmode=verify-full", host_name(at->host));
}

static void
target_set(struct pg_session *s, const struct pg_attempt *at)
{
	const struct pg_conninfo *ci = s->connect.ci;
	const char *db = pg_conninfo_get(ci, "dbname");
	const char *user = pg_conninfo_get(ci, "user");

	snprintf(s->target, sizeof(s->target), "%s:%s/%s as %s",
	    host_name(at->host), at->host->port, db != NULL ? db : user,
	    user);
}

/*
 * A server that hangs up while no command is out says why in a message that
 * libpq takes for a notice.
 */
static void
on_notice(void *arg, const PGresult *res)
{
	struct pg_session *s = arg;
	const char *severity = PQresultErrorField(res,
	    PG_DIAG_SEVERITY_NONLOCALIZED);
	char text[PG_TEXT_MAX];

	pg_text_copy(text, sizeof(text), PQresultErrorMessage(res));
	log_debug("database: %s", text);
	if (severity != NULL && (strcmp(severity, "FATAL") == 0 ||
	    strcmp(severity, "PANIC") == 0))
		(void)snprintf(s->last_words, sizeof(s->last_words),
		    "%.500s", text);
}

static void
attempt_start(struct pg_session *s)
{
	struct pg_connect *c = &s->connect;
	struct pg_attempt at = {
		.host = host_now(s),
		.addr = c->addrs[c->addr][0] != '\0' ? c->addrs[c->addr] :
		    NULL,
		.application_name = c->application_name,
		.file = c->file,
		.file_arg = c->file_arg
	};
	struct pg_params params;
	char err[PG_TEXT_MAX];

	s->sqlstate[0] = '\0';
	target_set(s, &at);
	if (pg_conninfo_params(c->ci, &at, &params, err, sizeof(err)) == -1) {
		attempt_failed(s, err);
		return;
	}
	insecure_warn(s, &at);
	s->conn = PQconnectStartParams(params.keys, params.values, 0);
	if (s->conn == NULL || PQstatus(s->conn) == CONNECTION_BAD ||
	    pg_session_events(s) == -1) {
		attempt_failed(s, s->conn == NULL ? "out of memory" :
		    PQerrorMessage(s->conn));
		return;
	}
	PQsetErrorVerbosity(s->conn, PQERRORS_VERBOSE);
	(void)PQsetNoticeReceiver(s->conn, on_notice, s);
	pg_session_timer(s, c->timeout_us);
	event_add(s->ev_write, NULL);
}

static void
setup_start(struct pg_session *s)
{
	struct pg_connect *c = &s->connect;
	char *sql;
	int ok;

	s->phase = PG_PHASE_SETUP;
	s->server_version = PQserverVersion(s->conn);
	PQsetErrorVerbosity(s->conn, PQERRORS_DEFAULT);
	c->setup_error[0] = '\0';
	c->setup_ok = false;
	sql = pg_setup_sql(s->server_version, c->settings, c->nsettings);
	ok = sql != NULL && PQsetnonblocking(s->conn, 1) == 0 &&
	    pg_session_events(s) == 0 && PQsendQuery(s->conn, sql) == 1;
	free(sql);
	if (!ok) {
		attempt_failed(s, PQerrorMessage(s->conn));
		return;
	}
	event_add(s->ev_read, NULL);
	event_add(s->ev_write, NULL);
}

static void
setup_done(struct pg_session *s)
{
	struct pg_connect *c = &s->connect;

	if (!c->setup_ok) {
		attempt_failed(s, c->setup_error[0] != '\0' ?
		    c->setup_error : "no answer to the session settings");
		return;
	}
	s->phase = PG_PHASE_UP;
	pg_session_timer(s, 0);
	pg_connect_free(s);
	pg_session_enter(s);
	s->fn(s, PG_SESSION_UP, s->target, s->arg);
	pg_session_leave(s);
}

static void
setup_result(struct pg_session *s, const PGresult *res)
{
	struct pg_connect *c = &s->connect;
	const char *state;

	switch (PQresultStatus(res)) {
	case PGRES_COMMAND_OK:
		break;
	case PGRES_TUPLES_OK:
		c->setup_ok = pg_setup_row(s, res, c->setup_error,
		    sizeof(c->setup_error)) == 0;
		break;
	default:
		state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
		snprintf(s->sqlstate, sizeof(s->sqlstate), "%s",
		    state != NULL ? state : "");
		snprintf(c->setup_error, sizeof(c->setup_error),
		    "session settings: %s", PQresultErrorMessage(res));
		c->setup_ok = false;
	}
}

static void
setup_io(struct pg_session *s)
{
	PGresult *res;

	if (PQconsumeInput(s->conn) == 0) {
		attempt_failed(s, PQerrorMessage(s->conn));
		return;
	}
	switch (PQflush(s->conn)) {
	case 0:
		event_del(s->ev_write);
		break;
	case -1:
		attempt_failed(s, PQerrorMessage(s->conn));
		return;
	}
	while (!PQisBusy(s->conn)) {
		if ((res = PQgetResult(s->conn)) == NULL) {
			setup_done(s);
			return;
		}
		setup_result(s, res);
		PQclear(res);
	}
}

/* libpq may have changed its socket (TLS refused, tried again without). */
static void
poll_step(struct pg_session *s)
{
	PostgresPollingStatusType what = PQconnectPoll(s->conn);

	if (what == PGRES_POLLING_OK) {
		setup_start(s);
		return;
	}
	if (what == PGRES_POLLING_FAILED || pg_session_events(s) == -1) {
		attempt_failed(s, PQerrorMessage(s->conn));
		return;
	}
	event_add(what == PGRES_POLLING_READING ? s->ev_read : s->ev_write,
	    NULL);
}

void
pg_connect_io(struct pg_session *s)
{
	if (s->phase == PG_PHASE_SETUP)
		setup_io(s);
	else
		poll_step(s);
}

void
pg_connect_first(struct pg_session *s)
{
	struct pg_connect *c = &s->connect;
	const char *text;
	int64_t n;

	if (c->ci == NULL) {
		pg_session_over(s, PG_SESSION_FAILED, c->errors);
		return;
	}
	text = pg_conninfo_get(c->ci, "connect_timeout");
	if (c->timeout_us <= 0 && text != NULL && int_parse(text, &n) == 0 &&
	    n > 0 && n <= 3600)
		c->timeout_us = n * 1000000;
	if (c->timeout_us <= 0)
		c->timeout_us = CONNECT_TIMEOUT_US;
	host_start(s);
}
