/* SPDX-License-Identifier: ISC */
/* The HTTP face of the control process, on evhttp. */
#include "config.h"

#include "supervisor/control/httpd.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/units.h"
#include "supervisor/control/derive.h"
#include "supervisor/control/expose.h"
#include "supervisor/control/guard.h"
#include "supervisor/control/health.h"
#include "supervisor/control/hub.h"

#define HTTP_CONNECTIONS	128
#define HTTP_LIFE_S		10	/* a whole connection */
#define HTTP_IDLE_S		5	/* between two bytes */
#define HTTP_HEADERS_MAX	8192
#define HTTP_BODY_MAX		0
#define HTTP_BACKLOG		128
#define HTTP_LISTENERS		4
#define HTTP_RETRY_S		1	/* after a failed accept */

struct httpd {
	struct hub	*hub;
	struct evhttp	*http;
	struct guard	*guard;
	struct evconnlistener *listeners[HTTP_LISTENERS];
	size_t		 nlisteners;
	struct event	*retry;
};

static void
set_header(struct evhttp_request *req, const char *name, const char *value)
{
	if (evhttp_add_header(evhttp_request_get_output_headers(req), name,
	    value) == -1)
		log_warnx("HTTP header %s was not added", name);
}

static void
reply(struct evhttp_request *req, int code, const char *reason,
    const char *type, struct evbuffer *body)
{
	set_header(req, "Content-Type", type);
	set_header(req, "Cache-Control", "no-store");
	set_header(req, "X-Content-Type-Options", "nosniff");
	set_header(req, "Connection", "close");
	evhttp_send_reply(req, code, reason, body);
}

static void
reply_text(struct evhttp_request *req, int code, const char *reason,
    const char *text)
{
	struct evbuffer *body = evbuffer_new();

	if (body == NULL ||
	    evbuffer_add_printf(body, "%s\n", text) == -1)
		log_warnx("no memory for an HTTP answer");
	reply(req, code, reason, "text/plain; charset=utf-8", body);
	if (body != NULL)
		evbuffer_free(body);
}

static void
page_metrics(struct evhttp_request *req, struct hub *h)
{
	struct evbuffer *body = evbuffer_new();
	enum expose_format format;

	format = expose_negotiate(evhttp_find_header(
	    evhttp_request_get_input_headers(req), "Accept"));
	derive_gauges(h);
	if (body == NULL || expose_page(body, h->store, format,
	    clock_mono_us()) == -1)
		reply_text(req, 503, "Service Unavailable", "out of memory");
	else
		reply(req, 200, "OK", expose_content_type(format), body);
	if (body != NULL)
		evbuffer_free(body);
}

static void
page_livez(struct evhttp_request *req, struct hub *h)
{
	(void)h;
	reply_text(req, 200, "OK", "alive");
}

static void
page_readyz(struct evhttp_request *req, struct hub *h)
{
	const char *reason;

	if (health_ready(h, &reason))
		reply_text(req, 200, "OK", "ready");
	else
		reply_text(req, 503, "Service Unavailable", "not ready");
}

static void
page_health(struct evhttp_request *req, struct hub *h)
{
	struct evbuffer *body = evbuffer_new();
	struct json_object *o = health_json(h);
	const char *reason;
	bool ready = health_ready(h, &reason);

	if (body == NULL || o == NULL || evbuffer_add_printf(body, "%s\n",
	    json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
	    JSON_C_TO_STRING_NOSLASHESCAPE)) == -1)
		log_warnx("no memory for the health document");
	reply(req, ready ? 200 : 503, ready ? "OK" : "Service Unavailable",
	    "application/json", body);
	json_object_put(o);
	if (body != NULL)
		evbuffer_free(body);
}

static const struct route {
	const char	*path;
	void		(*page)(struct evhttp_request *, struct hub *);
} routes[] = {
	{ "/metrics",	page_metrics },
	{ "/livez",	page_livez },
	{ "/readyz",	page_readyz },
	{ "/health",	page_health },
	{ "/healthz",	page_health }
};

static void
on_request(struct evhttp_request *req, void *arg)
{
	struct httpd *d = arg;
	const char *path;
	size_t i;

	path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(req));
	for (i = 0; path != NULL && i < sizeof(routes) / sizeof(routes[0]);
	    i++)
		if (strcmp(routes[i].path, path) == 0) {
			routes[i].page(req, d->hub);
			return;
		}
	reply_text(req, 404, "Not Found", "not found");
}

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
on_full(bool full, void *arg)
{
	if (full)
		log_warnx("%d connections to the metrics port: the next "
		    "ones wait", HTTP_CONNECTIONS);
	listen_switch(arg, !full);
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
	if (guard_count(d->guard) < HTTP_CONNECTIONS)
		listen_switch(d, true);
}

struct httpd *
httpd_new(struct hub *hub)
{
	struct httpd *d;

	if ((d = calloc(1, sizeof(*d))) == NULL)
		return (NULL);
	d->hub = hub;
	d->http = evhttp_new(hub->base);
	d->guard = guard_new(hub->base, HTTP_CONNECTIONS, HTTP_LIFE_S,
	    on_full, d);
	d->retry = evtimer_new(hub->base, on_retry, d);
	if (d->http == NULL || d->guard == NULL || d->retry == NULL) {
		httpd_free(d);
		return (NULL);
	}
	evhttp_set_bevcb(d->http, guard_bufferevent, d->guard);
	evhttp_set_gencb(d->http, on_request, d);
	evhttp_set_allowed_methods(d->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	evhttp_set_max_headers_size(d->http, HTTP_HEADERS_MAX);
	evhttp_set_max_body_size(d->http, HTTP_BODY_MAX);
	evhttp_set_timeout(d->http, HTTP_IDLE_S);
	evhttp_set_default_content_type(d->http, NULL);
	return (d);
}

void
httpd_free(struct httpd *d)
{
	if (d == NULL)
		return;
	d->nlisteners = 0;	/* evhttp frees them: not to be enabled */
	if (d->http != NULL)
		evhttp_free(d->http);
	guard_free(d->guard);
	if (d->retry != NULL)
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
	    (l = evconnlistener_new(d->hub->base, NULL, NULL,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, HTTP_BACKLOG,
	    fd)) == NULL) {
		(void)close(fd);
		return (-1);
	}
	evconnlistener_set_error_cb(l, on_accept_error);
	if (evhttp_bind_listener(d->http, l) == NULL) {
		evconnlistener_free(l);
		errno = ENOMEM;
		return (-1);
	}
	d->listeners[d->nlisteners++] = l;
	return (0);
}
