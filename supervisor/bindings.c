/* SPDX-License-Identifier: ISC */
/* Options of single pipelines: storage and look-up. */
#include "config.h"

#include "supervisor/bindings.h"

#include <sys/queue.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/messages.h"

#define PREFIX		"pipeline "
/* What the database allows in the name of a pipeline. */
#define NAME_CHARACTERS	"abcdefghijklmnopqrstuvwxyz" \
			"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

const struct option_def binding_options[] = {
	{ "postgres_url", OPTION_STRING, OPTION_MASK | OPTION_RELOAD, NULL, 0,
	    0, NULL, "Database login of this pipeline's worker; wins over"
	    " worker_postgres_url" }
};

const size_t binding_noptions =
    sizeof(binding_options) / sizeof(binding_options[0]);

struct binding {
	TAILQ_ENTRY(binding) entry;
	struct option_set *set;
	char		 pipeline[MSG_NAME_MAX];
};

struct bindings {
	TAILQ_HEAD(, binding) list;
};

struct bindings *
bindings_new(void)
{
	struct bindings *bs;

	if ((bs = calloc(1, sizeof(*bs))) != NULL)
		TAILQ_INIT(&bs->list);
	return (bs);
}

void
bindings_free(struct bindings *bs)
{
	struct binding *b;

	if (bs == NULL)
		return;
	while ((b = TAILQ_FIRST(&bs->list)) != NULL) {
		TAILQ_REMOVE(&bs->list, b, entry);
		option_set_free(b->set);
		free(b);
	}
	free(bs);
}

bool
bindings_is_name(const char *name)
{
	return (strncmp(name, PREFIX, strlen(PREFIX)) == 0);
}

static struct binding *
find(const struct bindings *bs, const char *pipeline)
{
	struct binding *b;

	TAILQ_FOREACH(b, &bs->list, entry) {
		if (strcmp(b->pipeline, pipeline) == 0)
			return (b);
	}
	return (NULL);
}

static struct binding *
make(struct bindings *bs, const char *pipeline)
{
	struct binding *b;

	if ((b = calloc(1, sizeof(*b))) == NULL)
		return (NULL);
	b->set = option_set_new(binding_options, binding_noptions);
	if (b->set == NULL) {
		free(b);
		return (NULL);
	}
	(void)snprintf(b->pipeline, sizeof(b->pipeline), "%s", pipeline);
	TAILQ_INSERT_TAIL(&bs->list, b, entry);
	return (b);
}

/* "pipeline NAME.OPTION" */
static const char *
split(const char *name, char *pipeline, size_t size)
{
	const char *dot = strrchr(name, '.');
	size_t n;

	name += strlen(PREFIX);
	name += strspn(name, " \t");
	n = dot == NULL || dot < name ? 0 : (size_t)(dot - name);
	if (n == 0 || n >= size || strspn(name, NAME_CHARACTERS) < n)
		return (NULL);
	memcpy(pipeline, name, n);
	pipeline[n] = '\0';
	return (dot + 1);
}

int
bindings_put(struct bindings *bs, const char *name, const char *text,
    const char *origin, char *err, size_t errsize)
{
	char pipeline[MSG_NAME_MAX], why[256];
	const char *option;
	struct binding *b;

	option = split(name, pipeline, sizeof(pipeline));
	if (option == NULL) {
		(void)snprintf(err, errsize, "\"%.64s\": expected the section"
		    " [pipeline NAME], with a name of 1 to %d letters, digits,"
		    " - and _", name, MSG_NAME_MAX - 1);
		return (-1);
	}
	if ((b = find(bs, pipeline)) == NULL &&
	    (b = make(bs, pipeline)) == NULL) {
		(void)snprintf(err, errsize, "out of memory");
		return (-1);
	}
	if (option_set_put(b->set, option, text, origin, why, sizeof(why)) ==
	    0)
		return (0);
	(void)snprintf(err, errsize, "[pipeline %.64s]: %s", pipeline, why);
	return (-1);
}

const char *
bindings_str(const struct bindings *bs, const char *pipeline,
    const char *option)
{
	const struct binding *b;

	if (bs == NULL || (b = find(bs, pipeline)) == NULL)
		return (NULL);
	return (option_str(b->set, option));
}

int
bindings_each(const struct bindings *bs, bindings_fn fn, void *arg)
{
	const struct binding *b;
	size_t i;
	int ret;

	if (bs == NULL)
		return (0);
	TAILQ_FOREACH(b, &bs->list, entry) {
		for (i = 0; i < binding_noptions; i++) {
			if (option_is_default(b->set, binding_options[i].name))
				continue;
			ret = fn(b->pipeline, b->set, &binding_options[i],
			    arg);
			if (ret != 0)
				return (ret);
		}
	}
	return (0);
}
