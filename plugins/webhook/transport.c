/* SPDX-License-Identifier: ISC */
/*
 * libcurl's multi interface on the host's event loop.
 */
#include "config.h"

#include <stdbool.h>
#include <stdlib.h>

#include "plugins/webhook/transport.h"

/* A socket that libcurl wants to hear about. */
struct wire {
	struct wire		*next, **prev;
	struct transport	*t;
	struct pgtide_watch	*watch;
};

struct transport {
	const struct pgtide_host *host;
	struct pgtide_ctx	*ctx;
	struct transport_user	 user;
	CURLM			*multi;
	struct pgtide_watch	*timer;
	struct wire		*wires;
};

/* Report what has finished.  Starting new transfers meanwhile is fine. */
static void
harvest(struct transport *t)
{
	CURLMsg *msg;
	bool any = false;
	int left;

	while ((msg = curl_multi_info_read(t->multi, &left)) != NULL)
		if (msg->msg == CURLMSG_DONE) {
			any = true;
			t->user.done(t->user.arg, msg->easy_handle,
			    msg->data.result);
		}
	if (any)
		t->user.idle(t->user.arg);
}

static void
advance(struct transport *t, curl_socket_t fd, int what)
{
	int running;
	CURLMcode rc;

	rc = curl_multi_socket_action(t->multi, fd, what, &running);
	if (rc != CURLM_OK)
		t->host->fatal(t->ctx, (int32_t)rc, curl_multi_strerror(rc));
	else
		harvest(t);
}

static void
wire_ready(void *arg, int fd, unsigned int events)
{
	struct wire *w = arg;
	int what = 0;

	if ((events & PGTIDE_EV_READ) != 0)
		what |= CURL_CSELECT_IN;
	if ((events & PGTIDE_EV_WRITE) != 0)
		what |= CURL_CSELECT_OUT;
	advance(w->t, fd, what);
}

static void
timer_fired(void *arg, int fd, unsigned int events)
{
	(void)fd;
	(void)events;
	advance(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int
timer_wanted(CURLM *multi, long ms, void *arg)
{
	struct transport *t = arg;

	(void)multi;
	return (t->host->timer_set(t->timer, ms));
}

static void
wire_free(struct wire *w)
{
	if (w->watch != NULL)
		w->t->host->unwatch(w->watch);
	*w->prev = w->next;
	if (w->next != NULL)
		w->next->prev = w->prev;
	free(w);
}

static struct wire *
wire_new(struct transport *t, curl_socket_t fd, unsigned int events)
{
	struct wire *w;

	if ((w = calloc(1, sizeof(*w))) == NULL)
		return (NULL);
	w->t = t;
	w->prev = &t->wires;
	if ((w->next = t->wires) != NULL)
		w->next->prev = &w->next;
	t->wires = w;
	w->watch = t->host->fd_watch(t->ctx, fd, events, wire_ready, w);
	if (w->watch == NULL ||
	    curl_multi_assign(t->multi, fd, w) != CURLM_OK) {
		wire_free(w);
		return (NULL);
	}
	return (w);
}

/* -1 makes libcurl end all transfers with an error. */
static int
socket_wanted(CURL *easy, curl_socket_t fd, int what, void *arg, void *wire)
{
	struct transport *t = arg;
	struct wire *w = wire;
	unsigned int events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (w != NULL)
			wire_free(w);
		return (0);
	}
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		events |= PGTIDE_EV_READ;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		events |= PGTIDE_EV_WRITE;
	if (w == NULL)
		return (wire_new(t, fd, events) == NULL ? -1 : 0);
	return (t->host->fd_change(w->watch, events));
}

static int
multi_setup(struct transport *t)
{
	int rc = 0;

	rc |= (int)curl_multi_setopt(t->multi, CURLMOPT_SOCKETFUNCTION,
	    socket_wanted);
	rc |= (int)curl_multi_setopt(t->multi, CURLMOPT_SOCKETDATA, t);
	rc |= (int)curl_multi_setopt(t->multi, CURLMOPT_TIMERFUNCTION,
	    timer_wanted);
	rc |= (int)curl_multi_setopt(t->multi, CURLMOPT_TIMERDATA, t);
	rc |= (int)curl_multi_setopt(t->multi, CURLMOPT_PIPELINING,
	    CURLPIPE_MULTIPLEX);
	return (rc == 0 ? 0 : -1);
}

struct transport *
transport_new(const struct pgtide_host *host, struct pgtide_ctx *ctx,
    const struct transport_user *user)
{
	struct transport *t;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		return (NULL);
	t->host = host;
	t->ctx = ctx;
	t->user = *user;
	if ((t->timer = host->timer(ctx, timer_fired, t)) == NULL ||
	    (t->multi = curl_multi_init()) == NULL || multi_setup(t) == -1) {
		transport_free(t);
		return (NULL);
	}
	return (t);
}

void
transport_free(struct transport *t)
{
	if (t == NULL)
		return;
	if (t->multi != NULL) {
		/* Connections are closed without a word to the loop. */
		(void)curl_multi_setopt(t->multi, CURLMOPT_SOCKETFUNCTION,
		    NULL);
		(void)curl_multi_setopt(t->multi, CURLMOPT_TIMERFUNCTION,
		    NULL);
	}
	while (t->wires != NULL)
		wire_free(t->wires);
	(void)curl_multi_cleanup(t->multi);
	if (t->timer != NULL)
		t->host->unwatch(t->timer);
	free(t);
}

void
transport_limit(struct transport *t, size_t connections)
{
	(void)curl_multi_setopt(t->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
	    (long)connections);
	(void)curl_multi_setopt(t->multi, CURLMOPT_MAXCONNECTS,
	    (long)connections);
}

int
transport_add(struct transport *t, CURL *easy)
{
	return (curl_multi_add_handle(t->multi, easy) == CURLM_OK ? 0 : -1);
}

void
transport_remove(struct transport *t, CURL *easy)
{
	(void)curl_multi_remove_handle(t->multi, easy);
}
