/* SPDX-License-Identifier: ISC */
/* Ask the resolver process for addresses. */
#include "common/resolve.h"

#include <sys/queue.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "common/peer.h"

#define ASK_TIMEOUT_S	5

struct lookup {
	TAILQ_ENTRY(lookup) entry;
	struct resolve	*owner;
	struct event	*timer;
	uint32_t	 id;
	int		 family;
	resolve_fn	 fn;
	void		*arg;
	bool		 known;		/* a numeric address: no question */
	struct msg_addr	 addr;
	char		 host[256];
};

struct resolve {
	struct event_base *base;
	struct peer	*peer;
	uint32_t	 last_id;
	TAILQ_HEAD(, lookup) pending;
};

struct resolve *
resolve_new(struct event_base *base)
{
	struct resolve *r;

	if ((r = calloc(1, sizeof(*r))) == NULL)
		return (NULL);
	r->base = base;
	TAILQ_INIT(&r->pending);
	return (r);
}

static void
lookup_free(struct lookup *l)
{
	TAILQ_REMOVE(&l->owner->pending, l, entry);
	if (l->timer != NULL)
		event_free(l->timer);
	free(l);
}

void
resolve_free(struct resolve *r)
{
	struct lookup *l;

	if (r == NULL)
		return;
	while ((l = TAILQ_FIRST(&r->pending)) != NULL)
		lookup_free(l);
	free(r);
}

/* The entry is gone before the callback, which may ask or cancel again. */
static void
lookup_finish(struct lookup *l, int error, const struct msg_addr *a, size_t n)
{
	resolve_fn fn = l->fn;
	void *arg = l->arg;

	lookup_free(l);
	fn(error, a, n, arg);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct lookup *l = arg;
	struct msg_addr addr = l->addr;

	(void)fd;
	(void)what;
	if (!l->known)
		lookup_finish(l, EAI_AGAIN, NULL, 0);
	else if (l->family != 0 && l->family != addr.family)
		lookup_finish(l, EAI_NONAME, NULL, 0);
	else
		lookup_finish(l, 0, &addr, 1);
}

static void
lookup_ask(struct lookup *l)
{
	struct msg_lookup m = { .id = l->id, .family = (uint8_t)l->family };
	struct frame f;

	/* Without a resolver, or when it is busy, the timer answers. */
	if (l->known || l->owner->peer == NULL)
		return;
	(void)snprintf(m.host, sizeof(m.host), "%s", l->host);
	msg_lookup_put(&f, &m);
	(void)peer_offer(l->owner->peer, &f);
}

void
resolve_set_peer(struct resolve *r, struct peer *p)
{
	struct lookup *l;

	r->peer = p;
	TAILQ_FOREACH(l, &r->pending, entry)
		lookup_ask(l);
}

int
resolve_answer(struct resolve *r, struct frame *f)
{
	struct msg_answer m;
	struct lookup *l;

	if (msg_answer_get(f, &m) == -1)
		return (-1);
	TAILQ_FOREACH(l, &r->pending, entry) {
		if (l->id == m.id && !l->known)
			break;
	}
	/* Cancelled meanwhile, or asked twice after a restart. */
	if (l == NULL)
		return (0);
	if (m.error == 0 && m.naddrs == 0)
		m.error = EAI_NONAME;
	lookup_finish(l, m.error, m.addrs, m.error == 0 ? m.naddrs : 0);
	return (0);
}

/* "[::1]" as in URLs, and plain "::1" and "127.0.0.1". */
static bool
numeric_parse(const char *host, struct msg_addr *a)
{
	char plain[64];
	size_t n = strlen(host);

	memset(a, 0, sizeof(*a));
	if (n >= sizeof(plain))
		return (false);
	if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
		host++;
		n -= 2;
	}
	memcpy(plain, host, n);
	plain[n] = '\0';
	if (inet_pton(AF_INET, plain, a->bytes) == 1)
		a->family = 4;
	else if (inet_pton(AF_INET6, plain, a->bytes) == 1)
		a->family = 6;
	return (a->family != 0);
}

static uint32_t
id_next(struct resolve *r)
{
	if (++r->last_id == 0)
		r->last_id = 1;
	return (r->last_id);
}

uint32_t
resolve_lookup(struct resolve *r, const char *host, int family, resolve_fn fn,
    void *arg)
{
	struct timeval tv = { ASK_TIMEOUT_S, 0 };
	struct lookup *l;

	if (strlen(host) >= sizeof(l->host) || *host == '\0') {
		errno = EINVAL;
		return (0);
	}
	if ((l = calloc(1, sizeof(*l))) == NULL)
		return (0);
	TAILQ_INSERT_TAIL(&r->pending, l, entry);
	l->owner = r;
	l->id = id_next(r);
	l->family = family;
	l->fn = fn;
	l->arg = arg;
	(void)snprintf(l->host, sizeof(l->host), "%s", host);
	l->known = numeric_parse(host, &l->addr);
	if (l->known)
		tv.tv_sec = 0;
	l->timer = event_new(r->base, -1, 0, on_timer, l);
	if (l->timer == NULL || event_add(l->timer, &tv) == -1) {
		lookup_free(l);
		errno = ENOMEM;
		return (0);
	}
	lookup_ask(l);
	return (l->id);
}

void
resolve_cancel(struct resolve *r, uint32_t id)
{
	struct lookup *l;

	TAILQ_FOREACH(l, &r->pending, entry) {
		if (l->id == id) {
			lookup_free(l);
			return;
		}
	}
}

const char *
resolve_strerror(int error)
{
	return (error == EAI_AGAIN ?
	    "the resolver does not answer (tried again later)" :
	    gai_strerror(error));
}
