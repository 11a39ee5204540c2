/* SPDX-License-Identifier: ISC */
/*
 * The life of a session: opened, connected by connect.c, used through
 * query.c, over.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/pg/session_int.h"
#include "common/resolve.h"

void
pg_text_copy(char *dst, size_t size, const char *message)
{
	size_t n = 0;

	while (*message != '\0' && n + 1 < size) {
		if (strncmp(message, "\nLOCATION:", 10) == 0) {
			message += 1;
			message += strcspn(message, "\n");
		} else if (*message == '\n' || *message == '\t') {
			message++;
			if (*message != '\0' && n > 0 && dst[n - 1] != ' ')
				dst[n++] = ' ';
		} else
			dst[n++] = *message++;
	}
	dst[n] = '\0';
}

void
pg_session_timer(struct pg_session *s, int64_t us)
{
	struct timeval tv;

	event_del(s->ev_timer);
	if (us <= 0)
		return;
	tv.tv_sec = (time_t)(us / 1000000);
	tv.tv_usec = (suseconds_t)(us % 1000000);
	event_add(s->ev_timer, &tv);
}

void
pg_session_events_off(struct pg_session *s)
{
	if (s->ev_read != NULL)
		event_free(s->ev_read);
	if (s->ev_write != NULL)
		event_free(s->ev_write);
	s->ev_read = s->ev_write = NULL;
}

static void
on_read(evutil_socket_t fd, short what, void *arg)
{
	struct pg_session *s = arg;

	(void)fd;
	(void)what;
	if (s->phase == PG_PHASE_UP)
		pg_query_io(s);
	else
		pg_connect_io(s);
}

static void
on_write(evutil_socket_t fd, short what, void *arg)
{
	struct pg_session *s = arg;

	(void)fd;
	(void)what;
	if (s->phase == PG_PHASE_UP)
		pg_query_write(s);
	else
		pg_connect_io(s);
}

int
pg_session_events(struct pg_session *s)
{
	int fd = PQsocket(s->conn);

	pg_session_events_off(s);
	s->ev_read = event_new(s->base, fd, EV_READ | EV_PERSIST, on_read, s);
	s->ev_write = event_new(s->base, fd, EV_WRITE | EV_PERSIST, on_write,
	    s);
	return (s->ev_read != NULL && s->ev_write != NULL ? 0 : -1);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct pg_session *s = arg;

	(void)fd;
	(void)what;
	if (s->phase == PG_PHASE_UP)
		pg_session_over(s, PG_SESSION_LOST,
		    "the server did not answer a command in time");
	else
		pg_connect_timeout(s);
}

static void
on_soon(evutil_socket_t fd, short what, void *arg)
{
	struct pg_session *s = arg;

	(void)fd;
	(void)what;
	if (s->phase == PG_PHASE_UP)
		pg_query_io(s);
	else
		pg_connect_first(s);
}

void
pg_session_enter(struct pg_session *s)
{
	s->busy++;
}

static void
session_free(struct pg_session *s)
{
	pg_session_events_off(s);
	if (s->ev_timer != NULL)
		event_free(s->ev_timer);
	if (s->ev_soon != NULL)
		event_free(s->ev_soon);
	pg_connect_free(s);
	pg_query_free(s);
	PQfinish(s->conn);
	free(s);
}

void
pg_session_leave(struct pg_session *s)
{
	if (--s->busy == 0 && s->closed)
		session_free(s);
}

void
pg_session_close(struct pg_session *s)
{
	if (s == NULL)
		return;
	s->closed = true;
	s->phase = PG_PHASE_OVER;
	if (s->busy == 0)
		session_free(s);
}

/* Say how it ended.  The caller holds the session or forgets it. */
void
pg_session_over(struct pg_session *s, enum pg_session_event how,
    const char *text)
{
	char copy[PG_TEXT_MAX];

	pg_text_copy(copy, sizeof(copy), text);
	s->phase = PG_PHASE_OVER;
	pg_connect_free(s);
	pg_session_events_off(s);
	event_del(s->ev_timer);
	event_del(s->ev_soon);
	pg_session_enter(s);
	pg_query_discard(s);
	if (!s->closed)
		s->fn(s, how, copy, s->arg);
	pg_session_leave(s);
}

static int
session_init(struct pg_session *s, const struct pg_session_opts *o)
{
	struct pg_connect *c = &s->connect;

	TAILQ_INIT(&s->queue);
	SLIST_INIT(&s->names);
	c->resolve = o->resolve;
	c->primary = o->primary;
	c->settings = o->settings;
	c->nsettings = o->nsettings;
	c->file = o->file;
	c->file_arg = o->file_arg;
	c->timeout_us = o->connect_timeout_us;
	/* A string that cannot be parsed is a failure to connect: it is
	 * told through the callback, like the others. */
	c->ci = pg_conninfo_parse(o->conninfo, c->errors, sizeof(c->errors));
	c->application_name = strdup(o->application_name != NULL ?
	    o->application_name : "pg-tided");
	s->ev_timer = event_new(s->base, -1, 0, on_timer, s);
	s->ev_soon = event_new(s->base, -1, 0, on_soon, s);
	if (c->application_name == NULL || s->ev_timer == NULL ||
	    s->ev_soon == NULL)
		return (-1);
	event_active(s->ev_soon, EV_TIMEOUT, 1);
	return (0);
}

struct pg_session *
pg_session_open(struct event_base *base, const struct pg_session_opts *o,
    pg_session_fn fn, void *arg)
{
	struct pg_session *s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (NULL);
	s->base = base;
	s->fn = fn;
	s->arg = arg;
	if (session_init(s, o) == -1) {
		session_free(s);
		errno = ENOMEM;
		return (NULL);
	}
	return (s);
}

bool
pg_session_up(const struct pg_session *s)
{
	return (s->phase == PG_PHASE_UP);
}

const char *
pg_session_sqlstate(const struct pg_session *s)
{
	return (s->sqlstate);
}

const char *
pg_session_target(const struct pg_session *s)
{
	return (s->target);
}

void
pg_session_on_notify(struct pg_session *s, pg_notify_fn fn, void *arg)
{
	s->notify = fn;
	s->notify_arg = arg;
}

int
pg_session_backend_pid(const struct pg_session *s)
{
	return (s->backend_pid);
}

bool
pg_session_moved(const struct pg_session *s, int pid)
{
	return (pid != s->backend_pid);
}

int
pg_session_server_version(const struct pg_session *s)
{
	return (s->server_version);
}
