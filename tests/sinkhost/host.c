/* SPDX-License-Identifier: ISC */
/*
 * A sinkhost instance: its life, the delivery of messages and the account
 * of their fates.
 */
#include "config.h"

#include <sys/eventfd.h>

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/sinkhost/instance.h"

/* A stride larger than the plugin knows, as a newer host's would be. */
struct wide_msg {
	struct pgtide_msg	 msg;
	char			 future[40];
};

static int64_t
now_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000);
}

static void
call_took(struct pgtide_ctx *h, const char *call, int64_t since_us)
{
	int64_t us = now_us() - since_us;

	if (us > h->slowest_us) {
		h->slowest_us = us;
		h->slowest = call;
	}
}

/* Lay a copy of everything m points to out in one block. */
struct arena {
	char	*at;
};

static void *
arena_put(struct arena *a, const void *data, size_t len)
{
	char *p = a->at;

	if (data == NULL)
		return (NULL);
	memcpy(p, data, len);
	p[len] = '\0';
	a->at += len + 1;
	return (p);
}

static char *
arena_str(struct arena *a, const char *s)
{
	return (s == NULL ? NULL : arena_put(a, s, strlen(s)));
}

static size_t
text_size(const char *s)
{
	return (s == NULL ? 0 : strlen(s) + 1);
}

static size_t
msg_size(const struct pgtide_msg *m)
{
	size_t i, n;

	n = m->nheaders * sizeof(struct pgtide_header) + m->keylen +
	    m->valuelen + 2 + text_size(m->id) + text_size(m->content_type) +
	    text_size(m->topic) + text_size(m->traceparent);
	for (i = 0; i < m->nheaders; i++)
		n += text_size(m->headers[i].name) + m->headers[i].valuelen +
		    1;
	return (n);
}

static int
parcel_fill(struct parcel *p, const struct pgtide_msg *m)
{
	struct pgtide_header *headers;
	struct arena a;
	size_t i;

	if ((p->arena = malloc(msg_size(m) + 1)) == NULL)
		return (-1);
	headers = p->arena;
	a.at = (char *)(headers + m->nheaders);
	for (i = 0; i < m->nheaders; i++) {
		headers[i].name = arena_str(&a, m->headers[i].name);
		headers[i].value = arena_put(&a, m->headers[i].value,
		    m->headers[i].valuelen);
		headers[i].valuelen = m->headers[i].valuelen;
	}
	p->msg = *m;
	p->msg.headers = headers;
	p->msg.header_size = sizeof(*headers);
	p->msg.id = arena_str(&a, m->id);
	p->msg.key = arena_put(&a, m->key, m->keylen);
	p->msg.value = arena_put(&a, m->value, m->valuelen);
	p->msg.content_type = arena_str(&a, m->content_type);
	p->msg.topic = arena_str(&a, m->topic);
	p->msg.traceparent = arena_str(&a, m->traceparent);
	return (0);
}

uint64_t
sinkhost_submit(struct pgtide_ctx *h, const struct pgtide_msg *m)
{
	struct parcel *p;

	if (h->nparcels == h->size) {
		h->size = h->size == 0 ? 256 : h->size * 2;
		p = reallocarray(h->parcels, h->size, sizeof(*p));
		if (p == NULL)
			return (0);
		h->parcels = p;
	}
	p = &h->parcels[h->nparcels];
	memset(p, 0, sizeof(*p));
	if (parcel_fill(p, m) == -1)
		return (0);
	p->msg.token = ++h->nparcels;
	h->unsettled++;
	host_pump_soon(h);
	return (p->msg.token);
}

static bool
lane_free(const struct pgtide_ctx *h, const struct pgtide_msg *m)
{
	return ((h->plugin->caps & PGTIDE_CAP_FIFO) != 0 ||
	    h->lanes[m->lane % SINKHOST_LANES] == 0);
}

/* Take up to SINKHOST_BATCH messages whose lanes are free. */
static size_t
batch_fill(struct pgtide_ctx *h, struct wide_msg *batch)
{
	struct parcel *p;
	size_t i, n = 0;

	for (i = h->next; i < h->nparcels && n < SINKHOST_BATCH; i++) {
		p = &h->parcels[i];
		if (p->accepted || !lane_free(h, &p->msg))
			continue;
		h->lanes[p->msg.lane % SINKHOST_LANES]++;
		memset(&batch[n], 0x5a, sizeof(batch[n]));
		batch[n++].msg = p->msg;
	}
	while (h->next < h->nparcels && h->parcels[h->next].accepted)
		h->next++;
	return (n);
}

static size_t
batch_deliver(struct pgtide_ctx *h, struct wide_msg *batch, size_t n)
{
	struct pgtide_batch b;
	struct parcel *p;
	size_t i, accepted;
	int64_t start = now_us();

	b.msgs = batch;
	b.nmsgs = n;
	b.msg_size = sizeof(batch[0]);
	accepted = h->plugin->deliver(h->self, &b);
	call_took(h, "deliver", start);
	if (accepted > n) {
		services_breach(h, "deliver() took more than it was given");
		accepted = n;
	}
	for (i = 0; i < n; i++) {
		p = &h->parcels[batch[i].msg.token - 1];
		p->accepted = i < accepted;
		if (!p->accepted)
			h->lanes[p->msg.lane % SINKHOST_LANES]--;
	}
	h->in_flight += accepted;
	return (accepted);
}

static void
pump(evutil_socket_t fd, short what, void *arg)
{
	struct wide_msg *batch;
	struct pgtide_ctx *h = arg;
	size_t n, accepted;

	(void)fd;
	(void)what;
	if (!h->is_open)
		return;
	if ((batch = calloc(SINKHOST_BATCH, sizeof(*batch))) == NULL)
		abort();
	do {
		n = batch_fill(h, batch);
		accepted = n == 0 ? 0 : batch_deliver(h, batch, n);
	} while (n > 0 && accepted == n);
	/* Whatever the plugin keeps of the array is wrong from here on. */
	free(batch);
}

void
host_pump_soon(struct pgtide_ctx *h)
{
	event_active(h->pump, EV_TIMEOUT, 0);
}

static void
settle(struct pgtide_ctx *h, const struct pgtide_completion *c)
{
	struct parcel *p;
	struct sinkhost_outcome *o;

	if (c->token == 0 || c->token > h->nparcels ||
	    !h->parcels[c->token - 1].accepted) {
		services_breach(h, "completed token %llu that it does not "
		    "hold", (unsigned long long)c->token);
		return;
	}
	p = &h->parcels[c->token - 1];
	o = &p->outcome;
	if (o->times++ > 0) {
		services_breach(h, "completed token %llu again",
		    (unsigned long long)c->token);
		return;
	}
	if (c->result > PGTIDE_PAUSE)
		services_breach(h, "unknown result %u", c->result);
	o->order = ++h->settled;
	o->result = c->result;
	o->retry_ms = c->retry_ms;
	o->code = c->code;
	(void)snprintf(o->detail, sizeof(o->detail), "%s",
	    c->detail != NULL ? c->detail : "");
	free(p->arena);
	p->arena = NULL;
	h->lanes[p->msg.lane % SINKHOST_LANES]--;
	h->unsettled--;
	h->in_flight--;
}

static bool
settle_all(struct pgtide_ctx *h)
{
	struct pgtide_completion *items;
	size_t i, n;
	bool poll;

	(void)pthread_mutex_lock(&h->box.lock);
	items = h->box.items;
	n = h->box.n;
	poll = h->box.poll;
	h->box.items = NULL;
	h->box.n = h->box.size = 0;
	h->box.poll = false;
	(void)pthread_mutex_unlock(&h->box.lock);
	for (i = 0; i < n; i++) {
		settle(h, &items[i]);
		free((void *)(uintptr_t)items[i].detail);
	}
	free(items);
	return (poll);
}

static void
woken(evutil_socket_t fd, short what, void *arg)
{
	struct pgtide_ctx *h = arg;
	uint64_t count;
	int64_t start;

	(void)what;
	if (read(fd, &count, sizeof(count)) == -1 && errno != EAGAIN)
		abort();
	if (settle_all(h) && h->is_open) {
		start = now_us();
		h->plugin->poll(h->self);
		call_took(h, "poll", start);
	}
	host_pump_soon(h);
}

struct pgtide_ctx *
sinkhost_new(const struct pgtide_sink_plugin *plugin, struct event_base *base)
{
	struct pgtide_ctx *h;

	if ((h = calloc(1, sizeof(*h))) == NULL)
		return (NULL);
	h->plugin = plugin;
	h->base = base;
	services_init(h);
	h->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (h->wake_fd == -1)
		goto fail;
	h->wake = event_new(base, h->wake_fd, EV_READ | EV_PERSIST, woken, h);
	h->pump = event_new(base, -1, 0, pump, h);
	if (h->wake == NULL || h->pump == NULL ||
	    event_add(h->wake, NULL) == -1)
		goto fail;
	return (h);
fail:
	sinkhost_free(h);
	return (NULL);
}

void
sinkhost_free(struct pgtide_ctx *h)
{
	size_t i;

	if (h == NULL)
		return;
	sinkhost_close(h, 0);
	(void)settle_all(h);
	if (h->wake != NULL)
		event_free(h->wake);
	if (h->pump != NULL)
		event_free(h->pump);
	if (h->wake_fd > 0)
		(void)close(h->wake_fd);
	for (i = 0; i < h->nparcels; i++)
		free(h->parcels[i].arena);
	free(h->parcels);
	settings_fini(h);
	services_fini(h);
	free(h);
}

int
sinkhost_open(struct pgtide_ctx *h, char *err, size_t errsize)
{
	int64_t start;
	int rc;

	if (settings_complete(h, err, errsize) == -1)
		return (-1);
	h->is_open = true;		/* open() may already look names up */
	h->box.closed = false;
	start = now_us();
	rc = h->plugin->open(&h->host, h, &h->self, err, errsize);
	call_took(h, "open", start);
	h->is_open = rc == 0;
	if (h->is_open)
		host_pump_soon(h);
	return (rc);
}

void
sinkhost_close(struct pgtide_ctx *h, uint32_t ms)
{
	int64_t start;

	if (!h->is_open)
		return;
	h->is_open = false;
	start = now_us();
	h->plugin->close(h->self, ms);
	if (ms == 0)
		call_took(h, "close", start);
	(void)pthread_mutex_lock(&h->box.lock);
	h->box.closed = true;
	(void)pthread_mutex_unlock(&h->box.lock);
	(void)settle_all(h);
}

int
sinkhost_reload(struct pgtide_ctx *h)
{
	char err[SINKHOST_TEXT];

	if (h->plugin->reload == NULL ||
	    settings_complete(h, err, sizeof(err)) == -1)
		return (-1);
	return (h->plugin->reload(h->self));
}

int
sinkhost_secret_changed(struct pgtide_ctx *h, const char *name)
{
	if (h->plugin->secret_changed == NULL)
		return (-1);
	return (h->plugin->secret_changed(h->self, name));
}

void
sinkhost_flush(struct pgtide_ctx *h)
{
	h->plugin->flush(h->self);
}
