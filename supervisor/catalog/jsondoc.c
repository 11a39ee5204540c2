/* SPDX-License-Identifier: ISC */
/* JSON text from the database. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "supervisor/catalog/jsondoc.h"

struct json_object *
jsondoc_parse(const char *text, char *err, size_t errsize)
{
	struct json_object *obj = NULL;
	struct json_tokener *tok;
	size_t len = strlen(text);

	if (len >= INT_MAX || (tok = json_tokener_new_ex(JSONDOC_DEPTH)) ==
	    NULL) {
		snprintf(err, errsize, "out of memory");
		return (NULL);
	}
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT |
	    JSON_TOKENER_VALIDATE_UTF8);
	/* With the NUL: a lone number at the end is complete only then. */
	obj = json_tokener_parse_ex(tok, text, (int)len + 1);
	if (obj == NULL)
		snprintf(err, errsize, "not JSON at offset %zu: %s",
		    json_tokener_get_parse_end(tok),
		    json_tokener_error_desc(json_tokener_get_error(tok)));
	json_tokener_free(tok);
	return (obj);
}

const char *
jsondoc_str(struct json_object *obj, const char *key)
{
	struct json_object *member;

	if (!json_object_object_get_ex(obj, key, &member) ||
	    !json_object_is_type(member, json_type_string))
		return (NULL);
	return (json_object_get_string(member));
}
