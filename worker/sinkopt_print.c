/* SPDX-License-Identifier: ISC */
/*
 * Prints an option table: for people, and as tide.sink_types holds it.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "common/option.h"
#include "worker/sinkopt_i.h"

static const char *const type_names[] = {
	[PGTIDE_OPT_STRING] = "string", [PGTIDE_OPT_BOOL] = "bool",
	[PGTIDE_OPT_INT] = "int", [PGTIDE_OPT_SIZE] = "size",
	[PGTIDE_OPT_DURATION] = "duration", [PGTIDE_OPT_ENUM] = "enum",
	[PGTIDE_OPT_ENDPOINT] = "endpoint", [PGTIDE_OPT_FILE] = "file",
	[PGTIDE_OPT_SECRET] = "secret", [PGTIDE_OPT_OUTPUT] = "output"
};

static const struct {
	uint32_t	 flag;
	const char	*name;
} flag_names[] = {
	{ PGTIDE_OPTF_REQUIRED, "required" }, { PGTIDE_OPTF_LIST, "list" },
	{ PGTIDE_OPTF_MAP, "map" }, { PGTIDE_OPTF_RELOAD, "reload" },
	{ PGTIDE_OPTF_ADVANCED, "advanced" }
};

static struct json_object *
json_flags(uint32_t flags)
{
	struct json_object *array = json_object_new_array();
	size_t i;

	for (i = 0; i < sizeof(flag_names) / sizeof(flag_names[0]); i++)
		if ((flags & flag_names[i].flag) != 0)
			json_object_array_add(array,
			    json_object_new_string(flag_names[i].name));
	return (array);
}

static struct json_object *
json_choices(const char *choices)
{
	struct json_object *array = json_object_new_array();
	size_t n;

	for (;;) {
		n = strcspn(choices, "|");
		json_object_array_add(array,
		    json_object_new_string_len(choices, (int)n));
		if (choices[n] == '\0')
			return (array);
		choices += n + 1;
	}
}

static struct json_object *
json_row(const struct pgtide_option *row)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "name", json_object_new_string(row->name));
	json_object_object_add(o, "type",
	    json_object_new_string(type_names[row->type]));
	json_object_object_add(o, "flags", json_flags(row->flags));
	if (row->dflt != NULL)
		json_object_object_add(o, "default",
		    json_object_new_string(row->dflt));
	if (row->min != 0 || row->max != 0) {
		json_object_object_add(o, "min",
		    json_object_new_int64(row->min));
		json_object_object_add(o, "max",
		    json_object_new_int64(row->max));
	}
	if (row->type == PGTIDE_OPT_ENUM)
		json_object_object_add(o, "choices",
		    json_choices(row->choices));
	json_object_object_add(o, "help", json_object_new_string(row->help));
	return (o);
}

static int
describe_json(const struct sinkopt *o, FILE *out)
{
	struct json_object *array = json_object_new_array();
	size_t i;
	int rc;

	for (i = 0; i < o->n; i++)
		json_object_array_add(array, json_row(&o->table[i]));
	rc = fprintf(out, "%s\n", json_object_to_json_string_ext(array,
	    JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(array);
	return (rc < 0 ? -1 : 0);
}

static int
describe_text(const struct sinkopt *o, FILE *out)
{
	option_print_help(out, o->defs, o->n, "");
	return (ferror(out) ? -1 : 0);
}

int
sinkopt_describe(const struct sinkopt *o, FILE *out, int json)
{
	return (json ? describe_json(o, out) : describe_text(o, out));
}
