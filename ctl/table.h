/* SPDX-License-Identifier: ISC */
/* Tables for people: columns as wide as what stands in them. */
#ifndef TIDE_CTL_TABLE_H
#define TIDE_CTL_TABLE_H

#include <json-c/json.h>
#include <stddef.h>
#include <stdio.h>

struct table_column {
	const char	*title;
	const char	*key;		/* of the row's object */
};

/* One line for each object of the list; null is shown as "-". */
void	table_print(FILE *, const struct table_column *, size_t ncolumns,
	    struct json_object *list);
/* Text from elsewhere, without what a terminal would obey. */
void	print_clean(FILE *, const char *);
/* A member as text; "-" for null or none.  Lives as long as the object. */
const char *text_of(struct json_object *, const char *key);

#endif
