/* SPDX-License-Identifier: ISC */
/* Counting and timing evhttp's connections from below. */
#include "config.h"

#include "supervisor/control/guard.h"

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/log.h"

struct guard {
	struct event_base *base;
	size_t		 count, max;
	struct timeval	 life;
	void		(*full)(bool, void *);
	void		*arg;
};

struct visit {
	struct guard		*guard;
	struct bufferevent	*socket;
	struct event		*deadline;
};

struct guard *
guard_new(struct event_base *base, size_t max, int seconds,
    void (*full)(bool, void *), void *arg)
{
	struct guard *g;

	if ((g = calloc(1, sizeof(*g))) == NULL)
		return (NULL);
	g->base = base;
	g->max = max;
	g->life.tv_sec = seconds;
	g->full = full;
	g->arg = arg;
	return (g);
}

void
guard_free(struct guard *g)
{
	free(g);
}

size_t
guard_count(const struct guard *g)
{
	return (g->count);
}

/* evhttp has let go of the connection. */
static void
visit_end(void *arg)
{
	struct visit *v = arg;
	struct guard *g = v->guard;

	event_free(v->deadline);
	free(v);
	if (g->count-- == g->max)
		g->full(false, g->arg);
}

/* evhttp sees the end of the stream and cleans up. */
static void
visit_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct visit *v = arg;

	(void)fd;
	(void)what;
	log_debug("an HTTP client took too long");
	(void)shutdown(bufferevent_getfd(v->socket), SHUT_RDWR);
}

static struct visit *
visit_new(struct guard *g)
{
	struct visit *v;

	if ((v = calloc(1, sizeof(*v))) == NULL)
		return (NULL);
	v->guard = g;
	v->deadline = evtimer_new(g->base, visit_deadline, v);
	if (v->deadline == NULL || evtimer_add(v->deadline, &g->life) == -1) {
		if (v->deadline != NULL)
			event_free(v->deadline);
		free(v);
		return (NULL);
	}
	return (v);
}

/*
 * A filter that filters nothing: its context's destructor is the only
 * notice of the end of a connection that evhttp cannot avoid giving.
 */
struct bufferevent *
guard_bufferevent(struct event_base *base, void *arg)
{
	struct bufferevent *filter;
	struct guard *g = arg;
	struct visit *v;

	if ((v = visit_new(g)) == NULL)
		return (NULL);
	v->socket = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	if (v->socket == NULL) {
		event_free(v->deadline);
		free(v);
		return (NULL);
	}
	filter = bufferevent_filter_new(v->socket, NULL, NULL,
	    BEV_OPT_CLOSE_ON_FREE, visit_end, v);
	if (filter == NULL) {
		bufferevent_free(v->socket);
		event_free(v->deadline);
		free(v);
		return (NULL);
	}
	if (++g->count == g->max)
		g->full(true, g->arg);
	return (filter);
}
