/* SPDX-License-Identifier: ISC */
/* The pipelines that should run here. */
#include <sys/queue.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/metrics.h"
#include "supervisor/catalog/document.h"
#include "supervisor/catalog/pipelines.h"

struct pipeline {
	TAILQ_ENTRY(pipeline) entry;
	char		 name[MSG_NAME_MAX];
	char		 outbox[MSG_NAME_MAX];
	char		 sink_type[MSG_NAME_MAX];
	uint32_t	 outbox_id;
	uint64_t	 generation;	/* of the good document */
	char		*config;	/* the good document, NULL: none yet */
	struct docrefs	 refs;
	bool		 notify;
	bool		 seen;		/* in this reading, and enabled */
	bool		 told;		/* to the supervisor */
	bool		 running;
	char		*error;		/* of the newest document */
	struct metrics	*metrics;
};

struct pipelines {
	const struct pipelines_ops *ops;
	void		*arg;
	TAILQ_HEAD(, pipeline) list;
};

struct pipelines *
pipelines_new(const struct pipelines_ops *ops, void *arg)
{
	struct pipelines *ps;

	if ((ps = calloc(1, sizeof(*ps))) == NULL)
		return (NULL);
	ps->ops = ops;
	ps->arg = arg;
	TAILQ_INIT(&ps->list);
	return (ps);
}

static void
pipeline_free(struct pipelines *ps, struct pipeline *p)
{
	TAILQ_REMOVE(&ps->list, p, entry);
	docrefs_clear(&p->refs);
	metrics_free(p->metrics);
	free(p->config);
	free(p->error);
	free(p);
}

void
pipelines_free(struct pipelines *ps)
{
	struct pipeline *p;

	if (ps == NULL)
		return;
	while ((p = TAILQ_FIRST(&ps->list)) != NULL)
		pipeline_free(ps, p);
	free(ps);
}

static struct pipeline *
pipeline_find(const struct pipelines *ps, const char *name)
{
	struct pipeline *p;

	TAILQ_FOREACH(p, &ps->list, entry) {
		if (strcmp(p->name, name) == 0)
			return (p);
	}
	return (NULL);
}

static struct pipeline *
pipeline_get(struct pipelines *ps, const char *name)
{
	struct pipeline *p = pipeline_find(ps, name);

	if (p != NULL || (p = calloc(1, sizeof(*p))) == NULL)
		return (p);
	(void)snprintf(p->name, sizeof(p->name), "%s", name);
	if ((p->metrics = metrics_new(name)) == NULL) {
		free(p);
		return (NULL);
	}
	TAILQ_INSERT_TAIL(&ps->list, p, entry);
	return (p);
}

/* Points into the pipeline. */
static struct pipeline_row
row_of(const struct pipeline *p)
{
	const struct pipeline_row row = {
		.name = p->name, .outbox = p->outbox,
		.sink_type = p->sink_type, .config = p->config,
		.outbox_id = p->outbox_id, .generation = p->generation,
		.enabled = p->seen, .notify = p->notify
	};

	return (row);
}

/* Tell the doorbell whether its worker reads an outbox with a bell. */
static void
reads_say(struct pipelines *ps, const struct pipeline *p)
{
	struct pipeline_row row = row_of(p);

	ps->ops->reads(&row, p->running && p->notify && p->config != NULL,
	    ps->arg);
}

static int
error_set(struct pipelines *ps, struct pipeline *p, const char *text)
{
	char *copy = NULL;

	if (text == NULL && p->error == NULL)
		return (0);
	if (text != NULL && p->error != NULL && strcmp(text, p->error) == 0)
		return (0);
	if (text != NULL && (copy = strdup(text)) == NULL)
		return (-1);
	free(p->error);
	p->error = copy;
	if (text != NULL)
		log_warnx("pipeline %s: its configuration is not used: %s",
		    p->name, text);
	else
		log_info("pipeline %s: its configuration is right again",
		    p->name);
	ps->ops->invalid(p->name, text, ps->arg);
	return (0);
}

static int
document_take(struct pipelines *ps, struct pipeline *p,
    const struct pipeline_row *row, struct docrefs *refs)
{
	char *config = strdup(row->config);

	if (config == NULL) {
		docrefs_clear(refs);
		return (-1);
	}
	free(p->config);
	p->config = config;
	docrefs_clear(&p->refs);
	p->refs = *refs;
	p->generation = row->generation;
	p->outbox_id = row->outbox_id;
	p->notify = row->notify;
	(void)snprintf(p->outbox, sizeof(p->outbox), "%s", row->outbox);
	(void)snprintf(p->sink_type, sizeof(p->sink_type), "%s",
	    row->sink_type);
	return (error_set(ps, p, NULL));
}

void
pipelines_begin(struct pipelines *ps)
{
	struct pipeline *p;

	TAILQ_FOREACH(p, &ps->list, entry)
		p->seen = false;
}

static bool
names_fit(const struct pipeline_row *row)
{
	return (strlen(row->name) < MSG_NAME_MAX &&
	    strlen(row->outbox) < MSG_NAME_MAX &&
	    strlen(row->sink_type) < MSG_NAME_MAX);
}

int
pipelines_row(struct pipelines *ps, const struct pipeline_row *row,
    const struct sinktypes *types)
{
	const struct document doc = { .name = row->name,
	    .outbox = row->outbox, .sink_type = row->sink_type,
	    .text = row->config };
	struct docrefs refs;
	struct pipeline *p;
	char err[1024];

	if (!row->enabled)
		return (0);
	if (!names_fit(row)) {
		log_errorx("pipeline %.80s...: a name is longer than %d "
		    "bytes", row->name, MSG_NAME_MAX - 1);
		return (0);
	}
	if ((p = pipeline_get(ps, row->name)) == NULL)
		return (-1);
	p->seen = true;
	/* Also switched by outbox_alter(), which changes no generation. */
	p->notify = row->notify;
	if (p->config != NULL && p->generation == row->generation &&
	    p->error == NULL)
		return (0);
	if (document_check(&doc, types, &refs, err, sizeof(err)) == -1)
		return (error_set(ps, p, err));
	return (document_take(ps, p, row, &refs));
}

static int
pipeline_say(struct pipelines *ps, struct pipeline *p)
{
	struct pipeline_row row = row_of(p);

	if (p->config == NULL)
		return (ps->ops->keep(p->name, ps->arg));
	if (ps->ops->wanted(&row, &p->refs, ps->arg) == -1)
		return (-1);
	p->told = true;
	return (0);
}

static int
pipeline_drop(struct pipelines *ps, struct pipeline *p)
{
	struct pipeline_row row = row_of(p);

	if (p->told && ps->ops->gone(p->name, ps->arg) == -1)
		return (-1);
	if (p->error != NULL)
		ps->ops->invalid(p->name, NULL, ps->arg);
	ps->ops->reads(&row, false, ps->arg);
	pipeline_free(ps, p);
	return (0);
}

/*
 * Everything is said each time, unchanged pipelines too: the supervisor
 * compares generations, and infers from the whole list what is gone.
 */
int
pipelines_end(struct pipelines *ps)
{
	struct pipeline *p, *next;

	for (p = TAILQ_FIRST(&ps->list); p != NULL; p = next) {
		next = TAILQ_NEXT(p, entry);
		if (!p->seen) {
			if (pipeline_drop(ps, p) == -1)
				return (-1);
			continue;
		}
		if (pipeline_say(ps, p) == -1)
			return (-1);
		reads_say(ps, p);
	}
	return (0);
}

int
pipelines_running(struct pipelines *ps, const char *name, bool running)
{
	struct pipeline *p;

	p = running ? pipeline_get(ps, name) : pipeline_find(ps, name);
	if (p == NULL)
		return (running ? -1 : 0);
	p->running = running;
	reads_say(ps, p);
	return (0);
}

void
pipelines_repeat(struct pipelines *ps)
{
	const struct pipeline *p;

	TAILQ_FOREACH(p, &ps->list, entry) {
		if (p->error != NULL)
			ps->ops->invalid(p->name, p->error, ps->arg);
	}
}

struct metrics *
pipelines_metrics(struct pipelines *ps, const char *name)
{
	struct pipeline *p = pipeline_find(ps, name);

	return (p != NULL ? p->metrics : NULL);
}

void
pipelines_each_metrics(struct pipelines *ps,
    void (*fn)(struct metrics *, void *), void *arg)
{
	struct pipeline *p;

	TAILQ_FOREACH(p, &ps->list, entry)
		fn(p->metrics, arg);
}
