/* SPDX-License-Identifier: ISC */
/*
 * One instance of the webhook sink: from accepted messages to requests,
 * from responses to completions.
 *
 *	deliver -> queue -> request (a slot) -> transport -> verdict
 *	                                                  -> complete
 *
 * The host has one message per lane with us, so requests may overtake each
 * other freely.
 */
#include <curl/curl.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugins/webhook/conf.h"
#include "plugins/webhook/lookup.h"
#include "plugins/webhook/metrics.h"
#include "plugins/webhook/queue.h"
#include "plugins/webhook/request.h"
#include "plugins/webhook/suspects.h"
#include "plugins/webhook/transport.h"
#include "plugins/webhook/webhook.h"

#define SLOTS_MAX	1024		/* as the option's bound */
#define DONE_MAX	64
#define DOWN_EVERY_S	1		/* a flapping receiver fills no log */
#define STATE_TEXT	600

struct webhook {
	const struct pgtide_host *host;
	struct pgtide_ctx	*ctx;
	struct conf		*conf;
	struct lookup		*lookup;
	struct transport	*transport;
	struct suspects		*suspects;	/* NULL: not batching */
	struct queue		 queue;
	struct request		*slots[SLOTS_MAX];
	size_t			 nslots, nactive;
	struct request		*idle;
	bool			 short_accept;	/* resume() is due */
	struct pgtide_completion done[DONE_MAX];
	size_t			 ndone;
	int			 up;		/* 1, 0, -1 not known */
	time_t			 down_at;
};

static const char no_memory[] = "no memory for a request";

static void	pump(struct webhook *);

/* Details must stay in place until this is called. */
static void
completions_flush(struct webhook *w)
{
	size_t n = w->ndone;

	w->ndone = 0;
	if (n > 0)
		w->host->complete(w->ctx, w->done, n, sizeof(w->done[0]));
}

static void
complete_one(struct webhook *w, const struct pgtide_msg *m,
    const struct verdict *v, int32_t code, const char *detail)
{
	struct pgtide_completion *c;

	if (w->suspects != NULL && (v->result == PGTIDE_DELIVERED ||
	    v->result == PGTIDE_PERMANENT))
		suspects_remove(w->suspects, m->id);
	if (w->ndone == DONE_MAX)
		completions_flush(w);
	c = &w->done[w->ndone++];
	c->token = m->token;
	c->result = v->result;
	c->retry_ms = v->retry_ms;
	c->code = code;
	c->detail = v->result == PGTIDE_DELIVERED ? NULL : detail;
}

static void
complete_request(struct webhook *w, const struct request *r,
    const struct verdict *v, int32_t code)
{
	size_t i;

	for (i = 0; i < r->nmsgs; i++)
		complete_one(w, &r->msgs[i], v, code, r->detail);
}

static void
report_up(struct webhook *w, const char *text)
{
	if (w->up == 1)
		return;
	if (w->up == 0)
		w->host->log(w->ctx, PGTIDE_LOG_INFO, "webhook %s answers "
		    "again", w->conf->url.origin);
	w->up = 1;
	w->host->state(w->ctx, 1, text);
}

static void
report_down(struct webhook *w, const char *text)
{
	char line[STATE_TEXT];
	time_t now = time(NULL);

	if (w->up == 0 || now - w->down_at < DOWN_EVERY_S)
		return;
	w->up = 0;
	w->down_at = now;
	(void)snprintf(line, sizeof(line), "webhook %s: %.500s",
	    w->conf->url.origin, text);
	w->host->log(w->ctx, PGTIDE_LOG_WARN, "%s", line);
	w->host->state(w->ctx, 0, line);
}

static void
report(struct webhook *w, const struct verdict *v, const char *text)
{
	switch (v->result) {
	case PGTIDE_DELIVERED:
		report_up(w, "the receiver answers");
		break;
	case PGTIDE_TRANSIENT:
	case PGTIDE_PAUSE:
		report_down(w, text);
		break;
	default:
		break;		/* about a message, or no error */
	}
}

static struct request *
slot_take(struct webhook *w)
{
	struct request *r;

	if (w->nactive >= w->conf->max_connections)
		return (NULL);
	if ((r = w->idle) != NULL) {
		w->idle = r->next;
		return (r);
	}
	if (w->nslots == SLOTS_MAX ||
	    (r = request_new(w->host, w->ctx)) == NULL)
		return (NULL);
	w->slots[w->nslots++] = r;
	return (r);
}

static void
slot_release(struct webhook *w, struct request *r)
{
	if (r->conf != w->conf)
		request_forget(r);
	r->next = w->idle;
	w->idle = r;
}

/*
 * An array that the receiver refuses says nothing about any one event in
 * it: they are sent one by one, and only that judges them.
 */
static void
doubt_array(struct webhook *w, struct request *r, struct verdict *v)
{
	char text[DETAIL_MAX];
	size_t i;

	if (v->shared || r->nmsgs < 2)
		return;
	for (i = 0; i < r->nmsgs && w->suspects != NULL; i++)
		suspects_add(w->suspects, r->msgs[i].id);
	v->result = PGTIDE_TRANSIENT;
	w->host->metric_add(w->ctx, METRIC_ARRAYS_REFUSED, 1);
	memcpy(text, r->detail, sizeof(text));
	(void)snprintf(r->detail, sizeof(r->detail), "an array of %zu events "
	    "was refused, they go one by one now: %.*s", r->nmsgs,
	    DETAIL_MAX - 128, text);
}

static void
transfer_done(void *arg, CURL *easy, CURLcode rc)
{
	struct webhook *w = arg;
	struct request *r = NULL;
	struct verdict v;
	int32_t code;

	(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &r);
	v = request_judge(r, rc, &code);
	transport_remove(w->transport, easy);
	r->active = false;
	w->nactive--;
	if (rc == CURLE_COULDNT_CONNECT)
		lookup_doubt(w->lookup);
	report(w, &v, r->detail);
	doubt_array(w, r, &v);
	complete_request(w, r, &v, code);
	slot_release(w, r);
}

/* Nothing is reused before its completion was told. */
static void
transfers_idle(void *arg)
{
	struct webhook *w = arg;

	completions_flush(w);
	pump(w);
	completions_flush(w);
	if (w->short_accept && w->queue.n <= w->queue.cap / 2) {
		w->short_accept = false;
		w->host->resume(w->ctx);
	}
}

/* As many waiting messages as belong into one request. */
static void
fill(struct webhook *w, struct request *r)
{
	const struct pgtide_msg *m;
	size_t bytes = 0;
	bool alone = false;

	while ((m = queue_head(&w->queue)) != NULL &&
	    r->nmsgs < w->conf->batch_max_events && !alone) {
		if (w->suspects != NULL && suspects_has(w->suspects, m->id))
			alone = true;
		if (r->nmsgs > 0 && (alone ||
		    m->valuelen > w->conf->batch_max_bytes ||
		    bytes > w->conf->batch_max_bytes - m->valuelen))
			return;
		bytes += m->valuelen + 1;
		request_add(r, m);
		queue_drop(&w->queue);
	}
}

static void
fail_queue(struct webhook *w, const char *why, int32_t code)
{
	static const struct verdict v = {
		.result = PGTIDE_TRANSIENT, .shared = true
	};
	const struct pgtide_msg *m;

	while ((m = queue_head(&w->queue)) != NULL) {
		complete_one(w, m, &v, code, why);
		queue_drop(&w->queue);
	}
	completions_flush(w);
}

static void
fail_request(struct webhook *w, struct request *r, int error)
{
	struct verdict v = { .result = PGTIDE_TRANSIENT, .shared = true };

	if (error == EINVAL)
		v.result = PGTIDE_PERMANENT;
	(void)snprintf(r->detail, sizeof(r->detail), "%s", error == EINVAL ?
	    "its identity, content type or traceparent cannot be a header" :
	    no_memory);
	complete_request(w, r, &v, error);
	completions_flush(w);
	slot_release(w, r);
}

static void
start(struct webhook *w, struct request *r)
{
	if (request_begin(r, w->conf, lookup_pins(w->lookup)) == -1) {
		slot_release(w, r);
		fail_queue(w, no_memory, ENOMEM);
		return;
	}
	fill(w, r);
	if (request_build(r) == -1) {
		fail_request(w, r, errno);
		return;
	}
	if (transport_add(w->transport, r->easy) == -1) {
		fail_request(w, r, ENOMEM);
		return;
	}
	r->active = true;
	w->nactive++;
	w->host->metric_add(w->ctx, METRIC_REQUESTS, 1);
}

/* Start requests while there are messages, slots and addresses. */
static void
pump(struct webhook *w)
{
	struct request *r;

	while (w->queue.n > 0) {
		switch (lookup_state(w->lookup)) {
		case LOOKUP_ASKING:
			return;
		case LOOKUP_FAILED:
			report_down(w, lookup_error(w->lookup));
			fail_queue(w, lookup_error(w->lookup),
			    CURLE_COULDNT_RESOLVE_HOST);
			return;
		case LOOKUP_READY:
			break;
		}
		if ((r = slot_take(w)) == NULL)
			break;
		start(w, r);
	}
	if (w->queue.n > 0 && w->nactive == 0)
		fail_queue(w, no_memory, ENOMEM);
}

static void
lookup_changed(void *arg)
{
	struct webhook *w = arg;

	if (lookup_error(w->lookup) != NULL)
		report_down(w, lookup_error(w->lookup));
	else if (w->up == -1)
		report_up(w, "the receiver's addresses are known");
	transfers_idle(w);
}

size_t
webhook_deliver(struct webhook *w, const struct pgtide_batch *b)
{
	size_t i;

	for (i = 0; i < b->nmsgs; i++) {
		if (queue_is_full(&w->queue)) {
			pump(w);
			if (queue_is_full(&w->queue))
				break;
		}
		queue_put(&w->queue, pgtide_batch_at(b, i), b->msg_size);
	}
	pump(w);
	completions_flush(w);
	if (i < b->nmsgs)
		w->short_accept = true;
	return (i);
}

/* Take a new configuration into use; the reference is ours then. */
static int
adopt(struct webhook *w, struct conf *conf)
{
	struct request *r;
	size_t depth;

	depth = conf->batch ? 4 * conf->batch_max_events :
	    conf->max_connections;
	if (queue_reserve(&w->queue, depth) == -1 || (conf->batch &&
	    w->suspects == NULL && (w->suspects = suspects_new()) == NULL)) {
		conf_unref(conf);
		return (-1);
	}
	transport_limit(w->transport, conf->max_connections);
	conf_unref(w->conf);
	w->conf = conf;
	for (r = w->idle; r != NULL; r = r->next)
		request_forget(r);
	return (0);
}

static void
warn_insecure(struct webhook *w)
{
	const char *what = NULL;

	if (!w->conf->url.tls)
		what = "events are sent in plain text (allow_insecure)";
	else if (!w->conf->verify)
		what = "the receiver's certificate is not verified";
	if (what == NULL)
		return;
	w->host->metric_add(w->ctx, METRIC_INSECURE, 1);
	w->host->log(w->ctx, PGTIDE_LOG_WARN, "webhook %s: %s",
	    w->conf->url.origin, what);
}

struct webhook *
webhook_open(const struct pgtide_host *host, struct pgtide_ctx *ctx,
    char *err, size_t errsize)
{
	struct transport_user user = { transfer_done, transfers_idle, NULL };
	struct webhook *w;
	struct conf *conf;

	if ((conf = conf_read(host, ctx, err, errsize)) == NULL)
		return (NULL);
	if ((w = calloc(1, sizeof(*w))) == NULL) {
		conf_unref(conf);
		goto memory;
	}
	w->host = host;
	w->ctx = ctx;
	w->up = -1;
	user.arg = w;
	w->lookup = lookup_new(host, ctx, &conf->url, conf->allow_private,
	    lookup_changed, w);
	w->transport = transport_new(host, ctx, &user);
	if (w->lookup == NULL || w->transport == NULL) {
		conf_unref(conf);
		goto memory;
	}
	if (adopt(w, conf) == -1)
		goto memory;
	warn_insecure(w);
	if (lookup_state(w->lookup) == LOOKUP_READY)
		report_up(w, "ready");
	return (w);
memory:
	webhook_close(w);
	(void)snprintf(err, errsize, "out of memory");
	return (NULL);
}

void
webhook_close(struct webhook *w)
{
	static const struct verdict v = {
		.result = PGTIDE_TRANSIENT, .shared = true
	};
	struct request *r;
	size_t i;

	if (w == NULL)
		return;
	for (i = 0; i < w->nslots; i++) {
		r = w->slots[i];
		if (!r->active)
			continue;
		transport_remove(w->transport, r->easy);
		(void)snprintf(r->detail, sizeof(r->detail),
		    "closed before there was an answer");
		complete_request(w, r, &v, 0);
	}
	fail_queue(w, "closed before it was sent", 0);
	for (i = 0; i < w->nslots; i++)
		request_free(w->slots[i]);
	transport_free(w->transport);
	lookup_free(w->lookup);
	suspects_free(w->suspects);
	queue_fini(&w->queue);
	conf_unref(w->conf);
	free(w);
}

int
webhook_reload(struct webhook *w)
{
	char err[512];
	struct conf *conf;

	if ((conf = conf_read(w->host, w->ctx, err, sizeof(err))) == NULL)
		goto refuse;
	if (strcmp(conf->url.origin, w->conf->url.origin) != 0 ||
	    conf->allow_private != w->conf->allow_private) {
		conf_unref(conf);
		(void)snprintf(err, sizeof(err), "url and allow_private "
		    "change only with a restart");
		goto refuse;
	}
	if (adopt(w, conf) == 0) {
		transfers_idle(w);
		return (0);
	}
	(void)snprintf(err, sizeof(err), "out of memory");
refuse:
	w->host->log(w->ctx, PGTIDE_LOG_ERROR, "webhook %s: the old options "
	    "stay: %s", w->conf->url.origin, err);
	return (-1);
}
