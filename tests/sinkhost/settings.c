/* SPDX-License-Identifier: ISC */
/*
 * Options of a sinkhost instance: setting them by text, and the calls by
 * which the plugin reads them.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/units.h"
#include "tests/sinkhost/instance.h"

struct setting {
	struct setting	*next;
	char		*name;
	char		*key;		/* MAP elements, else NULL */
	char		*text;		/* NUL-terminated also for bytes */
	size_t		 len;
	int64_t		 number;
	int		 fd;
};

static const struct pgtide_option *
option_row(const struct pgtide_sink_plugin *p, const char *name)
{
	const struct pgtide_option *o;
	size_t i;

	for (i = 0; i < p->noptions; i++) {
		o = (const void *)((const char *)p->options +
		    i * p->option_size);
		if (strcmp(o->name, name) == 0)
			return (o);
	}
	return (NULL);
}

static bool
is_choice(const char *choices, const char *text)
{
	size_t len = strlen(text);
	const char *p;

	for (p = choices; p != NULL; p = strchr(p, '|')) {
		if (*p == '|')
			p++;
		if (strncmp(p, text, len) == 0 &&
		    (p[len] == '|' || p[len] == '\0'))
			return (true);
	}
	return (false);
}

static int
number_parse(const struct pgtide_option *o, const char *text, int64_t *number)
{
	int flag;

	switch (o->type) {
	case PGTIDE_OPT_BOOL:
		if (bool_parse(text, &flag) == -1)
			return (-1);
		*number = flag;
		return (0);
	case PGTIDE_OPT_INT:
		return (int_parse(text, number));
	case PGTIDE_OPT_SIZE:
		return (size_parse(text, number));
	case PGTIDE_OPT_DURATION:
		if (duration_parse(text, number) == -1)
			return (-1);
		*number /= 1000;
		return (0);
	default:
		return (0);
	}
}

static int
value_check(const struct pgtide_option *o, const char *text, int64_t *number)
{
	*number = 0;
	if (number_parse(o, text, number) == -1)
		return (-1);
	if ((o->min != 0 || o->max != 0) &&
	    (*number < o->min || *number > o->max))
		return (-1);
	if (o->type == PGTIDE_OPT_ENUM && !is_choice(o->choices, text))
		return (-1);
	return (0);
}

static void
setting_free(struct setting *s)
{
	free(s->name);
	free(s->key);
	free(s->text);
	free(s);
}

/* Append, so that LIST elements keep the order they were given in. */
static struct setting *
setting_add(struct pgtide_ctx *h, const char *name, const char *key,
    const void *text, size_t len)
{
	struct setting *s, **tail;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (NULL);
	s->fd = -1;
	s->len = len;
	s->name = strdup(name);
	s->text = calloc(1, len + 1);
	s->key = key != NULL ? strdup(key) : NULL;
	if (s->name == NULL || s->text == NULL ||
	    (key != NULL && s->key == NULL)) {
		setting_free(s);
		return (NULL);
	}
	if (len > 0)
		memcpy(s->text, text, len);
	for (tail = &h->settings; *tail != NULL; tail = &(*tail)->next)
		;
	*tail = s;
	return (s);
}

void
sinkhost_unset(struct pgtide_ctx *h, const char *name)
{
	struct setting **p = &h->settings, *s;

	while ((s = *p) != NULL) {
		if (strcmp(s->name, name) != 0) {
			p = &s->next;
			continue;
		}
		*p = s->next;
		setting_free(s);
	}
}

int
sinkhost_set(struct pgtide_ctx *h, const char *name, const char *key,
    const char *text, char *err, size_t errsize)
{
	const struct pgtide_option *o = option_row(h->plugin, name);
	struct setting *s;
	int64_t number;

	if (o == NULL) {
		(void)snprintf(err, errsize, "unknown option \"%s\"", name);
		return (-1);
	}
	if (value_check(o, text, &number) == -1) {
		(void)snprintf(err, errsize, "bad value for \"%s\"", name);
		return (-1);
	}
	if ((o->flags & (PGTIDE_OPTF_LIST | PGTIDE_OPTF_MAP)) == 0)
		sinkhost_unset(h, name);
	if ((s = setting_add(h, name, key, text, strlen(text))) == NULL) {
		(void)snprintf(err, errsize, "%s", strerror(errno));
		return (-1);
	}
	s->number = number;
	return (0);
}

int
sinkhost_set_bytes(struct pgtide_ctx *h, const char *name, const void *data,
    size_t len)
{
	sinkhost_unset(h, name);
	return (setting_add(h, name, NULL, data, len) == NULL ? -1 : 0);
}

int
sinkhost_set_fd(struct pgtide_ctx *h, const char *name, int fd)
{
	struct setting *s;

	sinkhost_unset(h, name);
	if ((s = setting_add(h, name, NULL, "-", 1)) == NULL)
		return (-1);
	s->fd = fd;
	return (0);
}

static const struct setting *
setting_find(const struct pgtide_ctx *h, const char *name, size_t index)
{
	const struct setting *s;

	for (s = h->settings; s != NULL; s = s->next)
		if (strcmp(s->name, name) == 0 && index-- == 0)
			return (s);
	return (NULL);
}

/* Give every option that was not set its default; refuse what is missing. */
int
settings_complete(struct pgtide_ctx *h, char *err, size_t errsize)
{
	const struct pgtide_option *o;
	size_t i;

	for (i = 0; i < h->plugin->noptions; i++) {
		o = (const void *)((const char *)h->plugin->options +
		    i * h->plugin->option_size);
		if (setting_find(h, o->name, 0) != NULL)
			continue;
		if ((o->flags & PGTIDE_OPTF_REQUIRED) != 0) {
			(void)snprintf(err, errsize, "\"%s\" is required",
			    o->name);
			return (-1);
		}
		if (o->dflt != NULL && sinkhost_set(h, o->name, NULL, o->dflt,
		    err, errsize) == -1)
			return (-1);
	}
	return (0);
}

static int
get_str(struct pgtide_ctx *h, const char *name, size_t index,
    const char **text)
{
	const struct setting *s = setting_find(h, name, index);

	if (option_row(h->plugin, name) == NULL)
		services_breach(h, "asked for unknown option %s", name);
	if (s == NULL)
		return (-1);
	*text = s->text;
	return (0);
}

static int
get_int(struct pgtide_ctx *h, const char *name, size_t index, int64_t *number)
{
	const struct setting *s = setting_find(h, name, index);

	if (option_row(h->plugin, name) == NULL)
		services_breach(h, "asked for unknown option %s", name);
	if (s == NULL)
		return (-1);
	*number = s->number;
	return (0);
}

static int
get_key(struct pgtide_ctx *h, const char *name, size_t index,
    const char **key)
{
	const struct setting *s = setting_find(h, name, index);

	if (s == NULL || s->key == NULL)
		return (-1);
	*key = s->key;
	return (0);
}

static int
get_bytes(struct pgtide_ctx *h, const char *name, const void **data,
    size_t *len)
{
	const struct setting *s = setting_find(h, name, 0);

	if (s == NULL)
		return (-1);
	*data = s->text;
	*len = s->len;
	return (0);
}

static int
get_fd(struct pgtide_ctx *h, const char *name)
{
	const struct setting *s = setting_find(h, name, 0);

	return (s == NULL ? -1 : s->fd);
}

static int
get_secret(struct pgtide_ctx *h, const char *name, size_t index,
    const void **data, size_t *len)
{
	const struct pgtide_option *o = option_row(h->plugin, name);
	const struct setting *s = setting_find(h, name, index);

	if (o == NULL || o->type != PGTIDE_OPT_SECRET)
		services_breach(h, "%s is not a secret", name);
	if (s == NULL)
		return (-1);
	*data = s->text;
	*len = s->len;
	return (0);
}

static void
put_secret(struct pgtide_ctx *h, const char *name, size_t index)
{
	if (setting_find(h, name, index) == NULL)
		services_breach(h, "gave back secret %s that is not there",
		    name);
}

void
settings_init(struct pgtide_host *host)
{
	host->option_str = get_str;
	host->option_int = get_int;
	host->option_key = get_key;
	host->option_bytes = get_bytes;
	host->option_fd = get_fd;
	host->secret_get = get_secret;
	host->secret_put = put_secret;
}

void
settings_fini(struct pgtide_ctx *h)
{
	struct setting *s;

	while ((s = h->settings) != NULL) {
		h->settings = s->next;
		setting_free(s);
	}
}
