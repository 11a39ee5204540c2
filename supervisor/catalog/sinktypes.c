/* SPDX-License-Identifier: ISC */
/* Option tables of sinks, read from JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/catalog/jsondoc.h"
#include "supervisor/catalog/sinktypes.h"

#define OPTIONS_MAX	512	/* of one type */

struct sinktypes {
	struct sinktype	*types;
	size_t		 n;
};

static const struct {
	const char	*name;
	enum option_type type;
	int64_t		 scale;		/* of min and max: JSON has ms */
} typenames[] = {
	{ "string", OPTION_STRING, 1 }, { "bool", OPTION_BOOL, 1 },
	{ "int", OPTION_INT, 1 }, { "size", OPTION_SIZE, 1 },
	{ "duration", OPTION_DURATION, 1000 }, { "enum", OPTION_ENUM, 1 },
	{ "endpoint", OPTION_ENDPOINT, 1 }, { "file", OPTION_FILE, 1 },
	{ "secret", OPTION_SECRET, 1 }, { "output", OPTION_OUTPUT, 1 }
};

static const struct {
	const char	*name;
	uint32_t	 flag;
} flagnames[] = {
	{ "required", OPTION_REQUIRED }, { "list", OPTION_LIST },
	{ "map", OPTION_MAP }, { "reload", OPTION_RELOAD },
	{ "advanced", OPTION_ADVANCED }
};

#define NITEMS(a)	(sizeof(a) / sizeof((a)[0]))

struct sinktypes *
sinktypes_new(void)
{
	return (calloc(1, sizeof(struct sinktypes)));
}

static void
string_free(const char *s)
{
	free((void *)(uintptr_t)s);
}

static void
sinktype_clear(struct sinktype *t)
{
	size_t i;

	for (i = 0; i < t->n; i++) {
		string_free(t->defs[i].name);
		string_free(t->defs[i].choices);
	}
	free(t->defs);
	free(t->name);
}

void
sinktypes_free(struct sinktypes *st)
{
	size_t i;

	if (st == NULL)
		return;
	for (i = 0; i < st->n; i++)
		sinktype_clear(&st->types[i]);
	free(st->types);
	free(st);
}

static int
type_parse(struct json_object *row, struct option_def *def, int64_t *scale)
{
	const char *name = jsondoc_str(row, "type");
	size_t i;

	for (i = 0; name != NULL && i < NITEMS(typenames); i++) {
		if (strcmp(typenames[i].name, name) == 0) {
			def->type = typenames[i].type;
			*scale = typenames[i].scale;
			return (0);
		}
	}
	return (-1);
}

/* Flags of a newer host that we do not know do not matter to checking. */
static void
flags_parse(struct json_object *row, struct option_def *def)
{
	struct json_object *flags;
	const char *flag;
	size_t i, k;

	if (!json_object_object_get_ex(row, "flags", &flags) ||
	    !json_object_is_type(flags, json_type_array))
		return;
	for (i = 0; i < json_object_array_length(flags); i++) {
		flag = json_object_get_string(
		    json_object_array_get_idx(flags, i));
		for (k = 0; flag != NULL && k < NITEMS(flagnames); k++) {
			if (strcmp(flag, flagnames[k].name) == 0)
				def->flags |= flagnames[k].flag;
		}
	}
}

static int
bound_parse(struct json_object *row, const char *key, int64_t scale,
    int64_t *bound)
{
	struct json_object *n;

	*bound = 0;
	if (!json_object_object_get_ex(row, key, &n))
		return (0);
	if (!json_object_is_type(n, json_type_int) ||
	    __builtin_mul_overflow(json_object_get_int64(n), scale, bound))
		return (-1);
	return (0);
}

static int
choices_parse(struct json_object *row, struct option_def *def)
{
	struct json_object *list;
	const char *choice;
	char *text = NULL;
	size_t i, size = 0;
	FILE *fp;

	if (!json_object_object_get_ex(row, "choices", &list))
		return (def->type == OPTION_ENUM ? -1 : 0);
	if (!json_object_is_type(list, json_type_array) ||
	    (fp = open_memstream(&text, &size)) == NULL)
		return (-1);
	for (i = 0; i < json_object_array_length(list); i++) {
		choice = json_object_get_string(
		    json_object_array_get_idx(list, i));
		fprintf(fp, "%s%s", i > 0 ? "|" : "",
		    choice != NULL ? choice : "");
	}
	if (fclose(fp) != 0) {
		free(text);
		return (-1);
	}
	def->choices = text;
	return (0);
}

static int
option_parse(struct json_object *row, struct option_def *def)
{
	const char *name;
	int64_t scale;

	if (!json_object_is_type(row, json_type_object) ||
	    (name = jsondoc_str(row, "name")) == NULL ||
	    type_parse(row, def, &scale) == -1 ||
	    bound_parse(row, "min", scale, &def->min) == -1 ||
	    bound_parse(row, "max", scale, &def->max) == -1 ||
	    choices_parse(row, def) == -1)
		return (-1);
	flags_parse(row, def);
	return ((def->name = strdup(name)) != NULL ? 0 : -1);
}

static int
options_parse(struct json_object *list, struct sinktype *t)
{
	size_t n;

	if (!json_object_is_type(list, json_type_array) ||
	    (n = json_object_array_length(list)) > OPTIONS_MAX)
		return (-1);
	if ((t->defs = calloc(n + 1, sizeof(*t->defs))) == NULL)
		return (-1);
	while (t->n < n) {
		t->n++;
		if (option_parse(json_object_array_get_idx(list, t->n - 1),
		    &t->defs[t->n - 1]) == -1)
			return (-1);
	}
	return (0);
}

int
sinktypes_add(struct sinktypes *st, const char *name, const char *options,
    char *err, size_t errsize)
{
	struct json_object *list;
	struct sinktype *types, t = { 0 };
	int ret = -1;

	if ((list = jsondoc_parse(options, err, errsize)) == NULL)
		return (-1);
	snprintf(err, errsize, "the option table of sink type \"%s\" in "
	    "tide.sink_types is malformed", name);
	if (options_parse(list, &t) == -1 || (t.name = strdup(name)) == NULL)
		goto out;
	types = reallocarray(st->types, st->n + 1, sizeof(*types));
	if (types == NULL)
		goto out;
	st->types = types;
	st->types[st->n++] = t;
	ret = 0;
out:
	if (ret == -1)
		sinktype_clear(&t);
	json_object_put(list);
	return (ret);
}

const struct sinktype *
sinktypes_find(const struct sinktypes *st, const char *name)
{
	size_t i;

	for (i = 0; i < st->n; i++) {
		if (strcmp(st->types[i].name, name) == 0)
			return (&st->types[i]);
	}
	return (NULL);
}

void
sinktypes_names(const struct sinktypes *st, char *dst, size_t size)
{
	size_t i, used = 0;

	dst[0] = '\0';
	for (i = 0; i < st->n && used < size; i++) {
		if (st->types[i].name[0] != '@')
			used += (size_t)snprintf(dst + used, size - used,
			    "%s%s", used > 0 ? ", " : "", st->types[i].name);
	}
}
