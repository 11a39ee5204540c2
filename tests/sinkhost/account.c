/* SPDX-License-Identifier: ISC */
/*
 * Questions to a sinkhost instance, and waiting for the answers.
 */
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "tests/sinkhost/instance.h"

const struct sinkhost_outcome *
sinkhost_outcome(const struct pgtide_ctx *h, uint64_t token)
{
	if (token == 0 || token > h->nparcels)
		return (NULL);
	return (&h->parcels[token - 1].outcome);
}

size_t
sinkhost_unsettled(const struct pgtide_ctx *h)
{
	return (h->unsettled);
}

size_t
sinkhost_accepted(const struct pgtide_ctx *h)
{
	return (h->in_flight);
}

unsigned int
sinkhost_lookups(const struct pgtide_ctx *h)
{
	return (h->lookups);
}

static void
deadline(evutil_socket_t fd, short what, void *arg)
{
	bool *over = arg;

	(void)fd;
	(void)what;
	*over = true;
}

int
sinkhost_wait(struct pgtide_ctx *h, bool (*done)(struct pgtide_ctx *, void *),
    void *arg, int ms)
{
	struct timeval tv = { ms / 1000, (ms % 1000) * 1000 };
	struct event *timer;
	bool over = false;

	if ((timer = event_new(h->base, -1, 0, deadline, &over)) == NULL ||
	    event_add(timer, &tv) == -1)
		return (-1);
	while (!done(h, arg) && !over)
		if (event_base_loop(h->base, EVLOOP_ONCE) == -1)
			break;
	event_free(timer);
	return (done(h, arg) ? 0 : -1);
}

static bool
all_settled(struct pgtide_ctx *h, void *arg)
{
	(void)arg;
	return (h->unsettled == 0);
}

int
sinkhost_wait_settled(struct pgtide_ctx *h, int ms)
{
	return (sinkhost_wait(h, all_settled, NULL, ms));
}

static bool
never(struct pgtide_ctx *h, void *arg)
{
	(void)h;
	(void)arg;
	return (false);
}

void
sinkhost_run(struct pgtide_ctx *h, int ms)
{
	(void)sinkhost_wait(h, never, NULL, ms);
}

int
sinkhost_state(const struct pgtide_ctx *h, const char **text)
{
	if (text != NULL)
		*text = h->box.state_text;
	return (h->box.state);
}

bool
sinkhost_logged(struct pgtide_ctx *h, const char *part)
{
	bool found;

	(void)pthread_mutex_lock(&h->box.lock);
	h->box.log[h->box.loglen] = '\0';
	found = strstr(h->box.log, part) != NULL;
	(void)pthread_mutex_unlock(&h->box.lock);
	return (found);
}

int64_t
sinkhost_metric(struct pgtide_ctx *h, const char *name)
{
	const struct pgtide_metric *m;
	size_t i;

	for (i = 0; i < h->plugin->nmetrics; i++) {
		m = (const void *)((const char *)h->plugin->metrics +
		    i * h->plugin->metric_size);
		if (strcmp(m->name, name) == 0)
			return (h->box.metrics[i]);
	}
	return (-1);
}

const char *
sinkhost_fatal(const struct pgtide_ctx *h)
{
	return (h->box.fatal_text[0] != '\0' ? h->box.fatal_text : NULL);
}

unsigned int
sinkhost_breaches(const struct pgtide_ctx *h, const char **first)
{
	if (first != NULL)
		*first = h->box.first_breach;
	return (h->box.breaches);
}

int64_t
sinkhost_slowest_us(const struct pgtide_ctx *h, const char **call)
{
	if (call != NULL)
		*call = h->slowest;
	return (h->slowest_us);
}
