/* SPDX-License-Identifier: ISC */
/*
 * The commands of a session: one queue, one of them on the wire.
 *
 * libpq's pipeline mode would save round trips between commands, but an
 * error aborts what was sent behind it; our commands are few and large, and
 * each is a transaction of its own.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/pg/session_int.h"
#include "common/units.h"

static void
item_free(struct pg_item *it)
{
	int i;

	for (i = 0; i < it->nparams; i++)
		free(it->values[i]);
	free(it->values);
	free(it);
}

static int
item_values(struct pg_item *it, const struct pg_command *cmd)
{
	int i;

	if (cmd->nparams == 0)
		return (0);
	it->values = calloc((size_t)cmd->nparams, sizeof(*it->values));
	if (it->values == NULL)
		return (-1);
	for (i = 0; i < cmd->nparams; i++) {
		it->nparams = i + 1;
		if (cmd->values[i] != NULL &&
		    (it->values[i] = strdup(cmd->values[i])) == NULL)
			return (-1);
	}
	return (0);
}

static bool
name_known(const struct pg_session *s, const char *name)
{
	const struct pg_name *n;

	SLIST_FOREACH(n, &s->names, entry) {
		if (strcmp(n->name, name) == 0)
			return (true);
	}
	return (false);
}

static void
name_add(struct pg_session *s, const char *name)
{
	struct pg_name *n = calloc(1, sizeof(*n));

	if (n == NULL) {
		pg_session_over(s, PG_SESSION_LOST, "out of memory");
		return;
	}
	n->name = name;
	SLIST_INSERT_HEAD(&s->names, n, entry);
}

/* Hand the head of the queue to libpq: 1, or 0 when libpq refused. */
static int
item_send(struct pg_session *s, struct pg_item *it)
{
	const char *const *values = (const char *const *)it->values;

	if (it->prepared == NULL)
		return (PQsendQueryParams(s->conn, it->sql, it->nparams, NULL,
		    values, NULL, NULL, it->binary));
	if (!name_known(s, it->prepared)) {
		s->step = PG_STEP_PREPARE;
		return (PQsendPrepare(s->conn, it->prepared, it->sql, 0,
		    NULL));
	}
	return (PQsendQueryPrepared(s->conn, it->prepared, it->nparams,
	    values, NULL, NULL, it->binary));
}

static void
queue_send(struct pg_session *s)
{
	struct pg_item *it;

	if (s->sent || s->phase != PG_PHASE_UP)
		return;
	if ((it = TAILQ_FIRST(&s->queue)) == NULL)
		return;
	s->step = PG_STEP_EXECUTE;
	if (item_send(s, it) == 0 || (s->step == PG_STEP_EXECUTE &&
	    it->single_row && PQsetSingleRowMode(s->conn) == 0)) {
		pg_session_over(s, PG_SESSION_LOST, PQerrorMessage(s->conn));
		return;
	}
	s->sent = true;
	pg_session_timer(s, it->timeout_us);
	pg_query_write(s);
}

void
pg_query_write(struct pg_session *s)
{
	switch (PQflush(s->conn)) {
	case 0:
		event_del(s->ev_write);
		break;
	case 1:
		event_add(s->ev_write, NULL);
		break;
	default:
		pg_session_over(s, PG_SESSION_LOST, PQerrorMessage(s->conn));
	}
}

static void
result_log(const PGresult *res)
{
	char text[PG_TEXT_MAX];

	if (res == NULL || PQresultStatus(res) != PGRES_FATAL_ERROR)
		return;
	pg_text_copy(text, sizeof(text), PQresultErrorMessage(res));
	log_warnx("database: %s", text);
}

/* The callback may close the session; the caller holds it. */
static void
item_deliver(struct pg_session *s, struct pg_item *it, const PGresult *res)
{
	if (s->closed)
		return;
	if (it->fn != NULL)
		it->fn(s, res, it->arg);
	else
		result_log(res);
}

/* The head of the queue is through. */
static void
item_done(struct pg_session *s, struct pg_item *it)
{
	s->sent = false;
	pg_session_timer(s, 0);
	if (s->step == PG_STEP_PREPARE && name_known(s, it->prepared))
		return;			/* now it is executed */
	TAILQ_REMOVE(&s->queue, it, entry);
	s->pending--;
	item_free(it);
}

/* An answer to PREPARE is ours, unless it is an error. */
static void
result_take(struct pg_session *s, struct pg_item *it, PGresult *res)
{
	if (PQstatus(s->conn) == CONNECTION_BAD)
		pg_session_over(s, PG_SESSION_LOST, PQresultErrorMessage(res));
	else if (s->step == PG_STEP_PREPARE &&
	    PQresultStatus(res) == PGRES_COMMAND_OK)
		name_add(s, it->prepared);
	else
		item_deliver(s, it, res);
	PQclear(res);
}

/* Take results while there are any; true when more may be done. */
static bool
results_take(struct pg_session *s)
{
	struct pg_item *it;
	PGresult *res;

	while (s->sent && !s->paused && s->phase == PG_PHASE_UP) {
		if (PQisBusy(s->conn))
			return (false);
		it = TAILQ_FIRST(&s->queue);
		if ((res = PQgetResult(s->conn)) != NULL)
			result_take(s, it, res);
		else {
			item_done(s, it);
			return (true);
		}
	}
	return (false);
}

static void
notifies_take(struct pg_session *s)
{
	PGnotify *n;

	while (!s->closed && (n = PQnotifies(s->conn)) != NULL) {
		if (s->notify != NULL)
			s->notify(s, n->relname, n->extra, n->be_pid,
			    s->notify_arg);
		PQfreemem(n);
	}
}

/*
 * Results are taken even after the socket failed: the server's last words
 * (why it hangs up) are among them.
 */
void
pg_query_io(struct pg_session *s)
{
	int ok;

	pg_session_enter(s);
	ok = PQconsumeInput(s->conn);
	while (results_take(s))
		queue_send(s);
	notifies_take(s);
	if (s->phase == PG_PHASE_UP) {
		if (ok == 0 || PQstatus(s->conn) == CONNECTION_BAD)
			pg_session_over(s, PG_SESSION_LOST,
			    s->last_words[0] != '\0' ? s->last_words :
			    PQerrorMessage(s->conn));
		else
			queue_send(s);
	}
	pg_session_leave(s);
}

static struct pg_item *
item_new(const struct pg_command *cmd, pg_result_fn fn, void *arg)
{
	struct pg_item *it;

	if ((it = calloc(1, sizeof(*it))) == NULL)
		return (NULL);
	it->sql = cmd->sql;
	it->prepared = cmd->prepared;
	it->binary = cmd->binary_result;
	it->single_row = cmd->single_row;
	it->timeout_us = cmd->timeout_us;
	it->fn = fn;
	it->arg = arg;
	if (item_values(it, cmd) == -1) {
		item_free(it);
		errno = ENOMEM;
		return (NULL);
	}
	return (it);
}

int
pg_session_query(struct pg_session *s, const struct pg_command *cmd,
    pg_result_fn fn, void *arg)
{
	struct pg_item *it;

	if (s->phase != PG_PHASE_UP) {
		errno = ENOTCONN;
		return (-1);
	}
	if ((it = item_new(cmd, fn, arg)) == NULL)
		return (-1);
	TAILQ_INSERT_TAIL(&s->queue, it, entry);
	s->pending++;
	/* Sent from the loop: an error must not call back from in here. */
	if (!s->sent)
		event_active(s->ev_soon, EV_TIMEOUT, 1);
	return (0);
}

void
pg_query_discard(struct pg_session *s)
{
	struct pg_item *it;

	while ((it = TAILQ_FIRST(&s->queue)) != NULL) {
		TAILQ_REMOVE(&s->queue, it, entry);
		s->pending--;
		item_deliver(s, it, NULL);
		item_free(it);
	}
	s->sent = false;
}

void
pg_query_free(struct pg_session *s)
{
	struct pg_item *it;
	struct pg_name *n;

	while ((it = TAILQ_FIRST(&s->queue)) != NULL) {
		TAILQ_REMOVE(&s->queue, it, entry);
		item_free(it);
	}
	while ((n = SLIST_FIRST(&s->names)) != NULL) {
		SLIST_REMOVE_HEAD(&s->names, entry);
		free(n);
	}
}

size_t
pg_session_pending(const struct pg_session *s)
{
	return (s->pending);
}

void
pg_session_pause(struct pg_session *s, bool pause)
{
	if (s->paused == pause || s->phase != PG_PHASE_UP)
		return;
	s->paused = pause;
	if (pause)
		event_del(s->ev_read);
	else {
		event_add(s->ev_read, NULL);
		/* Rows that libpq holds already make no socket readable. */
		event_active(s->ev_soon, EV_TIMEOUT, 1);
	}
}

int
pg_session_flush(struct pg_session *s, int ms)
{
	int64_t deadline = clock_mono_us() + (int64_t)ms * 1000;
	struct pollfd pfd;
	int64_t left;

	pg_session_enter(s);
	pg_session_pause(s, false);
	while (s->phase == PG_PHASE_UP && s->pending > 0) {
		pg_query_io(s);
		left = deadline - clock_mono_us();
		if (left <= 0 || s->pending == 0 || s->phase != PG_PHASE_UP)
			break;
		pfd.fd = PQsocket(s->conn);
		pfd.events = POLLIN;
		if (PQflush(s->conn) == 1)
			pfd.events |= POLLOUT;
		if (poll(&pfd, 1, (int)(left / 1000) + 1) == -1 &&
		    errno != EINTR)
			break;
	}
	ms = s->phase == PG_PHASE_UP && s->pending == 0 ? 0 : -1;
	pg_session_leave(s);
	return (ms);
}
