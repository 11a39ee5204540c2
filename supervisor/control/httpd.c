/* SPDX-License-Identifier: ISC */
/* Connections to the metrics port, from accept to end of file. */
#include "config.h"

#include "supervisor/control/httpd.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/control/httphead.h"
#include "supervisor/control/hub.h"
#include "supervisor/control/page.h"

#define HTTP_LIFE_S	10	/* a whole connection */
#define HTTP_LISTENERS	8
#define LISTENS_ALREADY	0	/* no listen(2), the sandbox has none */
#define HTTP_RETRY_S	1	/* after a failed accept */

enum visit_state { VISIT_READING, VISIT_WRITING, VISIT_CLOSING };

struct visit {
	TAILQ_ENTRY(visit) entry;
	struct httpd	*owner;
	struct bufferevent *bev;
	struct event	*deadline;
	enum visit_state state;
	bool		 eof;		/* the client has closed its half */
};

struct httpd {
	struct hub	*hub;
	struct evconnlistener *listeners[HTTP_LISTENERS];
	size_t		 nlisteners;
	struct event	*retry;
	size_t		 count;
	TAILQ_HEAD(, visit) visits;
};

static void
listen_switch(struct httpd *d, bool on)
{
	size_t i;

	for (i = 0; i < d->nlisteners; i++) {
		if (on)
			evconnlistener_enable(d->listeners[i]);
		else
			evconnlistener_disable(d->listeners[i]);
	}
}

static void
visit_free(struct visit *v)
{
	struct httpd *d = v->owner;

	TAILQ_REMOVE(&d->visits, v, entry);
	event_free(v->deadline);
	bufferevent_free(v->bev);
	free(v);
	if (d->count-- == HTTP_CONNECTIONS)
		listen_switch(d, true);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	log_debug("an HTTP client took too long");
	visit_free(arg);
}

static void
answer(struct visit *v, int status, const struct http_head *head)
{
	v->state = VISIT_WRITING;
	if (page_answer(bufferevent_get_output(v->bev), v->owner->hub,
	    status, head) == -1) {
		log_warnx("no memory for an HTTP answer");
		visit_free(v);
	}
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct visit *v = arg;
	struct http_head head;
	char buf[HTTP_HEAD_MAX];
	size_t len;
	ev_ssize_t n;

	if (v->state != VISIT_READING) {
		(void)evbuffer_drain(in, evbuffer_get_length(in));
		return;
	}
	memset(&head, 0, sizeof(head));
	n = evbuffer_copyout(in, buf, sizeof(buf));
	len = n > 0 ? http_head_length(buf, (size_t)n) : 0;
	if (len > 0)
		answer(v, http_head_parse(buf, len, &head), &head);
	else if (evbuffer_get_length(in) >= sizeof(buf))
		answer(v, 431, &head);
}

/*
 * All is said.  Closing now, with something of the request still unread,
 * would reset the connection and the answer with it: so let the client
 * close first, until its deadline.
 */
static void
on_written(struct bufferevent *bev, void *arg)
{
	struct visit *v = arg;

	if (v->state != VISIT_WRITING)
		return;
	v->state = VISIT_CLOSING;
	if (v->eof || shutdown(bufferevent_getfd(bev), SHUT_WR) == -1)
		visit_free(v);
}

static void
on_gone(struct bufferevent *bev, short what, void *arg)
{
	struct visit *v = arg;

	(void)bev;
	v->eof = true;
	if ((what & BEV_EVENT_EOF) && v->state == VISIT_WRITING)
		return;
	visit_free(v);
}

static struct visit *
visit_new(struct httpd *d, evutil_socket_t fd)
{
	struct visit *v;

	if ((v = calloc(1, sizeof(*v))) == NULL)
		return (NULL);
	v->owner = d;
	v->bev = bufferevent_socket_new(d->hub->base, fd,
	    BEV_OPT_CLOSE_ON_FREE);
	v->deadline = evtimer_new(d->hub->base, on_deadline, v);
	if (v->bev == NULL || v->deadline == NULL) {
		if (v->bev != NULL)
			bufferevent_free(v->bev);
		else
			(void)close(fd);
		if (v->deadline != NULL)
			event_free(v->deadline);
		free(v);
		return (NULL);
	}
	TAILQ_INSERT_TAIL(&d->visits, v, entry);
	if (++d->count == HTTP_CONNECTIONS)
		listen_switch(d, false);
	return (v);
}

static void
on_accept(struct evconnlistener *l, evutil_socket_t fd,
    struct sockaddr *sa, int len, void *arg)
{
	static const struct timeval life = { HTTP_LIFE_S, 0 };
	struct visit *v;

	(void)l;
	(void)sa;
	(void)len;
	if ((v = visit_new(arg, fd)) == NULL) {
		log_warnx("no memory for an HTTP connection");
		return;
	}
	bufferevent_setcb(v->bev, on_read, on_written, on_gone, v);
	bufferevent_setwatermark(v->bev, EV_READ, 0, HTTP_HEAD_MAX);
	if (evtimer_add(v->deadline, &life) == -1 ||
	    bufferevent_enable(v->bev, EV_READ | EV_WRITE) == -1)
		visit_free(v);
}

/*
 * Out of descriptors or memory.  The listener stays readable, so without a
 * pause this would be called for ever and nothing else would run.
 */
static void
on_accept_error(struct evconnlistener *l, void *arg)
{
	static const struct timeval pause = { HTTP_RETRY_S, 0 };
	struct httpd *d = arg;

	(void)l;
	log_warn("accepting on the metrics port");
	listen_switch(d, false);
	(void)evtimer_add(d->retry, &pause);
}

static void
on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct httpd *d = arg;

	(void)fd;
	(void)what;
	if (d->count < HTTP_CONNECTIONS)
		listen_switch(d, true);
}

struct httpd *
httpd_new(struct hub *hub)
{
	struct httpd *d;

	if ((d = calloc(1, sizeof(*d))) == NULL)
		return (NULL);
	d->hub = hub;
	TAILQ_INIT(&d->visits);
	if ((d->retry = evtimer_new(hub->base, on_retry, d)) == NULL) {
		free(d);
		return (NULL);
	}
	return (d);
}

void
httpd_free(struct httpd *d)
{
	size_t i;

	if (d == NULL)
		return;
	for (i = 0; i < d->nlisteners; i++)
		evconnlistener_free(d->listeners[i]);
	d->nlisteners = 0;
	while (!TAILQ_EMPTY(&d->visits))
		visit_free(TAILQ_FIRST(&d->visits));
	event_free(d->retry);
	free(d);
}

int
httpd_listen(struct httpd *d, int fd)
{
	struct evconnlistener *l;

	if (d->nlisteners == HTTP_LISTENERS) {
		(void)close(fd);
		errno = ENOSPC;
		return (-1);
	}
	if (evutil_make_socket_nonblocking(fd) == -1 ||
	    (l = evconnlistener_new(d->hub->base, on_accept, d,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, LISTENS_ALREADY,
	    fd)) == NULL) {
		(void)close(fd);
		return (-1);
	}
	evconnlistener_set_error_cb(l, on_accept_error);
	d->listeners[d->nlisteners++] = l;
	if (d->count >= HTTP_CONNECTIONS)
		evconnlistener_disable(l);
	return (0);
}
