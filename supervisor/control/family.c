/* SPDX-License-Identifier: ISC */
/* The table of metric families, built in and declared by plugins. */
#include "config.h"

#include "supervisor/control/family.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"

#define PLUGIN_FAMILIES_MAX	256
#define PLUGIN_PREFIX		"pg_tide_sink_"

struct families {
	struct family	 builtin[METRIC_ID_MAX];	/* by id */
	struct family	*plugin[PLUGIN_FAMILIES_MAX];
	size_t		 nplugin;
};

/* What control knows better than any child: see derive.c. */
static const uint16_t own_ids[] = {
	METRIC_FORCED_SHUTDOWN, METRIC_HEALTHY, METRIC_HEARTBEAT_AGE,
	METRIC_SANDBOX_KILLS, METRIC_RESTARTS, METRIC_UP,
	METRIC_BUILD_INFO, METRIC_PAUSED, METRIC_OWNED, METRIC_RETRY_STATE
};

static const uint16_t kept_ids[] = {
	METRIC_LAST_SUCCESS, METRIC_LAST_ERROR
};

static bool
listed(uint16_t id, const uint16_t *ids, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (ids[i] == id)
			return (true);
	return (false);
}

static size_t
count_labels(const char *labels)
{
	size_t n;

	if (*labels == '\0')
		return (0);
	for (n = 1; *labels != '\0'; labels++)
		if (*labels == ',')
			n++;
	return (n);
}

static void
from_def(struct family *f, const struct metric_def *d)
{
	f->order = d->id;
	f->type = d->type;
	f->name = d->name;
	f->help = d->help;
	f->labels = d->labels != NULL ? d->labels : "";
	f->nlabels = count_labels(f->labels);
	f->nbuckets = d->nbuckets;
	f->buckets = d->buckets;
	f->own = listed(d->id, own_ids,
	    sizeof(own_ids) / sizeof(own_ids[0]));
	f->keep = listed(d->id, kept_ids,
	    sizeof(kept_ids) / sizeof(kept_ids[0]));
}

struct families *
families_new(void)
{
	const struct metric_def *table;
	struct families *fs;
	size_t i, n;

	if ((fs = calloc(1, sizeof(*fs))) == NULL)
		return (NULL);
	table = metric_table(&n);
	for (i = 0; i < n; i++)
		if (table[i].id < METRIC_ID_MAX)
			from_def(&fs->builtin[table[i].id], &table[i]);
	return (fs);
}

static void
plugin_family_free(struct family *f)
{
	union { const char *c; char *p; } name = { f->name },
	    help = { f->help };

	free(name.p);
	free(help.p);
	free(f);
}

void
families_free(struct families *fs)
{
	size_t i;

	if (fs == NULL)
		return;
	for (i = 0; i < fs->nplugin; i++)
		plugin_family_free(fs->plugin[i]);
	free(fs);
}

const struct family *
families_find(const struct families *fs, uint16_t id)
{
	if (id >= METRIC_ID_MAX || fs->builtin[id].name == NULL)
		return (NULL);
	return (&fs->builtin[id]);
}

static bool
name_valid(const char *s)
{
	if (*s == '\0')
		return (false);
	for (; *s != '\0'; s++)
		if (!(*s >= 'a' && *s <= 'z') && !(*s >= '0' && *s <= '9') &&
		    *s != '_')
			return (false);
	return (true);
}

/* "kafka" + "broker_errors" -> "pg_tide_sink_kafka_broker_errors_total". */
static char *
plugin_name(const char *plugin, const struct msg_metric_def *d)
{
	size_t len = strlen(d->name);
	const char *suffix = "";
	char *name;

	if (d->type == METRIC_COUNTER &&
	    (len < 6 || strcmp(d->name + len - 6, "_total") != 0))
		suffix = "_total";
	if (asprintf(&name, PLUGIN_PREFIX "%s_%s%s", plugin, d->name,
	    suffix) == -1)
		return (NULL);
	for (len = 0; name[len] != '\0'; len++)
		if (name[len] == '-')
			name[len] = '_';
	return (name);
}

static const struct family *
plugin_add(struct families *fs, char *name, const struct msg_metric_def *d)
{
	struct family *f;

	if (fs->nplugin == PLUGIN_FAMILIES_MAX) {
		errno = ENOSPC;
		return (NULL);
	}
	if ((f = calloc(1, sizeof(*f))) == NULL)
		return (NULL);
	if ((f->help = strdup(d->help)) == NULL) {
		free(f);
		return (NULL);
	}
	f->order = (unsigned int)(METRIC_PLUGIN_FIRST + fs->nplugin);
	f->type = d->type == METRIC_COUNTER ? METRIC_COUNTER : METRIC_GAUGE;
	f->name = name;
	f->labels = "";
	fs->plugin[fs->nplugin++] = f;
	return (f);
}

const struct family *
families_plugin(struct families *fs, const char *plugin,
    const struct msg_metric_def *d)
{
	const struct family *f = NULL;
	char *name;
	size_t i;

	if (!name_valid(d->name) || !utf8_valid(d->help, strlen(d->help)) ||
	    (d->type != METRIC_COUNTER && d->type != METRIC_GAUGE)) {
		errno = EINVAL;
		return (NULL);
	}
	if ((name = plugin_name(plugin, d)) == NULL)
		return (NULL);
	if (!name_valid(name)) {
		free(name);
		errno = EINVAL;
		return (NULL);
	}
	for (i = 0; i < fs->nplugin; i++)
		if (strcmp(fs->plugin[i]->name, name) == 0)
			f = fs->plugin[i];
	if (f == NULL) {
		if ((f = plugin_add(fs, name, d)) == NULL)
			free(name);
		return (f);
	}
	free(name);
	if ((unsigned int)f->type != d->type) {
		errno = EEXIST;
		return (NULL);
	}
	return (f);
}
