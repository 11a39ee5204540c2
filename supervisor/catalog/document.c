/* SPDX-License-Identifier: ISC */
/*
 * Check a pipeline's document.
 *
 * SQL has checked it when it was stored, but rows outlive versions, and
 * whoever can write the table need not have asked the function.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/secretref.h"
#include "supervisor/catalog/document.h"
#include "supervisor/catalog/jsondoc.h"
#include "supervisor/catalog/sinktypes.h"

#define PATH_SIZE	512

struct walk {
	const struct sinktype *type;
	struct docrefs	*refs;
	char		*err;
	size_t		 errsize;
};

/* A place in the document: the dotted option name, and the JSON path. */
struct place {
	char	name[PATH_SIZE];
	char	path[PATH_SIZE];
};

/* Members of the document that are not options. */
static const char *const envelope[] = {
	"schema_version", "name", "source_type", "source", "sink_type", "sink"
};

static int	members_check(struct walk *, struct json_object *,
		    const struct place *);

static int refuse(struct walk *, const char *, ...) LOG_PRINTF(2, 3);

static int
refuse(struct walk *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(w->err, w->errsize, fmt, ap);
	va_end(ap);
	return (-1);
}

void
docrefs_clear(struct docrefs *refs)
{
	while (refs->n > 0)
		free(refs->refs[--refs->n].value);
}

static int
ref_add(struct walk *w, enum ref_kind kind, const char *value, size_t len)
{
	struct docrefs *refs = w->refs;
	size_t i;

	for (i = 0; i < refs->n; i++) {
		if (refs->refs[i].kind == kind &&
		    strlen(refs->refs[i].value) == len &&
		    memcmp(refs->refs[i].value, value, len) == 0)
			return (0);
	}
	if (refs->n == DOCUMENT_REFS_MAX)
		return (refuse(w, "more than %d different references",
		    DOCUMENT_REFS_MAX));
	if (len >= MSG_REF_MAX)
		return (refuse(w, "a reference is longer than %d bytes",
		    MSG_REF_MAX - 1));
	if ((refs->refs[refs->n].value = strndup(value, len)) == NULL)
		return (refuse(w, "out of memory"));
	refs->refs[refs->n++].kind = kind;
	return (0);
}

struct scan {
	struct walk	*w;
	bool		 found;
};

static int
on_reference(enum ref_kind kind, const char *name, size_t len, void *arg)
{
	struct scan *scan = arg;

	scan->found = true;
	return (ref_add(scan->w, kind, name, len));
}

/* References of a string: 1 when there are some, 0 when none, or -1. */
static int
string_scan(struct walk *w, struct json_object *v, const struct place *at)
{
	struct scan scan = { .w = w };
	char what[256] = "";

	w->err[0] = '\0';
	if (secretref_scan(json_object_get_string(v),
	    (size_t)json_object_get_string_len(v), on_reference, &scan, what,
	    sizeof(what)) == -1)
		return (w->err[0] != '\0' ? -1 :
		    refuse(w, "%s: %s", at->path, what));
	return (scan.found ? 1 : 0);
}

/* A file or output option names a path that the supervisor opens. */
static int
path_ref(struct walk *w, const struct option_def *def, const char *text,
    const struct place *at)
{
	if (def->type != OPTION_FILE && def->type != OPTION_OUTPUT)
		return (0);
	if (*text != '/' && (def->type == OPTION_FILE ||
	    strcmp(text, "-") != 0))
		return (refuse(w, "%s: the path must be absolute", at->path));
	return (ref_add(w, def->type == OPTION_FILE ? REF_READ : REF_OUTPUT,
	    text, strlen(text)));
}

/* Which JSON types an option type may be written as. */
static bool
json_type_ok(enum option_type type, enum json_type json)
{
	switch (type) {
	case OPTION_BOOL:
		return (json == json_type_boolean);
	case OPTION_INT:
		return (json == json_type_int);
	case OPTION_SIZE:
	case OPTION_DURATION:
		return (json == json_type_int || json == json_type_string);
	default:
		return (json == json_type_string);
	}
}

static int
scalar_check(struct walk *w, const struct option_def *def,
    struct json_object *v, const struct place *at)
{
	enum json_type type = json_object_get_type(v);
	struct option_def one = *def;
	char what[128];
	int64_t number;
	int found = 0;

	one.name = at->path;
	one.flags &= ~(OPTION_LIST | OPTION_MAP);
	if (type == json_type_string &&
	    (found = string_scan(w, v, at)) == -1)
		return (-1);
	if (found == 1) {
		/* The worker checks what comes out of it. */
		if (def->type == OPTION_FILE || def->type == OPTION_OUTPUT)
			return (refuse(w, "%s: a path cannot hold a "
			    "reference", at->path));
		return (0);
	}
	if (!json_type_ok(def->type, type))
		return (refuse(w, "%s: wrong type, expected %s", at->path,
		    option_describe(&one, what, sizeof(what))));
	if (type == json_type_string && (size_t)json_object_get_string_len(v)
	    != strlen(json_object_get_string(v)))
		return (refuse(w, "%s: holds a NUL character", at->path));
	if (option_check(&one, json_object_get_string(v), &number, w->err,
	    w->errsize) == -1)
		return (-1);
	return (type == json_type_string ?
	    path_ref(w, def, json_object_get_string(v), at) : 0);
}

static int
place_join(struct walk *w, const struct place *at, const char *key,
    struct place *to)
{
	int n, m;

	n = snprintf(to->name, sizeof(to->name), "%s%s%s", at->name,
	    at->name[0] != '\0' ? "." : "", key);
	m = snprintf(to->path, sizeof(to->path), "%s.%s", at->path, key);
	if (n < 0 || m < 0 || (size_t)n >= sizeof(to->name) ||
	    (size_t)m >= sizeof(to->path))
		return (refuse(w, "%s: a name below it is too long",
		    at->path));
	return (0);
}

static int
list_check(struct walk *w, const struct option_def *def,
    struct json_object *list, const struct place *at)
{
	struct place item = *at;
	size_t i;

	for (i = 0; i < json_object_array_length(list); i++) {
		(void)snprintf(item.path, sizeof(item.path), "%.400s[%zu]",
		    at->path, i);
		if (scalar_check(w, def, json_object_array_get_idx(list, i),
		    &item) == -1)
			return (-1);
	}
	return (0);
}

static int
map_check(struct walk *w, const struct option_def *def,
    struct json_object *map, const struct place *at)
{
	struct json_object_iterator it, end;
	struct place item;

	if (!json_object_is_type(map, json_type_object))
		return (refuse(w, "%s: wrong type, expected "
		    "{\"name\": \"value\", ...}", at->path));
	it = json_object_iter_begin(map);
	end = json_object_iter_end(map);
	for (; !json_object_iter_equal(&it, &end);
	    json_object_iter_next(&it)) {
		if (place_join(w, at, json_object_iter_peek_name(&it),
		    &item) == -1 ||
		    scalar_check(w, def, json_object_iter_peek_value(&it),
		    &item) == -1)
			return (-1);
	}
	return (0);
}

static const struct option_def *
option_at(const struct sinktype *t, const char *name)
{
	return (option_find(t->defs, t->n, name));
}

/* Are there options below this name? */
static bool
group_at(const struct sinktype *t, const char *name)
{
	size_t i, len = strlen(name);

	for (i = 0; i < t->n; i++) {
		if (strncmp(t->defs[i].name, name, len) == 0 &&
		    t->defs[i].name[len] == '.')
			return (true);
	}
	return (false);
}

static int
unknown(struct walk *w, const struct place *at)
{
	const char *near = option_nearest(w->type->defs, w->type->n,
	    at->name);

	if (near != NULL)
		return (refuse(w, "%s: unknown option; did you mean \"%s\"?",
		    at->path, near));
	return (refuse(w, "%s: unknown option of %s; pg-tidectl describe "
	    "lists them", at->path, w->type->name));
}

static int
member_check(struct walk *w, struct json_object *v, const struct place *at)
{
	const struct option_def *def = option_at(w->type, at->name);

	if (def == NULL) {
		if (json_object_is_type(v, json_type_object) &&
		    group_at(w->type, at->name))
			return (members_check(w, v, at));
		return (unknown(w, at));
	}
	if ((def->flags & OPTION_MAP) != 0)
		return (map_check(w, def, v, at));
	if ((def->flags & OPTION_LIST) != 0 &&
	    json_object_is_type(v, json_type_array))
		return (list_check(w, def, v, at));
	return (scalar_check(w, def, v, at));
}

static bool
is_envelope(const struct place *at, const char *key)
{
	size_t i;

	for (i = 0; strcmp(at->path, "$") == 0 &&
	    i < sizeof(envelope) / sizeof(envelope[0]); i++) {
		if (strcmp(envelope[i], key) == 0)
			return (true);
	}
	return (false);
}

static int
members_check(struct walk *w, struct json_object *obj, const struct place *at)
{
	struct json_object_iterator it = json_object_iter_begin(obj);
	struct json_object_iterator end = json_object_iter_end(obj);
	struct place to;

	for (; !json_object_iter_equal(&it, &end);
	    json_object_iter_next(&it)) {
		if (is_envelope(at, json_object_iter_peek_name(&it)))
			continue;
		if (place_join(w, at, json_object_iter_peek_name(&it), &to)
		    == -1 || member_check(w,
		    json_object_iter_peek_value(&it), &to) == -1)
			return (-1);
	}
	return (0);
}

/* The value at a dotted name, NULL when there is none. */
static struct json_object *
value_at(struct json_object *obj, const char *name)
{
	char part[PATH_SIZE];
	size_t len;

	while (obj != NULL && *name != '\0') {
		len = strcspn(name, ".");
		if (len >= sizeof(part))
			return (NULL);
		memcpy(part, name, len);
		part[len] = '\0';
		if (!json_object_object_get_ex(obj, part, &obj))
			return (NULL);
		name += len + (name[len] == '.');
	}
	return (obj);
}

static int
required_check(struct walk *w, struct json_object *obj,
    const struct place *at)
{
	const struct option_def *def;
	char what[128];
	size_t i;

	for (i = 0; i < w->type->n; i++) {
		def = &w->type->defs[i];
		if ((def->flags & OPTION_REQUIRED) != 0 &&
		    value_at(obj, def->name) == NULL)
			return (refuse(w, "%s.%s is missing: %s", at->path,
			    def->name, option_describe(def, what,
			    sizeof(what))));
	}
	return (0);
}

static int
part_check(struct walk *w, const struct sinktype *t, struct json_object *obj,
    const char *path)
{
	struct place at = { .name = "" };

	w->type = t;
	(void)snprintf(at.path, sizeof(at.path), "%s", path);
	if (!json_object_is_type(obj, json_type_object))
		return (refuse(w, "%s: wrong type, expected an object",
		    path));
	if (members_check(w, obj, &at) == -1)
		return (-1);
	return (required_check(w, obj, &at));
}

/* What the document says about itself is what the row says. */
static int
envelope_check(struct walk *w, const struct document *doc,
    struct json_object *obj)
{
	struct json_object *version, *outbox;
	const char *name = jsondoc_str(obj, "name");

	if (!json_object_object_get_ex(obj, "schema_version", &version) ||
	    json_object_get_int(version) != 1)
		return (refuse(w, "$.schema_version: expected 1; a newer "
		    "version of the schema wants a newer pg-tided"));
	if (name == NULL || strcmp(name, doc->name) != 0)
		return (refuse(w, "$.name: differs from the row's name"));
	if ((name = jsondoc_str(obj, "sink_type")) == NULL ||
	    strcmp(name, doc->sink_type) != 0)
		return (refuse(w, "$.sink_type: differs from the row's"));
	outbox = value_at(obj, "source.outbox");
	if (outbox == NULL || strcmp(json_object_get_string(outbox),
	    doc->outbox) != 0)
		return (refuse(w, "$.source.outbox: differs from the row's"));
	return (0);
}

static int
whole_check(struct walk *w, const struct document *doc,
    const struct sinktypes *types, struct json_object *obj)
{
	const struct sinktype *sink = sinktypes_find(types, doc->sink_type);
	const struct sinktype *own = sinktypes_find(types, "@pipeline");
	struct json_object *options = NULL;
	char names[256];

	if (!json_object_is_type(obj, json_type_object))
		return (refuse(w, "$: wrong type, expected an object"));
	if (envelope_check(w, doc, obj) == -1)
		return (-1);
	if (own == NULL)
		return (refuse(w, "tide.sink_types has no row \"@pipeline\": "
		    "run pg-tidectl schema upgrade"));
	if (sink == NULL) {
		sinktypes_names(types, names, sizeof(names));
		return (refuse(w, "$.sink_type: unknown type \"%s\"; known "
		    "are: %s", doc->sink_type, names));
	}
	(void)json_object_object_get_ex(obj, "sink", &options);
	if (part_check(w, own, obj, "$") == -1)
		return (-1);
	return (part_check(w, sink, options, "$.sink"));
}

int
document_check(const struct document *doc, const struct sinktypes *types,
    struct docrefs *refs, char *err, size_t errsize)
{
	struct walk w = { .refs = refs, .err = err, .errsize = errsize };
	struct json_object *obj;
	int ret;

	refs->n = 0;
	if (strlen(doc->text) > MSG_CONFIG_MAX)
		return (refuse(&w, "the document is larger than %d bytes",
		    MSG_CONFIG_MAX));
	if ((obj = jsondoc_parse(doc->text, err, errsize)) == NULL)
		return (-1);
	ret = whole_check(&w, doc, types, obj);
	json_object_put(obj);
	if (ret == -1)
		docrefs_clear(refs);
	return (ret);
}
