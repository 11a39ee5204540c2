/* SPDX-License-Identifier: ISC */
/* Sets of option values: storage, precedence, access. */
#include "common/option.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"

struct items {
	char	**item;
	size_t	  n;
};

struct option_set {
	const struct option_def *defs;
	size_t	 n;
	struct option_value *values;
	struct items *lists;		/* elements of LIST options */
};

const struct option_def *
option_find(const struct option_def *defs, size_t n, const char *name)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (strcmp(defs[i].name, name) == 0)
			return (&defs[i]);
	}
	return (NULL);
}

static void
items_clear(struct items *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		free(l->item[i]);
	free(l->item);
	l->item = NULL;
	l->n = 0;
}

static int
items_add(struct items *l, const char *s, size_t len)
{
	char **grown;

	grown = realloc(l->item, (l->n + 1) * sizeof(*grown));
	if (grown == NULL)
		return (-1);
	l->item = grown;
	if ((l->item[l->n] = strndup(s, len)) == NULL)
		return (-1);
	l->n++;
	return (0);
}

/* "a, b,,c" is a, b and c. */
static int
items_split(struct items *l, const char *text)
{
	size_t n;

	for (; *text != '\0'; text += n) {
		text += strspn(text, ", \t");
		n = strcspn(text, ",");
		while (n > 0 && strchr(" \t", text[n - 1]) != NULL)
			n--;
		if (n > 0 && items_add(l, text, n) == -1)
			return (-1);
		if (n > 0)
			n += strcspn(text + n, ",");
	}
	return (0);
}

void
option_set_free(struct option_set *set)
{
	size_t i;

	if (set == NULL)
		return;
	for (i = 0; i < set->n; i++) {
		if (set->values != NULL) {
			if (set->values[i].text != NULL)
				explicit_bzero(set->values[i].text,
				    strlen(set->values[i].text));
			free(set->values[i].text);
			free(set->values[i].origin);
		}
		if (set->lists != NULL)
			items_clear(&set->lists[i]);
	}
	free(set->values);
	free(set->lists);
	free(set);
}

/* A default that its own row refuses is a bug, found by the unit test. */
static int
default_apply(struct option_set *set, size_t i)
{
	const struct option_def *def = &set->defs[i];
	char err[256];

	if (def->dflt == NULL)
		return (0);
	if ((def->flags & OPTION_LIST) != 0)
		return (items_split(&set->lists[i], def->dflt));
	return (option_check(def, def->dflt, &set->values[i].number, err,
	    sizeof(err)));
}

struct option_set *
option_set_new(const struct option_def *defs, size_t n)
{
	struct option_set *set;
	size_t i;

	if ((set = calloc(1, sizeof(*set))) == NULL)
		return (NULL);
	set->defs = defs;
	set->n = n;
	set->values = calloc(n + 1, sizeof(*set->values));
	set->lists = calloc(n + 1, sizeof(*set->lists));
	if (set->values == NULL || set->lists == NULL)
		goto fail;
	for (i = 0; i < n; i++) {
		if (default_apply(set, i) == -1)
			goto fail;
	}
	return (set);
fail:
	option_set_free(set);
	return (NULL);
}

/* Two lines of one file, or a flag given twice: the same origin. */
static bool
same_origin(const char *a, const char *b)
{
	const char *colon = strrchr(a, ':');
	size_t n = colon != NULL ? (size_t)(colon - a) : strlen(a);

	return (strncmp(a, b, n) == 0 && (b[n] == ':' || b[n] == '\0'));
}

static int
text_join(struct option_value *v, const char *text, bool append)
{
	size_t old = append && v->text != NULL ? strlen(v->text) : 0;
	char *joined;

	if ((joined = malloc(old + strlen(text) + 2)) == NULL)
		return (-1);
	if (old > 0) {
		memcpy(joined, v->text, old);
		joined[old++] = ',';
	}
	memcpy(joined + old, text, strlen(text) + 1);
	if (v->text != NULL)
		explicit_bzero(v->text, strlen(v->text));
	free(v->text);
	v->text = joined;
	return (0);
}

static int
value_store(struct option_set *set, size_t i, const char *text,
    const char *origin, int64_t number)
{
	struct option_value *v = &set->values[i];
	bool list, append;
	char *copy;

	list = (set->defs[i].flags & OPTION_LIST) != 0;
	append = list && v->origin != NULL && same_origin(v->origin, origin);
	if ((copy = strdup(origin)) == NULL)
		return (-1);
	if (text_join(v, text, append) == -1) {
		free(copy);
		return (-1);
	}
	free(v->origin);
	v->origin = copy;
	v->number = number;
	if (!list)
		return (0);
	items_clear(&set->lists[i]);
	return (items_split(&set->lists[i], v->text));
}

int
option_set_put(struct option_set *set, const char *name, const char *text,
    const char *origin, char *err, size_t errsize)
{
	const struct option_def *def;
	const char *near;
	int64_t number = 0;

	if ((def = option_find(set->defs, set->n, name)) == NULL) {
		near = option_nearest(set->defs, set->n, name);
		(void)snprintf(err, errsize,
		    "unknown option \"%.64s\"%s%s%s", name,
		    near != NULL ? ", did you mean \"" : "",
		    near != NULL ? near : "", near != NULL ? "\"?" : "");
		return (-1);
	}
	if (option_check(def, text, &number, err, errsize) == -1)
		return (-1);
	if (value_store(set, (size_t)(def - set->defs), text, origin,
	    number) == -1) {
		(void)snprintf(err, errsize, "out of memory");
		return (-1);
	}
	return (0);
}

int
option_set_complete(const struct option_set *set, char *err, size_t errsize)
{
	size_t i;

	for (i = 0; i < set->n; i++) {
		if ((set->defs[i].flags & OPTION_REQUIRED) != 0 &&
		    set->values[i].text == NULL) {
			(void)snprintf(err, errsize,
			    "option \"%s\" is required", set->defs[i].name);
			return (-1);
		}
	}
	return (0);
}

static size_t
index_of(const struct option_set *set, const char *name)
{
	const struct option_def *def = option_find(set->defs, set->n, name);

	if (def == NULL) {
		log_errorx("internal: no option \"%s\" in this table", name);
		abort();
	}
	return ((size_t)(def - set->defs));
}

const char *
option_str(const struct option_set *set, const char *name)
{
	size_t i = index_of(set, name);

	return (set->values[i].text != NULL ? set->values[i].text :
	    set->defs[i].dflt);
}

int64_t
option_num(const struct option_set *set, const char *name)
{
	return (set->values[index_of(set, name)].number);
}

bool
option_bool(const struct option_set *set, const char *name)
{
	return (option_num(set, name) != 0);
}

const char *
option_item(const struct option_set *set, const char *name, size_t i)
{
	const struct items *l = &set->lists[index_of(set, name)];

	return (i < l->n ? l->item[i] : NULL);
}

const struct option_value *
option_get(const struct option_set *set, const char *name)
{
	return (&set->values[index_of(set, name)]);
}

bool
option_is_default(const struct option_set *set, const char *name)
{
	return (set->values[index_of(set, name)].text == NULL);
}
