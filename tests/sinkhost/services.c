/* SPDX-License-Identifier: ISC */
/*
 * What a sinkhost instance offers its plugin besides options: completions,
 * state, log and metrics from any thread; watches, timers and look-ups on
 * the loop.
 */
#include "config.h"

#include <sys/eventfd.h>

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/sinkhost/instance.h"

struct pgtide_watch {
	struct pgtide_ctx	*h;
	struct event		*ev;
	void			(*fn)(void *, int, unsigned int);
	void			*arg;
};

#define BOOK_ADDRS	8

struct address_book {
	struct address_book	*next;
	char			*name;
	struct pgtide_addr	 addrs[BOOK_ADDRS];
	size_t			 n;
};

/* A look-up on its way to its answer. */
struct lookup {
	struct pgtide_ctx	*h;
	char			*name;
	void			(*fn)(void *, int, const struct pgtide_addr *,
				    size_t, size_t);
	void			*arg;
};

void
services_breach(struct pgtide_ctx *h, const char *fmt, ...)
{
	va_list ap;

	(void)pthread_mutex_lock(&h->box.lock);
	if (h->box.breaches++ == 0) {
		va_start(ap, fmt);
		(void)vsnprintf(h->box.first_breach,
		    sizeof(h->box.first_breach), fmt, ap);
		va_end(ap);
	}
	(void)pthread_mutex_unlock(&h->box.lock);
}

static void
wake(struct pgtide_ctx *h)
{
	const uint64_t one = 1;

	if (write(h->wake_fd, &one, sizeof(one)) == -1 && errno != EAGAIN)
		abort();
}

/* Strings are copied here: the plugin's may die when complete() returns. */
static void
completion_push(struct mailbox *box, const struct pgtide_completion *c)
{
	struct pgtide_completion *p;

	if (box->n == box->size) {
		box->size = box->size == 0 ? 64 : box->size * 2;
		p = reallocarray(box->items, box->size, sizeof(*p));
		if (p == NULL)
			abort();
		box->items = p;
	}
	p = &box->items[box->n++];
	*p = *c;
	if (c->detail != NULL && (p->detail = strdup(c->detail)) == NULL)
		abort();
}

static void
do_complete(struct pgtide_ctx *h, const struct pgtide_completion *c, size_t n,
    size_t size)
{
	size_t i;
	bool closed;

	(void)pthread_mutex_lock(&h->box.lock);
	closed = h->box.closed;
	for (i = 0; i < n && !closed; i++)
		completion_push(&h->box,
		    (const void *)((const char *)c + i * size));
	(void)pthread_mutex_unlock(&h->box.lock);
	if (closed)
		services_breach(h, "complete() after close()");
	else
		wake(h);
}

/* Bytes of a released token stay: only its completion is looked at here. */
static void
do_release(struct pgtide_ctx *h, const uint64_t *tokens, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (tokens[i] == 0 || tokens[i] > h->nparcels)
			services_breach(h, "release() of an unknown token");
}

static void
do_state(struct pgtide_ctx *h, int up, const char *text)
{
	(void)pthread_mutex_lock(&h->box.lock);
	h->box.state = up != 0;
	(void)snprintf(h->box.state_text, sizeof(h->box.state_text), "%s",
	    text != NULL ? text : "");
	(void)pthread_mutex_unlock(&h->box.lock);
	wake(h);
}

static void
do_fatal(struct pgtide_ctx *h, int32_t code, const char *text)
{
	(void)pthread_mutex_lock(&h->box.lock);
	(void)snprintf(h->box.fatal_text, sizeof(h->box.fatal_text), "%d: %s",
	    code, text);
	(void)pthread_mutex_unlock(&h->box.lock);
	wake(h);
}

static void
do_wakeup(struct pgtide_ctx *h)
{
	(void)pthread_mutex_lock(&h->box.lock);
	h->box.poll = true;
	(void)pthread_mutex_unlock(&h->box.lock);
	wake(h);
}

static void
do_log(struct pgtide_ctx *h, int level, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	size_t len;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (strpbrk(line, "\r\n") != NULL)
		services_breach(h, "a log line with a line break in it");
	if (getenv("SINKHOST_VERBOSE") != NULL)
		(void)fprintf(stderr, "# log %d: %s\n", level, line);
	len = strlen(line);
	(void)pthread_mutex_lock(&h->box.lock);
	if (h->box.loglen + len + 2 < sizeof(h->box.log)) {
		memcpy(h->box.log + h->box.loglen, line, len);
		h->box.loglen += len;
		h->box.log[h->box.loglen++] = '\n';
	}
	(void)pthread_mutex_unlock(&h->box.lock);
}

static void
do_metric_add(struct pgtide_ctx *h, unsigned int i, int64_t by)
{
	if (i >= h->plugin->nmetrics ||
	    i >= sizeof(h->box.metrics) / sizeof(h->box.metrics[0])) {
		services_breach(h, "no metric %u", i);
		return;
	}
	(void)pthread_mutex_lock(&h->box.lock);
	h->box.metrics[i] += by;
	(void)pthread_mutex_unlock(&h->box.lock);
}

static int
do_wakeup_fd(struct pgtide_ctx *h)
{
	return (h->wake_fd);
}

static void
do_resume(struct pgtide_ctx *h)
{
	host_pump_soon(h);
}

static void
watch_fired(evutil_socket_t fd, short what, void *arg)
{
	struct pgtide_watch *w = arg;
	unsigned int events = 0;

	if ((what & EV_READ) != 0)
		events |= PGTIDE_EV_READ;
	if ((what & EV_WRITE) != 0)
		events |= PGTIDE_EV_WRITE;
	w->fn(w->arg, fd, events);
}

static short
watch_events(unsigned int events)
{
	int what = EV_PERSIST;

	if ((events & PGTIDE_EV_READ) != 0)
		what |= EV_READ;
	if ((events & PGTIDE_EV_WRITE) != 0)
		what |= EV_WRITE;
	return ((short)what);
}

static struct pgtide_watch *
watch_new(struct pgtide_ctx *h, int fd, short what,
    void (*fn)(void *, int, unsigned int), void *arg)
{
	struct pgtide_watch *w;

	if ((w = calloc(1, sizeof(*w))) == NULL)
		return (NULL);
	w->h = h;
	w->fn = fn;
	w->arg = arg;
	if ((w->ev = event_new(h->base, fd, what, watch_fired, w)) == NULL) {
		free(w);
		return (NULL);
	}
	return (w);
}

static int
do_fd_change(struct pgtide_watch *w, unsigned int events)
{
	int fd = event_get_fd(w->ev);

	if (event_del(w->ev) == -1)
		return (-1);
	if (events == 0)
		return (0);
	if (event_assign(w->ev, w->h->base, fd, watch_events(events),
	    watch_fired, w) == -1)
		return (-1);
	return (event_add(w->ev, NULL));
}

static void
do_unwatch(struct pgtide_watch *w)
{
	event_free(w->ev);
	free(w);
}

static struct pgtide_watch *
do_fd_watch(struct pgtide_ctx *h, int fd, unsigned int events,
    void (*fn)(void *, int, unsigned int), void *arg)
{
	struct pgtide_watch *w;

	if ((w = watch_new(h, fd, watch_events(events), fn, arg)) == NULL)
		return (NULL);
	if (events != 0 && event_add(w->ev, NULL) == -1) {
		do_unwatch(w);
		return (NULL);
	}
	return (w);
}

static struct pgtide_watch *
do_timer(struct pgtide_ctx *h, void (*fn)(void *, int, unsigned int),
    void *arg)
{
	return (watch_new(h, -1, 0, fn, arg));
}

static int
do_timer_set(struct pgtide_watch *w, int64_t ms)
{
	struct timeval tv;

	if (ms < 0)
		return (event_del(w->ev));
	tv.tv_sec = ms / 1000;
	tv.tv_usec = (ms % 1000) * 1000;
	return (event_add(w->ev, &tv));
}

static struct address_book *
book_find(const struct pgtide_ctx *h, const char *name)
{
	struct address_book *b;

	for (b = h->book; b != NULL; b = b->next)
		if (strcmp(b->name, name) == 0)
			return (b);
	return (NULL);
}

static void
lookup_answer(evutil_socket_t fd, short what, void *arg)
{
	struct lookup *l = arg;
	struct address_book *b = book_find(l->h, l->name);

	(void)fd;
	(void)what;
	if (l->h->is_open) {
		if (b == NULL)
			l->fn(l->arg, EAI_NONAME, NULL, 0,
			    sizeof(struct pgtide_addr));
		else
			l->fn(l->arg, 0, b->addrs, b->n, sizeof(b->addrs[0]));
	}
	free(l->name);
	free(l);
}

static int
do_resolve(struct pgtide_ctx *h, const char *name, void (*fn)(void *, int,
    const struct pgtide_addr *, size_t, size_t), void *arg)
{
	static const struct timeval at_once = { 0, 0 };
	struct lookup *l;

	if ((l = calloc(1, sizeof(*l))) == NULL)
		return (-1);
	if ((l->name = strdup(name)) == NULL) {
		free(l);
		return (-1);
	}
	l->h = h;
	l->fn = fn;
	l->arg = arg;
	h->lookups++;
	return (event_base_once(h->base, -1, EV_TIMEOUT, lookup_answer, l,
	    &at_once));
}

static int
do_plan(struct pgtide_ctx *h, uint64_t first, uint64_t last, const void *data,
    size_t len)
{
	(void)h;
	(void)first;
	(void)last;
	(void)data;
	(void)len;
	errno = ENOSYS;
	return (-1);
}

int
sinkhost_add_name(struct pgtide_ctx *h, const char *name, const char *address)
{
	struct address_book *b = book_find(h, name);
	struct pgtide_addr *a;

	if (b == NULL) {
		if ((b = calloc(1, sizeof(*b))) == NULL)
			return (-1);
		if ((b->name = strdup(name)) == NULL) {
			free(b);
			return (-1);
		}
		b->next = h->book;
		h->book = b;
	}
	if (b->n == BOOK_ADDRS)
		return (-1);
	a = &b->addrs[b->n++];
	a->family = strchr(address, ':') != NULL ? 6 : 4;
	return (inet_pton(a->family == 6 ? AF_INET6 : AF_INET, address,
	    a->bytes) == 1 ? 0 : -1);
}

void
sinkhost_clear_names(struct pgtide_ctx *h)
{
	struct address_book *b;

	while ((b = h->book) != NULL) {
		h->book = b->next;
		free(b->name);
		free(b);
	}
}

void
services_init(struct pgtide_ctx *h)
{
	h->host = (struct pgtide_host){
		.struct_size = sizeof(struct pgtide_host),
		.abi_major = PGTIDE_SINK_ABI_MAJOR,
		.abi_minor = PGTIDE_SINK_ABI_MINOR,
		.complete = do_complete,
		.release = do_release,
		.state = do_state,
		.fatal = do_fatal,
		.wakeup = do_wakeup,
		.log = do_log,
		.metric_add = do_metric_add,
		.wakeup_fd = do_wakeup_fd,
		.resume = do_resume,
		.fd_watch = do_fd_watch,
		.fd_change = do_fd_change,
		.timer = do_timer,
		.timer_set = do_timer_set,
		.unwatch = do_unwatch,
		.plan = do_plan,
		.resolve = do_resolve
	};
	settings_init(&h->host);
	h->box.state = -1;
	(void)pthread_mutex_init(&h->box.lock, NULL);
}

void
services_fini(struct pgtide_ctx *h)
{
	size_t i;

	for (i = 0; i < h->box.n; i++)
		free((void *)(uintptr_t)h->box.items[i].detail);
	free(h->box.items);
	sinkhost_clear_names(h);
	(void)pthread_mutex_destroy(&h->box.lock);
}
