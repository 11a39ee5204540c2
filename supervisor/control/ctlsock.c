/* SPDX-License-Identifier: ISC */
/* Connections to the control socket, from accept to end of file. */
#include "config.h"

#include "supervisor/control/ctlsock.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/child.h"
#include "common/log.h"
#include "supervisor/control/access.h"
#include "supervisor/control/hub.h"
#include "supervisor/control/text.h"
#include "supervisor/control/verbs.h"

#define CTL_CONNECTIONS	32
#define CTL_REQUEST_MAX	65536
#define CTL_REQUEST_S	5	/* to say what is wanted */
#define CTL_SUPERVISOR_S 10	/* until the supervisor has answered */
#define CTL_REPLY_S	5	/* to take the answer */
#define CTL_JSON_DEPTH	8
#define LISTENS_ALREADY	0	/* no listen(2), the sandbox has none */

enum conn_state { CONN_READING, CONN_WAITING, CONN_WRITING, CONN_CLOSING };

struct conn {
	TAILQ_ENTRY(conn) entry;
	struct ctlsock	*owner;
	struct bufferevent *bev;
	struct event	*deadline;
	struct access	 access;
	enum conn_state	 state;
	bool		 eof;		/* the client has closed its half */
	uint32_t	 id;		/* of the forwarded request */
};

struct ctlsock {
	struct hub	*hub;
	struct evconnlistener *listener;
	struct event	*retry;
	size_t		 count;
	uint32_t	 next_id;
	TAILQ_HEAD(, conn) conns;
};

static void
conn_free(struct conn *c)
{
	struct ctlsock *s = c->owner;

	TAILQ_REMOVE(&s->conns, c, entry);
	event_free(c->deadline);
	bufferevent_free(c->bev);
	free(c);
	if (s->count-- == CTL_CONNECTIONS && s->listener != NULL)
		evconnlistener_enable(s->listener);
}

static void
conn_deadline_set(struct conn *c, int seconds)
{
	struct timeval tv = { seconds, 0 };

	(void)evtimer_add(c->deadline, &tv);
}

static void
conn_write(struct conn *c, struct json_object *data,
    const struct verb_error *e)
{
	struct json_object *o = verbs_envelope(data, e);
	struct evbuffer *out = bufferevent_get_output(c->bev);
	const char *text;

	text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
	    JSON_C_TO_STRING_NOSLASHESCAPE);
	c->state = CONN_WRITING;
	conn_deadline_set(c, CTL_REPLY_S);
	if (text == NULL || evbuffer_add_printf(out, "%s\n", text) == -1)
		log_warnx("no memory for an answer on the control socket");
	json_object_put(o);
}

static void
conn_fail(struct conn *c, const char *code, const char *message)
{
	struct verb_error e;

	verbs_error(&e, code, message);
	conn_write(c, NULL, &e);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	if (c->state == CONN_WAITING) {
		conn_fail(c, "timeout", "the supervisor did not answer");
		return;
	}
	log_debug("a client of the control socket took too long");
	conn_free(c);
}

static void
conn_forward(struct conn *c, struct msg_request *r)
{
	struct peer *supervisor = child_supervisor(c->owner->hub->child);
	struct frame f;

	r->id = c->id = c->owner->next_id++;
	msg_request_put(&f, r);
	if (supervisor == NULL || peer_send(supervisor, &f) == -1) {
		conn_fail(c, "busy", "the request could not be passed on");
		return;
	}
	c->state = CONN_WAITING;
	conn_deadline_set(c, CTL_SUPERVISOR_S);
}

static void
conn_request(struct conn *c, struct json_object *request)
{
	static struct verb_answer a;	/* large; one at a time */

	switch (verbs_run(c->owner->hub, &c->access, request, &a)) {
	case VERB_DONE:
		conn_write(c, a.data, NULL);
		break;
	case VERB_FAILED:
		conn_write(c, NULL, &a.error);
		break;
	case VERB_FORWARD:
		log_info("%s%s%s asked for by uid %ld, pid %ld", a.verb,
		    a.forward.name[0] != '\0' ? " of " : "",
		    a.forward.name, (long)c->access.uid,
		    (long)c->access.pid);
		conn_forward(c, &a.forward);
		break;
	}
}

static struct json_object *
parse(const char *text, size_t len)
{
	struct json_tokener *t = json_tokener_new_ex(CTL_JSON_DEPTH);
	struct json_object *o;

	if (t == NULL)
		return (NULL);
	json_tokener_set_flags(t, JSON_TOKENER_STRICT |
	    JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(t, text, (int)len + 1);
	if (json_tokener_get_error(t) != json_tokener_success ||
	    !json_object_is_type(o, json_type_object)) {
		json_object_put(o);
		o = NULL;
	}
	json_tokener_free(t);
	return (o);
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct json_object *request;
	struct conn *c = arg;
	size_t len;
	char *line;

	if (c->state != CONN_READING) {
		(void)evbuffer_drain(in, evbuffer_get_length(in));
		return;
	}
	line = evbuffer_readln(in, &len, EVBUFFER_EOL_LF);
	if (line == NULL) {
		if (evbuffer_get_length(in) >= CTL_REQUEST_MAX)
			conn_fail(c, "bad_request", "the request is longer "
			    "than 64 KiB");
		return;
	}
	if ((request = parse(line, len)) == NULL)
		conn_fail(c, "bad_request", "the request is no JSON object");
	else
		conn_request(c, request);
	json_object_put(request);
	free(line);
}

/* As in httpd.c: closing with something unread would take the answer back. */
static void
on_written(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;

	if (c->state != CONN_WRITING)
		return;
	c->state = CONN_CLOSING;
	if (c->eof || shutdown(bufferevent_getfd(bev), SHUT_WR) == -1)
		conn_free(c);
}

static void
on_gone(struct bufferevent *bev, short what, void *arg)
{
	struct conn *c = arg;

	(void)bev;
	c->eof = true;
	/* A client may say all it has to and close its half. */
	if ((what & BEV_EVENT_EOF) && (c->state == CONN_WAITING ||
	    c->state == CONN_WRITING))
		return;
	conn_free(c);
}

static struct conn *
conn_new(struct ctlsock *s, evutil_socket_t fd)
{
	struct conn *c;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return (NULL);
	c->owner = s;
	c->bev = bufferevent_socket_new(s->hub->base, fd,
	    BEV_OPT_CLOSE_ON_FREE);
	c->deadline = evtimer_new(s->hub->base, on_deadline, c);
	if (c->bev == NULL || c->deadline == NULL) {
		if (c->bev != NULL)
			bufferevent_free(c->bev);
		if (c->deadline != NULL)
			event_free(c->deadline);
		free(c);
		return (NULL);
	}
	TAILQ_INSERT_TAIL(&s->conns, c, entry);
	if (++s->count == CTL_CONNECTIONS)
		evconnlistener_disable(s->listener);
	return (c);
}

static void
on_accept(struct evconnlistener *l, evutil_socket_t fd,
    struct sockaddr *sa, int len, void *arg)
{
	struct ctlsock *s = arg;
	struct access access;
	struct conn *c;

	(void)l;
	(void)sa;
	(void)len;
	if (access_of(fd, s->hub->admin_gid, &access) == -1 ||
	    (c = conn_new(s, fd)) == NULL) {
		log_warn("a connection to the control socket");
		(void)close(fd);
		return;
	}
	c->access = access;
	log_debug("control socket: connection of uid %ld, pid %ld",
	    (long)access.uid, (long)access.pid);
	bufferevent_setcb(c->bev, on_read, on_written, on_gone, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, CTL_REQUEST_MAX);
	conn_deadline_set(c, CTL_REQUEST_S);
	(void)bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

/* As in httpd.c: without a pause, a failing accept would spin. */
static void
on_accept_error(struct evconnlistener *l, void *arg)
{
	static const struct timeval pause = { 1, 0 };
	struct ctlsock *s = arg;

	log_warn("accepting on the control socket");
	evconnlistener_disable(l);
	(void)evtimer_add(s->retry, &pause);
}

static void
on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct ctlsock *s = arg;

	(void)fd;
	(void)what;
	if (s->listener != NULL && s->count < CTL_CONNECTIONS)
		evconnlistener_enable(s->listener);
}

struct ctlsock *
ctlsock_new(struct hub *hub)
{
	struct ctlsock *s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (NULL);
	s->hub = hub;
	s->next_id = 1;
	TAILQ_INIT(&s->conns);
	if ((s->retry = evtimer_new(hub->base, on_retry, s)) == NULL) {
		free(s);
		return (NULL);
	}
	return (s);
}

void
ctlsock_free(struct ctlsock *s)
{
	if (s == NULL)
		return;
	if (s->listener != NULL)
		evconnlistener_free(s->listener);
	s->listener = NULL;
	while (!TAILQ_EMPTY(&s->conns))
		conn_free(TAILQ_FIRST(&s->conns));
	event_free(s->retry);
	free(s);
}

int
ctlsock_listen(struct ctlsock *s, int fd)
{
	struct evconnlistener *l;

	if (evutil_make_socket_nonblocking(fd) == -1 ||
	    (l = evconnlistener_new(s->hub->base, on_accept, s,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, LISTENS_ALREADY,
	    fd)) == NULL) {
		(void)close(fd);
		return (-1);
	}
	evconnlistener_set_error_cb(l, on_accept_error);
	if (s->listener != NULL)
		evconnlistener_free(s->listener);
	s->listener = l;
	if (s->count >= CTL_CONNECTIONS)
		evconnlistener_disable(l);
	return (0);
}

void
ctlsock_reply(struct ctlsock *s, struct msg_reply *r)
{
	struct json_object *data;
	struct conn *c;

	TAILQ_FOREACH(c, &s->conns, entry)
		if (c->state == CONN_WAITING && c->id == r->id)
			break;
	if (c == NULL)
		return;		/* the client has given up */
	if (!r->ok) {
		conn_fail(c, "refused", r->text);
		return;
	}
	text_clean(r->text);
	data = json_object_new_object();
	json_object_object_add(data, "message",
	    json_object_new_string(r->text));
	conn_write(c, data, NULL);
}
