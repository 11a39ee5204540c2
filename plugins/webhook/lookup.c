/* SPDX-License-Identifier: ISC */
/*
 * Where the host name of the URL leads.
 */
#include "config.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugins/webhook/address.h"
#include "plugins/webhook/lookup.h"
#include "plugins/webhook/metrics.h"
#include "plugins/webhook/url.h"

/*
 * An answer is fresh for 30 s.  After that it still serves while a new one
 * is asked for, so that a steady flow never waits; after five minutes
 * without traffic nothing is sent before the new answer is there.  When the
 * look-up itself fails the old answer goes on serving; an answer without an
 * admitted address ends it.
 */
#define FRESH_MS	(30 * 1000)
#define USABLE_MS	(5 * 60 * 1000)
#define ASK_AGAIN_MS	1000
#define ANSWER_MAX	16		/* addresses that are passed on */

struct lookup {
	const struct pgtide_host *host;
	struct pgtide_ctx	*ctx;
	char			*name;		/* NULL: literal address */
	uint16_t		 port;
	bool			 allow_private;
	void			(*changed)(void *);
	void			*arg;
	struct pins		*pins;
	int64_t			 since_ms;	/* of pins */
	int64_t			 asked_ms;	/* 0: never */
	bool			 asking, doubted;
	char			 error[256];
};

static int64_t
now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

struct pins *
pins_ref(struct pins *p)
{
	if (p != NULL)
		p->refs++;
	return (p);
}

void
pins_unref(struct pins *p)
{
	if (p == NULL || --p->refs > 0)
		return;
	curl_slist_free_all(p->resolve);
	free(p);
}

struct lookup *
lookup_new(const struct pgtide_host *host, struct pgtide_ctx *ctx,
    const struct url *url, bool allow_private, void (*changed)(void *),
    void *arg)
{
	struct lookup *l;

	if ((l = calloc(1, sizeof(*l))) == NULL)
		return (NULL);
	l->host = host;
	l->ctx = ctx;
	l->port = url->port;
	l->allow_private = allow_private;
	l->changed = changed;
	l->arg = arg;
	if (!url->literal && (l->name = strdup(url->host)) == NULL) {
		free(l);
		return (NULL);
	}
	return (l);
}

void
lookup_free(struct lookup *l)
{
	if (l == NULL)
		return;
	pins_unref(l->pins);
	free(l->name);
	free(l);
}

struct pins *
lookup_pins(struct lookup *l)
{
	return (l->pins);
}

const char *
lookup_error(const struct lookup *l)
{
	return (l->error[0] != '\0' ? l->error : NULL);
}

void
lookup_doubt(struct lookup *l)
{
	l->doubted = true;
}

/* The addresses that may be connected to, as "host:port:a,b"; count them. */
static size_t
compose(struct lookup *l, const struct pgtide_addr *addrs, size_t n,
    size_t size, char *out, size_t outsize)
{
	const struct pgtide_addr *a;
	char text[ADDRESS_TEXT];
	const char *why;
	size_t i, good = 0;
	int len;

	len = snprintf(out, outsize, "%s:%u:", l->name,
	    l->port);
	for (i = 0; i < n && good < ANSWER_MAX; i++) {
		a = (const void *)((const char *)addrs + i * size);
		(void)address_format(a, text, sizeof(text));
		why = address_refusal(a, l->allow_private);
		if (why == NULL)
			len += snprintf(out + len, outsize - (size_t)len,
			    "%s%s", good++ > 0 ? "," : "", text);
		else
			(void)snprintf(l->error, sizeof(l->error), "%s is %s, "
			    "a %s address%s", l->name, text, why,
			    address_refusal(a, true) == NULL ?
			    ": set allow_private to true to reach it" : "");
		if (why != NULL)
			l->host->metric_add(l->ctx, METRIC_REFUSED, 1);
	}
	return (good);
}

static void
take(struct lookup *l, const struct pgtide_addr *addrs, size_t n, size_t size)
{
	/* A host name of at most 255 bytes, the port, the addresses. */
	char entry[512 + ANSWER_MAX * ADDRESS_TEXT];
	struct pins *p;

	pins_unref(l->pins);
	l->pins = NULL;
	if (strlen(l->name) > 255) {
		(void)snprintf(l->error, sizeof(l->error),
		    "the host name is too long");
		return;
	}
	if (compose(l, addrs, n, size, entry, sizeof(entry)) == 0) {
		if (n == 0)
			(void)snprintf(l->error, sizeof(l->error),
			    "%s has no address", l->name);
		return;
	}
	if ((p = calloc(1, sizeof(*p))) == NULL ||
	    (p->resolve = curl_slist_append(NULL, entry)) == NULL) {
		free(p);
		(void)snprintf(l->error, sizeof(l->error), "out of memory");
		return;
	}
	p->refs = 1;
	l->pins = p;
	l->since_ms = now_ms();
	l->doubted = false;
	l->error[0] = '\0';
}

static void
answered(void *arg, int error, const struct pgtide_addr *addrs, size_t n,
    size_t size)
{
	struct lookup *l = arg;

	l->asking = false;
	l->error[0] = '\0';
	if (error == 0)
		take(l, addrs, n, size);
	else
		(void)snprintf(l->error, sizeof(l->error),
		    "cannot resolve %s: %s", l->name,
		    gai_strerror(error));
	l->changed(l->arg);
}

static void
ask(struct lookup *l, int64_t now)
{
	if (l->asking ||
	    (l->asked_ms != 0 && now - l->asked_ms < ASK_AGAIN_MS))
		return;
	l->asked_ms = now;
	l->host->metric_add(l->ctx, METRIC_LOOKUPS, 1);
	if (l->host->resolve(l->ctx, l->name, answered, l) == 0)
		l->asking = true;
	else
		(void)snprintf(l->error, sizeof(l->error),
		    "cannot resolve %s: no look-up could be started",
		    l->name);
}

enum lookup_state
lookup_state(struct lookup *l)
{
	int64_t now = now_ms(), age_ms;

	if (l->name == NULL)
		return (LOOKUP_READY);
	age_ms = l->pins == NULL ? INT64_MAX : now - l->since_ms;
	if (age_ms >= FRESH_MS || l->doubted)
		ask(l, now);
	if (l->asking && (age_ms >= USABLE_MS || l->doubted))
		return (LOOKUP_ASKING);
	return (l->pins != NULL ? LOOKUP_READY : LOOKUP_FAILED);
}
