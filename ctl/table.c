/* SPDX-License-Identifier: ISC */
/* Printing lists of JSON objects as tables. */
#include "config.h"

#include "ctl/table.h"

#include <string.h>

#define COLUMNS_MAX	16

void
print_clean(FILE *out, const char *s)
{
	unsigned char c;

	for (; (c = (unsigned char)*s) != '\0'; s++)
		(void)fputc(c < 0x20 || c == 0x7f ? '?' : c, out);
}

const char *
text_of(struct json_object *o, const char *key)
{
	struct json_object *v;

	if (!json_object_object_get_ex(o, key, &v) || v == NULL)
		return ("-");
	return (json_object_get_string(v));
}

/* Characters, not bytes; wide ones are rare in names and do no harm. */
static size_t
width_of(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		if (((unsigned char)*s & 0xc0) != 0x80)
			n++;
	return (n);
}

static void
measure(const struct table_column *columns, size_t ncolumns,
    struct json_object *list, size_t *widths)
{
	struct json_object *row;
	size_t c, i, w;

	for (c = 0; c < ncolumns; c++)
		widths[c] = width_of(columns[c].title);
	for (i = 0; i < json_object_array_length(list); i++) {
		row = json_object_array_get_idx(list, i);
		for (c = 0; c < ncolumns; c++) {
			w = width_of(text_of(row, columns[c].key));
			if (w > widths[c])
				widths[c] = w;
		}
	}
}

static void
put_cell(FILE *out, const char *text, size_t width, int last)
{
	size_t w = width_of(text);

	print_clean(out, text);
	if (last)
		(void)fputc('\n', out);
	else
		(void)fprintf(out, "%*s", (int)(width - w) + 2, "");
}

void
table_print(FILE *out, const struct table_column *columns, size_t ncolumns,
    struct json_object *list)
{
	size_t widths[COLUMNS_MAX], c, i;
	struct json_object *row;

	if (ncolumns > COLUMNS_MAX)
		ncolumns = COLUMNS_MAX;
	measure(columns, ncolumns, list, widths);
	for (c = 0; c < ncolumns; c++)
		put_cell(out, columns[c].title, widths[c],
		    c + 1 == ncolumns);
	for (i = 0; i < json_object_array_length(list); i++) {
		row = json_object_array_get_idx(list, i);
		for (c = 0; c < ncolumns; c++)
			put_cell(out, text_of(row, columns[c].key),
			    widths[c], c + 1 == ncolumns);
	}
}
