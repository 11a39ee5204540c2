/* SPDX-License-Identifier: ISC */
/*
 * Descriptors, timers and name look-ups of a plugin on the event loop.
 */
#include "config.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "common/resolve.h"
#include "worker/services_i.h"

struct lookup {
	TAILQ_ENTRY(lookup) entry;
	struct pgtide_ctx *ctx;
	uint32_t	 id;
	void		(*fn)(void *, int, const struct pgtide_addr *, size_t,
			    size_t);
	void		*arg;
};

static void
watch_fired(evutil_socket_t fd, short what, void *arg)
{
	struct pgtide_watch *w = arg;
	/* The callback may free the watch. */
	struct pgtide_ctx *ctx = w->ctx;
	unsigned int events = 0;
	int64_t began;

	if ((what & EV_READ) != 0)
		events |= PGTIDE_EV_READ;
	if ((what & EV_WRITE) != 0)
		events |= PGTIDE_EV_WRITE;
	began = services_call_begin();
	w->fn(w->arg, (int)fd, events);
	services_call_end(ctx, began, fd == -1 ? "a timer" : "a descriptor");
}

static short
events_to_libevent(unsigned int events)
{
	return ((short)(((events & PGTIDE_EV_READ) != 0 ? EV_READ : 0) |
	    ((events & PGTIDE_EV_WRITE) != 0 ? EV_WRITE : 0) | EV_PERSIST));
}

static struct pgtide_watch *
watch_new(struct pgtide_ctx *ctx, int fd,
    void (*fn)(void *, int, unsigned int), void *arg)
{
	struct pgtide_watch *w;

	if (ctx->closed || (w = calloc(1, sizeof(*w))) == NULL)
		return (NULL);
	w->ctx = ctx;
	w->fd = fd;
	w->fn = fn;
	w->arg = arg;
	w->ev = event_new(ctx->env.base, fd, fd == -1 ? 0 : EV_PERSIST,
	    watch_fired, w);
	if (w->ev == NULL) {
		free(w);
		return (NULL);
	}
	TAILQ_INSERT_TAIL(&ctx->watches, w, entry);
	return (w);
}

struct pgtide_watch *
watch_fd(struct pgtide_ctx *ctx, int fd, unsigned int events,
    void (*fn)(void *, int, unsigned int), void *arg)
{
	struct pgtide_watch *w;

	if (fd < 0 || (w = watch_new(ctx, fd, fn, arg)) == NULL)
		return (NULL);
	if (watch_change(w, events) == 0)
		return (w);
	watch_free(w);
	return (NULL);
}

int
watch_change(struct pgtide_watch *w, unsigned int events)
{
	if (w->fd == -1 || event_del(w->ev) == -1)
		return (-1);
	if (events == 0)
		return (0);
	if (event_assign(w->ev, w->ctx->env.base, w->fd,
	    events_to_libevent(events), watch_fired, w) == -1)
		return (-1);
	return (event_add(w->ev, NULL));
}

struct pgtide_watch *
watch_timer(struct pgtide_ctx *ctx, void (*fn)(void *, int, unsigned int),
    void *arg)
{
	return (watch_new(ctx, -1, fn, arg));
}

int
watch_timer_set(struct pgtide_watch *w, int64_t ms)
{
	struct timeval tv;

	if (w->fd != -1)
		return (-1);
	if (ms < 0)
		return (event_del(w->ev));
	tv.tv_sec = (time_t)(ms / 1000);
	tv.tv_usec = (suseconds_t)(ms % 1000 * 1000);
	return (event_add(w->ev, &tv));
}

void
watch_free(struct pgtide_watch *w)
{
	if (w == NULL)
		return;
	TAILQ_REMOVE(&w->ctx->watches, w, entry);
	event_free(w->ev);
	free(w);
}

static void
lookup_done(int error, const struct msg_addr *addrs, size_t n, void *arg)
{
	struct pgtide_addr out[MSG_LOOKUP_ADDRS];
	struct lookup *l = arg;
	struct pgtide_ctx *ctx = l->ctx;
	int64_t began;
	size_t i;

	memset(out, 0, sizeof(out));
	for (i = 0; i < n && i < MSG_LOOKUP_ADDRS; i++) {
		out[i].family = addrs[i].family;
		memcpy(out[i].bytes, addrs[i].bytes, sizeof(out[i].bytes));
	}
	TAILQ_REMOVE(&ctx->lookups, l, entry);
	began = services_call_begin();
	l->fn(l->arg, error, out, i, sizeof(out[0]));
	services_call_end(ctx, began, "a look-up");
	free(l);
}

int
lookup_start(struct pgtide_ctx *ctx, const char *name,
    void (*fn)(void *, int, const struct pgtide_addr *, size_t, size_t),
    void *arg)
{
	struct lookup *l;

	if (ctx->closed || ctx->env.resolve == NULL ||
	    (l = calloc(1, sizeof(*l))) == NULL)
		return (-1);
	l->ctx = ctx;
	l->fn = fn;
	l->arg = arg;
	l->id = resolve_lookup(ctx->env.resolve, name, 0, lookup_done, l);
	if (l->id == 0) {
		free(l);
		return (-1);
	}
	TAILQ_INSERT_TAIL(&ctx->lookups, l, entry);
	return (0);
}

void
lookups_cancel(struct pgtide_ctx *ctx)
{
	struct lookup *l;

	while ((l = TAILQ_FIRST(&ctx->lookups)) != NULL) {
		TAILQ_REMOVE(&ctx->lookups, l, entry);
		resolve_cancel(ctx->env.resolve, l->id);
		free(l);
	}
}
