/* SPDX-License-Identifier: ISC */
/* The doorbell wired up to database, supervisor and event loop. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/child.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/units.h"
#include "supervisor/catalog/bell.h"
#include "supervisor/catalog/database.h"
#include "supervisor/catalog/doorbell.h"

#define LOCK_CLASS	"1953064037"

struct wiring {
	struct child	*child;
	struct database	*db;		/* NULL while it is away */
	struct doorbell	*doorbell;
	struct event	*timer;
};

/* One question on its way. */
struct question {
	struct wiring	*w;
	uint32_t	 outbox_id;
};

/*
 * One round trip for "may I sleep, and if not, who is it?".  A CASE is
 * evaluated in order, and the shared lock is given back at once.
 */
static const char ask_sql[] =
    "SELECT CASE WHEN pg_try_advisory_lock(" LOCK_CLASS ", $1::int) "
    "THEN 'locked' WHEN pg_try_advisory_lock_shared(" LOCK_CLASS ", $1::int) "
    "AND pg_advisory_unlock_shared(" LOCK_CLASS ", $1::int) "
    "THEN 'publisher' ELSE 'sleeper' END, pg_backend_pid()";

static const char release_sql[] =
    "SELECT pg_advisory_unlock(" LOCK_CLASS ", $1::int)";

static const char release_ring_sql[] =
    "SELECT pg_advisory_unlock(" LOCK_CLASS ", $1::int), "
    "pg_notify('tide_outbox_new', $2::text)";

static void
timer_arm(struct wiring *w)
{
	int64_t due = doorbell_next(w->doorbell), left;
	struct timeval tv;

	event_del(w->timer);
	if (due == DOORBELL_NEVER)
		return;
	left = due - clock_mono_us();
	if (left < 0)
		left = 0;
	tv.tv_sec = (time_t)(left / 1000000);
	tv.tv_usec = (suseconds_t)(left % 1000000);
	event_add(w->timer, &tv);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct wiring *w = arg;

	(void)fd;
	(void)what;
	doorbell_run(w->doorbell, clock_mono_us());
	timer_arm(w);
}

static void
op_wake(const char *outbox, enum doorbell_why why, void *arg)
{
	struct wiring *w = arg;
	struct frame f;

	metrics_add(child_metrics(w->child), METRIC_WAKEUPS,
	    doorbell_why_name(why), 1);
	/* Without a session the bell of no outbox rings. */
	msg_str_put(&f, MSG_WAKE, why == DOORBELL_OFFLINE ? "" : outbox);
	if (peer_send(child_supervisor(w->child), &f) == -1)
		log_warn("doorbell of %s", outbox);
}

static enum doorbell_answer
answer_read(struct wiring *w, const PGresult *res)
{
	const char *text;

	if (res == NULL || PQresultStatus(res) != PGRES_TUPLES_OK ||
	    PQntuples(res) != 1)
		return (DOORBELL_ERROR);
	if (!database_same(w->db, PQgetvalue(res, 0, 1)))
		return (DOORBELL_ERROR);
	text = PQgetvalue(res, 0, 0);
	if (strcmp(text, "locked") == 0)
		return (DOORBELL_LOCKED);
	return (strcmp(text, "publisher") == 0 ? DOORBELL_PUBLISHER :
	    DOORBELL_SLEEPER);
}

static void
on_answer(const PGresult *res, void *arg)
{
	struct question *q = arg, copy = *q;
	enum doorbell_answer answer = DOORBELL_ERROR;

	free(q);
	if (copy.w->db != NULL)
		answer = answer_read(copy.w, res);
	doorbell_answered(copy.w->doorbell, copy.outbox_id, answer,
	    clock_mono_us());
	timer_arm(copy.w);
}

static int
op_ask(uint32_t outbox_id, void *arg)
{
	struct wiring *w = arg;
	char id[16];
	const char *values[] = { id };
	const struct pg_command cmd = { .sql = ask_sql,
	    .prepared = "doorbell_ask", .nparams = 1, .values = values };
	struct question *q;

	(void)snprintf(id, sizeof(id), "%u", outbox_id);
	if (w->db == NULL || (q = calloc(1, sizeof(*q))) == NULL)
		return (-1);
	q->w = w;
	q->outbox_id = outbox_id;
	if (database_query(w->db, &cmd, on_answer, q) == -1) {
		free(q);
		return (-1);
	}
	return (0);
}

static void
on_release(const PGresult *res, void *arg)
{
	(void)arg;
	if (res != NULL && PQresultStatus(res) != PGRES_TUPLES_OK)
		log_warnx("doorbell: %s", PQresultErrorMessage(res));
}

static void
op_release(uint32_t outbox_id, const char *outbox, bool ring, void *arg)
{
	struct wiring *w = arg;
	char id[16];
	const char *values[] = { id, outbox };
	const struct pg_command quiet = { .sql = release_sql,
	    .prepared = "doorbell_release", .nparams = 1, .values = values };
	const struct pg_command loud = { .sql = release_ring_sql,
	    .prepared = "doorbell_release_ring", .nparams = 2,
	    .values = values };

	(void)snprintf(id, sizeof(id), "%u", outbox_id);
	/* A session that is gone has released it. */
	if (w->db != NULL && database_query(w->db, ring ? &loud : &quiet,
	    on_release, w) == -1)
		log_warn("doorbell of %s", outbox);
}

static const struct doorbell_ops ops = { op_wake, op_ask, op_release };

struct wiring *
bell_new(struct event_base *base, struct child *child)
{
	struct wiring *w;

	if ((w = calloc(1, sizeof(*w))) == NULL)
		return (NULL);
	w->child = child;
	w->doorbell = doorbell_new(&ops, w);
	w->timer = event_new(base, -1, 0, on_timer, w);
	if (w->doorbell == NULL || w->timer == NULL) {
		bell_free(w);
		return (NULL);
	}
	return (w);
}

void
bell_free(struct wiring *w)
{
	if (w == NULL)
		return;
	if (w->timer != NULL)
		event_free(w->timer);
	doorbell_free(w->doorbell);
	free(w);
}

void
bell_online(struct wiring *w, struct database *db)
{
	w->db = db;
	doorbell_online(w->doorbell, db != NULL, clock_mono_us());
	timer_arm(w);
}

void
bell_ring(struct wiring *w, const char *outbox)
{
	doorbell_ring(w->doorbell, outbox, clock_mono_us());
	timer_arm(w);
}

void
bell_idle(struct wiring *w, const struct msg_idle *idle)
{
	doorbell_idle(w->doorbell, idle->name, idle->xmax, clock_mono_us());
	timer_arm(w);
}

int
bell_join(struct wiring *w, const char *worker, const char *outbox,
    uint32_t outbox_id)
{
	int ret = doorbell_join(w->doorbell, worker, outbox, outbox_id,
	    clock_mono_us());

	timer_arm(w);
	return (ret);
}

void
bell_leave(struct wiring *w, const char *worker)
{
	doorbell_leave(w->doorbell, worker, clock_mono_us());
	timer_arm(w);
}
