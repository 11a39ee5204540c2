/* SPDX-License-Identifier: ISC */
/*
 * Reads the "sink" object of a pipeline's document against the option table.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/option.h"
#include "common/secretref.h"
#include "worker/sinkopt_i.h"

/* A place in the document, and where messages about it go. */
struct reader {
	struct sinkopt	*opts;
	char		*err;
	size_t		 errsize;
};

static int
no_memory(char *err, size_t errsize)
{
	snprintf(err, errsize, "%s", strerror(ENOMEM));
	return (-1);
}

static int
count_refs(enum ref_kind kind, const char *name, size_t len, void *arg)
{
	(void)kind;
	(void)name;
	(void)len;
	++*(unsigned int *)arg;
	return (0);
}

static int
check_refs(const struct pgtide_option *row, const char *path,
    unsigned int nrefs, char *err, size_t errsize)
{
	if (row->type == PGTIDE_OPT_SECRET && nrefs == 0) {
		snprintf(err, errsize, "%s: must be a reference such as "
		    "${env:NAME} or ${file:/path}, not the secret itself",
		    path);
		return (-1);
	}
	if ((row->type == PGTIDE_OPT_FILE || row->type == PGTIDE_OPT_OUTPUT)
	    && nrefs != 0) {
		snprintf(err, errsize, "%s: a path cannot hold a reference",
		    path);
		return (-1);
	}
	return (0);
}

int
entry_add_raw(struct sinkopt *o, size_t option, const char *path,
    const char *key, const char *text, char *err, size_t errsize)
{
	struct entry *e = &o->entries[option];
	unsigned int nrefs = 0;
	struct raw *raws, *raw;
	char why[128];

	if (secretref_scan(text, strlen(text), count_refs, &nrefs, why,
	    sizeof(why)) == -1) {
		snprintf(err, errsize, "%s: %s", path, why);
		return (-1);
	}
	if (check_refs(&o->table[option], path, nrefs, err, errsize) == -1)
		return (-1);
	raws = reallocarray(e->raws, e->nraws + 1, sizeof(*raws));
	if (raws == NULL)
		return (no_memory(err, errsize));
	e->raws = raws;
	raw = &raws[e->nraws++];
	memset(raw, 0, sizeof(*raw));
	raw->refs = nrefs != 0;
	raw->path = strdup(path);
	raw->text = strdup(text);
	raw->key = key != NULL ? strdup(key) : NULL;
	if (raw->path == NULL || raw->text == NULL ||
	    (key != NULL && raw->key == NULL))
		return (no_memory(err, errsize));
	return (0);
}

static int
wrong_type(const struct reader *r, size_t option, const char *path,
    struct json_object *v)
{
	struct option_def def = r->opts->defs[option];
	char what[256];

	def.flags &= ~(PGTIDE_OPTF_LIST | PGTIDE_OPTF_MAP);
	snprintf(r->err, r->errsize, "%s: is a JSON %s, expected %s", path,
	    json_type_to_name(json_object_get_type(v)),
	    option_describe(&def, what, sizeof(what)));
	return (-1);
}

/* May a string stand for a value of this type? */
static bool
string_fits(uint32_t type, const char *text)
{
	if (type == PGTIDE_OPT_INT || type == PGTIDE_OPT_BOOL)
		return (strstr(text, "${") != NULL);
	return (true);
}

static bool
number_fits(uint32_t type)
{
	return (type == PGTIDE_OPT_INT || type == PGTIDE_OPT_SIZE ||
	    type == PGTIDE_OPT_DURATION);
}

static int
read_scalar(const struct reader *r, size_t option, const char *path,
    const char *key, struct json_object *v)
{
	uint32_t type = r->opts->table[option].type;
	enum json_type json = json_object_get_type(v);
	const char *text = json_object_get_string(v);

	if (text == NULL ||
	    (json == json_type_string && !string_fits(type, text)) ||
	    (json == json_type_int && !number_fits(type)) ||
	    (json == json_type_boolean && type != PGTIDE_OPT_BOOL) ||
	    json == json_type_double || json == json_type_object ||
	    json == json_type_array)
		return (wrong_type(r, option, path, v));
	if (json == json_type_string &&
	    strlen(text) != (size_t)json_object_get_string_len(v)) {
		snprintf(r->err, r->errsize, "%s: holds a NUL character",
		    path);
		return (-1);
	}
	return (entry_add_raw(r->opts, option, path, key, text, r->err,
	    r->errsize));
}

static int
path_join(const struct reader *r, char *dst, const char *path,
    const char *key)
{
	int n;

	n = snprintf(dst, SINKOPT_PATH, "%s%s%s", path,
	    *path == '\0' ? "" : ".", key);
	if (n > 0 && n < SINKOPT_PATH)
		return (0);
	snprintf(r->err, r->errsize, "%s: the key \"%.32s...\" is too long",
	    path, key);
	return (-1);
}

static int
read_list(const struct reader *r, size_t option, const char *path,
    struct json_object *v)
{
	char element[SINKOPT_PATH + 32];
	struct entry *e = &r->opts->entries[option];
	size_t i;

	if (json_object_is_type(v, json_type_string)) {
		if (read_scalar(r, option, path, NULL, v) == -1)
			return (-1);
		e->raws[e->nraws - 1].split = true;
		return (0);
	}
	if (!json_object_is_type(v, json_type_array)) {
		snprintf(r->err, r->errsize, "%s: is a JSON %s, expected an "
		    "array", path,
		    json_type_to_name(json_object_get_type(v)));
		return (-1);
	}
	for (i = 0; i < json_object_array_length(v); i++) {
		snprintf(element, sizeof(element), "%s[%zu]", path, i);
		if (read_scalar(r, option, element, NULL,
		    json_object_array_get_idx(v, i)) == -1)
			return (-1);
	}
	return (0);
}

/* A key may become the name of an HTTP header. */
static int
check_key(const struct reader *r, const char *path, const char *key)
{
	const struct option_def def = {
		.name = path, .type = OPTION_STRING
	};
	int64_t number;

	if (*key != '\0')
		return (option_check(&def, key, &number, r->err,
		    r->errsize));
	snprintf(r->err, r->errsize, "%s: a key is empty", path);
	return (-1);
}

static int
read_map(const struct reader *r, size_t option, const char *path,
    struct json_object *v)
{
	char element[SINKOPT_PATH];

	if (!json_object_is_type(v, json_type_object)) {
		snprintf(r->err, r->errsize, "%s: is a JSON %s, expected an "
		    "object", path,
		    json_type_to_name(json_object_get_type(v)));
		return (-1);
	}
	json_object_object_foreach(v, key, member) {
		if (check_key(r, path, key) == -1 ||
		    path_join(r, element, path, key) == -1 ||
		    read_scalar(r, option, element, key, member) == -1)
			return (-1);
	}
	return (0);
}

static int
read_option(const struct reader *r, size_t option, const char *path,
    struct json_object *v)
{
	uint32_t flags = r->opts->table[option].flags;

	if (r->opts->entries[option].nraws != 0) {
		snprintf(r->err, r->errsize, "%s: is given twice", path);
		return (-1);
	}
	/* null: as if it were not there. */
	if (v == NULL)
		return (0);
	if ((flags & PGTIDE_OPTF_MAP) != 0)
		return (read_map(r, option, path, v));
	if ((flags & PGTIDE_OPTF_LIST) != 0)
		return (read_list(r, option, path, v));
	return (read_scalar(r, option, path, NULL, v));
}

/* Is name the beginning of dotted names? */
static bool
is_group(const struct sinkopt *o, const char *name)
{
	size_t i, len = strlen(name);

	for (i = 0; i < o->n; i++)
		if (strncmp(o->table[i].name, name, len) == 0 &&
		    o->table[i].name[len] == '.')
			return (true);
	return (false);
}

static size_t
option_index(const struct sinkopt *o, const char *name)
{
	size_t i;

	for (i = 0; i < o->n; i++)
		if (strcmp(o->table[i].name, name) == 0)
			break;
	return (i);
}

static int
unknown_key(const struct reader *r, const char *path, const char *name)
{
	const char *near;
	size_t i, n;

	near = option_nearest(r->opts->defs, r->opts->n, name);
	if (near != NULL) {
		snprintf(r->err, r->errsize, "%.128s: unknown option; did "
		    "you mean \"%s\"?", path, near);
		return (-1);
	}
	snprintf(r->err, r->errsize, "%.128s: unknown option; known are:",
	    path);
	for (i = 0; i < r->opts->n; i++) {
		n = strlen(r->err);
		snprintf(r->err + n, r->errsize - n, " %s",
		    r->opts->table[i].name);
	}
	return (-1);
}

/* path is "sink.a", group "a"; at the top they are the root and "". */
static int
read_object(const struct reader *r, const char *path, const char *group,
    struct json_object *object)
{
	char element[SINKOPT_PATH], name[SINKOPT_PATH];
	size_t option;
	int rc;

	json_object_object_foreach(object, key, v) {
		if (path_join(r, element, path, key) == -1 ||
		    path_join(r, name, group, key) == -1)
			return (-1);
		option = option_index(r->opts, name);
		if (option < r->opts->n)
			rc = read_option(r, option, element, v);
		else if (is_group(r->opts, name) &&
		    json_object_is_type(v, json_type_object))
			rc = read_object(r, element, name, v);
		else
			rc = unknown_key(r, element, name);
		if (rc == -1)
			return (-1);
	}
	return (0);
}

static int
add_defaults(const struct reader *r, const char *root)
{
	const struct pgtide_option *row;
	char path[SINKOPT_PATH];
	struct entry *e;
	size_t i;

	for (i = 0; i < r->opts->n; i++) {
		row = &r->opts->table[i];
		e = &r->opts->entries[i];
		if (e->nraws != 0)
			continue;
		if (path_join(r, path, root, row->name) == -1)
			return (-1);
		if ((row->flags & PGTIDE_OPTF_REQUIRED) != 0) {
			snprintf(r->err, r->errsize, "%s: is required (%s)",
			    path, row->help);
			return (-1);
		}
		if (row->dflt == NULL)
			continue;
		if (entry_add_raw(r->opts, i, path, NULL, row->dflt, r->err,
		    r->errsize) == -1)
			return (-1);
		e->raws[0].split = (row->flags & PGTIDE_OPTF_LIST) != 0;
	}
	return (0);
}

int
sinkopt_configure(struct sinkopt *o, const char *root,
    struct json_object *object, char *err, size_t errsize)
{
	struct reader r = { o, err, errsize };
	size_t i;

	for (i = 0; i < o->n; i++)
		entry_clear(&o->entries[i]);
	if (object != NULL &&
	    !json_object_is_type(object, json_type_object)) {
		snprintf(err, errsize, "%s: must be a JSON object", root);
		return (-1);
	}
	if ((object != NULL && read_object(&r, root, "", object) == -1) ||
	    add_defaults(&r, root) == -1)
		return (-1);
	return (sinkopt_build(o, NULL, err, errsize));
}
