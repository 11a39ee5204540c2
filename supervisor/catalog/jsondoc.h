/* SPDX-License-Identifier: ISC */
/* JSON text from the database, parsed strictly and to a bounded depth. */
#ifndef TIDE_CATALOG_JSONDOC_H
#define TIDE_CATALOG_JSONDOC_H

#include <json-c/json.h>
#include <stddef.h>

#define JSONDOC_DEPTH	32

/* NULL with a message; json_object_put() the result. */
struct json_object *jsondoc_parse(const char *, char *err, size_t errsize);
/* Member of an object as text, NULL when it is missing or no string. */
const char *jsondoc_str(struct json_object *, const char *key);

#endif
